"""Stripe Checkout. In demonstration mode the same code talks to our own small bank (STRIPE_API_BASE)."""

import json
from datetime import UTC, datetime, timedelta

import stripe
from django.conf import settings

from facturation.models import PaiementEnLigne

from .base import BanqueInjoignable, Constat, Notification, NotificationInvalide, Seance

# Stripe's documentation: a Checkout Session lives from 30 minutes to 24 hours.
DUREE = timedelta(minutes=45)
GENRES = (
    "checkout.session.completed",
    "checkout.session.async_payment_succeeded",
    "checkout.session.async_payment_failed",
    "checkout.session.expired",
)
ETATS = {"paid": "paye", "no_payment_required": "paye"}


class Stripe:
    """Card payments by Stripe Checkout (https://docs.stripe.com/payments/checkout)."""

    code = PaiementEnLigne.Fournisseur.STRIPE

    def __init__(self) -> None:
        adresses = {"api": settings.STRIPE_API_BASE} if settings.STRIPE_API_BASE else None
        self.client = stripe.StripeClient(
            settings.STRIPE_SECRET_KEY, base_addresses=adresses, max_network_retries=1
        )

    @property
    def sessions(self):
        return self.client.v1.checkout.sessions

    def demarrer(self, paiement: PaiementEnLigne, retour: str) -> Seance:
        expire = paiement.cree_le + DUREE
        cle = {"paiement": str(paiement.pk)}
        try:
            session = self.sessions.create(
                {
                    "mode": "payment",
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
                        for ligne in paiement.lignes.select_related("facture")
                    ],
                    "expires_at": int(expire.timestamp()),
                    "success_url": retour,
                    "cancel_url": f"{retour}?abandon=1",
                },
                {"idempotency_key": paiement.cle_idempotence},
            )
        except stripe.StripeError as erreur:
            raise BanqueInjoignable from erreur
        return Seance(session.id, session.url or "", datetime.fromtimestamp(session.expires_at, UTC))

    def constater(self, session: str) -> Constat:
        try:
            return _constat(self.sessions.retrieve(session))
        except stripe.StripeError as erreur:
            raise BanqueInjoignable from erreur

    def fermer(self, session: str) -> Constat:
        try:
            return _constat(self.sessions.expire(session))
        except stripe.InvalidRequestError:
            # Not open any more: paid or expired, its state says which.
            return self.constater(session)
        except stripe.StripeError as erreur:
            raise BanqueInjoignable from erreur

    def lire(self, corps: bytes, signature: str) -> Notification:
        try:
            stripe.WebhookSignature.verify_header(
                corps.decode(), signature, settings.STRIPE_WEBHOOK_SECRET, tolerance=300
            )
            contenu = json.loads(corps)
            objet = contenu["data"]["object"]
            session = objet["id"] if contenu["type"] in GENRES else ""
            vrai = settings.STRIPE_SECRET_KEY.startswith(("sk_live", "rk_live"))
            # An event of Stripe's other mode (test or live) is about money that is not ours.
            return Notification(
                str(contenu["id"]), str(contenu["type"]), str(session) if contenu["livemode"] is vrai else ""
            )
        except (stripe.SignatureVerificationError, ValueError, KeyError, TypeError, AttributeError) as erreur:
            raise NotificationInvalide from erreur


def _constat(session: stripe.checkout.Session) -> Constat:
    etat = ETATS.get(session.payment_status, "expire" if session.status == "expired" else "ouvert")
    metadonnees = session.metadata or {}
    return Constat(
        etat=etat,
        session=session.id,
        intention=str(session.payment_intent or ""),
        centimes=session.amount_total or 0,
        devise=session.currency or "",
        paiement=str(metadonnees["paiement"]) if "paiement" in metadonnees else "",
    )
