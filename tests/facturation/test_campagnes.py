"""A campagne keeps what its draft was computed for: nothing is billed twice, whatever the order of the clicks."""

from datetime import date, timedelta

import pytest
import time_machine
from django.urls import reverse

from enfants.models import AffectationAgent, GroupeExclusif, Prestation
from facturation import emission
from facturation.models import Brouillon, Facture, LigneFacture
from portail.socle.models import Trace
from tests import factories
from tests.facturation import fabrique
from tests.facturation.test_admin import adresse, champs_tarif, texte, tranches

LUNDI = date(2026, 10, 5)
JOUR = date(2026, 11, 8)


@pytest.fixture(autouse=True)
def _novembre():
    with time_machine.travel("2026-11-23 10:00+01:00", tick=False):
        yield


@pytest.fixture
def octobre(monde):
    """Léa eats on a Monday: one draft of 3,45 €."""
    fabrique.tarif(fabrique.lien(monde.cantine))
    fabrique.reservation(monde.inscriptions["lea"], LUNDI)
    fabrique.pointage(monde.lea, monde.cantine, LUNDI)
    return fabrique.campagne()


@pytest.fixture
def quinzaines(monde):
    """A monthly price, a day in each half of October, a campagne for each half."""
    fabrique.tarif(fabrique.lien(monde.cantine), unite="mois", forfait_centimes=5900)
    for jour in (LUNDI, date(2026, 10, 19)):
        fabrique.reservation(monde.inscriptions["lea"], jour)
        fabrique.pointage(monde.lea, monde.cantine, jour)
    return [
        fabrique.campagne(libelle="1-15", au=date(2026, 10, 15)),
        fabrique.campagne(libelle="16-31", du=date(2026, 10, 16)),
    ]


def champs(campagne, **autres) -> dict:
    return {
        "regie": campagne.regie_id,
        "libelle": campagne.libelle,
        "du": "2026-10-01",
        "au": "2026-10-31",
        "date_facture": "2026-11-08",
        "echeance": "2026-11-30",
    } | autres


# --- what was computed does not move ----------------------------------------------------------------------------


def test_a_computed_campagne_keeps_its_regie_and_dates(monde, octobre):
    bureau = monde.client(monde.agent)
    autre = fabrique.regie("Régie crèche", "CR")
    bureau.post(adresse("campagne_calculer", octobre.pk))
    novembre = {"regie": autre.pk, "du": "2026-11-01", "au": "2026-11-30", "libelle": "Nouveau nom"}
    reponse = bureau.post(adresse("campagne_change", octobre.pk), champs(octobre, **novembre))
    assert reponse.status_code == 302
    octobre.refresh_from_db()
    assert (octobre.regie, octobre.du, octobre.au) == (
        fabrique.regie(),
        date(2026, 10, 1),
        date(2026, 10, 31),
    )
    assert octobre.libelle == "Nouveau nom"
    assert "Effacer le brouillon" in texte(bureau.get(adresse("campagne_change", octobre.pk)))


def test_erase_the_draft_then_change_the_dates(monde, octobre):
    bureau = monde.client(monde.agent)
    bureau.post(adresse("campagne_calculer", octobre.pk))
    chemin = adresse("campagne_effacer", octobre.pk)
    assert bureau.get(chemin).status_code == 405
    sans = monde.client(factories.agent("sans", "facturation.view_campagne"))
    assert sans.post(chemin).status_code == 403
    page = bureau.post(chemin, follow=True)
    assert "Brouillon effacé" in texte(page)
    assert not Brouillon.objects.exists()
    assert Trace.objects.filter(action="effacer_brouillon", objet_id=str(octobre.pk)).count() == 1
    novembre = {"du": "2026-11-01", "au": "2026-11-30"}
    bureau.post(adresse("campagne_change", octobre.pk), champs(octobre, **novembre))
    octobre.refresh_from_db()
    assert (octobre.du, octobre.calculee_le) == (date(2026, 11, 1), None)
    page = bureau.post(adresse("campagne_emettre", octobre.pk), follow=True)
    assert "Calculez d’abord le brouillon." in texte(page)


def test_an_issued_campagne_keeps_its_draft(monde, octobre):
    emission.calculer(octobre, JOUR)
    emission.emettre(octobre, monde.agent)
    bureau = monde.client(monde.agent)
    page = bureau.post(adresse("campagne_effacer", octobre.pk), follow=True)
    assert "Des factures sont déjà émises" in texte(page)
    assert Brouillon.objects.exists()
    assert "Effacer le brouillon" not in texte(bureau.get(adresse("campagne_brouillon", octobre.pk)))


