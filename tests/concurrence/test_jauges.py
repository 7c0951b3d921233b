"""A capacity lowered, or places limited at last, while a booking is made: PostgreSQL, real threads, negative controls."""

import pytest
from django.test import Client
from django.urls import reverse

from enfants.models import Creneau, Jauge, Reservation
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


def limiter_pendant_une_reservation() -> tuple[list[bool], list[int]]:
    """The parent read a service whose places nobody counts; the town gives it one place before the commit. The places
    this booking holds, and those counted.
    """
    club = automatique(factories.prestation("Club"))
    (inscription,) = parents(1, club)
    mairie = Client()
    mairie.force_login(factories.agent())
    envoi = {
        "structure": club.structure_id,
        "libelle": "Club",
        "capacite": 1,
        "age_min": "",
        "age_max": "",
        "prestations": [club.pk],
    }
    with reservation_en_cours(inscription):
        reponse = mairie.post(reverse("admin:enfants_jauge_add"), envoi)
        assert reponse.status_code == 302
    jauge = Jauge.objects.get()
    prises = [pk == jauge.pk for pk in Reservation.objects.get().places]
    return prises, list(Creneau.objects.order_by("pk").values_list("pris", flat=True))


def test_la_reservation_en_cours_prend_une_place_de_la_nouvelle_jauge():
    assert limiter_pendant_une_reservation() == ([True], [1])


def test_temoin_sans_le_verrou_elle_n_en_prend_aucune(monkeypatch):
    monkeypatch.setattr(verrous, "ACTIF", False)
    assert limiter_pendant_une_reservation() == ([], [])
