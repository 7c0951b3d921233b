"""Where a campagne stands: figures read from the rows, never stored."""

from dataclasses import dataclass
from datetime import timedelta

from django.db.models import Count, Max, Q, QuerySet, Sum
from django.utils import timezone

from facturation.models import Brouillon, Campagne

# Past this number of invoices the work goes to the worker: a request must answer in a few seconds.
EN_LIGNE_MAX = 20
PAR_PAGE = 100
# An invoice takes a fraction of a second: nothing for that long, and the worker is taken for dead.
SANS_NOUVELLES = timedelta(minutes=5)


@dataclass(frozen=True)
class Suivi:
    """Counts of drafts and invoices; amounts in cents. `en_cours`: the worker is at it; `arretee`: it was asked to, and
    nothing comes.
    """

    brouillons: int
    total: int
    bloques: int
    avertis: int
    echecs: int
    emises: int
    total_emis: int
    a_emettre: int
    total_a_emettre: int
    avertis_a_emettre: int
    en_cours: bool
    arretee: bool

    @property
    def attendues(self) -> int:
        return self.emises + self.a_emettre


def _prets(campagne: Campagne) -> Q:
    """The drafts an issue would make invoices of."""
    deja = campagne.factures.vives().values("famille")
    return Q(bloque=False, total_centimes__gt=0) & ~Q(famille__in=deja)


def a_regarder(campagne: Campagne) -> QuerySet[Brouillon]:
    """Of those, the ones the draft warns about; two queries."""
    avertis = campagne.brouillons.filter(_prets(campagne)).exclude(anomalies=[])
    return (
        avertis.order_by("famille__numero")
        .select_related("famille")
        .prefetch_related("famille__responsables")
    )


def suivre(campagne: Campagne) -> Suivi:
    """Two queries."""
    factures = campagne.factures.vives().aggregate(
        nombre=Count("pk"), total=Sum("total_centimes"), derniere=Max("emise_le")
    )
    prets, demandee = _prets(campagne), campagne.emission_demandee_le
    signes = [quand for quand in (demandee, factures["derniere"]) if quand]
    vivante = bool(signes) and timezone.now() - max(signes) < SANS_NOUVELLES
    compte = campagne.brouillons.aggregate(
        nombre=Count("pk"),
        total=Sum("total_centimes"),
        bloques=Count("pk", filter=Q(bloque=True)),
        avertis=Count("pk", filter=Q(bloque=False) & ~Q(anomalies=[])),
        echecs=Count("pk", filter=~Q(erreur="")),
        a_emettre=Count("pk", filter=prets),
        total_a_emettre=Sum("total_centimes", filter=prets),
        avertis_a_emettre=Count("pk", filter=prets & ~Q(anomalies=[])),
    )
    return Suivi(
        brouillons=compte["nombre"],
        total=compte["total"] or 0,
        bloques=compte["bloques"],
        avertis=compte["avertis"],
        echecs=compte["echecs"],
        emises=factures["nombre"],
        total_emis=factures["total"] or 0,
        a_emettre=compte["a_emettre"],
        total_a_emettre=compte["total_a_emettre"] or 0,
        avertis_a_emettre=compte["avertis_a_emettre"],
        en_cours=demandee is not None and vivante,
        arretee=demandee is not None and not vivante,
    )
