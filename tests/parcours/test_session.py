"""An idle session announces its end, and what was typed survives it: stay connected, or come back and send."""

import pytest
from playwright.sync_api import expect

from messagerie.models import Message
from portail.socle.models import Collectivite
from tests.factories import MOT_DE_PASSE, famille
from tests.navigation import suivre

pytestmark = [pytest.mark.navigateur, pytest.mark.django_db(transaction=True)]


def test_ce_qui_est_ecrit_survit_a_la_fin_de_la_session(live_server, personne):
    Collectivite.oublier()
    famille("Jean", "DUPONT", "jean.dupont")
    page = personne("jean.dupont", MOT_DE_PASSE)
    page.clock.install()
    page.goto("/messagerie/nouveau/")
    page.get_by_label("Objet").fill("Goûter")
    page.get_by_label("Votre message").fill("Il aime les pommes.")
    annonce = page.locator("[data-veille]")
    expect(annonce).to_be_hidden()

    page.clock.fast_forward("25:00")
    expect(annonce).to_contain_text("vous serez déconnecté dans 4 minutes")
    page.get_by_role("button", name="Rester connecté").click()
    expect(annonce).to_be_hidden()

    page.context.clear_cookies(name="session")
    page.clock.fast_forward("30:00")
    expect(annonce).to_contain_text("encore à l’écran")
    with page.context.expect_page() as ouverte:
        page.get_by_role("link", name="S’identifier").click()
    porte = ouverte.value
    porte.get_by_label("Identifiant").fill("jean.dupont")
    porte.get_by_label("Mot de passe", exact=True).fill(MOT_DE_PASSE)
    suivre(porte.get_by_role("button", name="Se connecter"))
    # The clock of this page runs ahead of the other tab's.
    porte.evaluate("localStorage.setItem('portail-vu', String(Date.now() + 7200000))")
    page.evaluate("window.dispatchEvent(new Event('focus'))")
    expect(annonce).to_be_hidden()
    expect(page.get_by_label("Objet")).to_have_value("Goûter")
    expect(page.get_by_label("Votre message")).to_have_value("Il aime les pommes.")
    suivre(page.get_by_role("button", name="Envoyer"))
    expect(page.get_by_role("heading", level=1)).to_contain_text("Goûter")
    assert Message.objects.get().texte == "Il aime les pommes."


def test_sans_javascript_ce_qui_est_ecrit_part_apres_la_connexion(live_server, personne):
    Collectivite.oublier()
    famille("Jean", "DUPONT", "jean.dupont")
    page = personne("jean.dupont", MOT_DE_PASSE, java_script_enabled=False)
    page.goto("/messagerie/nouveau/")
    page.get_by_label("Objet").fill("Goûter")
    page.get_by_label("Votre message").fill('Il aime les pommes,\nles "rouges".')
    page.context.clear_cookies(name="session")
    suivre(page.get_by_role("button", name="Envoyer"))

    expect(page.get_by_text("Ce que vous avez écrit est gardé")).to_be_visible()
    page.get_by_label("Identifiant").fill("jean.dupont")
    page.get_by_label("Mot de passe", exact=True).fill(MOT_DE_PASSE)
    suivre(page.get_by_role("button", name="Se connecter"))
    expect(page.get_by_role("heading", level=1)).to_have_text("Vous étiez en train d’envoyer")
    assert Message.objects.count() == 0
    suivre(page.get_by_role("button", name="Envoyer"))
    expect(page.get_by_role("heading", level=1)).to_contain_text("Goûter")
    assert Message.objects.get().texte == 'Il aime les pommes,\nles "rouges".'


def test_quelqu_un_d_autre_s_identifie_dans_un_autre_onglet(live_server, personne):
    """A shared computer: the page Jean left open is neither read nor sent by Jeanne, who logs in beside it."""
    Collectivite.oublier()
    famille("Jean", "DUPONT", "jean.dupont")
    famille("Jeanne", "DUPONT", "jeanne.dupont")
    page = personne("jean.dupont", MOT_DE_PASSE)
    page.goto("/messagerie/nouveau/")
    page.get_by_label("Objet").fill("Goûter")
    page.context.clear_cookies(name="session")
    porte = page.context.new_page()
    porte.goto("/connexion/")
    porte.get_by_label("Identifiant").fill("jeanne.dupont")
    porte.get_by_label("Mot de passe", exact=True).fill(MOT_DE_PASSE)
    suivre(porte.get_by_role("button", name="Se connecter"))
    page.evaluate("window.dispatchEvent(new Event('focus'))")
    expect(page).to_have_url(f"{live_server.url}/")
    expect(page.locator(".bonjour")).to_contain_text("JEANNE DUPONT")
    assert Message.objects.count() == 0
