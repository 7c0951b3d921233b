"""The calendar: one query to read it, idempotent to fill it, never over what the town wrote."""

from datetime import date

import pytest
import time_machine
from django.core.management import call_command
from django.urls import reverse

from enfants.calendrier import calendrier_du
from enfants.calendrier_officiel import annee_manquante, remplir
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


# ── The yearly reminder, and filling from the admin ──────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("jour", "remplies", "attendue"),
    [
        (date(2026, 11, 23), (), "2026-2027"),
        (date(2026, 11, 23), (2026,), ""),
        (date(2027, 2, 28), (2026,), ""),
        (date(2027, 3, 1), (2026,), "2027-2028"),
        (date(2027, 8, 31), (2026, 2027), ""),
        (date(2027, 9, 1), (2026,), "2027-2028"),
    ],
)
def test_l_annee_qui_manque_se_rappelle(ville, jour, remplies, attendue):
    for annee in remplies:
        remplir(annee, 1)
    assert annee_manquante(jour) == attendue


def test_une_annee_sans_vacances_manque_aussi(ville):
    AnneeScolaire.objects.create(debut=date(2026, 9, 1), fin=date(2027, 8, 31))
    assert annee_manquante(date(2026, 11, 23)) == "2026-2027"


def test_l_accueil_de_la_mairie_le_rappelle_et_la_page_remplit(ville, monde):
    with time_machine.travel("2027-03-02 09:00 +0100", tick=False):
        remplir(2026, 1)
        mairie = monde.client(monde.agent)
        assert 'id="calendrier-manquant"' in mairie.get(reverse("admin:index")).content.decode()
        page = mairie.get(reverse("calendrier_remplir"))
        assert page.context["form"]["annee"].value() == "2027"
        assert mairie.post(reverse("calendrier_remplir"), {"annee": "1789"}).status_code == 200
        faite = mairie.post(reverse("calendrier_remplir"), {"annee": "2027"}, follow=True)
        assert "Lignes ajoutées" in faite.content.decode()
        assert AnneeScolaire.objects.filter(debut=date(2027, 9, 1)).exists()
        assert 'id="calendrier-manquant"' not in mairie.get(reverse("admin:index")).content.decode()


def test_qui_remplit_le_calendrier(ville, monde):
    adresse = reverse("calendrier_remplir")
    sans = factories.agent("accueil", "enfants.view_enfant")
    assert monde.client(sans).post(adresse, {"annee": "2026"}).status_code == 403
    assert monde.client(monde.jean).get(adresse).status_code == 302
    assert "calendrier-manquant" not in monde.client(sans).get(reverse("admin:index")).content.decode()
