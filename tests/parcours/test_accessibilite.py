"""Every page of a family, at 1280 and 320 px: axe finds nothing, nothing scrolls sideways, the keyboard goes everywhere."""

from datetime import date
from itertools import product

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.utils import timezone
from playwright.sync_api import Page, expect

from demandes.models import Demande
from demandes.types import TYPES
from enfants.models import Enfant
from facturation.models import Facture
from familles.models import Famille
from messagerie.models import Conversation
from portail.accueil.donnees.verbes import travailler
from portail.demonstration.guide import NUMERO_JEAN
from portail.demonstration.population import MOT_DE_PASSE
from tests.navigation import suivre

pytestmark = [pytest.mark.navigateur, pytest.mark.apparence, pytest.mark.django_db(transaction=True)]
PUBLIQUES = (
    "/connexion/",
    "/mot-de-passe/oublie/",
    "/aide/",
    "/accessibilite/",
    "/donnees-personnelles/",
    "/mentions-legales/",
    "/plan-du-site/",
)
# The pages of every state of test_porte_accessible.py, at both widths: here their title only.
EXAMINEES_AILLEURS = {
    *PUBLIQUES,
    "/",
    "/compte/",
    "/compte/donnees/",
    "/compte/connexions/",
    "/compte/double-authentification/",
    "/mot-de-passe/modifier/",
    "/infos-documents/",
    "/infos-documents/formulaires/",
    "/rien-ici/",
}
REGLES = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "rules": {"target-size": {"enabled": True}},
    "resultTypes": ["violations"],
}
# axe-core's source, once: handed to each page by `evaluate`, which the CSP does not stop.
AXE = Axe().axe_script


def pages_de_jean() -> list[str]:
    """Every kind of page a family opens, with rows of the demonstration behind them."""
    jean = Famille.objects.get(numero=NUMERO_JEAN)
    lea = Enfant.objects.get(prenom="Léa", rattachements__famille=jean)
    mois = f"{date.today():%Y-%m}"
    facture = Facture.objects.filter(famille=jean).impayees().first()
    conversation = Conversation.objects.filter(famille=jean).latest("dernier_le")
    une = Demande.objects.filter(famille=jean).latest("envoyee_le")
    compte = [f"/compte/demande/{t.code}/" for t in TYPES if t.categorie == "compte"]
    enfant = [
        f"/enfants/{lea.pk}/demande/{t.code}/"
        for t in TYPES
        if t.categorie == "enfant" and not t.planning and t.code != "ajouter-enfant"
    ]
    return [
        "/",
        "/compte/",
        "/compte/donnees/",
        "/compte/connexions/",
        "/compte/double-authentification/",
        *compte,
        "/mot-de-passe/modifier/",
        "/infos-documents/",
        "/infos-documents/formulaires/",
        "/enfants/",
        "/enfants/ajouter/",
        f"/enfants/{lea.pk}/",
        *enfant,
        f"/enfants/planning/{mois}/",
        f"/enfants/{lea.pk}/planning/{mois}/",
        "/releve/",
        "/attestations/",
        f"/paiement/?facture={facture.reference}",
        "/messagerie/",
        "/messagerie/envoyes/",
        "/messagerie/supprimes/",
        "/messagerie/nouveau/",
        f"/messagerie/{conversation.pk}/",
        "/demandes/",
        "/demandes/enfants/",
        f"/demandes/{une.pk}/",
        "/rien-ici/",
    ]


def defauts(page: Page, adresse: str) -> list[str]:
    """What axe says of this page, and what it overflows."""
    trouves = page.evaluate("regles => axe.run(document, regles)", REGLES)["violations"]
    dits = [f"{adresse} {v['id']} {n['target']}" for v in trouves for n in v["nodes"]]
    if page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"):
        dits.append(f"{adresse} scrolls sideways")
    return dits


def aux_deux_largeurs(page: Page, adresse: str) -> list[str]:
    page.evaluate(AXE)
    dits = []
    for largeur in (1280, 320):
        page.set_viewport_size({"width": largeur, "height": 800})
        dits += [f"{largeur} {d}" for d in defauts(page, adresse)]
    return dits


def etats_de_la_copie(page: Page) -> list[str]:
    """« Mes données » while the copy is made, then ready: the two states no address shows by itself."""
    page.goto("/compte/donnees/")
    suivre(page.get_by_role("button", name="Préparer ma copie"))
    expect(page.get_by_text("En préparation", exact=True)).to_be_visible()
    dits = aux_deux_largeurs(page, "copy being made")
    travailler(timezone.now())
    suivre(page.get_by_role("link", name="Actualiser"))
    expect(page.get_by_role("link", name="Télécharger mes données")).to_be_visible()
    return dits + aux_deux_largeurs(page, "copy ready")


