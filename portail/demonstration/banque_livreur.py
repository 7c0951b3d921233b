"""How the demonstration bank's events reach the portal: signed, retried, and badly on demand."""

import hashlib
import hmac
import http.client
import json
import logging
import threading
import time
from dataclasses import asdict, dataclass
from urllib.parse import urlsplit

from portail.demonstration.banque_params import ErreurStripe

logger = logging.getLogger(__name__)

DELAIS = (1, 2, 5, 15, 60, 300, 900)  # seconds before each new try of an event, then it is given up


@dataclass(frozen=True)
class Reglages:
    """How events leave, and which breakdown is played. In memory only: a restart is back to normal."""

    doubler: int = 1  # times each event is sent (0 and 1: once)
    retarder: float = 0.0  # seconds before the first sending
    melanger: bool = False  # what happens within one second leaves together, last first
    retenir: bool = False  # nothing new leaves before livrer()
    panne: str | None = None  # of the API. "500": nothing is done; "timeout": it is done, but no answer comes

    def avec(self, donnees):
        """These settings changed by `donnees`; ErreurStripe on anything unknown or out of bounds."""
        valide = {
            "doubler": lambda v: type(v) is int and 0 <= v <= 50,
            "retarder": lambda v: type(v) in (int, float) and 0 <= v <= 3600,
            "melanger": lambda v: type(v) is bool,
            "retenir": lambda v: type(v) is bool,
            "panne": lambda v: v is None or (type(v) is str and v in ("500", "timeout")),
        }
        for nom, valeur in donnees.items():
            if nom not in valide or not valide[nom](valeur):
                raise ErreurStripe(f"Invalid setting: {nom}", param=nom)
        return Reglages(**(asdict(self) | donnees))


def signer(corps, secret, instant):
    """The Stripe-Signature header of `corps` (bytes) sent at `instant` (epoch): HMAC-SHA256 of « t.body »."""
    empreinte = hmac.new(secret.encode(), b"%d." % instant + corps, hashlib.sha256).hexdigest()
    return f"t={int(instant)},v1={empreinte}"


