"""The real bank code under the portal's real Stripe code, over HTTP on loopback; what a test does at the counter."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import stripe
from django.db import transaction
from django.test import Client
from django.utils import timezone

from facturation.models import PaiementEnLigne
from facturation.paiement import Stripe, notifier
from portail.demonstration.banque import Banque
from tests.facturation import fabrique

CLE, SECRET = "sk_test_essai", "whsec_essai"
COURRIEL = "jean.dupont@exemple.fr"


class Guichet:
    """The bank and what people do there."""

    def __init__(self, banque: Banque):
        self.banque = banque
        self.avance = 0.0

    def __call__(self) -> float:
        """The bank's clock, moved by hand (`avance`, seconds)."""
        return time.time() + self.avance

    def choisir(self, url: str, choix: str) -> str:
        """Press a button of the bank's page; where it sends to ("" when it stays)."""
        adresse = urlsplit(url)
        connexion = HTTPConnection(adresse.hostname, adresse.port, timeout=5)
        connexion.request(
            "POST",
            adresse.path,
            urlencode({"choix": choix}),
            {"Content-Type": "application/x-www-form-urlencoded"},
        )
        reponse = connexion.getresponse()
        reponse.read()
        connexion.close()
        assert reponse.status in (200, 303), reponse.status
        return reponse.headers.get("Location", "")

    def modifier(self, session: str, **champs) -> None:
        """What the bank says of a session, changed behind the portal's back."""
        objet = self.banque.etat.lire("checkout.session", session)
        self.banque.etat._garder(objet | champs)

    def sessions(self) -> list[dict]:
        """Newest first."""
        return self.banque.etat.tous("checkout.session")

    def evenements(self, genre: str = "") -> list[dict]:
        """What the bank would send, oldest first."""
        tous = [{k: v for k, v in e.items() if k != "livraisons"} for e in self.banque.evenements()]
        return [e for e in tous if e["type"] == genre] if genre else tous


@contextmanager
def ouvrir_guichet(settings, chemin: Path, webhook_url: str = "") -> Iterator[Guichet]:
    guichet = Guichet(None)
    with Banque(chemin, webhook_url, SECRET, CLE, horloge=guichet, delais=(0.05,) * 5) as banque:
        guichet.banque = banque
        settings.STRIPE_API_BASE = banque.url
        settings.STRIPE_SECRET_KEY = CLE
        settings.STRIPE_WEBHOOK_SECRET = SECRET
        yield guichet


def signer(corps: str, instant: float | None = None, secret: str = SECRET) -> str:
    """Stripe's own signature of a body."""
    return stripe.WebhookSignature.generate_signature_header(corps, secret, int(instant or time.time()))


def livrer(evenement: dict, **options) -> int:
    """Post a signed notification; the status answered."""
    corps = json.dumps(evenement)
    return poster(corps, signer(corps, **options))


def poster(corps: str | bytes, signature: str | None) -> int:
    entetes = {} if signature is None else {"Stripe-Signature": signature}
    reponse = Client().post("/stripe/webhook/", corps, content_type="application/json", headers=entetes)
    return reponse.status_code


def notification(genre: str, session: str, **champs) -> dict:
    """A notification of ours, as the bank would write it."""
    return {
        "id": f"evt_{genre}_{session}",
        "object": "event",
        "type": f"checkout.session.{genre}",
        "livemode": False,
        "data": {"object": {"id": session, "object": "checkout.session"}},
    } | champs


def annoncer(genre: str, session: str) -> str:
    """The same without HTTP: what `notifier` made of it."""
    corps = json.dumps(notification(genre, session))
    return notifier(Stripe(), corps.encode(), signer(corps), timezone.now())


def facturer(famille, centimes: int, **champs):
    """`fabrique.facture` where the test itself is not a transaction (live server, threads)."""
    with transaction.atomic():
        return fabrique.facture(famille, centimes, **champs)


def envoyer(navigateur: Client, *references: str, courriel: str = COURRIEL):
    """The « Payer » button of the portal."""
    return navigateur.post("/paiement/", {"facture": references, "courriel": courriel})


def ouvrir(navigateur: Client, *references: str, courriel: str = COURRIEL) -> PaiementEnLigne:
    """The attempt whose bank page the button leads to."""
    reponse = envoyer(navigateur, *references, courriel=courriel)
    assert reponse.status_code == 302, reponse.content.decode()
    return PaiementEnLigne.objects.get(url=reponse.url)


def retour(navigateur: Client, paiement: PaiementEnLigne, suite: str = "") -> str:
    """The text of the page the bank sends back to."""
    reponse = navigateur.get(f"/paiement/{paiement.pk}/retour/{suite}")
    assert reponse.status_code == 200, reponse
    return reponse.content.decode()
