"""A freed place is declined from the page of its demande, for free until the hour the page says."""

import re
from datetime import timedelta

import pytest
import time_machine

from demandes.models import Demande
from enfants import places
from enfants.models import Reservation
from tests import factories
from tests.demandes.fabrique import reservations
from tests.enfants.fabrique import JEUDI, MAINTENANT, automatique, reserver

pytestmark = pytest.mark.django_db
INSECABLE = "\N{NO-BREAK SPACE}"


@pytest.fixture(autouse=True)
def maintenant():
    with time_machine.travel(MAINTENANT, tick=False) as voyage:
        yield voyage


@pytest.fixture
def attente(monde) -> Demande:
    """Zoé holds the only place; Léa (Jean's) waits."""
    club = automatique(factories.prestation("Club", places=1))
    reserver(factories.inscription(monde.zoe, club, monde.claire), JEUDI)
    return reservations(factories.inscription(monde.lea, club, monde.jean), JEUDI, le=MAINTENANT)


def promouvoir(demande: Demande) -> Reservation:
    places.annuler([Reservation.objects.get(enfant__prenom="Zoé").pk], None, MAINTENANT, "Fermeture")
    return demande.jours.get().reservation


def test_en_attendant_la_page_dit_le_rang(monde, attente):
    page = monde.client(monde.jean).get(f"/demandes/{attente.pk}/")
    assert f"Demande en attente{INSECABLE}: 1er sur la liste d’attente" in page.text
    assert "Décliner cette place" not in page.text


def test_decliner_ne_coute_rien_et_se_lit_dans_le_suivi(monde, attente):
    promue = promouvoir(attente)
    jean = monde.client(monde.jean)
    page = jean.get(f"/demandes/{attente.pk}/")
    assert f"Sans frais jusqu’au mardi{INSECABLE}24{INSECABLE}novembre, 12{INSECABLE}h." in page.text
    apres = jean.post(f"/demandes/{attente.pk}/", {"decliner": promue.pk, "confirmer": "1"}, follow=True)
    assert "Place déclinée. Rien ne sera facturé." in apres.text
    assert "Décliner cette place" not in apres.text
    promue.refresh_from_db()
    assert (promue.etat, promue.places) == ("absent_excuse", [])
    evenement = attente.evenements.get(genre="declinee")
    assert evenement.texte == f"Léa, Club, jeudi{INSECABLE}26{INSECABLE}novembre"
    # Twice is once, and said so.
    encore = jean.post(f"/demandes/{attente.pk}/", {"decliner": promue.pk, "confirmer": "1"}, follow=True)
    assert "ne peut plus être déclinée" in encore.text
    assert attente.evenements.filter(genre="declinee").count() == 1


def test_decliner_se_confirme_une_fois(monde, attente):
    """One tap on a phone does not lose the place."""
    promue = promouvoir(attente)
    jean = monde.client(monde.jean)
    page = jean.post(f"/demandes/{attente.pk}/", {"decliner": promue.pk}).text
    promue.refresh_from_db()
    assert promue.etat == "reservee"
    assert f"<h1>Décliner cette place{INSECABLE}?</h1>" in page
    assert f"Jeudi 26{INSECABLE}novembre{INSECABLE}2026" in page and "<b>Léa, Club</b>" in page
    assert "La place sera proposée à la famille suivante" in page
    champs = dict(re.findall(r'name="(confirmer|decliner)" value="(\d+)"', page))
    jean.post(f"/demandes/{attente.pk}/", champs)
    promue.refresh_from_db()
    assert promue.etat == "absent_excuse"


@pytest.mark.parametrize("validation", ["automatique", "mairie"])
def test_la_page_dit_ensuite_ce_qui_est_decline(monde, attente, validation):
    automatique(attente.jours.get().reservation.prestation, validation=validation)
    promue = promouvoir(attente)
    apres = monde.client(monde.jean).post(
        f"/demandes/{attente.pk}/", {"decliner": promue.pk, "confirmer": "1"}, follow=True
    )
    assert "Vous avez décliné cette place. Rien ne sera facturé.<" in apres.text
    assert "Vous avez retiré" not in apres.text and "Votre planning est à jour" not in apres.text


def test_decliner_ce_que_la_mairie_devait_decider_clot_la_demande(monde, attente):
    automatique(attente.jours.get().reservation.prestation, validation="mairie")
    promue = promouvoir(attente)
    assert promue.etat == "demandee"
    monde.client(monde.jean).post(f"/demandes/{attente.pk}/", {"decliner": promue.pk, "confirmer": "1"})
    promue.refresh_from_db()
    attente.refresh_from_db()
    assert (promue.etat, attente.etat) == ("annulee", "retiree")


def test_trop_tard_rien_nest_facture_par_ce_bouton(monde, attente, maintenant):
    promue = promouvoir(attente)
    maintenant.move_to(MAINTENANT + timedelta(hours=27))
    jean = monde.client(monde.jean)
    assert "Décliner cette place" not in jean.get(f"/demandes/{attente.pk}/").text
    reponse = jean.post(f"/demandes/{attente.pk}/", {"decliner": promue.pk, "confirmer": "1"}, follow=True)
    assert "ne peut plus être déclinée" in reponse.text
    promue.refresh_from_db()
    assert promue.etat == "reservee"


@pytest.mark.parametrize("qui", ["jeanne", "claire"])
def test_la_place_des_autres_ne_se_decline_pas(monde, attente, qui):
    promue = promouvoir(attente)
    reponse = monde.client(getattr(monde, qui)).post(
        f"/demandes/{attente.pk}/", {"decliner": promue.pk, "confirmer": "1"}
    )
    assert reponse.status_code == 404
    promue.refresh_from_db()
    assert promue.etat == "reservee"


@pytest.mark.parametrize("valeur", ["", "x", "-1", "0", "9" * 30])
def test_un_numero_illisible_est_introuvable(monde, attente, valeur):
    reponse = monde.client(monde.jean).post(f"/demandes/{attente.pk}/", {"decliner": valeur})
    assert reponse.status_code == 404


def test_la_place_dune_autre_demande_ne_se_decline_pas_ici(monde, attente):
    promue = promouvoir(attente)
    autre = reservations(monde.inscriptions["tom"], JEUDI, le=MAINTENANT)
    monde.client(monde.jean).post(f"/demandes/{autre.pk}/", {"decliner": promue.pk, "confirmer": "1"})
    promue.refresh_from_db()
    assert promue.etat == "reservee"
