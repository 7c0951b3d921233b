"""Scheduled work: what became of the days while nobody looked at the demande."""

import logging
from datetime import datetime

from django.db.models import Exists, OuterRef

from demandes.models import Demande, DemandeJour
from demandes.models.etats import ATTENDENT
from enfants import places

journal = logging.getLogger(__name__)
COMPLET = "Complet\N{NO-BREAK SPACE}: aucune place ne s’est libérée."


def solder_les_demandes(maintenant: datetime) -> str:
    """Refuse the waiting days that are over, then close the demandes whose days are all settled.

    Nothing depends on it: the pages read the days themselves (`Demande.etat_lu`). Says what it did.
    """
    perdus = sum(_refuser(pk, maintenant) for pk in places.perdues(maintenant))
    jours = DemandeJour.objects.filter(demande=OuterRef("pk"))
    ouverts = jours.filter(decision="", reservation__etat__in=ATTENDENT)
    finies = Demande.objects.en_cours().filter(Exists(jours), ~Exists(ouverts)).order_by("pk")
    closes = sum(_constater(demande, maintenant) for demande in finies)
    return f"{perdus} jours restés complets, {closes} demandes closes"


def _refuser(pk: int, maintenant: datetime) -> bool:
    try:
        return bool(places.decider([pk], False, None, maintenant, motif=COMPLET))
    except Exception as erreur:
        # The row number and the kind of error only: an exception's text may hold personal data.
        journal.error("Jour %s non soldé : %s", pk, type(erreur).__name__)
        return False


def _constater(demande: Demande, maintenant: datetime) -> bool:
    """One bad row must not stop the others: it is logged, and tried again at the next run."""
    try:
        return demande.constater(maintenant)
    except Exception as erreur:
        journal.error("Demande %s non soldée : %s", demande.numero, type(erreur).__name__)
        return False
