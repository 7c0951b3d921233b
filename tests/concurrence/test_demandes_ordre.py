"""The order of the locks when a demande moves places or takes a number: two at once wait, never for one another."""

import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest
from django.db import OperationalError, connection

from demandes import envoi
from demandes.models import CompteurDemande, Demande, ReglageDemande
from enfants import inscriptions, places
from enfants.models import AnneeScolaire, PeriodeVacances, Reservation
from portail.socle import verrous
from tests import factories
from tests.demandes.fabrique import demande, formulaire, reservations, titulaire

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db(transaction=True)]
MAINTENANT = datetime(2026, 11, 23, 9, 0, tzinfo=ZoneInfo("Europe/Paris"))


@pytest.fixture(autouse=True)
def patience(monkeypatch):
    """A loaded machine waits long for a lock; only a deadlock is the fault looked for."""
    monkeypatch.setattr(verrous, "DELAI_MS", 30_000)


def ensemble(*actions) -> list:
    """Run these at the same time; what each returned, or the OperationalError of a deadlock."""

    def faire(action):
        try:
            return action()
        except OperationalError as erreur:
            return erreur
        finally:
            connection.close()

    with ThreadPoolExecutor(len(actions)) as fils:
        return list(fils.map(faire, actions))


def se_croiser(barriere: threading.Barrier) -> None:
    with suppress(threading.BrokenBarrierError):
        barriere.wait(timeout=1)


# --- the number of an automatic acceptance, and the other household that books ----------------------------------


def _deux_foyers(monkeypatch) -> list:
    """Jean's demande about Léa is accepted by the portal while Jeanne books for her: both touch Léa, both number."""
    jean, jeanne = (factories.famille(p, "DUPONT", f"{p.lower()}.dupont") for p in ("Jean", "Jeanne"))
    lea = factories.enfant("Léa", jean, jeanne)
    chez_elle = factories.inscription(lea, factories.prestation(), jeanne)
    ReglageDemande.objects.create(type="autorisations", automatique=True)
    CompteurDemande.objects.create(annee=2026)
    compte, barriere, numeroter = titulaire(jean).utilisateur, threading.Barrier(2), CompteurDemande.numero
    envoyeur = []

    def numero(annee):
        if threading.get_ident() not in envoyeur:
            se_croiser(barriere)
            return numeroter(annee)
        pris = numeroter(annee)
        se_croiser(barriere)
        return pris

    monkeypatch.setattr(CompteurDemande, "numero", staticmethod(numero))

    def envoyer():
        envoyeur.append(threading.get_ident())
        form = formulaire("autorisations", jean, {"baignade": True}, lea, MAINTENANT.date())
        assert form.is_valid()
        envoi.envoyer(form, compte, MAINTENANT, uuid.uuid4())

    def reserver():
        reservations(chez_elle, date(2026, 11, 30), le=MAINTENANT)

    return ensemble(envoyer, reserver)


def test_le_numero_vient_en_dernier(monkeypatch):
    assert _deux_foyers(monkeypatch) == [None, None]
    assert sorted(Demande.objects.values_list("numero", "type", "etat")) in (
        [("2026-0001", "autorisations", "acceptee"), ("2026-0002", "reservations", "envoyee")],
        [("2026-0001", "reservations", "envoyee"), ("2026-0002", "autorisations", "acceptee")],
    )


def test_le_numero_pris_avant_lenfant_serait_un_interblocage(monkeypatch):
    """Negative control: the former order, accepted once numbered."""
    monkeypatch.setattr(envoi, "_appliquer_seul", lambda demande, maintenant: None)
    monkeypatch.setattr(
        Demande, "accuser", lambda self: self.genre.planning or self.accepter(None, MAINTENANT)
    )
    assert sum(isinstance(r, OperationalError) for r in _deux_foyers(monkeypatch)) == 1


# --- two typical weeks that exchange their days ------------------------------------------------------------------


