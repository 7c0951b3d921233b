"""« Mes connexions », sending the other devices out, and the end of a session that keeps what was typed."""

from datetime import timedelta

import pytest
import time_machine
from django.contrib.messages import get_messages
from django.test import Client
from django.utils import timezone

from familles import connexions
from familles.connexions import appareil
from familles.models import Connexion, Utilisateur
from tests.factories import agent
from tests.familles.fabrique import cle_de_session, entrer, est_entre, session_existe

pytestmark = pytest.mark.django_db
FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0"


@pytest.mark.parametrize(
    ("agent", "mots"),
    [
        (FIREFOX, "Firefox sur Windows"),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Version/18.0 Mobile Safari/604.1",
            "Safari sur iPhone",
        ),
        (
            "Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 Chrome/130.0 Mobile Safari/537.36",
            "Chrome sur Android",
        ),
        (
            "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/130.0 Safari/537.36 Edg/130.0",
            "Edge sur Windows",
        ),
        (
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/18 Safari/605",
            "Safari sur Mac",
        ),
        ("", "Navigateur inconnu"),
        ("x" * 5000, "Navigateur inconnu"),
    ],
)
def test_appareil_en_mots(agent, mots):
    assert appareil(agent) == mots


class TestPage:
    def test_date_appareil_adresse_masquee_et_celui_ci(self, monde):
        with time_machine.travel("2026-11-23 09:05 +0100", tick=False):
            navigateur = Client(REMOTE_ADDR="203.0.113.77", HTTP_USER_AGENT=FIREFOX)
            entrer("jean.dupont", client=navigateur)
            entrer("jean.dupont")
            page = navigateur.get("/compte/connexions/").content.decode()
        assert "Firefox sur Windows" in page and "Lundi 23 novembre 2026, 9 h 05" in page
        assert "203.0.113.•" in page and "203.0.113.77" not in page
        assert page.count("Cet appareil") == 1
        assert "203.0.113.77" not in str(list(Connexion.objects.values()))

    def test_trois_personnes(self, monde):
        entrer("jean.dupont", client=Client(HTTP_USER_AGENT=FIREFOX))
        for autre in (monde.jeanne, monde.claire, monde.agent):
            assert "Firefox" not in monde.client(autre).get("/compte/connexions/").content.decode()

    def test_un_agent_sans_famille(self, monde):
        navigateur, _ = entrer("agent")
        page = navigateur.get("/compte/connexions/").content.decode()
        assert "Revenir à l’administration" in page

    def test_liens_de_mon_compte(self, monde):
        page = monde.client(monde.jean).get("/compte/").content.decode()
        for adresse in ("/mot-de-passe/modifier/", "/compte/double-authentification/", "/compte/connexions/"):
            assert f'href="{adresse}"' in page

    def test_purge(self, monde):
        jean = Utilisateur.objects.get(identifiant="jean.dupont")
        maintenant = timezone.now()
        for jours in (0, 179, 181):
            Connexion.objects.create(utilisateur=jean, le=maintenant - timedelta(days=jours), appareil="x")
        assert connexions.purger(maintenant) == 1

    @pytest.mark.parametrize("nombre", [1, 30])
    def test_requetes_constantes(self, monde, nombre, django_assert_num_queries):
        navigateur, _ = entrer("jean.dupont")
        jean = Utilisateur.objects.get(identifiant="jean.dupont")
        Connexion.objects.bulk_create(Connexion(utilisateur=jean, appareil="x") for _ in range(nombre))
        navigateur.get("/compte/connexions/")
        # session, user, responsable, log-ins, new messages
        with django_assert_num_queries(5):
            navigateur.get("/compte/connexions/")


class TestDeconnecter:
    def test_les_autres_seulement(self, monde):
        ici, _ = entrer("jean.dupont")
        ailleurs, _ = entrer("jean.dupont")
        claire, _ = entrer("claire.martin")
        assert ici.post("/compte/connexions/")["Location"] == "/compte/connexions/"
        assert est_entre(ici) and est_entre(claire)
        assert not est_entre(ailleurs)
        assert "Cet appareil" in ici.get("/compte/connexions/").content.decode()
        assert est_entre(entrer("jean.dupont")[0])

    def test_encore_apres_un_changement_de_mot_de_passe(self, monde):
        ici, _ = entrer("jean.dupont")
        ici.post("/compte/connexions/")
        ailleurs, _ = entrer("jean.dupont")
        nouveau = {"ancien": "Portail2026", "new_password1": "Riviere-2027", "new_password2": "Riviere-2027"}
        assert ici.post("/mot-de-passe/modifier/", nouveau)["Location"] == "/"
        assert est_entre(ici)
        assert not est_entre(ailleurs)


