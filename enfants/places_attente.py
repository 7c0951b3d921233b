"""The waiting list: freed places offered in order, the time to decline them, ranks, and what a failure left undone."""

import logging
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from datetime import datetime

from django.db import OperationalError, transaction
from django.db.models import prefetch_related_objects
from django.utils import timezone

from enfants import regles
from enfants.calendrier import calendrier_du
from enfants.models import Creneau, Etat, Jauge, Prestation, Reservation
from enfants.places_chargement import (
    Attente,
    attentes_sur,
    charger,
    charger_places,
    cles_par_reservation,
    jauges_par_prestation,
    reservations_liees,
)
from enfants.places_examen import Cle, Examen, limite_absence
from enfants.places_verrous import Passage, Tenue, appliquer, tenir
from portail.socle.courriels import Lettre, poster_ensemble

journal = logging.getLogger(__name__)
MOTIF = "Une place est disponible"
# What a promoted booking may be while its family can still decline it for free.
DECLINABLES = (Etat.DEMANDEE, Etat.RESERVEE)


# ── Offering ─────────────────────────────────────────────────────────────────────────────────────────────────


def proposer(
    liberees: set[Cle], tenue: Tenue, maintenant: datetime, en_plus: Iterable[Reservation] = ()
) -> list[Reservation]:
    """Give freed places to those who wait, in order, skipping who may no longer book. Under the locks of `tenue`.

    `en_plus`: others who wait, for no Jauge at all.
    """
    attentes = attentes_sur(liberees)
    # Who joined between the reading and the locks is not locked: served by a transaction of its own, right after.
    cles = cles_par_reservation(attentes, tenue.jauges)
    tenues = [
        r for r in attentes if r.enfant_id in tenue.enfants and tenue.creneaux.keys() >= set(cles[r.pk])
    ]
    if len(tenues) < len(attentes):
        restantes = {(cle.jauge_id, cle.jour) for cle in liberees}
        # robust: what is committed is not answered by an error because this offer failed (it is logged).
        transaction.on_commit(_plus_tard(restantes, maintenant), robust=True)
    attentes = [*tenues, *en_plus]
    if not (premieres := _premieres(attentes, cles, tenue)):
        return []
    examen = _examen(premieres, tenue)
    choisies = _servis(premieres, cles, examen, maintenant)
    if len(choisies) < len(premieres):
        # One of them may not book any more: whoever comes behind is looked at too.
        examen = _examen(attentes, tenue)
        choisies = _servis(attentes, cles, examen, maintenant)
    # Together: one place freed on each day of a month is as many promotions, under the locks of all these days.
    servies = _relues(choisies)
    if servies and _promouvoir(servies, cles, examen, tenue, maintenant):
        return _une_a_une(attentes, cles, tenue, maintenant)
    return servies


def _une_a_une(
    attentes: list[Attente | Reservation], cles: dict[int, list[Cle]], tenue: Tenue, maintenant: datetime
) -> list[Reservation]:
    """One failed: who may be served is, the others keep their rank (`rattraper` tries again)."""
    examen, servies = _examen(attentes, tenue), []
    for attente in attentes:
        libres = dict(examen.libres)
        for servie in _relues(_servis([attente], cles, examen, maintenant)):
            erreur = _promouvoir([servie], cles, examen, tenue, maintenant)
            if erreur is None:
                servies.append(servie)
                continue
            examen.libres = libres
            del examen.vivantes[attente.enfant_id, attente.jour][attente.prestation_id]
            # The row and the kind only: an error's text may quote personal data.
            journal.error(
                "Réservation %s non sortie de la liste d’attente : %s", attente.pk, type(erreur).__name__
            )
    return servies


def _premieres(
    attentes: Iterable[Attente | Reservation], cles: dict[int, list[Cle]], tenue: Tenue
) -> list[Attente | Reservation]:
    """Those of them the free places reach if all may still book: of hundreds who wait, the few to look at."""
    libres = {cle: creneau.libres for cle, creneau in tenue.creneaux.items()}
    premieres = []
    for attente in attentes:
        siennes = cles.get(attente.pk, [])
        if all(libres[cle] > 0 for cle in siennes):
            libres |= {cle: libres[cle] - 1 for cle in siennes}
            premieres.append(attente)
    return premieres


def _relues(choisies: Iterable[Attente | Reservation]) -> list[Reservation]:
    """Their rows, whole, in that order: read anew each time, a failed try changed the objects."""
    pks = [r.pk for r in choisies]
    lues = reservations_liees(pks)
    return [lues[pk] for pk in pks]