def _semaines_croisees(monkeypatch) -> list:
    """One child leaves the Mondays for the Tuesdays, the other the Tuesdays for the Mondays; both are accepted."""
    AnneeScolaire.objects.create(debut=date(2026, 9, 1), fin=date(2027, 8, 31))
    PeriodeVacances.objects.create(
        nom="Noël", nature="petites", zone="B", du=date(2026, 12, 19), au=date(2027, 1, 3)
    )
    club, agent = factories.prestation("Club", places=20), factories.agent()
    faites = []
    for prenom, avant, apres in (("Jean", "0", "1"), ("Claire", "1", "0")):
        famille = factories.famille(prenom, "DUPONT", f"{prenom.lower()}.dupont")
        enfant = factories.enfant(f"E{prenom}", famille)
        corps = {"prestation": str(club.pk), "mode": "regulier", "jours": [avant], "du": "2026-11-24"}
        demande("inscription", famille, corps, enfant, MAINTENANT).accepter(agent, MAINTENANT)
        faites.append(demande("inscription", famille, corps | {"jours": [apres]}, enfant, MAINTENANT))
    barriere, annuler = threading.Barrier(2), places.annuler

    def ensuite(*args):
        se_croiser(barriere)
        return annuler(*args)

    monkeypatch.setattr(places, "annuler", ensuite)
    return ensemble(*(lambda f=f: Demande.objects.get(pk=f.pk).accepter(agent, MAINTENANT) for f in faites))


def test_deux_semaines_types_changees_se_suivent(monkeypatch):
    assert _semaines_croisees(monkeypatch) == [None, None]
    jours = Reservation.objects.vivantes().order_by("pk").values_list("enfant__prenom", "jour")
    assert {(prenom, jour.weekday()) for prenom, jour in jours} == {("EJean", 1), ("EClaire", 0)}


def test_reserver_puis_annuler_serait_un_interblocage(monkeypatch):
    """Negative control: places taken, then places freed, each under its own locks."""
    monkeypatch.setattr(places, "tenir_tout", lambda souhaits, ids: None)
    assert sum(isinstance(r, OperationalError) for r in _semaines_croisees(monkeypatch)) == 1


# --- a week that changes, and an agent who cancels one of its days ------------------------------------------------


def _semaine_et_annulation(monkeypatch) -> list:
    """The demande moves the day under its new inscription, then cancels it, while another agent cancels it."""
    cantine, agent = factories.prestation(), factories.agent()
    famille = factories.famille("Jean", "DUPONT", "jean.dupont")
    enfant = factories.enfant("Léa", famille)
    jour = date(2026, 12, 7)
    (issue,) = places.reserver(
        [places.Souhait(factories.inscription(enfant, cantine, famille), jour)],
        agent,
        MAINTENANT,
        au_nom_de_la_mairie=True,
        reguliere=True,
    )
    corps = {"prestation": str(cantine.pk), "mode": "regulier", "jours": ["1"], "du": "2026-12-01"}
    faite = demande("inscription", famille, corps, enfant, MAINTENANT)
    barriere, remplir, appliquer = threading.Barrier(2), inscriptions.remplir, places.appliquer

    def puis_remplir(*args):
        se_croiser(barriere)
        return remplir(*args)

    def puis_appliquer(passages, *args):
        if passages:
            se_croiser(barriere)
        return appliquer(passages, *args)

    monkeypatch.setattr(inscriptions, "remplir", puis_remplir)
    monkeypatch.setattr(places, "appliquer", puis_appliquer)
    reponses = ensemble(
        lambda: Demande.objects.get(pk=faite.pk).accepter(agent, MAINTENANT),
        lambda: places.annuler([issue.reservation.pk], agent, MAINTENANT, "Sortie") and None,
    )
    issue.reservation.refresh_from_db()
    return [*reponses, issue.reservation.etat]


def test_changer_de_semaine_et_annuler_un_jour_se_suivent(monkeypatch):
    assert _semaine_et_annulation(monkeypatch) == [None, None, "annulee"]


def test_le_jour_ecrit_avant_lenfant_serait_un_interblocage(monkeypatch):
    """Negative control: the days move under the new inscription, the child is locked afterwards."""
    monkeypatch.setattr(places, "tenir_les_enfants", lambda *_, **__: None)
    *reponses, _ = _semaine_et_annulation(monkeypatch)
    assert sum(isinstance(r, OperationalError) for r in reponses) == 1
