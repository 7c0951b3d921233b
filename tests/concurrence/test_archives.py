"""A booking made while its service, then its structure, is being archived cannot survive it: PostgreSQL, real threads."""

import pytest

from enfants import archives
from enfants.admin.offre import StructureForm
from enfants.models import Etat, Reservation, Structure
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
