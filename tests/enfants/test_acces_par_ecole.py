"""The letters of a school or a class, in bounded documents; again and again, only for who has none."""

from datetime import date
from io import BytesIO

import pytest
import time_machine
from pypdf import PdfReader

from enfants.admin import acces
from enfants.models import AnneeScolaire, Rattachement, Scolarite
from familles.models import Responsable
from tests.enfants.fabrique import MAINTENANT
from tests.factories import agent, enfant, famille, structure

pytestmark = pytest.mark.django_db
ADRESSE = "/admin/acces/"


@pytest.fixture(autouse=True)
def horloge():
    with time_machine.travel(MAINTENANT, tick=False):
        yield


@pytest.fixture
def ecole(monde):
    """Two households without access in CP, one in CE1; Léa (whose parents have theirs) in CP."""
    lieu = structure("École des Saules", genre="ecole")
    annee = AnneeScolaire.objects.create(debut=date(2026, 9, 1), fin=date(2027, 8, 31))
    eleves = [(monde.lea, "CP")]
    for prenom, niveau in (("Ana", "CP"), ("Bob", "CP"), ("Cid", "CE1")):
        eleves.append((enfant(prenom, famille(prenom, "ÉCOLE"), nom="ÉCOLE"), niveau))
    for eleve, niveau in eleves:
        Scolarite.objects.create(enfant=eleve, annee=annee, ecole=lieu, niveau=niveau, classe="A")
    return lieu


def sans_acces() -> int:
    return Responsable.objects.filter(nom="ÉCOLE", utilisateur=None).count()


def pages(reponse) -> int:
    return len(PdfReader(BytesIO(reponse.content)).pages)


def test_une_classe_puis_l_ecole(monde, ecole):
    mairie = monde.client(monde.agent)
    assert "Accès par école" in mairie.get("/admin/familles/famille/").content.decode()
    choix = {"ecole": ecole.pk, "niveau": "CP", "classe": ""}
    assert "2 adultes sans accès" in mairie.get(ADRESSE, choix).content.decode()
    assert sans_acces() == 3
    assert pages(mairie.post(ADRESSE, choix)) == 2
    assert sans_acces() == 1
    # Again: nothing left in that class, the rest of the school only.
    assert mairie.post(ADRESSE, choix).status_code == 302
    assert pages(mairie.post(ADRESSE, choix | {"niveau": ""})) == 1
    assert sans_acces() == 0


def test_par_lots(monde, ecole, monkeypatch):
    monkeypatch.setattr(acces, "LOT", 2)
    mairie = monde.client(monde.agent)
    choix = {"ecole": ecole.pk, "niveau": "", "classe": "a"}
    assert "les 2 premiers accès" in mairie.get(ADRESSE, choix).content.decode()
    assert [pages(mairie.post(ADRESSE, choix)) for _ in range(2)] == [2, 1]


def test_un_rattachement_termine_n_a_pas_de_lettre(monde, ecole):
    Rattachement.objects.filter(enfant__prenom="Ana").update(au=date(2026, 9, 30))
    assert acces.adultes_sans_acces(MAINTENANT.date(), ecole).count() == 2


@pytest.mark.parametrize(
    "choix", [{"ecole": "x"}, {"ecole": "0"}, {"ecole": ""}, {"ecole": "1", "niveau": "zz"}]
)
def test_choix_faux(monde, ecole, choix):
    mairie = monde.client(monde.agent)
    for reponse in (mairie.get(ADRESSE, choix), mairie.post(ADRESSE, choix)):
        assert reponse.status_code == 200 and "errorlist" in reponse.content.decode()
    assert sans_acces() == 3


def test_il_faut_la_permission(monde, ecole):
    for compte in (monde.client(agent("limite", "familles.view_famille")), monde.client(monde.jean)):
        assert compte.get(ADRESSE).status_code in (302, 403)
        assert compte.post(ADRESSE, {"ecole": ecole.pk}).status_code in (302, 403)
    assert sans_acces() == 3


def test_le_parent_separe_n_a_pas_d_acces_chez_l_autre(monde, ecole):
    """« Jeanne », declared as conjoint by Jean's household, has her own: no letter for her in his."""
    monde.jean.responsables.create(rang="conjoint", prenom="Jeanne", nom="Dupont")
    ana, bob = (famille_de(prenom) for prenom in ("Ana", "Bob"))
    ana.responsables.create(rang="conjoint", prenom="Eli", nom="AUTRE")
    bob.responsables.create(rang="conjoint", prenom="Flo", nom="AUTRE")
    bob.responsables.filter(rang="titulaire").update(situation="separe")
    trouves = acces.adultes_sans_acces(MAINTENANT.date(), ecole)
    assert sorted(r.prenom for r in trouves) == ["Ana", "Bob", "Cid", "Eli"]


def famille_de(prenom: str):
    return Responsable.objects.get(prenom=prenom, rang="titulaire").famille
