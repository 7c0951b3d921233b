"""The waiting list: freed places offered in order, the time to decline them, ranks, and what a failure left undone."""

import logging
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from datetime import datetime

from django.db import OperationalError, transaction
from django.utils import timezone

from enfants import regles
from enfants.calendrier import calendrier_du
from enfants.models import Creneau, Etat, Inscription, Prestation, Reservation
from enfants.places_chargement import attentes_sur, charger, cles_par_reservation, jauges_par_prestation
from enfants.places_examen import Cle, Examen, limite_absence
from enfants.places_verrous import Passage, Tenue, appliquer, tenir
from portail.socle.courriels import poster

journal = logging.getLogger(__name__)
MOTIF = "Une place s’est libérée"
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
    cles = cles_par_reservation(attentes)
    tardives = [
        r for r in attentes if r.enfant_id not in tenue.enfants or set(cles[r.pk]) - tenue.creneaux.keys()
    ]
    if tardives:
        restantes = {(cle.jauge_id, cle.jour) for cle in liberees}
        # robust: what is committed is not answered by an error because this offer failed (it is logged).
        transaction.on_commit(_plus_tard(restantes, maintenant), robust=True)
        attentes = [r for r in attentes if r not in tardives]
    attentes += en_plus
    if not attentes:
        return []
    examen = charger((r.inscription_id for r in attentes), (r.jour for r in attentes))
    promues = []
    for attente in attentes:
        siennes = cles.get(attente.pk, [])
        if (
            _peut_encore(examen, attente, maintenant)
            and all(tenue.creneaux[cle].libres > 0 for cle in siennes)
            and _promouvoir(attente, siennes, examen, tenue, maintenant)
        ):
            promues.append(attente)
    return promues


def _plus_tard(jauges_jours: set[tuple], maintenant: datetime) -> Callable[[], None]:
    # Not a partial: Django's log of a robust hook that fails wants a __qualname__.
    def offrir() -> None:
        promouvoir(jauges_jours, maintenant)

    return offrir


def _peut_encore(examen: Examen, attente: Reservation, maintenant: datetime) -> bool:
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
    attente: Reservation, cles: list[Cle], examen: Examen, tenue: Tenue, maintenant: datetime
) -> bool:
    """Give the place and tell the family, or neither: what freed the place must not fail for the one who waits."""
    inscription = examen.inscriptions[attente.inscription_id]
    automatique = inscription.prestation.validation == Prestation.Validation.AUTOMATIQUE
    vers = Etat.RESERVEE if automatique else Etat.DEMANDEE
    tenue.cles[attente.pk] = cles
    pris = {cle: tenue.creneaux[cle].pris for cle in cles}
    try:
        with transaction.atomic():
            passage = Passage(attente, vers, MOTIF, {"promue_le": maintenant})
            appliquer([passage], tenue, None, maintenant, examinees=True)
            _prevenir(attente, inscription, examen.calendrier)
    except OperationalError:
        raise  # a lock: the whole transaction is answered 503
    except Exception as erreur:
        # Tried again by `rattraper`. The row and the kind only: an error's text may quote personal data.
        for cle, nombre in pris.items():
            tenue.creneaux[cle].pris = nombre
        journal.error(
            "Réservation %s non sortie de la liste d’attente : %s", attente.pk, type(erreur).__name__
        )
        return False
    examen.vivantes[attente.enfant_id, attente.jour][attente.prestation_id] = attente
    return True


def _prevenir(promue: Reservation, inscription: Inscription, calendrier: regles.Calendrier) -> None:
    promue.prestation = inscription.prestation
    limite = regles.instant_en_mots(limite_absence(promue, calendrier))
    for rang, adresse in enumerate(inscription.famille.adresses_courriel()):
        poster(
            f"place_liberee:{promue.pk}:{promue.version}:{rang}",
            adresse,
            "courriels/place_liberee.txt",
            {
                "reservation": promue,
                "enfant": promue.enfant,
                "prestation": inscription.prestation,
                "limite": limite,
            },
        )


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
        if r.prestation_id not in comptees:
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
    toutes = attentes_sur({cle for liste in cles_par_reservation(miennes.values()).values() for cle in liste})
    devant: Counter = Counter()
    trouves: dict[int, int] = {}
    for pk, cles in cles_par_reservation(toutes).items():
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
