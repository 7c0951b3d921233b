"""Twenty copies of one notification at the same instant, on PostgreSQL: one règlement; and without the protections."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from threading import Barrier

import pytest
from django.db import connection, connections
from django.utils import timezone

from facturation.encaissement import encaisser
from facturation.models import EvenementPaiement, PaiementEnLigne, Reglement
from facturation.paiement import PaiementImpossible, Stripe, fermer_les_perimes, ouvrir, verbes
from facturation.releve import solde
from portail.socle.models import Courriel
from tests import factories
from tests.facturation import fabrique
from tests.facturation.guichet import COURRIEL, Guichet, facturer, livrer, ouvrir_guichet

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db(transaction=True)]
COPIES = 20


@pytest.fixture(autouse=True)
def sans_reserve(transactional_db, monkeypatch):
    """Each thread its own connection: the pool of the settings would let eight of them compete."""
    connection.close()
    options = {k: v for k, v in connection.settings_dict["OPTIONS"].items() if k != "pool"}
    monkeypatch.setitem(connection.settings_dict, "OPTIONS", options)
    yield
    connection.close()


@pytest.fixture
def guichet(settings, tmp_path) -> Iterator[Guichet]:
    with ouvrir_guichet(settings, tmp_path / "banque.sqlite3") as guichet:
        yield guichet


@pytest.fixture
def jean():
    famille = factories.famille("Jean", "DUPONT", "jean.dupont")
    facturer(famille, 12060)
    return famille


def ensemble(action, combien: int = COPIES) -> list:
    """`action` in that many threads that start together; what each returned or raised."""
    depart = Barrier(combien)

    def courir(_):
        try:
            connection.ensure_connection()
            depart.wait(timeout=60)
            return action()
        except Exception as erreur:
            return erreur
        finally:
            connections.close_all()

    with ThreadPoolExecutor(combien) as equipe:
        return list(equipe.map(courir, range(combien)))


def adresse_retour(paiement: PaiementEnLigne) -> str:
    return f"http://127.0.0.1/paiement/{paiement.pk}/retour/"


def tenter(famille, courriel: str = COURRIEL, reference: str = "AL-1") -> PaiementEnLigne:
    return ouvrir(famille, [reference], courriel, None, Stripe(), adresse_retour, timezone.now())


@pytest.fixture
def paye(jean, guichet) -> dict:
    """The bank's notification of a page just paid."""
    guichet.choisir(tenter(jean).url, "payer")
    return guichet.evenements()[0]


@pytest.fixture
def tous_a_la_fois(monkeypatch) -> None:
    """Nobody writes before everybody has the bank's answer: the worst interleaving, each time."""
    reponses, vraie = Barrier(COPIES), Stripe.constater

    def constater(self, session):
        constat = vraie(self, session)
        reponses.wait(timeout=60)
        return constat

    monkeypatch.setattr(Stripe, "constater", constater)


@pytest.fixture
def sans_verrou(monkeypatch) -> None:
    """The locks of the payment verbs only: `encaisser` keeps its own, as a cheque would."""
    monkeypatch.setattr(verbes, "verrouiller_un", lambda lignes: lignes.get())


def test_vingt_copies(jean, paye, tous_a_la_fois):
    assert ensemble(lambda: livrer(paye)) == [200] * COPIES
    reglement = Reglement.objects.get()
    assert PaiementEnLigne.objects.get().reglement == reglement
    assert (solde(jean), Courriel.objects.count(), EvenementPaiement.objects.count()) == (0, 1, 1)


def test_le_verrou_seul_suffit(jean, paye, tous_a_la_fois, monkeypatch):
    monkeypatch.setattr(verbes, "GARDER", False)
    assert ensemble(lambda: livrer(paye)) == [200] * COPIES
    assert (Reglement.objects.count(), solde(jean)) == (1, 0)


def test_la_garde_seule_suffit(jean, paye, tous_a_la_fois, sans_verrou):
    assert ensemble(lambda: livrer(paye)) == [200] * COPIES
    assert (Reglement.objects.count(), solde(jean)) == (1, 0)


def test_sans_verrou_ni_garde(jean, paye, tous_a_la_fois, sans_verrou, monkeypatch):
    """Negative control: the same run pays the family's invoice many times."""
    monkeypatch.setattr(verbes, "GARDER", False)
    ensemble(lambda: livrer(paye))
    assert Reglement.objects.count() > 1
    assert solde(jean) < 0


def test_notifications_retours_et_relecture(jean, paye, guichet):
    """Return pages, notifications and the scheduled reading of many payments at once: one règlement each."""
    for _ in range(4):
        famille = factories.famille("Autre", "MARTIN")
        facture = facturer(famille, 500)
        guichet.choisir(tenter(famille, reference=facture.reference).url, "payer")
    evenements = guichet.evenements()

    def agir():
        for evenement in evenements:
            assert livrer(evenement) == 200
        for paiement in PaiementEnLigne.objects.order_by("-cree_le"):
            verbes.constater(paiement, Stripe(), timezone.now())
        return fermer_les_perimes(Stripe(), timezone.now())

    assert [type(r) for r in ensemble(agir, 6)] == [str] * 6
    assert sorted(Reglement.objects.values_list("centimes", flat=True)) == [500] * 4 + [12060]
    assert set(PaiementEnLigne.objects.values_list("etat", "incident")) == {("paye", "")}


def test_vingt_clics(jean, guichet):
    """Twenty clicks on « Payer »: one attempt, one page at the bank."""
    resultats = ensemble(lambda: tenter(jean))
    assert Counter(type(r) for r in resultats) == {PaiementEnLigne: COPIES}
    assert len({r.url for r in resultats}) == 1
    assert (PaiementEnLigne.objects.count(), len(guichet.sessions())) == (1, 1)


def test_deux_adresses_se_disputent(jean, guichet):
    """Each click may close the other's page, but two pages are never open, and none is open unknown to us."""
    adresses = iter(["un@exemple.fr", "deux@exemple.fr"] * (COPIES // 2))
    resultats = ensemble(lambda: tenter(jean, next(adresses)))
    assert {type(r) for r in resultats} <= {PaiementEnLigne, PaiementImpossible}
    ouvertes = PaiementEnLigne.objects.filter(etat="ouvert")
    assert ouvertes.count() <= 1
    connues = set(PaiementEnLigne.objects.exclude(session=None).values_list("session", flat=True))
    payables = [s for s in guichet.sessions() if s["status"] == "open" and s["id"] in connues]
    assert [s["id"] for s in payables] == [p.session for p in ouvertes]


def test_un_cheque_au_meme_instant(jean, paye):
    """The counter of règlements and the family's lock: both are kept, the surplus is credit and an incident."""
    regie = fabrique.regie()
    actions = iter(
        [lambda: livrer(paye), lambda: encaisser(jean, regie, "cheque", 12060, date(2026, 11, 9), None)]
    )
    resultats = ensemble(lambda: next(actions)(), 2)
    assert not [r for r in resultats if isinstance(r, Exception)]
    assert (Reglement.objects.count(), solde(jean)) == (2, -12060)
    paiement = PaiementEnLigne.objects.get()
    # Whoever came first paid the invoice; the incident says it when it was the cheque.
    premier = paiement.reglement.imputations.exists()
    assert bool(paiement.incident) is not premier
