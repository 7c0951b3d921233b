"""Attendance: what happened that day, and what it says of the booking."""

from dataclasses import dataclass
from datetime import date, datetime, time

from django.db import transaction
from django.db.models import Q

from enfants import places
from enfants.models import Enfant, Etat, Pointage, Prestation, Reservation
from portail.socle.verrous import CALENDRIER, tenir_ensemble, verrouiller

# Marks the absences that attendance itself billed, so that a tap by mistake can be undone.
ABSENT_AU_POINTAGE = "Absent au pointage"
PRESENT_AU_POINTAGE = "Présent au pointage"
ATTENDUS = (
    Etat.RESERVEE,
    Etat.DEMANDEE,
    Etat.ABSENCE_DEMANDEE,
    Etat.ABSENT_FACTURE,
    Etat.ABSENT_EXCUSE,
    Etat.CONGE,
)


@dataclass(frozen=True)
class Attendu:
    """A child of the sheet: what was booked, what was ticked, the hours noted. `present` is None before the tap."""

    enfant: Enfant
    etat: str
    present: bool | None
    arrivee: time | None = None
    depart: time | None = None


def feuille(prestation: Prestation, jour: date) -> list[Attendu]:
    """Children booked that day and those ticked without booking, in order of name; two queries."""
    etats: dict = {}
    enfants: dict = {}
    reservations = Reservation.objects.filter(prestation=prestation, jour=jour, etat__in=ATTENDUS)
    for r in reservations.select_related("enfant").order_by("pk"):
        etats[r.enfant_id], enfants[r.enfant_id] = r.etat, r.enfant
    pointes = {}
    pointages = Pointage.objects.filter(prestation=prestation, jour=jour)
    for p in pointages.select_related("enfant").order_by("pk"):
        pointes[p.enfant_id], enfants[p.enfant_id] = (p.present, p.arrivee, p.depart), p.enfant
    lignes = [Attendu(e, etats.get(pk, ""), *pointes.get(pk, (None,))) for pk, e in enfants.items()]
    return sorted(lignes, key=lambda a: (a.enfant.nom, a.enfant.prenom, str(a.enfant.pk)))


def chercher(texte: str, maximum: int = 12) -> list[Enfant]:
    """Children whose name holds these words: the one nobody expected."""
    trouves = Enfant.objects.all()
    for mot in texte.split()[:4]:
        trouves = trouves.filter(Q(nom__icontains=mot) | Q(prenom__icontains=mot))
    return list(trouves.order_by("nom", "prenom", "pk")[:maximum])


def tenir(enfant: Enfant) -> None:
    """Hold the child before its attendance is written: a closure that cancels the day reads who came under the same
    lock. Inside a transaction.
    """
    tenir_ensemble(CALENDRIER)
    verrouiller(Enfant.objects.filter(pk=enfant.pk))


@transaction.atomic
def pointer(
    enfant: Enfant, prestation: Prestation, jour: date, present: bool | None, agent, maintenant: datetime
) -> None:
    """Tick a child present or absent (None: undo). Never refused for lack of a place or of an inscription.

    Absent on a booked day: the absence is billed until somebody excuses it; a declared absence contradicted by
    presence is a booking again.
    """
    tenir(enfant)
    if present is None:
        Pointage.objects.filter(enfant=enfant, prestation=prestation, jour=jour).delete()
    else:
        Pointage.objects.update_or_create(
            enfant=enfant,
            prestation=prestation,
            jour=jour,
            defaults={"present": present, "agent": agent, "pointe_le": maintenant}
            # Hours belong to a presence.
            | ({} if present else {"arrivee": None, "depart": None}),
        )
    reservation = (
        Reservation.objects.filter(enfant=enfant, prestation=prestation, jour=jour).vivantes().first()
    )
    if reservation is None:
        return
    etat, par_le_pointage = reservation.etat, reservation.motif == ABSENT_AU_POINTAGE
    if present is False and etat == Etat.RESERVEE:
        places.changer(reservation, Etat.ABSENT_FACTURE, agent, maintenant, ABSENT_AU_POINTAGE)
        return
    dementie = present and etat == Etat.ABSENCE_DEMANDEE
    reprise = present is not False and etat == Etat.ABSENT_FACTURE and par_le_pointage
    if dementie or reprise:
        places.changer(reservation, Etat.RESERVEE, agent, maintenant, PRESENT_AU_POINTAGE)


@transaction.atomic
def noter_heures(
    enfant: Enfant,
    prestation: Prestation,
    jour: date,
    heures: dict[str, time | None],
    agent,
    maintenant: datetime,
) -> None:
    """The child was there: note `arrivee` or `depart`, or both (wall time). Raises ValidationError, then notes none."""
    pointer(enfant, prestation, jour, True, agent, maintenant)
    pointage = Pointage.objects.get(enfant=enfant, prestation=prestation, jour=jour)
    for nom, heure in heures.items():
        setattr(pointage, nom, heure)
    pointage.validate_constraints()
    pointage.save(update_fields=["arrivee", "depart"])
