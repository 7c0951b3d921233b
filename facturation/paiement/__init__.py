"""Online payments. Whatever the order and number of notifications and returns: exactly one Reglement."""

from .base import BanqueInjoignable, Constat, Fournisseur, NotificationInvalide
from .stripe import Stripe
from .verbes import PaiementImpossible, constater, notifier, ouvrir

__all__ = [
    "BanqueInjoignable",
    "Constat",
    "Fournisseur",
    "NotificationInvalide",
    "PaiementImpossible",
    "Stripe",
    "constater",
    "notifier",
    "ouvrir",
]
