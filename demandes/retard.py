"""Absences told too late: which days stay billed, and the limit each of them passed."""

from demandes.models import Demande
from demandes.types import Absences
from enfants import regles
from enfants.calendrier import calendrier_du
from enfants.models import Reservation
from enfants.places_examen import limite_absence


def retards(demande: Demande) -> dict[int, str]:
    """Reservation → « Trop tard : il fallait prévenir avant lundi 23, 12 h. », of the days billed since they were told
    too late (two queries when there are some). What the town decided later has its own reason.
    """
    if demande.type != Absences.code or not (factures := demande.jours_factures):
        return {}
    lignes = list(
        Reservation.objects.filter(pk__in=[j.reservation_id for j in factures])
        .select_related("prestation__limite_annulation")
        .order_by("jour", "pk")
    )
    calendrier = calendrier_du(lignes[0].jour, lignes[-1].jour)
    limites = [(r, limite_absence(r, calendrier)) for r in lignes]
    return {
        r.pk: regles.phrase_trop_tard(limite, r.jour, "prévenir")
        for r, limite in limites
        if regles.est_passe(limite, demande.envoyee_le)
    }
