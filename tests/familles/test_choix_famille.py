"""Somebody of two households chooses which one to open; the session holds the choice, rechecked each time."""

import re

import pytest
from django.test import Client

from familles.models import Responsable, Utilisateur
from tests.familles.fabrique import entrer

pytestmark = pytest.mark.django_db


@pytest.fixture
def deux(monde):
    """Jean is also the conjoint of Claire's household. (family of Jean, family of Claire)"""
    Responsable.objects.create(
        famille=monde.claire,
        rang="conjoint",
        prenom="Jean",
        nom="DUPONT",
        utilisateur=Utilisateur.objects.get(identifiant="jean.dupont"),
    )
    return monde


def choisir(navigateur, f, suite: str = ""):
    return navigateur.post("/familles/", {"famille": f.pk, "next": suite})


def test_le_choix_vient_apres_la_connexion(deux):
    navigateur, entree = entrer("jean.dupont")
    assert entree["Location"] == "/"
    assert navigateur.get("/")["Location"] == "/familles/?next=%2F"
    ecran = navigateur.get("/familles/").content.decode()
    assert deux.jean.numero in ecran and deux.claire.numero in ecran and deux.jeanne.numero not in ecran
    assert choisir(navigateur, deux.claire, "/compte/")["Location"] == "/compte/"
    ecran = navigateur.get("/compte/").content.decode()
    assert "CLAIRE" in ecran and deux.claire.numero in ecran and "Changer de famille" in ecran


def test_une_seule_famille_ne_choisit_rien(deux):
    navigateur = deux.client(deux.jeanne)
    assert navigateur.get("/familles/")["Location"] == "/"
    ecran = navigateur.get("/").content.decode()
    assert "Changer de famille" not in ecran


def test_ni_agent_ni_anonyme(deux, client):
    assert client.get("/familles/")["Location"].startswith("/connexion/")
    assert deux.client(deux.agent).get("/familles/").status_code == 302


def test_la_famille_active_decide_de_ce_qu_on_voit(deux):
    navigateur = deux.client(deux.jean)
    choisir(navigateur, deux.jean)
    assert navigateur.get(f"/enfants/{deux.tom.pk}/").status_code == 200
    assert navigateur.get(f"/enfants/{deux.zoe.pk}/").status_code == 404
    choisir(navigateur, deux.claire)
    assert navigateur.get(f"/enfants/{deux.tom.pk}/").status_code == 404
    assert navigateur.get(f"/enfants/{deux.zoe.pk}/").status_code == 200


def test_un_formulaire_ouvert_pour_l_autre_famille_ne_part_pas(deux):
    """Another tab still shows the first household's form: after the choice its token is refused."""
    navigateur = Client(enforce_csrf_checks=True)
    navigateur.force_login(Utilisateur.objects.get(identifiant="jean.dupont"))

    def jeton() -> str:
        page = navigateur.get("/familles/").content.decode()
        return re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page)[1]

    def poster(f, jeton: str) -> int:
        return navigateur.post("/familles/", {"famille": f.pk, "csrfmiddlewaretoken": jeton}).status_code

    assert poster(deux.jean, jeton()) == 302
    ouvert = jeton()
    assert poster(deux.jean, ouvert) == 302 and poster(deux.claire, ouvert) == 302
    assert poster(deux.claire, ouvert) == 403
    assert navigateur.get("/session/").json()["famille"] == str(deux.claire.pk)


def test_la_famille_d_un_autre_ne_se_choisit_pas(deux):
    navigateur = deux.client(deux.jean)
    for valeur in (deux.jeanne.pk, "x", ""):
        reponse = navigateur.post("/familles/", {"famille": valeur})
        assert reponse.status_code == 200 and "Choisissez une famille." in reponse.content.decode()
    # Nor by the session of somebody who was given it.
    session = navigateur.session
    session["famille"] = deux.jeanne.pk
    session.save()
    assert navigateur.get("/compte/")["Location"].startswith("/familles/")


def test_l_appartenance_est_relue_a_chaque_requete(deux):
    navigateur = deux.client(deux.jean)
    choisir(navigateur, deux.claire)
    assert navigateur.get(f"/enfants/{deux.zoe.pk}/").status_code == 200
    Responsable.objects.filter(famille=deux.claire, rang="conjoint").update(utilisateur=None)
    assert navigateur.get(f"/enfants/{deux.zoe.pk}/").status_code == 404
    assert navigateur.get(f"/enfants/{deux.tom.pk}/").status_code == 200


def test_un_envoi_pour_une_famille_retiree_n_arrive_pas_dans_l_autre(deux):
    navigateur = deux.client(deux.jean)
    choisir(navigateur, deux.claire)
    Responsable.objects.filter(famille=deux.claire, rang="conjoint").update(utilisateur=None)
    donnees = {"structure": "", "objet": "Bonjour", "texte": "Pour la famille de Claire."}
    assert navigateur.post("/messagerie/nouveau/", donnees)["Location"].startswith("/familles/")
    assert deux.jean.conversations.count() == deux.claire.conversations.count() == 0


@pytest.mark.parametrize("suite", ["https://ailleurs.example/", "//ailleurs.example/", "javascript:alert(1)"])
def test_on_ne_sort_pas_du_portail(deux, suite):
    assert choisir(deux.client(deux.jean), deux.jean, suite)["Location"] == "/"
