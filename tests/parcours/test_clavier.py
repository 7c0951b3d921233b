"""T12 of the test plan: from the log-in page to the payment page with the keyboard alone, then without JavaScript."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from enfants.models import Reservation
from portail.demonstration.population import MOT_DE_PASSE
from tests.navigation import ATTENTE

pytestmark = [pytest.mark.navigateur, pytest.mark.django_db(transaction=True)]
REPAS = "Restauration scolaire"
ENFANTS = ("Léa", "Tom")
# A key press makes a click too, of detail 0: what a mouse or a finger does is an error of the page, seen at the end.
ESPION = """for (const genre of ['pointerdown', 'mousedown', 'touchstart', 'contextmenu', 'click'])
  addEventListener(genre, (e) => { if (genre !== 'click' || e.detail) console.error('souris : ' + genre); }, true);"""


class Clavier:
    """Somebody who only has a keyboard: finds a thing by walking to it."""

    def __init__(self, page: Page):
        self.page = page
        self.touches = 0

    def presser(self, touche: str) -> None:
        self.page.keyboard.press(touche)
        self.touches += 1

    def libelle(self) -> str:
        """What the element that has the focus is called (« Léa, Restauration scolaire, lundi 30 : libre »)."""
        foyer = self.page.locator(":focus")
        return (foyer.get_attribute("aria-label") or "") if foyer.count() else ""

    def atteindre(self, cible: Locator, au_plus: int = 120) -> None:
        for _ in range(au_plus):
            if cible.and_(self.page.locator(":focus")).count():
                return
            self.presser("Tab")
        raise AssertionError(f"Tab does not reach {cible}")

    def ouvrir(self, cible: Locator, au_plus: int = 120) -> None:
        self.atteindre(cible, au_plus)
        self.valider()

    def valider(self) -> None:
        """Enter, on what leads to another page: come back when it is loaded, as tests.navigation.suivre does."""
        with self.page.expect_navigation():
            self.presser("Enter")

    def entrer(self) -> None:
        self.page.goto("/connexion/")
        for champ, valeur in (("Identifiant", "jean.dupont"), ("Mot de passe", MOT_DE_PASSE)):
            self.atteindre(self.page.get_by_label(champ, exact=True))
            self.page.keyboard.type(valeur)
        self.valider()

    def aller_au_mois_libre(self) -> None:
        """To the planning of both children, a month where both have free meals."""
        self.ouvrir(self.page.get_by_role("link", name="Mes enfants").first)
        self.ouvrir(self.page.get_by_role("link", name="Planning de tous").first)
        for _ in range(4):
            expect(self.page.locator("table.grille")).to_be_visible()
            if all(self.libres(prenom).count() for prenom in ENFANTS):
                return
            self.ouvrir(self.page.locator("nav.mois a[rel=next]"))
        raise AssertionError("no free meal in four months")

    def libres(self, prenom: str) -> Locator:
        return self.page.locator(f'input[aria-label*="{REPAS}"][aria-label*="{prenom}"][aria-label*="libre"]')

    def envoyer(self) -> str:
        """Ask for what is ticked, through the recap; the address of the receipt."""
        self.ouvrir(self.page.get_by_role("button", name="Réserver"), 800)
        expect(self.page.get_by_role("heading", name="Vérifiez avant d’envoyer")).to_be_visible()
        self.ouvrir(self.page.get_by_role("button", name="Envoyer ma demande"))
        expect(self.page).to_have_url(re.compile(r"/demandes/[0-9a-f-]{36}/"))
        return self.page.url.rstrip("/").rsplit("/", 1)[1]

    def aller_payer(self) -> None:
        self.ouvrir(self.page.get_by_role("link", name="Relevé de compte").first)
        expect(self.page.get_by_role("heading", level=1)).to_contain_text("Relevé")
        self.ouvrir(self.page.locator("main").get_by_role("link", name=re.compile("^Payer")).first)
        expect(self.page).to_have_url(re.compile(r"/paiement/\?facture="))
        self.atteindre(self.page.get_by_label("Adresse électronique pour le reçu"))


def reserves(demande: str) -> dict[str, int]:
    lignes = Reservation.objects.filter(demandes__demande=demande)
    return {prenom: lignes.filter(enfant__prenom=prenom).count() for prenom in ENFANTS}


@pytest.fixture
def clavier(browser, live_server):
    """Opens a browser, with or without JavaScript; a mouse event or any error of the console fails the test."""
    contextes, erreurs = [], []

    def ouvrir(javascript: bool) -> Clavier:
        contexte = browser.new_context(
            base_url=live_server.url,
            locale="fr-FR",
            timezone_id="Europe/Paris",
            viewport={"width": 1280, "height": 900},
            java_script_enabled=javascript,
        )
        contextes.append(contexte)
        contexte.set_default_timeout(ATTENTE)
        if javascript:
            contexte.add_init_script(ESPION)
        page = contexte.new_page()
        page.on("console", lambda m: erreurs.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda e: erreurs.append(str(e)))
        return Clavier(page)

    yield ouvrir, erreurs
    for contexte in contextes:
        contexte.close()


def test_un_mois_pour_deux_enfants_au_clavier(belrive, clavier):
    """Tab to the grid, arrows in it, Space to tick: the month of two children, then the page where one pays."""
    ouvrir, erreurs = clavier
    parent = ouvrir(javascript=True)
    parent.entrer()
    parent.aller_au_mois_libre()
    parent.atteindre(parent.page.locator('table.grille input[name="c"], table.grille [tabindex="0"]').first)
    coches = dict.fromkeys(ENFANTS, 0)
    for prenom in ENFANTS:
        parent.presser("Control+Home")
        for _ in range(60):
            if prenom in parent.libelle() and REPAS in parent.libelle():
                break
            parent.presser("ArrowDown")
        parent.presser("Home")
        vus = set()
        while (libelle := parent.libelle()) not in vus:
            vus.add(libelle)
            if "libre" in libelle and prenom in libelle and REPAS in libelle:
                parent.presser("Space")
                coches[prenom] += 1
            parent.presser("ArrowRight")
    assert min(coches.values()) > 0
    assert reserves(parent.envoyer()) == coches
    parent.aller_payer()
    assert erreurs == []


def test_un_mois_pour_deux_enfants_sans_javascript(belrive, clavier):
    """The same with JavaScript off: every box is a stop of Tab."""
    ouvrir, erreurs = clavier
    parent = ouvrir(javascript=False)
    parent.entrer()
    parent.aller_au_mois_libre()
    coches = dict.fromkeys(ENFANTS, 0)
    for prenom in ENFANTS:
        parent.atteindre(parent.libres(prenom).first, 800)
        while prenom in (libelle := parent.libelle()) and REPAS in libelle:
            if "libre" in libelle:
                parent.presser("Space")
                coches[prenom] += 1
            parent.presser("Tab")
    assert min(coches.values()) > 0
    assert reserves(parent.envoyer()) == coches
    parent.aller_payer()
    assert erreurs == []


def test_controle_un_clic_de_souris_se_voit(clavier):
    """The spy does see a mouse."""
    ouvrir, erreurs = clavier
    parent = ouvrir(javascript=True)
    parent.page.goto("/connexion/")
    with parent.page.expect_console_message(lambda m: m.text == "souris : click"):
        parent.page.get_by_label("Identifiant").click()
    assert {"souris : mousedown", "souris : pointerdown", "souris : click"} <= set(erreurs)
