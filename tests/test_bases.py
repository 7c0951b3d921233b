"""What stands between two tests that write for good: emptied, or put back from a copy, frozen rows stay frozen."""

import pytest
from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.db import DatabaseError, IntegrityError, connection, transaction

from demandes.models import DemandeEvenement, MotifRefus
from enfants.models import Enfant, ReservationEvenement
from familles.models import Famille
from tests import bases, factories
from tests.enfants.fabrique import LUNDI, reserver

pytestmark = pytest.mark.django_db(transaction=True)


def rester_figees() -> None:
    """The triggers are there: what is written of a booking is not written again."""
    with pytest.raises(DatabaseError, match="figée"), transaction.atomic():
        ReservationEvenement.objects.update(motif="Autre chose")


def lignes() -> list[tuple]:
    return [
        sorted(modele.objects.values_list("pk"), key=str)
        for modele in (Famille, Enfant, ReservationEvenement, Group, MotifRefus, Permission, ContentType)
    ]


@pytest.fixture
def ville(monde):
    """Frozen rows, a text of every alphabet, and rights that point to what is never emptied."""
    reserver(monde.inscriptions["lea"], LUNDI)
    Enfant.objects.filter(pk=monde.lea.pk).update(lieu_naissance="L’Haÿ\\les\tRoses\n« bis »")
    groupe = Group.objects.create(name="Accueil")
    groupe.permissions.add(Permission.objects.order_by("pk").first())
    return monde


def test_vider_ne_garde_que_les_droits(ville):
    droits = Permission.objects.count()
    bases.vider()
    with connection.cursor() as curseur:
        assert bases.pleines(curseur) == []
    assert (Permission.objects.count(), droits > 0) == (droits, True)


def test_ce_qui_echoue_en_chemin_ne_change_rien(ville):
    avant = lignes()
    with pytest.raises(ZeroDivisionError), bases.sans_gardes() as curseur:
        for table in bases.pleines(curseur):
            curseur.execute(f"DELETE FROM {table}")
        raise ZeroDivisionError
    assert lignes() == avant
    rester_figees()


def test_une_copie_remet_la_ville_et_ses_gardes(ville, tmp_path):
    copie, avant = bases.Copie(tmp_path / "copie.sqlite3"), lignes()
    factories.enfant("Intruse", ville.jean)
    Group.objects.all().delete()
    for _ in range(2):
        copie.remettre()
        assert lignes() == avant
        assert Enfant.objects.get(pk=ville.lea.pk).lieu_naissance == "L’Haÿ\\les\tRoses\n« bis »"
        assert Group.objects.get().permissions.count() == 1
        rester_figees()
        # No number given twice, and foreign keys are looked at again.
        factories.inscription(factories.enfant("Neuve", ville.jean), ville.cantine, ville.jean)
        reserver(ville.inscriptions["tom"], LUNDI)
        with pytest.raises(IntegrityError), transaction.atomic():
            DemandeEvenement.objects.create(
                demande_id="12345678-0000-4000-8000-000000000000", genre="envoyee"
            )
