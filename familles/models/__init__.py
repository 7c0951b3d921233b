from .argent import Allocataire, CoordonneesBancaires, MandatSepa, QuotientFamilial, SituationFiscale
from .famille import Famille, Residence, Responsable
from .utilisateur import Utilisateur, normaliser

__all__ = [
    "Allocataire",
    "CoordonneesBancaires",
    "Famille",
    "MandatSepa",
    "QuotientFamilial",
    "Residence",
    "Responsable",
    "SituationFiscale",
    "Utilisateur",
    "normaliser",
]
