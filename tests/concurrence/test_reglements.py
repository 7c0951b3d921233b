"""« Enregistrer le règlement » pressed four times at once, on PostgreSQL: the money is taken once."""

import uuid
from datetime import date

import pytest

from facturation.encaissement import annuler, encaisser
from facturation.models import Reglement
from tests import factories
from tests.concurrence.test_emission import FILS, ensemble
from tests.facturation import fabrique

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db(transaction=True)]
JOUR = date(2026, 11, 10)


def test_one_page_one_reglement():
    famille, regie = factories.famille("Jean", "DUPONT"), fabrique.regie()
    jeton, autre = uuid.uuid4(), uuid.uuid4()
    ecrits = ensemble(lambda: encaisser(famille, regie, "cheque", 600, JOUR, None, jeton=jeton).pk)
    assert ecrits == [Reglement.objects.get().pk] * FILS
    recu = Reglement.objects.get()
    rendus = ensemble(lambda: annuler(recu, None, "Trop-perçu", JOUR, centimes=100, jeton=autre).reference)
    assert rendus == ["AL-2"] * FILS
    assert [r.centimes for r in Reglement.objects.order_by("pk")] == [600, -100]
