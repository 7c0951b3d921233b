from .argent import Allocataire, CoordonneesBancaires, QuotientFamilial, SituationFiscale
from .famille import Famille, Residence, Responsable
from .mandat import MandatSepa, ModificationMandat
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
    "ModificationMandat",
    "QuotientFamilial",
    "Residence",
    "Responsable",
    "SituationFiscale",
    "Tentative",
    "Utilisateur",
    "normaliser",
]
