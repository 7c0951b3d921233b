"""The rules of a password tick live, and it can be shown. (axe and the keyboard: tests/parcours.)"""

import pytest
from playwright.sync_api import Page

from familles.models import Utilisateur
from tests.factories import MOT_DE_PASSE
from tests.navigation import suivre

pytestmark = [pytest.mark.navigateur, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def page(new_context):
    return new_context(viewport={"width": 1280, "height": 900}).new_page()


def entrer(page: Page, url: str, identifiant: str) -> None:
    page.goto(f"{url}/connexion/")
    page.fill("#id_username", identifiant)
    page.fill("#id_password", MOT_DE_PASSE)
    suivre(page.get_by_role("button", name="Se connecter"))


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
    suivre(page.get_by_role("button", name="Changer mon mot de passe"))
    assert page.url == f"{live_server.url}/"
