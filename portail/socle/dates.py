"""Months and school years, pure. A school year goes from 1 September to 31 August; the year it begins in names it."""

import calendar
from datetime import date

RENTREE = 9


def premier_du_mois(jour: date) -> date:
    return jour.replace(day=1)


def dernier_du_mois(jour: date) -> date:
    return jour.replace(day=calendar.monthrange(jour.year, jour.month)[1])


def decaler_mois(jour: date, mois: int, numero: int = 1) -> date:
    """Day `numero` of the month `mois` months after (before, when negative) that day's; its last day when shorter."""
    annee, index = divmod(jour.year * 12 + jour.month - 1 + mois, 12)
    premier = date(annee, index + 1, 1)
    return premier.replace(day=min(numero, dernier_du_mois(premier).day))


def decaler_ans(jour: date, ans: int) -> date:
    """The same day so many years after (before, when negative); 29 February becomes the 28th."""
    return decaler_mois(jour, 12 * ans, jour.day)


def annee_scolaire(jour: date) -> int:
    """The year in which the school year of that day begins."""
    return jour.year - (jour.month < RENTREE)


def bornes_scolaires(debut: int, nombre: int = 1) -> tuple[date, date]:
    """First and last day of the school year that begins in `debut` (or of `nombre` years in a row)."""
    return date(debut, RENTREE, 1), date(debut + nombre, RENTREE - 1, 31)


def libelle_annee(debut: int) -> str:
    """« 2026-2027 »."""
    return f"{debut}-{debut + 1}"
