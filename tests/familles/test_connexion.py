"""The door: who comes in, by which name; how one leaves; how long a session lasts."""

import statistics
import time

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from familles.models import Famille, Utilisateur
from tests.factories import MOT_DE_PASSE, agent, famille, utilisateur
from tests.familles.fabrique import SITE, cle_de_session, entrer, est_entre, session_existe

pytestmark = pytest.mark.django_db


class TestEntrer:
    @pytest.mark.parametrize(
        "saisi",
        [
            "helene.martin",
            "Hélène.MARTIN",
            "  helene.martin ",
            "He\u0301le\u0300ne.Martin",
            "ｈｅｌｅｎｅ.martin",
            "Helene@Exemple.fr",
            " helene@exemple.fr  ",
        ],
    )
    def test_identifiant_ou_courriel_sans_casse_ni_accents_ni_espaces(self, saisi):
        cree = famille("Hélène", "MARTIN", "Hélène.Martin")
        cree.responsables.update()
        Utilisateur.objects.update(courriel="helene@exemple.fr")
        navigateur, reponse = entrer(saisi)
        assert (reponse.status_code, reponse["Location"]) == (302, "/")
        assert est_entre(navigateur)

    def test_meme_phrase_pour_inconnu_faux_et_inactif(self, monde):
        utilisateur("ancien", is_active=False)
        pages = [
            entrer(nom, mdp)[1].content.decode()
            for nom, mdp in (("jean.dupont", "Faux2026"), ("personne", "Faux2026"), ("ancien", MOT_DE_PASSE))
        ]
        assert all("Identifiant ou mot de passe incorrect." in p for p in pages)

    def test_ce_qui_est_tape_reste_sauf_le_mot_de_passe(self, monde):
        page = entrer("Jean.Duponte", "Secret2026")[1].content.decode()
        assert 'value="Jean.Duponte"' in page
        assert "Secret2026" not in page

    def test_champs_vides_dits_au_champ(self):
        page = entrer("", "")[1].content.decode()
        assert "Écrivez votre identifiant." in page
        assert "Écrivez votre mot de passe." in page

    @pytest.mark.parametrize("saisi", ["a" * 5000, "\x00", "é" * 254, "@", "🙂", "' OR 1=1 --"])
    def test_saisies_etranges(self, saisi):
        assert entrer(saisi)[1].status_code == 200

    def test_la_session_change_de_numero(self, monde):
        navigateur = Client()
        navigateur.get("/connexion/")
        entrer("jean.dupont", client=navigateur)
        premiere = cle_de_session(navigateur)
        entrer("claire.martin", client=Client())
        navigateur.post("/deconnexion/")
        entrer("jean.dupont", client=navigateur)
        assert cle_de_session(navigateur) != premiere

    @pytest.mark.parametrize(
        ("suite", "arrivee"),
        [
            ("/compte/", "/compte/"),
            ("//ailleurs.example/", "/"),
            ("https://ailleurs.example/", "/"),
            ("javascript:alert(1)", "/"),
            ("/admin/", "/"),
        ],
    )
    def test_suite_sure(self, monde, suite, arrivee):
        assert entrer("jean.dupont", suite=suite)[1]["Location"] == arrivee

    def test_un_agent_arrive_a_l_administration(self):
        agent("agent")
        assert entrer("agent")[1]["Location"] == reverse("admin:index")
        assert entrer("agent", suite="/admin/familles/famille/")[1]["Location"] == "/admin/familles/famille/"

    def test_un_parent_ne_tourne_pas_en_rond_devant_l_administration(self, monde):
        reponse = monde.client(monde.jean).get("/admin/", follow=True)
        assert reponse.redirect_chain[-1][0] == "/"
        assert reponse.status_code == 200

    def test_deja_connecte(self, monde):
        assert monde.client(monde.jean).get("/connexion/")["Location"] == "/"

    def test_page(self):
        page = Client().get("/connexion/").content.decode()
        for mots in (
            "Compte famille",
            "Afin d’accéder à notre service, veuillez vous identifier.",
            "Identifiant",
            "Mot de passe oublié\N{NO-BREAK SPACE}?",
            "Contact",
            "Camille et Sacha",
            "04 65 71 54 58",
            "06 39 98 63 90",
            'autocomplete="username"',
            'autocomplete="current-password"',
            'href="tel:0465715458"',
        ):
            assert mots in page, mots

    def test_le_mot_de_passe_est_garde_en_argon2(self, hachage_reel, monde):
        assert Utilisateur.objects.get(identifiant="jean.dupont").password.startswith(
            "argon2$argon2id$v=19$m=19456,t=2,p=1$"
        )
        assert entrer("jean.dupont", "Faux2026")[1].status_code == 200
        assert entrer("jean.dupont")[1].status_code == 302

    def test_temps_semblables_pour_inconnu_et_faux(self, hachage_reel, monde):
        def mediane(identifiant: str) -> float:
            durees = []
            for _ in range(9):
                debut = time.process_time()
                entrer(identifiant, "Faux2026")
                durees.append(time.process_time() - debut)
            return statistics.median(durees)

        assert abs(mediane("jean.dupont") - mediane("personne")) < 0.02


