"""What is ticked on several pages of the planning goes in one demande, and never in somebody else's."""

from datetime import date, timedelta

import pytest
from playwright.sync_api import Locator, Page, expect

from demandes.models import Demande
from enfants.models import Fermeture, Reservation
from portail.socle.dates import decaler_mois
from tests.factories import MOT_DE_PASSE, Monde
from tests.navigation import suivre

pytestmark = [pytest.mark.navigateur, pytest.mark.django_db(transaction=True)]
PANIER = "sessionStorage.getItem('portail-panier')"


def lundis(dans: int) -> list[date]:
    """Mondays of the month that comes `dans` months after this one: every limit is far."""
    premier = decaler_mois(date.today(), dans)
    jours = [premier + timedelta(n) for n in range(28)]
    return [j for j in jours if j.weekday() == 0]


def nom_du_mois(jour: date) -> str:
    noms = "janvier février mars avril mai juin juillet août septembre octobre novembre décembre".split()
    return noms[jour.month - 1]


def case(page: Page, jour: date, enfant: str = "Léa") -> Locator:
    return page.locator(f'input[name="c"][value*=":{jour.isoformat()}:"][aria-label*="{enfant}"]')


def ouvrir(page: Page, jour: date, options: str = "") -> None:
    page.goto(f"/enfants/planning/{jour:%Y-%m}/{options}")


def cochees(page: Page) -> Locator:
    return page.locator('input[name="c"]:checked')


@pytest.fixture
def jean(monde: Monde, personne) -> Page:
    return personne("jean.dupont", MOT_DE_PASSE)


def test_deux_mois_une_seule_demande(jean):
    mars, avril = lundis(2), lundis(3)
    ouvrir(jean, mars[0])
    expect(jean.locator("[data-barre]")).to_be_hidden()
    for jour in mars[:2]:
        case(jean, jour).check()
    expect(jean.get_by_text("2 jours choisis", exact=True).first).to_be_visible()
    suivre(jean.locator("nav.mois a[rel=next]"))
    expect(jean.get_by_text(f"2 jours choisis, en {nom_du_mois(mars[0])}", exact=True)).to_be_visible()
    case(jean, avril[0]).check()
    dits = f"3 jours choisis, dont 2 en {nom_du_mois(mars[0])}"
    expect(jean.get_by_text(dits, exact=True)).to_be_visible()
    suivre(jean.get_by_role("button", name="Réserver"))
    expect(jean.get_by_role("heading", name="3 jours à valider")).to_be_visible()
    # The recap is where one may think again.
    suivre(jean.get_by_role("link", name="Modifier mon choix"))
    expect(jean.get_by_text(dits, exact=True)).to_be_visible()
    expect(case(jean, avril[0])).to_be_checked()
    assert cochees(jean).count() == 1
    suivre(jean.get_by_role("button", name="Réserver"))
    suivre(jean.get_by_role("button", name="Envoyer ma demande"))
    expect(jean.get_by_text("Demande envoyée.").first).to_be_visible()
    attendus = [*mars[:2], avril[0]]
    assert list(Reservation.objects.order_by("jour").values_list("jour", flat=True)) == attendus
    assert Demande.objects.count() == 1
    # Sent: nothing is ticked any more, here or behind.
    for jour in (mars[0], avril[0]):
        ouvrir(jean, jour)
        expect(jean.locator("[data-barre]")).to_be_hidden()
        assert cochees(jean).count() == 0


def test_deux_semaines_et_tout_effacer(jean):
    lundi, suivant = lundis(2)[:2]
    ouvrir(jean, lundi, f"?vue=semaine&du={lundi}")
    case(jean, lundi, "Léa").check()
    case(jean, lundi, "Tom").check()
    expect(jean.get_by_text("2 cases cochées sur 1 jour", exact=True).first).to_be_visible()
    suivre(jean.get_by_role("link", name="Semaine suivante").first)
    case(jean, suivant, "Tom").check()
    expect(
        jean.get_by_text("3 cases cochées sur 2 jours, dont 2 d’autres semaines", exact=True)
    ).to_be_visible()
    jean.get_by_role("button", name="Tout effacer").click()
    expect(jean.locator("[data-barre]")).to_be_hidden()
    suivre(jean.get_by_role("link", name="Semaine précédente").first)
    assert cochees(jean).count() == 0


def test_au_clavier_tout_decocher_rend_la_main_aux_cases(jean):
    """The button hides with its bar: who pressed it must not start the page again."""
    jour = lundis(2)[0]
    ouvrir(jean, jour)
    case(jean, jour).check()
    jean.get_by_role("button", name="Tout décocher").press("Enter")
    expect(jean.locator("[data-barre]")).to_be_hidden()
    expect(jean.locator('input[name="c"]:enabled').first).to_be_focused()


