"""An agent who books on a full day says why, on that page; one place more, for that child."""

from datetime import date

import pytest
import time_machine
from django.urls import reverse

from enfants import places
from enfants.models import Creneau, Etat, Jauge, Reservation
from portail.socle.models import Trace
from tests import factories
from tests.enfants.fabrique import LUNDI, MAINTENANT, demander, reserver

pytestmark = pytest.mark.django_db
AJOUT = "/admin/enfants/reservation/add/"


@pytest.fixture(autouse=True)
def horloge():
    with time_machine.travel(MAINTENANT, tick=False):
        yield


@pytest.fixture
def complet(monde) -> Jauge:
    """One place on LUNDI: Tom has it, Zoé waits."""
    monde.cantine.liste_attente = True
    monde.cantine.save()
    jauge = Jauge.objects.create(structure=monde.cantine.structure, libelle="Cantine", capacite=1)
    jauge.prestations.add(monde.cantine)
    reserver(monde.inscriptions["tom"], LUNDI)
    (attente,) = demander(monde.inscriptions["zoe"], LUNDI)
    assert attente.verdict == "en_attente"
    return jauge


def envoi(monde, **champs) -> dict:
    return {"inscription": monde.inscriptions["lea"].pk, "jour": f"{LUNDI:%d/%m/%Y}"} | champs


def etats() -> dict:
    return {r.enfant.prenom: r.etat for r in Reservation.objects.select_related("enfant")}


def test_complet_se_depasse_sur_la_meme_page_avec_un_motif(monde, complet):
    mairie = monde.client(monde.agent)
    page = mairie.post(AJOUT, envoi(monde))
    assert "Pour réserver quand même, en surnombre, écrivez le motif." in page.content.decode()
    assert "Léa" not in etats()
    assert mairie.post(AJOUT, envoi(monde, surnombre="Fratrie")).status_code == 302
    assert etats() == {"Tom": Etat.RESERVEE, "Zoé": Etat.EN_ATTENTE, "Léa": Etat.RESERVEE}
    creneau = Creneau.objects.get()
    assert (creneau.pris, creneau.surnombre, creneau.motif_surnombre) == (2, 1, "Fratrie")
    assert Trace.objects.get(action="surnombre").qui == monde.agent.get_username()


def test_la_place_de_qui_attend_reste_la_sienne(monde, complet):
    """A place has just freed, not offered yet: it is Zoé's; the one added is Léa's."""
    Creneau.objects.update(capacite=2)
    mairie = monde.client(monde.agent)
    assert mairie.post(AJOUT, envoi(monde, surnombre="Fratrie")).status_code == 302
    creneau = Creneau.objects.get()
    assert (creneau.pris, creneau.surnombre, creneau.libres) == (2, 1, 1)


def test_une_place_libre_ne_demande_pas_de_surnombre(monde, complet):
    reponse = monde.client(monde.agent).post(AJOUT, envoi(monde, jour="03/12/2026", surnombre="Fratrie"))
    assert reponse.status_code == 302
    assert Creneau.objects.get(jour=date(2026, 12, 3)).surnombre == 0
    assert not Trace.objects.filter(action="surnombre").exists()


def test_un_refus_de_droit_n_ajoute_aucune_place(monde, complet):
    with pytest.raises(places.TransitionInterdite):
        souhait = places.Souhait(monde.inscriptions["tom"], LUNDI)
        places.reserver([souhait], monde.agent, MAINTENANT, True, surnombre="Fratrie")
    assert Creneau.objects.get().surnombre == 0


def test_sans_le_droit_de_depasser_la_page_le_dit(monde, complet):
    agent = factories.agent(
        "accueil", "enfants.add_reservation", "enfants.view_reservation", "enfants.view_inscription"
    )
    html = monde.client(agent).post(AJOUT, envoi(monde, surnombre="Fratrie")).content.decode()
    assert "C’est complet. Seul un agent autorisé" in html and "Motif du surnombre" not in html
    assert Creneau.objects.get().surnombre == 0
    assert monde.client(monde.jean).get(AJOUT).status_code == 302
    assert reverse("admin:enfants_reservation_add") == AJOUT


def test_refuser_qui_attend_najoute_aucune_place(monde, complet):
    attente = Reservation.objects.get(etat=Etat.EN_ATTENTE)
    places.decider([attente.pk], False, monde.agent, MAINTENANT, motif="Trop tard.", surnombre="Fratrie")
    assert Creneau.objects.get().surnombre == 0


@pytest.mark.parametrize("jour", ["01/01/0001", "31/12/9999", "30/11/2062"])
def test_une_annee_mal_tapee_est_dite_et_nouvre_aucun_jour(monde, jour):
    page = monde.client(monde.agent).post(AJOUT, envoi(monde, jour=jour))
    assert page.status_code == 200
    assert "vérifiez l’année" in page.text
    assert not Reservation.objects.exists()