class TestSortir:
    def test_la_session_meurt_sur_le_serveur(self, monde):
        navigateur, _ = entrer("jean.dupont")
        cle = cle_de_session(navigateur)
        assert session_existe(cle)
        reponse = navigateur.post("/deconnexion/")
        assert (reponse.status_code, reponse["Location"]) == (302, SITE)
        assert not session_existe(cle)
        revenant = Client()
        revenant.cookies["session"] = cle
        assert not est_entre(revenant)

    def test_sans_site_va_a_la_connexion(self, monde, commune):
        commune.site_url = ""
        commune.save()
        commune.oublier()
        assert monde.client(monde.jean).post("/deconnexion/")["Location"] == "/connexion/"

    def test_get_demande_confirmation(self, monde):
        navigateur = monde.client(monde.jean)
        page = navigateur.get("/deconnexion/")
        assert "Se déconnecter" in page.content.decode()
        assert est_entre(navigateur)

    def test_le_formulaire_peut_mener_au_site_de_la_commune(self, monde):
        politique = monde.client(monde.jean).get("/")["Content-Security-Policy"]
        assert "https://belrive.example" in politique.partition("form-action")[2]

    def test_sans_jeton_refuse(self, monde):
        navigateur = Client(enforce_csrf_checks=True)
        navigateur.force_login(Utilisateur.objects.get(identifiant="jean.dupont"))
        assert navigateur.post("/deconnexion/").status_code == 403


class TestDuree:
    def test_inactivite(self, monde):
        with time_machine.travel("2026-11-23 09:00 +0100", tick=False) as horloge:
            navigateur, _ = entrer("jean.dupont")
            assert est_entre(navigateur)
            horloge.shift(29 * 60)
            assert est_entre(navigateur)
            horloge.shift(31 * 60)
            assert not est_entre(navigateur)

    def test_duree_maximale_meme_active(self, monde):
        with time_machine.travel("2026-11-23 08:00 +0100", tick=False) as horloge:
            navigateur, _ = entrer("jean.dupont")
            for _ in range(36):
                assert est_entre(navigateur)
                horloge.shift(20 * 60)
            horloge.shift(60)
            reponse = navigateur.get("/compte/")
            assert reponse["Location"] == "/connexion/?fin=1"
            assert "Vous avez été déconnecté" in navigateur.get(reponse["Location"]).content.decode()
            assert not est_entre(navigateur)

    def test_rien_dans_le_cache_du_navigateur(self, monde):
        navigateur = monde.client(monde.jean)
        for adresse in ("/", "/compte/", "/infos-documents/", "/mot-de-passe/modifier/"):
            assert "no-store" in navigateur.get(adresse)["Cache-Control"], adresse


class TestSansFamille:
    def test_compte_sans_famille(self):
        utilisateur("seul")
        navigateur, _ = entrer("seul")
        reponse = navigateur.get("/")
        assert reponse.status_code == 403
        assert "n’est rattaché à aucune famille" in reponse.content.decode()

    def test_famille_archivee_pendant_la_session(self, monde):
        navigateur = monde.client(monde.jean)
        assert est_entre(navigateur)
        Famille.objects.filter(pk=monde.jean.pk).update(archivee_le="2026-11-01")
        assert navigateur.get("/compte/").status_code == 403

    def test_agent(self, monde):
        assert monde.client(monde.agent).get("/compte/")["Location"] == reverse("admin:index")
