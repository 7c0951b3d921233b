"""The bank's notifications: late, twice, in any order, forged; and delivered for real to a live server."""

import json
import time
from itertools import permutations
from urllib.parse import urlsplit

import pytest
from django.db import OperationalError
from django.test import Client

from facturation import views_paiement
from facturation.models import EvenementPaiement, PaiementEnLigne, Reglement
from facturation.releve import solde
from portail.socle.models import Courriel
from tests.facturation.guichet import (
    facturer,
    livrer,
    notification,
    ouvrir,
    ouvrir_guichet,
    poster,
    retour,
    signer,
)


@pytest.fixture
def jean(monde):
    """Jean's browser; he owes AL-1 (120,60 €)."""
    facturer(monde.jean, 12060)
    return monde.client(monde.jean)


def exactement_un(famille) -> None:
    assert list(Reglement.objects.values_list("centimes", flat=True)) == [12060]
    assert list(PaiementEnLigne.objects.values_list("etat", "incident")) == [("paye", "")]
    assert (solde(famille), Courriel.objects.count()) == (0, 1)


class TestOrdre:
    def test_le_retour_avant(self, monde, guichet, jean):
        paiement = ouvrir(jean, "AL-1")
        guichet.choisir(paiement.url, "payer")
        assert "Paiement reçu" in retour(jean, paiement)
        (evenement,) = guichet.evenements()
        assert livrer(evenement) == 200
        exactement_un(monde.jean)
        assert EvenementPaiement.objects.get().issue == "paye"

    def test_la_notification_avant(self, monde, guichet, jean):
        paiement = ouvrir(jean, "AL-1")
        guichet.choisir(paiement.url, "payer")
        assert livrer(guichet.evenements()[0]) == 200
        guichet.banque.regler(panne="500")  # the return page has nothing left to ask
        assert "Paiement reçu" in retour(jean, paiement)
        exactement_un(monde.jean)

    def test_sans_retour(self, monde, guichet, jean):
        """The parent closes the window, the session of the portal is over: the notification is enough."""
        guichet.choisir(ouvrir(jean, "AL-1").url, "payer")
        jean.logout()
        assert livrer(guichet.evenements()[0]) == 200
        exactement_un(monde.jean)

    @pytest.mark.parametrize(
        "ordre", list(permutations(["completed", "async_payment_succeeded", "expired"])), ids="-".join
    )
    def test_chaque_ordre_trois_fois(self, monde, guichet, jean, ordre):
        """Each told before and after the payment, three times: the bodies are not believed, the bank is asked."""
        paiement = ouvrir(jean, "AL-1")
        for genre in ordre:
            avant = notification(genre, paiement.session, id=f"evt_avant_{genre}")
            assert [livrer(avant) for _ in range(3)] == [200] * 3
        assert (Reglement.objects.count(), PaiementEnLigne.objects.get().etat) == (0, "ouvert")
        guichet.choisir(paiement.url, "payer")
        for genre in ordre:
            apres = notification(genre, paiement.session)
            assert [livrer(apres) for _ in range(3)] == [200] * 3
            retour(jean, paiement)
        exactement_un(monde.jean)

    def test_expire_dit_apres_un_second_paiement(self, monde, guichet, jean):
        """The late « expired » of an older page leaves the newer one alone."""
        ancien = ouvrir(jean, "AL-1", courriel="autre@exemple.fr")
        paiement = ouvrir(jean, "AL-1")
        guichet.choisir(paiement.url, "payer")
        for evenement in reversed(guichet.evenements()):
            assert livrer(evenement) == 200
        ancien.refresh_from_db()
        assert (ancien.etat, Reglement.objects.get().paiement_en_ligne) == ("expire", paiement)

    def test_base_occupee(self, monde, guichet, jean, monkeypatch):
        """A lock that does not come is a 503 (sent again), and « en attente » for the parent: never an error page."""
        paiement = ouvrir(jean, "AL-1")
        guichet.choisir(paiement.url, "payer")

        def occupee(*args, **options):
            raise OperationalError("canceling statement due to lock timeout")

        with monkeypatch.context() as patch:
            patch.setattr(views_paiement.banque.verbes, "encaisser", occupee)
            assert livrer(guichet.evenements()[0]) == 503
        with monkeypatch.context() as patch:
            patch.setattr(views_paiement.banque.verbes, "_appliquer", occupee)
            assert "Paiement en attente" in retour(jean, paiement)
        assert livrer(guichet.evenements()[0]) == 200
        exactement_un(monde.jean)


