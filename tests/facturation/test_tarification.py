"""Prices: exact cents and the sentence that explains them."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facturation.tarification import Bareme, Prix, Situation, Tranche, partager, prix

D = Decimal
EUR = "\N{NO-BREAK SPACE}€"
PC = "\N{NO-BREAK SPACE}%"
DP = "\N{NO-BREAK SPACE}:"
BANDES = Bareme(
    mode="tranches",
    mot="le repas",
    tranches=(
        Tranche(D(0), D(622), 100),
        Tranche(D(623), D(1000), 330, centimes_hors_commune=500),
        Tranche(D(1001), D(1500), 340),
        Tranche(D(1501), None, 350),
    ),
)


def avec(bareme: Bareme, **champs) -> Bareme:
    return Bareme(**{**bareme.__dict__, **champs})


@pytest.mark.parametrize(
    ("quotient", "centimes"),
    [
        ("0", 100),
        ("622", 100),
        ("622.50", 100),  # between two bands written in whole euros: the lower one
        ("623", 330),
        ("1000", 330),
        ("1000.99", 330),
        ("1001", 340),
        ("1501", 350),
        ("99999", 350),
    ],
)
def test_bands_in_whole_euros(quotient, centimes):
    assert prix(BANDES, Situation(D(quotient))).centimes == centimes


@pytest.mark.parametrize(
    ("quotient", "centimes"), [("308", 100), ("308.01", 200), ("500", 200), ("500.01", 300)]
)
def test_bands_with_decimal_bounds(quotient, centimes):
    bareme = avec(
        BANDES,
        tranches=(
            Tranche(D(0), D(308), 100),
            Tranche(D("308.01"), D(500), 200),
            Tranche(D("500.01"), None, 300),
        ),
    )
    assert prix(bareme, Situation(D(quotient))).centimes == centimes


@pytest.mark.parametrize("quotient", ["250", "501"])
def test_no_band_is_no_tarif(quotient):
    """A hole of more than one euro, or above a closed last band: an anomaly, never a guess."""
    bareme = avec(BANDES, tranches=(Tranche(D(0), D(200), 100), Tranche(D(300), D(500), 200)))
    assert prix(bareme, Situation(D(quotient))) is None


def test_below_the_first_band_and_without_bands():
    assert prix(avec(BANDES, tranches=(Tranche(D(10), None, 100),)), Situation(D(9))) is None
    assert prix(avec(BANDES, tranches=()), Situation(D(9))) is None


def test_the_explanation_of_the_guide():
    bareme = Bareme(mode="tranches", mot="le matin", tranches=(Tranche(D(0), None, 160),))
    assert prix(bareme, Situation(D("845.00"))) == Prix(160, f"1,60{EUR} le matin, quotient 845")
    assert prix(bareme, Situation(D("845.50"))).explication == f"1,60{EUR} le matin, quotient 845,5"


def test_unknown_quotient_pays_the_highest_price():
    assert prix(BANDES, Situation(None)) == Prix(
        350, f"3,50{EUR} le repas, quotient non connu{DP} prix le plus haut"
    )
    effort = Bareme(mode="taux_effort", taux=D("0.287"), plancher=100, plafond=597)
    assert prix(effort, Situation(None)).centimes == 597


def test_outside_the_town():
    dehors = Situation(D(700), residente=False)
    assert prix(BANDES, dehors) == Prix(500, f"5,00{EUR} le repas, quotient 700, hors commune")
    plus = avec(BANDES, hors_commune=200, hors_commune_pourcent=50)
    assert prix(plus, Situation(D(1200), residente=False)).centimes == 340 + 200 + 170
    assert prix(plus, Situation(None, residente=False)).centimes == 350 + 200 + 175
    assert prix(Bareme(mode="forfait", forfait=285, hors_commune=115), dehors) == Prix(
        400, f"4,00{EUR} le jour, hors commune"
    )


@pytest.mark.parametrize(
    ("quotient", "centimes", "fin"),
    [("700", 201, ""), ("100", 100, ", prix plancher"), ("3000", 597, ", prix plafond")],
)
def test_effort_rate_with_floor_and_ceiling(quotient, centimes, fin):
    """Séné: floor 1,00, ceiling 5,97, QF 700 → 2,01."""
    bareme = Bareme(mode="taux_effort", mot="le repas", taux=D("0.2870"), plancher=100, plafond=597)
    trouve = prix(bareme, Situation(D(quotient)))
    assert trouve.centimes == centimes
    assert trouve.explication.endswith(f"quotient {quotient} à 0,287{PC}{fin}")


def test_half_a_cent_rounds_up():
    assert prix(Bareme(mode="taux_effort", taux=D("0.5"), plafond=999), Situation(D(101))).centimes == 51


def test_sibling_rank_is_an_option():
    bareme = avec(BANDES, tranches=(Tranche(D(0), None, 400), Tranche(D(0), None, 200, rang=3)))
    prix_par_rang = [prix(bareme, Situation(D(1), rang=rang)) for rang in (1, 2, 3, 4)]
    assert [p.centimes for p in prix_par_rang] == [400, 400, 200, 200]
    assert prix_par_rang[3].explication == f"2,00{EUR} le repas, quotient 1, 4e enfant"


@pytest.mark.parametrize(("minutes", "unites"), [(0, 1), (1, 1), (30, 1), (31, 2), (90, 3)])
def test_half_hour_begun_is_due(minutes, unites):
    bareme = Bareme(mode="forfait", unite="demi_heure", forfait=48)
    trouve = prix(bareme, Situation(None, minutes=minutes))
    assert trouve.centimes == 48 * unites
    tete = f"{unites} demi-heures à 0,48{EUR}" if unites > 1 else f"0,48{EUR} la demi-heure"
    assert trouve.explication == tete


@pytest.mark.parametrize(("minutes", "centimes"), [(240, 700), (300, 700), (301, 1400)])
def test_half_days(minutes, centimes):
    bareme = Bareme(mode="forfait", unite="demi_journee", forfait=700)
    assert prix(bareme, Situation(None, minutes=minutes)).centimes == centimes


def test_late_booking_and_no_booking():
    bareme = avec(BANDES, hors_delai=100, sans_reservation_pourcent=50)
    tard = prix(bareme, Situation(D(700), hors_delai=True))
    assert tard == Prix(430, f"3,30{EUR} le repas, quotient 700, réservation tardive + 1,00{EUR}")
    sans = prix(bareme, Situation(D(700), sans_reservation=True, hors_delai=True))
    assert sans == Prix(495, f"3,30{EUR} le repas, quotient 700, sans réservation + 1,65{EUR}")
    assert prix(BANDES, Situation(D(700), sans_reservation=True)).explication.endswith(
        "700, sans réservation"
    )


def test_a_fixed_price_may_replace():
    """Le Sourn: 5,49 instead of 3,50."""
    bareme = avec(BANDES, hors_delai=549, remplace=True)
    assert prix(bareme, Situation(D(700), hors_delai=True)) == Prix(549, f"5,49{EUR}, réservation tardive")
    assert prix(bareme, Situation(D(700), sans_reservation=True)).centimes == 330


def test_unjustified_absence():
    moitie = prix(avec(BANDES, absence_pourcent=50), Situation(D(700), absence=True))
    assert moitie == Prix(165, f"3,30{EUR} le repas, quotient 700, absence non justifiée{DP} 50{PC} du prix")
    assert prix(BANDES, Situation(D(700), absence=True)) == Prix(
        330, f"3,30{EUR} le repas, quotient 700, absence non justifiée"
    )
    assert prix(avec(BANDES, absence_pourcent=0), Situation(D(700), absence=True)).centimes == 0


def test_meal_basket():
    bareme = avec(BANDES, panier_repas=64)
    panier = Situation(D(700), panier_repas=True, residente=False)
    assert prix(bareme, panier) == Prix(64, f"0,64{EUR} le repas, panier repas fourni par la famille")
    assert prix(BANDES, Situation(D(700), panier_repas=True)).centimes == 330


def test_month_ignores_what_happens_to_a_day():
    bareme = Bareme(mode="forfait", unite="mois", forfait=5900, hors_delai=100, absence_pourcent=0)
    assert prix(bareme, Situation(None, hors_delai=True, absence=True)) == Prix(5900, f"59,00{EUR} le mois")


def test_shares_lose_nothing():
    entier = Prix(345, "3,45 € le repas")
    parts = [D(50), D(50)]
    assert [partager(entier, parts, i).centimes for i in (0, 1)] == [173, 172]
    assert partager(entier, parts, 1).explication == f"votre part, 50{PC} de 3,45{EUR} (3,45 € le repas)"


@given(st.integers(0, 10**7), st.lists(st.integers(1, 100), min_size=1, max_size=5))
def test_shares_always_add_up(centimes, poids):
    parts = [D(p) for p in poids]
    assert sum(partager(Prix(centimes, ""), parts, i).centimes for i in range(len(parts))) == centimes


@given(st.decimals(0, 5000, places=2), st.booleans(), st.booleans(), st.booleans())
def test_a_price_is_never_negative(quotient, residente, hors_delai, absence):
    bareme = avec(BANDES, hors_commune=50, hors_delai_pourcent=20, absence_pourcent=80)
    situation = Situation(quotient, residente=residente, hors_delai=hors_delai, absence=absence)
    assert prix(bareme, situation).centimes >= 0
