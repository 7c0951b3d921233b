"""A sentence about one day, said of several: what judges a day speaks of it, what shows it may show ten together. Pure."""

from collections.abc import Iterable

PLURIELS = (
    ("Ce jour est déjà demandé ou réservé", "Ces jours sont déjà demandés ou réservés"),
    ("Ce jour est déjà facturé", "Ces jours sont déjà facturés"),
    ("Ce jour est passé", "Ces jours sont passés"),
    ("Ce jour n’est pas réservé", "Ces jours ne sont pas réservés"),
    ("ne couvre pas ce jour", "ne couvre pas ces jours"),
    ("ce jour-là", "ces jours-là"),
    ("La période de ce jour", "La période de ces jours"),
    ("Cette absence est déjà déclarée", "Ces absences sont déjà déclarées"),
    ("La place sera gardée", "Les places seront gardées"),
    ("La journée sera facturée", "Les journées seront facturées"),
)


def pour(nombre: int, phrase: str) -> str:
    """`phrase` as it is said of that many days."""
    if nombre > 1:
        for singulier, pluriel in PLURIELS:
            phrase = phrase.replace(singulier, pluriel)
    return phrase


def enumerer(morceaux: Iterable[str]) -> str:
    """« a, b et c »."""
    *premiers, dernier = list(morceaux) or [""]
    return f"{', '.join(premiers)} et {dernier}" if premiers else dernier
