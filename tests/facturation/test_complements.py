"""A day due inside an issued campagne, on no invoice: told to the régisseur, billed once by a complementary campagne."""

from datetime import date, datetime, timedelta
from io import BytesIO

import pytest
import time_machine
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone
from pypdf import PdfReader

from enfants import places
from enfants.models import Inscription, Reservation
from facturation import emission, releve
from facturation.complements import a_facturer, completer
from facturation.ecarts import a_corriger
from facturation.models import Campagne, Facture, LigneFacture
from portail.socle.models import Trace
from tests import factories
from tests.facturation import fabrique
from tests.facturation.test_admin import adresse, texte

AVANT = datetime(2026, 11, 25, 9)
LUNDI = date(2026, 12, 7)
MARDI = LUNDI + timedelta(1)


@pytest.fixture
def horloge():
    with time_machine.travel(AVANT, tick=False) as horloge:
        yield horloge


@pytest.fixture
def service(monde, horloge):
    """The canteen at 3,45, of the régie."""
    return fabrique.tarif(fabrique.lien(monde.cantine, fabrique.regie()))


@pytest.fixture
def decembre(monde, service, horloge):
    """December is billed before it begins: Léa's Monday (Jean's). A day goes by."""
    reserver(monde, "lea", LUNDI)
    horloge.shift(timedelta(hours=1))
    campagne = emise()
    horloge.shift(timedelta(days=1))
    return campagne


def emise() -> Campagne:
    campagne = fabrique.campagne(
        du=date(2026, 12, 1), au=date(2026, 12, 31), date_facture=AVANT.date(), echeance=LUNDI
    )
    emission.calculer(campagne)
    emission.emettre(campagne, None)
    return Campagne.objects.get(pk=campagne.pk)


def reserver(monde, nom: str, *jours: date) -> list[Reservation]:
    souhaits = [places.Souhait(monde.inscriptions[nom], jour) for jour in jours]
    issues = places.reserver(souhaits, None, timezone.now(), au_nom_de_la_mairie=True)
    return [i.reservation for i in issues]


def dits() -> dict:
    """By family, (child, day, price) of what is left to bill."""
    return {
        famille: [(j.enfant.prenom, j.jour, j.centimes) for j in jours]
        for en_plus in a_facturer(timezone.localdate()).campagnes
        for famille, jours in en_plus.familles.items()
    }


def factures() -> list[tuple]:
    return [
        (ligne.facture.famille, ligne.jours)
        for ligne in LigneFacture.objects.filter(facture__in=Facture.objects.vives()).order_by("pk")
    ]


def completee(campagne: Campagne) -> Campagne:
    """Its complement, issued."""
    complement = completer(campagne, None, timezone.localdate())
    emission.calculer(complement)
    bilan = emission.emettre(complement, None)
    assert not bilan.echecs
    complement.refresh_from_db()
    return complement


# --- what is told -----------------------------------------------------------------------------------------------


def test_a_day_booked_since_is_told_then_billed_once(monde, decembre):
    assert dits() == {}
    reserver(monde, "lea", MARDI)
    reserver(monde, "zoe", LUNDI)
    assert dits() == {monde.jean: [("Léa", MARDI, 345)], monde.claire: [("Zoé", LUNDI, 345)]}
    complement = completee(decembre)
    assert dits() == {}
    assert factures() == [
        (monde.jean, [LUNDI.isoformat()]),
        (monde.jean, [MARDI.isoformat()]),
        (monde.claire, [LUNDI.isoformat()]),
    ]
    assert a_corriger(timezone.localdate()) == {}
    assert [b.total_centimes for b in emission.calculer(complement)] == []
    assert emission.emettre(complement, None).emises == []


def test_accepted_from_an_old_demande_or_promoted(monde, decembre):
    """Asked before the campagne, answered after: what counts is when it became due."""
    souhait = places.Souhait(monde.inscriptions["zoe"], MARDI)
    avant = timezone.now() - timedelta(days=3)
    (issue,) = places.reserver([souhait], None, avant)
    assert (issue.reservation.etat, dits()) == ("demandee", {})
    places.decider([issue.reservation.pk], True, None, timezone.now())
    assert dits() == {monde.claire: [("Zoé", MARDI, 345)]}


def test_a_child_noted_present_without_booking(monde, decembre, horloge):
    horloge.move_to(datetime(2026, 12, 9, 10))
    fabrique.pointage(monde.zoe, monde.cantine, MARDI)
    fabrique.pointage(monde.lea, monde.cantine, LUNDI)
    fabrique.pointage(monde.tom, monde.cantine, MARDI, present=False)
    assert dits() == {monde.claire: [("Zoé", MARDI, 345)]}
    Inscription.objects.filter(enfant=monde.zoe).delete()
    (phrase,) = a_facturer(timezone.localdate()).sans_payeur
    assert phrase.endswith("présent sans inscription, on ne sait pas qui paie.")


