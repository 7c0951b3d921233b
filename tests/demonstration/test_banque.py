"""The demonstration bank under the real stripe-python: what holds here holds for the portal's Stripe provider."""

import base64
import http.client
import json
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.error import HTTPError
from urllib.parse import urlencode, urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

import pytest
import stripe

from portail.demonstration.banque import CORPS_MAXIMUM, Banque
from portail.demonstration.banque_livreur import signer
from portail.demonstration.banque_pages import moment, montant

CLE, SECRET = "sk_test_essai", "whsec_essai"
SUCCES = "http://127.0.0.1:8000/paiement/retour/?session={CHECKOUT_SESSION_ID}"
ANNULE = "http://127.0.0.1:8000/paiement/annule/"


class Horloge:
    """The bank's clock, moved by hand."""

    def __init__(self):
        self.instant = time.time()

    def __call__(self):
        return self.instant


class Recepteur(ThreadingHTTPServer):
    """A tiny webhook: keeps what it verified, answers the statuses it is told, then 200."""

    def __init__(self):
        self.recus, self.statuts, self.refuses = [], [], []
        super().__init__(("127.0.0.1", 0), Oreille)
        self.url = f"http://127.0.0.1:{self.server_port}/stripe/webhook/"
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    def types(self):
        return [evenement.type for evenement in self.recus]


class Oreille(BaseHTTPRequestHandler):
    def do_POST(self):
        corps = self.rfile.read(int(self.headers["Content-Length"]))
        try:
            evenement = stripe.Webhook.construct_event(corps, self.headers["Stripe-Signature"], SECRET)
        except stripe.SignatureVerificationError as erreur:
            self.server.refuses.append(erreur)
            self.send_response(400)
        else:
            statut = self.server.statuts.pop(0) if self.server.statuts else 200
            if statut == 200:
                self.server.recus.append(evenement)
            self.send_response(statut)
            if statut == 302:
                self.send_header("Location", self.server.url)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args):
        pass


class SansRedirection(HTTPRedirectHandler):
    def redirect_request(self, *args):
        return None


def ouvrir(url, choix=None, methode=None):
    """(status, headers, text) of a page of the bank, redirects not followed."""
    corps = urlencode({"choix": choix}).encode() if choix else None
    try:
        reponse = build_opener(SansRedirection).open(Request(url, corps, method=methode), timeout=5)
    except HTTPError as erreur:
        reponse = erreur
    with reponse:
        return reponse.status, reponse.headers, reponse.read().decode()


@pytest.fixture
def webhook():
    recepteur = Recepteur()
    yield recepteur
    recepteur.shutdown()
    recepteur.server_close()


@pytest.fixture
def horloge():
    return Horloge()


@pytest.fixture
def banque(tmp_path, webhook, horloge):
    with Banque(
        tmp_path / "banque.sqlite3", webhook.url, SECRET, CLE, horloge=horloge, delais=(0.05, 0.05, 0.05)
    ) as banque:
        yield banque


def client_de(banque, cle=CLE, **options):
    return stripe.StripeClient(cle, base_addresses={"api": banque.url}, **options)


@pytest.fixture
def client(banque):
    return client_de(banque)


def parametres(**autres):
    return {
        "mode": "payment",
        "line_items": [
            {
                "price_data": {
                    "currency": "eur",
                    "unit_amount": 8250,
                    "product_data": {"name": "Facture AL-36", "description": "Garderie d’octobre"},
                },
                "quantity": 1,
            },
            {
                "price_data": {
                    "currency": "eur",
                    "unit_amount": 1905,
                    "product_data": {"name": "Sortie <à la ferme> & goûter"},
                },
                "quantity": 2,
            },
        ],
        "customer_email": "jean.dupont@exemple.fr",
        "client_reference_id": "tentative-12",
        "metadata": {"regie": "AL", "_tentative": "12"},
        "payment_intent_data": {"metadata": {"tentative": "12"}, "description": "Facture AL-36"},
        "success_url": SUCCES,
        "cancel_url": ANNULE,
        "locale": "fr",
        **autres,
    }


def creer(client, options=None, **autres):
    return client.v1.checkout.sessions.create(parametres(**autres), options)


def payee(client, **autres):
    session = creer(client, **autres)
    assert ouvrir(session.url, "payer")[0] == 303
    return client.v1.checkout.sessions.retrieve(session.id)


def commander(banque, methode, chemin, donnees=None, cle=CLE):
    connexion = http.client.HTTPConnection("127.0.0.1", banque.port, timeout=5)
    connexion.request(
        methode, chemin, None if donnees is None else json.dumps(donnees), {"Authorization": f"Bearer {cle}"}
    )
    reponse = connexion.getresponse()
    resultat = reponse.status, json.loads(reponse.read())
    connexion.close()
    return resultat


