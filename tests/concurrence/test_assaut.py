"""Twenty tries at the same instant count twenty, on both databases, with real threads.

The negative control counts after the check, as a naive portal would.
"""

import threading

import pytest
from django.utils import timezone

from familles import assaut
from familles.models import Tentative
from tests.concurrence.test_courriels import ensemble

pytestmark = pytest.mark.django_db(transaction=True)
ESSAIS = 20


def attaquer(compte: str, adresse: str) -> int:
    """How many passwords out of twenty simultaneous ones were looked at."""
    lus = []

    def essayer():
        maintenant = timezone.now()
        try:
            essai = assaut.commencer(compte, adresse, maintenant)
        except (assaut.CompteBloque, assaut.AdresseBloquee):
            return
        lus.append(essai)
        threading.Event().wait(0.05)  # the time argon2 takes
        assaut.echoue(essai, maintenant)

    resultats = ensemble(essayer, ESSAIS)
    assert [r for r in resultats if r is not None] == []
    return len(lus)


def test_vingt_essais_simultanes_comptent_vingt():
    for n in range(5):
        assert attaquer(f"compte{n}", "adresse") <= assaut.ESSAIS_COMPTE
        with pytest.raises(assaut.CompteBloque):
            assaut.commencer(f"compte{n}", "ailleurs", timezone.now())


def test_par_adresse(monkeypatch):
    monkeypatch.setattr(assaut, "ESSAIS_ADRESSE", 15)
    lus = []

    def essayer():
        essai = assaut.commencer(f"compte{threading.get_ident()}", "adresse", timezone.now())
        lus.append(essai)
        threading.Event().wait(0.05)
        assaut.echoue(essai, timezone.now())

    resultats = ensemble(essayer, ESSAIS)
    assert len(lus) <= 15
    assert sum(isinstance(r, assaut.AdresseBloquee) for r in resultats) == ESSAIS - len(lus)
    assert Tentative.objects.count() == len(lus)


def test_controle_negatif_compter_apres_laisse_tout_passer(monkeypatch):
    monkeypatch.setattr(assaut, "COMPTER_AVANT", False)
    assert max(attaquer(f"compte{n}", f"adresse{n}") for n in range(5)) > assaut.ESSAIS_COMPTE
