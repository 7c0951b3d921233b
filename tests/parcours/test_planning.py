"""The planning in a real browser: arrows, menu, ranges, series, exclusive services, two browsers, no JavaScript."""

import re
from datetime import date, timedelta
from io import BytesIO

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect
from pypdf import PdfReader

from demandes.models import Demande
from demandes.semaine_type import bornes
from enfants import places, semaine
from enfants.calendrier import calendrier_du
from enfants.models import GroupeExclusif, PeriodeVacances, Reservation
from portail.socle.models import Collectivite
from tests import factories
from tests.demandes.fabrique import reservations
from tests.factories import MOT_DE_PASSE, Monde
from tests.navigation import suivre
from tests.parcours.test_accessibilite import aux_deux_largeurs

pytestmark = [pytest.mark.navigateur, pytest.mark.django_db(transaction=True)]
N = "\N{NO-BREAK SPACE}"


def ouvrables() -> list[date]:
    """Working days of the month after next: every limit is far."""
    premier = ((date.today().replace(day=1) + timedelta(32)).replace(day=1) + timedelta(32)).replace(day=1)
    jours = [premier + timedelta(n) for n in range(31)]
    return [j for j in jours if j.month == premier.month and j.weekday() < 5]


@pytest.fixture
def services(monde: Monde) -> Monde:
    """Léa alone: the canteen, and two services of which one may be chosen a day."""
    monde.tom.rattachements.all().delete()
    groupe = GroupeExclusif.objects.create(nom="Soir")
    for nom in ("Aide aux devoirs", "Temps libre"):
        service = factories.prestation(nom, validation="automatique", jours=semaine.OUVRES)
        monde.inscriptions[nom] = factories.inscription(monde.lea, service, monde.jean)
        groupe.prestations.add(service)
    return monde


@pytest.fixture
def mois(services, personne) -> Page:
    """Jean in front of the month after next."""
    page = personne("jean.dupont", MOT_DE_PASSE)
    page.goto(f"/enfants/{services.lea.pk}/planning/{ouvrables()[0]:%Y-%m}/")
    return page


def case(page: Page, nom: str, jour: date):
    return page.locator(f'.grille input[value*=":{jour.isoformat()}:"][aria-label^="{nom},"]')


def foyer(page: Page) -> str:
    return page.evaluate(
        "document.activeElement.getAttribute('aria-label') || document.activeElement.innerText"
    )


def nom_du(jour: date) -> str:
    return f"{semaine.NOMS[jour.weekday()]} {'1er' if jour.day == 1 else jour.day}"


def test_les_fleches_espace_et_le_menu(mois):
    jours = ouvrables()
    premiere = case(mois, "Aide aux devoirs", jours[0])
    premiere.focus()
    for touche, nom, jour in (
        ("ArrowRight", "Aide aux devoirs", jours[1]),
        ("ArrowLeft", "Aide aux devoirs", jours[0]),
        ("ArrowDown", "Restauration scolaire", jours[0]),
        ("ArrowDown", "Temps libre", jours[0]),
        ("ArrowUp", "Restauration scolaire", jours[0]),
        ("PageDown", "Restauration scolaire", jours[5]),
        ("PageUp", "Restauration scolaire", jours[0]),
        ("End", "Restauration scolaire", jours[-1]),
        ("Home", "Restauration scolaire", jours[0]),
        ("Control+End", "Temps libre", jours[-1]),
        ("ArrowDown", "Temps libre", jours[-1]),  # nothing below: it stays
        ("Control+Home", "Aide aux devoirs", jours[0]),
    ):
        mois.keyboard.press(touche)
        assert foyer(mois) == f"{nom}, {nom_du(jour)}{N}: libre", touche
    mois.keyboard.press("Control+Home")
    mois.keyboard.press("Space")
    expect(mois.get_by_text("1 jour choisi", exact=True)).to_be_visible()
    mois.keyboard.press("Shift+ArrowRight")
    expect(mois.get_by_text("2 jours choisis", exact=True)).to_be_visible()
    mois.keyboard.press("Enter")
    assert foyer(mois).strip() == "Demande de réservation"
    mois.keyboard.press("ArrowDown")
    assert foyer(mois).strip().startswith("Cocher tous les ")
    mois.keyboard.press("Escape")
    assert foyer(mois) == f"Aide aux devoirs, {nom_du(jours[1])}{N}: libre"
    # One stop of the Tab key for the whole grid.
    mois.keyboard.press("Tab")
    assert mois.evaluate("document.activeElement.closest('.grille')") is None