# Sessions


def test_creer_et_relire(client, horloge):
    session = creer(client)
    assert session.id.startswith("cs_test_")
    assert (session.status, session.payment_status, session.payment_intent) == ("open", "unpaid", None)
    assert (session.amount_total, session.currency, session.livemode) == (12060, "eur", False)
    assert session.expires_at == int(horloge()) + 86400
    assert session.metadata.to_dict() == {"regie": "AL", "_tentative": "12"}
    relue = client.v1.checkout.sessions.retrieve(session.id, {"expand": ["line_items"]})
    assert [(ligne.description, ligne.quantity, ligne.amount_total) for ligne in relue.line_items.data] == [
        ("Facture AL-36", 1, 8250),
        ("Sortie <à la ferme> & goûter", 2, 3810),
    ]
    assert (relue.client_reference_id, relue.customer_email) == ("tentative-12", "jean.dupont@exemple.fr")
    lignes = client.v1.checkout.sessions.line_items.list(session.id)
    assert len(lignes.data) == 2
    assert not any(cle.startswith("_") for cle in relue.to_dict() | lignes.data[0].to_dict())


@pytest.mark.parametrize(
    ("changement", "champ"),
    [
        ({"mode": "subscription"}, "mode"),
        ({"ui_mode": "embedded_page"}, "ui_mode"),
        ({"line_items": []}, "line_items"),
        ({"line_items": [{"price": "price_1", "quantity": 1}]}, "line_items[0][price_data]"),
        ({"success_url": "javascript:alert(1)"}, "success_url"),
        ({"success_url": "http://exemple.fr;script-src/"}, "success_url"),
        ({"success_url": "http://exemple.fr/\r\nSet-Cookie: a=b"}, "success_url"),
        ({"success_url": "http://[::1/"}, "success_url"),
        ({"cancel_url": "http://u:p@exemple.fr/"}, "cancel_url"),
        ({"customer_email": "pas une adresse"}, "customer_email"),
        ({"locale": "klingon"}, "locale"),
        ({"expires_at": 12}, "expires_at"),
        ({"expires_at": int(time.time()) + 90_000}, "expires_at"),
        ({"expires_at": "demain"}, "expires_at"),
        ({"metadata": {"cle": "x" * 501}}, "metadata[cle]"),
        ({"metadata": {str(rang): "x" for rang in range(51)}}, "metadata"),
        ({"client_reference_id": "x" * 201}, "client_reference_id"),
        ({"inconnu": "x"}, "inconnu"),
        ({"success_url": None}, "success_url"),
    ],
)
def test_creation_refusee_comme_stripe(client, changement, champ):
    voulus = {cle: valeur for cle, valeur in parametres(**changement).items() if valeur is not None}
    with pytest.raises(stripe.InvalidRequestError) as refus:
        client.v1.checkout.sessions.create(voulus)
    assert (refus.value.http_status, refus.value.param) == (400, champ)
    assert client.v1.checkout.sessions.list().data == []


@pytest.mark.parametrize(
    ("prix", "quantite", "code"),
    [
        ({"unit_amount": 49}, 1, "amount_too_small"),
        ({"unit_amount": 99_999_999}, 2, "amount_too_large"),
        ({"unit_amount": -5}, 1, "parameter_invalid_integer"),
        ({"unit_amount": "12.5"}, 1, "parameter_invalid_integer"),
        ({"unit_amount": "١٢"}, 1, "parameter_invalid_integer"),
        ({"unit_amount": 100}, 0, "parameter_invalid_integer"),
        ({"unit_amount": 100, "currency": "usd"}, 1, None),
        ({"unit_amount": 100, "product_data": {"description": "sans nom"}}, 1, "parameter_missing"),
    ],
)
def test_ligne_refusee(client, prix, quantite, code):
    ligne = {"price_data": {"currency": "eur", "product_data": {"name": "X"}} | prix, "quantity": quantite}
    with pytest.raises(stripe.InvalidRequestError) as refus:
        creer(client, line_items=[ligne])
    assert refus.value.code == code


def test_lignes_dans_leur_ordre_au_dela_de_dix(client):
    lignes = [
        {
            "price_data": {"currency": "eur", "unit_amount": 100 + n, "product_data": {"name": f"L{n}"}},
            "quantity": 1,
        }
        for n in range(12)
    ]
    session = creer(client, line_items=lignes)
    vues = client.v1.checkout.sessions.line_items.list(session.id).data
    assert [ligne.description for ligne in vues] == [f"L{n}" for n in range(12)]


def test_session_inconnue(client):
    with pytest.raises(stripe.InvalidRequestError) as refus:
        client.v1.checkout.sessions.retrieve("cs_test_rien")
    assert (refus.value.http_status, refus.value.code) == (404, "resource_missing")
    assert refus.value.request_id.startswith("req_")


