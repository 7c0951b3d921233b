"""A crèche contract: leave taken from its allowance, hours of each week against those of the contract.

The hours are counted as the planning's « heure hors contrat » does; the national PSU scheme is out of scope.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from enfants import places, regles
from enfants.models import Etat, Inscription, Pointage, Reservation
from enfants.planning_case import porteuse
from portail.socle.argent import INSECABLE


@dataclass(frozen=True)
class Conges:
    """Days of leave of a contract. `accordes`: None when the contract says nothing."""

    accordes: int | None
    pris: int

    @property
    def restants(self) -> int | None:
        return None if self.accordes is None else self.accordes - self.pris


@dataclass(frozen=True)
class Semaine:
    """A week of attendance: minutes noted, minutes beyond the contract, days without both hours."""

    lundi: date
    minutes: int
    hors_contrat: int
    incompletes: int


def conges_de(inscription: Inscription) -> Conges:
    """Allowance and days used, over the whole contract."""
    pris = Reservation.objects.filter(inscription=inscription, etat=Etat.CONGE).count()
    return Conges(inscription.conges_jours, pris)


def a_poser(inscription: Inscription, du: date, au: date) -> list[Reservation]:
    """Booked days a leave of that period would take."""
    lignes = Reservation.objects.filter(inscription=inscription, jour__range=(du, au), etat=Etat.RESERVEE)
    return list(lignes.order_by("jour", "pk"))


def poser(inscription: Inscription, du: date, au: date, par, maintenant: datetime) -> tuple[list, list[str]]:
    """Put the booked days of the period on leave; their places are offered. Days done, sentences for the others.

    One transaction a day: each locks its own places, in no order with the next.
    """
    faits, refus = [], []
    for r in a_poser(inscription, du, au):
        try:
            faits.append(places.changer(r, Etat.CONGE, par, maintenant, "Congé du contrat"))
        except places.TransitionInterdite as erreur:
            refus.append(f"{regles.jour_en_mots(r.jour)}{INSECABLE}: {' '.join(erreur.messages)}")
    return faits, refus


def rendre(reservation: Reservation, par, maintenant: datetime) -> Reservation:
    """The child comes after all: booked again, if a place is left. Raises TransitionInterdite."""
    return places.changer(reservation, Etat.RESERVEE, par, maintenant, "Congé rendu")


def pointages_de(inscription: Inscription, depuis: date) -> list[Pointage]:
    """Attendance that is this contract's, as on the planning: on its days, those it booked, and of those nobody booked
    the ones it is the first to bear. A child may have two, one after the other or one a household.
    """
    meme = {"enfant": inscription.enfant_id, "prestation": inscription.prestation_id}
    lignes = Reservation.objects.filter(**meme, jour__gte=depuis).vivantes().order_by()
    tenues = dict(lignes.values_list("jour", "inscription"))
    inscriptions = sorted(
        Inscription.objects.filter(**meme), key=lambda i: (i.famille_id != inscription.famille_id, i.pk)
    )
    return [
        p
        for p in Pointage.objects.filter(**meme, jour__gte=depuis).order_by("jour", "pk")
        if inscription.vaut(p.jour)
        and tenues.get(p.jour, porteuse(inscriptions, p.jour).pk) == inscription.pk
    ]


def semaines(pointages: Iterable[Pointage], heures_semaine: Decimal | None) -> list[Semaine]:
    """Weeks with attendance, latest first."""
    minutes: dict[date, int] = defaultdict(int)
    incompletes: dict[date, int] = defaultdict(int)
    for p in pointages:
        if not p.present:
            continue
        lundi = p.jour - timedelta(days=p.jour.weekday())
        if p.arrivee and p.depart:
            duree = datetime.combine(p.jour, p.depart) - datetime.combine(p.jour, p.arrivee)
            minutes[lundi] += int(duree.total_seconds() // 60)
        else:
            incompletes[lundi] += 1
    prevues = None if heures_semaine is None else int(heures_semaine * 60)
    return [
        Semaine(
            lundi,
            minutes[lundi],
            max(0, minutes[lundi] - prevues) if prevues is not None else 0,
            incompletes[lundi],
        )
        for lundi in sorted({*minutes, *incompletes}, reverse=True)
    ]
