"""« Saisir un règlement » and « Annuler »: a double click counts once, dates make sense."""

import re
import uuid
from datetime import date

import pytest
import time_machine

from enfants.models import AffectationAgent
from facturation.encaissement import EncaissementImpossible, annuler, encaisser
from facturation.models import PriseEnChargeTresor, Reglement
from facturation.releve import solde
from tests import factories
from tests.facturation import fabrique
from tests.facturation.test_admin import adresse, texte

JOUR = date(2026, 11, 10)


@pytest.fixture
def bureau(monde):
    with time_machine.travel("2026-11-23 10:00+01:00", tick=False):
        yield monde.client(monde.agent)


@pytest.fixture
def saisie(monde):
    facture = fabrique.facture(monde.jean, 1000)
    return adresse("reglement_saisir", monde.jean.pk, facture.regie_id)


def jeton(page) -> str:
    return re.search(r'name="jeton" value="([0-9a-f-]{36})"', texte(page))[1]


def donnees(**champs) -> dict:
    return {"mode": "cheque", "centimes": "6,00", "date": "10/11/2026", "jeton": str(uuid.uuid4())} | champs


def test_a_double_click_takes_the_money_once(monde, bureau, saisie):
    envoi = donnees(jeton=jeton(bureau.get(saisie)))
    premier, second = bureau.post(saisie, envoi), bureau.post(saisie, envoi, follow=True)
    assert premier.status_code == 302
    assert "Cette saisie est déjà enregistrée" in texte(second)
    assert "AL-1" in texte(second)
    assert [r.centimes for r in Reglement.objects.all()] == [600]
    bureau.post(saisie, donnees(jeton=jeton(bureau.get(saisie)), centimes="4,00"))
    assert solde(monde.jean) == 0


def test_a_double_click_after_which_the_invoice_no_longer_takes_as_much(monde, bureau, saisie):
    facture = monde.jean.factures.get()
    envoi = donnees() | {f"sur_{facture.pk}": "6"}
    bureau.post(saisie, envoi)
    second = bureau.post(saisie, envoi, follow=True)
    assert "Cette saisie est déjà enregistrée" in texte(second)
    assert Reglement.objects.count() == 1


def test_found_again_under_the_lock(monde):
    """Both clicks passed the form before either was written."""
    regie, cle = fabrique.regie(), uuid.uuid4()
    premier = encaisser(monde.jean, regie, "cheque", 600, JOUR, monde.agent, jeton=cle)
    assert encaisser(monde.jean, regie, "cheque", 600, JOUR, monde.agent, jeton=cle) == premier
    with pytest.raises(EncaissementImpossible, match="Rechargez"):
        encaisser(monde.claire, regie, "cheque", 600, JOUR, monde.agent, jeton=cle)
    rendu = annuler(premier, monde.agent, "Trop-perçu", JOUR, centimes=200, jeton=(autre := uuid.uuid4()))
    assert annuler(premier, monde.agent, "Trop-perçu", JOUR, centimes=200, jeton=autre) == rendu
    with pytest.raises(EncaissementImpossible, match="Rechargez"):
        annuler(premier, monde.agent, "Trop-perçu", JOUR, centimes=200, jeton=cle)
    assert [r.centimes for r in Reglement.objects.order_by("pk")] == [600, -200]


def test_a_page_without_its_token_is_a_sentence(monde, bureau, saisie):
    for mauvais in ("", "abc"):
        page = bureau.post(saisie, donnees(jeton=mauvais))
        assert "envoyez-la de nouveau" in texte(page)
        assert 'value="6,00"' in texte(page)
        assert bureau.post(saisie, donnees(jeton=jeton(page))).status_code == 302
    assert Reglement.objects.count() == 2


def test_a_part_is_given_back_once(monde, bureau, saisie):
    reglement = encaisser(monde.jean, fabrique.regie(), "cheque", 600, JOUR, monde.agent)
    chemin = adresse("reglement_annuler", reglement.pk)
    envoi = {"motif": "Trop-perçu", "date": "12/11/2026", "centimes": "2"}
    envoi["jeton"] = jeton(bureau.get(chemin))
    bureau.post(chemin, envoi)
    assert "Cette saisie est déjà enregistrée" in texte(bureau.post(chemin, envoi, follow=True))
    assert [r.centimes for r in Reglement.objects.order_by("pk")] == [600, -200]


@pytest.mark.parametrize("quand", ["31/12/9999", "10/11/2206", "24/11/2026", "31/12/1999"])
def test_money_comes_on_a_day_that_has_been(monde, bureau, saisie, quand):
    page = bureau.post(saisie, donnees(date=quand))
    assert "Donnez une date entre le 01/01/2000 et aujourd’hui." in texte(page)
    reglement = encaisser(monde.jean, fabrique.regie(), "cheque", 600, JOUR, monde.agent)
    envoi = donnees(motif="Sans provision", date=quand)
    page = bureau.post(adresse("reglement_annuler", reglement.pk), envoi)
    assert "Donnez une date entre le 01/01/2000 et aujourd’hui." in texte(page)
    assert Reglement.objects.count() == 1


def test_date_of_an_ormc(monde, bureau, saisie):
    chemin = f"{adresse('facture_tresorerie')}?factures={monde.jean.factures.get().pk}"
    page = bureau.post(chemin, {"ormc": "12", "date": "31/12/9999"})
    assert "Vérifiez l’année" in texte(page)
    assert not PriseEnChargeTresor.objects.exists()


def test_an_agent_of_a_structure_sees_no_reglement(monde):
    reglement = encaisser(monde.jean, fabrique.regie(), "cheque", 600, JOUR, monde.agent)
    agent = factories.agent("alsh", "facturation.view_reglement")
    AffectationAgent.objects.create(utilisateur=agent, structure=monde.cantine.structure)
    assert reglement.reference not in texte(monde.client(agent).get(adresse("reglement_changelist")))
