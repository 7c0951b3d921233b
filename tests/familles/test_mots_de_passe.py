"""Passwords: the guide's rules, the forced change, the padlock, the one-use link."""

import re
import statistics
import time

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from familles.models import Utilisateur
from familles.recuperation import envoyer_lien
from portail.socle.models import Courriel, Trace
from tests.factories import MOT_DE_PASSE, famille, utilisateur
from tests.familles.fabrique import entrer, est_entre

pytestmark = pytest.mark.django_db
NOUVEAU = "Riviere-2027"


def changer(navigateur: Client, nouveau: str, encore: str | None = None, ancien: str = MOT_DE_PASSE):
    return navigateur.post(
        "/mot-de-passe/modifier/",
        {"ancien": ancien, "new_password1": nouveau, "new_password2": nouveau if encore is None else encore},
    )


class TestRegles:
    @pytest.mark.parametrize(
        ("choisi", "phrase"),
        [
            ("Court1a", "8 caractères minimum"),
            ("minuscule2026", "au moins 1 majuscule"),
            ("MAJUSCULE2026", "au moins 1 minuscule"),
            ("SansChiffre", "au moins 1 chiffre"),
            ("Password1", "trop courant"),
            ("Dupont2027x", "ne doit pas contenir votre nom"),
            ("xxDÜPÖNTxx1", "ne doit pas contenir votre nom"),
            (MOT_DE_PASSE, "différent de l’actuel"),
        ],
    )
    def test_refuses_avec_la_raison_au_champ(self, monde, choisi, phrase):
        navigateur, _ = entrer("jean.dupont")
        page = changer(navigateur, choisi).content.decode()
        assert phrase in page
        assert 'href="#id_new_password' in page
        assert Utilisateur.objects.get(identifiant="jean.dupont").check_password(MOT_DE_PASSE)

    def test_les_quatre_regles_du_guide_sont_affichees(self, monde):
        page = monde.client(monde.jean).get("/mot-de-passe/modifier/").content.decode()
        assert re.findall(r'data-regle="(\w+)"', page) == ["longueur", "majuscule", "minuscule", "chiffre"]
        assert 'data-regles="id_new_password1"' in page

    def test_la_longueur_est_un_reglage(self, monde, settings):
        premier, *autres = settings.AUTH_PASSWORD_VALIDATORS
        settings.AUTH_PASSWORD_VALIDATORS = [premier | {"OPTIONS": {"longueur": 12}}, *autres]
        navigateur, _ = entrer("jean.dupont")
        assert "12 caractères minimum" in changer(navigateur, "Riviere2027").content.decode()

    def test_deux_saisies_differentes(self, monde):
        navigateur, _ = entrer("jean.dupont")
        assert "ne sont pas les mêmes" in changer(navigateur, NOUVEAU, NOUVEAU + "x").content.decode()

    def test_ancien_faux(self, monde):
        navigateur, _ = entrer("jean.dupont")
        reponse = changer(navigateur, NOUVEAU, ancien="Faux2026")
        assert "pas votre mot de passe actuel" in reponse.content.decode()


class TestChanger:
    def test_termine_les_autres_sessions_et_garde_celle_ci(self, monde):
        ici, _ = entrer("jean.dupont")
        ailleurs, _ = entrer("jean.dupont")
        assert changer(ici, NOUVEAU)["Location"] == "/"
        assert est_entre(ici)
        assert not est_entre(ailleurs)
        assert entrer("jean.dupont", NOUVEAU)[1].status_code == 302
        assert Trace.objects.filter(action="mot_de_passe.modifier", qui="jean.dupont").count() == 1

    def test_impose_a_la_premiere_connexion(self):
        creee = famille("Noa", "BLANC", "nouvelle.famille")
        Utilisateur.objects.update(doit_changer_mot_de_passe=True)
        navigateur, _ = entrer("nouvelle.famille")
        for adresse in ("/", "/compte/", "/aide/", f"/enfants/{creee.pk}/"):
            assert navigateur.get(adresse)["Location"] == "/mot-de-passe/modifier/"
        page = navigateur.get("/mot-de-passe/modifier/").content.decode()
        assert "première connexion" in page
        assert 'name="ancien"' not in page
        assert "différent de l’actuel" in changer(navigateur, MOT_DE_PASSE).content.decode()
        assert changer(navigateur, NOUVEAU)["Location"] == "/"
        assert est_entre(navigateur)
        assert not Utilisateur.objects.get().doit_changer_mot_de_passe

    def test_anonyme(self):
        assert Client().get("/mot-de-passe/modifier/")["Location"].startswith("/connexion/")


