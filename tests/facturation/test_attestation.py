"""The tax certificate: childcare paid in the year for children under six, nothing else, to the cent."""

import re
from datetime import date
from decimal import Decimal

import pytest
from django.urls import reverse

from facturation.attestation import attestations
from facturation.emission import avoir
from facturation.encaissement import annuler, confier_au_tresor, encaisser
from facturation.models import Compteur, Facture, LigneFacture
from facturation.tarification import Bareme, Situation, partager, prix
from tests import factories
from tests.facturation import fabrique

JOUR = date(2026, 11, 8)
EUR = "\N{NO-BREAK SPACE}€"


@pytest.fixture
def petits(monde):
    """Tom is five on 1 January 2026, Zoé four; Léa is seven."""
    monde.zoe.naissance = date(2021, 12, 31)
    monde.zoe.save()
    return monde


def ligne(
    facture: Facture, enfant, centimes: int, nature: str = "garde", quantite: int = 1, explication="1,60 €"
):
    return LigneFacture(
        facture=facture,
        enfant=enfant,
        enfant_nom=str(enfant),
        libelle="Garderie matin",
        nature_fiscale=nature,
        quantite=quantite,
        unite_centimes=centimes,
        total_centimes=centimes * quantite,
        explication=explication,
    )


def facture(famille, *lignes: tuple, jour: date = JOUR) -> Facture:
    """An invoice of these lines (child, cents, then the fields of `ligne`)."""
    regie = fabrique.regie()
    numero, reference = Compteur.numeroter(regie, "facture")
    cree = Facture(
        regie=regie,
        famille=famille,
        numero=numero,
        reference=reference,
        date=jour,
        periode_du=jour.replace(day=1),
        periode_au=jour,
        destinataire="DUPONT",
        famille_numero=famille.numero,
    )
    siennes = [ligne(cree, *li) for li in lignes]
    cree.total_centimes = sum(li.total_centimes for li in siennes)
    cree.save(force_insert=True)
    LigneFacture.objects.bulk_create(siennes)
    return cree


def payer(famille, centimes: int, jour: date = JOUR):
    return encaisser(famille, fabrique.regie(), "cheque", centimes, jour, None)


def dites(famille) -> dict:
    """Year → cents by first name."""
    return {a.annee: {e.nom.split()[0]: e.centimes for e in a.enfants} for a in attestations(famille)}


def test_only_what_is_paid_for_the_care_of_the_youngest(petits):
    facture(
        petits.jean,
        (petits.tom, 160, "garde", 10),
        (petits.tom, 345, "repas", 4),
        (petits.tom, 160, "garde", 1, "1,60 € le matin, absence non justifiée"),
        (petits.lea, 160, "garde", 10),
    )
    assert dites(petits.jean) == {}
    payer(petits.jean, 1600 + 1380 + 160 + 1600)
    assert dites(petits.jean) == {2026: {"Tom": 1600}}
    assert dites(petits.jeanne) == dites(petits.claire) == {}


def test_six_years_on_the_first_of_january(petits):
    for naissance, comptee in ((date(2020, 1, 1), False), (date(2020, 1, 2), True)):
        petits.tom.naissance = naissance
        petits.tom.save()
        facture(petits.jean, (petits.tom, 1000))
        payer(petits.jean, 1000)
        assert bool(dites(petits.jean)) is comptee


def test_the_year_is_that_of_the_payment(petits):
    facture(petits.jean, (petits.tom, 1000), (petits.lea, 1001), jour=date(2025, 12, 8))
    payer(petits.jean, 1000, date(2025, 12, 20))
    payer(petits.jean, 1001, date(2026, 1, 10))
    assert dites(petits.jean) == {2026: {"Tom": 500}, 2025: {"Tom": 500}}
    sans = payer(petits.jean, 500)  # credit: nothing it pays yet
    assert sans.imputations.count() == 0
    assert sum(dites(petits.jean)[2026].values()) == 500


