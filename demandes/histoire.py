"""The history of a booked day in a parent's words. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from enfants.models import Etat, ReservationEvenement
from familles.models import Utilisateur


@dataclass(frozen=True)
class Etape:
    """What happened, when, by whom, why."""

    quoi: str
    le: datetime
    qui: str
    motif: str
    refus: bool


# (from, to) → words; then by state alone.
PASSAGES = {
    ("", Etat.DEMANDEE): "Réservation demandée",
    ("", Etat.EN_ATTENTE): "Inscrit sur la liste d’attente",
    ("", Etat.RESERVEE): "Réservé",
    (Etat.DEMANDEE, Etat.RESERVEE): "Réservation acceptée",
    (Etat.EN_ATTENTE, Etat.RESERVEE): "Sorti de la liste d’attente, c’est réservé",
    (Etat.EN_ATTENTE, Etat.DEMANDEE): "Sorti de la liste d’attente, la mairie doit accepter",
    (Etat.DEMANDEE, Etat.ANNULEE): "Demande retirée",
    (Etat.EN_ATTENTE, Etat.ANNULEE): "Demande retirée",
    (Etat.RESERVEE, Etat.ANNULEE): "Réservation annulée",
    (Etat.RESERVEE, Etat.ABSENT_EXCUSE): "Absence déclarée à temps, rien ne sera facturé",
    (Etat.RESERVEE, Etat.ABSENT_FACTURE): "Absence hors délai, facturée",
    (Etat.ABSENCE_DEMANDEE, Etat.ABSENT_EXCUSE): "Absence excusée",
    (Etat.ABSENCE_DEMANDEE, Etat.ABSENT_FACTURE): "Absence facturée",
    (Etat.ABSENCE_DEMANDEE, Etat.RESERVEE): "Absence retirée ou refusée, le jour reste réservé",
}
ETATS = {
    Etat.RESERVEE: "De nouveau réservé",
    Etat.REFUSEE: "Réservation refusée",
    Etat.ANNULEE: "Réservation annulée",
    Etat.ABSENCE_DEMANDEE: "Absence déclarée",
    Etat.ABSENT_EXCUSE: "Absence excusée",
    Etat.ABSENT_FACTURE: "Absence facturée",
    Etat.CONGE: "Congé",
}


def raconter(
    evenements: Iterable[ReservationEvenement], lecteur: Utilisateur, adultes: set[int]
) -> list[Etape]:
    """`lecteur`: who reads; `adultes`: log-ins of the household. Others are the town, whose agents are not named."""
    return [
        Etape(
            quoi=PASSAGES.get((e.de, e.vers)) or ETATS.get(e.vers) or Etat(e.vers).label,
            le=e.le,
            qui=_qui(e.par_id, lecteur, adultes),
            motif=e.motif,
            refus=e.vers == Etat.REFUSEE,
        )
        for e in evenements
    ]


def _qui(par_id: int | None, lecteur: Utilisateur, adultes: set[int]) -> str:
    if par_id is None:
        return "automatiquement"
    if par_id == lecteur.pk:
        return "par vous"
    return "par votre famille" if par_id in adultes else "par la mairie"
