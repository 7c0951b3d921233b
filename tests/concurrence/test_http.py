"""T1 and T2 of the test plan: parents over real HTTP, for one place too few, on the same days, with agents at work.

Short forms here, on both databases where both serve; full forms behind `lourd` (script/test -m lourd), which print
their figures. Negative controls take each protection off and see the damage it prevents.
"""

import random
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from functools import partial
from types import SimpleNamespace

import pytest
import requests
from django.db import connection

from enfants import places_attente, places_verrous
from enfants.models import Creneau, Etat, Jauge, Reservation
from enfants.models.reservation import OCCUPANTS
from portail.socle import verrous
from tests import factories
from tests.concurrence.navigateurs import (
    Navigateur,
    ensemble,
    environnement,
    lundi_lointain,
    mesures,
    secondes,
)
from tests.conftest import RACINE
from tests.enfants.fabrique import automatique

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def service(transactional_db):
    return automatique(factories.prestation("Club"), liste_attente=False)


def jauge(service, capacite: int) -> Jauge:
    creee = Jauge.objects.create(structure=service.structure, libelle="Club", capacite=capacite)
    creee.prestations.add(service)
    return creee


def parents(nombre: int, service, live_server) -> list[tuple[Navigateur, object]]:
    """As many logged-in parents, each with the inscription of a child."""
    crees = []
    for n in range(nombre):
        famille = factories.famille("Parent", f"N{n}", f"parent.n{n}", quotient=None)
        compte = famille.responsables.get().utilisateur
        enfant = factories.enfant(f"Enfant {n}", famille)
        crees.append((Navigateur(compte, live_server.url), factories.inscription(enfant, service, famille)))
    return crees


def ouvrir_le_planning(gens, jour) -> None:
    """Who asks has the month open: nobody measures a server that answers for the first time."""
    pages = ensemble([partial(qui.lire, f"/enfants/planning/{jour:%Y-%m}/") for qui, _ in gens])
    assert {page.status_code for page in pages} == {200}


# ── T1: the last places ──────────────────────────────────────────────────────────────────────────────────────


def ruee(gens, jour) -> Counter:
    """Everybody asks that day at once; what each one reads at the end."""
    pages = ensemble([partial(qui.reserver, inscription, jour) for qui, inscription in gens])
    return Counter(lecture(page) for page in pages)


def lecture(page) -> str:
    texte = page.text.replace("\N{NO-BREAK SPACE}", " ")
    if "Demande envoyée. Son numéro" in texte:
        return "rang" if "sur la liste d’attente" in texte else "place"
    return "complet" if page.status_code == 200 and "C’est complet." in texte else f"{page.status_code}"


def prises(jour) -> int:
    return Reservation.objects.filter(jour=jour, etat__in=OCCUPANTS).count()


def assaut(service, live_server, nombre: int, capacite: int, tours: int) -> float:
    """Rounds of that rush, each on another day: exactly `capacite` each time; the 95th percentile."""
    jauge(service, capacite)
    gens = parents(nombre, service, live_server)
    ouvrir_le_planning(gens, lundi_lointain())
    for tour in range(tours):
        jour = lundi_lointain() + timedelta(weeks=tour)
        assert ruee(gens, jour) == Counter(place=capacite, complet=nombre - capacite)
        assert (prises(jour), Creneau.objects.get(jour=jour).pris) == (capacite, capacite)
    erreurs, p95 = mesures(qui for qui, _ in gens)
    assert erreurs == 0
    return p95


def test_vingt_parents_pour_cinq_places(service, live_server):
    assaut(service, live_server, nombre=20, capacite=5, tours=2)


def test_qui_na_pas_de_place_lit_son_rang(service, live_server):
    automatique(service, liste_attente=True)
    jauge(service, 2)
    gens, jour = parents(10, service, live_server), lundi_lointain()
    assert ruee(gens, jour) == Counter(place=2, rang=8)
    attentes = Reservation.objects.filter(etat=Etat.EN_ATTENTE)
    assert sorted(places_attente.rangs(attentes.select_related("enfant")).values()) == list(range(1, 9))


