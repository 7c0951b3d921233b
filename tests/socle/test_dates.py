from datetime import date

import pytest

from portail.socle import dates


@pytest.mark.parametrize(
    ("jour", "mois", "numero", "attendu"),
    [
        (date(2026, 12, 31), 1, 1, date(2027, 1, 1)),
        (date(2026, 1, 31), -1, 1, date(2025, 12, 1)),
        (date(2028, 1, 31), 1, 31, date(2028, 2, 29)),
        (date(2027, 1, 31), 1, 31, date(2027, 2, 28)),
        (date(2026, 11, 27), -11, 25, date(2025, 12, 25)),
        (date(2026, 11, 27), 0, 30, date(2026, 11, 30)),
    ],
)
def test_un_autre_mois(jour, mois, numero, attendu):
    assert dates.decaler_mois(jour, mois, numero) == attendu


@pytest.mark.parametrize("jour", [date(2027, 2, 10), date(2028, 2, 29), date(2026, 12, 31), date(2026, 4, 1)])
def test_le_mois(jour):
    dernier = dates.dernier_du_mois(jour)
    assert (dates.premier_du_mois(jour), dernier.month) == (date(jour.year, jour.month, 1), jour.month)
    assert dates.decaler_mois(jour, 1).toordinal() == dernier.toordinal() + 1


def test_le_29_fevrier():
    assert dates.decaler_ans(date(2028, 2, 29), 1) == date(2029, 2, 28)
    assert dates.decaler_ans(date(2028, 2, 29), -4) == date(2024, 2, 29)
    assert dates.decaler_ans(date(2026, 12, 31), -10) == date(2016, 12, 31)


def test_lannee_scolaire():
    assert [dates.annee_scolaire(j) for j in (date(2026, 8, 31), date(2026, 9, 1))] == [2025, 2026]
    assert dates.bornes_scolaires(2026) == (date(2026, 9, 1), date(2027, 8, 31))
    assert dates.bornes_scolaires(2026, 3) == (date(2026, 9, 1), date(2029, 8, 31))
    assert dates.libelle_annee(2026) == "2026-2027"
