"""What is refused before any view sees it, and what no browser keeps."""

import pytest
from django.contrib.messages import get_messages
from django.db import OperationalError
from django.test import Client
from django.urls import reverse

from tests.factories import MOT_DE_PASSE


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


def test_ce_que_la_page_dit_ne_reste_pas_dans_le_navigateur(monde):
    """Three cookies, as « Mentions légales » says: a sentence for one person must not wait there for the next."""
    navigateur = Client()
    navigateur.get(reverse("connexion"))
    navigateur.post(reverse("connexion"), {"username": "jean.dupont", "password": MOT_DE_PASSE})
    reponse = navigateur.post(reverse("connexions"))

    assert [str(m) for m in get_messages(reponse.wsgi_request)]
    navigateur.get(reverse("accueil"))
    assert set(navigateur.cookies) == {"session", "csrf", "personne"}


def test_un_formulaire_trop_vieux_le_dit(monde):
    client = Client(enforce_csrf_checks=True)
    reponse = client.post(reverse("connexion"), {"username": "jean.dupont", "password": "x"})

    assert reponse.status_code == 403
    assert "text/html" in reponse["Content-Type"]


def test_un_nul_dans_un_cookie(client):
    client.cookies.load({"session": "abc"})
    reponse = client.get(reverse("connexion"), HTTP_COOKIE='session="abcdefghi\\000bc"')

    assert reponse.status_code == 400


class Verrou(Exception):
    sqlstate = "55P03"


class Interblocage(Exception):
    sqlstate = "40P01"


def _panne(cause: Exception | None, texte: str = "") -> OperationalError:
    erreur = OperationalError(texte)
    erreur.__cause__ = cause
    return erreur


@pytest.mark.parametrize(
    "erreur", [_panne(Verrou()), _panne(Interblocage()), _panne(None, "database is locked")]
)
def test_un_verrou_non_obtenu_invite_a_reessayer(monde, monkeypatch, erreur):
    client = monde.client(monde.jean)

    def echouer(*_):
        raise erreur

    monkeypatch.setattr("enfants.models.enfant.EnfantQuerySet.de_la_famille", echouer)
    reponse = client.get(reverse("enfants"))
    assert (reponse.status_code, reponse["Retry-After"]) == (503, "10")
    assert "Rien n’a été enregistré" in reponse.text


def test_une_autre_panne_de_la_base_reste_une_erreur(monde, monkeypatch):
    client = monde.client(monde.jean)

    def echouer(*_):
        raise _panne(None, "server closed the connection unexpectedly")

    monkeypatch.setattr("enfants.models.enfant.EnfantQuerySet.de_la_famille", echouer)
    with pytest.raises(OperationalError):
        client.get(reverse("enfants"))


def test_405_est_une_page(client, db):
    reponse = client.post("/mentions-legales/")
    assert (reponse.status_code, reponse.headers["Allow"]) == (405, "GET, HEAD")
    assert "Cette adresse ne s’ouvre pas ainsi" in reponse.content.decode()


def test_400_est_une_page(client):
    reponse = client.get("/connexion/", {"suite": "a\0"})
    assert "Nous n’avons pas compris cette demande" in reponse.content.decode()