class Livreur:
    """Sends events to the webhook, one at a time, from rows written with the event: nothing is lost by a restart.

    Times here are the machine's, not the bank's clock: a signature too old would be refused.
    """

    def __init__(self, etat, webhook_url, secret, delais):
        self.etat, self.webhook_url, self.secret, self.delais = etat, webhook_url, secret, delais
        self.reglages, self._fin, self._reveil, self._lot = Reglages(), False, threading.Event(), (0.0, 0)
        etat.base.execute(
            "CREATE TABLE IF NOT EXISTS livraison (rang INTEGER PRIMARY KEY AUTOINCREMENT, evenement TEXT"
            " NOT NULL, etat TEXT NOT NULL, due REAL NOT NULL, essais INTEGER NOT NULL, statut INTEGER)"
        )
        etat.annoncer = self.annoncer
        self.fil = threading.Thread(target=self._boucle, name="banque-livreur", daemon=True)

    def reveiller(self):
        self._reveil.set()

    def arreter(self):
        self._fin = True
        self.reveiller()
        self.fil.join(10)

    def annoncer(self, evenement):
        """A row for each sending of a new event, inside its transaction."""
        due = time.time() + self.reglages.retarder
        if self.reglages.melanger:
            fin, combien = self._lot if self._lot[0] > due else (due + 1, 0)
            self._lot, due = (fin, combien + 1), fin - (combien + 1) / 1000
        self._ajouter(
            evenement, due, "retenue" if self.reglages.retenir else "prete", max(1, self.reglages.doubler)
        )
        self.reveiller()

    def _ajouter(self, evenement, due, etat="prete", fois=1):
        with self.etat.transaction() as base:
            base.executemany(
                "INSERT INTO livraison (evenement, etat, due, essais) VALUES (?, ?, ?, 0)",
                [(evenement, etat, due)] * fois,
            )

    def livrer(self, ordre=None):
        """Let go what is held; with `ordre` (ids, repeats allowed), exactly these and in this order, sent or not."""
        with self.etat.transaction() as base:
            retenues = base.execute(
                "SELECT rang, evenement FROM livraison WHERE etat = 'retenue' ORDER BY rang"
                + " DESC" * self.reglages.melanger
            ).fetchall()
            maintenant = time.time()
            if ordre is None:
                ordre = [evenement for _, evenement in retenues]
            for place, identifiant in enumerate(ordre):
                self.etat.lire("event", identifiant)
                due = maintenant + place / 1_000_000
                rang = next((rang for rang, evenement in retenues if evenement == identifiant), None)
                retenues = [ligne for ligne in retenues if ligne[0] != rang]
                if rang is None:
                    self._ajouter(identifiant, due)
                else:
                    base.execute("UPDATE livraison SET etat = 'prete', due = ? WHERE rang = ?", (due, rang))
        self.reveiller()
        return len(ordre)

    def lignes(self, etat):
        with self.etat.transaction() as base:
            return base.execute(
                "SELECT rang, evenement, due, essais, etat, statut FROM livraison "
                "WHERE etat = ? OR ? = '' ORDER BY due, rang",
                (etat, etat),
            ).fetchall()

    def _boucle(self):
        while not self._fin:
            self._reveil.clear()
            attente = 1.0
            try:
                self.etat.balayer()
                prete = self.lignes("prete")[:1] if self.webhook_url else []
                for rang, evenement, due, essais, _, _ in prete:
                    attente = min(attente, due - time.time())
                    if attente <= 0:
                        self._noter(rang, essais + 1, self._envoyer(evenement))
            except Exception:  # the thread must outlive a full disk or a malformed webhook address
                logger.exception("Livraison d'un événement")
                attente = 1.0
            if attente > 0 and not self._fin:
                self._reveil.wait(attente)

    def _envoyer(self, evenement):
        """Status of the webhook's answer, 0 when there is none. http.client: no proxy and no redirect gets in."""
        corps = json.dumps(self.etat.lire("event", evenement)).encode()
        adresse = urlsplit(self.webhook_url)
        genre = http.client.HTTPSConnection if adresse.scheme == "https" else http.client.HTTPConnection
        connexion = genre(adresse.hostname, adresse.port, timeout=8)
        try:
            connexion.request(
                "POST",
                adresse.path or "/",
                corps,
                {
                    "Content-Type": "application/json; charset=utf-8",
                    "User-Agent": "Stripe/1.0 (demonstration)",
                    "Stripe-Signature": signer(corps, self.secret, time.time()),
                },
            )
            return connexion.getresponse().status
        except (OSError, http.client.HTTPException) as erreur:
            logger.info("Webhook injoignable : %s", erreur)
            return 0
        finally:
            connexion.close()

    def _noter(self, rang, essais, statut):
        etat, due = "prete", time.time()
        if 200 <= statut < 300:
            etat = "livree"
        elif essais > len(self.delais):
            etat = "abandonnee"
        else:
            due += self.delais[essais - 1]
        with self.etat.transaction() as base:
            base.execute(
                "UPDATE livraison SET etat = ?, due = ?, essais = ?, statut = ? WHERE rang = ?",
                (etat, due, essais, statut, rang),
            )

    def journal(self):
        """Every event, first made first, with the state of each of its sendings."""
        suivi = {}
        for _, evenement, due, essais, etat, statut in self.lignes(""):
            suivi.setdefault(evenement, []).append(
                {"etat": etat, "essais": essais, "statut": statut, "due": due}
            )
        return [
            evenement | {"livraisons": suivi.get(evenement["id"], [])}
            for evenement in reversed(self.etat.tous("event"))
        ]

    def attendre(self, delai):
        fin = time.monotonic() + delai
        while self.lignes("prete"):
            if time.monotonic() > fin:
                return False
            time.sleep(0.02)
        return True
