"""My pages in a real browser: axe finds nothing at 1280 and 320 px, nothing scrolls sideways, the rules tick live."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.db import transaction
from playwright.sync_api import Page

from familles.models import Utilisateur
from tests.factories import MOT_DE_PASSE
from tests.facturation.fabrique import facture
from tests.messagerie.fabrique import de_la_mairie

pytestmark = [pytest.mark.navigateur, pytest.mark.django_db(transaction=True)]
PUBLIQUES = (
    "/connexion/",
    "/connexion/?fin=1",
    "/mot-de-passe/oublie/",
    "/mot-de-passe/reinitialiser/MQ/x-y/",
    "/aide/",
    "/accessibilite/",
    "/donnees-personnelles/",
    "/mentions-legales/",
    "/plan-du-site/",
)
PRIVEES = (
    "/",
    "/compte/",
    "/infos-documents/",
    "/infos-documents/formulaires/",
    "/mot-de-passe/modifier/",
    "/deconnexion/",
)
REGLES = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "rules": {"target-size": {"enabled": True}},
}


@pytest.fixture
def page(new_context, request):
    """A page whose CSP lets axe in; what the console says of the portal itself is a failure."""
    largeur = request.getfixturevalue("largeur") if "largeur" in request.fixturenames else 1280
    contexte = new_context(viewport={"width": largeur, "height": 900}, bypass_csp=True)
    return contexte.new_page()


def verifier(page: Page, nom: str) -> None:
    fautes = Axe().run(page, options=REGLES).response["violations"]
    assert [(v["id"], [n["target"] for n in v["nodes"]]) for v in fautes] == [], nom
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), (
        f"{nom} scrolls sideways"
    )


def entrer(page: Page, url: str, identifiant: str) -> None:
    page.goto(f"{url}/connexion/")
    page.fill("#id_username", identifiant)
    page.fill("#id_password", MOT_DE_PASSE)
    page.get_by_role("button", name="Se connecter").click()
    page.wait_for_load_state()


@pytest.mark.parametrize("largeur", [1280, 320])
def test_axe(page: Page, live_server, monde, largeur):
    with transaction.atomic():  # the counter is locked: PostgreSQL wants a transaction
        facture(monde.jean, 12060)
    de_la_mairie(monde.jean)
    for adresse in PUBLIQUES:
        page.goto(live_server.url + adresse)
        verifier(page, adresse)
    entrer(page, live_server.url, "personne")
    verifier(page, "/connexion/ refused")
    entrer(page, live_server.url, "jean.dupont")
    for adresse in PRIVEES:
        page.goto(live_server.url + adresse)
        verifier(page, adresse)
    page.goto(f"{live_server.url}/mot-de-passe/modifier/")
    for champ in ("ancien", "new_password1", "new_password2"):
        page.fill(f"#id_{champ}", f"x{champ}")
    page.get_by_role("button", name="Changer mon mot de passe").click()
    page.wait_for_load_state()
    verifier(page, "/mot-de-passe/modifier/ refused")


def test_les_regles_se_cochent_et_le_mot_de_passe_se_montre(page: Page, live_server, monde):
    Utilisateur.objects.filter(identifiant="jean.dupont").update(doit_changer_mot_de_passe=True)
    entrer(page, live_server.url, "jean.dupont")
    assert page.url.endswith("/mot-de-passe/modifier/")
    page.fill("#id_new_password1", "abcdefgh")
    tenues = lambda: page.eval_on_selector_all(".regle-ok", "e => e.map(x => x.dataset.regle)")  # noqa: E731
    assert tenues() == ["longueur", "minuscule"]
    page.fill("#id_new_password1", "Riviere-2027")
    assert tenues() == ["longueur", "majuscule", "minuscule", "chiffre"]
    page.locator('[data-voir-mot-de-passe="id_new_password1"]').click()
    assert page.get_attribute("#id_new_password1", "type") == "text"
    page.fill("#id_new_password2", "Riviere-2027")
    page.get_by_role("button", name="Changer mon mot de passe").click()
    page.wait_for_load_state()
    assert page.url == f"{live_server.url}/"
