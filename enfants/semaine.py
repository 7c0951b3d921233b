"""Days of the week as one small integer: Monday is 1, Tuesday 2, Wednesday 4 … Sunday 64."""

from collections.abc import Iterable
from datetime import date

NOMS = ("lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche")
OUVRES = 0b0011111
ECOLE = 0b0011011  # the four-day school week: Monday, Tuesday, Thursday, Friday
MERCREDI = 0b0000100
TOUS = 0b1111111


def masque(jours: Iterable[int]) -> int:
    """Mask of weekdays numbered as Python does (0 = Monday)."""
    return sum(1 << j for j in set(jours))


def contient(semaine: int, jour: date) -> bool:
    """Whether the mask holds that day's weekday."""
    return bool(semaine >> jour.weekday() & 1)


def en_mots(semaine: int) -> str:
    """« lundi, mardi, jeudi et vendredi »."""
    noms = [nom for i, nom in enumerate(NOMS) if semaine >> i & 1]
    return " et ".join(filter(None, [", ".join(noms[:-1]), noms[-1]])) if noms else "aucun jour"
