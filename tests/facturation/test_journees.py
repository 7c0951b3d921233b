"""Which days are billed, to whom, and what the régisseur must look at."""

from datetime import date, time, timedelta
from decimal import Decimal

import pytest
from django.db import connection

from enfants.models import Inscription, Rattachement
from facturation import emission
from facturation.journees import examiner
from facturation.models import Brouillon
from tests import factories
from tests.facturation import fabrique

JOUR = date(2026, 11, 8)
LUNDI = date(2026, 10, 5)


@pytest.fixture
def cantine(monde):
    """The canteen at 3,45, its campagne of October."""
    fabrique.tarif(fabrique.lien(monde.cantine))
    return fabrique.campagne()


def brouillon(campagne, famille, jour=JOUR) -> Brouillon:
    emission.calculer(campagne, jour)
    return Brouillon.objects.get(campagne=campagne, famille=famille)


def genres(ligne: Brouillon) -> list[tuple[str, bool]]:
    return [(a["genre"], a["bloquante"]) for a in ligne.anomalies]


@pytest.mark.parametrize(
    ("etat", "present", "passe", "quoi", "genre"),
    [
        ("reservee", True, True, "reserve", ""),
        ("reservee", None, True, "reserve", "non_pointe"),
        ("reservee", None, False, "reserve", ""),
        ("reservee", False, True, "", "contradiction"),
        ("absence_demandee", None, True, "", "contradiction"),
        ("absence_demandee", True, True, "", "contradiction"),
        ("absence_demandee", None, False, "reserve", "a_trancher"),
        ("absent_facture", False, True, "absence", ""),
        ("absent_facture", None, True, "absence", ""),
        ("absent_facture", True, True, "", "contradiction"),
        ("absent_excuse", False, True, "", ""),
        ("absent_excuse", True, True, "", "contradiction"),
        ("conge", None, True, "", ""),
        ("demandee", None, True, "", "a_traiter"),
        ("demandee", None, False, "", ""),
        ("demandee", True, True, "sans_reservation", ""),
        ("en_attente", None, True, "", ""),
        ("refusee", True, True, "sans_reservation", ""),
        ("annulee", None, True, "", ""),
        ("", True, True, "sans_reservation", ""),
        ("", False, True, "", ""),
    ],
)
def test_every_state(etat, present, passe, quoi, genre):
    trouve = examiner(etat, present, passe)
    assert (trouve[0], trouve[1] if trouve[1] else "") == (quoi, genre)


def test_unchecked_day_is_billed_with_a_warning(monde, cantine):
    fabrique.reservation(monde.inscriptions["lea"], LUNDI)
    ligne = brouillon(cantine, monde.jean)
    assert (ligne.total_centimes, ligne.bloque, genres(ligne)) == (345, False, [("non_pointe", False)])
    assert ligne.anomalies[0]["phrase"] == (
        "Léa, Restauration scolaire, 05/10/2026\N{NO-BREAK SPACE}: réservé, présence non pointée."
    )


def test_contradiction_blocks_only_that_family(monde, cantine):
    fabrique.reservation(monde.inscriptions["lea"], LUNDI)
    fabrique.pointage(monde.lea, monde.cantine, LUNDI, present=False)
    fabrique.reservation(monde.inscriptions["zoe"], LUNDI)
    emission.calculer(cantine, JOUR)
    bilan = emission.emettre(cantine, monde.agent)
    assert (len(bilan.emises), bilan.bloquees) == (1, 1)
    assert monde.claire.factures.count() == 1


def test_presence_without_booking_goes_to_the_enrolled_family(monde, cantine):
    fabrique.pointage(monde.lea, monde.cantine, LUNDI)
    ligne = brouillon(cantine, monde.jean)
    assert (ligne.total_centimes, genres(ligne)) == (345, [])
    assert ligne.lignes[0]["explication"].endswith("sans réservation")


def test_presence_without_inscription_blocks_both_households(monde, cantine):
    monde.inscriptions["lea"].delete()
    fabrique.pointage(monde.lea, monde.cantine, LUNDI)
    for famille in (monde.jean, monde.jeanne):
        ligne = brouillon(cantine, famille)
        assert (ligne.bloque, genres(ligne), ligne.total_centimes) == (True, [("payeur", True)], 0)


def test_presence_of_a_child_without_family_is_shown_on_the_campagne(monde, cantine):
    monde.inscriptions["tom"].delete()
    Rattachement.objects.filter(enfant=monde.tom).delete()
    fabrique.pointage(monde.tom, monde.cantine, LUNDI)
    assert emission.calculer(cantine, JOUR) == []
    cantine.refresh_from_db()
    assert [a["genre"] for a in cantine.anomalies] == ["payeur"]


@pytest.mark.parametrize(("jour", "payeur"), [(date(2026, 10, 5), "jean"), (date(2026, 10, 12), "jeanne")])
def test_even_and_odd_weeks(monde, cantine, jour, payeur):
    """5 October 2026 is in week 41."""
    Inscription.objects.filter(pk=monde.inscriptions["lea"].pk).update(repartition="impaires")
    factories.inscription(monde.lea, monde.cantine, monde.jeanne, repartition="paires")
    fabrique.pointage(monde.lea, monde.cantine, jour)
    emission.calculer(cantine, JOUR)
    assert [b.famille for b in Brouillon.objects.all()] == [getattr(monde, payeur)]


