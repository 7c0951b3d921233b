from .demande import CompteurDemande, Demande
from .depot import Depot
from .etats import ACCEPTEES, ATTEND_LA_MAIRIE, EN_COURS, AChange, DejaTraitee, Etat
from .pieces import PIECES_MAX
from .reglage import MotifRefus, ReglageDemande, automatisable
from .suite import DemandeEvenement, DemandeJour, LectureDemande, PieceDemande

__all__ = [
    "ACCEPTEES",
    "ATTEND_LA_MAIRIE",
    "EN_COURS",
    "PIECES_MAX",
    "AChange",
    "CompteurDemande",
    "DejaTraitee",
    "Demande",
    "DemandeEvenement",
    "DemandeJour",
    "Depot",
    "Etat",
    "LectureDemande",
    "MotifRefus",
    "PieceDemande",
    "ReglageDemande",
    "automatisable",
]