def _examen(attentes: Iterable[Attente | Reservation], tenue: Tenue) -> Examen:
    attentes = list(attentes)
    examen = charger((r.inscription_id for r in attentes), (r.jour for r in attentes), connues=tenue.jauges)
    examen.libres = {cle: creneau.libres for cle, creneau in tenue.creneaux.items()}
    return examen


def _servis(
    attentes: Iterable[Attente | Reservation],
    cles: dict[int, list[Cle]],
    examen: Examen,
    maintenant: datetime,
) -> list[Attente | Reservation]:
    """Those of them the free places reach, in order, skipping who may no longer book; noted in `examen`."""
    servis = []
    for attente in attentes:
        siennes = cles.get(attente.pk, [])
        if examen.complet(siennes) or not _peut_encore(examen, attente, maintenant):
            continue
        for cle in siennes:
            examen.libres[cle] -= 1
        examen.vivantes[attente.enfant_id, attente.jour][attente.prestation_id] = Reservation(
            pk=attente.pk,
            payeur_id=attente.payeur_id,
            prestation_id=attente.prestation_id,
            etat=_promise(examen, attente),
        )
        servis.append(attente)
    return servis


def _promise(examen: Examen, attente: Attente | Reservation) -> str:
    """What becomes of who waits: a booking, or an ask where the town decides."""
    prestation = examen.inscriptions[attente.inscription_id].prestation
    automatique = prestation.validation == Prestation.Validation.AUTOMATIQUE
    return Etat.RESERVEE if automatique else Etat.DEMANDEE


def _plus_tard(jauges_jours: set[tuple], maintenant: datetime) -> Callable[[], None]:
    # Not a partial: Django's log of a robust hook that fails wants a __qualname__.
    def offrir() -> None:
        promouvoir(jauges_jours, maintenant)

    return offrir


def _peut_encore(examen: Examen, attente: Attente | Reservation, maintenant: datetime) -> bool:
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


def _promouvoir(
    servies: list[Reservation],
    cles: dict[int, list[Cle]],
    examen: Examen,
    tenue: Tenue,
    maintenant: datetime,
) -> Exception | None:
    """Give these places and tell the families, or neither: what freed a place must not fail for those who wait. What
    went wrong, if anything did.
    """
    for r in servies:
        tenue.cles[r.pk] = cles.get(r.pk, [])
    pris = {cle: creneau.pris for cle, creneau in tenue.creneaux.items()}
    passages = [Passage(r, _promise(examen, r), MOTIF, {"promue_le": maintenant}) for r in servies]
    try:
        with transaction.atomic():
            appliquer(passages, tenue, None, maintenant, examinees=True)
            _prevenir(servies, examen)
    except OperationalError:
        raise  # a lock: the whole transaction is answered 503
    except Exception as erreur:
        for cle, nombre in pris.items():
            tenue.creneaux[cle].pris = nombre
        return erreur
    return None


def _prevenir(promues: list[Reservation], examen: Examen) -> None:
    prefetch_related_objects([examen.inscriptions[r.inscription_id].famille for r in promues], "responsables")
    lettres = []
    for promue in promues:
        inscription = examen.inscriptions[promue.inscription_id]
        contexte = {
            "reservation": promue,
            "enfant": promue.enfant,
            "prestation": inscription.prestation,
            "limite": regles.instant_en_mots(limite_absence(promue, examen.calendrier)),
        }
        lettres += [
            Lettre(
                f"place_liberee:{promue.pk}:{promue.version}:{rang}",
                adresse,
                "courriels/place_liberee.txt",
                contexte,
            )
            for rang, adresse in enumerate(inscription.famille.adresses_courriel())
        ]
    poster_ensemble(lettres)


@transaction.atomic
def promouvoir(
    jauges_jours: Iterable[tuple], maintenant: datetime, sans_jauge: Iterable[int] = ()
) -> list[Reservation]:
    """Offer the free places of these (jauge or its pk, day) to those who wait; each family is told by e-mail.

    `sans_jauge`: ids of those who wait for a service that no longer counts its places.
    """
    cles = {Cle(getattr(jauge, "pk", jauge), jour) for jauge, jour in jauges_jours}
    ids = sorted(sans_jauge)
    if not cles and not ids:
        return []
    tenue = tenir(ids, cles)
    en_plus = [r for r in tenue.reservations.values() if r.etat == Etat.EN_ATTENTE and not tenue.cles[r.pk]]
    return proposer(cles, tenue, maintenant, en_plus)