def test_monter_et_descendre_revient_au_meme_jour(mois, services):
    """A row without that day is entered at the nearest, and left for the day one came from."""
    mercredi = next(j for j in ouvrables() if j.weekday() == 2)
    jeudi = mercredi + timedelta(1)
    zumba = factories.prestation("Zumba", validation="automatique", jours=1 << 2)
    factories.inscription(services.lea, zumba, services.jean)
    mois.reload()
    case(mois, "Temps libre", jeudi).focus()
    for touche, nom, jour in (
        ("ArrowDown", "Zumba", mercredi),
        ("ArrowUp", "Temps libre", jeudi),
        ("ArrowDown", "Zumba", mercredi),
        ("ArrowRight", "Zumba", mercredi + timedelta(7)),
        ("ArrowUp", "Temps libre", mercredi + timedelta(7)),
    ):
        mois.keyboard.press(touche)
        assert foyer(mois) == f"{nom}, {nom_du(jour)}{N}: libre", touche


def test_le_clic_droit_dit_tout_et_mene_au_detail(mois, services):
    jour = ouvrables()[3]
    case(mois, "Restauration scolaire", jour).click(button="right")
    menu = mois.get_by_role("dialog", name="Que faire de ce jour ?")
    expect(menu).to_contain_text(f"Restauration scolaire, {nom_du(jour)}")
    expect(menu).to_contain_text(re.compile("Libre. Modifiable jusqu’à "))
    expect(menu.get_by_role("button", name="Déclarer une absence")).to_have_attribute("aria-disabled", "true")
    suivre(menu.get_by_role("link", name="Voir le détail"))
    expect(mois.get_by_role("heading", level=1)).to_contain_text("Restauration scolaire")
    suivre(mois.get_by_role("button", name="Demande de réservation"))
    suivre(mois.get_by_role("button", name="Envoyer ma demande"))
    expect(mois.get_by_text("Demande envoyée.").first).to_be_visible()
    mois.goto(f"/enfants/{services.lea.pk}/planning/{jour:%Y-%m}/")
    case(mois, "Restauration scolaire", jour).click(button="right")
    expect(menu).to_contain_text(f"Demande de réservation{N}: déjà faite")
    suivre(menu.get_by_role("button", name="Retirer ma demande"))
    expect(mois.get_by_text("1 demande à retirer")).to_be_visible()


def test_une_plage_et_une_serie(mois):
    jours = ouvrables()
    case(mois, "Restauration scolaire", jours[2]).click()
    case(mois, "Restauration scolaire", jours[9]).click(modifiers=["Shift"])
    expect(mois.get_by_text("8 jours choisis", exact=True)).to_be_visible()
    mois.get_by_role("button", name="Tout décocher").click()
    case(mois, "Restauration scolaire", jours[0]).click(button="right")
    mois.get_by_role("button", name="Cocher tous les").click()
    meme_jour = sum(j.weekday() == jours[0].weekday() for j in jours)
    expect(mois.get_by_text(f"{meme_jour} jours choisis", exact=True)).to_be_visible()


def test_la_serie_dit_quand_elle_est_seule(mois, services):
    """The line of the menu is always there; alone of its kind, the day says so."""
    jour = ouvrables()[0]
    reservations(services.inscriptions["Temps libre"], jour, le=timezone.now())
    mois.reload()
    pluriel = f"{semaine.NOMS[jour.weekday()]}s"
    for service, dit, inactif in (
        ("Temps libre", f"Cocher tous les {pluriel} réservés{N}: c’est le seul", "true"),
        ("Restauration scolaire", f"Cocher tous les {pluriel} libres", "false"),
    ):
        case(mois, service, jour).click(button="right")
        ligne = mois.get_by_role("dialog").get_by_role("button", name="Cocher tous les")
        expect(ligne).to_have_text(dit)
        expect(ligne).to_have_attribute("aria-disabled", inactif)
        mois.keyboard.press("Escape")


