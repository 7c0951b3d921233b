"""What the demonstration bank knows, and what may happen to it: Stripe's objects as JSON rows in one sqlite file.

Field names are Stripe's own. No Django here: the bank stands outside the portal.
"""

import json
import secrets
import sqlite3
import threading
import time
from contextlib import contextmanager

from portail.demonstration.banque_params import (
    JOUR,
    ErreurStripe,
    entier,
    etiquettes,
    lire_session,
    texte,
    verifier_noms,
)

VERSION_API = "2026-10-28.endive"
GENRES = {  # Stripe's name of the object: prefix of its ids, parameter named when there is none
    "checkout.session": ("cs_test_", "session"),
    "payment_intent": ("pi_", "intent"),
    "charge": ("ch_", "charge"),
    "refund": ("re_", "refund"),
    "event": ("evt_", "id"),
}
PARAMS_REMBOURSEMENT = frozenset("payment_intent charge amount reason metadata expand".split())


def euros(centimes):
    return f"€{centimes // 100:,}.{centimes % 100:02d}"


def montrer(objet):
    """What the API shows: the bank's own notes (keys with an underscore) stay inside."""
    return {cle: valeur for cle, valeur in objet.items() if not cle.startswith("_")}


class Etat:
    """Every object of the bank, one JSON row each, and what may happen to a session.

    `horloge` gives the bank's time (created, expiry). `annoncer(id)` is called inside the transaction that makes an
    event, so that an event and its sendings are committed together or not at all.
    """

    def __init__(self, chemin, horloge=time.time, annoncer=lambda evenement: None):
        self.horloge, self.annoncer, self.url = horloge, annoncer, ""
        self._verrou, self._profondeur = threading.RLock(), 0
        self.base = sqlite3.connect(chemin, check_same_thread=False, isolation_level=None, timeout=10)
        self.base.executescript("""
            PRAGMA journal_mode = WAL;
            CREATE TABLE IF NOT EXISTS objet (rang INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT UNIQUE NOT NULL,
                genre TEXT NOT NULL, json TEXT NOT NULL);
            CREATE TABLE IF NOT EXISTS echeance (session TEXT PRIMARY KEY, expire INTEGER NOT NULL);
            CREATE TABLE IF NOT EXISTS idempotence (cle TEXT PRIMARY KEY, empreinte TEXT NOT NULL,
                reponse TEXT NOT NULL, cree REAL NOT NULL);
        """)

    def fermer(self):
        with self._verrou:
            self.base.close()

    @contextmanager
    def transaction(self):
        """One writer at a time; nested uses join the outer transaction."""
        with self._verrou:
            if self._profondeur == 0:
                self.base.execute("BEGIN IMMEDIATE")
            self._profondeur += 1
            try:
                yield self.base
                if self._profondeur == 1:
                    self.base.execute("COMMIT")
            except BaseException:
                if self._profondeur == 1:
                    self.base.execute("ROLLBACK")
                raise
            finally:
                self._profondeur -= 1

    def une_fois(self, cle, empreinte, action):
        """(answer, replayed): Stripe's idempotency. Only what succeeded is kept, for 24 hours."""
        with self.transaction() as base:
            base.execute("DELETE FROM idempotence WHERE cree < ?", (self.horloge() - JOUR,))
            connue = base.execute(
                "SELECT empreinte, reponse FROM idempotence WHERE cle = ?", (cle,)
            ).fetchone()
            if connue is None:
                reponse = action()
                base.execute(
                    "INSERT INTO idempotence VALUES (?, ?, ?, ?)",
                    (cle, empreinte, json.dumps(reponse), self.horloge()),
                )
                return reponse, False
            if connue[0] != empreinte:
                raise ErreurStripe(
                    "Keys for idempotent requests can only be used with the same parameters they were first used "
                    f"with. Try using a key other than '{cle}' if you meant to execute a different request.",
                    type="idempotency_error",
                )
            return json.loads(connue[1]), True

    # Objects

    def _neuf(self, genre, **champs):
        return {
            "id": GENRES[genre][0] + secrets.token_hex(12),
            "object": genre,
            "created": int(self.horloge()),
            "livemode": False,
            **champs,
        }

    def _garder(self, objet):
        with self.transaction() as base:
            base.execute(
                "INSERT INTO objet (id, genre, json) VALUES (?, ?, ?) "
                "ON CONFLICT (id) DO UPDATE SET json = excluded.json",
                (objet["id"], objet["object"], json.dumps(objet)),
            )
        return objet

    def lire(self, genre, identifiant):
        """The object as it is now (a session past its time expires on the spot); Stripe's 404 when there is none."""
        with self.transaction() as base:
            ligne = base.execute(
                "SELECT json FROM objet WHERE genre = ? AND id = ?", (genre, identifiant)
            ).fetchone()
            if ligne is None:
                raise ErreurStripe(
                    f"No such {genre}: '{identifiant}'",
                    statut=404,
                    code="resource_missing",
                    param=GENRES[genre][1],
                )
            objet = json.loads(ligne[0])
            if objet["object"] == "checkout.session" and objet["status"] == "open":
                if objet["expires_at"] <= self.horloge():
                    return self._clore(objet, "expired", "checkout.session.expired")
                objet["url"] = f"{self.url}/payer/{objet['id']}"  # the port may have changed since
            return objet

    def tous(self, genre):
        """Every object of a kind, last made first."""
        with self.transaction() as base:
            lignes = base.execute(
                "SELECT id FROM objet WHERE genre = ? ORDER BY rang DESC", (genre,)
            ).fetchall()
            return [self.lire(genre, identifiant) for (identifiant,) in lignes]

    def _evenement(self, type, objet):
        evenement = self._garder(
            self._neuf(
                "event",
                type=type,
                api_version=VERSION_API,
                data={"object": montrer(objet)},
                pending_webhooks=1,
                request={"id": None, "idempotency_key": None},
            )
        )
        self.annoncer(evenement["id"])

    # What may happen

    def creer_session(self, params):
        session = self._neuf("checkout.session", **lire_session(params, int(self.horloge())))
        with self.transaction() as base:
            self._garder(session)
            base.execute("INSERT INTO echeance VALUES (?, ?)", (session["id"], session["expires_at"]))
            return self.lire("checkout.session", session["id"])

    def _clore(self, session, statut, type):
        with self.transaction() as base:
            session |= {"status": statut, "url": None}
            self._garder(session)
            base.execute("DELETE FROM echeance WHERE session = ?", (session["id"],))
            self._evenement(type, session)
        return session

    def expirer(self, identifiant):
        with self.transaction():
            session = self.lire("checkout.session", identifiant)
            if session["status"] != "open":
                raise ErreurStripe(
                    'Only Checkout Sessions with a status in ["open"] can be expired. This Checkout '
                    f"Session has a status of `{session['status']}`."
                )
            return self._clore(session, "expired", "checkout.session.expired")

    def balayer(self):
        """Expire every session past its time, asked for or not."""
        with self.transaction() as base:
            for (identifiant,) in base.execute(
                "SELECT session FROM echeance WHERE expire <= ?", (self.horloge(),)
            ).fetchall():
                self.lire("checkout.session", identifiant)

    def _intention(self, session):
        """Its payment intent, made at the first try to pay as Stripe does: null until then."""
        if session["payment_intent"]:
            return self.lire("payment_intent", session["payment_intent"])
        intention = self._neuf(
            "payment_intent",
            amount=session["amount_total"],
            amount_received=0,
            currency="eur",
            customer=None,
            payment_method_types=["card"],
            status="requires_payment_method",
            latest_charge=None,
            last_payment_error=None,
            **session["_intention"],
        )
        session["payment_intent"] = intention["id"]
        return intention

    def payer(self, identifiant):
        """(session, done): accept the payment of an open session; anything else is left as it is."""
        with self.transaction():
            session = self.lire("checkout.session", identifiant)
            if session["status"] != "open":
                return session, False
            intention = self._intention(session)
            montant = intention["amount"]
            paiement = self._garder(
                self._neuf(
                    "charge",
                    amount=montant,
                    amount_captured=montant,
                    amount_refunded=0,
                    captured=True,
                    currency="eur",
                    customer=None,
                    description=intention["description"],
                    disputed=False,
                    metadata=intention["metadata"],
                    paid=True,
                    payment_intent=intention["id"],
                    receipt_email=intention["receipt_email"],
                    refunded=False,
                    status="succeeded",
                    payment_method_details={"type": "card", "card": {"brand": "visa", "last4": "4242"}},
                    billing_details={"email": session["customer_email"]},
                )
            )
            self._garder(
                intention
                | {
                    "status": "succeeded",
                    "amount_received": montant,
                    "last_payment_error": None,
                    "latest_charge": paiement["id"],
                }
            )
            session |= {"payment_status": "paid", "customer_details": {"email": session["customer_email"]}}
            return self._clore(session, "complete", "checkout.session.completed"), True

    def refuser(self, identifiant):
        """(session, done): the card is declined; the session stays payable."""
        with self.transaction():
            session = self.lire("checkout.session", identifiant)
            if session["status"] != "open":
                return session, False
            intention = self._garder(
                self._intention(session)
                | {
                    "last_payment_error": {
                        "type": "card_error",
                        "code": "card_declined",
                        "decline_code": "generic_decline",
                        "message": "Your card was declined.",
                    }
                }
            )
            self._garder(session)
            self._evenement("payment_intent.payment_failed", intention)
            return session, True

    def rembourser(self, params):
        verifier_noms(params, PARAMS_REMBOURSEMENT)
        raison = texte(params, "reason")
        if raison not in (None, "duplicate", "fraudulent", "requested_by_customer"):
            raise ErreurStripe(f"Invalid reason: {raison}", param="reason")
        paiement, intention = texte(params, "charge"), texte(params, "payment_intent")
        if bool(paiement) == bool(intention):
            raise ErreurStripe(
                "One of the following params should be provided for this request: payment_intent or charge.",
                code="parameter_missing",
            )
        with self.transaction():
            paiement = self.lire("charge", paiement or self._paiement_de(intention))
            montant = a_rembourser(params, paiement)
            remboursement = self._garder(
                self._neuf(
                    "refund",
                    amount=montant,
                    charge=paiement["id"],
                    currency="eur",
                    metadata=etiquettes(params),
                    payment_intent=paiement["payment_intent"],
                    reason=raison,
                    status="succeeded",
                )
            )
            paiement["amount_refunded"] += montant
            paiement["refunded"] = paiement["amount_refunded"] == paiement["amount"]
            self._garder(paiement)
            self._evenement("charge.refunded", paiement)
            self._evenement("refund.created", remboursement)
            return remboursement

    def _paiement_de(self, intention: str) -> str:
        paiement = self.lire("payment_intent", intention)["latest_charge"]
        if paiement is None:
            raise ErreurStripe(
                f"The PaymentIntent {intention} does not have a successful charge to refund.",
                code="payment_intent_unexpected_state",
                param="payment_intent",
            )
        return paiement


def a_rembourser(params, paiement) -> int:
    """The amount asked, or all that is left of the charge."""
    reste = paiement["amount"] - paiement["amount_refunded"]
    if reste == 0:
        raise ErreurStripe(
            f"Charge {paiement['id']} has already been refunded.", code="charge_already_refunded"
        )
    montant = entier(params, "amount", mini=1, maxi=10**12)
    montant = reste if montant is None else montant
    if montant > reste:
        raise ErreurStripe(
            f"Refund amount ({euros(montant)}) is greater than unrefunded amount on charge ({euros(reste)})",
            param="amount",
        )
    return montant