def test_cle_verifiee(banque):
    with pytest.raises(stripe.AuthenticationError):
        creer(client_de(banque, "sk_test_autre"))
    assert commander(banque, "GET", "/demonstration/evenements", cle="é")[0] == 401
    for entete, statut in (
        ("Basic " + base64.b64encode(f"{CLE}:".encode()).decode(), 200),
        ("Basic ???", 401),
        ("Basic " + base64.b64encode(b"\xff\xff").decode(), 401),
        (f"Digest {CLE}", 401),
        ("Bearer", 401),
        ("", 401),
    ):
        connexion = http.client.HTTPConnection("127.0.0.1", banque.port, timeout=5)
        connexion.request("GET", "/v1/events", headers={"Authorization": entete})
        assert connexion.getresponse().status == statut, entete
        connexion.close()


def test_expirer_une_fois(client, banque, webhook):
    session = creer(client)
    expiree = client.v1.checkout.sessions.expire(session.id)
    assert (expiree.status, expiree.url) == ("expired", None)
    with pytest.raises(stripe.InvalidRequestError, match="can be expired"):
        client.v1.checkout.sessions.expire(session.id)
    assert banque.attendre()
    assert webhook.types() == ["checkout.session.expired"]
    statut, _, page = ouvrir(session.url, "payer")
    assert statut == 200
    assert "n’est plus ouvert" in page
    assert client.v1.checkout.sessions.retrieve(session.id).payment_status == "unpaid"


def test_expire_toute_seule(client, banque, horloge, webhook):
    session = creer(client, expires_at=int(horloge()) + 1800)
    autre = creer(client)
    horloge.instant += 1801
    limite = time.monotonic() + 5
    while not webhook.recus and time.monotonic() < limite:  # nobody asks: the sweep finds it
        time.sleep(0.02)
    assert [evenement.data.object.id for evenement in webhook.recus] == [session.id]
    assert client.v1.checkout.sessions.retrieve(autre.id).status == "open"
    horloge.instant += 86400
    assert client.v1.checkout.sessions.retrieve(autre.id).status == "expired"
    assert "n’est plus ouvert" in ouvrir(autre.url)[2]


def test_idempotence(client, banque, horloge):
    session = creer(client, {"idempotency_key": "facture-36:1"})
    meme = creer(client, {"idempotency_key": "facture-36:1"})
    assert meme.id == session.id
    assert meme.last_response.headers["Idempotent-Replayed"] == "true"
    with pytest.raises(stripe.IdempotencyError) as refus:
        creer(client, {"idempotency_key": "facture-36:1"}, customer_email="autre@exemple.fr")
    assert refus.value.http_status == 400
    assert creer(client, {"idempotency_key": "facture-36:2"}).id != session.id
    assert len(client.v1.checkout.sessions.list().data) == 2
    # a refused request keeps its key free, and a day frees the others
    with pytest.raises(stripe.InvalidRequestError):
        creer(client, {"idempotency_key": "k"}, locale="klingon")
    creer(client, {"idempotency_key": "k"})
    horloge.instant += 86401
    assert creer(client, {"idempotency_key": "facture-36:1"}).id != session.id


def test_meme_cle_vingt_fois_en_meme_temps(banque, client):
    vues = []
    fils = [
        threading.Thread(target=lambda: vues.append(creer(client_de(banque), {"idempotency_key": "u"}).id))
        for _ in range(20)
    ]
    for fil in fils:
        fil.start()
    for fil in fils:
        fil.join(20)
    assert len(vues) == 20
    assert len(set(vues)) == 1


# Pay page


def test_page_de_paiement(client):
    session = creer(client)
    statut, entetes, page = ouvrir(session.url)
    assert statut == 200
    assert "Banque de démonstration — aucun argent réel" in page
    assert "Payer 120,60\N{NO-BREAK SPACE}€" in page
    assert "la mairie de Belrive-sur-Durance" in page
    assert "2\N{NO-BREAK SPACE}× 19,05\N{NO-BREAK SPACE}€" in page
    assert "Sortie &lt;à la ferme&gt; &amp; goûter" in page
    assert "jean.dupont@exemple.fr" in page
    assert "Refuser le paiement" in page
    assert f'href="{ANNULE}">Abandonner et revenir au portail' in page
    assert "style=" not in page
    assert "<script" not in page
    politique = entetes["Content-Security-Policy"]
    assert "form-action 'self' http://127.0.0.1:8000" in politique
    assert "unsafe" not in politique
    assert ouvrir(session.url, methode="HEAD")[::2] == (200, "")
    for chemin, genre in (("/banque.css", "text/css; charset=utf-8"), ("/marque.svg", "image/svg+xml")):
        statut, entetes, contenu = ouvrir(session.url.partition("/payer/")[0] + chemin)
        assert (statut, entetes["Content-Type"]) == (200, genre)
        assert contenu


