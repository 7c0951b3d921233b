"""The end of an attachment while an agent cancels another child's day: they wait, never for one another."""

import time
from contextlib import suppress
from datetime import date, timedelta
from threading import Barrier, BrokenBarrierError

import pytest
import time_machine
from django.db import OperationalError
from django.test import Client
from django.urls import reverse

from enfants import places, rattachements
from enfants.models import Enfant, Etat, Rattachement, Reservation
from portail.socle import verrous
from portail.socle.verrous import verrouiller_un
from tests import factories
from tests.concurrence.test_places import ensemble
from tests.enfants.fabrique import LUNDI, MAINTENANT, automatique, demander, reserver
from tests.enfants.test_admin import valeurs

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db(transaction=True)]
MARDI = LUNDI + timedelta(1)


@pytest.fixture(autouse=True)
def patience(monkeypatch):
    """A loaded machine waits long for a lock; only a deadlock is the fault looked for."""
    monkeypatch.setattr(verrous, "DELAI_MS", 30_000)


def deux_qui_sattendent() -> tuple[Reservation, Rattachement]:
    """Each child waits for the other's place: the first one's day (by key), the second one's attachment."""
    club = automatique(factories.prestation("Club", places=1, liste_attente=True))
    foyers = [factories.famille(nom, "DUPONT", quotient=None) for nom in ("Jean", "Claire")]
    enfants = [factories.enfant(f"E{n}", foyer) for n, foyer in enumerate(foyers)]
    chez_qui = dict(zip(enfants, foyers, strict=True))
    premier, second = sorted(enfants, key=lambda e: e.pk)
    siennes = {e: factories.inscription(e, club, chez_qui[e]) for e in enfants}
    (prise,) = reserver(siennes[premier], LUNDI)
    reserver(siennes[second], MARDI)
    demander(siennes[second], LUNDI)
    demander(siennes[premier], MARDI)
    return prise, Rattachement.objects.get(enfant=second)


def se_croiser(monkeypatch) -> list:
    """The attachment of the second one ends while the first one's day is cancelled: it holds its child when the other
    verb comes for both.
    """
    prise, lien = deux_qui_sattendent()
    barriere, verifier = Barrier(2), rattachements.verifier

    def puis_verifier(*args):
        with suppress(BrokenBarrierError):
            barriere.wait(timeout=5)
        time.sleep(0.5)
        return verifier(*args)

    def annuler():
        with suppress(BrokenBarrierError):
            barriere.wait(timeout=5)
        return places.annuler([prise.pk], None, MAINTENANT, "Sortie")

    monkeypatch.setattr(rattachements, "verifier", puis_verifier)
    return ensemble(
        [lambda: rattachements.terminer(lien, date(2026, 11, 29), None, MAINTENANT), annuler],
    )


def test_finir_un_rattachement_et_annuler_un_jour_se_suivent(monkeypatch):
    assert [r for r in se_croiser(monkeypatch) if isinstance(r, Exception)] == []
    reservees = Reservation.objects.filter(etat=Etat.RESERVEE)
    assert [r.jour for r in reservees] == [MARDI]


def test_lenfant_seul_dabord_serait_un_interblocage(monkeypatch):
    """Negative control: the former order."""
    monkeypatch.setattr(
        places,
        "tenir_les_enfants",
        lambda enfant, *_, **__: verrouiller_un(Enfant.objects.filter(pk=enfant.pk)),
    )
    assert sum(isinstance(r, OperationalError) for r in se_croiser(monkeypatch)) == 1


# --- the same end, typed in the child's page --------------------------------------------------------------------


def fiche_croisee(monkeypatch) -> list:
    """The agent saves the second child's page, its last day typed, while the first one's day is cancelled."""
    prise, lien = deux_qui_sattendent()
    fiche = reverse("admin:enfants_enfant_change", args=[lien.enfant_id])
    mairie = Client()
    mairie.force_login(factories.agent("agent"))
    saisie = valeurs(mairie.get(fiche).context, **{"rattachements-0-au": "29/11/2026"})
    barriere, suivre = Barrier(2), rattachements.suivre_la_fin

    def puis_suivre(*args):
        with suppress(BrokenBarrierError):
            barriere.wait(timeout=5)
        time.sleep(0.5)
        return suivre(*args)

    def annuler():
        with suppress(BrokenBarrierError):
            barriere.wait(timeout=5)
        return places.annuler([prise.pk], None, MAINTENANT, "Sortie")

    monkeypatch.setattr(rattachements, "suivre_la_fin", puis_suivre)
    with time_machine.travel(MAINTENANT, tick=True):
        return ensemble([lambda: mairie.post(fiche, saisie).status_code, annuler])


def test_finir_un_rattachement_par_la_fiche_et_annuler_un_jour_se_suivent(monkeypatch):
    reponse, annulees = fiche_croisee(monkeypatch)
    assert (reponse, isinstance(annulees, Exception)) == (302, False)
    assert [r.jour for r in Reservation.objects.filter(etat=Etat.RESERVEE)] == [MARDI]


def test_la_fiche_ecrite_dabord_serait_un_interblocage(monkeypatch):
    """Negative control: the child's row is written, the others are locked afterwards."""
    monkeypatch.setattr(rattachements, "tenir", lambda *_: None)
    reponse, annulees = fiche_croisee(monkeypatch)
    assert isinstance(annulees, OperationalError) or reponse == 503
