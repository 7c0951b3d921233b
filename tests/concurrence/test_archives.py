"""A booking made while its service, then its structure, is being archived cannot survive it: PostgreSQL, real threads."""

from datetime import date
from threading import Thread

import pytest
import time_machine
from django.db import OperationalError, connections

from enfants import annee_suivante, archives, places
from enfants.admin.offre import StructureForm
from enfants.models import Enfant, Etat, Prestation, Reservation, Structure
from enfants.models.reservation import VIVANTS
from portail.socle import verrous
from tests import factories
from tests.concurrence.entretemps import reservation_en_cours
from tests.concurrence.test_places import demande, ensemble, parents, sans_reserve
from tests.enfants.fabrique import LUNDI, MAINTENANT, automatique

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db(transaction=True)]
__all__ = ["sans_reserve"]


def archiver(prestation) -> None:
    archives.fermer(prestation, LUNDI, None)
    archives.solder(prestation, None, MAINTENANT)


def archiver_la_structure(structure: Structure) -> bool:
    """As the admin does; False when it refuses because a service still runs."""
    valeurs = {nom: getattr(structure, nom) for nom in StructureForm.Meta.fields}
    form = StructureForm(valeurs | {"archivee_le": LUNDI}, instance=structure)
    if not form.is_valid():
        return False
    form.save()
    return True


def une_reservation_pendant_larchivage(prestation) -> None:
    """The parent has read the service (running) and written, but commits only once the town has tried to stop it."""
    (inscription,) = parents(1, prestation)
    with reservation_en_cours(inscription):
        archiver(prestation)


def test_larchivage_attend_puis_annule_la_reservation_en_cours():
    club = automatique(factories.prestation("Club", places=9))
    une_reservation_pendant_larchivage(club)
    assert Reservation.objects.get().etat == Etat.ANNULEE


def test_temoin_sans_le_verrou_la_reservation_survit(monkeypatch):
    monkeypatch.setattr(verrous, "ACTIF", False)
    club = automatique(factories.prestation("Club", places=9))
    une_reservation_pendant_larchivage(club)
    assert Reservation.objects.get().etat == Etat.RESERVEE


@pytest.mark.parametrize("tour", range(3))
def test_vingt_parents_reservent_pendant_que_la_mairie_archive_la_structure(tour):
    """The structure waits for its last service, which waits for who books."""
    club = automatique(factories.prestation("Club", places=30))
    taches = [demande(i, LUNDI) for i in parents(20, club)]

    def tout_archiver():
        assert not archiver_la_structure(Structure.objects.get(pk=club.structure_id))
        archiver(club)
        assert archiver_la_structure(Structure.objects.get(pk=club.structure_id))

    taches.insert(10, tout_archiver)
    assert [r for r in ensemble(taches) if isinstance(r, Exception)] == []
    assert Structure.objects.get(pk=club.structure_id).archivee_le == LUNDI
    assert not Reservation.objects.filter(etat__in=VIVANTS).exists()


def remise_en_service_pendant_le_solde(monkeypatch) -> bool:
    """Another agent puts the service back while its bookings are being cancelled; whether that was done meanwhile."""
    club = automatique(factories.prestation("Club", places=9))
    (inscription,) = parents(1, club)
    places.reserver([places.Souhait(inscription, LUNDI)], None, MAINTENANT)
    archives.fermer(club, LUNDI, None)
    fils, vraie = [], places.annuler

    def remettre():
        try:
            archives.remettre(club, None)
        finally:
            connections.close_all()

    def annuler(*args):
        fils.append(Thread(target=remettre))
        fils[0].start()
        fils[0].join(timeout=1)
        pendant.append(not fils[0].is_alive())
        return vraie(*args)

    pendant: list[bool] = []
    monkeypatch.setattr(places, "annuler", annuler)
    archives.solder(club, None, MAINTENANT)
    fils[0].join()
    return pendant[0]


def test_remettre_en_service_attend_la_fin_du_solde(monkeypatch):
    assert not remise_en_service_pendant_le_solde(monkeypatch)
    assert Prestation.objects.get().archivee_le is None


def test_temoin_sans_le_verrou_on_annule_ce_qui_est_remis_en_service(monkeypatch):
    monkeypatch.setattr(verrous, "ACTIF", False)
    assert remise_en_service_pendant_le_solde(monkeypatch)
    assert Reservation.objects.get().etat == Etat.ANNULEE


def reservation_pendant_la_duplication(monkeypatch) -> Exception | list:
    """What a parent is told who books, elsewhere, a child whose inscription is being renewed, just before the town waits
    for the calendar.
    """
    cantine = factories.prestation()
    (inscription,) = parents(1, cantine)
    club = automatique(factories.prestation("Club"))
    ailleurs = factories.inscription(inscription.enfant, club, inscription.famille)
    reponses, vrai = [], annee_suivante.tenir_seul

    def tenir_seul(cle):
        fil = Thread(target=lambda: reponses.extend(ensemble([demande(ailleurs, LUNDI)])))
        fil.start()
        fil.join(timeout=0.5)
        try:
            vrai(cle)
        finally:
            fil.join()

    monkeypatch.setattr(verrous, "DELAI_MS", 1500)
    monkeypatch.setattr(annee_suivante, "tenir_seul", tenir_seul)
    with time_machine.travel(MAINTENANT, tick=True):
        annee_suivante.dupliquer(cantine, date(2027, 9, 1), True, None, MAINTENANT)
    return reponses[0]


def test_dupliquer_ne_tient_pas_les_enfants_quand_elle_attend_le_calendrier(monkeypatch):
    (issue,) = reservation_pendant_la_duplication(monkeypatch)
    assert issue.verdict == "reservee"
    assert Prestation.objects.filter(nom="Restauration scolaire").count() == 2


def test_temoin_en_tenant_un_enfant_le_parent_attend_pour_rien(monkeypatch):
    """As if typical weeks were booked in the same transaction."""
    vraie = annee_suivante._copier

    def copier(*args):
        verrous.verrouiller(Enfant.objects.all())
        return vraie(*args)

    monkeypatch.setattr(annee_suivante, "_copier", copier)
    assert isinstance(reservation_pendant_la_duplication(monkeypatch), OperationalError)