def test_sans_adresse_d_abandon(client):
    voulus = parametres()
    del voulus["cancel_url"], voulus["customer_email"]
    page = ouvrir(client.v1.checkout.sessions.create(voulus).url)[2]
    assert "Abandonner" not in page
    assert "Non renseignée" in page


def test_payer(client, banque, webhook):
    session = creer(client)
    statut, entetes, _ = ouvrir(session.url, "payer")
    assert (statut, entetes["Location"]) == (303, SUCCES.replace("{CHECKOUT_SESSION_ID}", session.id))
    relue = client.v1.checkout.sessions.retrieve(
        session.id, {"expand": ["payment_intent", "payment_intent.latest_charge"]}
    )
    assert (relue.status, relue.payment_status, relue.url) == ("complete", "paid", None)
    assert (relue.payment_intent.status, relue.payment_intent.amount_received) == ("succeeded", 12060)
    assert relue.payment_intent.metadata.to_dict() == {"tentative": "12"}
    assert relue.payment_intent.latest_charge.amount == 12060
    assert client.v1.payment_intents.retrieve(relue.payment_intent.id).id.startswith("pi_")
    statut, _, page = ouvrir(session.url, "payer")  # double click
    assert statut == 200
    assert "C’est déjà payé" in page
    assert entetes["Location"] in page
    assert banque.attendre()
    assert webhook.types() == ["checkout.session.completed"]
    evenement = webhook.recus[0]
    assert evenement.id.startswith("evt_")
    assert (evenement.livemode, evenement.data.object.payment_status) == (False, "paid")
    assert evenement.api_version == stripe.api_version
    assert evenement.data.object.client_reference_id == "tentative-12"
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.checkout.sessions.expire(session.id)


def test_payer_vingt_fois_en_meme_temps(client, banque, webhook):
    session = creer(client)
    statuts = []
    fils = [
        threading.Thread(target=lambda: statuts.append(ouvrir(session.url, "payer")[0])) for _ in range(20)
    ]
    for fil in fils:
        fil.start()
    for fil in fils:
        fil.join(20)
    assert sorted(statuts) == [200] * 19 + [303]
    assert banque.attendre()
    assert len(webhook.recus) == 1
    assert len(client.v1.charges.list().data) == 1


def test_refuser_puis_payer(client, banque, webhook):
    session = creer(client)
    statut, entetes, _ = ouvrir(session.url, "refuser")
    assert (statut, entetes["Location"]) == (303, f"/payer/{session.id}")
    page = ouvrir(session.url)[2]
    assert "Votre carte a été refusée" in page
    assert "<title>Carte refusée" in page
    relue = client.v1.checkout.sessions.retrieve(session.id, {"expand": ["payment_intent"]})
    assert (relue.status, relue.payment_intent.status) == ("open", "requires_payment_method")
    assert relue.payment_intent.last_payment_error.code == "card_declined"
    assert ouvrir(session.url, "payer")[0] == 303
    assert client.v1.checkout.sessions.retrieve(session.id).payment_intent == relue.payment_intent.id
    assert banque.attendre()
    assert webhook.types() == ["payment_intent.payment_failed", "checkout.session.completed"]


def test_page_inconnue_ou_reponse_absurde(client, banque):
    assert ouvrir(f"{banque.url}/payer/cs_test_rien")[0] == 404
    session = creer(client)
    statut, _, page = ouvrir(session.url, "n'importe quoi")
    assert (statut, "Réponse non comprise" in page) == (400, True)
    assert client.v1.checkout.sessions.retrieve(session.id).status == "open"


def test_montants_et_dates():
    assert montant(5) == "0,05\N{NO-BREAK SPACE}€"
    assert montant(123456789) == (
        "1\N{NARROW NO-BREAK SPACE}234\N{NARROW NO-BREAK SPACE}567,89\N{NO-BREAK SPACE}€"
    )
    assert moment(1793487900).replace("\N{NO-BREAK SPACE}", " ") == "dimanche 1er novembre, 0 h 05"


# Refunds


