"""Rows of places under lock: creneaux created then locked, transitions written.

Lock order: enfant rows, then creneaux by pk. Freeing a place may promote another child, whose row must be locked
before any Creneau: those who wait are therefore read, and locked, up front.
"""

import logging
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime

from django.core.exceptions import ValidationError
from django.db import IntegrityError
from django.db.models import F

from enfants import regles
from enfants.models import Creneau, Enfant, Etat, Jauge, Reservation, ReservationEvenement
from enfants.models.reservation import OCCUPANTS
from enfants.places_chargement import (
    attentes_sur,
    charger,
    cles_par_reservation,
    creneaux_presents,
    reservations_liees,
)
from enfants.places_examen import A_CHANGE, COMPLET, DEJA, Cle
from portail.socle.argent import INSECABLE
from portail.socle.verrous import CALENDRIER, tenir_ensemble, verrouiller

journal = logging.getLogger(__name__)


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
    cles: dict[int, list[Cle]]  # by reservation: what it would take now
    enfants: set
    jauges: dict[int, list[Jauge]]  # by prestation: read once, the calendar is held


def phrase_de(erreur: IntegrityError) -> str:
    """The sentence of the constraint that spoke; another IntegrityError is a bug and goes on."""
    texte = str(erreur)
    if "creneau_places" in texte:
        return COMPLET
    # SQLite names the columns of a unique index, PostgreSQL its name.
    if "reservation_une_vivante" in texte or "enfants_reservation.enfant_id" in texte:
        return DEJA
    raise erreur


def prises(reservation: Reservation) -> list[Cle]:
    """The places this booking holds: those it took, whatever would be computed today."""
    return [Cle(jauge, reservation.jour) for jauge in reservation.places]


def ouvrir_creneaux(cles: Iterable[Cle]) -> dict[Cle, Creneau]:
    """Create the missing rows (in one order: two inserts of the same keys would wait for each other), lock all."""
    cles = sorted(set(cles))
    if not cles:
        return {}
    presentes = _presentes(cles)
    manquantes = [cle for cle in cles if cle not in presentes]
    if manquantes:
        capacites = dict(Jauge.objects.order_by("pk").values_list("pk", "capacite"))
        Creneau.objects.bulk_create(
            [Creneau(jauge_id=c.jauge_id, jour=c.jour, capacite=capacites[c.jauge_id]) for c in manquantes],
            ignore_conflicts=True,
        )
        presentes = _presentes(cles)
    pks = [presentes[cle] for cle in cles]
    return {Cle(c.jauge_id, c.jour): c for c in verrouiller(Creneau.objects.filter(pk__in=pks))}


def _presentes(cles: list[Cle]) -> dict[Cle, int]:
    """Primary keys of the rows that exist (others may come along: days of one Jauge, Jauges of one day)."""
    return {Cle(jauge, jour): pk for pk, jauge, jour in creneaux_presents(cles)}


def tenir(reservation_ids: Iterable[int], cles_en_plus: Iterable[Cle] = ()) -> Tenue:
    """Lock what a change of these reservations may touch, and re-read them. Inside a transaction.

    The calendar is held together: nobody recounts places meanwhile, so what a booking holds is final once its child
    is locked, and the creneaux are locked once, in one order.
    """
    tenir_ensemble(CALENDRIER)
    ids = set(reservation_ids)
    jauges: dict[int, list[Jauge]] = {}
    cles, toutes, enfants = _portee(reservations_liees(ids).values(), cles_en_plus, jauges)
    verrouiller(Enfant.objects.filter(pk__in=enfants))
    relues = reservations_liees(ids)
    # A booking may have changed between the first reading and the lock of its child.
    creneaux = ouvrir_creneaux(toutes | {cle for r in relues.values() for cle in prises(r)})
    return Tenue(relues, creneaux, cles, enfants, jauges)


def _portee(
    lignes: Iterable[Reservation], cles_en_plus: Iterable[Cle], jauges: dict[int, list[Jauge]]
) -> tuple[dict[int, list[Cle]], set[Cle], set]:
    """What a change of these rows may touch: what each would take now, all the places, all the children."""
    lignes = list(lignes)
    cles = cles_par_reservation(lignes, jauges)
    siennes = {cle for r in lignes for cle in (*cles[r.pk], *prises(r))} | set(cles_en_plus)
    attentes = attentes_sur(siennes)
    autres = cles_par_reservation(attentes, jauges)
    toutes = siennes | {cle for liste in autres.values() for cle in liste}
    return cles, toutes, {r.enfant_id for r in lignes} | {r.enfant_id for r in attentes}


