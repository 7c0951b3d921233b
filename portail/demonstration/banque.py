"""The demonstration bank: a small HTTP server of ours that speaks the part of Stripe's API the portal uses.

So the demonstration and the tests walk the real code, stripe-python included:

    with Banque(chemin_base, webhook_url, secret_webhook, cle_api) as banque:
        client = stripe.StripeClient(cle_api, base_addresses={"api": banque.url})

It takes no card number and moves no money. Loopback only unless told otherwise.
"""

import base64
import hashlib
import hmac
import json
import logging
import re
import secrets
import threading
import time
from contextlib import suppress
from dataclasses import asdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socket import SHUT_RDWR
from socketserver import TCPServer

from portail.demonstration import banque_api
from portail.demonstration import banque_pages as pages
from portail.demonstration.banque_etat import VERSION_API, Etat
from portail.demonstration.banque_livreur import DELAIS, Livreur
from portail.demonstration.banque_params import ErreurStripe, lire_formulaire

logger = logging.getLogger(__name__)

CORPS_MAXIMUM = 256 * 1024  # bytes; a session of 100 lines weighs some 40 kB
FICHIERS = {
    "/banque.css": ("text/css; charset=utf-8", Path(__file__).with_name("banque.css").read_bytes),
    "/marque.svg": ("image/svg+xml", pages.MARQUE.encode),
}


