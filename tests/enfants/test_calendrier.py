"""The calendar: one query to read it, idempotent to fill it, never over what the town wrote."""

from datetime import date

import pytest
from django.core.management import call_command

from enfants.calendrier import calendrier_du
from enfants.calendrier_officiel import remplir
from enfants.models import AnneeScolaire, Fermeture, JourFerie, PeriodeVacances
from portail.socle.models import Collectivite
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def ville():
    creee, _ = Collectivite.objects.update_or_create(pk=1, defaults={"zone": "B"})
    Collectivite.oublier()
    Collectivite.actuelle()
    yield creee
    Collectivite.oublier()


def test_reading_is_one_query(ville, django_assert_num_queries):
    lieu = factories.structure()
    JourFerie.objects.create(jour=date(2026, 11, 11), nom="Armistice")
    PeriodeVacances.objects.create(
        zone="B", nom="Toussaint", nature="petites", du=date(2026, 10, 17), au=date(2026, 11, 1)
    )
    PeriodeVacances.objects.create(
        zone="C", nom="Ailleurs", nature="petites", du=date(2026, 11, 2), au=date(2026, 11, 3)
    )
    Fermeture.objects.create(structure=lieu, du=date(2026, 11, 13), au=date(2026, 11, 14), motif="Grève")
    with django_assert_num_queries(1):
        calendrier = calendrier_du(date(2026, 11, 1), date(2026, 11, 30))
    assert calendrier.feries == {date(2026, 11, 11): "Armistice"}
    assert [(v.nom, v.nature) for v in calendrier.vacances] == [("Toussaint", "petites")]
    (fermee,) = calendrier.fermetures
    assert (fermee.structure_id, fermee.prestation_id, fermee.motif) == (lieu.pk, None, "Grève")


def test_filling_twice_changes_nothing(ville):
    remplir(2026, 2)
    avant = list(PeriodeVacances.objects.values_list("pk", "nom", "nature", "du", "au", "cle"))
    bilan = remplir(2026, 2)
    assert (bilan.ajoutes, bilan.corriges) == (0, 0)
    assert list(PeriodeVacances.objects.values_list("pk", "nom", "nature", "du", "au", "cle")) == avant
    assert ("Vacances de Noël", "petites", date(2026, 12, 19), date(2027, 1, 3)) in [x[1:5] for x in avant]
    assert ("Vacances d’été", "grandes", date(2027, 7, 3), date(2027, 9, 1)) in [x[1:5] for x in avant]
    assert ("Pont de l’Ascension", "petites", date(2027, 5, 6), date(2027, 5, 9)) in [x[1:5] for x in avant]
    assert [str(a) for a in AnneeScolaire.objects.order_by("debut")] == ["2026-2027", "2027-2028"]
    assert JourFerie.objects.filter(jour__year=2027).count() == 11


def test_what_the_town_edited_stays_even_its_first_day(ville):
    remplir(2026, 1)
    noel = PeriodeVacances.objects.get(nom="Vacances de Noël")
    PeriodeVacances.objects.filter(pk=noel.pk).update(du=date(2026, 12, 18), modifiee=True)
    JourFerie.objects.filter(jour=date(2026, 12, 25)).update(nom="Noël au village")
    PeriodeVacances.objects.filter(nom="Vacances d’hiver").update(au=date(2027, 3, 1))
    bilan = remplir(2026, 1)
    assert (bilan.ajoutes, bilan.corriges, bilan.gardes) == (0, 1, 1)
    assert PeriodeVacances.objects.get(pk=noel.pk).du == date(2026, 12, 18)
    assert JourFerie.objects.get(jour=date(2026, 12, 25)).nom == "Noël au village"
    assert PeriodeVacances.objects.get(nom="Vacances d’hiver").au == date(2027, 3, 7)


def test_a_row_typed_before_is_the_same_holidays(ville):
    PeriodeVacances.objects.create(
        zone="B", nom="Noël", nature="petites", du=date(2026, 12, 19), au=date(2027, 1, 4)
    )
    remplir(2026, 1)
    assert PeriodeVacances.objects.filter(du=date(2026, 12, 19)).count() == 1


def test_alsace_moselle_has_two_more_days(ville):
    ville.alsace_moselle = True
    ville.save()
    Collectivite.oublier()
    remplir(2025, 1)
    assert JourFerie.objects.filter(jour__in=[date(2026, 4, 3), date(2025, 12, 26)]).count() == 2


def test_the_command_says_what_nobody_can_check_yet(ville, capsys):
    call_command("calendrier", "--depuis", "2028", "--annees", "1")
    sortie = capsys.readouterr().out
    assert "dates non encore vérifiables" in sortie and "lignes ajoutées" in sortie