@pytest.mark.postgresql
def test_controle_sans_le_verrou_la_base_tient_seule(service, live_server, monkeypatch):
    """The counter's CHECK alone: still exactly five, and the losers are still told « complet »."""
    monkeypatch.setattr(verrous, "ACTIF", False)
    assaut(service, live_server, nombre=20, capacite=5, tours=1)


@pytest.mark.postgresql
def test_controle_sans_verrou_ni_contrainte_on_vend_trop_de_places(service, live_server, monkeypatch):
    """Both off: the first test would fail, so it does watch something."""
    monkeypatch.setattr(verrous, "ACTIF", False)
    with connection.cursor() as curseur:
        curseur.execute("ALTER TABLE enfants_creneau DROP CONSTRAINT creneau_places")
    try:
        jauge(service, 5)
        gens = parents(20, service, live_server)
        vendues = []
        for tour in range(5):
            jour = lundi_lointain() + timedelta(weeks=tour)
            ruee(gens, jour)
            vendues.append(prises(jour))
            if vendues[-1] > 5:
                break
        assert vendues[-1] > 5, vendues
    finally:
        with connection.cursor() as curseur:
            curseur.execute("UPDATE enfants_creneau SET pris = 0")
            curseur.execute(
                "ALTER TABLE enfants_creneau ADD CONSTRAINT creneau_places "
                "CHECK (pris >= 0 AND pris <= capacite + surnombre)"
            )


@pytest.fixture
def gunicorn(transactional_db):
    """The portal as it is served (two workers of four threads), on the test's own database: the figures are its own,
    and a rush of two hundred does not overflow the queue of the test's small server.
    """
    with socket.socket() as libre:
        libre.bind(("localhost", 0))
        port = libre.getsockname()[1]
    options = ["--workers", "2", "--threads", "4", "--no-control-socket", "--log-level", "warning"]
    lance = subprocess.Popen(
        [sys.executable, "-m", "gunicorn", "portail.wsgi", "--bind", f"localhost:{port}", *options],
        cwd=RACINE,
        env=environnement(),
    )
    serveur = SimpleNamespace(url=f"http://localhost:{port}", pid=lance.pid)
    try:
        attendre(serveur.url)
        yield serveur
    finally:
        lance.terminate()
        lance.wait(20)


@contextmanager
def chronometre(serveur) -> Iterator[SimpleNamespace]:
    """Who the processor worked for: the portal's processes, or the parents of the test."""
    temps = SimpleNamespace(portail=-secondes(serveur.pid), parents=-time.process_time())
    yield temps
    temps.portail += secondes(serveur.pid)
    temps.parents += time.process_time()


def attendre(url: str) -> None:
    for _ in range(60):
        with suppress(requests.RequestException):
            requests.get(f"{url}/sante/", timeout=30)
            return
        time.sleep(0.5)
    pytest.fail("gunicorn does not answer")


@pytest.mark.lourd
@pytest.mark.postgresql
@pytest.mark.parametrize(("nombre", "capacite", "tours"), [(50, 10, 20), (200, 1, 5)])
def test_t1_en_grand(service, gunicorn, capsys, nombre, capacite, tours):
    """The p95 is printed: it says as much of the machine as of the portal. The count of places is what must hold."""
    with chronometre(gunicorn) as temps:
        p95 = assaut(service, gunicorn, nombre, capacite, tours)
    with capsys.disabled():
        print(
            f"\nT1 : {nombre} parents, {capacite} places, {tours} tours : p95 {p95:.2f} s ; {temps.portail:.0f} s"
            f" de processeur pour le portail, {temps.parents:.0f} s pour les parents"
        )


# ── T2: the same days in any order, cancellations and capacity edits in between ──────────────────────────────