def test_changed_while_it_was_computed(monde, octobre):
    """The draft of the old dates is not written under the new ones."""
    octobre.__class__.objects.filter(pk=octobre.pk).update(du=date(2026, 9, 1))
    with pytest.raises(emission.EmissionImpossible, match="a changé"):
        emission.calculer(octobre, JOUR)
    assert not Brouillon.objects.exists()


def test_days_are_found_by_their_lines_not_by_the_period_written_on_the_invoice(monde, octobre):
    """An invoice whose period lies elsewhere (its campagne was moved) still bills its days."""
    facture = fabrique.facture(monde.jean, 345, jour=date(2026, 12, 8))
    LigneFacture.objects.create(
        facture=facture,
        enfant=monde.lea,
        prestation=monde.cantine,
        libelle="Cantine",
        nature_fiscale="repas",
        unite="jour",
        unite_centimes=345,
        total_centimes=345,
        jours=[LUNDI.isoformat()],
    )
    assert emission.calculer(octobre, JOUR) == []


def test_a_credit_note_drops_the_draft_of_its_family(monde, octobre):
    fabrique.reservation(monde.inscriptions["zoe"], LUNDI)
    fabrique.pointage(monde.zoe, monde.cantine, LUNDI)
    emission.calculer(octobre, JOUR)
    emission.emettre(octobre, monde.agent)
    emission.avoir(monde.jean.factures.get(), monde.agent, "Léa n’était pas là", JOUR)
    assert emission.emettre(octobre, monde.agent).emises == []
    assert [b.famille for b in Brouillon.objects.all()] == [monde.claire]
    emission.calculer(octobre, JOUR)
    assert emission.emettre(octobre, monde.agent).emises == ["AL-3"]


# --- a month is billed once -------------------------------------------------------------------------------------


def test_a_month_computed_twice_is_issued_once(monde, quinzaines):
    premiere, seconde = quinzaines
    emission.calculer(premiere, JOUR)
    emission.calculer(seconde, JOUR)
    assert emission.emettre(premiere, monde.agent).emises == ["AL-1"]
    bilan = emission.emettre(seconde, monde.agent)
    assert (bilan.emises, bilan.echecs) == (
        [],
        [(monde.jean.numero, "Un mois est déjà facturé\N{NO-BREAK SPACE}: recalculez le brouillon.")],
    )
    emission.calculer(seconde, JOUR)
    bilan = emission.emettre(seconde, monde.agent)
    assert (bilan.emises, bilan.echecs, Facture.objects.count()) == ([], [], 1)


def test_a_month_already_billed_does_not_hold_back_the_rest(monde, quinzaines):
    """The zero line of the month goes on the invoice with what is new; and does not make the month look paid."""
    premiere, seconde = quinzaines
    garderie = factories.prestation("Garderie matin")
    fabrique.tarif(fabrique.lien(garderie, nature_fiscale="garde"))
    fabrique.reservation(factories.inscription(monde.lea, garderie, monde.jean), date(2026, 10, 19))
    fabrique.pointage(monde.lea, garderie, date(2026, 10, 19))
    emission.calculer(premiere, JOUR)
    emission.emettre(premiere, monde.agent)
    emission.calculer(seconde, JOUR)
    assert emission.emettre(seconde, monde.agent).emises == ["AL-2"]
    assert Facture.objects.get(reference="AL-2").total_centimes == 345
    emission.avoir(Facture.objects.get(reference="AL-1"), monde.agent, "À refaire", JOUR)
    assert [b.total_centimes for b in emission.calculer(premiere, JOUR)] == [5900]


# --- the forms of the desk --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("autres", "phrase"),
    [
        ({"date_facture": "9999-12-30", "echeance": "9999-12-31"}, "Vérifiez l’année"),
        ({"du": "1026-10-01"}, "Vérifiez l’année"),
        ({"echeance": "2206-11-30"}, "Vérifiez l’année"),
        ({"du": "2024-10-01"}, "pas plus d’un an"),
    ],
)
def test_dates_of_a_campagne_make_sense(monde, octobre, autres, phrase):
    page = monde.client(monde.agent).post(adresse("campagne_change", octobre.pk), champs(octobre, **autres))
    assert phrase in texte(page)
    octobre.refresh_from_db()
    assert (octobre.du, octobre.date_facture) == (date(2026, 10, 1), JOUR)


