"""« Cette semaine »: what is booked for each child, day by day. Pure; `lire` gathers the rows."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from uuid import UUID

from django.db.models import OuterRef, Q, Subquery

from enfants.models import Enfant, Etat, Rattachement, Reservation
from enfants.regles import Calendrier
from familles.models import Famille, Responsable
from portail.socle.lecture import Preparee

MONTRES = [e for e in Etat.values if e not in (Etat.ANNULEE, Etat.REFUSEE)]
# States whose galet speaks for itself beside the name of the service; the others are said in words.
SANS_MOTS = (Etat.RESERVEE,)


@dataclass(frozen=True)
class Reservee:
    """A booking as read; `payeur`: the titulaire of the other household, when it pays."""

    enfant_id: UUID
    prestation_id: int
    jour: date
    prestation: str
    etat: str
    autre_foyer: bool
    payeur: str


@dataclass(frozen=True)
class Ligne:
    """One booking: the service, its state, the payer when it is the other household."""

    prestation: str
    etat: str
    precision: str = ""


@dataclass(frozen=True)
class EnfantDuJour:
    prenom: str
    lignes: list[Ligne]


@dataclass(frozen=True)
class Jour:
    """A day of the week; `ferie` is the name of the bank holiday."""

    jour: date
    aujourdhui: bool
    ferie: str
    enfants: list[EnfantDuJour]


@dataclass(frozen=True)
class Semaine:
    """Monday to Friday, and the week-end days where something is booked. `prochaine`: seen from a week-end."""

    lundi: date
    prochaine: bool
    jours: list[Jour] = field(default_factory=list)


def lundi_montre(aujourdhui: date) -> date:
    """Monday of this week; on Saturday and Sunday, of the next one: what is left to prepare."""
    lundi = aujourdhui - timedelta(days=aujourdhui.weekday())
    return lundi + timedelta(days=7) if aujourdhui.weekday() >= 5 else lundi


def _reservations(famille: int, jour: date, du: date, au: date):
    titulaires = Responsable.objects.filter(
        ~Q(famille=famille), famille=OuterRef("payeur"), rang=Responsable.Rang.TITULAIRE
    ).order_by("pk")
    return (
        Reservation.objects.filter(
            enfant__in=Enfant.objects.de_la_famille(famille, jour),
            jour__gte=du,
            jour__lte=au,
            etat__in=MONTRES,
        )
        .order_by("jour", "prestation__heure_debut", "prestation__nom", "demandee_le", "pk")
        .values_list(
            "enfant",
            "prestation",
            "jour",
            "prestation__nom",
            "etat",
            "payeur",
            Subquery(titulaires.values("prenom")[:1]),
            Subquery(titulaires.values("nom")[:1]),
        )
    )


_JOUR = Reservation._meta.get_field("jour")
RESERVATIONS = Preparee(_reservations, Famille._meta.pk, Rattachement._meta.get_field("du"), _JOUR, _JOUR)


def lire(famille: Famille, jour: date) -> list[Reservee]:
    """The bookings of this household's children that week, both households', in one query."""
    lundi = lundi_montre(jour)
    lignes = RESERVATIONS.lignes(famille.pk, jour, lundi, lundi + timedelta(days=6))
    return [
        Reservee(*ligne, autre_foyer=payeur != famille.pk, payeur=f"{prenom} {nom}" if prenom else "")
        for *ligne, payeur, prenom, nom in lignes
    ]


def semaine(
    enfants: list[Enfant],
    reservations: Iterable[Reservee],
    calendrier: Calendrier,
    aujourdhui: date,
) -> Semaine:
    """The week to show that day. A day asked twice shows its last row."""
    derniere: dict = {}
    for r in reservations:
        # Popped first: the last row also takes the last row's place in the order.
        derniere.pop((r.jour, r.enfant_id, r.prestation_id), None)
        derniere[r.jour, r.enfant_id, r.prestation_id] = r
    par_jour: dict = {}
    for (jour, enfant, _), r in derniere.items():
        par_jour.setdefault((jour, enfant), []).append(_ligne(r))
    lundi = lundi_montre(aujourdhui)
    montree = Semaine(lundi, prochaine=lundi > aujourdhui)
    pris = {jour for jour, _ in par_jour}
    for jour in (lundi + timedelta(days=n) for n in range(7)):
        if jour.weekday() >= 5 and jour not in pris:
            continue
        du_jour = [EnfantDuJour(e.prenom, par_jour.get((jour, e.pk), [])) for e in enfants]
        montree.jours.append(Jour(jour, jour == aujourdhui, calendrier.feries.get(jour, ""), du_jour))
    return montree


def _ligne(r: Reservee) -> Ligne:
    mots = [] if r.etat in SANS_MOTS else [Etat(r.etat).label]
    if r.autre_foyer:
        mots.append(f"par {r.payeur}" if r.payeur else "par l’autre foyer")
    return Ligne(r.prestation, r.etat, ", ".join(mots))
