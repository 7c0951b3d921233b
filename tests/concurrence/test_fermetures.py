"""A booking made while a closure is being recorded cannot survive it: PostgreSQL, real threads, negative control."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread

import pytest
from django.db import connection, connections, transaction

from enfants import fermetures
from enfants.models import Etat, Fermeture, Reservation
from enfants.pointage import pointer
from portail.socle import verrous
from tests import factories
from tests.concurrence.entretemps import reservation_en_cours
from tests.concurrence.test_places import demande, ensemble, parents, sans_reserve
from tests.enfants.fabrique import LUNDI, MAINTENANT, automatique, reserver

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db(transaction=True)]
__all__ = ["sans_reserve"]


def fermer(prestation) -> None:
    fermeture = Fermeture(prestation=prestation, du=LUNDI, au=LUNDI, motif="Grève")
    fermetures.enregistrer(fermeture)
    fermetures.balayer(fermeture, None, MAINTENANT)


def une_reservation_pendant_la_fermeture(prestation, inscription) -> None:
    """The parent has read the calendar (open) and written, but commits only once the town has tried to close."""
    with reservation_en_cours(inscription):
        fermer(prestation)


def test_la_fermeture_attend_puis_annule_la_reservation_en_cours():
    cantine = automatique(factories.prestation(places=9))
    (inscription,) = parents(1, cantine)
    une_reservation_pendant_la_fermeture(cantine, inscription)
    assert Reservation.objects.get().etat == Etat.ANNULEE


def test_temoin_sans_le_verrou_la_reservation_survit(monkeypatch):
    monkeypatch.setattr(verrous, "ACTIF", False)
    cantine = automatique(factories.prestation(places=9))
    (inscription,) = parents(1, cantine)
    une_reservation_pendant_la_fermeture(cantine, inscription)
    assert Reservation.objects.get().etat == Etat.RESERVEE


@contextmanager
def pointage_en_cours(reservation: Reservation) -> Iterator[None]:
    """The child has just been noted present, not committed: at the end of the block, or after a second."""
    ecrit, partir = Event(), Event()

    def agent():
        try:
            with transaction.atomic():
                pointer(reservation.enfant, reservation.prestation, LUNDI, True, None, MAINTENANT)
                ecrit.set()
                partir.wait(timeout=1)
        finally:
            connections.close_all()

    fil = Thread(target=agent)
    fil.start()
    try:
        assert ecrit.wait(timeout=10)
        yield
    finally:
        partir.set()
        fil.join()


def une_presence_notee_pendant_la_fermeture() -> Reservation:
    cantine = automatique(factories.prestation(places=9))
    (inscription,) = parents(1, cantine)
    (reservation,) = reserver(inscription, LUNDI)
    with pointage_en_cours(reservation):
        fermer(cantine)
    reservation.refresh_from_db()
    return reservation


def test_qui_vient_d_etre_note_present_garde_sa_journee():
    assert une_presence_notee_pendant_la_fermeture().etat == Etat.RESERVEE


def test_temoin_sans_le_verrou_sa_journee_est_annulee(monkeypatch):
    monkeypatch.setattr(verrous, "ACTIF", False)
    assert une_presence_notee_pendant_la_fermeture().etat == Etat.ANNULEE


@pytest.mark.parametrize("tour", range(3))
def test_vingt_parents_reservent_pendant_que_la_mairie_ferme(tour):
    cantine = automatique(factories.prestation(places=30))
    taches = [demande(i, LUNDI) for i in parents(20, cantine)]
    taches.insert(10, lambda: fermer(cantine))
    erreurs = [r for r in ensemble(taches) if isinstance(r, Exception)]
    assert erreurs == []
    assert not Reservation.objects.filter(etat__in=(Etat.RESERVEE, Etat.DEMANDEE)).exists()
    assert connection.vendor == "postgresql"