def test_settings_of_the_billing_leave_traces(monde, octobre):
    bureau = monde.client(monde.agent)
    garderie = factories.prestation("Garderie matin")
    lien = fabrique.lien(garderie)
    bureau.post(adresse("tarif_add"), champs_tarif(lien) | tranches(("0", "", "1")))
    bureau.post(adresse("campagne_change", octobre.pk), champs(octobre, libelle="Autre nom"))
    regie = octobre.regie
    vides = {f"{p}-{x}_FORMS": 0 for p in ("liens_prestations", "compteurs") for x in ("TOTAL", "INITIAL")}
    bureau.post(
        reverse("admin:facturation_regie_change", args=[regie.pk]),
        {"nom": "Régie renommée", "prefixe": "AL", **vides},
    )
    traces = Trace.objects.filter(action__startswith="admin.").order_by("pk")
    assert [(t.action, t.objet_type) for t in traces] == [
        ("admin.ajouter", "facturation.tarif"),
        ("admin.modifier", "facturation.campagne"),
        ("admin.modifier", "facturation.regie"),
    ]


# --- agents of a structure --------------------------------------------------------------------------------------


def test_an_agent_of_a_structure_sees_no_invoice(monde):
    facture = fabrique.facture(monde.jean, 1000, jour=date(2026, 10, 8) + timedelta(days=1))
    voir = ("facturation.view_facture", "facturation.view_reglement", "facturation.view_paiementenligne")
    agent = factories.agent("alsh", *voir)
    bureau = monde.client(agent)
    assert facture.reference in texte(bureau.get(adresse("facture_changelist")))
    AffectationAgent.objects.create(utilisateur=agent, structure=monde.cantine.structure)
    assert facture.reference not in texte(bureau.get(adresse("facture_changelist")))
    assert bureau.get(adresse("facture_pdf", facture.pk)).status_code == 404
    regisseur = factories.agent("regisseur", *voir, "facturation.emettre_campagne")
    AffectationAgent.objects.create(utilisateur=regisseur, structure=monde.cantine.structure)
    assert facture.reference in texte(monde.client(regisseur).get(adresse("facture_changelist")))


# --- what the régisseur must see --------------------------------------------------------------------------------


def test_deux_services_exclusifs_le_meme_jour_bloquent_la_facture(monde):
    """Nobody pays for a day before the town says where the child was: neither household."""
    club = factories.prestation("Club")
    GroupeExclusif.objects.create(nom="Midi").prestations.add(club, monde.cantine)
    factories.inscription(monde.lea, club, monde.jeanne)
    for prestation in (club, monde.cantine):
        fabrique.tarif(fabrique.lien(prestation), forfait_centimes=400)
        fabrique.pointage(monde.lea, prestation, LUNDI)
    fabrique.reservation(monde.inscriptions["lea"], LUNDI)
    fabrique.pointage(monde.tom, monde.cantine, LUNDI)
    faits = {b.famille: b for b in emission.calculer(fabrique.campagne())}
    assert {f: [a["genre"] for a in b.anomalies] for f, b in faits.items()} == {
        monde.jean: ["contradiction"],
        monde.jeanne: ["contradiction"],
    }
    assert all(b.bloque for b in faits.values())
    (dit,) = faits[monde.jeanne].anomalies
    assert dit["phrase"].startswith("Léa, Club, 05/10/2026\N{NO-BREAK SPACE}: pointé présent, et aussi")
    assert [ligne["enfant_nom"] for ligne in faits[monde.jean].lignes] == [str(monde.tom)]


@pytest.mark.parametrize(("supplement", "dites"), [(0, ["majoration"]), (50, [])])
def test_le_prix_majore_sans_supplement_se_lit_au_brouillon(monde, supplement, dites):
    Prestation.objects.update(hors_delai="majoration")
    fabrique.tarif(fabrique.lien(monde.cantine), forfait_centimes=400, hors_delai_centimes=supplement)
    fabrique.reservation(monde.inscriptions["lea"], LUNDI, hors_delai=True)
    fabrique.pointage(monde.lea, monde.cantine, LUNDI)
    campagne = fabrique.campagne()
    (fait,) = emission.calculer(campagne)
    assert [a["genre"] for a in campagne.anomalies] == dites
    assert (fait.bloque, fait.total_centimes) == (False, 400 + supplement)
    assert all(
        "Restauration scolaire" in a["phrase"] and "1 jour " in a["phrase"] for a in campagne.anomalies
    )
