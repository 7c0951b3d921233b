from .facture import Brouillon, Campagne, Facture, LigneFacture
from .paiement import EvenementPaiement, LignePaiement, PaiementEnLigne
from .regie import Compteur, Regie, RegiePrestation
from .reglement import Imputation, PriseEnChargeTresor, Reglement
from .tarif import Tarif, TrancheTarif

__all__ = [
    "Brouillon",
    "Campagne",
    "Compteur",
    "EvenementPaiement",
    "Facture",
    "Imputation",
    "LigneFacture",
    "LignePaiement",
    "PaiementEnLigne",
    "PriseEnChargeTresor",
    "Regie",
    "RegiePrestation",
    "Reglement",
    "Tarif",
    "TrancheTarif",
]
