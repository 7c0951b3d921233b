"""The tab « Relevé de compte »: figures of the guide, one definition of the solde, nobody else's money."""

import re
from datetime import date
from io import BytesIO

import page
import pytest
import time_machine
from pypdf import PdfReader

from facturation import emission, releve
from facturation.encaissement import annuler, confier_au_tresor, encaisser
from tests.facturation import fabrique

EUR = "\N{NO-BREAK SPACE}€"
GUIDE = date(2015, 4, 8)


@pytest.fixture
def guide(monde):
    """The operations of the guide: AL-12 paid by cheque AL-228, AL-36 due."""
    regie = fabrique.regie()
    fabrique.premier_numero(regie, "facture", 12)
    fabrique.premier_numero(regie, "reglement", 228)
    fabrique.facture(monde.jean, 24320, jour=GUIDE, periode_du=date(2015, 2, 1), periode_au=date(2015, 3, 31))
    encaisser(monde.jean, regie, "cheque", 24320, GUIDE, monde.agent)
    fabrique.premier_numero(regie, "facture", 36)
    fabrique.facture(
        monde.jean,
        12060,
        jour=GUIDE,
        echeance=date(2015, 4, 30),
        periode_du=date(2015, 4, 1),
        periode_au=date(2015, 4, 30),
    )
    return monde


def test_the_account_of_the_guide(guide):
    compte = releve.releve(guide.jean, 2014)
    assert [(o.reference, o.description, o.debit, o.credit, o.etat) for o in compte.operations] == [
        ("AL-36", "Facture\N{NO-BREAK SPACE}: 01/04/2015 - 30/04/2015", 12060, 0, "a_payer"),
        ("AL-228", "Règlement\N{NO-BREAK SPACE}: Chèque", 0, 24320, ""),
        ("AL-12", "Facture\N{NO-BREAK SPACE}: 01/02/2015 - 31/03/2015", 24320, 0, "payee"),
    ]
    assert (compte.ancien_solde, compte.total_debit, compte.total_credit, compte.solde) == (
        0,
        36380,
        24320,
        12060,
    )
    assert releve.solde(guide.jean) == 12060
    assert releve.releve(guide.jean, 2015).ancien_solde == 12060
    assert releve.releve(guide.jean, 2013).solde == 0
    assert releve.dernier_reglement(guide.jean).reference == "AL-228"
    assert releve.annees(guide.jean, date(2016, 8, 31)) == [2015, 2014]
    due = releve.impayees(guide.jean)
    assert [(i.reference, i.reste, i.payable, i.en_partie) for i in due] == [("AL-36", 12060, True, False)]


def test_the_page(guide):
    with time_machine.travel("2015-05-04 10:00+02:00"):
        page_lue = guide.client(guide.jean).get("/releve/?annee=2014-2015")
    texte = page_lue.content.decode()
    for attendu in (
        "Relevé des opérations",
        "Année scolaire",
        "Ancien solde",
        "Solde du compte pour l’année scolaire",
        "Vous devez à la mairie",
        f"Payer 120,60{EUR}",
        "/paiement/?facture=AL-36",
        "/factures/AL-12.pdf",
        "À payer",
        "Payée",
        "Titre émis (ORMC",
        "avant le jeudi 30\N{NO-BREAK SPACE}avril\N{NO-BREAK SPACE}2015",
        f"363,80{EUR}",
    ):
        assert attendu in texte


@pytest.mark.parametrize(
    "annee", ["2014-2016", "abcd", "0000-0001", "9999-10000", "２０１４-２０１５", "\x00", "-1", "2014-2015-"]
)
def test_any_year_asked_is_answered(guide, annee):
    reponse = guide.client(guide.jean).get("/releve/", {"annee": annee})
    assert reponse.status_code in (200, 400)
    reponse = guide.client(guide.jean).get("/releve/releve.pdf", {"annee": annee})
    assert reponse.status_code in (200, 400)


def test_a_family_without_operation(monde):
    texte = monde.client(monde.claire).get("/releve/").content.decode()
    assert "Aucune opération cette année scolaire." in texte
    assert "Rien à payer aujourd’hui." in texte


