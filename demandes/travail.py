"""Scheduled work: what became of the days while nobody looked at the demande."""

from datetime import datetime

from django.db.models import Exists, OuterRef
from django.utils import timezone

from demandes.models import Demande, DemandeJour
from demandes.models.etats import ATTENDENT
from enfants import places
from enfants.models import Etat as EtatJour

COMPLET = "Complet\N{NO-BREAK SPACE}: aucune place ne s’est libérée."


def solder_les_demandes(maintenant: datetime) -> str:
    """Refuse the waiting days that are over, then close the demandes whose days are all settled.

    Nothing depends on it: the pages read the days themselves (`Demande.etat_lu`). Says what it did.
    """
    perdus = DemandeJour.objects.filter(
        decision="",
        reservation__etat=EtatJour.EN_ATTENTE,
        reservation__jour__lt=timezone.localdate(maintenant),
    )
    ids = list(perdus.order_by("pk").values_list("reservation_id", flat=True))
    if ids:
        places.decider(ids, False, None, maintenant, motif=COMPLET)
    jours = DemandeJour.objects.filter(demande=OuterRef("pk"))
    ouverts = jours.filter(decision="", reservation__etat__in=ATTENDENT)
    finies = Demande.objects.en_cours().filter(Exists(jours), ~Exists(ouverts)).order_by("pk")
    closes = sum(demande.constater(maintenant) for demande in finies)
    return f"{len(ids)} jours restés complets, {closes} demandes closes"
