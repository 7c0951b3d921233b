"""What the recap announces is what the invoice will say."""

from datetime import date
from decimal import Decimal

import pytest

from facturation import emission
from facturation.estimation import estimer
from tests import factories
from tests.facturation import fabrique

LUNDI, MARDI = date(2026, 11, 23), date(2026, 11, 24)
EUR = "\N{NO-BREAK SPACE}€"


def test_prices_in_order_and_none_without_tarif(monde):
    fabrique.tarif(fabrique.lien(monde.cantine), (0, None, 345), hors_delai_centimes=100)
    garderie = factories.prestation("Garderie matin")
    trouves = estimer(
        monde.jean,
        [
            (monde.lea, monde.cantine, LUNDI, False),
            (monde.lea, garderie, LUNDI, False),
            (monde.tom, monde.cantine, MARDI, True),
        ],
    )
    assert [p and p.centimes for p in trouves] == [345, None, 445]
    assert trouves[0].explication == f"3,45{EUR} le repas, quotient 845"
    assert estimer(monde.jean, []) == []


def test_no_band_for_this_quotient(monde):
    fabrique.tarif(fabrique.lien(monde.cantine), (0, 100, 345))
    assert estimer(monde.jean, [(monde.lea, monde.cantine, LUNDI, False)]) == [None]


def test_month_counts_once(monde):
    fabrique.tarif(fabrique.lien(monde.cantine), unite="mois", forfait_centimes=5900)
    lignes = [(monde.lea, monde.cantine, jour, False) for jour in (LUNDI, MARDI)]
    assert [p.centimes for p in estimer(monde.jean, lignes)] == [5900, 0]


@pytest.mark.parametrize(
    ("etat", "attendu"), [("reservee", 0), ("demandee", 0), ("annulee", 5900), ("absent_excuse", 5900)]
)
def test_a_month_already_booked_costs_nothing_more(monde, etat, attendu):
    fabrique.tarif(fabrique.lien(monde.cantine), unite="mois", forfait_centimes=5900)
    fabrique.reservation(monde.inscriptions["lea"], date(2026, 11, 2), etat)
    lignes = [(monde.lea, monde.cantine, MARDI, False), (monde.tom, monde.cantine, MARDI, False)]
    assert [p.centimes for p in estimer(monde.jean, lignes)] == [attendu, 5900]


def test_a_month_already_billed_costs_nothing_more(monde):
    fabrique.tarif(fabrique.lien(monde.cantine), unite="mois", forfait_centimes=5900)
    fabrique.pointage(monde.lea, monde.cantine, date(2026, 11, 2))
    novembre = fabrique.campagne(du=date(2026, 11, 1), au=date(2026, 11, 15))
    emission.calculer(novembre, date(2026, 11, 16))
    emission.emettre(novembre, monde.agent)
    assert estimer(monde.jean, [(monde.lea, monde.cantine, MARDI, False)])[0].centimes == 0


def test_a_month_booked_by_the_other_household_is_not_ours(monde):
    fabrique.tarif(fabrique.lien(monde.cantine), unite="mois", forfait_centimes=5900)
    fabrique.reservation(monde.inscriptions["lea"], date(2026, 11, 2), payeur=monde.jeanne)
    assert estimer(monde.jean, [(monde.lea, monde.cantine, MARDI, False)])[0].centimes == 5900


def test_shared_day_is_our_part(monde):
    fabrique.tarif(fabrique.lien(monde.cantine))
    monde.inscriptions["lea"].delete()
    for famille in (monde.jean, monde.jeanne):
        factories.inscription(monde.lea, monde.cantine, famille, repartition="part", part=Decimal(50))
    assert estimer(monde.jeanne, [(monde.lea, monde.cantine, LUNDI, False)])[0].centimes == 172


@pytest.mark.parametrize("combien", [1, 3])
def test_constant_queries(monde, django_assert_num_queries, combien):
    fabrique.tarif(fabrique.lien(monde.cantine))
    lignes = [
        (enfant, monde.cantine, date(2026, 11, 23 + jour), False)
        for jour in range(combien)
        for enfant in (monde.lea, monde.tom)[:combien]
    ]
    with django_assert_num_queries(11):
        estimer(monde.jean, lignes)