def test_credit_partly_paid_tresor_and_two_regies(guide):
    autre = fabrique.regie("Régie crèche", "CR")
    encaisser(guide.jean, autre, "especes", 5000, GUIDE, guide.agent)
    encaisser(guide.jean, fabrique.regie(), "virement", 60, GUIDE, guide.agent)
    texte = guide.client(guide.jean).get("/releve/?annee=2014-2015").content.decode()
    assert "En partie" in texte
    assert f"reste 120,00{EUR}" in texte
    assert f"-50,00{EUR}" in texte
    assert releve.solde(guide.jean) == 7000
    confier_au_tresor(guide.jean.factures.get(reference="AL-36"), "7", GUIDE, guide.agent)
    texte = guide.client(guide.jean).get("/releve/?annee=2014-2015").content.decode()
    assert "Règlement\N{NO-BREAK SPACE}: Titre émis (ORMC n°7)" in texte
    assert f'Vous avez un avoir de</p>\n    <p class="somme">50,00{EUR}' in texte
    assert "/paiement/" not in texte


def test_cancelled_invoice(guide):
    emission.avoir(guide.jean.factures.get(reference="AL-36"), guide.agent, "Erreur", GUIDE)
    texte = guide.client(guide.jean).get("/releve/?annee=2014-2015").content.decode()
    assert "Annulée" in texte
    assert "Avoir\N{NO-BREAK SPACE}: annule la facture AL-36" in texte
    assert releve.solde(guide.jean) == 0


@pytest.mark.parametrize("combien", [1, 3])
def test_constant_queries(monde, django_assert_num_queries, combien):
    for mois in range(combien):
        fabrique.facture(monde.jean, 1000, jour=date(2026, 9 + mois, 8))
        encaisser(monde.jean, fabrique.regie(), "cheque", 500, date(2026, 9 + mois, 9), monde.agent)
    with django_assert_num_queries(1):
        releve.solde(monde.jean)
    with django_assert_num_queries(1):
        releve.impayees(monde.jean)
    with django_assert_num_queries(3):
        releve.operations(monde.jean)
    navigateur = monde.client(monde.jean)
    navigateur.get("/releve/?annee=2026-2027")
    with django_assert_num_queries(REQUETES_PAGE):
        navigateur.get("/releve/?annee=2026-2027")


# session, account, adult and family, messages of the header, years, operations (3), unpaid, soldes, régies
REQUETES_PAGE = 11


@pytest.mark.parametrize("chemin", ["/factures/AL-36.pdf", "/factures/AL-12.pdf"])
def test_nobody_else_sees_an_invoice(guide, client, chemin):
    assert guide.client(guide.jean).get(chemin).status_code == 200
    for autre in (guide.jeanne, guide.claire):
        assert guide.client(autre).get(chemin).status_code == 404
    assert client.get(chemin).status_code == 302
    inconnue = guide.client(guide.claire).get("/factures/ZZ-1.pdf")
    assert inconnue.status_code == 404


def test_nobody_else_sees_the_account(guide, client):
    for autre in (guide.jeanne, guide.claire):
        texte = guide.client(autre).get("/releve/?annee=2014-2015").content.decode()
        assert "AL-36" not in texte
        assert "120,60" not in texte
    assert client.get("/releve/").status_code == 302
    assert client.get("/releve/releve.pdf").status_code == 302
    assert guide.client(guide.agent).get("/releve/").status_code == 302


def lire(contenu: bytes) -> str:
    return "\n".join(feuille.extract_text() for feuille in PdfReader(BytesIO(contenu)).pages)


def verifier_ua(contenu: bytes) -> None:
    rapport = page.validate_pdf_bytes(contenu, profile=page.ValidationProfile.PDF_UA_1)
    assert rapport.is_compliant, [str(echec) for echec in rapport.failures]


def test_the_invoice_on_paper(guide):
    titulaire = guide.jean.titulaire()
    reponse = guide.client(guide.jean).get("/factures/AL-36.pdf")
    assert reponse["Content-Type"] == "application/pdf"
    assert reponse["Cache-Control"] == "private, no-store"
    verifier_ua(reponse.content)
    texte = lire(reponse.content)
    assert len(PdfReader(BytesIO(reponse.content)).pages) == 1
    for attendu in (
        "Facture AL-36",
        f"Monsieur {titulaire.prenom} DUPONT",
        guide.jean.numero,
        "30/04/2015",
        "120,60",
        "Comment payer",
        "L1617-5",
        "Talon",
        "Garderie matin",
    ):
        assert attendu in texte
    assert "Payée" not in texte


