"""The table of states against concurrent change, with real threads on both databases.

For every state and every two states two people want at once: the result is always that of one order or the other.
"""

from itertools import combinations_with_replacement

import pytest
from django.core.exceptions import ValidationError

from enfants import places, regles
from enfants.models import Creneau, Etat, Jauge, Reservation
from enfants.models.reservation import OCCUPANTS
from enfants.regles import TRANSITIONS
from tests import factories
from tests.concurrence.navigateurs import ensemble
from tests.enfants.fabrique import LUNDI, MAINTENANT, automatique, reserver

pytestmark = pytest.mark.django_db(transaction=True)


def passe(de: str, vers: str) -> bool:
    return vers in TRANSITIONS[de]


def issues_possibles(de: str, a: str, b: str) -> set[tuple[str, int]]:
    """(final state, how many changes) of « a then b » and « b then a », by the table alone."""
    possibles = set()
    for suite in ((a, b), (b, a)):
        etat, changements = de, 0
        for vers in suite:
            if passe(etat, vers):
                etat, changements = vers, changements + 1
        possibles.add((etat, changements))
    return possibles


@pytest.fixture
def ligne(transactional_db):
    famille = factories.famille("Jean", "DUPONT", quotient=None)
    club = automatique(factories.prestation("Club"))
    Jauge.objects.create(structure=club.structure, libelle="Club", capacite=1).prestations.add(club)
    inscription = factories.inscription(factories.enfant("Léa", famille), club, famille)
    return reserver(inscription, LUNDI)[0]


def remettre(ligne: Reservation, etat: str) -> None:
    tenue = etat in OCCUPANTS
    jauges = list(Jauge.objects.values_list("pk", flat=True)) if tenue else []
    Reservation.objects.filter(pk=ligne.pk).update(etat=etat, version=1, places=jauges, motif="Essai")
    Creneau.objects.update(pris=int(tenue))


def changer(ligne: Reservation, vers: str):
    """One person's change, from the row as they saw it: the name of what refused it, or nothing."""

    def essayer() -> str:
        try:
            places.changer(ligne, vers, None, MAINTENANT, "Essai")
        except ValidationError as refus:
            return type(refus).__name__
        return ""

    return essayer


@pytest.mark.parametrize("de", Etat.values)
def test_deux_changements_a_la_fois_valent_lun_puis_lautre(ligne, de):
    """Only what the table allows from somewhere near is raced: the refused ones are in tests/enfants/test_places.py."""
    voisins = sorted(TRANSITIONS[de] | {v for n in TRANSITIONS[de] for v in TRANSITIONS[n]})
    for a, b in combinations_with_replacement(voisins, 2):
        remettre(ligne, de)
        avant = ligne.evenements.count()
        refus = ensemble([changer(ligne, a), changer(ligne, b)])
        relue = Reservation.objects.get(pk=ligne.pk)
        changements = ligne.evenements.count() - avant
        assert (relue.etat, changements) in issues_possibles(de, a, b), (de, a, b)
        assert relue.version == 1 + changements == 3 - sum(map(bool, refus))
        assert Creneau.objects.get().pris == int(relue.etat in OCCUPANTS)


def test_controle_une_table_qui_oublie_une_ligne_se_voit(ligne, monkeypatch):
    """A second change that the table forbids: were it allowed, the outcome would be another."""
    permise = regles.TRANSITIONS | {Etat.ANNULEE: frozenset({Etat.RESERVEE})}
    monkeypatch.setattr(regles, "TRANSITIONS", permise)
    remettre(ligne, Etat.ANNULEE)
    ensemble([changer(ligne, Etat.RESERVEE)])
    relue = Reservation.objects.get(pk=ligne.pk)
    assert (relue.etat, 1) not in issues_possibles(Etat.ANNULEE, Etat.RESERVEE, Etat.RESERVEE)
