"""A place that freed is offered with the right to say no: declining costs nothing until a given instant."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from demandes.models import DejaTraitee, Demande, DemandeJour
from demandes.textes import jours_en_mots
from enfants import places
from enfants.models import Reservation
from enfants.places_attente import DECLINABLES
from enfants.regles import instant_en_mots
from familles.models import Famille
from portail.socle.lecture import Preparee

# Asked by every home page.
PROMUS = Preparee(
    lambda famille, jour: (
        DemandeJour.objects.filter(
            demande__famille=famille,
            action=DemandeJour.Action.RESERVER,
            reservation__promue_le__isnull=False,
            reservation__etat__in=DECLINABLES,
            reservation__jour__gte=jour,
        )
        .select_related("reservation")
        .order_by("pk")
    ),
    Famille._meta.pk,
    Reservation._meta.get_field("jour"),
)


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


def liberees_du_foyer(
    famille: Famille, jour: date, maintenant: datetime
) -> list[tuple[UUID, Reservation, datetime]]:
    """(demande, booking, until when) of every place this household may still decline, the first day first."""
    demandes = {ligne.reservation_id: ligne for ligne in PROMUS.objets(famille.pk, jour)}
    reservations = [ligne.reservation for ligne in demandes.values()]
    return [
        (demandes[reservation.pk].demande_id, reservation, limite)
        for reservation, limite in places.limites_pour_decliner(reservations, maintenant)
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
