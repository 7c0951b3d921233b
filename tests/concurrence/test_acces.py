"""Two agents open the same accesses, or change the same quotient, at the same instant: done once, one letter that works.

Negative control: without the household's lock, accounts nobody owns are left behind.
"""

from collections import Counter
from datetime import date
from decimal import Decimal

import pytest
from django.db import IntegrityError
from django.utils import timezone

from enfants.admin.acces import adultes_sans_acces
from enfants.models import AnneeScolaire, Scolarite
from familles import acces_mairie
from familles.models import Responsable, Utilisateur
from portail.socle import verrous
from portail.socle.models import Trace
from tests import factories
from tests.concurrence.test_courriels import ensemble, sans

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db(transaction=True)]
AGENTS = 2
TOURS = 5


def foyer(n: int):
    """A household of two adults without account, the same names as the others'."""
    cree = factories.famille("Jean", f"DUPONT{n % 2}")
    Responsable.objects.create(famille=cree, rang="conjoint", prenom="Anne", nom="DUPONT")
    return cree


def ouvrir_ensemble(adultes) -> list[list[acces_mairie.Acces]]:
    pks = list(adultes.values_list("pk", flat=True))
    lettres = ensemble(lambda: acces_mairie.ouvrir(pks, None, timezone.now()), AGENTS)
    assert [x for x in lettres if isinstance(x, Exception)] == []
    return lettres


def orphelins() -> int:
    return Utilisateur.objects.filter(responsables=None).count()


def test_une_famille_deux_agents():
    for n in range(TOURS):
        famille = foyer(n)
        lettres = ouvrir_ensemble(famille.responsables)
        assert sorted(map(len, lettres)) == [0, 2]
        for acces in max(lettres, key=len):
            compte = famille.responsables.get(pk=acces.responsable.pk).utilisateur
            assert compte.pk == acces.utilisateur.pk
            assert compte.check_password(acces.mot_de_passe)
    assert (Utilisateur.objects.count(), orphelins()) == (2 * TOURS, 0)
    assert Trace.objects.filter(action="acces.creer").count() == 2 * TOURS


def test_une_ecole_deux_agents():
    jour = date(2026, 11, 23)
    annee = AnneeScolaire.objects.create(debut=date(2026, 9, 1), fin=date(2027, 8, 31))
    ecole = factories.structure("École des Platanes", genre="ecole")
    for n in range(8):
        enfant = factories.enfant(f"Léa{n}", foyer(n))
        Scolarite.objects.create(enfant=enfant, annee=annee, ecole=ecole, niveau="cp")
    attendus = set(adultes_sans_acces(jour, ecole).values_list("pk", flat=True))
    lettres = ouvrir_ensemble(Responsable.objects.filter(pk__in=attendus))
    imprimees = Counter(a.responsable.pk for lot in lettres for a in lot)
    assert imprimees == Counter(attendus)
    assert (Utilisateur.objects.count(), orphelins()) == (len(attendus), 0)
    assert adultes_sans_acces(jour, ecole).count() == 0


def test_le_meme_homonyme_dans_deux_familles():
    """Two households, two agents: no common lock, the same identifiant proposed; the unique index settles it."""
    for n in range(TOURS):
        un, deux = foyer(0), foyer(0)
        pks = iter([[r.pk for r in f.responsables.all()] for f in (un, deux)])
        lettres = ensemble(lambda pks=pks: acces_mairie.ouvrir(next(pks), None, timezone.now()), AGENTS)
        assert [len(x) if isinstance(x, list) else x for x in lettres] == [2, 2]
        assert Utilisateur.objects.count() == 4 * (n + 1)


def test_controle_negatif_sans_verrou_des_comptes_a_personne():
    with sans(verrous, "ACTIF"):
        for n in range(TOURS):
            pks = list(foyer(n).responsables.values_list("pk", flat=True))
            ensemble(lambda pks=pks: acces_mairie.ouvrir(pks, None, timezone.now()), AGENTS)
    assert orphelins() > 0


def test_deux_quotients_le_meme_jour_ne_se_chevauchent_pas():
    def donner(famille, debuts):
        famille.donner_quotient(Decimal(500), date(2026, next(debuts), 1))

    for _ in range(TOURS):
        famille = factories.famille("Jean", "DUPONT", quotient=None)
        debuts = iter((2, 3, 4, 5))
        assert ensemble(lambda f=famille, d=debuts: donner(f, d)) == [None] * 4
        assert [q.au and q.au.month for q in famille.quotients.order_by("du")] == [2, 3, 4, None]


def test_controle_negatif_sans_verrou_postgresql_refuse():
    refus = []
    with sans(verrous, "ACTIF"):
        for _ in range(TOURS):
            famille = factories.famille("Jean", "DUPONT", quotient=None)
            debuts = iter((2, 3, 4, 5))
            refus += ensemble(
                lambda f=famille, d=debuts: f.donner_quotient(Decimal(500), date(2026, next(d), 1))
            )
    assert any(isinstance(r, IntegrityError) for r in refus)
