"""Four people press « Émettre » at once, on PostgreSQL: one invoice a family, no gap, no duplicate."""

from collections import Counter
from datetime import date, timedelta
from threading import Barrier, Thread

import pytest
from django.db import connection, connections

from facturation import emission
from facturation.complements import completer
from facturation.models import Brouillon, Compteur, Facture, LigneFacture
from portail.socle import verrous
from portail.socle.models import Courriel
from tests import factories
from tests.facturation import fabrique

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db(transaction=True)]
FAMILLES = 40
FILS = 4


@pytest.fixture
def campagne():
    """Forty families, two meals each."""
    cantine = factories.prestation()
    regie = fabrique.regie()
    fabrique.tarif(fabrique.lien(cantine, regie))
    for rang in range(FAMILLES):
        famille = factories.famille("Jean", f"DUPONT{rang}")
        enfant = factories.enfant("Léa", famille)
        inscription = factories.inscription(enfant, cantine, famille)
        for jour in range(2):
            fabrique.reservation(inscription, date(2026, 10, 5) + timedelta(days=jour))
    cree = fabrique.campagne(regie)
    emission.calculer(cree, date(2026, 11, 8))
    return cree


def ensemble(action) -> list:
    """`action` in FILS threads that start together; what each returned."""
    depart, resultats = Barrier(FILS), []

    def courir() -> None:
        try:
            depart.wait(timeout=10)
            resultats.append(action())
        finally:
            connections.close_all()

    fils = [Thread(target=courir) for _ in range(FILS)]
    for f in fils:
        f.start()
    for f in fils:
        f.join(timeout=120)
    assert len(resultats) == FILS
    return resultats


def numeros() -> list[int]:
    return sorted(Facture.objects.values_list("numero", flat=True))


def test_four_at_once(campagne):
    bilans = ensemble(lambda: emission.emettre(campagne, None))
    assert [bilan.echecs for bilan in bilans] == [[]] * FILS
    assert sum(len(bilan.emises) for bilan in bilans) == FAMILLES
    assert sum(bilan.deja for bilan in bilans) == FAMILLES * (FILS - 1)
    assert numeros() == list(range(1, FAMILLES + 1))
    assert set(Counter(Facture.objects.values_list("famille", flat=True)).values()) == {1}
    assert Courriel.objects.filter(cle__startswith="facture:").count() == FAMILLES


def test_without_the_lock_the_same_run_fails(campagne, monkeypatch):
    """Negative control: the constraints still forbid doubles, but families fail: the lock is what makes it work."""
    monkeypatch.setattr(verrous, "ACTIF", False)
    bilans = ensemble(lambda: emission.emettre(campagne, None))
    assert any(bilan.echecs for bilan in bilans)
    assert len(numeros()) == len(set(numeros()))


def test_two_campagnes_share_the_counter(campagne):
    """Different families of one régie take numbers from one counter: still contiguous."""
    tous = list(Brouillon.objects.order_by("pk").values_list("famille", flat=True))
    parts = iter([tous[rang::FILS] for rang in range(FILS)])
    bilans = ensemble(lambda: [emission.emettre_une(campagne, famille, None) for famille in next(parts)])
    assert sum(len(b) for b in bilans) == FAMILLES
    assert numeros() == list(range(1, FAMILLES + 1))
    assert Compteur.objects.get(nature="facture").suivant == FAMILLES + 1


def test_a_connection_cut_is_reported_and_resumed(campagne, monkeypatch):
    """The server ends a session in the middle of a family: nothing of it stays, the rerun finishes."""
    vraie = emission.prevenir
    coupes = []

    def couper(*args):
        if len(coupes) < 3 and Facture.objects.count() == 5:
            coupes.append(1)
            with connection.cursor() as curseur:
                curseur.execute("SELECT pg_backend_pid()")
                pid = curseur.fetchone()[0]
                tuer(pid)
        return vraie(*args)

    def tuer(pid: int) -> None:
        def par_un_autre() -> None:
            with connection.cursor() as curseur:
                curseur.execute("SELECT pg_terminate_backend(%s)", [pid])
            connections.close_all()

        fil = Thread(target=par_un_autre)
        fil.start()
        fil.join(timeout=10)

    with monkeypatch.context() as patch:
        patch.setattr(emission, "prevenir", couper)
        bilan = emission.emettre(campagne, None)
    connection.close()
    assert len(bilan.echecs) == 1  # tried again on a new connection, cut three times: reported
    assert coupes
    emission.emettre(campagne, None)
    assert numeros() == list(range(1, FAMILLES + 1))
    assert Courriel.objects.filter(cle__startswith="facture:").count() == FAMILLES


# --- two campagnes over the same days ---------------------------------------------------------------------------


@pytest.fixture
def deux(campagne):
    """The campagne, and the complement of the same period: both drafts hold every family's days."""
    autre = fabrique.campagne(campagne.regie, libelle="Complément", complete=campagne)
    emission.calculer(autre, date(2026, 11, 8))
    return campagne, autre


def chacune(deux) -> list:
    """Each campagne issued twice, all at once."""
    laquelle = iter([*deux, *deux])
    return ensemble(lambda: emission.emettre(next(laquelle), None))


def jours_factures() -> Counter:
    lignes = LigneFacture.objects.values_list("facture__famille", "jours")
    return Counter((famille, jour) for famille, jours in lignes for jour in jours)


def test_a_campagne_and_its_complement_at_once_bill_each_day_once(deux):
    chacune(deux)
    assert set(jours_factures().values()) == {1}
    assert len(jours_factures()) == FAMILLES * 2
    assert numeros() == list(range(1, FAMILLES + 1))


def test_without_the_second_look_days_are_billed_twice(deux, monkeypatch):
    """Negative control: what stops it is the look at the issued lines, under the family's lock."""
    monkeypatch.setattr(emission, "_refuser_les_doubles", lambda *args: None)
    chacune(deux)
    assert max(jours_factures().values()) == 2


def test_the_complement_prepared_by_four_people_is_one(campagne):
    emission.emettre(campagne, None)
    crees = ensemble(lambda: completer(campagne, None, date(2026, 11, 9)).pk)
    assert len(set(crees)) == 1