def test_rembourser_en_partie_puis_tout(client, banque, webhook):
    session = payee(client)
    premier = client.v1.refunds.create({"payment_intent": session.payment_intent, "amount": 2060})
    assert (premier.status, premier.amount) == ("succeeded", 2060)
    assert premier.id.startswith("re_")
    with pytest.raises(stripe.InvalidRequestError, match="greater than unrefunded") as refus:
        client.v1.refunds.create({"payment_intent": session.payment_intent, "amount": 10001})
    assert refus.value.param == "amount"
    second = client.v1.refunds.create({"charge": premier.charge, "reason": "requested_by_customer"})
    assert second.amount == 10000
    with pytest.raises(stripe.InvalidRequestError) as refus:
        client.v1.refunds.create({"payment_intent": session.payment_intent})
    assert refus.value.code == "charge_already_refunded"
    assert client.v1.refunds.retrieve(premier.id).amount == 2060
    assert [
        remboursement.id
        for remboursement in client.v1.refunds.list({"payment_intent": session.payment_intent})
    ] == [second.id, premier.id]
    paiement = client.v1.charges.retrieve(premier.charge)
    assert (paiement.amount_refunded, paiement.refunded) == (12060, True)
    assert banque.attendre()
    assert webhook.types() == ["checkout.session.completed"] + ["charge.refunded", "refund.created"] * 2
    assert [evenement.data.object.amount_refunded for evenement in webhook.recus[1::2]] == [2060, 12060]


def test_remboursement_impossible(client):
    session = creer(client)
    ouvrir(session.url, "refuser")
    intention = client.v1.checkout.sessions.retrieve(session.id).payment_intent
    for voulus in (
        {"payment_intent": intention},
        {"payment_intent": "pi_rien"},
        {},
        {"payment_intent": intention, "charge": "ch_x"},
        {"payment_intent": intention, "reason": "caprice"},
        {"payment_intent": intention, "inconnu": "1"},
    ):
        with pytest.raises(stripe.InvalidRequestError):
            client.v1.refunds.create(voulus)
    intention = payee(client).payment_intent
    for montant_faux in ("0", "-5", "abc", str(10**30)):
        with pytest.raises(stripe.InvalidRequestError):
            client.v1.refunds.create({"payment_intent": intention, "amount": montant_faux})
    assert client.v1.refunds.list().data == []


def test_remboursement_rejoue(client):
    intention = payee(client).payment_intent
    demande = ({"payment_intent": intention, "amount": 60}, {"idempotency_key": "avoir-3"})
    assert client.v1.refunds.create(*demande).id == client.v1.refunds.create(*demande).id
    assert len(client.v1.refunds.list().data) == 1


# Events


def test_reconciliation_page_par_page(client, banque, horloge):
    banque.webhook_url = ""
    debut = int(horloge())
    for _ in range(7):
        payee(client)
        horloge.instant += 10
    page = client.v1.events.list({"limit": 3})
    assert (len(page.data), page.has_more) == (3, True)
    tous = [evenement.id for evenement in page.auto_paging_iter()]
    assert len(set(tous)) == 7
    assert tous == [evenement["id"] for evenement in reversed(banque.evenements())]
    recents = client.v1.events.list({"created": {"gte": debut + 50}, "type": "checkout.session.completed"})
    assert [evenement.id for evenement in recents] == tous[:2]
    assert client.v1.events.list({"types": ["charge.refunded"]}).data == []
    avant = client.v1.events.list({"ending_before": tous[4], "limit": 2})
    assert ([evenement.id for evenement in avant.data], avant.has_more) == (tous[2:4], True)
    assert client.v1.events.retrieve(tous[0]).data.object.status == "complete"
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.events.list({"limit": 0})


def test_signature_comme_stripe_python():
    corps, instant = '{"id": "evt_é"}', 1_800_000_000
    attendu = stripe.WebhookSignature.generate_signature_header(corps, SECRET, instant)
    assert signer(corps.encode(), SECRET, instant) == attendu


def test_autre_secret_refuse(tmp_path, webhook):
    with Banque(tmp_path / "b.sqlite3", webhook.url, "whsec_autre", CLE, delais=(0.01,)) as banque:
        payee(client_de(banque))
        assert banque.attendre()
        assert banque.evenements()[0]["livraisons"][0]["etat"] == "abandonnee"
    assert webhook.recus == []
    assert len(webhook.refuses) == 2


def test_reessaie_puis_abandonne(client, banque, webhook):
    webhook.statuts = [500, 302, 400]
    payee(client)
    assert banque.attendre()
    assert len(webhook.recus) == 1
    suivi = banque.evenements()[0]["livraisons"][0]
    assert (suivi["etat"], suivi["essais"], suivi["statut"]) == ("livree", 4, 200)
    webhook.statuts = [500] * 4
    payee(client)
    assert banque.attendre()
    assert (len(webhook.recus), webhook.statuts) == (1, [])
    assert banque.evenements()[1]["livraisons"][0]["etat"] == "abandonnee"


def test_webhook_injoignable_puis_donne(client, banque, webhook):
    with socket.create_server(("127.0.0.1", 0)) as libre:
        ferme = libre.getsockname()[1]
    banque.webhook_url = f"http://127.0.0.1:{ferme}/"
    payee(client)
    assert banque.attendre()
    assert banque.evenements()[0]["livraisons"][0]["statut"] == 0
    banque.webhook_url = ""
    payee(client)
    assert not banque.attendre(0.1)
    banque.webhook_url = webhook.url
    assert banque.attendre()
    assert len(webhook.recus) == 1


