"""A place that freed is offered with the right to say no: declining costs nothing until a given instant."""

from dataclasses import dataclass
from datetime import datetime

from demandes.models import DejaTraitee, Demande
from demandes.textes import jours_en_mots
from enfants import places
from enfants.models import Reservation
from enfants.regles import instant_en_mots


@dataclass(frozen=True)
class PlaceLiberee:
    """A promoted day of a demande that may still be declined, and until when in words."""

    reservation: Reservation
    limite: str


def places_liberees(demande: Demande, maintenant: datetime) -> list[PlaceLiberee]:
    """Days of this demande (those its reader sees) that left the waiting list and may be declined for free."""
    if not demande.genre.planning:
        return []
    siennes = [jour.reservation for jour in demande.jours.all() if jour.action == jour.Action.RESERVER]
    return [
        PlaceLiberee(reservation, instant_en_mots(limite))
        for reservation, limite in places.limites_pour_decliner(siennes, maintenant)
    ]


def decliner(demande: Demande, reservation_id: int, par, maintenant: datetime) -> None:
    """Give back a freed place. Raises DejaTraitee (already done, or too late: an absence would be billed),
    ValidationError (the day changed meanwhile).
    """
    liberees = {p.reservation.pk: p.reservation for p in places_liberees(demande, maintenant)}
    if reservation_id not in liberees:
        raise DejaTraitee(
            "Cette place ne peut plus être déclinée. Si le jour est réservé, déclarez une absence depuis le planning."
        )
    reservation = liberees[reservation_id]
    texte = f"{reservation.enfant.prenom}, {reservation.prestation.nom}, {jours_en_mots([reservation.jour])}"
    demande.decliner(reservation, texte, par, maintenant)