def tenir_les_enfants(enfant: Enfant, jour: date, **lesquelles) -> None:
    """Hold this child, and those who wait for what its days from `jour` on hold (of that service, of that payer…), all
    at once: the child alone first, then the others by a verb that frees these days, would be a deadlock. Inside a
    transaction.
    """
    tenir_ensemble(CALENDRIER)
    siennes = Reservation.objects.filter(enfant=enfant, jour__gte=jour, **lesquelles).vivantes()
    _, _, enfants = _portee(siennes.select_related("enfant").order_by("pk"), (), {})
    verrouiller(Enfant.objects.filter(pk__in={enfant.pk, *enfants}))


def bouger(creneaux: dict[Cle, Creneau], deltas: Counter) -> None:
    """Change `pris` by these numbers. F(): the database adds, and its CHECK has the last word.

    Freeing never fails: a counter found too low (rows written by other hands) stops at zero, and is logged.
    """
    par_delta = defaultdict(list)
    for cle, delta in deltas.items():
        if delta < 0 and (cle not in creneaux or creneaux[cle].pris < -delta):
            journal.error("Places libérées plus que prises : jauge %s, %s", cle.jauge_id, cle.jour)
            delta = -creneaux[cle].pris if cle in creneaux else 0
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


def _examiner(passages: Iterable[Passage]) -> None:
    """Whoever decides, what comes to hold a place must not exclude what the child holds (whichever household), and
    a granted ask is one the household still has a right to. Raises TransitionInterdite; read under the locks.
    """
    entrants = [p for p in passages if p.vers in OCCUPANTS and p.reservation.etat not in OCCUPANTS]
    accordes = [
        p
        for p in passages
        if p.vers == Etat.RESERVEE and p.reservation.etat in (Etat.DEMANDEE, Etat.EN_ATTENTE)
    ]
    lignes = {p.reservation.pk: p.reservation for p in (*entrants, *accordes)}.values()
    if not lignes:
        return
    examen = charger((r.inscription_id for r in lignes), (r.jour for r in lignes))
    for p in accordes:
        inscription = examen.inscriptions[p.reservation.inscription_id]
        _refuser(p.reservation, examen.refus_de_droit(inscription, p.reservation.jour))
    for p in entrants:
        r = p.reservation
        tenues = examen.vivantes[r.enfant_id, r.jour]
        if r.prestation_id in tenues and tenues[r.prestation_id].pk == r.pk:
            del tenues[r.prestation_id]
        inscription = examen.inscriptions[r.inscription_id]
        _refuser(r, examen.refus_exclusif(inscription, r.jour, mairie=True))
        # The next passage of the batch knows it.
        tenues[r.prestation_id] = Reservation(
            pk=r.pk, payeur_id=r.payeur_id, prestation_id=r.prestation_id, etat=p.vers
        )


def _refuser(reservation: Reservation, refus: str) -> None:
    if refus:
        qui, jour = reservation.enfant.prenom, regles.jour_en_mots(reservation.jour)
        raise TransitionInterdite(f"{qui}, {jour}{INSECABLE}: {refus}")


def appliquer(
    passages: list[Passage], tenue: Tenue, par, maintenant: datetime, examinees: bool = False
) -> set[Cle]:
    """Write these changes and their history; the places they free. Raises TransitionInterdite: the verb's transaction
    is then undone, with what was written.

    `examinees`: the caller has already checked rights and exclusivity under the same locks.
    """
    deltas: Counter = Counter()
    for p in passages:
        if p.vers in OCCUPANTS and p.reservation.etat not in OCCUPANTS:
            deltas.update(tenue.cles[p.reservation.pk])
            p.champs["places"] = tuple(cle.jauge_id for cle in tenue.cles[p.reservation.pk])
        elif p.vers not in OCCUPANTS and p.reservation.etat in OCCUPANTS:
            deltas.subtract(prises(p.reservation))
            p.champs["places"] = ()
    _verifier(passages, tenue, deltas)
    if not examinees:
        _examiner(passages)
    groupes = defaultdict(list)
    for p in passages:
        cle = (p.reservation.etat, p.vers, p.motif, tuple(sorted(p.champs.items())))
        groupes[cle].append(p.reservation)
    try:
        for (de, vers, motif, champs), lignes in groupes.items():
            _ecrire(lignes, de, vers, motif, dict(champs), par, maintenant)
        bouger(tenue.creneaux, deltas)
    except IntegrityError as erreur:
        raise TransitionInterdite(phrase_de(erreur)) from erreur
    return {cle for cle, delta in deltas.items() if delta < 0}


def _ecrire(lignes: list[Reservation], de: str, vers: str, motif: str, champs: dict, par, maintenant) -> None:
    champs = {"etat": vers, "modifiee_le": maintenant, "motif": motif[:300], **champs}
    if "places" in champs:
        champs["places"] = list(champs["places"])
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
