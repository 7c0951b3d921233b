"""A place that came from the waiting list, on the home page: until it is declined or too late to do it for free."""

from datetime import timedelta

import pytest
import time_machine
from django.urls import reverse

from tests.accueil.test_attente import attend
from tests.demandes.test_declin import attente, promouvoir
from tests.enfants.fabrique import MAINTENANT, automatique

pytestmark = pytest.mark.django_db
__all__ = ["attente"]


@pytest.fixture(autouse=True)
def maintenant():
    with time_machine.travel(MAINTENANT, tick=False) as voyage:
        yield voyage


def test_une_place_disponible_attend_sa_famille(monde, attente, maintenant):
    assert "disponible" not in attend(monde, monde.jean)[1]
    promue = promouvoir(attente)
    for _ in range(2):  # seen once, it stays: the delay to decline is running
        html, lu = attend(monde, monde.jean)
        assert (
            "Une place est disponible pour Léa Club, jeudi 26 novembre : elle est réservée. "
            "Vous pouvez la décliner sans frais jusqu’au mardi 24, 12 h."
        ) in lu
        assert f'href="{reverse("demande", args=[attente.pk])}"' in html
    for autre in (monde.jeanne, monde.claire):
        assert "disponible" not in attend(monde, autre)[1]
    monde.client(monde.jean).post(f"/demandes/{attente.pk}/", {"decliner": promue.pk})
    assert "disponible" not in attend(monde, monde.jean)[1]


def test_le_delai_passe_elle_nest_plus_dite(monde, attente, maintenant):
    promouvoir(attente)
    maintenant.move_to(MAINTENANT + timedelta(hours=27))
    assert "disponible" not in attend(monde, monde.jean)[1]


def test_celle_que_la_mairie_doit_accepter(monde, attente):
    automatique(attente.jours.get().reservation.prestation, validation="mairie")
    promouvoir(attente)
    assert "la mairie doit encore accepter" in attend(monde, monde.jean)[1]
