"""The detail of a day: its state, the rule, its history in words, its demande, what may be asked; strangers."""

from datetime import date

import pytest
import time_machine
from django.urls import reverse

from demandes.models import Demande
from enfants import places
from enfants.models import Fermeture
from tests import factories
from tests.demandes.fabrique import reservations, titulaire
from tests.enfants.fabrique import LUNDI, MAINTENANT, reserver

N = "\N{NO-BREAK SPACE}"


@pytest.fixture(autouse=True)
def maintenant():
    with time_machine.travel(MAINTENANT, tick=False):
        yield


def jour(monde, qui=None, quand: date | str = LUNDI, inscription=None):
    pk = (inscription or monde.inscriptions["lea"]).pk
    return monde.client(qui or monde.jean).get(f"/enfants/planning/jour/{pk}/{quand}/")


def test_un_jour_libre_peut_etre_demande(monde):
    page = jour(monde)
    assert page.context["case"].etat == "libre"
    assert page.context["etapes"] == []
    assert f'name="c" value="{monde.inscriptions["lea"].pk}:{LUNDI}:0"' in page.text
    assert 'name="action" value="reserver"' in page.text
    assert page.context["echeances"] == [
        ("Réserver", f"jeudi{N}26, 12{N}h", False),
        ("Prévenir d’une absence, sans frais", f"jeudi{N}26, 12{N}h", False),
    ]


def test_lhistoire_en_mots(monde):
    faite = reservations(monde.inscriptions["lea"], LUNDI, le=MAINTENANT)
    faite.accepter(monde.agent, MAINTENANT)
    page = jour(monde)
    assert [(e.quoi, e.qui) for e in page.context["etapes"]] == [
        ("Réservation demandée", "par vous"),
        ("Réservation acceptée", "par la mairie"),
    ]
    assert list(page.context["demandes"]) == [Demande.objects.get()]
    assert reverse("demande", args=[faite.pk]) in page.text
    assert f"Réservation possible jusqu’à 2 jours ouvrés avant, 12{N}h" in page.text
    assert 'name="action" value="absence"' in page.text and "Déclarer une absence" in page.text


def test_une_demande_en_cours_se_retire(monde):
    reservations(monde.inscriptions["lea"], LUNDI, le=MAINTENANT)
    assert "Retirer ma demande" in jour(monde).text


def test_un_refus_dit_son_motif_et_se_redemande(monde):
    faite = reservations(monde.inscriptions["lea"], LUNDI, le=MAINTENANT)
    faite.refuser(monde.agent, "Sortie de classe.", MAINTENANT)
    page = jour(monde)
    assert page.context["etapes"][-1].refus
    assert "Sortie de classe." in page.text
    assert "Demande de réservation" in page.text
    # There is no absence to declare.
    assert [quoi for quoi, *_ in page.context["echeances"]] == ["Réserver"]


def test_un_jour_reserve_ne_se_reserve_plus(monde):
    reserver(monde.inscriptions["lea"], LUNDI)
    assert [quoi for quoi, *_ in jour(monde).context["echeances"]] == ["Prévenir d’une absence, sans frais"]


@pytest.mark.parametrize("reserve", [False, True])
def test_un_jour_ferme_dit_pourquoi_et_plus_aucun_delai(monde, reserve):
    if reserve:
        reserver(monde.inscriptions["lea"], LUNDI)
    Fermeture.objects.create(structure=monde.cantine.structure, du=LUNDI, au=LUNDI, motif="Grève")
    page = jour(monde)
    assert page.context["phrase"] == f"Fermé{N}: Grève."
    assert page.context["echeances"] == []
    assert "Délais de ce jour" not in page.text


def test_un_jour_passe_se_lit_encore(monde):
    reserver(monde.inscriptions["lea"], LUNDI)
    with time_machine.travel(MAINTENANT.replace(month=12, day=10), tick=False):
        page = jour(monde)
    assert page.status_code == 200
    assert 'name="action"' not in page.text
    assert "Délais de ce jour" not in page.text


@pytest.mark.parametrize("qui", ["jeanne", "claire"])
def test_ni_lautre_parent_ni_un_etranger(monde, qui):
    reserver(monde.inscriptions["lea"], LUNDI)
    assert jour(monde, getattr(monde, qui)).status_code == 404


def test_le_motif_de_lautre_foyer_reste_chez_lui(monde):
    chez_jeanne = factories.inscription(monde.lea, monde.cantine, monde.jeanne)
    (r,) = reserver(chez_jeanne, LUNDI)
    places.changer(r, "absent_excuse", monde.agent, MAINTENANT, motif="secret")
    page = jour(monde)
    assert page.status_code == 200 and "secret" not in page.text and page.context["etapes"] == []


@pytest.mark.parametrize("quand", ["2026-11-31", "0001-01-01", "9999-12-31", "20261130", "demain"])
def test_une_date_qui_nexiste_pas(monde, quand):
    assert jour(monde, quand=quand).status_code == 404


def test_linscription_inconnue(monde):
    assert monde.client(monde.jean).get(f"/enfants/planning/jour/{10**14}/{LUNDI}/").status_code == 404
    assert monde.client(monde.jean).get(f"/enfants/planning/jour/{10**40}/{LUNDI}/").status_code == 404


@pytest.mark.parametrize("nombre", [1, 3])
def test_les_requetes_ne_dependent_pas_de_lhistoire(monde, django_assert_num_queries, nombre):
    for _ in range(nombre):
        faite = reservations(monde.inscriptions["lea"], LUNDI, le=MAINTENANT)
        faite.refuser(monde.agent, "Complet.", MAINTENANT)
    client = monde.client(monde.jean)
    client.get("/enfants/")
    with django_assert_num_queries(15):
        client.get(f"/enfants/planning/jour/{monde.inscriptions['lea'].pk}/{LUNDI}/")


def test_un_jour_retire_ne_garde_ni_regle_ni_motif(monde):
    faite = reservations(monde.inscriptions["lea"], LUNDI, le=MAINTENANT)
    faite.retirer(titulaire(monde.jean).utilisateur, MAINTENANT)
    page = jour(monde)
    assert page.context["reservation"] is None
    assert "Règle appliquée" not in page.text
    assert page.context["etapes"][-1].quoi == "Demande retirée"