def test_a_child_of_two_households_noted_present_without_booking(monde, decembre, horloge):
    """Registered by both: the sentence does not say « sans inscription », and a booking settles who pays."""
    horloge.move_to(datetime(2026, 12, 9, 10))
    factories.inscription(monde.lea, monde.cantine, monde.jeanne)
    fabrique.pointage(monde.lea, monde.cantine, MARDI)
    (phrase,) = a_facturer(timezone.localdate()).sans_payeur
    assert phrase.endswith("présent sans réservation, plusieurs foyers inscrits, on ne sait pas qui paie.")
    reserver(monde, "lea", MARDI)
    assert a_facturer(timezone.localdate()).sans_payeur == []
    assert dits() == {monde.jean: [("Léa", MARDI, 345)]}


def test_what_is_not_due_is_not_told(monde, decembre):
    (reservee,) = reserver(monde, "zoe", LUNDI)
    places.annuler([reservee.pk], None, timezone.now(), "Erreur")
    (excusee,) = reserver(monde, "zoe", MARDI)
    places.changer(excusee, "absent_excuse", None, timezone.now())
    reserver(monde, "zoe", date(2027, 1, 4))
    assert dits() == {}


def test_a_billed_day_that_moves_is_still_billed(monde, decembre):
    """Another due state of a day on an invoice needs no complement."""
    (reservation,) = monde.inscriptions["lea"].reservations.all()
    places.changer(reservation, "absent_facture", None, timezone.now())
    assert dits() == {}


def test_a_day_booked_between_the_draft_and_the_issue(monde, service, horloge):
    """A family the draft did not know: no invoice refuses it, and its row is older than every invoice."""
    reserver(monde, "lea", LUNDI)
    campagne = fabrique.campagne(
        du=date(2026, 12, 1), au=date(2026, 12, 31), date_facture=AVANT.date(), echeance=LUNDI
    )
    emission.calculer(campagne)
    horloge.shift(timedelta(hours=1))
    reserver(monde, "zoe", MARDI)
    horloge.shift(timedelta(hours=1))
    emission.emettre(campagne, None)
    assert dits() == {monde.claire: [("Zoé", MARDI, 345)]}
    emission.calculer(Campagne.objects.get())  # computed again, not issued: still told
    horloge.shift(timedelta(days=1))
    assert dits() == {monde.claire: [("Zoé", MARDI, 345)]}


def test_a_family_held_back_or_left_by_an_avoir(monde, service, horloge):
    reserver(monde, "lea", LUNDI)
    reserver(monde, "zoe", LUNDI)
    pointage = fabrique.pointage(monde.zoe, monde.cantine, LUNDI, present=False)
    campagne = emise()
    horloge.shift(timedelta(days=1))
    assert (Facture.objects.count(), dits()) == (1, {})
    pointage.delete()
    assert dits() == {monde.claire: [("Zoé", LUNDI, 345)]}
    emission.avoir(monde.jean.factures.get(), None, "À refaire")
    assert dits() == {monde.claire: [("Zoé", LUNDI, 345)], monde.jean: [("Léa", LUNDI, 345)]}
    emission.calculer(campagne)
    emission.emettre(campagne, None)
    assert dits() == {}


def test_an_issue_stopped_half_way_says_to_take_it_up(monde, service, horloge, monkeypatch):
    for nom in ("lea", "zoe"):
        reserver(monde, nom, LUNDI)
    vraie = emission.prevenir
    echecs = iter([True, False])

    def une_fois(*args):
        if next(echecs):
            raise RuntimeError
        return vraie(*args)

    monkeypatch.setattr(emission, "prevenir", une_fois)
    campagne = emise()
    assert (campagne.etat, Facture.objects.count()) == ("brouillon", 1)
    assert len(dits()) == 1
    page = texte(monde.client(monde.agent).get(adresse("campagne_en_plus")))
    assert "s’est arrêtée avant la fin" in page
    assert "Préparer la campagne complémentaire" not in page


def test_a_price_that_is_missing_is_told(monde, decembre):
    reserver(monde, "lea", MARDI)
    fabrique.regie().liens_prestations.get().tarifs.update(au=LUNDI)
    assert dits() == {monde.jean: [("Léa", MARDI, None)]}


def test_a_free_day_is_on_no_invoice_and_rightly_so(monde, decembre):
    fabrique.regie().liens_prestations.get().tarifs.update(absence_pourcent=0)
    (reservation,) = reserver(monde, "zoe", MARDI)
    places.changer(reservation, "absent_facture", None, timezone.now())
    assert dits() == {}


