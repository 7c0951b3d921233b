"""A day that passes from one household to the other after its invoice, a share left behind, a month that loses its
invoice: billed once, never twice, and told until it is.
"""

from datetime import timedelta

import pytest
import time_machine
from django.urls import reverse
from django.utils import timezone

from enfants import cloture, places
from enfants.models import Inscription, Reservation
from facturation import emission
from facturation.complements import a_facturer, completer
from facturation.ecarts import a_corriger
from facturation.models import Facture
from tests import factories
from tests.facturation import fabrique
from tests.facturation.test_admin import adresse, texte
from tests.facturation.test_complements import AVANT, LUNDI, MARDI, completee, dits, emise, reserver


@pytest.fixture
def horloge():
    with time_machine.travel(AVANT, tick=False) as horloge:
        yield horloge


@pytest.fixture
def tarif(monde, horloge):
    """The canteen at 3,45."""
    return fabrique.tarif(fabrique.lien(monde.cantine))


def chez_jeanne(monde, **champs) -> Inscription:
    return factories.inscription(monde.lea, monde.cantine, monde.jeanne, **champs)


def partager(monde) -> None:
    Inscription.objects.filter(pk=monde.inscriptions["lea"].pk).update(repartition="part", part=50)
    chez_jeanne(monde, repartition="part", part=50)


def reserver_pour(inscription: Inscription, jour) -> Reservation:
    souhait = places.Souhait(inscription, jour)
    (issue,) = places.reserver([souhait], None, timezone.now(), au_nom_de_la_mairie=True)
    return issue.reservation


def vives() -> dict:
    """By live invoice, its family and its amount."""
    lues = Facture.objects.vives().order_by("pk")
    return {f.reference: (f.famille, f.total_centimes) for f in lues}


def test_a_day_that_passes_to_the_other_household(monde, tarif, horloge):
    (reservation,) = reserver(monde, "lea", LUNDI)
    reserver(monde, "zoe", LUNDI)
    campagne = emise()
    horloge.shift(timedelta(days=1))
    places.annuler([reservation.pk], None, timezone.now(), "C’est la semaine de sa mère")
    cle = (monde.jeanne.pk, monde.lea.pk, monde.cantine.pk, LUNDI)
    assert "le régisseur devra le facturer en plus" in cloture.avertir(ajoutes=[cle])[0]
    assert cloture.avertir(ajoutes=[(monde.jean.pk, *cle[1:])]) == []
    reserver_pour(chez_jeanne(monde), LUNDI)
    ecarts = a_corriger(timezone.localdate())
    assert {pk: [r.payeur for r in siennes] for pk, siennes in ecarts.items()} == {
        monde.jean.factures.get().pk: [monde.jean]
    }
    page = texte(monde.client(monde.agent).get(adresse("campagne_en_plus")))
    assert "déjà facturé à l’autre foyer par AL-1, créez d’abord un avoir" in page
    assert "aucun tarif" not in page
    complement = completee(campagne)
    assert len(vives()) == 2
    (anomalie,) = complement.brouillons.get(famille=monde.jeanne).anomalies
    assert anomalie["phrase"] == (
        "Léa, Restauration scolaire, 07/12/2026\N{NO-BREAK SPACE}: déjà facturé à l’autre foyer par AL-1. "
        "Créez d’abord un avoir."
    )
    emission.avoir(monde.jean.factures.get(), None, "À sa mère")
    assert dits() == {monde.jeanne: [("Léa", LUNDI, 345)]}
    completee(campagne)
    assert vives() == {"AL-2": (monde.claire, 345), "AL-3": (monde.jeanne, 345)}
    assert (dits(), a_corriger(timezone.localdate())) == ({}, {})


def test_a_shared_day_booked_again_by_the_other_household(monde, tarif, horloge):
    """Both still owe their share: nothing to correct, nothing more to bill."""
    partager(monde)
    (reservation,) = reserver(monde, "lea", LUNDI)
    campagne = emise()
    horloge.shift(timedelta(days=1))
    places.annuler([reservation.pk], None, timezone.now(), "Erreur")
    assert set(a_corriger(timezone.localdate())) == {f.pk for f in Facture.objects.all()}
    reserver_pour(Inscription.objects.get(famille=monde.jeanne), LUNDI)
    assert (dits(), a_corriger(timezone.localdate())) == ({}, {})
    completee(campagne)
    assert sorted(centimes for _, centimes in vives().values()) == [172, 173]


def test_a_day_shared_after_its_invoice_is_not_billed_for_more_than_its_price(monde, tarif, horloge):
    reserver(monde, "lea", LUNDI)
    campagne = emise()
    horloge.shift(timedelta(days=1))
    partager(monde)
    reserver(monde, "zoe", MARDI)
    completee(campagne)
    assert vives() == {"AL-1": (monde.jean, 345), "AL-2": (monde.claire, 345)}
    emission.avoir(monde.jean.factures.get(), None, "À partager")
    completee(campagne)
    assert vives() == {
        "AL-2": (monde.claire, 345),
        "AL-3": (monde.jean, 173),
        "AL-4": (monde.jeanne, 172),
    }


def avec_sam(monde, horloge):
    """Jeanne is billed for Sam, on Monday; Léa's days are shared. The draft is computed."""
    partager(monde)
    sam = factories.inscription(factories.enfant("Sam", monde.jeanne), monde.cantine, monde.jeanne)
    reserver_pour(sam, LUNDI)
    campagne = fabrique.campagne(du=LUNDI, au=MARDI, date_facture=AVANT.date(), echeance=LUNDI)
    horloge.shift(timedelta(hours=1))
    emission.calculer(campagne)
    horloge.shift(timedelta(hours=1))
    return campagne