def demander(saisi: str) -> str:
    reponse = Client().post("/mot-de-passe/oublie/", {"identifiant": saisi})
    return re.sub(r'name="csrfmiddlewaretoken" value="\w+"', "", reponse.content.decode())


def lien() -> str:
    return re.search(r"https?://[^/]+(/mot-de-passe/reinitialiser/\S+)", Courriel.objects.latest("pk").texte)[
        1
    ]


@pytest.fixture
def jean(monde):
    Utilisateur.objects.filter(identifiant="jean.dupont").update(courriel="jean@exemple.fr")
    return Utilisateur.objects.get(identifiant="jean.dupont")


class TestOublie:
    def test_meme_reponse_pour_tous(self, jean):
        utilisateur("sans.courriel")
        utilisateur("parti", is_active=False, courriel="parti@exemple.fr")
        pages = {
            demander(s) for s in ("jean.dupont", "JEAN@exemple.fr", "personne", "sans.courriel", "parti")
        }
        assert len(pages) == 1
        page = pages.pop()
        assert "appelez-nous" in page and "04 65 71 54 58" in page
        assert [c.destinataire for c in Courriel.objects.all()] == ["jean@exemple.fr"]

    def test_le_lien_sert_une_fois(self, jean):
        ouverte, _ = entrer("jean.dupont")
        demander("jean.dupont")
        adresse = lien()
        navigateur = Client()
        page = navigateur.get(adresse, follow=True)
        assert "Nouveau mot de passe" in page.content.decode()
        formulaire = page.redirect_chain[-1][0]
        assert adresse.split("/")[-2] not in formulaire
        refus = navigateur.post(formulaire, {"new_password1": "court", "new_password2": "court"})
        assert "8 caractères minimum" in refus.content.decode()
        fait = navigateur.post(formulaire, {"new_password1": NOUVEAU, "new_password2": NOUVEAU})
        assert fait["Location"] == "/connexion/"
        assert "est changé" in navigateur.get("/connexion/").content.decode()
        assert entrer("jean.dupont", NOUVEAU)[1].status_code == 302
        assert not est_entre(ouverte)
        assert "Ce lien ne sert plus" in Client().get(adresse, follow=True).content.decode()

    def test_le_lien_meurt_apres_une_heure(self, jean):
        with time_machine.travel("2026-11-23 09:00 +0100", tick=False) as horloge:
            demander("jean.dupont")
            horloge.shift(3601)
            assert "Ce lien ne sert plus" in Client().get(lien(), follow=True).content.decode()

    def test_le_lien_leve_l_obligation(self, jean):
        Utilisateur.objects.filter(pk=jean.pk).update(doit_changer_mot_de_passe=True)
        demander("jean.dupont")
        navigateur = Client()
        formulaire = navigateur.get(lien())["Location"]
        navigateur.post(formulaire, {"new_password1": NOUVEAU, "new_password2": NOUVEAU})
        assert not Utilisateur.objects.get(pk=jean.pk).doit_changer_mot_de_passe

    @pytest.mark.parametrize("uid", ["x", "AAAA", "OTk5OTk5OTk5OTk5OTk5OTk5OTk5", "MQ", "%00"])
    def test_liens_fantaisistes(self, uid):
        reponse = Client().get(f"/mot-de-passe/reinitialiser/{uid}/abc-def/")
        assert reponse.status_code in (200, 400, 404)

    def test_une_boite_n_est_pas_inondee(self, jean):
        with time_machine.travel("2026-11-23 09:00 +0100", tick=False) as horloge:
            for _ in range(5):
                demander("jean.dupont")
            assert Courriel.objects.count() == 1
            horloge.shift(301)
            demander("jean.dupont")
            assert Courriel.objects.count() == 2

    def test_l_adresse_du_site_et_non_celle_de_la_requete(self, jean, settings):
        settings.ALLOWED_HOSTS = ["*"]
        Client().post(
            "/mot-de-passe/oublie/", {"identifiant": "jean.dupont"}, headers={"host": "pirate.example"}
        )
        assert "pirate" not in Courriel.objects.get().texte
        assert settings.SITE_URL in Courriel.objects.get().texte

    @pytest.mark.django_db(transaction=True)
    def test_temps_semblables(self, hachage_reel, jean):
        def mediane(saisis: list[str]) -> float:
            durees = []
            for saisi in saisis:
                debut = time.process_time()
                envoyer_lien(saisi, timezone.now())
                durees.append(time.process_time() - debut)
            return statistics.median(durees)

        for n in range(9):
            utilisateur(f"p{n}", courriel=f"p{n}@exemple.fr")
        assert abs(mediane([f"p{n}" for n in range(9)]) - mediane([f"inconnu{n}" for n in range(9)])) < 0.02
