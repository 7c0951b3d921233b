"""The front door, Accueil and « Mon compte », every page in every state: axe, sideways, keyboard, titles, focus.

One table; each line is a state and how one comes to it. Two widths, one browser a person.
"""

import time
from base64 import b32decode
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from django.core.files.base import ContentFile
from django.test import RequestFactory
from django.utils import timezone
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode
from django_otp.oath import TOTP
from playwright.sync_api import Page, expect

from familles import assaut
from familles.activation import jetons
from familles.models import Famille, Responsable, Tentative, Utilisateur
from portail.accueil.models import Formulaire, Information
from portail.demonstration.guide import MOT_DE_PASSE_AGENTS
from portail.demonstration.population import MOT_DE_PASSE
from portail.socle.models import Fichier
from tests.navigation import ATTENTE, suivre
from tests.parcours.test_accessibilite import AXE, EXAMINEES_AILLEURS, FOYER, PUBLIQUES, defauts

pytestmark = [pytest.mark.navigateur, pytest.mark.apparence, pytest.mark.django_db(transaction=True)]
LARGEURS = (1280, 320)
LONG = "Anticonstitutionnellement" * 4


@dataclass(frozen=True)
class Etat:
    """`aller` leads the page there; `resume`: the summary of errors must have the focus."""

    nom: str
    aller: Callable[[Page], object]
    resume: bool = False


@dataclass(frozen=True)
class Adresse:
    """A page its address leads to."""

    adresse: str

    def __call__(self, page: Page) -> object:
        return page.goto(self.adresse)


def remplir(page: Page, adresse: str, bouton: str, **champs: str) -> None:
    """Fill a form by the names of its fields and send it."""
    page.goto(adresse)
    for nom, valeur in champs.items():
        page.locator(f"[name={nom}]").fill(valeur)
    suivre(page.get_by_role("button", name=bouton, exact=True))


def entrer(page: Page, qui: str, mot_de_passe: str = MOT_DE_PASSE) -> None:
    remplir(page, "/connexion/", "Se connecter", username=qui, password=mot_de_passe)


def expirer(page: Page) -> None:
    """A form sent after the session's end: the log-in page that keeps it."""
    page.goto("/messagerie/nouveau/")
    page.get_by_label("Objet").fill(LONG)
    page.get_by_label("Votre message").fill("Il aime les pommes.")
    page.context.clear_cookies(name="session")
    suivre(page.get_by_role("button", name="Envoyer"))
    expect(page.get_by_text("Ce que vous avez écrit est gardé")).to_be_visible()


def reprendre(page: Page) -> None:
    page.locator("[name=username]").fill("jean.dupont")
    page.locator("[name=password]").fill(MOT_DE_PASSE)
    suivre(page.get_by_role("button", name="Se connecter"))
    expect(page.get_by_role("heading", name="Vous étiez en train d’envoyer")).to_be_visible()


def lien_d_activation() -> str:
    compte = Utilisateur.objects.get(identifiant="nouvelle.famille")
    return f"/activation/{urlsafe_base64_encode(force_bytes(compte.pk))}/{jetons.make_token(compte)}/"


def chiffres(cle: str) -> str:
    """The six digits of this minute for a key as the page writes it."""
    totp = TOTP(b32decode(cle.replace(" ", "")))
    totp.time = time.time()
    return f"{totp.token():06d}"


def choisir_rien(page: Page) -> None:
    page.goto("/familles/")
    bouton = page.get_by_role("button", name="Ouvrir").first
    bouton.evaluate("b => b.removeAttribute('name')")
    suivre(bouton)