def rattraper(maintenant: datetime) -> str:
    """Scheduled work: offer the free places somebody still waits for (an offer failed, a right came back).

    One transaction a day: one that fails is logged, tried again at the next run, and stops no other.
    """
    attentes = list(
        Reservation.objects.filter(etat=Etat.EN_ATTENTE, jour__gte=timezone.localdate(maintenant))
        .select_related("enfant")
        .order_by("demandee_le", "pk")
    )
    cles = cles_par_reservation(attentes)
    pleins = _pleins({cle for liste in cles.values() for cle in liste})
    comptees = jauges_par_prestation(r.prestation_id for r in attentes)
    offres, libres = defaultdict(set), defaultdict(list)
    for r in attentes:
        if not comptees[r.prestation_id]:
            libres[r.jour].append(r.pk)
        elif pleins.isdisjoint(cles[r.pk]):
            offres[r.jour].update((cle.jauge_id, cle.jour) for cle in cles[r.pk])
    promues = 0
    for jour in sorted(offres.keys() | libres.keys()):
        try:
            promues += len(promouvoir(offres[jour], maintenant, libres[jour]))
        except Exception as erreur:
            journal.error("Places du %s non proposées : %s", jour.isoformat(), type(erreur).__name__)
    return f"{promues} sortis de la liste d’attente"


def _pleins(cles: set[Cle]) -> set[Cle]:
    """Those with no place left."""
    creneaux = Creneau.objects.filter(jauge__in={c.jauge_id for c in cles}, jour__in={c.jour for c in cles})
    return {Cle(c.jauge_id, c.jour) for c in creneaux.order_by("pk") if c.libres <= 0} & cles


# ── Before a newcomer ───────────────────────────────────────────────────────────────────────────────────────


def compter_les_attentes(examen: Examen, maintenant: datetime) -> None:
    """Who waits comes before a newcomer: a place still free is theirs when they may take it (it has just freed, or its
    offer failed), and they are counted in the rank.
    """
    attentes = attentes_sur(examen.libres)
    if not attentes:
        return
    cles = cles_par_reservation(attentes, examen.jauges)
    possibles = [r for r in attentes if all(examen.libres.get(cle, 1) > 0 for cle in cles[r.pk])]
    if possibles:
        autres = charger(
            (r.inscription_id for r in possibles), (r.jour for r in possibles), connues=examen.jauges
        )
        charger_places(autres, {cle for r in possibles for cle in cles[r.pk]})
        for r in _servis(possibles, cles, autres, maintenant):
            for cle in examen.libres.keys() & cles[r.pk]:
                examen.libres[cle] -= 1
    for siennes in cles.values():
        for cle in examen.libres.keys() & siennes:
            examen.attentes[cle] = examen.attentes.get(cle, 0) + 1


# ── Reading ──────────────────────────────────────────────────────────────────────────────────────────────────


def perdues(maintenant: datetime) -> list[int]:
    """Ids of those who wait for nothing any more: past the limit for booking nobody is promoted."""
    attentes = list(
        Reservation.objects.filter(etat=Etat.EN_ATTENTE)
        .select_related("prestation__limite_reservation")
        .order_by("pk")
    )
    if not attentes:
        return []
    calendrier = calendrier_du(min(r.jour for r in attentes), max(r.jour for r in attentes))
    return [
        r.pk
        for r in attentes
        if regles.est_passe(
            regles.limite_pour(r.prestation.limite_reservation, r.jour, r.prestation.heure_debut, calendrier),
            maintenant,
        )
    ]


def rangs(reservations: Iterable[Reservation]) -> dict[int, int]:
    """Rank in the waiting list of those of these rows that wait (1: the first place that frees is theirs)."""
    miennes = {r.pk: r for r in reservations if r.etat == Etat.EN_ATTENTE}
    if not miennes:
        return {}
    jauges: dict[int, list[Jauge]] = {}
    voulues = cles_par_reservation(miennes.values(), jauges).values()
    toutes = attentes_sur({cle for liste in voulues for cle in liste})
    devant: Counter = Counter()
    trouves: dict[int, int] = {}
    for pk, cles in cles_par_reservation(toutes, jauges).items():
        devant.update(cles)
        if pk in miennes:
            trouves[pk] = max(devant[cle] for cle in cles)
    return trouves


def limites_pour_decliner(
    reservations: Iterable[Reservation], maintenant: datetime
) -> list[tuple[Reservation, datetime]]:
    """Promoted bookings among these rows that may still be declined for free, and until when."""
    promues = [r for r in reservations if r.promue_le and r.etat in DECLINABLES]
    if not promues:
        return []
    promues = (
        Reservation.objects.filter(pk__in=[r.pk for r in promues])
        .select_related("enfant", "prestation__limite_annulation")
        .order_by("jour", "pk")
    )
    calendrier = calendrier_du(promues[0].jour, max(r.jour for r in promues))
    limites = [(r, limite_absence(r, calendrier)) for r in promues]
    return [(r, limite) for r, limite in limites if not regles.est_passe(limite, maintenant)]
