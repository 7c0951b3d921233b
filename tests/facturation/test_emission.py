"""The campagne: days, drafts, invoices; nothing twice, nothing lost."""

from datetime import date, time, timedelta

import pytest
from django.db import OperationalError
from django.utils import timezone

from enfants import places
from enfants.models import Pointage, Reservation
from facturation import emission
from facturation.encaissement import encaisser
from facturation.models import Brouillon, Campagne, Facture
from portail.socle.models import Courriel, Trace
from tests import factories
from tests.facturation import fabrique

JOUR = date(2026, 11, 8)
LUNDI = date(2026, 10, 5)


@pytest.fixture
def octobre(monde):
    """Léa booked four meals, Tom two, Zoé one; every day pointed; a band tarif; next invoice is AL-37."""
    regie = fabrique.regie()
    fabrique.premier_numero(regie, "facture", 37)
    lien = fabrique.lien(monde.cantine, regie)
    fabrique.tarif(lien, (0, 500, 120), ("500.01", 1000, 345), ("1000.01", None, 480))
    for nom, combien in (("lea", 4), ("tom", 2), ("zoe", 1)):
        for jour in range(combien):
            inscription = monde.inscriptions[nom]
            fabrique.reservation(inscription, LUNDI + timedelta(days=jour))
            fabrique.pointage(inscription.enfant, monde.cantine, LUNDI + timedelta(days=jour))
    return fabrique.campagne(regie)


def test_one_invoice_a_family_with_lines_by_child(monde, octobre):
    emission.calculer(octobre, JOUR)
    bilan = emission.emettre(octobre, monde.agent)
    assert (bilan.emises, bilan.deja, bilan.bloquees, bilan.echecs) == (["AL-37", "AL-38"], 0, 0, [])
    facture = Facture.objects.get(reference="AL-37")
    assert (facture.famille, facture.total_centimes) == (monde.jean, 6 * 345)
    assert [(x.enfant, x.quantite, x.total_centimes) for x in facture.lignes.all()] == [
        (monde.lea, 4, 1380),
        (monde.tom, 2, 690),
    ]
    ligne = facture.lignes.first()
    assert ligne.explication == "3,45\N{NO-BREAK SPACE}€ le repas, quotient 845"
    assert ligne.jours == ["2026-10-05", "2026-10-06", "2026-10-07", "2026-10-08"]
    assert facture.destinataire == "Monsieur Jean DUPONT"
    octobre.refresh_from_db()
    assert (octobre.etat, octobre.emise_par) == ("emise", monde.agent)


def test_again_changes_nothing(monde, octobre):
    emission.calculer(octobre, JOUR)
    emission.emettre(octobre, monde.agent)
    bilan = emission.emettre(octobre, monde.agent)
    assert (bilan.emises, bilan.deja) == ([], 2)
    assert emission.calculer(octobre, JOUR) == []
    assert emission.emettre(octobre, monde.agent).emises == []
    assert Facture.objects.count() == 2
    assert set(Courriel.objects.values_list("cle", flat=True)) == {"facture:AL-37", "facture:AL-38"}
    assert Trace.objects.filter(action="emettre").count() == 2


def test_a_row_that_bears_an_instant_to_come_is_no_change(monde, octobre):
    """Whatever wrote it: what counts is what moved since the draft was computed."""
    Pointage.objects.update(pointe_le=timezone.now() + timedelta(days=30))
    for reservation in Reservation.objects.all():
        reservation.evenements.create(vers="reservee", le=timezone.now() + timedelta(days=30))
    emission.calculer(octobre, JOUR)
    assert emission.emettre(octobre, monde.agent).emises == ["AL-37", "AL-38"]


def _excuser(monde):
    (premiere, *_) = Reservation.objects.filter(enfant=monde.lea)
    monde.lea.pointages.filter(jour=premiere.jour).delete()
    places.changer(premiere, "absent_excuse", monde.agent, timezone.now())


@pytest.mark.parametrize(
    "changer",
    [
        _excuser,
        lambda monde: monde.lea.pointages.first().delete(),
        lambda monde: monde.lea.pointages.filter(jour=LUNDI).update(depart=time(17)),
        lambda monde: fabrique.reservation(monde.inscriptions["tom"], LUNDI + timedelta(days=3)),
        # Begun before the calculation, committed after it.
        lambda monde: fabrique.pointage(
            monde.tom, monde.cantine, LUNDI + timedelta(days=3), pointe_le=timezone.now() - timedelta(hours=1)
        ),
        # Of a child without a line on the draft.
        lambda monde: fabrique.pointage(monde.noe, monde.cantine, LUNDI),
    ],
    ids=["excusee", "pointage-efface", "heure", "reservee", "pointe-pendant", "venu-sans-ligne"],
)
def test_a_later_change_holds_that_family_back_until_computed_again(monde, octobre, changer):
    monde.noe = factories.enfant("Noé", monde.jean)
    factories.inscription(monde.noe, monde.cantine, monde.jean)
    emission.calculer(octobre, JOUR)
    changer(monde)
    bilan = emission.emettre(octobre, monde.agent)
    assert (bilan.emises, [numero for numero, _ in bilan.echecs]) == (["AL-37"], [monde.jean.numero])
    assert "recalculez le brouillon" in bilan.echecs[0][1]
    emission.calculer(octobre, JOUR)
    assert emission.emettre(octobre, monde.agent).emises == ["AL-38"]


