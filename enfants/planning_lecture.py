"""The rows of a planning: four queries, whatever the number of children, services and days."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from django.db.models import F, OuterRef, Q, Subquery, Value
from django.db.models.functions import Concat, Upper

from enfants.calendrier import calendrier_du
from enfants.models import Enfant, Inscription, Pointage, Reservation
from enfants.planning import Entrees, Reservee
from familles.models import Famille, Responsable

# Holiday services name their next day: the calendar is read that far ahead.
AVANCE = timedelta(days=150)


def lire(
    enfants: Sequence[Enfant],
    famille: Famille,
    jours: Sequence[date],
    maintenant: datetime,
    toutes: bool = False,
) -> Entrees:
    """Rows of these children on these days. `toutes`: ended or future inscriptions of the family too."""
    du, au = jours[0], jours[-1]
    titulaire = Responsable.objects.filter(famille=OuterRef("famille"), rang=Responsable.Rang.TITULAIRE)
    nom_du_payeur = titulaire.annotate(affiche=Concat(Upper("nom"), Value(" "), F("prenom"))).values(
        "affiche"
    )
    inscriptions = Inscription.objects.filter(enfant__in=enfants)
    du_mois = Q(du__lte=au) & (Q(au__isnull=True) | Q(au__gte=du))
    inscriptions = inscriptions.filter(du_mois | Q(famille=famille) if toutes else du_mois)
    par_enfant = {enfant.pk: enfant for enfant in enfants}
    lignes = list(
        inscriptions.select_related(
            "prestation__structure", "prestation__limite_reservation", "prestation__limite_annulation"
        )
        .annotate(payeur=Subquery(nom_du_payeur[:1]))
        .order_by(
            "prestation__structure__ordre",
            "prestation__structure__nom",
            "prestation__ordre",
            "prestation__nom",
            "pk",
        )
    )
    for ligne in lignes:
        ligne.enfant = par_enfant[ligne.enfant_id]
    return Entrees(
        enfants=enfants,
        inscriptions=lignes,
        reservations=list(
            map(
                Reservee._make,
                Reservation.objects.filter(enfant__in=enfants, jour__range=(du, au))
                .order_by()
                .values_list(*Reservee._fields),
            )
        ),
        pointages=list(
            Pointage.objects.filter(enfant__in=enfants, jour__range=(du, au))
            .select_related("prestation__structure")
            .order_by("jour", "pk")
        ),
        calendrier=calendrier_du(du, au + AVANCE),
        jours=jours,
        maintenant=maintenant,
        famille_id=famille.pk,
    )
