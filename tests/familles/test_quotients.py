"""One quotient a day for a household: the verb, the admin's page, the rows of before, PostgreSQL's own refusal."""

from datetime import date
from decimal import Decimal
from importlib import import_module

import pytest
from django.db import IntegrityError, connection, transaction

from familles.models import QuotientFamilial
from tests.factories import famille

pytestmark = pytest.mark.django_db
JANVIER, FIN_MARS, AVRIL, JUIN, DECEMBRE = (
    date(2026, 1, 1),
    date(2026, 3, 31),
    date(2026, 4, 1),
    date(2026, 6, 1),
    date(2026, 12, 31),
)


def lignes(foyer) -> list[tuple]:
    return [(int(q.valeur), q.du, q.au) for q in foyer.quotients.order_by("du")]


@pytest.fixture
def foyer(db):
    cree = famille("Jean", "DUPONT", quotient=None)
    cree.donner_quotient(Decimal(500), JANVIER)
    return cree


class TestDonner:
    def test_l_ancien_finit_la_veille(self, foyer):
        foyer.donner_quotient(Decimal(600), AVRIL, DECEMBRE)
        assert lignes(foyer) == [(500, JANVIER, FIN_MARS), (600, AVRIL, DECEMBRE)]

    def test_celui_d_apres_reste(self, foyer):
        foyer.donner_quotient(Decimal(700), JUIN)
        foyer.donner_quotient(Decimal(600), AVRIL)
        assert lignes(foyer) == [
            (500, JANVIER, FIN_MARS),
            (600, AVRIL, date(2026, 5, 31)),
            (700, JUIN, None),
        ]

    def test_le_meme_jour_remplace(self, foyer):
        foyer.donner_quotient(Decimal(510), JANVIER, DECEMBRE)
        assert lignes(foyer) == [(510, JANVIER, DECEMBRE)]


class TestPageDeLaMairie:
    def envoyer(self, monde, *quotients):
        foyer = monde.claire
        connus = list(foyer.quotients.order_by("du"))
        prefixes = ("responsables", "quotients", "allocataire", "situations_fiscales", "residences")
        donnees = {}
        for prefixe in (*prefixes, "coordonnees_bancaires", "mandats"):
            donnees |= {f"{prefixe}-TOTAL_FORMS": "0", f"{prefixe}-INITIAL_FORMS": "0"}
        donnees |= {"quotients-TOTAL_FORMS": len(quotients), "quotients-INITIAL_FORMS": len(connus)}
        for n, (valeur, du, au) in enumerate(quotients):
            donnees |= {
                f"quotients-{n}-valeur": valeur,
                f"quotients-{n}-du": f"{du:%d/%m/%Y}",
                f"quotients-{n}-au": f"{au:%d/%m/%Y}" if au else "",
                f"quotients-{n}-famille": foyer.pk,
                f"quotients-{n}-id": connus[n].pk if n < len(connus) else "",
            }
        return monde.client(monde.agent).post(f"/admin/familles/famille/{foyer.pk}/change/", donnees)

    def test_deux_qui_se_chevauchent_refuses(self, monde):
        connu = monde.claire.quotients.get()
        reponse = self.envoyer(monde, ("845", connu.du, None), ("900", AVRIL, None))
        assert "Deux quotients se chevauchent" in reponse.content.decode()
        assert monde.claire.quotients.count() == 1

    def test_l_ancien_termine_le_nouveau_entre(self, monde):
        connu = monde.claire.quotients.get()
        reponse = self.envoyer(monde, ("845", connu.du, FIN_MARS), ("900", AVRIL, None))
        assert reponse.status_code == 302
        assert lignes(monde.claire) == [(845, connu.du, FIN_MARS), (900, AVRIL, None)]


def test_les_lignes_d_avant_sont_separees_sans_changer_un_prix():
    decouper = import_module("familles.migrations.0004_quotients_sans_chevauchement").decouper
    lignes = [("a", JANVIER, None), ("b", AVRIL, date(2026, 5, 31)), ("c", date(2027, 1, 1), None)]
    assert decouper(lignes) == [
        ("a", JANVIER, FIN_MARS),
        ("b", AVRIL, date(2026, 5, 31)),
        ("a", JUIN, DECEMBRE),
        ("c", date(2027, 1, 1), None),
    ]
    separees = [("a", JANVIER, FIN_MARS), ("b", JUIN, None)]
    assert decouper(separees) == separees


@pytest.mark.postgresql
def test_postgresql_refuse_de_lui_meme(foyer):
    with pytest.raises(IntegrityError, match="quotient_sans_chevauchement"), transaction.atomic():
        QuotientFamilial.objects.create(famille=foyer, valeur=1, du=AVRIL)
        with connection.cursor() as curseur:
            curseur.execute("SET CONSTRAINTS ALL IMMEDIATE")
