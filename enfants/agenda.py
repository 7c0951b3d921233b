"""The household's bookings as an iCalendar file (RFC 5545). First names, services, places, hours: nothing else.

Hours are written in UTC: every calendar shows them in its own zone, both changes of hour included.
"""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from uuid import NAMESPACE_URL, uuid5

from django.db import transaction
from django.utils import timezone
from icalendar import Calendar, Event

from enfants import regles
from enfants.models import Enfant, Etat, LienAgenda, Reservation
from familles.models import Famille, Utilisateur
from portail.socle.dates import annee_scolaire, bornes_scolaires
from portail.socle.traces import tracer
from portail.socle.verrous import verrouiller_un

AVANT = timedelta(days=30)
# From the beginning of July on, the next school year is shown too.
APRES = timedelta(days=62)
# What is on, or may still be; an absence, a refusal, a cancellation vanish from the calendar.
AFFICHES = {
    Etat.RESERVEE: ("CONFIRMED", ""),
    Etat.DEMANDEE: ("TENTATIVE", " (la mairie doit répondre)"),
    Etat.EN_ATTENTE: ("TENTATIVE", " (liste d’attente)"),
    Etat.ABSENCE_DEMANDEE: ("TENTATIVE", " (absence à confirmer)"),
}
LECTURE = timedelta(hours=1)
# Seconds since then fit the 32 bits of a SEQUENCE until 2088.
ORIGINE = datetime(2020, 1, 1, tzinfo=UTC)


def bornes(aujourdhui: date) -> tuple[date, date]:
    """First and last day of the file: thirty days back, to the end of the school year."""
    _, fin = bornes_scolaires(annee_scolaire(aujourdhui + APRES))
    return aujourdhui - AVANT, fin


def reservations_de(famille: Famille, aujourdhui: date) -> list[Reservation]:
    """What the household itself booked for the children it holds today, in two queries."""
    enfants = list(Enfant.objects.de_la_famille(famille, aujourdhui).values_list("pk", flat=True))
    lignes = Reservation.objects.filter(
        payeur=famille, enfant__in=enfants, jour__range=bornes(aujourdhui), etat__in=AFFICHES
    )
    return list(
        lignes.select_related("enfant", "prestation__structure").order_by(
            "jour", "prestation__heure_debut", "pk"
        )
    )


def calendrier(titre: str, site: str, reservations: Iterable[Reservation]) -> bytes:
    """The file itself: the same rows give the same bytes, so that its ETag only moves with them."""
    fichier = Calendar()
    fichier.add("prodid", "-//Portail Famille//FR")
    fichier.add("version", "2.0")
    fichier.add("method", "PUBLISH")
    fichier.add("x-wr-calname", titre)
    fichier.add("x-wr-timezone", "Europe/Paris")
    # RFC 7986 and what Outlook and Google read instead.
    fichier.add("refresh-interval", timedelta(hours=6), parameters={"VALUE": "DURATION"})
    fichier.add("x-published-ttl", "PT6H")
    for reservation in reservations:
        fichier.add_component(_evenement(reservation, site))
    return fichier.to_ical()


def _evenement(r: Reservation, site: str) -> Event:
    prestation, structure = r.prestation, r.prestation.structure
    statut, suite = AFFICHES[r.etat]
    evenement = Event()
    # By child, service and day: a day asked again is the same event, moved by nobody.
    evenement.add(
        "uid", f"{uuid5(NAMESPACE_URL, f'{r.enfant_id}/{r.prestation_id}/{r.jour}')}@portail-famille"
    )
    evenement.add("dtstamp", r.modifiee_le.astimezone(UTC))
    evenement.add("last-modified", r.modifiee_le.astimezone(UTC))
    # Never lower than what a calendar has already read, even when the day was cancelled, then asked again.
    evenement.add("sequence", int((r.modifiee_le - ORIGINE).total_seconds()))
    evenement.add("dtstart", _utc(r.jour, prestation.heure_debut))
    evenement.add("dtend", _utc(r.jour, prestation.heure_fin))
    evenement.add("summary", f"{r.enfant.prenom}\N{NO-BREAK SPACE}: {prestation.nom}{suite}")
    evenement.add("location", ", ".join(filter(None, (structure.nom, structure.adresse))))
    evenement.add("url", f"{site}/enfants/planning/{r.jour:%Y-%m}/")
    evenement.add("status", statut)
    evenement.add("class", "PRIVATE")
    # The parent stays free at that hour.
    evenement.add("transp", "TRANSPARENT")
    return evenement


def _utc(jour: date, heure) -> datetime:
    return regles.instant(jour, heure).astimezone(UTC)


# ── The link: one an adult, in a household ───────────────────────────────────────────────────────────────────


@transaction.atomic
def creer(famille: Famille, par: Utilisateur, maintenant: datetime) -> LienAgenda:
    """This adult's link: the one that exists (a double click), or a new one."""
    famille = verrouiller_un(Famille.objects.filter(pk=famille.pk))
    lien = famille.liens_agenda.filter(utilisateur=par).first()
    if lien is None:
        lien = LienAgenda(famille=famille, utilisateur=par, cree_le=maintenant)
        lien.renouveler()
        lien.save()
        tracer(par, "agenda.creer", lien, famille=famille)
    return lien


@transaction.atomic
def renouveler(famille: Famille, par: Utilisateur, maintenant: datetime) -> None:
    """Another address; the former one answers 404 from now on. Nothing when there was none."""
    famille = verrouiller_un(Famille.objects.filter(pk=famille.pk))
    if lien := famille.liens_agenda.filter(utilisateur=par).first():
        lien.renouveler()
        lien.cree_le, lien.lu_le = maintenant, None
        lien.save(update_fields=["graine", "empreinte", "cree_le", "lu_le"])
        tracer(par, "agenda.renouveler", lien, famille=famille)


@transaction.atomic
def supprimer(famille: Famille, numero: int, par: Utilisateur) -> bool:
    """Revoke a link of this household, one's own or the other adult's. False when it is already gone."""
    famille = verrouiller_un(Famille.objects.filter(pk=famille.pk))
    lien = famille.liens_agenda.filter(pk=numero).first()
    if lien is None:
        return False
    tracer(par, "agenda.supprimer", lien, famille=famille, de=lien.utilisateur.get_username())
    lien.delete()
    return True


def noter_lecture(lien: LienAgenda, maintenant: datetime) -> None:
    """Remembered at most once an hour: telephones ask often, and this is a page anybody may load."""
    anciens = LienAgenda.objects.filter(pk=lien.pk)
    if lien.lu_le is None or lien.lu_le < maintenant - LECTURE:
        anciens.update(lu_le=timezone.localtime(maintenant))
