"""An invoice whose days fell after it was issued: the régisseur is told, and an avoir settles it."""

from datetime import date, datetime, timedelta

import pytest
import time_machine
from django.urls import reverse
from django.utils import timezone

from enfants import fermetures, places
from enfants.models import Fermeture
from facturation import emission
from facturation.ecarts import a_corriger
from facturation.models import Facture
from tests import factories
from tests.facturation import fabrique

AVANT = datetime(2026, 11, 25, 9)
LUNDI = date(2026, 12, 7)


@pytest.fixture
def decembre(monde):
    """December is billed before it begins: Léa and Tom (Jean's), Zoé (Claire's), two days each."""
    with time_machine.travel(AVANT, tick=False) as horloge:
        regie = fabrique.regie()
        fabrique.tarif(fabrique.lien(monde.cantine, regie))
        for nom in ("lea", "tom", "zoe"):
            for n in range(2):
                places.reserver(
                    [places.Souhait(monde.inscriptions[nom], LUNDI + timedelta(n))],
                    None,
                    timezone.now(),
                    au_nom_de_la_mairie=True,
                )
        campagne = fabrique.campagne(
            regie, du=date(2026, 12, 1), au=date(2026, 12, 31), date_facture=AVANT.date(), echeance=LUNDI
        )
        emission.calculer(campagne)
        emission.emettre(campagne, monde.agent)
        horloge.shift(timedelta(days=1))
        yield campagne


def fermer(monde, jour: date) -> None:
    fermeture = Fermeture(structure=monde.cantine.structure, du=jour, au=jour, motif="Grève")
    fermetures.enregistrer(fermeture)
    fermetures.balayer(fermeture, monde.agent, timezone.now())


def jours(ecarts: dict) -> dict:
    return {
        Facture.objects.get(pk=pk).famille: sorted((r.enfant.prenom, r.jour) for r in lignes)
        for pk, lignes in ecarts.items()
    }


def test_une_fermeture_apres_la_facture(monde, decembre, django_assert_num_queries):
    aujourdhui = timezone.localdate()
    assert a_corriger(aujourdhui) == {}
    fermer(monde, LUNDI)
    with django_assert_num_queries(5):
        ecarts = a_corriger(aujourdhui)
    assert jours(ecarts) == {monde.jean: [("Léa", LUNDI), ("Tom", LUNDI)], monde.claire: [("Zoé", LUNDI)]}


def test_un_jour_annule_pendant_lemission(monde, decembre):
    """The verb began before the invoice and ended after it: neither saw the other."""
    reservation = monde.inscriptions["zoe"].reservations.get(jour=LUNDI)
    pendant = Facture.objects.get(famille=monde.claire).emise_le - timedelta(seconds=2)
    places.annuler([reservation.pk], None, pendant, "Erreur")
    assert jours(a_corriger(timezone.localdate())) == {monde.claire: [("Zoé", LUNDI)]}


def test_lavoir_et_la_nouvelle_facture_reglent_tout(monde, decembre):
    fermer(monde, LUNDI)
    for facture in Facture.objects.all():
        emission.avoir(facture, monde.agent, "Grève")
    assert a_corriger(timezone.localdate()) == {}
    emission.calculer(decembre)
    emission.emettre(decembre, monde.agent)
    assert [f.total_centimes for f in Facture.objects.vives().order_by("pk")] == [2 * 345, 345]
    assert a_corriger(timezone.localdate()) == {}


def test_un_jour_repris_ou_une_presence_reste_du(monde, decembre):
    maintenant = timezone.now()
    for nom in ("lea", "tom"):
        places.changer(
            monde.inscriptions[nom].reservations.get(jour=LUNDI), "absent_excuse", None, maintenant
        )
    assert jours(a_corriger(timezone.localdate())) == {monde.jean: [("Léa", LUNDI), ("Tom", LUNDI)]}
    places.changer(monde.inscriptions["lea"].reservations.get(jour=LUNDI), "reservee", None, maintenant)
    fabrique.pointage(monde.tom, monde.cantine, LUNDI)
    assert a_corriger(timezone.localdate()) == {}


