"""« Retirer ma demande »: what goes is named, and nothing goes before it is confirmed, once."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.urls import reverse

from enfants.models import Reservation
from tests import factories
from tests.demandes.fabrique import demande, reservations

MAINTENANT = datetime(2026, 11, 23, 9, 0, tzinfo=ZoneInfo("Europe/Paris"))
JEUDI, VENDREDI, LUNDI = date(2026, 11, 26), date(2026, 11, 27), date(2026, 11, 30)
RETIRER, CONFIRMER = {"retirer": "1"}, {"retirer": "1", "confirmer": "1"}


@pytest.fixture(autouse=True)
def maintenant():
    with time_machine.travel(MAINTENANT, tick=False):
        yield


def page(faite) -> str:
    return reverse("demande", args=[faite.pk])


def test_rien_ne_part_avant_la_confirmation(monde):
    faite = reservations(monde.inscriptions["lea"], JEUDI, VENDREDI, LUNDI, le=MAINTENANT)
    client = monde.client(monde.jean)
    lue = client.post(page(faite), RETIRER)
    faite.refresh_from_db()
    assert (lue.status_code, faite.etat) == (200, "envoyee")
    assert set(Reservation.objects.values_list("etat", flat=True)) == {"demandee"}
    assert "3 jours à retirer" in lue.text
    assert "Léa, Restauration scolaire" in lue.text
    assert "Jeudi 26, vendredi 27 et lundi 30 novembre" in lue.text.replace("\N{NO-BREAK SPACE}", " ")
    # Confirmed once: no second question.
    assert client.post(page(faite), CONFIRMER)["Location"] == page(faite)
    faite.refresh_from_db()
    assert faite.etat == "retiree"


def test_plus_de_huit_jours_sont_comptes(monde):
    jours = [LUNDI + timedelta(days=n) for n in (0, 1, 3, 4, 7, 8, 10, 11, 14)]
    faite = reservations(monde.inscriptions["lea"], *jours, le=MAINTENANT)
    lue = monde.client(monde.jean).post(page(faite), RETIRER).text.replace("\N{NO-BREAK SPACE}", " ")
    assert "9 jours à retirer" in lue
    assert "9 jours, du lundi 30 novembre au lundi 14 décembre" in lue


def test_ce_qui_est_decide_reste(monde):
    faite = reservations(monde.inscriptions["lea"], JEUDI, VENDREDI, le=MAINTENANT)
    premier = faite.jours.order_by("reservation__jour").first().reservation_id
    faite.accepter(monde.agent, MAINTENANT, parmi=[premier])
    lue = monde.client(monde.jean).post(page(faite), RETIRER).text
    assert "1 jour à retirer" in lue
    assert "L’autre jour de cette demande a déjà sa réponse" in lue
    assert "rang" not in lue


def test_la_liste_dattente_perd_son_rang(monde):
    club = factories.prestation("Club", places=1, validation="automatique")
    reservations(factories.inscription(monde.zoe, club, monde.claire), JEUDI, le=MAINTENANT)
    faite = reservations(factories.inscription(monde.lea, club, monde.jean), JEUDI, le=MAINTENANT)
    assert "Vous perdrez votre rang" in monde.client(monde.jean).post(page(faite), RETIRER).text


def test_une_demande_de_dossier_est_nommee(monde):
    faite = demande("caf", monde.jean, {"numero": "123"}, le=MAINTENANT)
    lue = monde.client(monde.jean).post(page(faite), RETIRER).text
    assert faite.numero in lue
    assert "Informations CAF" in lue
    faite.refresh_from_db()
    assert faite.etat == "envoyee"


@pytest.mark.parametrize("qui", ["jeanne", "claire"])
def test_la_demande_dun_autre_ne_se_montre_pas(monde, qui):
    faite = reservations(monde.inscriptions["lea"], JEUDI, le=MAINTENANT)
    for corps in (RETIRER, CONFIRMER):
        assert monde.client(getattr(monde, qui)).post(page(faite), corps).status_code == 404
    faite.refresh_from_db()
    assert faite.etat == "envoyee"