def test_paid_partly_paid_cancelled_and_credit_note_say_so(guide):
    navigateur = guide.client(guide.jean)
    payee = navigateur.get("/factures/AL-12.pdf").content
    verifier_ua(payee)
    assert "Payée" in lire(payee)
    assert "Comment payer" not in lire(payee)
    encaisser(guide.jean, fabrique.regie(), "virement", 60, GUIDE, guide.agent)
    assert "Payée en partie" in lire(navigateur.get("/factures/AL-36.pdf").content)
    avoir = emission.avoir(guide.jean.factures.get(reference="AL-36"), guide.agent, "Repas en trop", GUIDE)
    contenu = navigateur.get(f"/factures/{avoir.reference}.pdf").content
    verifier_ua(contenu)
    assert "Avoir AL-A1" in lire(contenu)
    assert "Repas en trop" in lire(contenu)
    assert "Annulée par un avoir" in lire(navigateur.get("/factures/AL-36.pdf").content)


def test_the_relevé_on_paper(guide):
    contenu = guide.client(guide.jean).get("/releve/releve.pdf?annee=2014-2015").content
    verifier_ua(contenu)
    texte = lire(contenu)
    assert "2014-2015" in texte
    assert "363,80" in texte
    assert "AL-228" in texte


def test_money_given_back_and_details_of_a_cheque(guide):
    annuler(guide.jean.reglements.get(), guide.agent, "Chèque sans provision", GUIDE, centimes=320)
    operations = releve.operations(guide.jean)
    rendu = next(o for o in operations if o.reference == "AL-229")
    assert (rendu.description, rendu.debit, rendu.credit) == (
        "Remboursement ou annulation\N{NO-BREAK SPACE}: Chèque (Chèque sans provision)",
        320,
        0,
    )
    assert releve.solde(guide.jean) == 12060 + 320
    assert [i.reste for i in releve.impayees(guide.jean)] == [320, 12060]
    assert releve.impayees(guide.jean)[0].url_pdf == "/factures/AL-12.pdf"
    assert releve.impayees(guide.jean)[0].url_paiement == "/paiement/?facture=AL-12"
    assert releve.dernier_reglement(guide.jean) is None


@pytest.mark.parametrize("loin", [date(9999, 12, 31), date(2206, 11, 10)])
def test_a_date_typed_wrong_does_not_break_the_account(monde, loin):
    fabrique.facture(monde.jean, 1000)
    encaisser(monde.jean, fabrique.regie(), "cheque", 400, loin, monde.agent)
    with time_machine.travel("2026-11-23 10:00+01:00"):
        page_lue = monde.client(monde.jean).get("/releve/")
        assert monde.client(monde.jean).get("/releve/releve.pdf").status_code == 200
    assert page_lue.status_code == 200
    assert "<option selected>2026-2027</option>" in page_lue.content.decode()


def test_the_current_school_year_opens_first(monde):
    """An invoice dated of next September is there, one choice further."""
    fabrique.facture(monde.jean, 1000, jour=date(2027, 9, 8))
    with time_machine.travel("2027-06-01 10:00+02:00"):
        texte = monde.client(monde.jean).get("/releve/").content.decode()
    assert "<option selected>2026-2027</option>" in texte
    assert "<option>2027-2028</option>" in texte


def test_years_of_the_tresorerie_are_offered(monde):
    facture = fabrique.facture(monde.jean, 1000)
    confier_au_tresor(facture, "7", date(2027, 9, 10), monde.agent)
    assert releve.annees(monde.jean, date(2026, 11, 23)) == [2027, 2026]


def test_not_payable_online(monde):
    """Neither in a régie that does not take it, nor what the trésorerie collects, even after a bounced cheque."""
    hors_ligne = fabrique.regie("Régie crèche", "CR", paiement_en_ligne=False)
    fabrique.facture(monde.jean, 700, hors_ligne)
    au_tresor = fabrique.facture(monde.jean, 1000)
    cheque = encaisser(monde.jean, fabrique.regie(), "cheque", 400, GUIDE, monde.agent)
    confier_au_tresor(au_tresor, "7", GUIDE, monde.agent)
    annuler(cheque, monde.agent, "Chèque sans provision", GUIDE)
    libre = fabrique.facture(monde.jean, 500, jour=date(2026, 12, 8))
    dues = releve.impayees(monde.jean)
    assert [(i.reference, i.reste, i.payable) for i in dues] == [
        ("CR-1", 700, False),
        ("AL-1", 400, False),
        ("AL-2", 500, True),
    ]
    assert list(monde.jean.factures.payables()) == [libre]
    page_lue = monde.client(monde.jean).get("/releve/?annee=2026-2027").content.decode()
    assert re.findall(r"/paiement/\?facture=[A-Z0-9-]+", page_lue) == ["/paiement/?facture=AL-2"] * 2
