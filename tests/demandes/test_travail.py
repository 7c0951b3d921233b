"""The scheduled work: demandes whose days were settled elsewhere, waits that are over."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from demandes.models import Demande
from demandes.travail import solder_les_demandes
from enfants.models import Reservation
from enfants.places import changer
from portail.socle.models import Courriel
from tests import factories
from tests.demandes.fabrique import reservations

MAINTENANT = datetime(2026, 11, 23, 9, 0, tzinfo=ZoneInfo("Europe/Paris"))
JEUDI = date(2026, 11, 26)


@pytest.fixture
def en_attente(monde) -> Demande:
    """Zoé has the only place, Léa waits for it."""
    service = factories.prestation("Club", places=1, validation="automatique")
    reservations(factories.inscription(monde.zoe, service, monde.claire), JEUDI, le=MAINTENANT)
    return reservations(factories.inscription(monde.lea, service, monde.jean), JEUDI, le=MAINTENANT)


def test_une_place_liberee_clot_la_demande(monde, en_attente):
    assert solder_les_demandes(MAINTENANT) == "0 jours restés complets, 0 demandes closes"
    changer(Reservation.objects.get(enfant=monde.zoe), "annulee", monde.agent, MAINTENANT)
    courriels = Courriel.objects.count()
    assert solder_les_demandes(MAINTENANT) == "0 jours restés complets, 1 demandes closes"
    assert solder_les_demandes(MAINTENANT) == "0 jours restés complets, 0 demandes closes"
    en_attente.refresh_from_db()
    assert (en_attente.etat, en_attente.jours.get().decision) == ("acceptee", "acceptee")
    # The family was told when the place was freed.
    assert Courriel.objects.count() == courriels


def test_une_attente_passee_est_refusee(monde, en_attente):
    assert solder_les_demandes(MAINTENANT + timedelta(days=4)) == "1 jours restés complets, 1 demandes closes"
    en_attente.refresh_from_db()
    assert en_attente.etat == "refusee"
    assert "aucune place" in en_attente.motif


def test_ce_que_la_mairie_doit_decider_attend(monde):
    faite = reservations(monde.inscriptions["lea"], JEUDI, le=MAINTENANT)
    solder_les_demandes(MAINTENANT + timedelta(days=10))
    faite.refresh_from_db()
    assert faite.etat == "envoyee"
