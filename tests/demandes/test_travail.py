"""The scheduled work: demandes whose days were settled elsewhere, waits that are over."""

import uuid
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import IntegrityError

from demandes.envoi import envoyer_absences
from demandes.models import Demande
from demandes.travail import solder_les_demandes
from enfants import places
from enfants.models import Reservation
from enfants.places import changer
from portail.socle.models import Courriel
from tests import factories
from tests.demandes.fabrique import reservations, titulaire

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


def test_une_absence_facturee_sans_un_mot_clot_la_demande(monde):
    """An agent bills from the bookings' page, which asks no motif: the demande is refused with one all the same."""
    souhait = places.Souhait(monde.inscriptions["lea"], date(2026, 11, 24))
    (issue,) = places.reserver([souhait], None, MAINTENANT, au_nom_de_la_mairie=True)
    compte = titulaire(monde.jean).utilisateur
    raison = {"raison": "medicale", "precision": ""}
    faite, _ = envoyer_absences(monde.jean, [issue.reservation], raison, compte, MAINTENANT, uuid.uuid4())
    places.trancher_absences([issue.reservation.pk], False, monde.agent, MAINTENANT)
    assert solder_les_demandes(MAINTENANT) == "0 jours restés complets, 1 demandes closes"
    faite.refresh_from_db()
    assert (faite.etat, faite.motif) == ("refusee", "L’absence est facturée.")


def test_une_ligne_malade_narrete_pas_les_autres(monde, en_attente, monkeypatch, caplog):
    refuser = places.decider
    autre = reservations(
        factories.inscription(monde.tom, en_attente.jours.get().reservation.prestation, monde.jean),
        JEUDI,
        le=MAINTENANT,
    )
    malade = en_attente.jours.get().reservation_id

    def decider(ids, *args, **options):
        if malade in ids:
            raise IntegrityError("Key (nom)=(DUPONT) already exists.")
        return refuser(ids, *args, **options)

    monkeypatch.setattr(places, "decider", decider)
    assert solder_les_demandes(MAINTENANT + timedelta(days=4)) == "1 jours restés complets, 1 demandes closes"
    autre.refresh_from_db()
    assert autre.etat == "refusee"
    assert "IntegrityError" in caplog.text
    assert "DUPONT" not in caplog.text
