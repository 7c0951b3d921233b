"""What is refused before any view sees it, and what no browser keeps."""

import pytest
from django.test import Client
from django.urls import reverse


@pytest.mark.parametrize("adresse", ["/connexion/?q=%00", "/fac%00tures/", "/connexion/?a=b&c=d%00"])
def test_un_nul_est_une_adresse_incorrecte(client, adresse):
    assert client.get(adresse).status_code == 400


@pytest.mark.parametrize("taille", [str(65 * 1024 * 1024), "9" * 30, "-1", "abc", "²"])
def test_un_envoi_demesure_est_refuse(client, taille):
    reponse = client.generic("POST", reverse("connexion"), b"", CONTENT_LENGTH=taille)

    assert (reponse.status_code, reponse.content.decode()) == (413, "Envoi trop volumineux.")


def test_une_page_identifiee_ne_reste_dans_aucun_cache(monde):
    reponse = monde.client(monde.jean).get(reverse("accueil"))

    assert {"no-store", "private"} <= set(reponse["Cache-Control"].split(", "))


def test_un_formulaire_trop_vieux_le_dit(monde):
    client = Client(enforce_csrf_checks=True)
    reponse = client.post(reverse("connexion"), {"username": "jean.dupont", "password": "x"})

    assert reponse.status_code == 403
    assert "text/html" in reponse["Content-Type"]


def test_un_nul_dans_un_cookie(client):
    client.cookies.load({"session": "abc"})
    reponse = client.get(reverse("connexion"), HTTP_COOKIE='session="abcdefghi\\000bc"')

    assert reponse.status_code == 400