def test_each_payer_of_a_shared_day(monde, service, horloge):
    Inscription.objects.filter(pk=monde.inscriptions["lea"].pk).update(repartition="part", part=50)
    factories.inscription(monde.lea, monde.cantine, monde.jeanne, repartition="part", part=50)
    reserver(monde, "lea", LUNDI)
    campagne = emise()
    horloge.shift(timedelta(days=1))
    assert dits() == {}
    emission.avoir(monde.jeanne.factures.get(), None, "À refaire")
    assert dits() == {monde.jeanne: [("Léa", LUNDI, 172)]}
    completee(campagne)
    assert sorted(f.total_centimes for f in Facture.objects.vives()) == [172, 173]


# --- a month at one price ---------------------------------------------------------------------------------------


def test_a_month_already_billed_needs_no_complement(monde, service, horloge):
    service.unite, service.forfait_centimes = "mois", 5900
    service.save()
    reserver(monde, "lea", LUNDI)
    campagne = emise()
    horloge.shift(timedelta(days=1))
    reserver(monde, "lea", MARDI)
    assert dits() == {}
    reserver(monde, "zoe", LUNDI, MARDI)
    assert dits() == {monde.claire: [("Zoé", LUNDI, 5900)]}
    completee(campagne)
    assert [f.total_centimes for f in Facture.objects.order_by("pk")] == [5900, 5900]
    assert dits() == {}


# --- the complementary campagne ---------------------------------------------------------------------------------


def test_asked_twice_the_complement_is_the_same(monde, decembre):
    jour = timezone.localdate()
    complement = completer(decembre, monde.agent, jour)
    assert completer(decembre, monde.agent, jour) == complement
    assert (complement.du, complement.au, complement.complete) == (decembre.du, decembre.au, decembre)
    assert (complement.date_facture, complement.echeance) == (jour, jour + timedelta(days=12))
    assert complement.libelle == "Complément, octobre 2026"
    assert Trace.objects.filter(action="completer").count() == 1
    with pytest.raises(IntegrityError), transaction.atomic():
        fabrique.campagne(du=decembre.du, au=decembre.au, complete=decembre)
    with pytest.raises(ValidationError, match="n’est pas émise"):
        completer(fabrique.campagne(), None, jour)


def test_a_second_complement_after_the_first(monde, decembre):
    reserver(monde, "lea", MARDI)
    premier = completee(decembre)
    reserver(monde, "lea", MARDI + timedelta(1))
    second = completee(premier)
    assert (second.complete, Campagne.objects.count()) == (decembre, 3)
    assert [len(jours) for _, jours in factures()] == [1, 1, 1]


def test_the_family_tells_a_complement_from_the_first_invoice(monde, decembre):
    """On the relevé and on the paper; Claire had none for December, hers completes nothing."""
    reserver(monde, "lea", MARDI)
    reserver(monde, "zoe", LUNDI)
    completee(decembre)
    dites = {
        famille: [(o.reference, o.description) for o in releve.operations(famille)]
        for famille in (monde.jean, monde.claire)
    }
    periode = "\N{NO-BREAK SPACE}: 01/12/2026 - 31/12/2026"
    assert dites == {
        monde.jean: [("AL-2", f"Facture complémentaire{periode}"), ("AL-1", f"Facture{periode}")],
        monde.claire: [("AL-3", f"Facture{periode}")],
    }
    client = monde.client(monde.jean)
    titres = [
        PdfReader(BytesIO(client.get(f"/factures/{reference}.pdf").content)).metadata.title.partition(",")[0]
        for reference in ("AL-1", "AL-2")
    ]
    assert titres == ["Facture AL-1", "Facture complémentaire AL-2"]


def test_the_draft_has_no_capital_in_the_middle(monde, decembre, regisseur):
    complement = completer(decembre, None, timezone.localdate())
    page = texte(monde.client(regisseur).get(adresse("campagne_brouillon", complement.pk)))
    assert "Brouillon, complément, octobre 2026" in page


def test_the_avoir_of_a_complement_is_told_too(monde, decembre, horloge):
    reserver(monde, "lea", MARDI)
    completee(decembre)
    emission.avoir(Facture.objects.get(reference="AL-2"), None, "À refaire")
    horloge.shift(timedelta(days=1))
    assert dits() == {monde.jean: [("Léa", MARDI, 345)]}


def test_two_drafts_of_the_same_day_make_one_invoice(monde, decembre):
    """The campagne computed again and its complement: the second to be issued is told to compute again."""
    reserver(monde, "zoe", MARDI)
    complement = completer(decembre, None, timezone.localdate())
    emission.calculer(complement)
    emission.calculer(decembre)
    assert emission.emettre(decembre, None).emises == ["AL-2"]
    bilan = emission.emettre(complement, None)
    assert (bilan.emises, [phrase for _, phrase in bilan.echecs]) == (
        [],
        ["Un jour est déjà facturé\N{NO-BREAK SPACE}: recalculez le brouillon."],
    )
    assert dits() == {}


