"""Rows of places under lock: creneaux created then locked, transitions written, freed places offered in order.

Lock order: enfant rows, then creneaux by pk. Freeing a place may promote another child, whose row must be locked
before any Creneau: those who wait are therefore read, and locked, up front.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import F

from enfants import regles
from enfants.models import Creneau, Enfant, Etat, Jauge, Prestation, Reservation, ReservationEvenement
from enfants.models.reservation import OCCUPANTS
from enfants.places_chargement import (
    charger,
    jauges_par_prestation,
    niveaux_par_enfant,
    prestations_par_jauge,
)
from enfants.places_examen import A_CHANGE, COMPLET, DEJA, Cle, cles_de
from portail.socle.courriels import poster
from portail.socle.verrous import verrouiller


class TransitionInterdite(ValidationError):
    """A change of state that may not happen, with the sentence that says why."""


@dataclass
class Passage:
    """One Reservation on its way to another state."""

    reservation: Reservation
    vers: str
    motif: str = ""
    champs: dict = field(default_factory=dict)


@dataclass
class Tenue:
    """What a verb holds locked: reservations re-read, creneaux, and the children it may touch."""

    reservations: dict[int, Reservation]
    creneaux: dict[Cle, Creneau]
    cles: dict[int, list[Cle]]  # by reservation
    enfants: set


def phrase_de(erreur: IntegrityError) -> str:
    """The sentence of the constraint that spoke; another IntegrityError is a bug and goes on."""
    texte = str(erreur)
    if "creneau_places" in texte:
        return COMPLET
    # SQLite names the columns of a unique index, PostgreSQL its name.
    if "reservation_une_vivante" in texte or "enfants_reservation.enfant_id" in texte:
        return DEJA
    raise erreur


def _cles_par_reservation(reservations: Iterable[Reservation]) -> dict[int, list[Cle]]:
    reservations = list(reservations)
    jauges = jauges_par_prestation(r.prestation_id for r in reservations)
    niveaux = niveaux_par_enfant({r.enfant_id for r in reservations}) if jauges else {}
    return {
        r.pk: cles_de(
            jauges.get(r.prestation_id, ()),
            r.enfant,
            r.jour,
            next((n for du, au, n in niveaux.get(r.enfant_id, ()) if du <= r.jour <= au), ""),
        )
        for r in reservations
    }


def attentes_sur(cles: Iterable[Cle]) -> list[Reservation]:
    """Those who wait for one of these places, in the order they asked."""
    cles = set(cles)
    if not cles:
        return []
    prestations = prestations_par_jauge(cle.jauge_id for cle in cles)
    lignes = (
        Reservation.objects.filter(
            etat=Etat.EN_ATTENTE,
            jour__in={cle.jour for cle in cles},
            prestation__in=set().union(*prestations.values()),
        )
        .select_related("enfant", "prestation")
        .order_by("demandee_le", "pk")
    )
    touchees = {(p, cle.jour) for cle in cles for p in prestations[cle.jauge_id]}
    return [r for r in lignes if (r.prestation_id, r.jour) in touchees]


def ouvrir_creneaux(cles: Iterable[Cle]) -> dict[Cle, Creneau]:
    """Create the missing rows (in one order: two inserts of the same keys would wait for each other), lock all."""
    cles = sorted(set(cles))
    if not cles:
        return {}
    lignes = Creneau.objects.filter(jauge__in={c.jauge_id for c in cles}, jour__in={c.jour for c in cles})
    presentes = {Cle(j, jour) for j, jour in lignes.order_by("pk").values_list("jauge_id", "jour")}
    manquantes = [cle for cle in cles if cle not in presentes]
    if manquantes:
        capacites = dict(Jauge.objects.order_by("pk").values_list("pk", "capacite"))
        Creneau.objects.bulk_create(
            [Creneau(jauge_id=c.jauge_id, jour=c.jour, capacite=capacites[c.jauge_id]) for c in manquantes],
            ignore_conflicts=True,
        )
    voulues = set(cles)
    pks = [
        pk
        for pk, jauge, jour in lignes.order_by("pk").values_list("pk", "jauge_id", "jour")
        if Cle(jauge, jour) in voulues
    ]
    return {Cle(c.jauge_id, c.jour): c for c in verrouiller(Creneau.objects.filter(pk__in=pks))}


def tenir(reservation_ids: Iterable[int], cles_en_plus: Iterable[Cle] = ()) -> Tenue:
    """Lock what a change of these reservations may touch, and re-read them. Inside a transaction."""
    ids = set(reservation_ids)
    lignes = Reservation.objects.filter(pk__in=ids).select_related("enfant").order_by("pk")
    cles = _cles_par_reservation(lignes)
    siennes = {cle for liste in cles.values() for cle in liste} | set(cles_en_plus)
    attentes = attentes_sur(siennes)
    toutes = siennes | {cle for liste in _cles_par_reservation(attentes).values() for cle in liste}
    enfants = {r.enfant_id for r in lignes} | {r.enfant_id for r in attentes}
    verrouiller(Enfant.objects.filter(pk__in=enfants))
    creneaux = ouvrir_creneaux(toutes)
    relues = (
        Reservation.objects.select_related(
            "enfant", "prestation__limite_annulation", "prestation__structure", "payeur"
        )
        .order_by("pk")
        .in_bulk(ids)
    )
    return Tenue(relues, creneaux, cles, enfants)


def bouger(creneaux: dict[Cle, Creneau], deltas: Counter) -> None:
    """Change `pris` by these numbers. F(): the database adds, and its CHECK has the last word."""
    par_delta = defaultdict(list)
    for cle, delta in deltas.items():
        if delta:
            par_delta[delta].append(creneaux[cle].pk)
            creneaux[cle].pris += delta
    for delta, pks in sorted(par_delta.items()):
        Creneau.objects.filter(pk__in=pks).update(pris=F("pris") + delta)


def _verifier(passages: Iterable[Passage], tenue: Tenue, deltas: Counter) -> None:
    for passage in passages:
        de = passage.reservation.etat
        if passage.vers not in regles.TRANSITIONS[de]:
            avant, apres = Etat(de).label, Etat(passage.vers).label
            raise TransitionInterdite(f"« {avant} » ne peut pas devenir « {apres} ».")
        if passage.vers == Etat.REFUSEE and not passage.motif.strip():
            raise TransitionInterdite("Donnez le motif du refus.")
    for cle, delta in deltas.items():
        if delta > 0 and tenue.creneaux[cle].libres < delta:
            raise TransitionInterdite(COMPLET)


def appliquer(passages: list[Passage], tenue: Tenue, par, maintenant: datetime) -> set[Cle]:
    """Write these changes and their history; the places they free. Raises TransitionInterdite, then writes none."""
    deltas: Counter = Counter()
    for p in passages:
        for cle in tenue.cles[p.reservation.pk]:
            deltas[cle] += (p.vers in OCCUPANTS) - (p.reservation.etat in OCCUPANTS)
    _verifier(passages, tenue, deltas)
    groupes = defaultdict(list)
    for p in passages:
        cle = (p.reservation.etat, p.vers, p.motif, tuple(sorted(p.champs.items())))
        groupes[cle].append(p.reservation)
    try:
        with transaction.atomic():
            for (de, vers, motif, champs), lignes in groupes.items():
                _ecrire(lignes, de, vers, motif, dict(champs), par, maintenant)
            bouger(tenue.creneaux, deltas)
    except IntegrityError as erreur:
        raise TransitionInterdite(phrase_de(erreur)) from erreur
    return {cle for cle, delta in deltas.items() if delta < 0}


def _ecrire(lignes: list[Reservation], de: str, vers: str, motif: str, champs: dict, par, maintenant) -> None:
    champs = {"etat": vers, "modifiee_le": maintenant, "motif": motif[:300], **champs}
    touchees = Reservation.objects.filter(pk__in=[r.pk for r in lignes], etat=de).update(
        version=F("version") + 1, **champs
    )
    if touchees != len(lignes):
        raise TransitionInterdite(A_CHANGE)
    for r in lignes:
        r.version += 1
        for nom, valeur in champs.items():
            setattr(r, nom, valeur)
    ReservationEvenement.objects.bulk_create(
        ReservationEvenement(reservation=r, de=de, vers=vers, le=maintenant, par=par, motif=motif[:300])
        for r in lignes
    )


# ── The waiting list ─────────────────────────────────────────────────────────────────────────────────────────


def proposer(liberees: set[Cle], tenue: Tenue, maintenant: datetime) -> list[Reservation]:
    """Give freed places to those who wait, in order, skipping who may no longer book. Under the locks of `tenue`."""
    attentes = attentes_sur(liberees)
    # Who joined between the reading and the locks is not locked: served by a transaction of its own, right after.
    cles = _cles_par_reservation(attentes)
    tardives = [
        r for r in attentes if r.enfant_id not in tenue.enfants or set(cles[r.pk]) - tenue.creneaux.keys()
    ]
    if tardives:
        restantes = {(cle.jauge_id, cle.jour) for cle in liberees}
        transaction.on_commit(partial(promouvoir, restantes, maintenant))
        attentes = [r for r in attentes if r not in tardives]
    if not attentes:
        return []
    examen = charger((r.inscription_id for r in attentes), (r.jour for r in attentes))
    promues = []
    for attente in attentes:
        if _peut_encore(examen, attente, maintenant) and all(
            tenue.creneaux[cle].libres > 0 for cle in cles[attente.pk]
        ):
            tenue.cles[attente.pk] = cles[attente.pk]
            inscription = examen.inscriptions[attente.inscription_id]
            automatique = inscription.prestation.validation == Prestation.Validation.AUTOMATIQUE
            vers = Etat.RESERVEE if automatique else Etat.DEMANDEE
            appliquer(
                [Passage(attente, vers, "Une place s’est libérée", {"promue_le": maintenant})],
                tenue,
                None,
                maintenant,
            )
            examen.vivantes[attente.enfant_id, attente.jour][attente.prestation_id] = attente
            _prevenir(attente, inscription)
            promues.append(attente)
    return promues


def _peut_encore(examen, attente: Reservation, maintenant: datetime) -> bool:
    """Limit and window open, inscription and household valid, no exclusive service taken meanwhile."""
    inscription = examen.inscriptions[attente.inscription_id]
    tenues = examen.vivantes[attente.enfant_id, attente.jour]
    sienne = tenues.pop(attente.prestation_id, None)
    refus = (
        examen.refus_de_droit(inscription, attente.jour)
        or examen.refus_exclusif(inscription, attente.jour)
        or examen.refus_de_la_fenetre(inscription, attente.jour, maintenant)
        or regles.est_passe(examen.limite(inscription, attente.jour), maintenant)
    )
    if sienne is not None:
        tenues[attente.prestation_id] = sienne
    return not refus


def _prevenir(promue: Reservation, inscription) -> None:
    for rang, adresse in enumerate(inscription.famille.adresses_courriel()):
        poster(
            f"place_liberee:{promue.pk}:{promue.version}:{rang}",
            adresse,
            "courriels/place_liberee.txt",
            {"reservation": promue, "enfant": promue.enfant, "prestation": inscription.prestation},
        )


@transaction.atomic
def promouvoir(jauges_jours: Iterable[tuple], maintenant: datetime) -> list[Reservation]:
    """Offer the free places of these (jauge or its pk, day) to those who wait; each family is told by e-mail."""
    cles = {Cle(getattr(jauge, "pk", jauge), jour) for jauge, jour in jauges_jours}
    if not cles:
        return []
    return proposer(cles, tenir((), cles), maintenant)