def test_credit_note_then_a_new_invoice(monde, octobre):
    emission.calculer(octobre, JOUR)
    emission.emettre(octobre, monde.agent)
    fausse = Facture.objects.get(reference="AL-37")
    avoir = emission.avoir(fausse, monde.agent, "Un repas de trop", JOUR)
    assert (avoir.reference, avoir.total_centimes, avoir.corrige) == ("AL-A1", -2070, fausse)
    assert sum(x.total_centimes for x in avoir.lignes.all()) == -2070
    monde.inscriptions["tom"].enfant.reservations.all().update(etat="absent_excuse")
    monde.tom.pointages.all().delete()
    emission.calculer(octobre, JOUR)
    assert emission.emettre(octobre, monde.agent).emises == ["AL-39"]
    refaite = Facture.objects.get(reference="AL-39")
    assert (refaite.corrige, refaite.total_centimes) == (fausse, 1380)
    with pytest.raises(emission.EmissionImpossible):
        emission.avoir(fausse, monde.agent, "Encore", JOUR)
    with pytest.raises(emission.EmissionImpossible):
        emission.avoir(avoir, monde.agent, "Un avoir ne s’annule pas", JOUR)


def test_credit_note_needs_a_reason(monde, octobre):
    emission.calculer(octobre, JOUR)
    emission.emettre(octobre, monde.agent)
    with pytest.raises(emission.EmissionImpossible, match="motif"):
        emission.avoir(Facture.objects.first(), monde.agent, "  ", JOUR)


def test_a_failing_family_is_reported_and_the_others_go_on(monde, octobre):
    """Jean's draft names a child that does not exist: his invoice fails, no number is lost."""
    emission.calculer(octobre, JOUR)
    brouillon = Brouillon.objects.get(campagne=octobre, famille=monde.jean)
    brouillon.lignes[0]["prestation"] = 999_999
    brouillon.lignes[0]["total_centimes"] += 1
    brouillon.save()
    bilan = emission.emettre(octobre, monde.agent)
    assert bilan.emises == ["AL-37"]
    assert [numero for numero, _ in bilan.echecs] == [monde.jean.numero]
    brouillon.refresh_from_db()
    assert brouillon.erreur
    octobre.refresh_from_db()
    assert octobre.etat == "brouillon"
    emission.calculer(octobre, JOUR)
    assert emission.emettre(octobre, monde.agent).emises == ["AL-38"]


def test_an_issue_left_to_the_worker_and_impossible_since_is_no_longer_under_way(monde, octobre):
    emission.calculer(octobre, JOUR)
    Campagne.objects.update(
        emission_demandee_le=timezone.now(), date_facture=timezone.localdate() + timedelta(days=1)
    )
    with pytest.raises(emission.EmissionImpossible):
        emission.emettre(Campagne.objects.get(), monde.agent)
    assert Campagne.objects.get().emission_demandee_le is None


def test_nothing_is_issued_without_a_draft(monde, octobre):
    with pytest.raises(emission.EmissionImpossible):
        emission.emettre(octobre, monde.agent)


class Coupure(BaseException):
    """The process dies here: not an Exception, nothing may catch it."""


@pytest.mark.parametrize("ou", ["repartir_les_reglements", "prevenir", "tracer", "composer_lignes"])
def test_killed_anywhere_then_resumed(monde, octobre, monkeypatch, ou):
    emission.calculer(octobre, JOUR)
    vrai = getattr(emission, ou)
    appels = []

    def mourir(*args, **champs):
        appels.append(1)
        if len(appels) == 2:
            raise Coupure
        return vrai(*args, **champs)

    with monkeypatch.context() as patch:
        patch.setattr(emission, ou, mourir)
        with pytest.raises(Coupure):
            emission.emettre(octobre, monde.agent)
    assert Facture.objects.count() == 1
    bilan = emission.emettre(octobre, monde.agent)
    assert (bilan.deja, bilan.emises) == (1, ["AL-38"])
    assert sorted(Facture.objects.values_list("numero", flat=True)) == [37, 38]
    assert Courriel.objects.count() == 2