class Guichet(BaseHTTPRequestHandler):
    """One connection. Whatever comes in, what goes out is an answer of Stripe's form, or a French page."""

    protocol_version = "HTTP/1.1"
    server_version, sys_version = "banque-de-demonstration", ""
    timeout = 30  # seconds: a silent client does not hold a thread
    wbufsize = -1  # head and body in one packet: in two, each answer waits 40 ms for an acknowledgement

    def do_GET(self):
        self._traiter()

    do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = do_GET

    def _traiter(self):
        chemin, _, requete = self.path.partition("?")
        self.banque = self.server.banque
        try:
            corps = self._corps()
            if chemin.startswith("/v1/"):
                self._api(chemin, requete, corps)
            elif chemin.startswith("/demonstration/"):
                self._demonstration(chemin, corps)
            elif chemin in FICHIERS and self.command in ("GET", "HEAD"):
                genre, lire = FICHIERS[chemin]
                self._repondre(200, lire(), genre)
            elif page := re.fullmatch(r"/payer/([^/]*)", chemin):
                self._payer(page[1], corps)
            else:
                raise banque_api.inconnu(self.command, chemin)
        except ErreurStripe as erreur:
            self._erreur(erreur)
        except (TimeoutError, ConnectionError):
            self.close_connection = True  # the client is gone
        except Exception:
            logger.exception("Banque de démonstration : %s %s", self.command, chemin)
            self._erreur(ErreurStripe("The demonstration bank failed.", statut=500, type="api_error"))

    def _corps(self):
        """The whole body, bounded. Refused unread, it would be taken for the next request: the connection closes."""
        annonce = {longueur.strip() for longueur in self.headers.get_all("Content-Length", ["0"])}
        longueur = annonce.pop()
        statut = None
        if annonce or "Transfer-Encoding" in self.headers or not re.fullmatch(r"[0-9]{1,12}", longueur):
            statut, message = 400, "A single valid Content-Length is expected."
        elif int(longueur) > CORPS_MAXIMUM:
            statut, message = 413, "The request is too large."
        elif len(corps := self.rfile.read(int(longueur))) < int(longueur):
            statut, message = 400, "The body is shorter than announced."
        if statut:
            self.close_connection = True
            raise ErreurStripe(message, statut=statut)
        return corps

    def _autoriser(self):
        """Bearer or Basic (key as user name), like Stripe; the control addresses ask for the same key."""
        genre, _, cle = self.headers.get("Authorization", "").partition(" ")
        if genre.lower() == "basic":
            try:
                cle = base64.b64decode(cle, validate=True).decode().partition(":")[0]
            except ValueError:
                cle = ""
        if genre.lower() not in ("basic", "bearer") or not cle:
            raise ErreurStripe("You did not provide an API key.", statut=401)
        if not hmac.compare_digest(cle.encode(errors="replace"), self.banque.cle_api.encode()):
            raise ErreurStripe(
                f"Invalid API Key provided: ****{cle[-4:]}", statut=401, code="api_key_invalid"
            )

    def _api(self, chemin, requete, corps):
        self._autoriser()
        banque = self.banque
        if banque.reglages.panne == "500":
            raise ErreurStripe("Breakdown asked for by the demonstration.", statut=500, type="api_error")
        brut = corps if self.command == "POST" else requete.encode("latin-1", "replace")
        params, cle = lire_formulaire(brut), self.headers.get("Idempotency-Key", "")
        if len(cle) > 255:
            raise ErreurStripe("Idempotency keys are at most 255 characters long.", type="idempotency_error")

        def agir():
            return banque_api.repondre(banque.etat, self.command, chemin, params)

        if cle and self.command == "POST":
            empreinte = hashlib.sha256(f"{chemin}\n{json.dumps(params, sort_keys=True)}".encode()).hexdigest()
            reponse, rejouee = banque.etat.une_fois(cle, empreinte, agir)
        else:
            reponse, rejouee = agir(), False
        if banque.reglages.panne == "timeout":
            banque.patienter()
            self.close_connection = True  # and not a word
        else:
            self._json(200, reponse, {"Idempotent-Replayed": "true"} if rejouee else {})

    def _demonstration(self, chemin, corps):
        self._autoriser()
        try:
            donnees = json.loads(corps or b"{}")
        except (ValueError, RecursionError) as erreur:
            raise ErreurStripe("The body is not JSON.") from erreur
        if not isinstance(donnees, dict):
            raise ErreurStripe("A JSON object is expected.")
        banque = self.banque
        match self.command, chemin:
            case "POST", "/demonstration/reglages":
                self._json(200, asdict(banque.regler(**donnees)))
            case "POST", "/demonstration/livrer":
                ordre = donnees.get("ordre")
                if ordre is not None and not (
                    isinstance(ordre, list)
                    and len(ordre) <= 1000
                    and all(type(nom) is str and nom.isascii() for nom in ordre)
                ):
                    raise ErreurStripe("Invalid order: a list of event ids is expected.", param="ordre")
                self._json(200, {"livraisons": banque.livrer(ordre)})
            case "GET", "/demonstration/evenements":
                self._json(200, {"reglages": asdict(banque.reglages), "data": banque.evenements()})
            case _:
                raise banque_api.inconnu(self.command, chemin)

    def _payer(self, identifiant, corps):
        """The pay page, and the answer played on it (`choix`: payer, refuser)."""
        if self.command not in ("GET", "HEAD", "POST"):
            raise banque_api.inconnu(self.command, self.path)
        etat = self.banque.etat
        try:
            session = etat.lire("checkout.session", identifiant)
        except ErreurStripe:
            return self._html(404, pages.INTROUVABLE)
        if self.command == "POST":
            with suppress(ErreurStripe):
                match lire_formulaire(corps).get("choix"):
                    case "payer":
                        session, fait = etat.payer(identifiant)
                        return self._suite(session, pages.retour(session) if fait else None)
                    case "refuser":
                        session, fait = etat.refuser(identifiant)
                        return self._suite(session, f"/payer/{identifiant}" if fait else None)
            return self._html(400, pages.INCOMPRIS)
        if session["status"] != "open":
            return self._html(200, pages.page_close(session), session)
        intention = session["payment_intent"]
        refus = bool(intention and etat.lire("payment_intent", intention)["last_payment_error"])
        self._html(200, pages.page_paiement(session, self.banque.marchand, refus), session)

    def _suite(self, session, adresse):
        """After an answer: a redirect; or, without address (too late), why nothing happened."""
        if adresse is None:
            self._html(200, pages.page_close(session), session)
        else:
            self._repondre(303, b"", "text/html; charset=utf-8", {"Location": adresse})

    def _html(self, statut, page, session=None):
        self._repondre(
            statut,
            page.encode(),
            "text/html; charset=utf-8",
            {"Content-Security-Policy": pages.politique(session)},
        )

    def _json(self, statut, donnees, entetes=None):
        self._repondre(
            statut,
            json.dumps(donnees, indent=2).encode(),
            "application/json",
            {"Request-Id": f"req_{secrets.token_hex(7)}", "Stripe-Version": VERSION_API, **(entetes or {})},
        )

    def _erreur(self, erreur):
        self._json(erreur.statut, erreur.corps())

    def _repondre(self, statut, corps, genre, entetes=None):
        self.send_response(statut)
        for nom, valeur in {
            "Content-Type": genre,
            "Content-Length": len(corps),
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
            **(entetes or {}),
        }.items():
            self.send_header(nom, str(valeur))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(corps)

    def send_error(self, code, message=None, explain=None):
        """What the parent class refuses by itself (malformed line, too many headers, unknown method)."""
        self.close_connection = True
        if self.request_version == "HTTP/0.9":  # an unreadable line: no status would be sent
            self.request_version = "HTTP/1.0"
        self._erreur(
            ErreurStripe("The request could not be read.", statut={501: 405, 505: 400}.get(code, code))
        )

    def log_message(self, format, *args):
        logger.debug(format, *args)