DEHORS = (
    Etat("connexion", Adresse("/connexion/")),
    Etat("connexion, session finie", Adresse("/connexion/?fin=1")),
    Etat("connexion, envoi perdu", Adresse("/connexion/?perdu=1&next=/compte/")),
    Etat("connexion, incorrecte", lambda p: entrer(p, LONG, "Faux2026"), resume=True),
    Etat("mot de passe oublié", Adresse("/mot-de-passe/oublie/")),
    Etat(
        "mot de passe oublié, demandé",
        lambda p: remplir(p, "/mot-de-passe/oublie/", "Recevoir le lien", identifiant="jean.dupont"),
    ),
    Etat("lien de réinitialisation mort", Adresse("/mot-de-passe/reinitialiser/MQ/x-y/")),
    Etat("lien d’activation mort", Adresse("/activation/MQ/x/")),
    Etat("lien d’activation", lambda p: p.goto(lien_d_activation())),
    Etat("déconnexion, sans session", Adresse("/deconnexion/")),
    *(
        Etat(nom, Adresse(f"/{nom}/"))
        for nom in ("aide", "accessibilite", "donnees-personnelles", "mentions-legales", "plan-du-site")
    ),
    Etat("inconnue, sans session", Adresse("/rien-ici/")),
)
JEAN = (
    Etat("accueil", Adresse("/")),
    Etat("compte", Adresse("/compte/")),
    Etat("connexions", Adresse("/compte/connexions/")),
    Etat("données", Adresse("/compte/donnees/")),
    Etat("double", Adresse("/compte/double-authentification/")),
    Etat("double, activer", Adresse("/compte/double-authentification/activer/")),
    Etat(
        "double, code faux",
        lambda p: remplir(p, "/compte/double-authentification/activer/", "Activer", code="000000"),
        resume=True,
    ),
    Etat("infos", Adresse("/infos-documents/")),
    Etat("formulaires", Adresse("/infos-documents/formulaires/")),
    Etat("mot de passe", Adresse("/mot-de-passe/modifier/")),
    Etat(
        "mot de passe, refusé",
        lambda p: remplir(
            p,
            "/mot-de-passe/modifier/",
            "Changer mon mot de passe",
            ancien="x",
            new_password1="dupont",
            new_password2="y",
        ),
        resume=True,
    ),
    Etat("déconnexion", Adresse("/deconnexion/")),
    Etat("inconnue", Adresse("/rien-ici/")),
    Etat("session finie, envoi gardé", expirer),
    Etat("envoi repris", reprendre),
)


def adresses(etats: tuple[Etat, ...]) -> set[str]:
    """Those of these states that are the page of an address: test_accessibilite.py leaves them to this module."""
    return {etat.aller.adresse for etat in etats if isinstance(etat.aller, Adresse)}


def clavier(page: Page, nom: str, depuis_le_resume: bool) -> list[str]:
    """Tab from the top (from the summary, when it has the focus) to the end: each stop seen where it is, no trap."""
    page.evaluate("document.activeElement?.blur(); window.scrollTo(0, 0)")
    page.locator("body").press("Tab")
    premier, arrets, dits = page.evaluate(FOYER), [], []
    arret = premier
    while arret is not None and len(arrets) < 150:
        arrets.append(arret)
        if not (arret["visible"] and arret["dans"]):
            dits.append(f"{nom}: focus unseen on {arret['nom']!r}")
        page.keyboard.press("Tab")
        arret = page.evaluate(FOYER)
        if arret == premier:
            break
        if arret == arrets[-1]:
            dits.append(f"{nom}: Tab does not leave {arret['nom']!r}")
            break
    if not depuis_le_resume and (not arrets or arrets[0]["lien"] != "#contenu"):
        dits.append(f"{nom}: the skip link does not come first")
    if len(arrets) == 150:
        dits.append(f"{nom}: the keyboard turns round")
    return dits


def examiner(page: Page, etat: Etat, largeur: int) -> list[str]:
    etat.aller(page)
    nom = f"{largeur} {etat.nom}"
    dits = []
    if etat.resume and not page.evaluate("document.activeElement.matches('[data-resume-erreurs]')"):
        dits.append(f"{nom}: the summary of errors has not the focus")
    page.evaluate(AXE)
    dits += defauts(page, nom)
    titres = page.get_by_role("heading", level=1).count()
    if titres != 1:
        dits.append(f"{nom}: {titres} h1")
    for champ in page.locator("input:visible:not([type=hidden], [type=file])").all():
        if not champ.get_attribute("autocomplete") and "/messagerie/" not in page.url:
            dits.append(f"{nom}: {champ.get_attribute('name')} says nothing to the password manager")
    return dits + clavier(page, nom, etat.resume)


