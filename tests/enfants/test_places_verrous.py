"""Places given back as they were taken; whoever decides, exclusive services exclude and rights end."""

from datetime import date, timedelta
from importlib import import_module

import pytest
from django.apps import apps

from enfants import places, places_attente, places_verrous
from enfants.models import (
    AnneeScolaire,
    Creneau,
    Enfant,
    Etat,
    GroupeExclusif,
    Jauge,
    Reservation,
    Scolarite,
)
from enfants.places_comptage import recompter
from tests import factories
from tests.enfants.fabrique import LUNDI, MAINTENANT, automatique, demander, reserver

pytestmark = pytest.mark.django_db
INSECABLE = "\N{NO-BREAK SPACE}"


def exclusives(monde, **journee):
    """« Journée » and « Matin », exclusive, each with an inscription of Léa."""
    longue = automatique(factories.prestation("Journée", liste_attente=True, **journee))
    courte = automatique(factories.prestation("Matin"))
    GroupeExclusif.objects.create(nom="Mercredi").prestations.add(longue, courte)
    return [factories.inscription(monde.lea, p, monde.jean) for p in (longue, courte)]


# ── Exclusivity, rights ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("verbe", ["decider", "changer"])
def test_a_waiting_day_is_not_granted_beside_an_exclusive_one(monde, verbe):
    journee, matin = exclusives(monde, places=1)
    (prise,) = reserver(factories.inscription(monde.zoe, journee.prestation, monde.claire), LUNDI)
    attente = demander(journee, LUNDI)[0].reservation
    reserver(matin, LUNDI)
    places.annuler([prise.pk], None, MAINTENANT, "Essai")
    with pytest.raises(places.TransitionInterdite) as refus:
        if verbe == "decider":
            places.decider([attente.pk], True, None, MAINTENANT)
        else:
            places.changer(attente, Etat.RESERVEE, None, MAINTENANT)
    assert refus.value.messages == [
        f"Léa, lundi{INSECABLE}30{INSECABLE}novembre{INSECABLE}: "
        f"Un seul choix par jour{INSECABLE}: Léa a déjà «{INSECABLE}Matin{INSECABLE}»."
    ]
    attente.refresh_from_db()
    assert (attente.etat, Creneau.objects.get().pris) == (Etat.EN_ATTENTE, 0)


def test_an_excused_absence_is_not_billed_beside_an_exclusive_booking(monde):
    journee, matin = exclusives(monde)
    (excusee,) = reserver(matin, LUNDI, etat=Etat.ABSENT_EXCUSE)
    reserver(journee, LUNDI)
    with pytest.raises(places.TransitionInterdite, match="Léa a déjà"):
        places.trancher_absences([excusee.pk], False, None, MAINTENANT)
    excusee.refresh_from_db()
    assert excusee.etat == Etat.ABSENT_EXCUSE


def test_two_exclusive_absences_of_one_batch_are_not_both_billed(monde):
    journee, matin = exclusives(monde)
    une = reserver(matin, LUNDI, etat=Etat.ABSENT_EXCUSE) + reserver(journee, LUNDI, etat=Etat.ABSENT_EXCUSE)
    with pytest.raises(places.TransitionInterdite, match="Léa a déjà"):
        places.trancher_absences([r.pk for r in une], False, None, MAINTENANT)
    places.trancher_absences([une[0].pk], False, None, MAINTENANT)


def test_an_ask_is_not_granted_once_the_household_lost_its_right(monde):
    demande = demander(monde.inscriptions["lea"], LUNDI)[0].reservation
    monde.lea.rattachements.filter(famille=monde.jean).update(au=MAINTENANT.date() - timedelta(1))
    with pytest.raises(places.TransitionInterdite, match="n’est plus rattaché"):
        places.decider([demande.pk], True, None, MAINTENANT)
    places.decider([demande.pk], False, None, MAINTENANT, motif="Plus de droit")


# ── Places ───────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def deux_jauges(monde):
    """A service with seats for the little ones and for the others; an unknown level takes one of each."""
    jauges = [
        Jauge.objects.create(structure=monde.cantine.structure, libelle=libelle, capacite=5, niveaux=niveaux)
        for libelle, niveaux in (("mat", ["PS", "MS", "GS"]), ("elem", ["CP", "CE1"]))
    ]
    for jauge in jauges:
        jauge.prestations.add(monde.cantine)
    return jauges


def comptes() -> dict:
    return dict(Creneau.objects.order_by("pk").values_list("jauge__libelle", "pris"))


def scolariser(enfant, niveau: str) -> None:
    annee, _ = AnneeScolaire.objects.get_or_create(debut=date(2026, 9, 1), fin=date(2027, 8, 31))
    ecole = factories.structure("École des Tilleuls", genre="ecole")
    Scolarite.objects.update_or_create(
        enfant=enfant, annee=annee, defaults={"ecole": ecole, "niveau": niveau}
    )


