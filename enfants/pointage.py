"""Attendance: what happened that day, and what it says of the booking."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time

from django.db import transaction
from django.db.models import Q

from enfants import places
from enfants.models import Enfant, Etat, Pointage, Prestation, Reservation
from portail.socle.argent import INSECABLE

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


@dataclass(frozen=True)
class Bilan:
    """Of the children expected, those present, absent, to tick; and those who came without being expected."""

    presents: int
    absents: int
    a_pointer: int
    en_plus: int

    @property
    def en_mots(self) -> str:
        """« 54 attendus : 53 présents, 1 à pointer ; 2 présents non attendus »."""
        attendus = self.presents + self.absents + self.a_pointer
        detail = [
            _compte(nombre, mot)
            for nombre, mot in ((self.presents, "présent"), (self.absents, "absent"))
            if nombre
        ]
        if self.a_pointer:
            detail.append(f"{self.a_pointer} à pointer")
        mots = _compte(attendus, "attendu")
        if detail:
            mots += f"{INSECABLE}: {', '.join(detail)}"
        if self.en_plus:
            mots += f"{INSECABLE}; {_compte(self.en_plus, 'présent')} non attendu{'s' if self.en_plus > 1 else ''}"
        return mots


def _compte(nombre: int, mot: str) -> str:
    return f"{nombre} {mot}{'s' if nombre > 1 else ''}"


def bilan(lignes: Iterable[Attendu]) -> Bilan:
    """Expected: booked or asked, as long as no absence was declared. Ticked absent, a booking is a billed absence."""
    attendus, en_plus = [], 0
    for a in lignes:
        if a.etat in (Etat.RESERVEE, Etat.DEMANDEE) or (a.etat == Etat.ABSENT_FACTURE and a.present is False):
            attendus.append(a.present)
        else:
            en_plus += a.present is True
    return Bilan(attendus.count(True), attendus.count(False), attendus.count(None), en_plus)


def attendues(jour: date) -> set[int]:
    """Services that have children expected that day."""
    lignes = Reservation.objects.filter(jour=jour, etat__in=(Etat.RESERVEE, Etat.DEMANDEE))
    return set(lignes.order_by().values_list("prestation", flat=True).distinct())


def chercher(texte: str, maximum: int = 12) -> list[Enfant]:
    """Children whose name holds these words: the one nobody expected."""
    trouves = Enfant.objects.all()
    for mot in texte.split()[:4]:
        trouves = trouves.filter(Q(nom__icontains=mot) | Q(prenom__icontains=mot))
    return list(trouves.order_by("nom", "prenom", "pk")[:maximum])


def tenir(enfant: Enfant, prestation: Prestation, jour: date) -> None:
    """Hold the child before its attendance is written: a closure that cancels the day reads who came under the same
    lock. At once with those who wait for its place, whom `places.changer` holds too. Inside a transaction.
    """
    places.tenir_les_enfants(enfant, jour, jour__lte=jour, prestation=prestation)


@transaction.atomic
def pointer(
    enfant: Enfant, prestation: Prestation, jour: date, present: bool | None, agent, maintenant: datetime
) -> None:
    """Tick a child present or absent (None: undo). Never refused for lack of a place or of an inscription.

    Absent on a booked day: the absence is billed until somebody excuses it; a declared absence contradicted by
    presence is a booking again.
    """
    tenir(enfant, prestation, jour)
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
