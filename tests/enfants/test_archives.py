"""Archiving cut short: the scheduled work finishes it, once; put back in service meanwhile, nothing is cancelled."""

from datetime import date, timedelta

import pytest
import time_machine
from django.db import OperationalError
from django.urls import reverse

from enfants import archives, inscriptions
from enfants.models import Etat, Inscription, Prestation, Reservation
from portail.accueil.travaux import TRAVAUX
from portail.socle.models import Courriel
from tests.enfants.fabrique import JEUDI, LUNDI, MAINTENANT, reserver
from tests.enfants.test_offre import annee_prochaine, dupliquer

pytestmark = pytest.mark.django_db
VEILLE = LUNDI - timedelta(1)
__all__ = ["annee_prochaine"]


@pytest.fixture(autouse=True)
def horloge():
    with time_machine.travel(MAINTENANT, tick=False):
        yield


@pytest.fixture
def coupee(monde) -> Prestation:
    """Closed from LUNDI; killed before anything was cancelled."""
    reserver(monde.inscriptions["lea"], JEUDI, LUNDI)
    archives.fermer(monde.cantine, LUNDI, monde.agent)
    return monde.cantine


def etats() -> dict[date, str]:
    return dict(Reservation.objects.order_by("jour").values_list("jour", "etat"))


def fins() -> set:
    return set(Inscription.objects.order_by().values_list("au", flat=True))


def test_le_travail_planifie_finit_ce_qui_fut_coupe(coupee):
    assert "archives" in {t.code for t in TRAVAUX}
    assert archives.solder_tout(MAINTENANT) == "1 réservations annulées"
    assert (etats(), fins()) == ({JEUDI: "reservee", LUNDI: "annulee"}, {VEILLE})
    courriels = Courriel.objects.count()
    assert archives.solder_tout(MAINTENANT) == "0 réservations annulées"
    assert Courriel.objects.count() == courriels == 1


def test_un_jour_passe_ne_bouge_plus(coupee):
    """It may be invoiced; the inscriptions end all the same."""
    assert archives.solder_tout(MAINTENANT + timedelta(days=30)) == "0 réservations annulées"
    assert (etats()[LUNDI], fins()) == ("reservee", {VEILLE})


def test_remise_en_service_entre_temps_rien_n_est_annule(coupee, monde):
    """The agent's page still holds the closed service: what the database says now counts."""
    assert archives.remettre(Prestation.objects.get(pk=coupee.pk), monde.agent)
    assert archives.solder(coupee, monde.agent, MAINTENANT).reservations == []
    assert archives.solder_tout(MAINTENANT) == "0 réservations annulées"
    assert (etats(), fins()) == ({JEUDI: "reservee", LUNDI: "reservee"}, {None})
    assert not archives.remettre(coupee, monde.agent)


def test_une_semaine_type_occupee_est_a_reprendre(monde, annee_prochaine, monkeypatch):
    """A family books at that instant: the others are renewed and booked, and the agent is told."""
    Inscription.objects.update(mode="regulier", semaine_type=1)
    vraie = inscriptions.remplir

    def occupee(inscription, *args):
        if inscription.enfant == monde.tom:
            raise OperationalError("canceling statement due to lock timeout")
        return vraie(inscription, *args)

    monkeypatch.setattr(inscriptions, "remplir", occupee)
    page = dupliquer(monde.client(monde.agent), monde).content.decode()
    assert "Semaines types à reprendre\N{NO-BREAK SPACE}: 1." in page
    nouvelles = Inscription.objects.exclude(prestation=monde.cantine)
    assert nouvelles.count() == 3
    assert {r.enfant for r in Reservation.objects.filter(etat=Etat.RESERVEE)} == {monde.lea, monde.zoe}
    monkeypatch.undo()
    with time_machine.travel(MAINTENANT, tick=False):
        liste = reverse("admin:enfants_inscription_changelist")
        tom = nouvelles.get(enfant=monde.tom)
        monde.client(monde.agent).post(liste, {"action": "remplir", "_selected_action": [tom.pk]})
    assert Reservation.objects.filter(enfant=monde.tom, etat=Etat.RESERVEE).exists()