def test_a_share_that_appears_holds_the_draft_back(monde, tarif, horloge):
    """Léa has no line on Jeanne's draft yet: issued as it was, it would have left her share behind."""
    campagne = avec_sam(monde, horloge)
    reserver(monde, "lea", MARDI)
    horloge.shift(timedelta(hours=1))
    emission.emettre(campagne, None)
    assert vives() == {}
    emission.calculer(campagne)
    emission.emettre(campagne, None)
    assert vives() == {"AL-1": (monde.jean, 173), "AL-2": (monde.jeanne, 345 + 172)}
    assert dits() == {}


def test_a_share_left_behind_by_a_draft_computed_again(monde, tarif, horloge):
    """Jeanne has her invoice when Léa's day appears: computing again held her share back, without a word."""
    campagne = avec_sam(monde, horloge)
    emission.emettre(campagne, None)
    horloge.shift(timedelta(hours=1))
    reserver(monde, "lea", MARDI)
    horloge.shift(timedelta(hours=1))
    emission.calculer(campagne)
    emission.emettre(campagne, None)
    assert vives() == {"AL-1": (monde.jeanne, 345), "AL-2": (monde.jean, 173)}
    assert dits() == {monde.jeanne: [("Léa", MARDI, 172)]}
    campagne.refresh_from_db()
    completee(campagne)
    assert (vives()["AL-3"], dits()) == ((monde.jeanne, 172), {})


def test_a_month_follows_the_invoice_that_bills_it(monde, tarif, horloge):
    """Tuesday is a line at zero of the complement: the month is on the first invoice, and an avoir takes it away."""
    tarif.unite, tarif.forfait_centimes = "mois", 5900
    tarif.save()
    (reservation,) = reserver(monde, "lea", LUNDI)
    campagne = emise()
    horloge.shift(timedelta(days=1))
    reserver(monde, "lea", MARDI)
    reserver(monde, "tom", MARDI)
    completee(campagne)
    assert vives() == {"AL-1": (monde.jean, 5900), "AL-2": (monde.jean, 5900)}
    assert sorted(Facture.objects.get(reference="AL-2").lignes.values_list("total_centimes", flat=True)) == [
        0,
        5900,
    ]
    assert emission.calculer(campagne) == []
    places.annuler([reservation.pk], None, timezone.now(), "Erreur")
    emission.avoir(Facture.objects.get(reference="AL-1"), None, "À refaire")
    assert dits() == {monde.jean: [("Léa", MARDI, 5900)]}
    completee(campagne)
    assert (vives()["AL-3"], len(vives()), dits()) == ((monde.jean, 5900), 2, {})


def test_the_agent_is_told_when_the_day_is_on_the_other_household_s_invoice(monde, tarif, horloge):
    (reservation,) = reserver(monde, "lea", LUNDI)
    horloge.shift(timedelta(hours=1))
    emise()
    horloge.shift(timedelta(days=1))
    places.annuler([reservation.pk], None, timezone.now(), "Erreur")
    envoi = {"inscription": chez_jeanne(monde).pk, "jour": LUNDI.isoformat()}
    page = monde.client(monde.agent).post(reverse("admin:enfants_reservation_add"), envoi)
    assert "le régisseur devra le facturer en plus" in texte(page)
    assert a_facturer(timezone.localdate()).nombre == 0


@pytest.mark.parametrize("rattachee", [True, False])
def test_a_presence_nobody_paid_for_before_the_issue(monde, tarif, horloge, rattachee):
    """Held back by the draft, it is told until the inscription is there, then billed."""
    reserver(monde, "lea", LUNDI)
    nina = factories.enfant("Nina", *([monde.claire] if rattachee else []))
    horloge.move_to(AVANT + timedelta(days=20))
    fabrique.pointage(nina, monde.cantine, MARDI)
    horloge.shift(timedelta(days=1))
    campagne = emise()
    horloge.shift(timedelta(days=1))
    (phrase,) = a_facturer(timezone.localdate()).sans_payeur
    assert phrase.startswith("Nina, Restauration scolaire, 08/12/2026")
    factories.inscription(nina, monde.cantine, monde.claire)
    assert dits() == {monde.claire: [("Nina", MARDI, 345)]}
    completee(campagne)
    assert (vives()["AL-2"], dits()) == ((monde.claire, 345), {})


def test_two_drafts_of_a_day_that_became_shared(monde, tarif, horloge):
    """The first draft bills Jean for the whole day, the second both for a half: once the first is issued, no half."""
    reserver(monde, "lea", LUNDI)
    campagne = emise()
    horloge.shift(timedelta(days=1))
    emission.avoir(monde.jean.factures.get(), None, "À partager")
    emission.calculer(campagne)
    partager(monde)
    complement = completer(campagne, None, timezone.localdate())
    emission.calculer(complement)
    assert [b.total_centimes for b in complement.brouillons.order_by("pk")] == [173, 172]
    emission.emettre(campagne, None)
    bilan = emission.emettre(complement, None)
    assert (bilan.emises, [phrase for _, phrase in bilan.echecs]) == (
        [],
        [
            f"Un jour est déjà facturé{quoi}\N{NO-BREAK SPACE}: recalculez le brouillon."
            for quoi in ("", " à l’autre foyer")
        ],
    )
    assert vives() == {"AL-2": (monde.jean, 345)}


def test_a_complement_with_nothing_to_bill_says_so(monde, tarif, horloge):
    reserver(monde, "lea", LUNDI)
    campagne = emise()
    page = texte(monde.client(monde.agent).post(adresse("campagne_completer", campagne.pk), follow=True))
    assert "Rien à facturer en plus pour l’instant" in page
    assert "prête à relire" not in page