def entrer(page: Page) -> None:
    page.goto("/connexion/")
    page.get_by_label("Identifiant").fill("jean.dupont")
    page.get_by_label("Mot de passe", exact=True).fill(MOT_DE_PASSE)
    suivre(page.get_by_role("button", name="Se connecter"))


@pytest.fixture
def ouvrir(browser, live_server):
    """A context that starts at this width; nothing is bypassed: the CSP is the real one."""
    contextes = []

    def contexte(largeur: int) -> Page:
        cree = browser.new_context(
            base_url=live_server.url,
            viewport={"width": largeur, "height": 800},
            locale="fr-FR",
            timezone_id="Europe/Paris",
            reduced_motion="reduce",
        )
        contextes.append(cree)
        return cree.new_page()

    yield contexte
    for cree in contextes:
        cree.close()


def test_axe_largeurs_et_titres(belrive, ouvrir):
    page, dits, titres = ouvrir(1280), [], {}
    for groupe in (PUBLIQUES, pages_de_jean()):
        for adresse in groupe:
            page.goto(adresse)
            titres[adresse] = page.title()
            if adresse not in EXAMINEES_AILLEURS:
                dits += aux_deux_largeurs(page, adresse)
        if groupe is PUBLIQUES:
            entrer(page)
    dits += etats_de_la_copie(page)
    assert dits == []
    doubles = {t: [a for a in titres if titres[a] == t] for t in titres.values()}
    assert {t: a for t, a in doubles.items() if len(a) > 1} == {}
    # The negative control: axe and the ruler do see what is wrong.
    page.evaluate("document.querySelector('main').innerHTML = '<img src=/x><p class=w>x</p>'")
    page.evaluate("document.querySelector('.w').style.setProperty('width', '4000px')")
    vus = " ".join(defauts(page, "faute"))
    assert "image-alt" in vus and "scrolls sideways" in vus


# The outline of the element that has the focus, and whether it can be seen where it is.
FOYER = """() => {
  const e = document.activeElement;
  if (!e || e === document.body) return null;
  const vus = [e, e.parentElement, e.closest('label'), e.nextElementSibling].filter(Boolean);
  const montre = x => { const s = getComputedStyle(x);
    return (s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) >= 2) || s.boxShadow !== 'none'; };
  const r = e.getBoundingClientRect();
  return {nom: (e.getAttribute('aria-label') || e.innerText || e.name || e.id || e.tagName).trim().slice(0, 60),
          lien: e.getAttribute('href') || '', visible: vus.some(montre),
          dans: r.bottom > 0 && r.top < innerHeight && r.width > 0 && r.height > 0};
}"""


def tabuler(page: Page, adresse: str, au_plus: int = 160) -> list[dict]:
    """Every stop of the Tab key, from the top of the page until it leaves it."""
    page.goto(adresse)
    arrets = []
    for _ in range(au_plus):
        page.keyboard.press("Tab")
        arret = page.evaluate(FOYER)
        if arret is None or (arrets and arret == arrets[0]):
            break
        arrets.append(arret)
    return arrets


def test_clavier(belrive, ouvrir):
    page = ouvrir(1280)
    entrer(page)
    # address, what the keyboard must reach
    attendus = {
        "/": [
            "/infos-documents/",
            "/fiche-inscription.pdf",
            "/releve/",
            "/paiement/?facture=AL-36",
            "/aide/",
        ],
        "/compte/": ["/compte/demande/caf/", "/compte/donnees/", "/compte/connexions/"],
        "/compte/donnees/": ["Préparer ma copie"],
        "/messagerie/nouveau/": ["Envoyer"],
        "/demandes/": ["/demandes/enfants/"],
    }
    for largeur, (adresse, cibles) in product((1280, 320), attendus.items()):
        page.set_viewport_size({"width": largeur, "height": 800})
        arrets = tabuler(page, adresse)
        assert arrets[0]["lien"] == "#contenu", f"{adresse}: the skip link comes first"
        caches = [a["nom"] for a in arrets if not (a["visible"] and a["dans"])]
        assert caches == [], f"{adresse}: focus that cannot be seen"
        atteints = [a["lien"] for a in arrets] + [a["nom"] for a in arrets]
        for cible in cibles:
            assert any(cible in x for x in atteints), f"{adresse}: {cible} is not reached by Tab"
