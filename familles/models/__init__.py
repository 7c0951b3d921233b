from .argent import Allocataire, CoordonneesBancaires, MandatSepa, QuotientFamilial, SituationFiscale
from .famille import Famille, Residence, Responsable
from .securite import Authentificateur, CodeDeSecours, Connexion, Tentative
from .utilisateur import Utilisateur, normaliser

__all__ = [
    "Allocataire",
    "Authentificateur",
    "CodeDeSecours",
    "Connexion",
    "CoordonneesBancaires",
    "Famille",
    "MandatSepa",
    "QuotientFamilial",
    "Residence",
    "Responsable",
    "SituationFiscale",
    "Tentative",
    "Utilisateur",
    "normaliser",
]
