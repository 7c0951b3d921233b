"""What is written stays written: triggers on both databases."""

import pytest
from django.db import DatabaseError, transaction

from facturation.encaissement import encaisser
from facturation.models import Facture, Imputation, LigneFacture, Reglement
from tests.facturation import fabrique
from tests.facturation.test_encaissement import JOUR


@pytest.fixture
def lignes(monde):
    facture = fabrique.facture(monde.jean, 1000)
    encaisser(monde.jean, facture.regie, "cheque", 1000, JOUR, monde.agent)


@pytest.mark.parametrize("modele", [Facture, LigneFacture, Reglement, Imputation])
@pytest.mark.parametrize("verbe", ["update", "delete"])
def test_frozen(lignes, modele, verbe):
    avant = list(modele.objects.order_by("pk").values())
    lignes = modele.objects.filter(pk=modele.objects.order_by("pk").first().pk)
    with pytest.raises(DatabaseError, match="figée"), transaction.atomic():
        if verbe == "update":
            lignes.update(id=10_000)
        else:
            lignes._raw_delete(lignes.db)
    assert list(modele.objects.order_by("pk").values()) == avant
