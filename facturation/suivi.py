"""Where a campagne stands: figures read from the rows, never stored."""

from dataclasses import dataclass

from django.db.models import Count, Q, Sum

from facturation.models import Campagne

# Past this number of invoices the work goes to the worker: a request must answer in a few seconds.
EN_LIGNE_MAX = 20
PAR_PAGE = 100


@dataclass(frozen=True)
class Suivi:
    """Counts of drafts and invoices; amounts in cents."""

    brouillons: int
    total: int
    bloques: int
    avertis: int
    echecs: int
    emises: int
    total_emis: int
    a_emettre: int
    en_cours: bool

    @property
    def attendues(self) -> int:
        return self.emises + self.a_emettre


def suivre(campagne: Campagne) -> Suivi:
    """Two queries."""
    factures = campagne.factures.vives().aggregate(nombre=Count("pk"), total=Sum("total_centimes"))
    deja = campagne.factures.vives().values("famille")
    prets = Q(bloque=False, total_centimes__gt=0)
    compte = campagne.brouillons.aggregate(
        nombre=Count("pk"),
        total=Sum("total_centimes"),
        bloques=Count("pk", filter=Q(bloque=True)),
        avertis=Count("pk", filter=Q(bloque=False) & ~Q(anomalies=[])),
        echecs=Count("pk", filter=~Q(erreur="")),
        a_emettre=Count("pk", filter=prets & ~Q(famille__in=deja)),
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
        en_cours=campagne.emission_demandee_le is not None,
    )