def test_a_family_without_leave_to_be_mailed_gets_no_mail(monde, octobre):
    monde.jean.responsables.update(autorisation_courriel=False)
    emission.calculer(octobre, JOUR)
    emission.emettre(octobre, monde.agent)
    assert list(Courriel.objects.values_list("cle", flat=True)) == ["facture:AL-38"]
    texte = Courriel.objects.get().texte
    assert "Montant\N{NO-BREAK SPACE}: 3,45\N{NO-BREAK SPACE}€" in texte
    assert "À payer avant le lundi 30\N{NO-BREAK SPACE}novembre\N{NO-BREAK SPACE}2026." in texte


def test_credit_of_the_family_pays_its_new_invoice(monde, octobre):
    encaisser(monde.jean, octobre.regie, "cheque", 2000, JOUR, monde.agent)
    emission.calculer(octobre, JOUR)
    emission.emettre(octobre, monde.agent)
    facture = Facture.objects.avec_reste().get(famille=monde.jean)
    assert (facture.regle, facture.reste) == (2000, 70)
    assert "Reste à payer, votre avoir déduit" in Courriel.objects.get(cle="facture:AL-37").texte


def test_another_campagne_does_not_bill_the_same_day(monde, octobre):
    emission.calculer(octobre, JOUR)
    emission.emettre(octobre, monde.agent)
    # As the admin form refuses it, but as two régies could meet: the days are already billed.
    autre = fabrique.campagne(fabrique.regie("Autre régie", "AU"), libelle="Encore octobre")
    monde.cantine.liens_regies.update(regie=autre.regie)
    assert emission.calculer(autre, JOUR) == []


def test_a_day_billed_since_the_draft_is_refused(monde, octobre):
    """Two drafts of the same days: the second issue fails for those families, it does not bill twice."""
    autre = fabrique.campagne(fabrique.regie("Autre régie", "AU"), libelle="Encore octobre")
    emission.calculer(octobre, JOUR)
    monde.cantine.liens_regies.update(regie=autre.regie)
    emission.calculer(autre, JOUR)
    assert len(emission.emettre(octobre, monde.agent).emises) == 2
    bilan = emission.emettre(autre, monde.agent)
    assert bilan.emises == []
    assert [phrase for _, phrase in bilan.echecs] == [
        "Un jour est déjà facturé\N{NO-BREAK SPACE}: recalculez le brouillon."
    ] * 2


def test_a_day_found_after_the_invoice_asks_for_a_credit_note(monde, octobre):
    emission.calculer(octobre, JOUR)
    emission.emettre(octobre, monde.agent)
    fabrique.pointage(monde.tom, monde.cantine, LUNDI + timedelta(days=3))
    emission.calculer(octobre, JOUR)
    brouillon = Brouillon.objects.get()
    assert (brouillon.famille, brouillon.bloque) == (monde.jean, True)
    assert brouillon.anomalies[-1]["phrase"].startswith("Déjà facturée par AL-37")
    assert emission.emettre(octobre, monde.agent).emises == []


def test_warnings_alone_do_not_come_back_after_the_invoice(monde, octobre):
    emission.calculer(octobre, JOUR)
    emission.emettre(octobre, monde.agent)
    monde.lea.pointages.all().delete()
    assert emission.calculer(octobre, JOUR) == []


def test_a_month_is_billed_once_by_two_campagnes(monde, octobre):
    monde.cantine.liens_regies.get().tarifs.update(mode="forfait", unite="mois", forfait_centimes=5900)
    octobre.au = date(2026, 10, 6)
    octobre.save()
    suite = fabrique.campagne(libelle="Suite", du=date(2026, 10, 7))
    emission.calculer(octobre, JOUR)
    emission.emettre(octobre, monde.agent)
    emission.calculer(suite, JOUR)
    jean = Brouillon.objects.get(campagne=suite, famille=monde.jean)
    assert (jean.total_centimes, jean.bloque) == (0, False)
    assert emission.emettre(suite, monde.agent).emises == []


def test_a_busy_database_is_tried_again_then_reported(monde, octobre, monkeypatch):
    emission.calculer(octobre, JOUR)
    vraie, essais = emission.repartir_les_reglements, []

    def occupee(*args):
        essais.append(1)
        if len(essais) in (1, 3, 4, 5):
            raise OperationalError("lock timeout")
        return vraie(*args)

    monkeypatch.setattr(emission, "repartir_les_reglements", occupee)
    bilan = emission.emettre(octobre, monde.agent)
    assert bilan.emises == ["AL-37"]
    assert [phrase for _, phrase in bilan.echecs] == ["La base était occupée, relancez l’émission."]
    assert emission.emettre(octobre, monde.agent).emises == ["AL-38"]


def test_family_without_adult_nor_quotient(monde, octobre):
    monde.claire.responsables.all().delete()
    monde.claire.quotients.all().delete()
    emission.calculer(octobre, JOUR)
    emission.emettre(octobre, monde.agent)
    facture = monde.claire.factures.get()
    assert (facture.destinataire, facture.adresse, facture.total_centimes) == (str(monde.claire), "", 480)
    assert "prix le plus haut" in facture.explications