def test_the_places_taken_are_the_places_freed(monde, deux_jauges):
    (prise,) = reserver(monde.inscriptions["lea"], LUNDI)
    assert comptes() == {"mat": 1, "elem": 1}
    scolariser(monde.lea, "CP")
    places.changer(prise, Etat.ANNULEE, None, MAINTENANT)
    assert comptes() == {"mat": 0, "elem": 0}
    assert Reservation.objects.get().places == []


def test_cancelling_after_the_level_changed_never_fails(monde, deux_jauges):
    scolariser(monde.lea, "GS")
    (prise,) = reserver(monde.inscriptions["lea"], LUNDI)
    scolariser(monde.lea, "CP")
    places.changer(prise, Etat.ABSENT_EXCUSE, None, MAINTENANT)
    assert comptes()["mat"] == 0
    # Billed after all: it takes the places of today's level.
    places.trancher_absences([prise.pk], False, None, MAINTENANT)
    assert (comptes(), Reservation.objects.get().places) == ({"mat": 0, "elem": 1}, [deux_jauges[1].pk])


def test_a_counter_too_low_stops_nobody(monde, deux_jauges, caplog):
    (prise,) = reserver(monde.inscriptions["lea"], LUNDI)
    Creneau.objects.update(pris=0)
    places.changer(prise, Etat.ANNULEE, None, MAINTENANT)
    assert comptes() == {"mat": 0, "elem": 0}
    assert "Places libérées plus que prises" in caplog.text


def test_recounting_writes_what_each_booking_holds(monde, deux_jauges):
    (prise,) = reserver(monde.inscriptions["lea"], LUNDI)
    mat, elem = deux_jauges
    mat.prestations.clear()
    recompter([mat, elem])
    prise.refresh_from_db()
    assert (comptes(), prise.places) == ({"mat": 0, "elem": 1}, [elem.pk])
    places.changer(prise, Etat.ANNULEE, None, MAINTENANT)
    assert comptes() == {"mat": 0, "elem": 0}


def test_a_booking_changed_before_its_child_is_locked_keeps_the_order_of_locks(
    monde, deux_jauges, monkeypatch
):
    """What it holds is known once its child is locked: its creneaux are locked together then, by primary key."""
    mat, elem = deux_jauges
    creneaux = [Creneau.objects.create(jauge=j, jour=LUNDI, capacite=5) for j in (mat, elem)]
    scolariser(monde.lea, "CP")
    (prise,) = reserver(monde.inscriptions["lea"], LUNDI)
    assert prise.places == [elem.pk]
    verrouiller, verrouillees = places_verrous.verrouiller, []

    def change_avant(queryset):
        if queryset.model is Enfant:
            Reservation.objects.filter(pk=prise.pk).update(places=[mat.pk])
            Creneau.objects.update(pris=1)
        lignes = verrouiller(queryset)
        verrouillees.extend(ligne.pk for ligne in lignes if isinstance(ligne, Creneau))
        return lignes

    monkeypatch.setattr(places_verrous, "verrouiller", change_avant)
    places.changer(prise, Etat.ANNULEE, None, MAINTENANT)
    assert verrouillees == [c.pk for c in creneaux]
    assert comptes() == {"mat": 0, "elem": 1}


def test_an_offer_that_fails_after_the_commit_is_no_error(
    monde, monkeypatch, caplog, django_capture_on_commit_callbacks
):
    """Who joined the waiting list meanwhile is served afterwards; the cancellation is done, whatever happens there."""
    club = automatique(factories.prestation("Club", places=1, liste_attente=True))
    (prise,) = reserver(factories.inscription(monde.zoe, club, monde.claire), LUNDI)
    demander(factories.inscription(monde.lea, club, monde.jean), LUNDI)
    tenir = places_verrous.tenir

    def sans_voir(ids, *cles):
        tenue = tenir(ids, *cles)
        tenue.enfants.clear()
        return tenue

    def echouer(*_):
        raise RuntimeError("panne")

    monkeypatch.setattr(places, "tenir", sans_voir)
    monkeypatch.setattr(places_attente, "promouvoir", echouer)
    with django_capture_on_commit_callbacks(execute=True) as appels:
        places.changer(prise, Etat.ANNULEE, None, MAINTENANT)
    assert len(appels) == 1
    prise.refresh_from_db()
    assert prise.etat == Etat.ANNULEE


def test_the_migration_fills_what_is_booked(monde, deux_jauges):
    scolariser(monde.lea, "CP")
    reserver(monde.inscriptions["lea"], LUNDI)
    Reservation.objects.update(places=[])
    import_module("enfants.migrations.0003_places_prises").remplir(apps, None)
    assert Reservation.objects.get().places == [deux_jauges[1].pk]
