"""Money: integer cents everywhere, `Decimal` at the edges, never float."""

from collections.abc import Sequence
from decimal import ROUND_FLOOR, ROUND_HALF_UP, Decimal

INSECABLE = "\N{NO-BREAK SPACE}"
FINE = "\N{NARROW NO-BREAK SPACE}"


def euros(centimes: int) -> str:
    """« 1 234,50 € » for 123450 cents, with the no-break spaces of French typography."""
    signe = "-" if centimes < 0 else ""
    entier, reste = divmod(abs(centimes), 100)
    return f"{signe}{entier:,}".replace(",", FINE) + f",{reste:02d}{INSECABLE}€"


def en_centimes(montant: Decimal) -> int:
    """Cents of an amount in euros, half a cent rounding up (the rule of public accounting)."""
    return int((montant * 100).quantize(Decimal(1), rounding=ROUND_HALF_UP))


def repartir(total: int, parts: Sequence[Decimal | int]) -> list[int]:
    """Split `total` cents in proportion to `parts`; the cents left go to the largest remainders, first come first.

    The sum of what comes out is `total`. Raises ValueError when the parts are negative or all zero.
    """
    somme = sum(parts, Decimal(0))
    if somme <= 0 or any(p < 0 for p in parts):
        raise ValueError("parts must be positive")
    exacts = [Decimal(total) * Decimal(p) / somme for p in parts]
    entiers = [int(e.to_integral_value(ROUND_FLOOR)) for e in exacts]
    restes = sorted(range(len(parts)), key=lambda i: (entiers[i] - exacts[i], i))
    for i in restes[: total - sum(entiers)]:
        entiers[i] += 1
    return entiers