def melee(service, live_server, nombre: int, jours: int, tours: int, graine: int = 2026) -> float:
    """Each round: parents book shared days in random order, others cancel, an agent changes capacities."""
    capacite = nombre // 2
    places_du_jour = jauge(service, capacite)
    hasard = random.Random(graine)
    gens = parents(nombre, service, live_server)
    agent = Navigateur(factories.agent("agent"), live_server.url)
    dates = [lundi_lointain() + timedelta(weeks=n) for n in range(jours)]
    ouvrir_le_planning(gens, dates[0])
    Creneau.objects.bulk_create(Creneau(jauge=places_du_jour, jour=j, capacite=capacite) for j in dates)
    for tour in range(tours):
        taches = [
            partial(qui.absent, *tenues)
            if (tenues := tenues_par(inscription)) and n % 3 == tour % 3
            else partial(qui.reserver, inscription, *hasard.sample(dates, len(dates)))
            for n, (qui, inscription) in enumerate(gens)
        ]
        taches.append(partial(retoucher, agent, hasard.sample(dates, len(dates)), capacite, tour))
        ensemble(taches)
        coherent(capacite)
    erreurs, p95 = mesures([*(qui for qui, _ in gens), agent])
    assert erreurs == 0
    return p95


def tenues_par(inscription) -> list[Reservation]:
    return list(Reservation.objects.filter(inscription=inscription, etat=Etat.RESERVEE).order_by("pk"))


def retoucher(agent: Navigateur, dates: list, capacite: int, tour: int) -> None:
    for creneau in Creneau.objects.filter(jour__in=dates[:3]).order_by("?"):
        agent.poster(
            f"/admin/enfants/creneau/{creneau.pk}/change/",
            capacite=str(capacite),
            surnombre=str(1 + tour % 2),
            motif_surnombre="Sortie",
        )


def coherent(capacite: int) -> None:
    """Counters equal the bookings, within the places; nobody waits where one is free."""
    for creneau in Creneau.objects.order_by("pk"):
        assert creneau.pris == prises(creneau.jour) <= creneau.capacite + creneau.surnombre
        attend = Reservation.objects.filter(jour=creneau.jour, etat=Etat.EN_ATTENTE).exists()
        assert not attend or creneau.libres == 0, creneau


def test_douze_parents_sur_les_memes_jours(service, live_server):
    automatique(service, liste_attente=True)
    melee(service, live_server, nombre=12, jours=5, tours=3)


@pytest.mark.postgresql
def test_controle_des_verrous_en_desordre_se_bloquent(service, live_server, monkeypatch):
    """Rows locked one by one in any order: deadlocks, which the pages answer by 503."""
    hasard = random.Random(1)

    def en_desordre(queryset):
        pks = list(queryset.order_by("pk").values_list("pk", flat=True))
        hasard.shuffle(pks)
        return [verrous.verrouiller_un(queryset.model.objects.filter(pk=pk)) for pk in pks]

    monkeypatch.setattr(places_verrous, "verrouiller", en_desordre)
    jauge(service, 50)
    gens = parents(12, service, live_server)
    dates = [lundi_lointain() + timedelta(weeks=n) for n in range(10)]
    for _ in range(4):
        pages = ensemble([partial(qui.reserver, inscription, *dates) for qui, inscription in gens])
        if any(page.status_code == 503 for page in pages):
            return
        Reservation.objects.all().update(etat=Etat.ANNULEE)
    pytest.fail("no deadlock in four rounds")


@pytest.mark.lourd
@pytest.mark.postgresql
def test_t2_en_grand(service, gunicorn, capsys):
    automatique(service, liste_attente=True)
    with chronometre(gunicorn) as temps:
        p95 = melee(service, gunicorn, nombre=30, jours=10, tours=10)
    with capsys.disabled():
        print(
            f"\nT2 : 30 parents, 10 jours, 10 tours : p95 {p95:.2f} s ; {temps.portail:.0f} s"
            f" de processeur pour le portail, {temps.parents:.0f} s pour les parents"
        )
