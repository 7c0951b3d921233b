"""Builders of the tests of familles and accueil: the town, a browser at the door."""

from collections.abc import Iterator

from django.contrib.sessions.models import Session
from django.test import Client

from portail.socle.models import Collectivite
from tests.factories import MOT_DE_PASSE

SITE = "https://belrive.example/"


def commune_de_test() -> Iterator[Collectivite]:
    """The town's row; the process caches it for a minute, longer than a test."""
    commune = Collectivite.objects.update_or_create(
        pk=1,
        defaults={
            "nom": "Belrive-sur-Durance",
            "adresse": "Place du Pont",
            "code_postal": "04990",
            "ville": "Belrive-sur-Durance",
            "courriel": "enfance@belrive.example",
            "contact": "Camille et Sacha",
            "telephone": "04 65 71 54 58",
            "telephone_secondaire": "06 39 98 63 90",
            "site_url": SITE,
        },
    )[0]
    Collectivite.oublier()
    yield commune
    Collectivite.oublier()


def entrer(identifiant: str, mot_de_passe: str = MOT_DE_PASSE, suite: str = "", client: Client | None = None):
    """POST of the log-in form; the browser and the response."""
    navigateur = client or Client()
    donnees = {"username": identifiant, "password": mot_de_passe} | ({"next": suite} if suite else {})
    return navigateur, navigateur.post("/connexion/", donnees)


def est_entre(navigateur: Client) -> bool:
    """Whether the server takes this browser for somebody."""
    return navigateur.get("/compte/").status_code == 200


def cle_de_session(navigateur: Client) -> str:
    return navigateur.cookies["session"].value


def session_existe(cle: str) -> bool:
    return Session.objects.filter(session_key=cle).exists()