# --- the régisseur's pages --------------------------------------------------------------------------------------


@pytest.fixture
def regisseur():
    droits = ("emettre_campagne", "calculer_campagne", "view_campagne", "add_campagne")
    return factories.agent("regisseur", *(f"facturation.{droit}" for droit in droits))


def test_from_the_home_page_to_the_invoice(monde, decembre, regisseur):
    bureau = monde.client(regisseur)
    accueil = reverse("admin:index")
    assert "jours-a-facturer" not in texte(bureau.get(accueil))
    reserver(monde, "lea", MARDI)
    reserver(monde, "zoe", LUNDI)
    assert "2 jours dus ne sont sur aucune facture" in texte(bureau.get(accueil))
    page = texte(bureau.get(adresse("campagne_en_plus")))
    assert "Léa, Restauration scolaire, 08/12/2026" in page
    assert "Zoé, Restauration scolaire, 07/12/2026" in page
    rangs = [page.index(mot) for mot in (monde.claire.numero, "Zoé, Rest", monde.jean.numero, "Léa, Rest")]
    assert rangs == sorted(rangs)
    assert bureau.get(adresse("campagne_completer", decembre.pk)).status_code == 405
    brouillon = bureau.post(adresse("campagne_completer", decembre.pk), follow=True)
    assert "Campagne complémentaire prête à relire\N{NO-BREAK SPACE}: 2 familles." in texte(brouillon)
    assert "elle ne facture que les jours qu’aucune facture ne compte" in texte(brouillon)
    complement = decembre.complements.get()
    emis = bureau.post(adresse("campagne_emettre", complement.pk), follow=True)
    assert "2 factures émises." in texte(emis)
    assert "jours-a-facturer" not in texte(bureau.get(accueil))
    assert "Tous les jours dus" in texte(bureau.get(adresse("campagne_en_plus")))


def test_each_permission(monde, decembre):
    reserver(monde, "lea", MARDI)
    lecteur = monde.client(factories.agent("lecteur", "facturation.view_campagne"))
    assert "jours-a-facturer" not in texte(lecteur.get(reverse("admin:index")))
    assert lecteur.get(adresse("campagne_en_plus")).status_code == 403
    assert lecteur.post(adresse("campagne_completer", decembre.pk)).status_code == 403
    assert "complémentaire" not in texte(lecteur.get(adresse("campagne_brouillon", decembre.pk)))
    for parent in (monde.jean, monde.jeanne, monde.claire):
        assert monde.client(parent).get(adresse("campagne_en_plus")).status_code == 302
        assert monde.client(parent).post(adresse("campagne_completer", decembre.pk)).status_code == 302
    assert not decembre.complements.exists()


def test_the_dates_of_a_complement_are_those_it_completes(monde, decembre):
    bureau = monde.client(monde.agent)
    complement = completer(decembre, monde.agent, timezone.localdate())
    champs = {
        "regie": complement.regie_id,
        "libelle": "Cantine en plus",
        "du": "2026-11-01",
        "au": "2026-11-30",
        "date_facture": "2026-11-26",
        "echeance": "2026-12-20",
    }
    assert bureau.post(adresse("campagne_change", complement.pk), champs).status_code == 302
    complement.refresh_from_db()
    assert (complement.du, complement.au) == (decembre.du, decembre.au)
    assert (complement.libelle, complement.echeance) == ("Cantine en plus", date(2026, 12, 20))
    refus = texte(bureau.post(adresse("campagne_add"), champs | {"du": "2026-12-01", "au": "2026-12-31"}))
    assert "créez sa campagne complémentaire" in refus
    champs |= {"libelle": "Décembre", "du": "2026-12-01", "au": "2026-12-31"}
    assert bureau.post(adresse("campagne_change", decembre.pk), champs).status_code == 302


@pytest.mark.parametrize("combien", [1, 3])
def test_a_constant_number_of_queries(monde, decembre, django_assert_num_queries, combien):
    jour = timezone.localdate()
    with django_assert_num_queries(REPOS):
        a_facturer(jour)
    for n in range(combien):
        for nom in list(monde.inscriptions)[:combien]:
            reserver(monde, nom, MARDI + timedelta(n))
    for n in range(combien - 1):
        fabrique.campagne(
            du=date(2027, 1 + n, 1), au=date(2027, 1 + n, 28), etat="emise", emise_le=timezone.now()
        )
    with django_assert_num_queries(TROUVES):
        assert a_facturer(jour).nombre == combien**2


REPOS, TROUVES = 7, 24