def test_un_mois_au_forfait_reste_du_tant_quil_reste_un_jour(monde):
    with time_machine.travel(AVANT, tick=False) as horloge:
        regie = fabrique.regie()
        fabrique.tarif(fabrique.lien(monde.cantine, regie), unite="mois")
        for n in range(2):
            fabrique.reservation(monde.inscriptions["zoe"], LUNDI + timedelta(n))
        campagne = fabrique.campagne(
            regie, du=date(2026, 12, 1), au=date(2026, 12, 31), date_facture=AVANT.date(), echeance=LUNDI
        )
        emission.calculer(campagne)
        emission.emettre(campagne, monde.agent)
        horloge.shift(timedelta(days=1))
        fermer(monde, LUNDI)
        assert a_corriger(timezone.localdate()) == {}
        fermer(monde, LUNDI + timedelta(1))
        assert [len(lignes) for lignes in a_corriger(timezone.localdate()).values()] == [2]


def test_la_mairie_le_lit_sur_son_accueil(monde, decembre):
    droits = ("creer_avoir", "view_facture", "view_lignefacture")
    regisseur = factories.agent("regisseur", *(f"facturation.{droit}" for droit in droits))
    simple = factories.agent("accueil", "enfants.view_enfant")
    fermer(monde, LUNDI)
    assert "factures-a-corriger" not in monde.client(simple).get(reverse("admin:index")).text
    client = monde.client(regisseur)
    assert "2 factures comptent des jours annulés" in client.get(reverse("admin:index")).text
    fabrique.facture(monde.jeanne, 500)
    liste = client.get(reverse("admin:facturation_facture_changelist"), {"a_corriger": "oui"})
    assert {f.famille for f in liste.context["cl"].result_list} == {monde.jean, monde.claire}
    page = client.get(
        reverse("admin:facturation_facture_change", args=[Facture.objects.get(famille=monde.claire).pk])
    )
    assert "Zoé, Restauration scolaire, 07/12/2026\N{NO-BREAK SPACE}: annulée" in page.text
    assert "Grève" in page.text
    saine = Facture.objects.get(famille=monde.jeanne)
    assert "plus dus" not in client.get(reverse("admin:facturation_facture_change", args=[saine.pk])).text


@pytest.mark.parametrize("emise_avant", [False, True])
def test_un_jour_annule_pendant_le_calcul(monde, emise_avant):
    """The verb began before the draft and ended after it: the draft is out of date, whatever the instant it bears. Ended
    after the invoice too, which bills what the draft read: to be corrected.
    """
    with time_machine.travel(AVANT, tick=False) as horloge:
        fabrique.tarif(fabrique.lien(monde.cantine))
        (reservation,) = (fabrique.reservation(monde.inscriptions["zoe"], LUNDI),)
        horloge.shift(timedelta(hours=1))
        campagne = fabrique.campagne(du=LUNDI, au=LUNDI, date_facture=AVANT.date(), echeance=LUNDI)
        commencee = timezone.now() - timedelta(seconds=2)
        emission.calculer(campagne)
        horloge.shift(timedelta(hours=1))
        if emise_avant:
            emission.emettre(campagne, None)
        places.annuler([reservation.pk], None, commencee, "Erreur")
        emission.emettre(campagne, None)
        assert Facture.objects.count() == emise_avant
        horloge.shift(timedelta(hours=1))
        a_reprendre = {monde.claire: [("Zoé", LUNDI)]} if emise_avant else {}
        assert jours(a_corriger(timezone.localdate())) == a_reprendre


def test_un_mois_au_forfait_reste_du_par_un_jour_reserve_depuis(monde):
    """The only day billed is cancelled, another of the month is booked: an avoir would bill the same again."""
    with time_machine.travel(AVANT, tick=False) as horloge:
        fabrique.tarif(fabrique.lien(monde.cantine), unite="mois")
        lundi = fabrique.reservation(monde.inscriptions["zoe"], LUNDI)
        campagne = fabrique.campagne(
            du=date(2026, 12, 1), au=date(2026, 12, 31), date_facture=AVANT.date(), echeance=LUNDI
        )
        emission.calculer(campagne)
        emission.emettre(campagne, monde.agent)
        horloge.shift(timedelta(days=1))
        places.annuler([lundi.pk], None, timezone.now(), "Erreur")
        assert jours(a_corriger(timezone.localdate())) == {monde.claire: [("Zoé", LUNDI)]}
        fabrique.reservation(monde.inscriptions["zoe"], date(2027, 1, 4))
        assert jours(a_corriger(timezone.localdate())) == {monde.claire: [("Zoé", LUNDI)]}
        fabrique.reservation(monde.inscriptions["zoe"], LUNDI + timedelta(2))
        assert a_corriger(timezone.localdate()) == {}
