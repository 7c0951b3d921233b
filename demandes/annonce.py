"""The cost a recap announced, kept with the demande it sent: what was said is what the receipt repeats.

It travels sealed in the recap's form: computed once, and nobody writes another one for their receipt.
"""

from dataclasses import dataclass, field

from django.core import signing

from demandes.recap import Cout
from familles.models import Famille

SEL = "demandes.annonce"


@dataclass(frozen=True)
class Annonce:
    """`vu`: fingerprint of the days it is about; `cout`: what `Demande.estimation` keeps."""

    vu: str
    cout: dict = field(default_factory=dict)


def sceller(famille: Famille, vu: str, cout: Cout | None) -> str:
    """For the recap's form; empty when it announces no cost."""
    if cout is None:
        return ""
    dit = {
        "total": cout.total,
        "si_accepte": cout.si_accepte,
        "si_place": cout.si_place,
        "sans_tarif": cout.sans_tarif,
        "mois": cout.mois,
    }
    return signing.dumps([str(famille.pk), vu, dit], salt=SEL)


def lire(famille: Famille, vu: str, scelle: str) -> Annonce:
    """What this family was told of these days; nothing for another's seal, another recap's, or none."""
    try:
        qui, jours, cout = signing.loads(scelle, salt=SEL)
    except signing.BadSignature:
        return Annonce(vu)
    return Annonce(vu, cout if (qui, jours) == (str(famille.pk), vu) else {})
