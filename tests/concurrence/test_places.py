"""Real threads on PostgreSQL: exactly K places, no deadlock; and what happens without each protection.

Each thread is a parent with a connection of its own. Negative controls: with the lock and the counter's CHECK both
off, places are overbooked, so the test that says « exactly ten » does prove something.
"""

import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from functools import partial
from threading import Barrier

import pytest
from django.db import connection, connections

from enfants import places
from enfants.models import Creneau, Etat, GroupeExclusif, Jauge, Reservation
from enfants.models.reservation import OCCUPANTS
from portail.socle import verrous
from tests import factories
from tests.enfants.fabrique import LUNDI, MAINTENANT, automatique, reserver

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def sans_reserve(transactional_db, monkeypatch):
    """Each thread its own connection: the pool of the settings would let eight of them compete."""
    connection.close()
    options = {k: v for k, v in connection.settings_dict["OPTIONS"].items() if k != "pool"}
    monkeypatch.setitem(connection.settings_dict, "OPTIONS", options)
    yield
    connection.close()


def ensemble(taches: list) -> list:
    """Run these callables at the same instant, each in its thread; their results or exceptions."""
    depart = Barrier(len(taches))

    def courir(tache):
        try:
            connection.ensure_connection()
            depart.wait(timeout=60)
            return tache()
        except Exception as erreur:
            return erreur
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(taches)) as equipe:
        return list(equipe.map(courir, taches))


def parents(nombre: int, prestation) -> list:
    """Inscriptions of as many families, one child each."""
    inscriptions = []
    for n in range(nombre):
        famille = factories.famille("Parent", f"N{n}", quotient=None)
        enfant = factories.enfant(f"Enfant {n}", famille)
        inscriptions.append(factories.inscription(enfant, prestation, famille))
    return inscriptions


def jauge(prestation, capacite: int, libelle: str = "Places") -> Jauge:
    creee = Jauge.objects.create(structure=prestation.structure, libelle=libelle, capacite=capacite)
    creee.prestations.add(prestation)
    return creee


def demande(inscription, *jours):
    souhaits = [places.Souhait(inscription, jour) for jour in jours]
    return lambda: places.reserver(souhaits, None, MAINTENANT)


def compteurs_justes() -> bool:
    """Every counter equals the bookings that hold a place in it."""
    return all(
        c.pris
        == Reservation.objects.filter(prestation__jauges=c.jauge_id, jour=c.jour, etat__in=OCCUPANTS).count()
        for c in Creneau.objects.all().order_by("pk")
    )


def course(nombre: int = 50, capacite: int = 10) -> tuple[Counter, int]:
    """Parents asking one day at once: their verdicts (or errors), and the places really booked."""
    cantine = automatique(factories.prestation(), liste_attente=False)
    jauge(cantine, capacite)
    issues = ensemble([demande(i, LUNDI) for i in parents(nombre, cantine)])
    verdicts = Counter(type(r).__name__ if isinstance(r, Exception) else r[0].verdict for r in issues)
    return verdicts, Reservation.objects.filter(etat__in=OCCUPANTS).count()


@pytest.mark.parametrize("tour", range(3))
def test_fifty_parents_for_ten_places(tour):
    verdicts, reservees = course()
    assert (verdicts, reservees) == (Counter(reservee=10, refus=40), 10)
    assert Creneau.objects.get().pris == 10


def test_two_hundred_parents_for_one_place():
    """In two waves: the threads of one wave already are more than the server's connections need."""
    cantine = automatique(factories.prestation(), liste_attente=False)
    jauge(cantine, 1)
    inscriptions = parents(200, cantine)
    issues = []
    for debut in range(0, 200, 50):
        issues += ensemble([demande(i, LUNDI) for i in inscriptions[debut : debut + 50]])
    assert Counter(i[0].verdict for i in issues) == Counter(reservee=1, refus=199)


def test_control_without_the_lock_the_counter_s_check_holds_alone(monkeypatch):
    """The database has the last word: never an overbooking, and who loses is told « complet », not a 500."""
    monkeypatch.setattr(verrous, "ACTIF", False)
    verdicts, reservees = course()
    assert (verdicts, reservees) == (Counter(reservee=10, refus=40), 10)


def test_control_without_lock_nor_check_places_are_overbooked(monkeypatch):
    """Both protections off: the first test above would fail, so it does watch something."""
    monkeypatch.setattr(verrous, "ACTIF", False)
    with connection.cursor() as curseur:
        curseur.execute("ALTER TABLE enfants_creneau DROP CONSTRAINT creneau_places")
    try:
        _, reservees = course()
        assert reservees > 10
    finally:
        with connection.cursor() as curseur:
            curseur.execute("UPDATE enfants_creneau SET pris = 0")
            curseur.execute(
                "ALTER TABLE enfants_creneau ADD CONSTRAINT creneau_places "
                "CHECK (pris >= 0 AND pris <= capacite + surnombre)"
            )