def test_un_autre_compte_dans_le_meme_onglet(jean, monde):
    """Logged out, nothing is left; and what would be left is not the newcomer's."""
    jour = lundis(2)[0]
    ouvrir(jean, jour)
    case(jean, jour).check()
    panier = jean.evaluate(PANIER)
    assert f":{jour}:0" in panier
    suivre(jean.get_by_role("button", name="Déconnexion"))
    assert jean.evaluate(PANIER) is None
    jean.get_by_label("Identifiant").fill("claire.martin")
    jean.get_by_label("Mot de passe", exact=True).fill(MOT_DE_PASSE)
    suivre(jean.get_by_role("button", name="Se connecter"))
    jean.evaluate("panier => sessionStorage.setItem('portail-panier', panier)", panier)
    ouvrir(jean, jour)
    expect(jean.locator("[data-barre]")).to_be_hidden()
    case(jean, jour, "Restauration").check()
    expect(jean.get_by_text("1 jour choisi", exact=True).first).to_be_visible()
    suivre(jean.get_by_role("button", name="Réserver"))
    expect(jean.get_by_role("heading", name="1 jour à valider")).to_be_visible()
    assert jean.locator('input[name="c"]').count() == 1


def test_le_menu_envoie_un_jour_et_garde_les_autres(jean):
    premier, deuxieme, troisieme = lundis(2)[:3]
    ouvrir(jean, premier)
    case(jean, premier).check()
    case(jean, deuxieme).check()
    case(jean, troisieme).click(button="right")
    suivre(jean.get_by_role("dialog").get_by_role("button", name="Demande de réservation"))
    expect(jean.get_by_role("heading", name="1 jour à valider")).to_be_visible()
    suivre(jean.get_by_role("button", name="Envoyer ma demande"))
    ouvrir(jean, premier)
    expect(jean.get_by_text("2 jours choisis", exact=True).first).to_be_visible()
    assert list(Reservation.objects.values_list("jour", flat=True)) == [troisieme]


@pytest.mark.parametrize("vue", ["mois", "semaine"])
def test_un_jour_devenu_impossible_n_est_plus_coche(jean, monde, vue):
    """Full or closed since, it has no box: no ghost of it may stay, here or on another page; the others do."""
    jour, autre = lundis(2)[:2]
    suivant = lundis(3)[0]
    ouvrir(jean, suivant)
    case(jean, suivant).check()
    ouvrir(jean, jour)
    case(jean, jour, "Léa").check()
    case(jean, autre, "Tom").check()
    Fermeture.objects.create(prestation=monde.cantine, du=jour, au=jour, motif="Travaux")
    ouvrir(jean, jour, f"?vue=semaine&du={jour}" if vue == "semaine" else "")
    dit = f"Léa, {monde.cantine.nom}, lundi {jour.day if jour.day > 1 else '1er'} n’est plus possible : il n’est plus coché."
    expect(jean.locator("[data-choix]")).to_have_text(dit)
    ouvrir(jean, suivant)
    dits = f"2 jours choisis, dont 1 en {nom_du_mois(jour)}"
    expect(jean.get_by_text(dits, exact=True).first).to_be_visible()


def test_le_jour_d_un_autre_enfant_reste_coche(jean, monde):
    """A child's own page shows nothing of the other's: their ticks are not ghosts."""
    jour = lundis(2)[0]
    ouvrir(jean, jour)
    case(jean, jour, "Tom").check()
    jean.goto(f"/enfants/{monde.lea.pk}/planning/{jour:%Y-%m}/")
    expect(jean.get_by_text("1 jour choisi, hors de cette page", exact=True).first).to_be_visible()


def test_une_page_sans_aucune_case_dit_ce_qui_n_est_plus_possible(jean, monde):
    jour = lundis(2)[0]
    ouvrir(jean, jour)
    case(jean, jour, "Léa").check()
    case(jean, jour, "Tom").check()
    fin = jour + timedelta(6)
    Fermeture.objects.create(prestation=monde.cantine, du=jour, au=fin, motif="Travaux")
    ouvrir(jean, jour, f"?vue=semaine&du={jour}")
    expect(jean.get_by_text("2 cases ne sont plus possibles (lundi")).to_be_visible()
    ouvrir(jean, lundis(3)[0])
    expect(jean.locator("[data-barre]")).to_be_hidden()


@pytest.mark.parametrize("vue", ["mois", "semaine"])
def test_modifier_mon_choix_sans_javascript(monde, personne, vue):
    page = personne("jean.dupont", MOT_DE_PASSE, java_script_enabled=False)
    jour = lundis(2)[0]
    ouvrir(page, jour, f"?vue=semaine&du={jour}" if vue == "semaine" else "")
    case(page, jour, "Tom").check()
    suivre(page.get_by_role("button", name="Réserver"))
    suivre(page.get_by_role("link", name="Modifier mon choix"))
    expect(case(page, jour, "Tom")).to_be_checked()
    assert cochees(page).count() == 1
    # Twice round, the address is no longer.
    adresse = page.url
    suivre(page.get_by_role("button", name="Réserver"))
    suivre(page.get_by_role("link", name="Modifier mon choix"))
    assert page.url == adresse
