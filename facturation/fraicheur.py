"""Whether a draft still says what the rows say.

Rows are compared with those the draft was computed from, never by instants: a row may bear an instant to come, one
that was deleted bears none, and a verb that began before the calculation may commit after it.
"""

from collections import defaultdict
from collections.abc import Iterable
from hashlib import sha256
from uuid import UUID

from django.db.models import Q, QuerySet

from enfants.models import Inscription, Pointage, Reservation
from facturation.models import Brouillon, Campagne, RegiePrestation
from familles.models import Famille


def lignes_de(
    campagne: Campagne, prestations: Iterable[int] = ()
) -> tuple[QuerySet[Reservation], QuerySet[Pointage]]:
    """The bookings and the attendance of its period, for the services its régie bills then, and these."""
    liens = RegiePrestation.objects.en_cours(campagne.du, campagne.au).filter(regie=campagne.regie)
    services = Q(prestation__in=liens.values("prestation")) | Q(prestation__in=prestations)
    periode = (campagne.du, campagne.au)
    return (
        Reservation.objects.filter(services, jour__range=periode),
        Pointage.objects.filter(services, jour__range=periode),
    )


class Lues:
    """The rows a calculation read, by payer and by child; the children each household is enrolled for."""

    def __init__(self, reservations: Iterable[Reservation], pointages: Iterable[Pointage]):
        self.par_payeur: dict[int, list[Reservation]] = defaultdict(list)
        self.par_enfant: dict[UUID, list[Reservation]] = defaultdict(list)
        self.pointages: dict[UUID, list[Pointage]] = defaultdict(list)
        for r in reservations:
            self.par_payeur[r.payeur_id].append(r)
            self.par_enfant[r.enfant_id].append(r)
        for p in pointages:
            self.pointages[p.enfant_id].append(p)
        self.inscrits: dict[int, set[UUID]] = defaultdict(set)
        inscriptions = Inscription.objects.filter(enfant__in=self.par_enfant.keys() | self.pointages.keys())
        for famille, enfant in inscriptions.order_by().values_list("famille", "enfant"):
            self.inscrits[famille].add(enfant)

    def empreinte(self, famille: int, lignes: list[dict]) -> str:
        """What its bookings, those of its children and of these lines', and their attendance say."""
        enfants = _enfants(lignes) | self.inscrits[famille]
        reservations = [*self.par_payeur[famille], *(r for e in enfants for r in self.par_enfant[e])]
        return _empreinte(reservations, (p for e in enfants for p in self.pointages[e]))


def perime(campagne: Campagne, famille: Famille, brouillon: Brouillon) -> bool:
    """A booking or an attendance of the period moved since the draft was computed. Two queries."""
    reservations, pointages = lignes_de(campagne, {ligne["prestation"] for ligne in brouillon.lignes})
    # Of a child without a line yet too: who comes unbooked is billed to the household that enrolled it.
    inscrits = Inscription.objects.filter(famille=famille).order_by().values("enfant")
    enfants = Q(enfant__in=_enfants(brouillon.lignes)) | Q(enfant__in=inscrits)
    siennes = reservations.filter(Q(payeur=famille) | enfants)
    return brouillon.empreinte != _empreinte(siennes, pointages.filter(enfants))


def _enfants(lignes: list[dict]) -> set[UUID]:
    return {UUID(ligne["enfant"]) for ligne in lignes}


def _empreinte(reservations: Iterable[Reservation], pointages: Iterable[Pointage]) -> str:
    """Of all that makes a price, in no order."""
    lignes = {
        f"r {r.pk} {r.payeur_id} {r.enfant_id} {r.prestation_id} {r.jour} {r.etat} {r.hors_delai}"
        for r in reservations
    }
    lignes |= {
        f"p {p.enfant_id} {p.prestation_id} {p.jour} {p.present} {p.arrivee} {p.depart}" for p in pointages
    }
    return sha256("\n".join(sorted(lignes)).encode()).hexdigest()