def test_un_seul_choix_par_jour(mois, services):
    jour = ouvrables()[0]
    case(mois, "Aide aux devoirs", jour).check()
    case(mois, "Temps libre", jour).check()
    expect(case(mois, "Aide aux devoirs", jour)).not_to_be_checked()
    expect(mois.locator("[data-choix]")).to_contain_text("« Aide aux devoirs » est décoché")
    mois.get_by_role("button", name="Tout décocher").click()
    # « Cocher tous les jours libres » leaves the two to the parent, and says so; what is chosen stays.
    mois.goto(f"/enfants/{services.lea.pk}/planning/{jour:%Y-%m}/?vue=semaine&du={jour}")
    mois.locator(f'input[value*=":{jour}:"][aria-label*="Temps libre"]').check()
    mois.get_by_role("button", name="Cocher tous les jours libres").click()
    dits = f"À vous de choisir, un seul par jour{N}: «{N}Aide aux devoirs{N}» ou «{N}Temps libre{N}»."
    expect(mois.get_by_text(dits, exact=True)).to_be_visible()
    noms = mois.locator('input[name="c"]:checked').evaluate_all("cases => cases.map(c => c.ariaLabel)")
    assert [n.split(", ")[1] for n in noms].count("Restauration scolaire") == 5
    assert [n.split(", ")[1] for n in noms if "Restauration" not in n] == ["Temps libre"]


def test_une_page_ouverte_il_y_a_une_heure(mois, services, personne):
    """Two browsers: what was booked meanwhile is neither cancelled nor asked twice; the recap says it day by day."""
    jours = ouvrables()
    vieille = mois
    autre = personne("jean.dupont", MOT_DE_PASSE)
    autre.goto(vieille.url)
    case(autre, "Temps libre", jours[0]).check()
    suivre(autre.get_by_role("button", name="Réserver"))
    suivre(autre.get_by_role("button", name="Envoyer ma demande"))
    expect(autre.get_by_text("Demande envoyée.").first).to_be_visible()
    for jour in jours[:2]:
        case(vieille, "Temps libre", jour).check()
    suivre(vieille.get_by_role("button", name="Déclarer une absence"))
    expect(vieille.get_by_role("heading", name="1 jour a changé")).to_be_visible()
    expect(vieille.get_by_text(f"Maintenant{N}: réservé.")).to_be_visible()
    assert list(Reservation.objects.values_list("etat", flat=True)) == ["reservee"]
    assert Demande.objects.count() == 1
    # Nothing was sent: the choice is still there, but for the day whose box is no longer the one that was ticked.
    suivre(vieille.get_by_role("link", name="Modifier mon choix"))
    expect(
        vieille.get_by_text(f"1 jour a changé depuis{N}: il n’est plus coché.", exact=True)
    ).to_be_visible()
    expect(case(vieille, "Temps libre", jours[0])).not_to_be_checked()
    expect(case(vieille, "Temps libre", jours[1])).to_be_checked()


def test_la_semaine_type_sans_javascript(services, personne):
    jours = ouvrables()
    page = personne("jean.dupont", MOT_DE_PASSE, java_script_enabled=False)
    page.goto(f"/enfants/{services.lea.pk}/planning/{jours[0]:%Y-%m}/")
    suivre(page.get_by_role("link", name="Semaine type"))
    ligne = page.get_by_role("group", name=re.compile("^Temps libre"))
    for nom in ("Lundi", "Jeudi"):
        ligne.get_by_role("checkbox", name=nom).check(force=True)
    page.get_by_label("À partir du").fill(jours[0].isoformat())
    page.get_by_label("Jusqu’au jour de mon choix").check()
    page.get_by_label("Jusqu’au", exact=True).fill(jours[-1].isoformat())
    suivre(page.get_by_role("button", name="Vérifier les jours"))
    attendus = [j for j in jours if j.weekday() in (0, 3)]
    expect(page.get_by_role("heading", name=f"{len(attendus)} jours libres")).to_be_visible()
    suivre(page.get_by_role("button", name="Envoyer ma demande"))
    expect(page.get_by_text("Demande envoyée.").first).to_be_visible()
    assert list(Reservation.objects.order_by("jour").values_list("jour", flat=True)) == attendus
    # The next time, the week is proposed as it stands.
    page.goto(f"/enfants/{services.lea.pk}/planning/{attendus[0]:%Y-%m}/?vue=semaine&du={attendus[2]}")
    suivre(page.get_by_role("link", name="Répéter la semaine"))
    expect(ligne.get_by_role("checkbox", name="Lundi")).to_be_checked()
    expect(ligne.get_by_role("checkbox", name="Mardi")).not_to_be_checked()


