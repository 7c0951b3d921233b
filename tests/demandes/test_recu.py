"""The receipt of many days: folded by child and service, a row a week, every day of it said once."""

import uuid
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext

from demandes.envoi import envoyer_reservations
from demandes.recu import Sort, blocs
from enfants.places import Souhait
from portail.socle.argent import INSECABLE
from tests import factories
from tests.demandes.fabrique import reservations, titulaire

MAINTENANT = datetime(2026, 11, 23, 9, 0, tzinfo=ZoneInfo("Europe/Paris"))
LUNDI = date(2026, 11, 30)
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def maintenant():
    with time_machine.travel(MAINTENANT, tick=False):
        yield


def jours(nombre: int) -> list[date]:
    """Days of the canteen from Monday 30 November on, Wednesdays and week-ends apart."""
    tous = (LUNDI + timedelta(n) for n in range(3 * nombre))
    return [j for j in tous if j.weekday() in (0, 1, 3, 4)][:nombre]


def longue(monde, nombre: int = 12):
    return reservations(monde.inscriptions["lea"], *jours(nombre), le=MAINTENANT)


def test_peu_de_jours_restent_un_tableau(monde):
    page = monde.client(monde.jean).get(f"/demandes/{longue(monde, 8).pk}/").text
    assert '<table class="tableau">' in page and 'class="pli"' not in page


def test_beaucoup_de_jours_se_plient_par_service_et_par_semaine(monde):
    demande = longue(monde)
    page = monde.client(monde.jean).get(f"/demandes/{demande.pk}/").text
    assert page.count('<details class="pli">') == 1 and '<table class="tableau">' not in page
    (bloc,) = blocs(
        list(demande.jours.select_related("reservation__enfant", "reservation__prestation")), {}, {}
    )
    assert bloc.titre == "Léa, Restauration scolaire"
    assert (
        bloc.jours
        == f"12{INSECABLE}jours, du lundi{INSECABLE}30{INSECABLE}novembre au vendredi{INSECABLE}18{INSECABLE}décembre"
    )
    assert bloc.comptes == [("demandee", "Réservation en cours de traitement", 12)]
    assert [s.titre.split(INSECABLE)[1] for s in bloc.semaines] == ["30", "7", "14"]
    premiere = (
        f"lundi{INSECABLE}30, mardi{INSECABLE}1er{INSECABLE}décembre, "
        f"jeudi{INSECABLE}3{INSECABLE}décembre et vendredi{INSECABLE}4{INSECABLE}décembre"
    )
    assert bloc.semaines[0].sorts == [Sort(premiere, "demandee", "Réservation en cours de traitement")]


def test_une_semaine_dit_ce_que_chaque_jour_est_devenu(monde):
    demande = longue(monde)
    lignes = list(demande.jours.select_related("reservation__enfant", "reservation__prestation"))
    lignes[1].reservation.etat, lignes[1].reservation.motif = "refusee", "Sortie scolaire."
    lignes[2].reservation.etat = "en_attente"
    (bloc,) = blocs(lignes, {lignes[2].reservation_id: 2}, {})
    assert bloc.comptes[0] == ("demandee", "Réservation en cours de traitement", 10)
    assert {(s.etat, s.mots) for s in bloc.semaines[0].sorts} == {
        ("demandee", "Réservation en cours de traitement"),
        ("refusee", f"Réservation refusée{INSECABLE}: Sortie scolaire."),
        ("en_attente", f"Demande en attente{INSECABLE}: 2e sur la liste d’attente"),
    }


def test_deux_enfants_deux_plis(monde):
    demande = longue(monde)
    tom = reservations(monde.inscriptions["tom"], *jours(2), le=MAINTENANT)
    tom.jours.update(demande=demande)
    page = monde.client(monde.jean).get(f"/demandes/{demande.pk}/").text
    assert page.count('<details class="pli">') == 2
    assert page.index("<b>Léa, Restauration scolaire</b>") < page.index("<b>Tom, Restauration scolaire</b>")


def test_les_requetes_ne_dependent_pas_du_nombre_de_jours(monde, django_assert_num_queries):
    client = monde.client(monde.jean)
    courte = reservations(monde.inscriptions["tom"], *jours(2), le=MAINTENANT)
    client.get(f"/demandes/{courte.pk}/")
    with CaptureQueriesContext(connection) as comptees:
        client.get(f"/demandes/{courte.pk}/")
    nombre = len(comptees)
    assert nombre == 9
    grande = longue(monde)
    client.get(f"/demandes/{grande.pk}/")
    with django_assert_num_queries(nombre):
        client.get(f"/demandes/{grande.pk}/")


def test_le_recu_reste_celui_du_foyer(monde):
    demande = longue(monde)
    for autre in (monde.jeanne, monde.claire):
        assert monde.client(autre).get(f"/demandes/{demande.pk}/").status_code == 404


def test_deux_services_du_meme_nom_ont_chacun_leur_bloc(monde):
    """« Mercredi journée » of two centres on the same days: not one block that says each day twice."""
    ailleurs = factories.prestation(
        "Restauration scolaire", structure=factories.structure("Centre des Tilleuls")
    )
    autre = factories.inscription(monde.lea, ailleurs, monde.jean)
    souhaits = [Souhait(i, j) for i in (monde.inscriptions["lea"], autre) for j in jours(6)]
    par = titulaire(monde.jean).utilisateur
    demande, _ = envoyer_reservations(monde.jean, souhaits, par, MAINTENANT, uuid.uuid4())
    lignes = demande.jours.select_related("reservation__enfant", "reservation__prestation__structure")

    plies = blocs(list(lignes), {}, {})
    assert [bloc.titre for bloc in plies] == [
        "Léa, Restauration scolaire (Centre des Tilleuls)",
        "Léa, Restauration scolaire (Garderie périscolaire)",
    ]
    assert [bloc.comptes[0][2] for bloc in plies] == [6, 6]
