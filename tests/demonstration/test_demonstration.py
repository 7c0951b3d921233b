"""The demonstration town: the guide's figures whatever the day, the same every time, never overbooked."""

import io
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import date, datetime, time

import pytest
import time_machine
from django.core.management import call_command
from django.db import transaction
from django.db.models import Count, F, Q
from django.utils import timezone

from demandes.models import Demande
from enfants import contrat
from enfants.models import (
    Creneau,
    Enfant,
    GroupeExclusif,
    Inscription,
    Pointage,
    Reservation,
    ReservationEvenement,
)
from enfants.models.reservation import OCCUPANTS
from enfants.planning_case import presences_exclusives
from enfants.regles import PARIS
from facturation.complements import a_facturer
from facturation.models import Facture, Reglement
from facturation.releve import impayees, releve, solde
from familles.models import Famille
from messagerie.boites import nouveaux
from portail.demonstration.guide import NUMERO_JEAN
from portail.demonstration.reservations import AL12, AL36, resoudre
from portail.socle.dates import annee_scolaire
from portail.socle.models import Courriel

MOINS = 27
# The start of a school year, the heart of the summer, a leap day, New Year, the day the tests were written.
JOURS = ("2026-09-01", "2027-07-15", "2028-02-29", "2027-01-01", "2026-11-23")


@contextmanager
def a_dix_heures(jour: str | None) -> Iterator[None]:
    """That morning; now, when no day is given."""
    instant = jour and datetime.combine(date.fromisoformat(jour), time(10), tzinfo=PARIS)
    with time_machine.travel(instant, tick=False) if jour else nullcontext():
        yield


@pytest.fixture(scope="module")
def batie(request, django_db_setup, django_db_blocker) -> Iterator[str | None]:
    """The town built on this day, once for all the tests that ask for it: each of them runs in a savepoint of the
    transaction that holds it.
    """
    jour = getattr(request, "param", None)
    with django_db_blocker.unblock():
        batiment = transaction.atomic()
        batiment.__enter__()
        with a_dix_heures(jour):
            call_command("demonstration", familles=MOINS, stdout=io.StringIO())
    yield jour
    with django_db_blocker.unblock():
        transaction.set_rollback(True)
        batiment.__exit__(None, None, None)


@pytest.fixture
def jean(batie, db) -> Iterator[Famille]:
    """The guide's household, on the day the town was built."""
    with a_dix_heures(batie):
        yield Famille.objects.get(numero=NUMERO_JEAN)


@pytest.mark.parametrize("batie", JOURS, indirect=True)
def test_les_chiffres_du_guide_quel_que_soit_le_jour(jean):
    aujourdhui = annee_scolaire(Facture.objects.order_by("-date").first().date)

    assert solde(jean) == AL36
    assert [(i.reference, i.total, i.payable) for i in impayees(jean)] == [("AL-36", AL36, True)]
    assert [r.reference for r in jean.reglements.all()] == ["AL-228"]
    operations = {o.reference for o in releve(jean, aujourdhui).operations}
    assert operations == {"AL-12", "AL-228", "AL-36"}
    assert jean.factures.get(reference="AL-12").total_centimes == AL12
    assert nouveaux(jean, jean.titulaire().utilisateur) == 1
    assert sorted(jean.demandes.values_list("type", "etat")) == [
        ("caf", "envoyee"),
        ("infos-responsable", "acceptee"),
        ("personnes-autorisees", "acceptee"),
        ("reservations", "refusee"),
    ]


def test_les_sept_prestations_du_guide(jean):
    for enfant in Enfant.objects.filter(rattachements__famille=jean):
        noms = enfant.inscriptions.filter(famille=jean).values_list("prestation__nom", flat=True)
        assert list(noms.order_by("prestation__ordre")) == [
            "Mercredi après-midi",
            "Mercredi journée",
            "Vacances après-midi",
            "Vacances journée",
            "Vacances matin",
            "Garderie matin",
            "Restauration scolaire",
        ]


