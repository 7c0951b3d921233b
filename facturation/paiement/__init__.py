"""Online payments. Whatever the order and number of notifications and returns: exactly one Reglement."""

from .base import BanqueInjoignable, Constat, DemandeRefusee, Fournisseur, NotificationInvalide
from .stripe import Stripe
from .verbes import (
    PaiementImpossible,
    affectation,
    constater,
    empechement,
    fermer_les_perimes,
    notifier,
    ouvrir,
)

__all__ = [
    "BanqueInjoignable",
    "Constat",
    "DemandeRefusee",
    "Fournisseur",
    "NotificationInvalide",
    "PaiementImpossible",
    "Stripe",
    "affectation",
    "constater",
    "empechement",
    "fermer_les_perimes",
    "notifier",
    "ouvrir",
]
