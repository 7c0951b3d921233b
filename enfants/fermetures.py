"""Closed days: what a Fermeture cancels, whom it concerns, what reopening leaves to say.

Two transactions, in this order: `enregistrer` (the days are closed, alone with the calendar: who books either has
committed already, or will read the closure), then `balayer` (what was booked is cancelled, places freed, families
told). Killed in between, the scheduled work sweeps the days to come (`balayer_tout`). Past days count as well: a
strike is often recorded the day after, and nobody pays for a day that did not open; their invoices are corrected.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime

from django.db import transaction
from django.db.models import Exists, Q, QuerySet

from enfants import places
from enfants.models import Etat, Fermeture, Reservation
from enfants.models.reservation import presences
from enfants.regles import PARIS
from familles.models import Famille
from portail.socle.courriels import poster
from portail.socle.verrous import CALENDRIER, tenir_seul

FERMETURE = "Fermeture\N{NO-BREAK SPACE}: "
# A billed absence of a day nobody opened would be unfair: excused. A leave stays a leave.
TOUCHES = (*places.ANNULABLES, Etat.ABSENT_FACTURE)


@dataclass
class Prevision:
    """What recording (or ending) a closure does. `venus`: days somebody was noted present, left as they are."""

    reservations: list[Reservation] = field(default_factory=list)
    venus: int = 0
    rouvertes: list[Reservation] = field(default_factory=list)  # cancelled by it, on days that open again

    @property
    def vide(self) -> bool:
        return not (self.reservations or self.rouvertes)

    @property
    def enfants(self) -> int:
        return len({r.enfant_id for r in self.reservations})

    @property
    def jours(self) -> int:
        return len({r.jour for r in self.reservations})

    @property
    def familles(self) -> list[Famille]:
        return sorted({r.payeur for r in (*self.reservations, *self.rouvertes)}, key=lambda f: f.numero)

    @property
    def sans_courriel(self) -> list[Famille]:
        """Families nobody can write to: to be called."""
        return [famille for famille in self.familles if not famille.adresses_courriel()]


def motif_de(fermeture: Fermeture) -> str:
    return f"{FERMETURE}{fermeture.motif}"[:300]


def a_appeler(fermeture: Fermeture) -> list[Famille]:
    """Families whose days a closure cancelled in this one's place and period, and that nobody can write to. Whatever
    its motif was then.
    """
    annulees = _lignes(fermeture).filter(
        etat__in=(Etat.ANNULEE, Etat.ABSENT_EXCUSE), motif__startswith=FERMETURE
    )
    return Prevision(list(annulees)).sans_courriel


def _lignes(fermeture: Fermeture) -> QuerySet[Reservation]:
    lieu = (
        Q(prestation__structure=fermeture.structure_id)
        if fermeture.structure_id
        else Q(prestation=fermeture.prestation_id)
    )
    return (
        Reservation.objects.filter(lieu, jour__range=(fermeture.du, fermeture.au))
        .select_related("enfant", "prestation", "payeur")
        .prefetch_related("payeur__responsables")
        .order_by("jour", "prestation__ordre", "enfant__nom", "enfant__prenom", "pk")
    )


def prevoir(projet: Fermeture | None, avant: Fermeture | None, aujourdhui: date) -> Prevision:
    """What goes from `avant` (None: new) to `projet` (None: deleted) does."""
    prevision = Prevision()
    if projet is not None:
        # Closed in the course of the day: who is noted present was looked after, and is billed as booked.
        touchees = _lignes(projet).filter(etat__in=TOUCHES)
        prevision.reservations = list(touchees.exclude(Exists(presences())))
        prevision.venus = touchees.filter(Exists(presences())).count()
    if avant is not None:
        annulees = _lignes(avant).filter(
            jour__gte=aujourdhui, etat__in=(Etat.ANNULEE, Etat.ABSENT_EXCUSE), motif=motif_de(avant)
        )
        encore = (
            _lignes(projet).values("pk") if projet is not None else Reservation.objects.none().values("pk")
        )
        prevision.rouvertes = list(annulees.exclude(pk__in=encore.order_by()))
    return prevision


@transaction.atomic
def enregistrer(fermeture: Fermeture) -> None:
    """Close the days. Takes the calendar alone, last: call `balayer` once this is committed."""
    fermeture.save()
    tenir_seul(CALENDRIER)


@transaction.atomic
def balayer(fermeture: Fermeture, par, maintenant: datetime, depuis: date | None = None) -> Prevision:
    """Cancel what is booked on closed days (from `depuis`: all of them), free the places, tell the families. Twice is
    once.
    """
    fait = prevoir(fermeture, None, maintenant.astimezone(PARIS).date())
    touchees = [r.pk for r in fait.reservations if depuis is None or r.jour >= depuis]
    finies = {r.pk for r in places.fermer(touchees, par, maintenant, motif_de(fermeture))}
    fait.reservations = [r for r in fait.reservations if r.pk in finies]
    prevenir(str(fermeture.pk), fermeture.motif, fait.reservations, "fermeture")
    return fait


def prevenir_de_la_reouverture(fermeture: Fermeture, rouvertes: Iterable[Reservation]) -> None:
    """Days cancelled for nothing: the families may ask them again (nobody is booked again behind their back)."""
    prevenir(str(fermeture.pk), fermeture.motif, rouvertes, "reouverture")


def prevenir(cause: str, motif: str, reservations: Iterable[Reservation], quoi: str) -> None:
    """One e-mail a family and an address; `quoi` names the template, `cause` and the rows make it unique."""
    par_famille: dict[Famille, list[Reservation]] = defaultdict(list)
    for r in reservations:
        par_famille[r.payeur].append(r)
    for famille, lignes in par_famille.items():
        for rang, adresse in enumerate(famille.adresses_courriel()):
            poster(
                f"{quoi}:{cause}:{lignes[0].pk}:{lignes[-1].pk}:{rang}",
                adresse,
                f"courriels/{quoi}.txt",
                {"motif": motif, "reservations": lignes},
            )


def balayer_tout(maintenant: datetime) -> str:
    """Scheduled: closures whose sweep was cut short. Days to come only: what an agent decided since of a past day
    stands.
    """
    jour = maintenant.astimezone(PARIS).date()
    a_venir = Fermeture.objects.filter(au__gte=jour).order_by("pk")
    annulees = sum(len(balayer(f, None, maintenant, jour).reservations) for f in a_venir)
    return f"{annulees} réservations annulées"
