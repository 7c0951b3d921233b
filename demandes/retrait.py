"""What a family is about to take back, to be read before it confirms."""

from collections import defaultdict

from demandes.models import Demande
from demandes.models.etats import ATTENDENT
from demandes.recap import LigneRecap, quand
from demandes.textes import noms, resume, titre
from enfants.models import Etat


def retrait(demande: Demande) -> dict:
    """Context of the page that asks to confirm: only the days that still wait go, what is accepted stays."""
    tous = [ligne.reservation for ligne in demande.jours.all()] if demande.genre.planning else []
    partent = [ligne.reservation for ligne in demande.jours.all() if _attend(ligne)] if tous else []
    groupes = defaultdict(list)
    for reservation in partent:
        groupes[reservation.enfant_id, reservation.prestation_id].append(reservation.jour)
    qui = noms((reservation.enfant, reservation.prestation) for reservation in partent)
    return {
        "demande": demande,
        "titre": titre(demande),
        "resume": "" if tous else resume(demande),
        "lignes": [LigneRecap(qui[cle], quand(jours)) for cle, jours in groupes.items()],
        "nombre": len(partent),
        "restent": len(tous) - len(partent),
        "rang_perdu": any(reservation.etat == Etat.EN_ATTENTE for reservation in partent),
    }


def _attend(ligne) -> bool:
    return not ligne.decision and ligne.reservation.etat in ATTENDENT
