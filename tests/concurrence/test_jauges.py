"""A capacity lowered while a first booking opens the day: PostgreSQL, real threads, negative control."""

import pytest
from django.test import Client
from django.urls import reverse

from enfants.models import Creneau, Jauge
from portail.socle import verrous
from tests import factories
from tests.concurrence.entretemps import reservation_en_cours
from tests.concurrence.test_places import parents, sans_reserve
from tests.enfants.fabrique import LUNDI, automatique

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db(transaction=True)]
__all__ = ["sans_reserve"]


def baisser_pendant_une_reservation() -> tuple[int, int]:
    """The parent read nine places and created the day's row; the town makes it one place before the commit."""
    club = automatique(factories.prestation("Club", places=9))
    (inscription,) = parents(1, club)
    jauge = Jauge.objects.get()
    mairie = Client()
    mairie.force_login(factories.agent())
    envoi = {
        "structure": jauge.structure_id,
        "libelle": jauge.libelle,
        "capacite": 1,
        "age_min": "",
        "age_max": "",
        "prestations": [club.pk],
    }
    with reservation_en_cours(inscription):
        reponse = mairie.post(reverse("admin:enfants_jauge_change", args=[jauge.pk]), envoi)
        assert reponse.status_code == 302
    jauge.refresh_from_db()
    return jauge.capacite, Creneau.objects.get(jour=LUNDI).capacite


def test_le_jour_ouvert_pendant_ce_temps_a_la_nouvelle_capacite():
    assert baisser_pendant_une_reservation() == (1, 1)


def test_temoin_sans_le_verrou_il_garde_lancienne(monkeypatch):
    monkeypatch.setattr(verrous, "ACTIF", False)
    assert baisser_pendant_une_reservation() == (1, 9)
