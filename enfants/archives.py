"""Archived, never deleted: what a service that stops still holds, and what stopping it does.

Two transactions, in this order: `fermer` (nothing more is booked beyond), then `solder` (what was is cancelled, families
told). Killed in between, the scheduled work finishes (`solder_tout`). Put back in service in between, nothing is cancelled.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef, Q

from enfants import fermetures, places
from enfants.models import Inscription, Prestation, Reservation
from enfants.regles import PARIS
from portail.socle.traces import tracer
from portail.socle.verrous import CALENDRIER, tenir_seul, verrouiller_un


@dataclass
class Dependances:
    """What still depends on a service from a day on."""

    prestation: Prestation
    reservations: list[Reservation]
    inscriptions: list[Inscription]


def dependances(prestation: Prestation, jour: date) -> Dependances:
    """Bookings and asks from `jour` on, inscriptions that go beyond its eve."""
    reservations = (
        Reservation.objects.filter(prestation=prestation, jour__gte=jour, etat__in=places.ANNULABLES)
        .select_related("enfant", "prestation", "payeur")
        .prefetch_related("payeur__responsables")
        .order_by("jour", "enfant__nom", "enfant__prenom", "pk")
    )
    inscriptions = (
        Inscription.objects.filter(prestation=prestation)
        .en_cours(jour, date.max)
        .select_related("enfant", "prestation", "famille")
        .order_by("enfant__nom", "enfant__prenom", "pk")
    )
    return Dependances(prestation, list(reservations), list(inscriptions))


def arreter(prestation: Prestation, jour: date, par) -> None:
    """Write the first closed day. The caller ends its transaction with `tenir_seul(CALENDRIER)`, then calls `solder`."""
    ligne = verrouiller_un(Prestation.objects.filter(pk=prestation.pk))
    ligne.archivee_le = prestation.archivee_le = jour
    ligne.save(update_fields=["archivee_le"])
    tracer(par, "prestation.archiver", ligne, archivee_le=jour.isoformat())


@transaction.atomic
def fermer(prestation: Prestation, jour: date, par) -> None:
    """Nothing may be booked from that day on. Takes the calendar alone, last: `solder` once this is committed."""
    arreter(prestation, jour, par)
    tenir_seul(CALENDRIER)


@transaction.atomic
def solder(prestation: Prestation, par, maintenant: datetime) -> Dependances:
    """Once closed: bookings beyond are cancelled and told, inscriptions end on the eve. Twice is once. Past days never
    move: they may be invoiced.
    """
    # Read again, and held: who puts it back in service waits, or has done it.
    prestation = verrouiller_un(Prestation.objects.filter(pk=prestation.pk))
    jour = prestation.archivee_le
    if jour is None:
        return Dependances(prestation, [], [])
    restes = dependances(prestation, jour)
    aujourdhui = maintenant.astimezone(PARIS).date()
    restes.reservations = [r for r in restes.reservations if r.jour >= aujourdhui]
    motif = f"{prestation.nom} s’arrête"
    annulees = places.annuler([r.pk for r in restes.reservations], par, maintenant, motif)
    finies = {r.pk for r in annulees}
    restes.reservations = [r for r in restes.reservations if r.pk in finies]
    fermetures.prevenir(f"archive-{prestation.pk}", motif, restes.reservations, "fermeture")
    for inscription in restes.inscriptions:
        inscription.du, inscription.au = min(inscription.du, jour - timedelta(1)), jour - timedelta(1)
    Inscription.objects.bulk_update(restes.inscriptions, ["du", "au"])
    return restes


@transaction.atomic
def remettre(prestation: Prestation, par) -> bool:
    """Put it back in service; its inscriptions stay ended. False when it already is. Raises ValidationError when
    another service took its name meanwhile.
    """
    ligne = verrouiller_un(Prestation.objects.filter(pk=prestation.pk))
    if ligne.archivee_le is None:
        return False
    ligne.archivee_le = None
    ligne.validate_constraints()
    ligne.save(update_fields=["archivee_le"])
    tracer(par, "prestation.remettre", ligne)
    return True


def solder_tout(maintenant: datetime) -> str:
    """Scheduled: services whose archiving was cut short."""
    aujourdhui = maintenant.astimezone(PARIS).date()
    siennes = {"prestation": OuterRef("pk")}
    reservees = Reservation.objects.filter(
        **siennes, jour__gte=OuterRef("archivee_le"), etat__in=places.ANNULABLES
    ).filter(jour__gte=aujourdhui)
    au_dela = Q(au=None) | Q(au__gte=OuterRef("archivee_le"))
    inscrits = Inscription.objects.filter(au_dela, **siennes)
    restent = Prestation.objects.filter(Q(Exists(reservees)) | Q(Exists(inscrits)), archivee_le__isnull=False)
    annulees = sum(len(solder(p, None, maintenant).reservations) for p in restent.order_by("pk"))
    return f"{annulees} réservations annulées"