def test_doubler(client, banque, webhook):
    assert commander(banque, "POST", "/demonstration/reglages", {"doubler": 3})[1]["doubler"] == 3
    payee(client)
    assert banque.attendre()
    assert len(webhook.recus) == 3
    assert len({evenement.id for evenement in webhook.recus}) == 1


def test_retarder(client, banque, webhook):
    commander(banque, "POST", "/demonstration/reglages", {"retarder": 0.4})
    debut = time.monotonic()
    payee(client)
    assert webhook.recus == []
    assert banque.attendre()
    assert time.monotonic() - debut >= 0.4
    assert len(webhook.recus) == 1


def test_melanger(client, banque, webhook):
    banque.regler(melanger=True)
    session = payee(client)
    client.v1.refunds.create({"payment_intent": session.payment_intent})
    assert banque.attendre()
    assert webhook.types() == ["refund.created", "charge.refunded", "checkout.session.completed"]


def test_retenir_et_livrer(client, banque, webhook):
    commander(banque, "POST", "/demonstration/reglages", {"retenir": True})
    session = payee(client)
    client.v1.refunds.create({"payment_intent": session.payment_intent})
    assert banque.attendre()
    assert webhook.recus == []
    evenements = commander(banque, "GET", "/demonstration/evenements")[1]
    assert evenements["reglages"]["retenir"] is True
    assert [evenement["livraisons"][0]["etat"] for evenement in evenements["data"]] == ["retenue"] * 3
    identifiants = [evenement["id"] for evenement in evenements["data"]]
    assert commander(banque, "POST", "/demonstration/livrer")[1] == {"livraisons": 3}
    assert banque.attendre()
    assert [evenement.id for evenement in webhook.recus] == identifiants
    # in any order, any number of times, sent or not
    ordre = [identifiants[2], identifiants[0], identifiants[2]]
    assert commander(banque, "POST", "/demonstration/livrer", {"ordre": ordre})[0] == 200
    assert banque.attendre()
    assert [evenement.id for evenement in webhook.recus[3:]] == ordre


def test_livrer_dans_un_ordre_ce_qui_est_retenu(client, banque, webhook):
    banque.regler(retenir=True, melanger=True)
    session = payee(client)
    client.v1.refunds.create({"payment_intent": session.payment_intent})
    paye, rendu, cree = (evenement["id"] for evenement in banque.evenements())
    assert banque.livrer([rendu, paye]) == 2
    assert banque.attendre()
    assert [evenement.id for evenement in webhook.recus] == [rendu, paye]
    assert banque.livrer() == 1
    assert banque.attendre()
    assert webhook.recus[-1].id == cree


def test_panne_500(client, banque):
    commander(banque, "POST", "/demonstration/reglages", {"panne": "500"})
    lent = client_de(banque, max_network_retries=0)
    with pytest.raises(stripe.APIError) as panne:
        creer(lent, {"idempotency_key": "x"})
    assert panne.value.http_status == 500
    commander(banque, "POST", "/demonstration/reglages", {"panne": None})
    assert client.v1.checkout.sessions.list().data == []
    creer(client, {"idempotency_key": "x"})


def test_panne_delai_depasse_puis_meme_cle(client, banque):
    banque.regler(panne="timeout")
    lent = client_de(banque, max_network_retries=0, http_client=stripe.RequestsClient(timeout=0.3))
    with pytest.raises(stripe.APIConnectionError):
        creer(lent, {"idempotency_key": "x"})
    banque.regler(panne=None)
    session = creer(client, {"idempotency_key": "x"})  # it was done: the same key finds it
    assert session.last_response.headers["Idempotent-Replayed"] == "true"
    assert [vue.id for vue in client.v1.checkout.sessions.list()] == [session.id]


@pytest.mark.parametrize(
    "donnees",
    [
        [],
        "x",
        {"doubler": -1},
        {"doubler": 51},
        {"doubler": True},
        {"doubler": "3"},
        {"retarder": float("nan")},
        {"retarder": 1e9},
        {"melanger": 1},
        {"retenir": None},
        {"panne": "404"},
        {"panne": ["500"]},
        {"self": 1},
        {"inconnu": 1},
        {"doubler": 2, "inconnu": 1},
    ],
)
def test_reglages_refuses(banque, donnees):
    statut, reponse = commander(banque, "POST", "/demonstration/reglages", donnees)
    assert (statut, reponse["error"]["type"]) == (400, "invalid_request_error")
    assert banque.reglages.doubler == 1