class TestFausses:
    """Nothing forged has any effect. The page is paid at the bank: whatever passes would be seen."""

    @pytest.fixture
    def corps(self, guichet, jean) -> str:
        guichet.choisir(ouvrir(jean, "AL-1").url, "payer")
        return json.dumps(guichet.evenements()[0])

    def sans_effet(self) -> None:
        assert (Reglement.objects.count(), EvenementPaiement.objects.count()) == (0, 0)
        assert PaiementEnLigne.objects.get().etat == "ouvert"

    @pytest.mark.parametrize(
        "signature",
        [
            None,
            "",
            "n’importe quoi".encode().decode("latin-1"),
            "t=,v1=",
            "t=abc,v1=00",
            "v1=00",
            "t=99999999999999999999,v1=00",
            "t=1",
            ",",
        ],
    )
    def test_signature_absente_ou_illisible(self, corps, signature):
        assert poster(corps, signature) == 400
        self.sans_effet()

    @pytest.mark.parametrize("ecart", [-86400, -301, 301, 86400])
    def test_trop_vieille_ou_du_futur(self, corps, ecart):
        # One second of slack on each side: the clock ticks between the signature and its reading.
        assert poster(corps, signer(corps, time.time() + ecart + (2 if ecart > 0 else 0))) == 400
        self.sans_effet()

    def test_mauvais_secret(self, corps, settings):
        assert poster(corps, signer(corps, secret="whsec_autre")) == 400
        self.sans_effet()
        settings.STRIPE_WEBHOOK_SECRET = ""
        assert poster(corps, signer(corps, secret="")) == 400
        self.sans_effet()

    def test_un_octet_change(self, corps):
        signature = signer(corps)
        for position in (0, len(corps) // 2, len(corps) - 1):
            altere = corps[:position] + chr(ord(corps[position]) ^ 1) + corps[position + 1 :]
            assert poster(altere, signature) == 400
        assert poster(corps.encode() + b"\n", signature) == 400
        self.sans_effet()

    @pytest.mark.parametrize("faux", ["", "[]", "null", "{}", "{", '{"data": 1}', '{"data": {"object": []}}'])
    def test_signee_mais_illisible(self, corps, faux):
        assert poster(faux, signer(faux)) == 400
        self.sans_effet()

    def test_octets_qui_ne_sont_pas_du_texte(self, corps):
        assert poster(b"\xff\xfe", signer(corps)) == 400
        self.sans_effet()

    def test_autre_mode_de_la_banque(self, corps):
        """A « live » event on a test key is about money that is not ours: heard, kept, nothing done."""
        assert livrer(json.loads(corps) | {"livemode": True}) == 200
        assert Reglement.objects.count() == 0
        assert EvenementPaiement.objects.get().issue == "ignore"

    def test_cle_de_production(self, corps, settings):
        settings.STRIPE_SECRET_KEY = "sk_live_essai"
        assert livrer(json.loads(corps)) == 200
        assert Reglement.objects.count() == 0

    def test_session_inconnue(self, corps, caplog):
        assert livrer(notification("completed", "cs_test_inconnue")) == 200
        assert Reglement.objects.count() == 0
        assert EvenementPaiement.objects.get().issue == "inconnu"
        assert "notification d’un paiement inconnu" in caplog.messages

    def test_le_montant_du_corps_n_est_pas_cru(self, monde, corps):
        evenement = json.loads(corps)
        evenement["data"]["object"] |= {"amount_total": 1, "currency": "usd", "payment_status": "unpaid"}
        assert livrer(evenement) == 200
        exactement_un(monde.jean)

    def test_paye_selon_le_corps_seulement(self, guichet, monde):
        """A signed « paid » for a page nobody paid: the bank says otherwise."""
        facturer(monde.jean, 12060)
        paiement = ouvrir(monde.client(monde.jean), "AL-1")
        evenement = notification("completed", paiement.session)
        evenement["data"]["object"] |= {"payment_status": "paid", "amount_total": 12060, "currency": "eur"}
        assert livrer(evenement) == 200
        assert (Reglement.objects.count(), solde(monde.jean)) == (0, 12060)

    def test_autre_genre_et_autre_methode(self, corps):
        assert livrer(json.loads(corps) | {"type": "charge.refunded"}) == 200
        assert Client().get("/stripe/webhook/").status_code == 405
        assert Reglement.objects.count() == 0


@pytest.mark.django_db(transaction=True)
class TestEnVrai:
    """The bank's own deliveries, over HTTP, to the live server."""

    @pytest.fixture
    def guichet(self, settings, live_server, tmp_path):
        settings.SITE_URL = live_server.url
        adresse = f"{live_server.url}/stripe/webhook/"
        with ouvrir_guichet(settings, tmp_path / "banque.sqlite3", adresse) as guichet:
            yield guichet

    def test_doublee_melangee_en_retard(self, monde, guichet, jean):
        guichet.banque.regler(doubler=3, melanger=True, retarder=0.2)
        paiement = ouvrir(jean, "AL-1")
        guichet.choisir(paiement.url, "refuser")
        suite = guichet.choisir(paiement.url, "payer")
        assert guichet.banque.attendre(10)
        exactement_un(monde.jean)
        assert "Paiement reçu" in jean.get(urlsplit(suite).path).content.decode()
        assert {s["statut"] for e in guichet.banque.evenements() for s in e["livraisons"]} == {200}

    def test_retenue_puis_livree(self, monde, guichet, jean):
        guichet.banque.regler(retenir=True)
        paiement = ouvrir(jean, "AL-1")
        guichet.choisir(paiement.url, "payer")
        assert "Paiement reçu" in retour(jean, paiement)
        (evenement,) = guichet.evenements()
        guichet.banque.livrer([evenement["id"]] * 5)
        assert guichet.banque.attendre(10)
        exactement_un(monde.jean)

    def test_portail_muet_puis_revenu(self, monde, guichet, jean, settings):
        """The portal refuses (its secret is being changed): the bank tries again and money arrives once."""
        settings.STRIPE_WEBHOOK_SECRET = "whsec_ancien"
        guichet.choisir(ouvrir(jean, "AL-1").url, "payer")
        while not any(s["essais"] for e in guichet.banque.evenements() for s in e["livraisons"]):
            time.sleep(0.02)
        assert Reglement.objects.count() == 0
        settings.STRIPE_WEBHOOK_SECRET = "whsec_essai"
        assert guichet.banque.attendre(10)
        exactement_un(monde.jean)