JOURS = [
    date(2026, 11, 30) + timedelta(n) for n in range(14) if (date(2026, 11, 30) + timedelta(n)).weekday() < 5
]


def test_thirty_parents_on_ten_shared_days_without_deadlock():
    """Days in random order, with cancellations and capacity edits in between."""
    cantine = automatique(factories.prestation(), liste_attente=True)
    places_du_jour = jauge(cantine, 8)
    hasard = random.Random(2026)
    inscriptions = parents(36, cantine)
    reservees = [r for i in inscriptions[30:] for r in reserver(i, *JOURS)]
    taches = [demande(i, *hasard.sample(JOURS, len(JOURS))) for i in inscriptions[:30]]
    taches += [
        (lambda lot: lambda: places.declarer_absences(lot, None, MAINTENANT, "Voyage", medicale=False))(
            reservees[n::6]
        )
        for n in range(6)
    ]
    issues = ensemble(taches)
    assert [r for r in issues if isinstance(r, Exception)] == []
    assert compteurs_justes()
    # Every freed place went to somebody who waits, as long as somebody does.
    for jour in JOURS:
        attente = Reservation.objects.filter(jour=jour, etat=Etat.EN_ATTENTE).exists()
        pris = Creneau.objects.get(jauge=places_du_jour, jour=jour).pris
        assert pris == 8 or not attente


def test_freed_places_and_newcomers_never_lose_a_place():
    """Ten bookings cancelled while thirty newcomers arrive: full at the end, nobody over, nobody forgotten."""
    cantine = automatique(factories.prestation())
    jauge(cantine, 10)
    inscriptions = parents(40, cantine)
    anciennes = [reserver(i, LUNDI)[0] for i in inscriptions[:10]]
    taches = [partial(places.changer, r, Etat.ANNULEE, None, MAINTENANT) for r in anciennes] + [
        demande(i, LUNDI) for i in inscriptions[10:]
    ]
    issues = ensemble(taches)
    assert [r for r in issues if isinstance(r, Exception)] == []
    assert Counter(Reservation.objects.values_list("etat", flat=True)) == Counter(
        annulee=10, reservee=10, en_attente=20
    )
    assert compteurs_justes()


def test_two_households_cannot_book_exclusive_services():
    """Under lock of the child's row: of two exclusive asks at once, one passes."""
    for n in range(5):
        jean, jeanne = (factories.famille(f"P{n}", f"F{m}", quotient=None) for m in range(2))
        enfant = factories.enfant(f"Léa {n}", jean, jeanne)
        services = [automatique(factories.prestation(f"Service {n}-{m}")) for m in range(2)]
        GroupeExclusif.objects.create(nom=f"Groupe {n}").prestations.add(*services)
        taches = [
            demande(factories.inscription(enfant, service, famille), LUNDI)
            for service, famille in zip(services, (jean, jeanne), strict=True)
        ]
        assert Counter(i[0].verdict for i in ensemble(taches)) == Counter(reservee=1, refus=1)


def test_two_agents_decide_at_once():
    cantine = factories.prestation()
    (inscription,) = parents(1, cantine)
    (issue,) = places.reserver([places.Souhait(inscription, LUNDI)], None, MAINTENANT)
    ids = [issue.reservation.pk]
    resultats = ensemble(
        [
            lambda: places.decider(ids, True, None, MAINTENANT),
            lambda: places.decider(ids, False, None, MAINTENANT, "Complet"),
        ]
    )
    assert sorted(len(r) for r in resultats) == [0, 1]
    assert Reservation.objects.get().evenements.count() == 2


# --- beyond the places ---------------------------------------------------------------------------------------------


def quatre_agents_depassent() -> tuple:
    """One place, taken; four agents each add one for a child, while four parents ask it."""
    cantine = automatique(factories.prestation(places=1), liste_attente=True)
    (premiere, *autres) = parents(9, cantine)
    reserver(premiere, LUNDI)

    def depasser(inscription):
        souhait = places.Souhait(inscription, LUNDI)
        return lambda: places.reserver([souhait], None, MAINTENANT, True, surnombre="Fratrie")

    ensemble([*map(depasser, autres[:4]), *(demande(i, LUNDI) for i in autres[4:])])
    creneau = Creneau.objects.get(jour=LUNDI)
    reservees = set(Reservation.objects.filter(etat=Etat.RESERVEE).values_list("inscription", flat=True))
    return creneau.surnombre, creneau.pris, reservees == {i.pk for i in (premiere, *autres[:4])}


def test_chaque_place_ajoutee_est_pour_l_enfant_choisi():
    assert quatre_agents_depassent() == (4, 5, True)


def test_temoin_sans_verrou_des_places_ajoutees_se_perdent(monkeypatch):
    monkeypatch.setattr(verrous, "ACTIF", False)
    assert quatre_agents_depassent() != (4, 5, True)