@pytest.mark.parametrize("ordre", ["evt", [1], ["evt_rien"], ["é"], {}, [[]], ["\ud800"]])
def test_ordre_refuse(banque, ordre):
    assert commander(banque, "POST", "/demonstration/livrer", {"ordre": ordre})[0] in (400, 404)


# Restart


def test_tout_survit_au_redemarrage(tmp_path, webhook):
    chemin = tmp_path / "banque.sqlite3"
    with Banque(chemin, "", SECRET, CLE) as avant:
        ouverte = creer(client_de(avant), {"idempotency_key": "k"})
        faite = payee(client_de(avant))
        avant.regler(retenir=True)
        payee(client_de(avant))
    with Banque(chemin, webhook.url, SECRET, CLE) as apres:
        client = client_de(apres)
        assert creer(client, {"idempotency_key": "k"}).id == ouverte.id
        assert client.v1.checkout.sessions.retrieve(faite.id).payment_status == "paid"
        relue = client.v1.checkout.sessions.retrieve(ouverte.id)
        assert relue.url == f"{apres.url}/payer/{ouverte.id}"
        assert ouvrir(relue.url)[0] == 200
        assert apres.attendre()
        assert [evenement.data.object.id for evenement in webhook.recus] == [faite.id]
        assert apres.reglages.retenir is False
        assert apres.livrer() == 1
        assert apres.attendre()
    assert len(webhook.recus) == 2


def test_arreter_coupe_les_connexions_gardees(tmp_path):
    banque = Banque(tmp_path / "b.sqlite3", "", SECRET, CLE).demarrer()
    connexion = http.client.HTTPConnection("127.0.0.1", banque.port, timeout=5)
    connexion.request("GET", "/banque.css")
    connexion.getresponse().read()
    banque.arreter()
    banque.arreter()
    connexion.auto_open = False
    with pytest.raises((http.client.HTTPException, OSError)):
        connexion.request("GET", "/banque.css")
        connexion.getresponse()
    port = banque.port
    with banque:
        assert banque.port == port
        creer(client_de(banque))


def test_cle_et_secret_obligatoires(tmp_path):
    for secret, cle in (("", CLE), (SECRET, "")):
        with pytest.raises(ValueError, match="clé"):
            Banque(tmp_path / "b.sqlite3", "", secret, cle)


# Bad input


FORMULAIRES = [
    b"",
    b"mode",
    b"mode=payment&mode[a]=b",
    b"mode[a]=b&mode=payment",
    b"line_items=x",
    b"line_items[]=x",
    b"line_items[0]=x",
    b"line_items[0][price_data]=x",
    b"line_items[0][price_data][product_data]=x",
    b"line_items[a][quantity]=1",
    b"line_items[-1][quantity]=1",
    b"line_items[99999][quantity]=1",
    b"[a]=1",
    b"a[[b]]=1",
    b"a]b[=1",
    b"a" + b"[b]" * 50 + b"=1",
    b"=&=&=",
    b"%00=%00",
    b"mode=%00",
    b"mode=%ff%fe",
    b"\xff\xfe\x00",
    b"mode=payment&metadata=x",
    b"mode=payment&expand=x",
    b"expand[0][a]=line_items",
    b"&" * 5000,
    b"&".join(b"a%d=1" % n for n in range(3000)),
    b'{"mode": "payment"}',
    b"mode=payment&success_url=" + b"a" * 10_000,
    b"payment_intent[a]=b",
    b"payment_intent=%27%3B+DROP+TABLE+objet",
    b"charge=ch_x&amount=1e5",
    b"created[gte]=x&limit=x",
    b"created=x",
    b"created[autre]=1",
    b"types=x",
    b"types[0][b]=x",
    b"starting_after=evt_rien",
    b"limit[]=1",
    b"expand[]=nimporte",
    b"expand[]=",
]
CHEMINS = [
    "/",
    "//",
    "/v1",
    "/v1/",
    "/v1/inconnu",
    "/v1/checkout/sessions/",
    "/v1/checkout/sessions/../../etc/passwd",
    "/v1/checkout/sessions/%00",
    "/v1/checkout/sessions/cs_test_x/expire",
    "/v1/checkout/sessions/cs_test_x/autre",
    "/v1/checkout/sessions/" + "x" * 5000,
    "/v1/payment_intents/cs_test_x",
    "/v1/events/evt_%F0%9F%92%A9",
    "/payer",
    "/payer/",
    "/payer/%00",
    "/payer/'%20OR%201=1",
    "/payer/../banque.py",
    "/payer/\xff\xfe",
    "/banque.py",
    "/banque.css/..",
    "/demonstration/inconnu",
    "/demonstration/livrer",
    "http://[/v1/events",
    "*",
    "/?" + "a" * 3000,
]


