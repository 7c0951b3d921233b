"""Money received and given back: derived figures stay exact."""

from contextlib import suppress
from datetime import date

import pytest
from django.db import transaction
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from facturation import emission
from facturation.encaissement import (
    EncaissementImpossible,
    annuler,
    confier_au_tresor,
    encaisser,
    repartir_les_reglements,
)
from facturation.models import Facture, Imputation, Reglement
from facturation.releve import impayees, solde
from tests import factories
from tests.facturation import fabrique

JOUR = date(2026, 11, 10)


def restes(famille) -> dict[str, int]:
    return {f.reference: f.reste for f in famille.factures.factures().avec_reste()}


def test_oldest_first_then_credit(monde):
    regie = fabrique.regie()
    fabrique.facture(monde.jean, 1000, jour=date(2026, 9, 8))
    fabrique.facture(monde.jean, 500, jour=date(2026, 10, 8))
    reglement = encaisser(monde.jean, regie, "cheque", 1200, JOUR, monde.agent)
    assert restes(monde.jean) == {"AL-1": 0, "AL-2": 300}
    assert [(i.facture.reference, i.centimes) for i in reglement.imputations.all()] == [
        ("AL-1", 1000),
        ("AL-2", 200),
    ]
    encaisser(monde.jean, regie, "especes", 400, JOUR, monde.agent)
    assert (restes(monde.jean), solde(monde.jean)) == ({"AL-1": 0, "AL-2": 0}, -100)


def test_chosen_invoices_first(monde):
    fabrique.facture(monde.jean, 1000, jour=date(2026, 9, 8))
    recente = fabrique.facture(monde.jean, 500, jour=date(2026, 10, 8))
    encaisser(monde.jean, fabrique.regie(), "cheque", 600, JOUR, monde.agent, sur=[(recente, 9999)])
    assert restes(monde.jean) == {"AL-1": 900, "AL-2": 0}


def test_nothing_crosses_regies_nor_families(monde):
    autre = fabrique.regie("Régie crèche", "CR")
    ici = fabrique.facture(monde.jean, 1000)
    ailleurs = fabrique.facture(monde.claire, 1000, autre)
    encaisser(monde.jean, autre, "cheque", 1000, JOUR, monde.agent, sur=[(ici, 1000), (ailleurs, 1000)])
    assert (restes(monde.jean), restes(monde.claire)) == ({"AL-1": 1000}, {"CR-1": 1000})
    assert (solde(monde.jean), solde(monde.claire)) == (0, 1000)


def test_bounced_cheque_makes_its_invoices_due_again(monde):
    fabrique.facture(monde.jean, 1000)
    cheque = encaisser(monde.jean, fabrique.regie(), "cheque", 1500, JOUR, monde.agent)
    contraire = annuler(cheque, monde.agent, "Chèque sans provision", JOUR)
    assert (contraire.centimes, contraire.annule, contraire.reference) == (-1500, cheque, "AL-2")
    assert (restes(monde.jean), solde(monde.jean)) == ({"AL-1": 1000}, 1000)
    with pytest.raises(EncaissementImpossible):
        annuler(cheque, monde.agent, "Encore", JOUR)
    with pytest.raises(EncaissementImpossible):
        annuler(contraire, monde.agent, "Une annulation", JOUR)


def test_partial_refund_takes_the_credit_first(monde):
    fabrique.facture(monde.jean, 1000)
    carte = encaisser(monde.jean, fabrique.regie(), "carte", 1500, JOUR, None)
    annuler(carte, None, "Trop-perçu", JOUR, centimes=700)
    assert (restes(monde.jean), solde(monde.jean)) == ({"AL-1": 200}, 200)
    assert Imputation.objects.count() == 2


def test_credit_note_frees_the_money(monde):
    payee = fabrique.facture(monde.jean, 1000, jour=date(2026, 9, 8))
    encaisser(monde.jean, fabrique.regie(), "cheque", 1000, JOUR, monde.agent)
    fabrique.facture(monde.jean, 600, jour=date(2026, 10, 8))
    emission.avoir(payee, monde.agent, "Erreur", JOUR)
    assert (restes(monde.jean), solde(monde.jean)) == ({"AL-1": 0, "AL-2": 0}, -400)


