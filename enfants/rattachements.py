"""The end of a child's attachment to a household: what it cuts, in one step."""

from datetime import date, datetime, timedelta

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Exists, Q
from django.utils.timezone import localdate

from enfants import places
from enfants.models import Enfant, Inscription, Rattachement, Reservation
from enfants.models.reservation import presences
from familles.models import Famille
from portail.socle.traces import tracer
from portail.socle.verrous import verrouiller, verrouiller_un

MOTIF = "Fin du rattachement à la famille"


class FinImpossible(ValidationError):
    """Why this attachment cannot end that day, as a sentence for the agent."""


def reservations_apres(rattachement: Rattachement, jour: date, aujourdhui: date):
    """Bookings and asks this household would hold without right: its own, for this child, after its last day.

    Days gone by stay (billed, or to be), and where the child is noted present. None at all when another attachment
    of the same two holds on after that day.
    """
    jour = max(jour, veille(aujourdhui))
    autres = Rattachement.objects.filter(
        Q(au__isnull=True) | Q(au__gt=jour), enfant=rattachement.enfant_id, famille=rattachement.famille_id
    ).exclude(pk=rattachement.pk)
    lignes = Reservation.objects.filter(
        enfant=rattachement.enfant_id,
        payeur=rattachement.famille_id,
        jour__gt=jour,
        etat__in=places.ANNULABLES,
    ).exclude(Exists(presences()))
    lignes = lignes.none() if autres.exists() else lignes
    return lignes.select_related("prestation__structure", "enfant").order_by(
        "jour", "prestation__ordre", "pk"
    )


def verifier(rattachement: Rattachement, jour: date, aujourdhui: date) -> None:
    """Raises FinImpossible. `jour` is the last day of the attachment; yesterday cuts the view at once."""
    if rattachement.au is not None and rattachement.au <= jour:
        raise FinImpossible(f"Ce rattachement est déjà terminé depuis le {rattachement.au:%d/%m/%Y}.")
    # One that began today (by mistake) may still end yesterday: it then never held.
    if jour < rattachement.du and rattachement.du < aujourdhui:
        raise FinImpossible(
            f"Ce rattachement commence le {rattachement.du:%d/%m/%Y}\N{NO-BREAK SPACE}: il ne peut pas finir avant."
        )


@transaction.atomic
def terminer(rattachement: Rattachement, jour: date, par, maintenant: datetime) -> list[Reservation]:
    """End it: `jour` is its last day. The household's bookings after it are cancelled, its inscriptions end.

    Returns the cancelled bookings. Its invoices, relevé and past days stay. Raises FinImpossible.
    Locks famille, then the child with those who wait for its places, then places (`places.annuler`).
    """
    famille = verrouiller_un(Famille.objects.filter(pk=rattachement.famille_id))
    places.tenir_les_enfants(rattachement.enfant, jour, payeur=famille)
    ligne = verrouiller_un(Rattachement.objects.filter(pk=rattachement.pk))
    verifier(ligne, jour, localdate(maintenant))
    avant = {"du": ligne.du.isoformat(), "au": ligne.au.isoformat() if ligne.au else None}
    ligne.du, ligne.au = min(ligne.du, jour), jour
    ligne.save(update_fields=["du", "au"])
    rattachement.du, rattachement.au = ligne.du, ligne.au
    # An earlier day is written as it is; what happened since then stands, and is still billed.
    annulees, inscriptions = _couper(ligne, max(jour, veille(localdate(maintenant))), par, maintenant)
    _tracer(ligne, famille, par, annulees, inscriptions, avant=avant)
    return annulees


def tenir(enfant: Enfant, jour: date) -> None:
    """Hold all that `suivre_la_fin` may touch of this child. Inside a transaction that writes the child's row: after it,
    these locks would be out of order.
    """
    liens = Rattachement.objects.filter(enfant=enfant)
    verrouiller(Famille.objects.filter(pk__in=liens.order_by().values("famille")))
    places.tenir_les_enfants(enfant, jour)


@transaction.atomic
def suivre_la_fin(rattachement: Rattachement, par, maintenant: datetime) -> list[Reservation]:
    """What follows when the last day was typed in the child's page: the same cancellations, the same trace.

    Does nothing, and leaves no trace, where nothing is left to cut.
    """
    famille = verrouiller_un(Famille.objects.filter(pk=rattachement.famille_id))
    fin = max(rattachement.au, localdate(maintenant))
    places.tenir_les_enfants(rattachement.enfant, fin, payeur=famille)
    annulees, inscriptions = _couper(rattachement, fin, par, maintenant)
    if annulees or inscriptions:
        _tracer(rattachement, famille, par, annulees, inscriptions)
    return annulees


def _couper(
    ligne: Rattachement, jour: date, par, maintenant: datetime
) -> tuple[list[Reservation], list[int]]:
    a_annuler = reservations_apres(ligne, jour, localdate(maintenant))
    annulables = list(a_annuler.values_list("pk", flat=True))
    return places.annuler(annulables, par, maintenant, MOTIF), _clore_inscriptions(ligne, jour)


def _tracer(ligne: Rattachement, famille: Famille, par, annulees, inscriptions: list[int], **detail) -> None:
    tracer(
        par,
        "rattachement.terminer",
        ligne,
        famille=famille,
        enfant=str(ligne.enfant_id),
        dernier_jour=ligne.au.isoformat(),
        reservations_annulees=[r.pk for r in annulees],
        inscriptions_closes=inscriptions,
        **detail,
    )


def _clore_inscriptions(rattachement: Rattachement, jour: date) -> list[int]:
    """This household's inscriptions of the child go no further (a typical week would book again)."""
    encore = Rattachement.objects.filter(
        Q(au__isnull=True) | Q(au__gt=jour), enfant=rattachement.enfant_id, famille=rattachement.famille_id
    )
    if encore.exists():
        return []
    ouvertes = Inscription.objects.filter(
        Q(au__isnull=True) | Q(au__gt=jour), enfant=rattachement.enfant_id, famille=rattachement.famille_id
    )
    closes = list(ouvertes.order_by("pk"))
    for inscription in closes:
        inscription.du, inscription.au = min(inscription.du, jour), jour
    Inscription.objects.bulk_update(closes, ["du", "au"])
    return [inscription.pk for inscription in closes]


def veille(aujourdhui: date) -> date:
    """The last day that cuts the view at the very next request."""
    return aujourdhui - timedelta(1)
