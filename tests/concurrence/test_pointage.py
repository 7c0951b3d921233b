"""A child is noted absent while an agent cancels another child's day: they wait, never for one another."""

import time
from contextlib import suppress
from datetime import timedelta
from threading import Barrier, BrokenBarrierError

import pytest
from django.db import OperationalError

from enfants import places
from enfants.models import Enfant, Etat, Reservation
from enfants.pointage import pointer
from portail.socle.verrous import verrouiller_un
from tests.concurrence.test_places import ensemble
from tests.concurrence.test_rattachements import deux_qui_sattendent, patience
from tests.enfants.fabrique import LUNDI, MAINTENANT

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db(transaction=True)]
__all__ = ["patience"]
MARDI = LUNDI + timedelta(1)


def se_croiser(monkeypatch) -> list:
    """The second child is held, to be noted absent, when the other verb comes for both."""
    prise, lien = deux_qui_sattendent()
    barriere, changer = Barrier(2), places.changer

    def puis_changer(*args):
        with suppress(BrokenBarrierError):
            barriere.wait(timeout=5)
        time.sleep(0.5)
        return changer(*args)

    def annuler():
        with suppress(BrokenBarrierError):
            barriere.wait(timeout=5)
        return places.annuler([prise.pk], None, MAINTENANT, "Sortie")

    monkeypatch.setattr(places, "changer", puis_changer)
    return ensemble([lambda: pointer(lien.enfant, prise.prestation, MARDI, False, None, MAINTENANT), annuler])


def test_pointer_absent_et_annuler_un_jour_se_suivent(monkeypatch):
    assert [r for r in se_croiser(monkeypatch) if isinstance(r, Exception)] == []
    assert Reservation.objects.get(jour=MARDI, etat=Etat.ABSENT_FACTURE)


def test_lenfant_seul_dabord_serait_un_interblocage(monkeypatch):
    """Negative control."""
    monkeypatch.setattr(
        places,
        "tenir_les_enfants",
        lambda enfant, *_, **__: verrouiller_un(Enfant.objects.filter(pk=enfant.pk)),
    )
    assert sum(isinstance(r, OperationalError) for r in se_croiser(monkeypatch)) == 1
