"""What every bank must answer: start a payment and say where to go, read a notification, tell its state."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from facturation.models import PaiementEnLigne


class BanqueInjoignable(Exception):
    """The bank did not answer, or answered nonsense: try again later, nothing was decided."""


class DemandeRefusee(Exception):
    """The bank answered no to what was asked: asked again the same way, it would be no again."""

    def __init__(self, courriel: bool = False):
        self.courriel = courriel  # the e-mail address is what it does not want
        super().__init__()


class NotificationInvalide(Exception):
    """A notification that is not the bank's: wrong or old signature, unreadable body. No effect."""


@dataclass(frozen=True)
class Seance:
    """A payment page opened at the bank."""

    session: str
    url: str
    expire_le: datetime


@dataclass(frozen=True)
class Constat:
    """What the bank says of a payment page. Amount in cents.

    `etat`: « ouvert » (or paid by means that take days), « paye », « expire », « introuvable » (the bank knows no
    such page: the other fields are empty).
    """

    etat: str
    session: str = ""
    intention: str = ""
    centimes: int = 0
    devise: str = ""
    paiement: str = ""  # our own key, as we gave it to the bank


@dataclass(frozen=True)
class Notification:
    """A verified event: its key at the bank, its kind, the payment page it is about (empty: none of ours)."""

    evenement: str
    genre: str
    session: str


class Fournisseur(Protocol):
    """A bank. Every method that asks it something may raise BanqueInjoignable."""

    code: str
    minimum: int  # cents: the bank takes nothing below

    @property
    def ouvert(self) -> bool:
        """False: this portal has no contract (no key) with the bank."""

    def demarrer(self, paiement: PaiementEnLigne, retour: str) -> Seance:
        """Open the payment page; asked again with the same payment, it is the same page. Raises DemandeRefusee."""

    def constater(self, session: str) -> Constat:
        """The state of a payment page, read at the bank itself."""

    def fermer(self, session: str) -> Constat:
        """Close a payment page nobody paid, and say its last state (it may have been paid meanwhile)."""

    def lire(self, corps: bytes, signature: str) -> Notification:
        """A notification, verified. Raises NotificationInvalide."""