@pytest.fixture
def navigateur(browser, live_server):
    """A context of this width, without script errors; the real CSP."""
    contextes = []

    def ouvrir(largeur: int) -> Page:
        contexte = browser.new_context(
            base_url=live_server.url,
            viewport={"width": largeur, "height": 800},
            locale="fr-FR",
            timezone_id="Europe/Paris",
            reduced_motion="reduce",
        )
        contexte.set_default_timeout(ATTENTE)
        contextes.append(contexte)
        return contexte.new_page()

    yield ouvrir
    for contexte in contextes:
        contexte.close()


@pytest.fixture
def charge(belrive):
    """What makes pages long: an information without spaces, a form with a long name."""
    Information.objects.create(
        titre=LONG, texte=f"{LONG}\n- [lien]({'https://belrive.example/' + LONG})", emplacement="infos"
    )
    Information.objects.create(titre=LONG, texte=LONG)
    fichier = Fichier.objects.create(
        nom="a.pdf", type_mime="application/pdf", taille=2_400_000, empreinte="x"
    )
    fichier.contenu.save("a", ContentFile(b"%PDF"))
    Formulaire.objects.create(libelle=LONG, fichier=fichier)


@pytest.mark.parametrize("largeur", LARGEURS)
def test_dehors(charge, navigateur, largeur):
    assert adresses(DEHORS) >= set(PUBLIQUES)
    page, dits, titres = navigateur(largeur), [], {}
    for etat in DEHORS:
        dits += examiner(page, etat, largeur)
        titres.setdefault(page.title(), []).append(etat.nom)
    assert dits == []
    # The negative control: a sheet without focus rings is seen.
    page.goto("/aide/")
    page.evaluate(
        "document.styleSheets[0].insertRule('*:focus { outline: 0 !important; box-shadow: none !important }')"
    )
    assert any("focus unseen" in dit for dit in clavier(page, "faute", False))
    memes = [noms for noms in titres.values() if len({n.split(",")[0].split(" mort")[0] for n in noms}) > 1]
    assert [m for m in memes if m != ["lien de réinitialisation mort", "lien d’activation mort"]] == []


@pytest.mark.parametrize("largeur", LARGEURS)
def test_chez_jean(charge, navigateur, largeur):
    assert adresses(JEAN) >= EXAMINEES_AILLEURS - set(PUBLIQUES)
    page, dits, titres = navigateur(largeur), [], {}
    entrer(page, "jean.dupont")
    for etat in JEAN:
        dits += examiner(page, etat, largeur)
        titres.setdefault(page.title(), []).append(etat.nom)
    assert dits == []
    assert {t: n for t, n in titres.items() if len({x.split(",")[0] for x in n}) > 1} == {}


@pytest.mark.parametrize("largeur", LARGEURS)
def test_les_autres_etats(charge, navigateur, largeur):
    """The forced change, the chooser, nobody's family, too many tries."""
    page, dits = navigateur(largeur), []
    jean = Utilisateur.objects.get(identifiant="jean.dupont")
    autre = Famille.objects.exclude(responsables__utilisateur=jean).order_by("pk").last()
    autre.responsables.filter(rang="conjoint").delete()
    Responsable.objects.create(famille=autre, rang="conjoint", nom=LONG, prenom="Jean", utilisateur=jean)
    Utilisateur.objects.create_user("sans.famille", MOT_DE_PASSE)
    etats = (
        Etat("changement imposé", lambda p: entrer(p, "nouvelle.famille", "Bienvenue1")),
        Etat("choisir", lambda p: (p.context.clear_cookies(), entrer(p, "jean.dupont"))),
        Etat("choisir, rien", choisir_rien, resume=True),
        Etat("sans famille", lambda p: (p.context.clear_cookies(), entrer(p, "sans.famille"))),
    )
    for etat in etats:
        dits += examiner(page, etat, largeur)
    page.context.clear_cookies()
    ici = assaut.cle_de_l_adresse(RequestFactory().get("/", REMOTE_ADDR="127.0.0.1"))
    Tentative.objects.bulk_create(
        Tentative(compte=f"x{n}", adresse=ici, le=timezone.now()) for n in range(assaut.ESSAIS_ADRESSE)
    )
    dits += examiner(page, Etat("trop d’essais", lambda p: entrer(p, "jean.dupont", "x")), largeur)
    assert dits == []