def test_money_given_back_leaves_the_year_it_came_in(petits):
    facture(petits.jean, (petits.tom, 1000), jour=date(2025, 12, 8))
    cheque = payer(petits.jean, 1000, date(2025, 12, 20))
    assert dites(petits.jean) == {2025: {"Tom": 1000}}
    annuler(cheque, None, "Sans provision", date(2026, 1, 15))
    assert dites(petits.jean) == {}


def test_an_avoir_and_the_tresorerie_certify_nothing(petits):
    premiere = facture(petits.jean, (petits.tom, 1000))
    payer(petits.jean, 1000)
    avoir(premiere, None, "À refaire")
    assert dites(petits.jean) == {}
    seconde = facture(petits.claire, (petits.zoe, 700))
    confier_au_tresor(seconde, "12", JOUR, None)
    assert dites(petits.claire) == {}


@pytest.mark.parametrize(
    ("bareme", "situation", "parts", "garde"),
    [
        ({"hors_delai": 100}, {"hors_delai": True}, None, 400),
        ({"hors_delai_pourcent": 50}, {"hors_delai": True}, None, 400),
        ({"sans_reservation": 100}, {"sans_reservation": True}, None, 400),
        ({}, {"hors_delai": True}, None, 400),
        ({"sans_reservation": 1300, "remplace": True}, {"sans_reservation": True}, None, 0),
        ({"absence_pourcent": 50}, {"absence": True}, None, 0),
        ({"unite": "demi_heure"}, {"minutes": 300, "sans_reservation": True}, None, 4000),
        ({"hors_delai": 100}, {"hors_delai": True}, (Decimal(50), Decimal(50)), 200),
        ({"hors_delai": 150_000}, {"hors_delai": True}, None, 400),
    ],
)
def test_surcharges_are_read_in_the_words_of_the_invoice(petits, bareme, situation, parts, garde):
    """What `tarification` writes, `attestation` reads again."""
    trouve = prix(Bareme("forfait", forfait=400, **bareme), Situation(None, **situation))
    if parts:
        trouve = partager(trouve, parts, 0)
    facture(petits.jean, (petits.tom, trouve.centimes, "garde", 2, trouve.explication))
    payer(petits.jean, 2 * trouve.centimes)
    assert dites(petits.jean) == ({2026: {"Tom": 2 * garde}} if garde else {})


def test_the_page_and_the_paper_of_the_three_people(petits):
    facture(petits.jean, (petits.tom, 1600))
    payer(petits.jean, 1600)
    jean = petits.client(petits.jean)
    page = jean.get(reverse("attestations")).text
    assert "Année 2026" in page
    assert f"16,00{EUR}" in page
    papier = jean.get(reverse("attestation_pdf", args=[2026]))
    assert papier["Content-Type"] == "application/pdf"
    assert papier.content.startswith(b"%PDF")
    assert jean.get(reverse("attestation_pdf", args=[2025])).status_code == 404
    # The button and the page it leads to say the same words.
    bouton = re.search(rf'<a [^>]*href="{reverse("attestations")}".*?</a>', jean.get(reverse("releve")).text)[
        0
    ]
    assert re.sub("<[^>]+>", "", bouton) == "Attestations fiscales"
    assert "<h1>Attestations fiscales</h1>" in page
    for autre in (petits.jeanne, petits.claire):
        client = petits.client(autre)
        assert "Aucune attestation pour l’instant." in client.get(reverse("attestations")).text
        assert client.get(reverse("attestation_pdf", args=[2026])).status_code == 404
    assert jean.get("/attestations/99999999999999999999.pdf").status_code == 404


@pytest.mark.parametrize("combien", [1, 3])
def test_a_constant_number_of_queries(petits, django_assert_num_queries, combien):
    for n in range(combien):
        enfant = factories.enfant(f"Ali{n}", petits.jean, naissance=date(2024, 1, 1 + n))
        facture(petits.jean, (enfant, 1000), jour=date(2026 - n, 11, 8))
        payer(petits.jean, 1000, date(2026 - n, 12, 1))
    with django_assert_num_queries(2):
        assert len(attestations(petits.jean)) == combien