class Serveur(ThreadingHTTPServer):
    """Remembers its connections: kept alive, they would outlive the server and ask a closed database."""

    daemon_threads = True
    request_queue_size = 128  # 5 by default: a burst of tests is refused

    def __init__(self, adresse, banque):
        self.banque, self.connexions = banque, set()
        super().__init__(adresse, Guichet)

    def server_bind(self):
        """Without HTTPServer's reverse DNS query, which hangs where there is no network."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[:2]

    def process_request(self, request, client_address):
        self.connexions.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request):
        self.connexions.discard(request)
        super().shutdown_request(request)

    def couper(self):
        for connexion in list(self.connexions):
            with suppress(OSError):
                connexion.shutdown(SHUT_RDWR)

    def handle_error(self, request, client_address):
        logger.debug("Connexion interrompue", exc_info=True)  # a client that leaves is not a failure


class Banque:
    """The bank on its sqlite file. `port=0` takes a free one, kept if the same bank is started again.

    `horloge` gives the bank's time (expiry), `delais` the seconds before each new try of an event.
    """

    def __init__(
        self,
        chemin_base,
        webhook_url,
        secret_webhook,
        cle_api,
        port=0,
        *,
        adresse="127.0.0.1",
        url_publique=None,
        marchand="la mairie de Belrive-sur-Durance",
        horloge=time.time,
        delais=DELAIS,
    ):
        if not cle_api or not secret_webhook:
            raise ValueError("La banque de démonstration demande une clé d’API et un secret de webhook.")
        self.chemin_base, self.cle_api, self.marchand = chemin_base, cle_api, marchand
        self.adresse, self.port, self.url_publique, self.horloge = adresse, port, url_publique, horloge
        self._webhook_url, self._secret, self._delais = webhook_url, secret_webhook, delais
        self.serveur = None

    def demarrer(self):
        self.etat = Etat(self.chemin_base, self.horloge)
        try:
            self.serveur = Serveur((self.adresse, self.port), self)
        except OSError:
            self.etat.fermer()
            raise
        self.port = self.serveur.server_port
        self.etat.url = self.url
        self.livreur = Livreur(self.etat, self._webhook_url, self._secret, self._delais)
        self.livreur.fil.start()
        # Polled often: stopping waits for the poll, and tests start and stop many banks.
        threading.Thread(target=self.serveur.serve_forever, args=(0.05,), name="banque", daemon=True).start()
        return self

    def arreter(self):
        """Stop answering, then sending; safe to call twice."""
        if self.serveur is None:
            return
        serveur, self.serveur = self.serveur, None
        serveur.shutdown()
        serveur.couper()
        serveur.server_close()
        self.livreur.arreter()
        self.etat.fermer()

    def __enter__(self):
        return self.demarrer()

    def __exit__(self, *erreur):
        self.arreter()

    @property
    def url(self):
        return (self.url_publique or f"http://{self.adresse}:{self.port}").rstrip("/")

    @property
    def webhook_url(self):
        return self._webhook_url

    @webhook_url.setter
    def webhook_url(self, url):
        self._webhook_url = url
        if self.serveur is not None:
            self.livreur.webhook_url = url
            self.livreur.reveiller()

    # The same controls as /demonstration/…, for a test in the same process

    @property
    def reglages(self):
        return self.livreur.reglages

    def regler(self, /, **donnees):
        """Change some settings (see Reglages), keep the others."""
        self.livreur.reglages = self.livreur.reglages.avec(donnees)
        return self.livreur.reglages

    def livrer(self, ordre=None):
        return self.livreur.livrer(ordre)

    def evenements(self):
        """Every event, first made first, with the state of each of its sendings."""
        return self.livreur.journal()

    def attendre(self, delai=10):
        """True as soon as nothing is left to send (what is held does not count), False after `delai` seconds."""
        return self.livreur.attendre(delai)

    def patienter(self, delai=60):
        """Keep a client waiting for as long as the « timeout » breakdown lasts."""
        fin = time.monotonic() + delai
        while self.serveur is not None and self.reglages.panne == "timeout" and time.monotonic() < fin:
            time.sleep(0.05)
