"""A real portal on loopback: the demonstration town, its bank, one browser context a person."""

from collections.abc import Callable, Iterator
from datetime import date

import pytest
from django.core.management import call_command
from django.utils import timezone
from playwright.sync_api import Browser, Page

from portail.demonstration.banque import Banque
from portail.socle.models import Collectivite
from tests.bases import Copie
from tests.navigation import ATTENTE, suivre


@pytest.fixture
def banque(live_server, settings, tmp_path) -> Iterator[Banque]:
    """The demonstration bank, notifying the live server."""
    with Banque(
        tmp_path / "banque.sqlite3",
        f"{live_server.url}/stripe/webhook/",
        "whsec_parcours",
        "sk_test_parcours",
    ) as banque:
        settings.STRIPE_API_BASE = banque.url
        settings.STRIPE_SECRET_KEY = "sk_test_parcours"
        settings.STRIPE_WEBHOOK_SECRET = "whsec_parcours"
        directives = settings.CONTENT_SECURITY_POLICY["DIRECTIVES"]
        settings.CONTENT_SECURITY_POLICY = {
            "DIRECTIVES": directives | {"form-action": [*directives["form-action"], banque.url]}
        }
        yield banque


@pytest.fixture(scope="session")
def copies() -> dict[date, Copie]:
    """The town as it was built, by the day it was built for: a run may go past midnight."""
    return {}


@pytest.fixture
def belrive(transactional_db, live_server, settings, copies, tmp_path_factory) -> None:
    """The demonstration town, at the live server's address. Built once a day: its rows are put back quicker."""
    settings.SITE_URL = live_server.url
    Collectivite.oublier()
    jour = timezone.localdate()
    if jour in copies:
        copies[jour].remettre()
        return
    call_command("demonstration", familles=27, verbosity=0)
    copies[jour] = Copie(tmp_path_factory.mktemp("belrive") / "copie.sqlite3")


@pytest.fixture
def personne(browser: Browser, live_server) -> Iterator[Callable[[str, str], Page]]:
    """Opens a browser of one's own, logged in. A console error (a blocked script, a CSP violation) fails the test."""
    contextes, erreurs = [], []

    def ouvrir(identifiant: str, mot_de_passe: str, **options) -> Page:
        contexte = browser.new_context(
            base_url=live_server.url, locale="fr-FR", timezone_id="Europe/Paris", **options
        )
        contextes.append(contexte)
        contexte.set_default_timeout(ATTENTE)
        page = contexte.new_page()
        page.on("console", lambda m: erreurs.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda e: erreurs.append(str(e)))
        page.goto("/connexion/")
        page.get_by_label("Identifiant").fill(identifiant)
        page.get_by_label("Mot de passe", exact=True).fill(mot_de_passe)
        suivre(page.get_by_role("button", name="Se connecter"))
        return page

    yield ouvrir
    for contexte in contextes:
        contexte.close()
    # A refused address (404 for a stranger, 401 after the session's end) is an error line too, and wanted.
    assert [e for e in erreurs if not e.endswith(("404 (Not Found)", "401 (Unauthorized)"))] == []
