"""Sentences on one day, said of several."""

import pytest

from enfants import accord
from facturation.cloture import FACTURE

N = "\N{NO-BREAK SPACE}"


@pytest.mark.parametrize(
    ("un", "plusieurs"),
    [
        ("Ce jour est déjà demandé ou réservé.", "Ces jours sont déjà demandés ou réservés."),
        ("Ce jour est passé.", "Ces jours sont passés."),
        ("Ce jour n’est pas réservé.", "Ces jours ne sont pas réservés."),
        ("Ce service n’ouvre pas ce jour-là.", "Ce service n’ouvre pas ces jours-là."),
        (
            "L’inscription à ce service ne couvre pas ce jour.",
            "L’inscription à ce service ne couvre pas ces jours.",
        ),
        (
            FACTURE,
            f"La période de ces jours est déjà facturée{N}: écrivez à la mairie, elle seule peut corriger la facture.",
        ),
        ("C’est complet.", "C’est complet."),
    ],
)
def test_une_phrase_sur_plusieurs_jours(un, plusieurs):
    assert (accord.pour(1, un), accord.pour(2, un)) == (un, plusieurs)