@pytest.mark.parametrize("batie", JOURS[-1:], indirect=True)
def test_la_creche_a_un_contrat_un_conge_et_un_jour_de_trop(jean):
    (inscription,) = Inscription.objects.exclude(heures_semaine=None)
    conges = contrat.conges_de(inscription)
    assert (conges.accordes, conges.pris) == (15, 5)
    pointages = Pointage.objects.filter(enfant=inscription.enfant).order_by("jour")
    derniere, *autres = contrat.semaines(pointages, inscription.heures_semaine)
    assert (derniere.minutes, derniere.hors_contrat) == (37 * 60 + 5, 65)
    assert {s.hors_contrat for s in autres} == {0}


@pytest.mark.parametrize("batie", JOURS, indirect=True)
def test_la_creche_facture_les_heures_pointees(jean):
    """Every day noted of the month, 18 half-hours each (21 for the long one): in a régie of its own, all of it due."""
    (facture,) = Facture.objects.filter(regie__prefixe="PE")
    pointages = Pointage.objects.filter(
        prestation__structure__genre="creche", jour__range=(facture.periode_du, facture.periode_au)
    )
    longs = pointages.filter(depart__gt=time(18)).count()
    # Quotient 1320 at 0,06 %.
    demi_heures = 18 * (pointages.count() - longs) + 21 * longs
    assert (facture.reference, facture.total_centimes) == ("PE-1", 79 * demi_heures)
    assert pointages.count() > 10
    assert solde(facture.famille) == sum(i.reste for i in impayees(facture.famille))
    assert a_facturer(timezone.localdate()).nombre == 0


def test_les_numeros_se_suivent_et_aucun_courriel_ne_part(jean):
    factures = sorted(Facture.objects.filter(regie__prefixe="AL").values_list("numero", flat=True))
    assert factures == list(range(12, 12 + len(factures)))
    reglements = sorted(Reglement.objects.values_list("numero", flat=True))
    assert reglements == list(range(205, 205 + len(reglements)))
    assert Courriel.objects.count() == 0


def test_les_places_prises_sont_celles_des_reservations(jean):
    occupees = Count(
        "jauge__prestations__reservations",
        filter=Q(
            jauge__prestations__reservations__jour=F("jour"),
            jauge__prestations__reservations__etat__in=OCCUPANTS,
        ),
    )
    faux = Creneau.objects.annotate(occupees=occupees).exclude(occupees=F("pris"))
    assert list(faux) == []
    assert Creneau.objects.filter(pris__gt=0).exists()


@pytest.mark.parametrize("batie", ["2026-11-28"], indirect=True)
def test_rien_nest_reserve_dans_lavenir(jean):
    """Nor is anybody noted present or absent on a day to come."""
    assert not ReservationEvenement.objects.filter(le__gt=timezone.now()).exists()
    assert Pointage.objects.exists()
    assert not Pointage.objects.filter(jour__gte=timezone.localdate()).exists()
    absents = Reservation.objects.filter(etat="absent_facture")
    assert absents.exists() and not absents.filter(jour__gte=timezone.localdate()).exists()


@pytest.mark.parametrize("batie", ["2026-11-28"], indirect=True)
def test_aucun_enfant_nest_a_deux_endroits(jean):
    """A contradiction blocks the family's next invoice: the town invents none."""
    groupes = [set(g.prestations.values_list("pk", flat=True)) for g in GroupeExclusif.objects.order_by("pk")]
    assert groupes
    assert presences_exclusives(Pointage.objects.order_by("pk"), groupes) == set()


def test_une_seconde_fois_ne_change_rien(jean):
    avant = (Famille.objects.count(), Reservation.objects.count(), Demande.objects.count())
    sortie = io.StringIO()
    call_command("demonstration", stdout=sortie)

    assert (Famille.objects.count(), Reservation.objects.count(), Demande.objects.count()) == avant
    assert "déjà là" in sortie.getvalue()


def test_le_compte_est_exact_ou_n_existe_pas():
    compte = resoudre(AL36, 24, 24, 4, 0)
    assert (
        compte.cantine * 345
        + compte.garderie * 160
        + (compte.mercredi_journee + compte.vacances_journee) * 1150
        + compte.mercredi_apres_midi * 720
        == AL36
    )
    assert resoudre(AL36, 0, 0, 0, 0) is None
    assert resoudre(1, 100, 100, 100, 100) is None
