"""The rows of a planning: four queries, whatever the number of children, services and days."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from django.db.models import OuterRef, Q, Subquery

from enfants.calendrier import calendrier_du
from enfants.models import Enfant, Etat, Inscription, Pointage, Reservation
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
    inscriptions = Inscription.objects.filter(enfant__in=enfants)
    du_mois = Q(du__lte=au) & (Q(au__isnull=True) | Q(au__gte=du))
    inscriptions = inscriptions.filter(du_mois | Q(famille=famille) if toutes else du_mois)
    par_enfant = {enfant.pk: enfant for enfant in enfants}
    lignes = list(
        inscriptions.select_related(
            "prestation__structure",
            "prestation__limite_reservation",
            "prestation__limite_annulation",
            "famille",
        )
        .annotate(
            payeur_nom=Subquery(titulaire.values("nom")[:1]),
            payeur_prenom=Subquery(titulaire.values("prenom")[:1]),
        )
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
        # In Python: SQLite's UPPER leaves accents alone.
        nom = f"{(ligne.payeur_nom or '').upper()} {ligne.payeur_prenom or ''}".strip()
        ligne.payeur = nom or str(ligne.famille)
    return Entrees(
        enfants=enfants,
        inscriptions=lignes,
        reservations=list(
            map(
                Reservee._make,
                Reservation.objects.filter(
                    # Of the other household: what it holds, as on the home page, not what it was refused.
                    Q(payeur=famille) | ~Q(etat__in=(Etat.REFUSEE, Etat.ANNULEE)),
                    enfant__in=enfants,
                    jour__range=(du, au),
                )
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