def test_tresorerie_takes_what_is_left(monde):
    facture = fabrique.facture(monde.jean, 1000)
    encaisser(monde.jean, fabrique.regie(), "cheque", 300, JOUR, monde.agent)
    assert confier_au_tresor(facture, "12", JOUR, monde.agent).centimes == 700
    assert (restes(monde.jean), solde(monde.jean), impayees(monde.jean)) == ({"AL-1": 0}, 0, [])
    for verbe in (
        lambda: confier_au_tresor(facture, "13", JOUR, monde.agent),
        lambda: emission.avoir(facture, monde.agent, "Erreur", JOUR),
    ):
        with pytest.raises((EncaissementImpossible, emission.EmissionImpossible)):
            verbe()


@pytest.mark.parametrize("centimes", [0, -1])
def test_amounts_are_positive(monde, centimes):
    with pytest.raises(EncaissementImpossible):
        encaisser(monde.jean, fabrique.regie(), "cheque", centimes, JOUR, monde.agent)


class Comptes(RuleBasedStateMachine):
    """Bill, pay, give back, cancel, hand over, in any order: the figures always agree."""

    def __init__(self):
        super().__init__()
        self.transaction = transaction.atomic()
        self.transaction.__enter__()
        self.famille = factories.famille("Jean", "DUPONT")
        self.regie = fabrique.regie()

    def teardown(self):
        transaction.set_rollback(True)
        self.transaction.__exit__(None, None, None)

    def factures(self):
        return list(Facture.objects.factures().avec_reste().filter(famille=self.famille).order_by("pk"))

    @rule(centimes=st.integers(1, 5000))
    def facturer(self, centimes):
        fabrique.facture(self.famille, centimes)
        repartir_les_reglements(self.famille, self.regie)  # as issuing does

    @rule(centimes=st.integers(1, 5000))
    def payer(self, centimes):
        encaisser(self.famille, self.regie, "cheque", centimes, JOUR, None)

    @precondition(lambda self: Reglement.objects.filter(famille=self.famille).exists())
    @rule(rang=st.integers(0, 20), part=st.integers(1, 5000))
    def rendre(self, rang, part):
        reglements = list(Reglement.objects.filter(famille=self.famille).order_by("pk"))
        with suppress(EncaissementImpossible):
            annuler(reglements[rang % len(reglements)], None, "Retour", JOUR, centimes=part)

    @precondition(lambda self: self.factures())
    @rule(rang=st.integers(0, 20), tresor=st.booleans())
    def corriger(self, rang, tresor):
        factures = self.factures()
        facture = factures[rang % len(factures)]
        with suppress(EncaissementImpossible, emission.EmissionImpossible):
            if tresor:
                confier_au_tresor(facture, "7", JOUR, None)
            else:
                emission.avoir(facture, None, "Erreur", JOUR)

    @invariant()
    def les_chiffres_s_accordent(self):
        factures = self.factures()
        recu = sum(Reglement.objects.filter(famille=self.famille).values_list("centimes", flat=True))
        impute = sum(
            Imputation.objects.filter(facture__famille=self.famille).values_list("centimes", flat=True)
        )
        reste = sum(f.reste for f in factures)
        assert all(f.reste >= 0 and f.regle >= 0 for f in factures)
        assert recu - impute >= 0
        assert solde(self.famille) == reste - (recu - impute)
        # Credit never sleeps while something is due.
        assert reste == 0 or recu == impute
        numeros = [f.numero for f in factures]
        assert numeros == list(range(1, len(numeros) + 1))


class TestComptes(TestCase):
    def test_any_order(self):
        run_state_machine_as_test(
            Comptes,
            settings=settings(max_examples=20, stateful_step_count=15, deadline=None, derandomize=True),
        )
