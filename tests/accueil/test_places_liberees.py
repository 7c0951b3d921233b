"""A place that came from the waiting list, on the home page: until it is declined or too late to do it for free."""

from datetime import date, timedelta

import pytest
import time_machine
from django.urls import reverse

from enfants import places
from enfants.models import Rattachement, Reservation
from tests import factories
from tests.accueil.test_attente import attend
from tests.demandes.fabrique import reservations
from tests.demandes.test_declin import attente, promouvoir
from tests.enfants.fabrique import JEUDI, LUNDI, MAINTENANT, automatique, reserver

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
    monde.client(monde.jean).post(f"/demandes/{attente.pk}/", {"decliner": promue.pk, "confirmer": "1"})
    assert "disponible" not in attend(monde, monde.jean)[1]


def test_le_delai_passe_elle_nest_plus_dite(monde, attente, maintenant):
    promouvoir(attente)
    maintenant.move_to(MAINTENANT + timedelta(hours=27))
    assert "disponible" not in attend(monde, monde.jean)[1]


def test_celle_que_la_mairie_doit_accepter(monde, attente):
    automatique(attente.jours.get().reservation.prestation, validation="mairie")
    promouvoir(attente)
    assert "la mairie doit encore accepter" in attend(monde, monde.jean)[1]


def test_rien_dun_enfant_qui_nest_plus_au_foyer(monde, attente):
    """Its demande is closed to this household: no line that leads there."""
    promouvoir(attente)
    Rattachement.objects.filter(enfant=monde.lea, famille=monde.jean).update(au=date(2026, 11, 22))
    assert monde.client(monde.jean).get(reverse("demande", args=[attente.pk])).status_code == 404
    assert "disponible" not in attend(monde, monde.jean)[1]


def test_lune_acceptee_lautre_non_ne_se_disent_pas_ensemble(monde):
    club = automatique(factories.prestation("Club", places=1), validation="mairie")
    reserver(factories.inscription(monde.zoe, club, monde.claire), JEUDI, LUNDI)
    faite = reservations(factories.inscription(monde.lea, club, monde.jean), JEUDI, LUNDI, le=MAINTENANT)
    prises = Reservation.objects.filter(enfant=monde.zoe).order_by("pk").values_list("pk", flat=True)
    places.annuler(list(prises), None, MAINTENANT, "Fermeture")
    assert "Des places sont disponibles pour Léa" in attend(monde, monde.jean)[1]
    jeudi = faite.jours.get(reservation__jour=JEUDI).reservation_id
    places.decider([jeudi], True, monde.agent, MAINTENANT)
    lu = attend(monde, monde.jean)[1]
    assert "Club, jeudi 26 novembre : elle est réservée." in lu
    assert "Club, lundi 30 novembre : la mairie doit encore accepter." in lu
