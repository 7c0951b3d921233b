"""Scheduled work: what became of the days while nobody looked at the demande."""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from django.db.models import Exists, OuterRef

from demandes.depots import vider
from demandes.models import Demande, DemandeJour, Depot
from demandes.models.etats import ATTENDENT
from enfants import places
from portail.socle.models import Collectivite

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
    closes = sum(_essayer(d, lambda d=d: d.constater(maintenant)) for d in finies)
    return f"{perdus} jours restés complets, {closes} demandes closes"


def facturer_sans_attestation(maintenant: datetime) -> str:
    """Bill the medical absences whose attestation did not come in the town's delay. Says how many demandes."""
    attendues = list(Demande.objects.sans_attestation())
    faites = sum(_essayer(d, lambda d=d: d.facturer_sans_attestation(maintenant)) for d in attendues)
    return f"{faites} demandes sans attestation"


def effacer_les_valeurs(maintenant: datetime) -> str:
    """Empty the bank and health demandes decided long enough ago, and delete their documents."""
    delai = timedelta(days=Collectivite.actuelle().conservation_demandes_jours)
    anciennes = list(Demande.objects.a_effacer(maintenant - delai))
    return f"{sum(_essayer(d, lambda d=d: d.effacer(maintenant)) for d in anciennes)} demandes effacées"


def supprimer_les_depots(maintenant: datetime) -> str:
    """Delete the documents of forms nobody sent within a day."""
    familles = (
        Depot.objects.oublies(maintenant).order_by("famille").values_list("famille", flat=True).distinct()
    )
    return f"{sum(vider(famille, maintenant) for famille in list(familles))} documents jamais envoyés"


def _refuser(pk: int, maintenant: datetime) -> bool:
    try:
        return bool(places.decider([pk], False, None, maintenant, motif=COMPLET))
    except Exception as erreur:
        # The row number and the kind of error only: an exception's text may hold personal data.
        journal.error("Jour %s non soldé : %s", pk, type(erreur).__name__)
        return False


def _essayer(demande: Demande, verbe: Callable[[], bool]) -> bool:
    """One bad row must not stop the others: it is logged, and tried again at the next run."""
    try:
        return verbe()
    except Exception as erreur:
        journal.error("Demande %s non soldée : %s", demande.numero, type(erreur).__name__)
        return False