def bonne_reponse(reponse):
    """Never a failure of ours; an error is Stripe's JSON or a French page."""
    assert 200 <= reponse.status < 500
    texte = reponse.read().decode()
    assert "Traceback" not in texte
    if reponse.status >= 400:
        if reponse.headers["Content-Type"].startswith("text/html"):
            assert '<html lang="fr">' in texte
        else:
            assert json.loads(texte)["error"]["message"]
            assert reponse.headers["Request-Id"].startswith("req_")


def test_formulaires_absurdes(banque, client):
    session = payee(client)
    connexion = http.client.HTTPConnection("127.0.0.1", banque.port, timeout=10)
    entetes = {"Authorization": f"Bearer {CLE}", "Content-Type": "application/x-www-form-urlencoded"}
    for corps in FORMULAIRES:
        for chemin in (
            "/v1/checkout/sessions",
            "/v1/refunds",
            f"/v1/checkout/sessions/{session.id}/expire",
            f"/payer/{session.id}",
            "/demonstration/reglages",
            "/demonstration/livrer",
        ):
            connexion.request("POST", chemin, corps, entetes)
            bonne_reponse(connexion.getresponse())
        requete = "".join(chr(octet) if 32 < octet < 127 else f"%{octet:02x}" for octet in corps[:5000])
        for chemin in ("/v1/events", "/v1/refunds", f"/v1/checkout/sessions/{session.id}"):
            connexion.request("GET", f"{chemin}?{requete}", headers=entetes)
            bonne_reponse(connexion.getresponse())
    connexion.close()
    assert len(client.v1.checkout.sessions.list().data) == 1


def test_json_absurde(banque):
    connexion = http.client.HTTPConnection("127.0.0.1", banque.port, timeout=10)
    for corps in (b"{", b"[" * 100_000, b"\xff", b"null", b"1", b"9" * 5000, b'{"ordre": "\\ud800"}', b'"x"'):
        for chemin in ("/demonstration/reglages", "/demonstration/livrer"):
            connexion.request("POST", chemin, corps, {"Authorization": f"Bearer {CLE}"})
            reponse = connexion.getresponse()
            assert reponse.status == 400, corps[:20]
            bonne_reponse(reponse)
    connexion.close()


def test_chemins_et_methodes_absurdes(banque):
    for methode in ("GET", "POST", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "get", "INCONNUE"):
        for chemin in CHEMINS:
            with socket.create_connection(("127.0.0.1", banque.port), timeout=5) as prise:
                prise.sendall(
                    f"{methode} {chemin} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                    f"Authorization: Bearer {CLE}\r\n\r\n".encode("latin-1")
                )
                reponse = http.client.HTTPResponse(prise, method=methode)
                reponse.begin()
                if methode == "HEAD":
                    assert reponse.status < 500
                else:
                    bonne_reponse(reponse)


@pytest.mark.parametrize(
    "brut",
    [
        b"\r\n\r\n",
        b"n'importe quoi\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET / HTTP/x\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01",
        b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 200 + b"\r\n",
        b"GET / HTTP/1.1\r\nA: " + b"b" * 70_000 + b"\r\n\r\n",
        b"POST /v1/refunds HTTP/1.1\r\nContent-Length: abc\r\n\r\n",
        b"POST /v1/refunds HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST /v1/refunds HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcde",
        b"POST /v1/refunds HTTP/1.1\r\nContent-Length: 99\r\n\r\ncourt",
        b"POST /v1/refunds HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\n\r\n",
        b"POST /v1/refunds HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % (CORPS_MAXIMUM + 1),
        b"POST /v1/refunds HTTP/1.1\r\nContent-Length: 999999999999\r\n\r\n",
        b"POST /v1/refunds HTTP/1.1\r\nAuthorization: Bearer sk_test_essai\r\nIdempotency-Key: "
        + b"\xe9" * 300
        + b"\r\nContent-Length: 0\r\n\r\n",
        b"POST /v1/refunds HTTP/1.1\r\nAuthorization: Bearer \xff\x80\r\nContent-Length: 0\r\n\r\n",
    ],
)
def test_requetes_mal_formees(banque, client, brut):
    with socket.create_connection(("127.0.0.1", banque.port), timeout=5) as prise:
        prise.sendall(brut)
        prise.shutdown(socket.SHUT_WR)
        recu = b""
        try:
            while morceau := prise.recv(65536):
                recu += morceau
        except ConnectionResetError:  # refused unread: the reset may overtake the answer
            pass
    assert b"Traceback" not in recu
    assert recu == b"" or recu.startswith((b"HTTP/1.0 4", b"HTTP/1.1 4"))
    creer(client)  # still there


def test_ecoute_en_boucle_locale(banque):
    assert urlsplit(banque.url).hostname == "127.0.0.1"
    assert banque.serveur.server_address[0] == "127.0.0.1"