def test_shared_day_is_split_to_the_cent(monde, cantine):
    Inscription.objects.filter(pk=monde.inscriptions["lea"].pk).update(repartition="part", part=50)
    factories.inscription(monde.lea, monde.cantine, monde.jeanne, repartition="part", part=Decimal(50))
    fabrique.reservation(monde.inscriptions["lea"], LUNDI)
    fabrique.pointage(monde.lea, monde.cantine, LUNDI)
    assert (
        brouillon(cantine, monde.jean).total_centimes,
        brouillon(cantine, monde.jeanne).total_centimes,
    ) == (
        173,
        172,
    )


def test_shared_day_that_does_not_make_a_hundred_blocks(monde, cantine):
    Inscription.objects.filter(pk=monde.inscriptions["lea"].pk).update(repartition="part", part=40)
    fabrique.reservation(monde.inscriptions["lea"], LUNDI)
    ligne = brouillon(cantine, monde.jean)
    assert ligne.bloque
    assert ("parts", True) in genres(ligne)


def test_missing_tarif_blocks(monde, cantine):
    garderie = factories.prestation("Garderie matin")
    fabrique.lien(garderie)
    inscription = factories.inscription(monde.lea, garderie, monde.jean)
    fabrique.reservation(inscription, LUNDI)
    fabrique.pointage(monde.lea, garderie, LUNDI)
    ligne = brouillon(cantine, monde.jean)
    assert (ligne.bloque, genres(ligne)) == (True, [("tarif", True)])


def test_service_of_another_regie_is_not_billed_here(monde, cantine):
    garderie = factories.prestation("Garderie matin")
    fabrique.lien(garderie, fabrique.regie("Régie crèche", "CR"))
    fabrique.reservation(factories.inscription(monde.lea, garderie, monde.jean), LUNDI)
    assert emission.calculer(cantine, JOUR) == []


def test_quotient_of_that_day_never_retroactive(monde, cantine):
    monde.cantine.liens_regies.get().tarifs.update(mode="tranches")
    for qf_min, qf_max, centimes in ((0, 500, 120), (501, None, 345)):
        monde.cantine.liens_regies.get().tarifs.get().tranches.create(
            qf_min=qf_min, qf_max=qf_max, centimes=centimes
        )
    monde.jean.quotients.update(au=LUNDI)
    monde.jean.quotients.create(valeur=300, du=LUNDI + timedelta(days=1))
    for jour in (0, 1):
        fabrique.reservation(monde.inscriptions["lea"], LUNDI + timedelta(days=jour))
        fabrique.pointage(monde.lea, monde.cantine, LUNDI + timedelta(days=jour))
    ligne = brouillon(cantine, monde.jean)
    assert [x["total_centimes"] for x in ligne.lignes] == [345, 120]
    emission.emettre(cantine, monde.agent)
    assert monde.jean.factures.get().explications == (
        "Quotient familial retenu\N{NO-BREAK SPACE}: 845 puis 300."
    )


def test_half_hours_follow_the_hours_noted(monde, cantine):
    garderie = factories.prestation("Garderie soir", heure_debut=time(16, 30), heure_fin=time(18, 30))
    lien = fabrique.lien(garderie, nature_fiscale="garde", unite_libelle="")
    fabrique.tarif(lien, unite="demi_heure", forfait_centimes=48)
    inscription = factories.inscription(monde.lea, garderie, monde.jean)
    fabrique.reservation(inscription, LUNDI)
    fabrique.pointage(monde.lea, garderie, LUNDI, depart=time(17, 35))
    fabrique.reservation(inscription, LUNDI + timedelta(days=1))
    fabrique.pointage(monde.lea, garderie, LUNDI + timedelta(days=1))
    ligne = brouillon(cantine, monde.jean)
    assert [x["total_centimes"] for x in ligne.lignes] == [3 * 48, 4 * 48]


def test_monthly_price_is_billed_once_a_month(monde, cantine):
    garderie = factories.prestation("Garderie matin")
    lien = fabrique.lien(garderie, nature_fiscale="garde", unite_libelle="")
    fabrique.tarif(lien, unite="mois", forfait_centimes=5900)
    inscription = factories.inscription(monde.lea, garderie, monde.jean)
    for jour in (0, 1, 2):
        fabrique.reservation(inscription, LUNDI + timedelta(days=jour))
        fabrique.pointage(monde.lea, garderie, LUNDI + timedelta(days=jour))
    ligne = brouillon(cantine, monde.jean)
    assert [(x["quantite"], x["total_centimes"], len(x["jours"])) for x in ligne.lignes] == [(1, 5900, 3)]


def test_sibling_rank_counts_children_billed_that_month(monde, cantine):
    tarif = monde.cantine.liens_regies.get().tarifs.get()
    tarif.mode = "tranches"
    tarif.save()
    tarif.tranches.create(centimes=400)
    tarif.tranches.create(centimes=200, rang_fratrie=2)
    for nom in ("lea", "tom"):
        fabrique.reservation(monde.inscriptions[nom], LUNDI)
        fabrique.pointage(monde.inscriptions[nom].enfant, monde.cantine, LUNDI)
    ligne = brouillon(cantine, monde.jean)
    assert [(x["enfant_nom"], x["total_centimes"]) for x in ligne.lignes] == [
        ("Léa DUPONT", 400),
        ("Tom DUPONT", 200),
    ]


@pytest.mark.parametrize("combien", [1, 3])
def test_queries_do_not_grow_with_days(monde, cantine, django_assert_num_queries, combien):
    for jour in range(combien):
        for nom in list(monde.inscriptions)[:combien]:
            fabrique.reservation(monde.inscriptions[nom], LUNDI + timedelta(days=jour))
    # PostgreSQL sets its lock timeout by a query.
    with django_assert_num_queries(25 + (connection.vendor == "postgresql")):
        emission.calculer(cantine, JOUR)