@pytest.mark.parametrize("largeur", LARGEURS)
def test_le_second_facteur(charge, navigateur, largeur):
    """Enrolling, the recovery codes, the second door; an agent this time: its pages have no tabs."""
    page, dits = navigateur(largeur), []
    racine = "/compte/double-authentification/"
    entrer(page, "agent", MOT_DE_PASSE_AGENTS)
    page.goto(f"{racine}activer/")
    cle = page.locator(".cle-en-clair code").inner_text()
    etats = (
        Etat("codes de secours", lambda p: remplir(p, f"{racine}activer/", "Activer", code=chiffres(cle))),
        Etat("double, active", Adresse(racine)),
        Etat("nouveaux codes", Adresse(f"{racine}codes/")),
        Etat("retirer", Adresse(f"{racine}retirer/")),
        Etat(
            "retirer, refusé",
            lambda p: remplir(p, f"{racine}retirer/", "Retirer", mot_de_passe="x"),
            resume=True,
        ),
        Etat("code", lambda p: (p.context.clear_cookies(), entrer(p, "agent", MOT_DE_PASSE_AGENTS))),
        Etat(
            "code, faux",
            lambda p: remplir(p, "/connexion/code/", "Valider le code", code="000000"),
            resume=True,
        ),
    )
    for etat in etats:
        dits += examiner(page, etat, largeur)
    assert dits == []


# What slides sideways or stands outside the screen: the lists scroll in their own frame.
DEHORS_DE_L_ECRAN = """[...document.querySelectorAll('html, #header, #changelist, .submit-row input, .actions select,'
    + ' .actions .button, .choix-acces label, .object-tools a, #searchbar')]
  .filter(e => e.scrollWidth > e.clientWidth + 1 && e.matches('html, #header, #changelist')
    || e.getBoundingClientRect().right > innerWidth + 1)
  .map(e => e.id || e.className || e.value || e.tagName)"""


def test_la_mairie_sur_un_telephone(charge, navigateur):
    page, dits = navigateur(390), {}
    entrer(page, "admin", MOT_DE_PASSE_AGENTS)
    famille = Famille.objects.get(responsables__utilisateur__identifiant="jean.dupont")
    adresses = (
        "/admin/",
        "/admin/familles/famille/",
        f"/admin/familles/famille/{famille.pk}/change/",
        f"/admin/familles/famille/{famille.pk}/acces/",
        "/admin/familles/utilisateur/",
        "/admin/acces/",
        "/admin/accueil/information/",
        "/admin/accueil/page/",
        "/admin/demandes/demande/",
        "/admin/enfants/enfant/",
        "/admin/facturation/facture/",
    )
    for adresse in adresses:
        page.goto(adresse)
        dits[adresse] = page.evaluate(DEHORS_DE_L_ECRAN)
    assert dits == {adresse: [] for adresse in adresses}
    page.goto("/admin/familles/famille/")
    expect(page.get_by_role("heading", level=1).last).to_have_text("Familles")
    # The negative control: a button wider than the screen is seen.
    page.evaluate("document.querySelector('#searchbar').style.setProperty('min-width', '600px')")
    assert page.evaluate(DEHORS_DE_L_ECRAN) != []
