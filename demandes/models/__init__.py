from .demande import CompteurDemande, Demande
from .etats import ACCEPTEES, ATTEND_LA_MAIRIE, EN_COURS, AChange, DejaTraitee, Etat
from .reglage import MotifRefus, ReglageDemande, automatisable
from .suite import DemandeEvenement, DemandeJour, LectureDemande, PieceDemande

__all__ = [
    "ACCEPTEES",
    "ATTEND_LA_MAIRIE",
    "EN_COURS",
    "AChange",
    "CompteurDemande",
    "DejaTraitee",
    "Demande",
    "DemandeEvenement",
    "DemandeJour",
    "Etat",
    "LectureDemande",
    "MotifRefus",
    "PieceDemande",
    "ReglageDemande",
    "automatisable",
]
