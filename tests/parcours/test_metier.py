"""The main job, walked in a real browser by a parent, an agent and the régisseur; a stranger sees none of it."""

import calendar
import io
import re
from datetime import date

import pytest
from django_tasks_db.models import DBTaskResult
from playwright.sync_api import Page, expect
from pypdf import PdfReader

from demandes.models import Demande
from enfants.models import Reservation
from facturation.models import Facture
from facturation.releve import solde
from familles.models import Famille
from portail.demonstration.guide import MOT_DE_PASSE_AGENTS, NUMERO_JEAN
from portail.demonstration.population import MOT_DE_PASSE
from tests.navigation import suivre

pytestmark = [pytest.mark.navigateur, pytest.mark.django_db(transaction=True)]


def choisir_un_repas(page: Page) -> tuple[str, date]:
    """Tick the first free meal of Léa, this month or the next ones; the address of the planning and the day."""
    suivre(page.get_by_role("link", name="Mes enfants").first)
    suivre(page.get_by_role("link", name="Planning de Léa").first)
    for _ in range(6):
        libres = page.locator('input[name="c"][aria-label*="Restauration scolaire"][aria-label*="libre"]')
        if libres.count():
            case = libres.first
            jour = date.fromisoformat(case.get_attribute("value").split(":")[1])
            case.check()
            return page.url, jour
        suivre(page.get_by_role("navigation", name="Mois").get_by_role("link").last)
    raise AssertionError("no free meal in six months")


def demander(page: Page) -> tuple[str, date, str]:
    """Ask for the meal through the recap; the planning, the day and the receipt's address."""
    planning, jour = choisir_un_repas(page)
    suivre(page.get_by_role("button", name="Réserver"))
    expect(page.get_by_role("heading", name="Vérifiez avant d’envoyer")).to_be_visible()
    expect(page.get_by_text("3,45 €").first).to_be_visible()
    suivre(page.get_by_role("button", name="Envoyer ma demande"))
    expect(page).to_have_url(re.compile(r"/demandes/[0-9a-f-]{36}/"))
    return planning, jour, page.url


def etat(jour: date) -> str:
    return Reservation.objects.get(
        enfant__prenom="Léa", prestation__nom="Restauration scolaire", jour=jour, payeur__numero=NUMERO_JEAN
    ).etat


def facturer(page: Page, du: date, au: date) -> None:
    """The régisseur opens a campagne in the admin, computes the draft, issues; the worker does it meanwhile."""
    page.goto("/admin/facturation/campagne/add/")
    page.get_by_label("Régie").select_option(label="Régie garderie ALSH")
    page.get_by_label("Libellé").fill(f"Mois du {du:%d/%m/%Y}")
    for nom, jour in (("du", du), ("au", au), ("date_facture", date.today()), ("echeance", au)):
        page.locator(f"#id_{nom}").fill(
            max(jour, date.today()).strftime("%d/%m/%Y") if nom == "echeance" else jour.strftime("%d/%m/%Y")
        )
    suivre(page.get_by_role("button", name="Enregistrer", exact=True))
    suivre(page.get_by_role("button", name="Calculer le brouillon"))
    expect(page.get_by_text("DUPONT Jean").first).to_be_visible()
    suivre(page.get_by_role("link", name="Émettre les factures"))
    suivre(page.get_by_role("button", name="Émettre les factures"))
    expect(page.get_by_text(re.compile(r"Émission en cours\s: 0 sur"))).to_be_visible()
    tache = DBTaskResult.objects.get(task_path="facturation.emission.emettre_en_tache")
    tache.task.func(*tache.args_kwargs["args"])
    # Nobody clicks: the page asks again by itself.
    expect(page.get_by_text(re.compile("Émission en cours"))).to_have_count(0, timeout=20_000)
    expect(page.get_by_text(re.compile(r"[1-9]\d* factures? émises?")).first).to_be_visible()


def test_de_la_demande_au_releve(belrive, banque, personne, live_server):
    jean = personne("jean.dupont", MOT_DE_PASSE)
    expect(jean.get_by_role("heading", name="Bienvenue", exact=False).first).to_be_visible()

    planning, jour, recu = demander(jean)
    assert etat(jour) == "demandee"

    agent = personne("agent", MOT_DE_PASSE_AGENTS)
    expect(agent).to_have_url(f"{live_server.url}/admin/")
    demande = Demande.objects.get(pk=recu.rstrip("/").split("/")[-1])
    suivre(agent.get_by_role("link", name="Voir toutes les demandes à traiter"))
    suivre(agent.get_by_role("link", name=demande.numero))
    suivre(agent.get_by_role("button", name="Accepter"))
    expect(agent.get_by_text(re.compile("acceptée")).first).to_be_visible()
    assert etat(jour) == "reservee"

    jean.goto(planning)
    expect(
        jean.locator(f'input[value*=":{jour.isoformat()}:"][aria-label*="Restauration scolaire"]')
    ).to_have_attribute("aria-label", re.compile("réservé", re.I))

    du = jour.replace(day=1)
    au = jour.replace(day=calendar.monthrange(jour.year, jour.month)[1])
    facturer(personne("regisseur", MOT_DE_PASSE_AGENTS), du, au)
    famille = Famille.objects.get(numero=NUMERO_JEAN)
    facture = Facture.objects.get(famille=famille, periode_du=du, periode_au=au)

    jean.goto("/releve/")
    ligne = jean.get_by_role("row").filter(has_text=facture.reference)
    expect(ligne).to_contain_text("À payer")
    pdf = jean.request.get(f"/factures/{facture.reference}.pdf")
    texte = PdfReader(io.BytesIO(pdf.body())).pages[0].extract_text()
    assert facture.reference in texte
    assert "Restauration scolaire" in texte

    avant = solde(famille)
    suivre(ligne.get_by_role("link", name=re.compile("Payer")))
    jean.get_by_label("Adresse électronique pour le reçu").fill("jean.dupont@exemple.fr")
    suivre(jean.get_by_role("button", name=re.compile("^Payer")))
    expect(jean).to_have_url(re.compile(re.escape(banque.url)))
    suivre(jean.get_by_role("button", name=re.compile("^Payer")))
    expect(jean.get_by_role("heading", name="Paiement reçu")).to_be_visible()
    assert banque.attendre(10)

    reglement = famille.reglements.get(mode="carte")
    assert (reglement.centimes, solde(famille)) == (facture.total_centimes, avant - facture.total_centimes)
    jean.goto("/releve/")
    expect(jean.get_by_role("row").filter(has_text=reglement.reference)).to_contain_text("Carte bancaire")
    expect(jean.get_by_role("row").filter(has_text=facture.reference)).to_contain_text("Payée")

    claire = personne("claire.martin", MOT_DE_PASSE)
    paiement = famille.paiements.get()
    for adresse in (
        planning,
        recu,
        f"/factures/{facture.reference}.pdf",
        f"/paiement/?facture={facture.reference}",
        f"/paiement/{paiement.pk}/retour/",
    ):
        assert claire.request.get(adresse).status == 404, adresse
    claire.goto("/releve/")
    expect(claire.get_by_text(facture.reference)).to_have_count(0)

    suivre(jean.get_by_role("button", name="Déconnexion").first)
    expect(jean).to_have_url(re.compile("/demonstration/site/"))
    assert jean.request.get("/compte/", max_redirects=0).status == 302