def test_la_semaine_type_suit_son_premier_jour(services, personne):
    """The ends to choose from are those of the first day typed; the date typed for the end is the one chosen."""
    samedi = date.today() + timedelta(75 - date.today().weekday())
    for du in (samedi, samedi + timedelta(56)):
        vacances = {"zone": Collectivite.actuelle().zone, "nature": "petites"}
        PeriodeVacances.objects.create(**vacances, nom=f"{du}", du=du, au=du + timedelta(15))
    lundi, rentree = date.today() + timedelta(7 - date.today().weekday()), samedi + timedelta(16)
    calendrier = calendrier_du(date.today(), samedi + timedelta(99))
    avant, apres = (bornes(calendrier, jour)[0].libelle for jour in (lundi, rentree))
    page = personne("jean.dupont", MOT_DE_PASSE)
    page.goto("/enfants/planning/semaine-type/")
    expect(page.get_by_label(avant)).to_be_checked()
    page.get_by_label("À partir du").fill(rentree.isoformat())
    expect(page.get_by_label(apres)).to_be_checked()
    expect(page.get_by_label(avant)).to_have_count(0)
    page.get_by_label("Jusqu’au", exact=True).fill((rentree + timedelta(20)).isoformat())
    expect(page.get_by_label("Jusqu’au jour de mon choix")).to_be_checked()


@pytest.mark.apparence
def test_axe_et_largeurs(mois, services):
    """Month, week, typical week with its errors, detail, recap: no fault at 1280 and 320 px."""
    jour = ouvrables()[0]
    reservations(services.inscriptions["lea"], jour, le=timezone.now())
    lea = f"/enfants/{services.lea.pk}/planning/{jour:%Y-%m}/"
    dits = []
    for adresse in (
        lea,
        f"{lea}?vue=semaine&du={jour}",
        "/enfants/planning/semaine-type/",
        f"/enfants/planning/jour/{services.inscriptions['lea'].pk}/{jour}/",
    ):
        mois.goto(adresse)
        dits += aux_deux_largeurs(mois, adresse)
    mois.goto("/enfants/planning/semaine-type/")
    suivre(mois.get_by_role("button", name="Vérifier les jours"))
    expect(mois.get_by_text("Cochez au moins un jour.").first).to_be_visible()
    dits += aux_deux_largeurs(mois, "typical week, errors")
    mois.get_by_role("group", name=re.compile("^Temps libre")).get_by_role("checkbox", name="Lundi").check(
        force=True
    )
    mois.get_by_label("Jusqu’au jour de mon choix").check()
    mois.get_by_label("Jusqu’au", exact=True).fill((jour + timedelta(100)).isoformat())
    suivre(mois.get_by_role("button", name="Vérifier les jours"))
    expect(mois.get_by_text("Voir les jours").first).to_be_visible()
    dits += aux_deux_largeurs(mois, "recap")
    assert dits == []


def test_un_jour_sans_case_mene_a_son_detail(mois, services):
    """A declared absence has no box: its galet is a link, one more stop for the arrows."""
    jour = ouvrables()[1]
    faite = reservations(services.inscriptions["Temps libre"], jour, le=timezone.now())
    places.changer(faite.jours.get().reservation, "absence_demandee", None, timezone.now(), motif="Essai")
    mois.reload()
    case(mois, "Temps libre", ouvrables()[0]).focus()
    mois.keyboard.press("ArrowRight")
    assert foyer(mois) == f"Temps libre, {nom_du(jour)}{N}: absence en cours de traitement"
    suivre(mois.locator(".grille a.g"))
    expect(mois.get_by_text("Absence déclarée", exact=True)).to_be_visible()


@pytest.mark.apparence
def test_sur_papier(monde, personne):
    """The month of two children and its legend on one sheet; a folded receipt prints every day. No script needed."""
    for n in range(6):
        service = factories.prestation(
            f"Vacances numéro {n}", structure=factories.structure(f"Centre {n % 2}")
        )
        for enfant in (monde.lea, monde.tom):
            factories.inscription(enfant, service, monde.jean)
    jours = [j for j in (ouvrables()[0] + timedelta(n) for n in range(30)) if j.weekday() in (0, 1, 3, 4)][
        :10
    ]
    demande = reservations(monde.inscriptions["lea"], *jours, le=timezone.now())
    page = personne("jean.dupont", MOT_DE_PASSE, java_script_enabled=False)
    page.goto(f"/enfants/planning/{jours[0]:%Y-%m}/")
    assert [("Restauration" in f, "Grandes vacances" in f) for f in feuilles(page)] == [(True, True)]
    page.goto(f"/demandes/{demande.pk}/")
    expect(page.get_by_text("Semaine du").first).to_be_hidden()
    texte = " ".join(" ".join(feuilles(page)).split())
    assert texte.count("Semaine du") == len({j - timedelta(j.weekday()) for j in jours})


def feuilles(page) -> list[str]:
    """The text of each sheet."""
    return [f.extract_text() for f in PdfReader(BytesIO(page.pdf(prefer_css_page_size=True))).pages]