class TestSession:
    def test_le_numero_change_a_l_entree(self, monde):
        """A number somebody knew before (a shared computer, a planted cookie) opens nothing afterwards."""
        navigateur = Client()
        session = navigateur.session
        session["plante"] = 1
        session.save()
        navigateur.cookies["session"] = session.session_key
        entrer("jean.dupont", client=navigateur)
        assert cle_de_session(navigateur) != session.session_key
        assert not session_existe(session.session_key)

    def test_rester_connecte(self, monde):
        with time_machine.travel("2026-11-23 09:00 +0100", tick=False) as horloge:
            navigateur, _ = entrer("jean.dupont")
            for _ in range(3):
                horloge.shift(25 * 60)
                reponse = navigateur.get("/session/").json()
                assert reponse["reste"] == 1800 and reponse["jeton"]
                assert reponse["qui"] == connexions.marque(Utilisateur.objects.get(identifiant="jean.dupont"))
                assert reponse["famille"] == str(monde.jean.pk)
            assert est_entre(navigateur)
            horloge.shift(31 * 60)
            assert navigateur.get("/session/").status_code == 302

    def test_le_temps_absolu_est_dit(self, monde, settings):
        settings.SESSION_ABSOLUE_SECONDES = 2000
        with time_machine.travel("2026-11-23 09:00 +0100", tick=False) as horloge:
            navigateur, _ = entrer("jean.dupont")
            navigateur.get("/")
            horloge.shift(1500)
            assert navigateur.get("/session/").json()["reste"] == 500

    def test_chaque_page_d_une_personne_porte_l_annonce(self, monde):
        navigateur = monde.client(monde.jean)
        for adresse in ("/", "/compte/", "/releve/"):
            page = navigateur.get(adresse).content.decode()
            assert 'data-duree="1800"' in page and "veille.js" in page, adresse
        assert "veille" not in Client().get("/connexion/").content.decode()

    def test_un_envoi_apres_la_fin_ramene_a_sa_page(self, monde):
        """No script: the form is not received, and both pages say so."""
        visiteur = Client(HTTP_REFERER="http://testserver/messagerie/nouveau/?a=1")
        reponse = visiteur.post("/messagerie/nouveau/", {"texte": "Bonjour"})
        assert reponse["Location"] == "/connexion/?next=%2Fmessagerie%2Fnouveau%2F%3Fa%3D1&perdu=1"
        assert "n’a pas été enregistré" in visiteur.get(reponse["Location"]).content.decode()
        donnees = {"username": "jean.dupont", "password": "Portail2026", "next": "/messagerie/nouveau/"}
        suite = visiteur.post(reponse["Location"], donnees)
        assert suite["Location"] == "/messagerie/nouveau/"
        assert any("n’a pas été enregistré" in str(m) for m in get_messages(suite.wsgi_request))

    def test_de_meme_dans_l_administration(self, monde):
        reponse = Client().post("/admin/familles/famille/add/", {"numero": "1"})
        assert reponse["Location"] == "/connexion/?next=%2Fadmin%2Ffamilles%2Ffamille%2Fadd%2F&perdu=1"

    @pytest.mark.parametrize("page", ["", "https://ailleurs.example/x", "http://testserver", "http://[::1"])
    def test_page_d_origine_absente_ou_etrangere(self, page):
        reponse = Client(HTTP_REFERER=page).post("/messagerie/nouveau/")
        assert reponse["Location"] == "/connexion/?next=%2Fmessagerie%2Fnouveau%2F&perdu=1"


def test_agent_apres_code_garde_sa_ligne(monde):
    agent("autre")
    navigateur, _ = entrer("autre")
    assert Connexion.objects.get().double is False
    assert navigateur.session["connexion"] == Connexion.objects.get().pk
