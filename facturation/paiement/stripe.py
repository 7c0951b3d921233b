"""Stripe Checkout. In demonstration mode the same code talks to our own small bank (STRIPE_API_BASE)."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import stripe
from django.conf import settings

from facturation.models import PaiementEnLigne

from .base import BanqueInjoignable, Constat, DemandeRefusee, Notification, NotificationInvalide, Seance

# Stripe's documentation: a Checkout Session lives from 30 minutes to 24 hours after its creation. 45 leaves a quarter
# of an hour to ask again with the same key (verbes.REPRISE).
DUREE = timedelta(minutes=45)
# Seconds between a notification's signature and now, both ways (Stripe's library only refuses the past).
TOLERANCE = 300
GENRES = (
    "checkout.session.completed",
    "checkout.session.async_payment_succeeded",
    "checkout.session.async_payment_failed",
    "checkout.session.expired",
)
ETATS = {"paid": "paye", "no_payment_required": "paye"}
# Seconds to connect, then to answer: stripe-python waits 80 by default, longer than a web worker lives.
TRANSPORT = stripe.RequestsClient(timeout=(3, 8))


class Stripe:
    """Card payments by Stripe Checkout (https://docs.stripe.com/payments/checkout)."""

    code = PaiementEnLigne.Fournisseur.STRIPE
    minimum = 50  # https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts

    def __init__(self) -> None:
        adresses = {"api": settings.STRIPE_API_BASE} if settings.STRIPE_API_BASE else None
        self.client = stripe.StripeClient(
            settings.STRIPE_SECRET_KEY,
            base_addresses=adresses,
            max_network_retries=1,
            http_client=TRANSPORT,
        )

    @property
    def ouvert(self) -> bool:
        return bool(settings.STRIPE_SECRET_KEY)

    @property
    def sessions(self):
        return self.client.v1.checkout.sessions

    def demarrer(self, paiement: PaiementEnLigne, retour: str) -> Seance:
        # Everything here comes from the row: asked again, the same key has the same parameters.
        options = {"idempotency_key": paiement.cle_idempotence}
        with _a_la_banque():
            try:
                session = self.sessions.create(_demande(paiement, retour), options)
            except (stripe.InvalidRequestError, stripe.IdempotencyError) as erreur:
                raise DemandeRefusee(courriel=erreur.code == "email_invalid") from erreur
            return Seance(str(session.id), str(session.url), datetime.fromtimestamp(session.expires_at, UTC))

    def constater(self, session: str) -> Constat:
        with _a_la_banque():
            try:
                return _constat(self.sessions.retrieve(session))
            except stripe.InvalidRequestError as erreur:
                if erreur.code == "resource_missing":
                    return Constat("introuvable")
                raise

    def fermer(self, session: str) -> Constat:
        with _a_la_banque():
            try:
                return _constat(self.sessions.expire(session))
            except stripe.InvalidRequestError:
                # Not open any more: paid or expired, its state says which.
                return self.constater(session)

    def lire(self, corps: bytes, signature: str) -> Notification:
        try:
            stripe.WebhookSignature.verify_header(
                corps.decode(), signature, settings.STRIPE_WEBHOOK_SECRET, tolerance=TOLERANCE
            )
            if _signee_le(signature) > time.time() + TOLERANCE:
                raise NotificationInvalide
            contenu = json.loads(corps)
            objet = contenu["data"]["object"]
            session = str(objet["id"]) if contenu["type"] in GENRES else ""
            # An event of Stripe's other mode (test or live) is about money that is not ours.
            if contenu["livemode"] is not settings.STRIPE_SECRET_KEY.startswith(("sk_live", "rk_live")):
                session = ""
            return Notification(str(contenu["id"]), str(contenu["type"]), session)
        except (stripe.SignatureVerificationError, ValueError, KeyError, TypeError, AttributeError) as erreur:
            raise NotificationInvalide from erreur


@contextmanager
def _a_la_banque() -> Iterator[None]:
    """Whatever goes wrong when asking Stripe, an answer that makes no sense included, is BanqueInjoignable."""
    try:
        yield
    except (stripe.StripeError, AttributeError, KeyError, TypeError, ValueError) as erreur:
        raise BanqueInjoignable from erreur


def _demande(paiement: PaiementEnLigne, retour: str) -> dict:
    cle = {"paiement": str(paiement.pk)}
    return {
        "mode": "payment",
        # The règlement says « carte bancaire », and a card answers at once.
        "payment_method_types": ["card"],
        "locale": "fr",
        "customer_email": paiement.courriel_recu,
        "client_reference_id": str(paiement.pk),
        "metadata": cle,
        "payment_intent_data": {"metadata": cle},
        "line_items": [
            {
                "quantity": 1,
                "price_data": {
                    "currency": "eur",
                    "unit_amount": ligne.centimes,
                    "product_data": {"name": f"Facture {ligne.facture.reference}"},
                },
            }
            for ligne in paiement.lignes.select_related("facture").order_by("pk")
        ],
        "expires_at": int((paiement.cree_le + DUREE).timestamp()),
        "success_url": retour,
        "cancel_url": f"{retour}?abandon=1",
    }


def _constat(session: stripe.checkout.Session) -> Constat:
    etat = ETATS.get(session.payment_status, "expire" if session.status == "expired" else "ouvert")
    # A StripeObject is no dict: it has `in` and [], not get().
    metadonnees = session.metadata or {}
    return Constat(
        etat=etat,
        session=session.id,
        intention=str(session.payment_intent or ""),
        centimes=session.amount_total or 0,
        devise=session.currency or "",
        paiement=str(metadonnees["paiement"]) if "paiement" in metadonnees else "",
    )


def _signee_le(signature: str) -> int:
    """The instant (epoch) of a Stripe-Signature header already verified."""
    return next(int(v) for nom, _, v in (m.partition("=") for m in signature.split(",")) if nom == "t")
