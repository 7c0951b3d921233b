"""The régisseur's desk: every button, with and without its permission."""

import uuid
from datetime import date, timedelta

import pytest
import time_machine
from django.urls import reverse
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from facturation.encaissement import encaisser
from facturation.models import (
    Brouillon,
    Campagne,
    Facture,
    PriseEnChargeTresor,
    Regie,
    RegiePrestation,
    Reglement,
    Tarif,
)
from facturation.releve import solde
from portail.socle.argent import INSECABLE
from tests import factories
from tests.facturation import fabrique

LUNDI = date(2026, 10, 5)
BOUTONS = ("Calculer le brouillon", "Émettre les factures (", "Effacer le brouillon")
EUR = "\N{NO-BREAK SPACE}€"


@pytest.fixture
def octobre(monde):
    lien = fabrique.lien(monde.cantine)
    fabrique.tarif(lien)
    for nom in ("lea", "zoe"):
        fabrique.reservation(monde.inscriptions[nom], LUNDI)
    return fabrique.campagne()


def adresse(nom: str, *args) -> str:
    return reverse(f"admin:facturation_{nom}", args=args)


def texte(reponse) -> str:
    return reponse.content.decode()


def test_every_list_and_every_form_opens(monde, octobre):
    facture = fabrique.facture(monde.jean, 1000)
    reglement = encaisser(monde.jean, facture.regie, "cheque", 100, LUNDI, monde.agent)
    bureau = monde.client(monde.agent)
    for modele in (
        "regie",
        "tarif",
        "campagne",
        "facture",
        "reglement",
        "priseenchargetresor",
        "paiementenligne",
    ):
        assert bureau.get(adresse(f"{modele}_changelist")).status_code == 200
    for modele, pk in (
        ("regie", facture.regie_id),
        ("tarif", Tarif.objects.get().pk),
        ("campagne", octobre.pk),
        ("facture", facture.pk),
        ("reglement", reglement.pk),
    ):
        assert bureau.get(adresse(f"{modele}_change", pk)).status_code == 200
    for modele in ("regie", "tarif", "campagne", "reglement"):
        assert bureau.get(adresse(f"{modele}_add")).status_code == 200
    assert bureau.get(adresse("facture_add")).status_code == 403


def test_draft_then_issue(monde, octobre):
    bureau = monde.client(monde.agent)
    page = bureau.get(adresse("campagne_brouillon", octobre.pk))
    assert "n’a pas encore été calculé" in texte(page)
    assert bureau.get(adresse("campagne_calculer", octobre.pk)).status_code == 405
    page = bureau.post(adresse("campagne_calculer", octobre.pk), follow=True)
    assert "présence non pointée" in texte(page)
    assert f"6,90{EUR}" in texte(page)
    confirmation = bureau.get(adresse("campagne_emettre", octobre.pk))
    assert "2 factures" in texte(confirmation)
    assert Facture.objects.count() == 0
    page = bureau.post(adresse("campagne_emettre", octobre.pk), follow=True)
    assert "2 factures émises." in texte(page)
    assert "AL-1" in texte(page)
    octobre.refresh_from_db()
    assert octobre.etat == "emise"
    assert bureau.get(adresse("campagne_change", octobre.pk)).status_code == 200


def test_long_issue_goes_to_the_worker_and_shows_progress(monde, octobre, monkeypatch):
    bureau = monde.client(monde.agent)
    bureau.post(adresse("campagne_calculer", octobre.pk))
    monkeypatch.setattr("facturation.admin.campagnes.EN_LIGNE_MAX", 1)
    page = bureau.post(adresse("campagne_emettre", octobre.pk), follow=True)
    assert "Émission en cours\N{NO-BREAK SPACE}: 0 sur 2." in texte(page)
    assert "<h1>Émission des factures, octobre 2026</h1>" in texte(page)
    # It asks again by itself, and offers nothing that would cross the work under way.
    assert page.headers["Refresh"] == "5"
    assert all(bouton not in texte(page) for bouton in BOUTONS)
    assert Facture.objects.count() == 0
    tache = DBTaskResult.objects.get(task_path="facturation.emission.emettre_en_tache")
    tache.task.func(*tache.args_kwargs["args"])
    page = bureau.get(adresse("campagne_brouillon", octobre.pk))
    assert "Émission en cours" not in texte(page)
    assert "Refresh" not in page.headers
    assert "<h1>Factures émises, octobre 2026</h1>" in texte(page)
    assert Facture.objects.count() == 2


def test_an_issue_the_worker_left_can_be_asked_again(monde, octobre):
    """Minutes without an invoice: the page stops asking, says so, and gives its buttons back."""
    bureau, chemin = monde.client(monde.agent), adresse("campagne_brouillon", octobre.pk)
    bureau.post(adresse("campagne_calculer", octobre.pk))
    avant = timezone.now() - timedelta(minutes=20)
    Campagne.objects.filter(pk=octobre.pk).update(emission_demandee_le=avant)
    page = bureau.get(chemin)
    assert "Refresh" not in page.headers and "Émission en cours" not in texte(page)
    assert f"L’émission demandée n’avance plus{INSECABLE}: 0 sur 2." in texte(page)
    assert all(bouton in texte(page) for bouton in BOUTONS)
    # Asked long ago, but an invoice has just come: it goes on.
    fabrique.facture(monde.jean, 345, campagne=octobre)
    page = bureau.get(chemin)
    assert page.headers["Refresh"] == "5" and f"Émission en cours{INSECABLE}: 1 sur 2." in texte(page)


def test_who_confirms_reads_the_total_and_what_the_draft_warns_about(monde, octobre):
    bureau = monde.client(monde.agent)
    bureau.post(adresse("campagne_calculer", octobre.pk))
    Brouillon.objects.filter(famille=monde.jean).update(anomalies=[])
    claire = Brouillon.objects.get(famille=monde.claire)
    attendre = {"genre": "absence", "bloquante": False, "phrase": "attendez l’attestation"}
    Brouillon.objects.filter(pk=claire.pk).update(anomalies=[attendre])
    # A blocked draft is not issued: neither counted nor listed.
    Brouillon.objects.create(
        campagne=octobre,
        famille=monde.jeanne,
        total_centimes=99,
        bloque=True,
        anomalies=[attendre | {"phrase": "bloquée"}],
    )
    Campagne.objects.filter(pk=octobre.pk).update(anomalies=[attendre | {"phrase": "période non finie"}])
    page = texte(bureau.get(adresse("campagne_emettre", octobre.pk)))
    avant_le_bouton = page[: page.index('value="Émettre les factures"')]
    assert "<b>2 factures</b>" in avant_le_bouton and f"<b>6,90{EUR}</b>" in avant_le_bouton
    avertis = avant_le_bouton[avant_le_bouton.index("1 facture à regarder avant d’émettre") :]
    assert "<li>période non finie</li>" in avant_le_bouton
    assert "attendez l’attestation" in avertis and monde.claire.numero in avertis
    assert monde.jean.numero not in avertis and "bloquée</li>" not in avertis


@pytest.mark.parametrize("combien", [1, 3])
def test_the_confirmation_has_constant_queries(monde, octobre, django_assert_num_queries, combien):
    Campagne.objects.filter(pk=octobre.pk).update(calculee_le=timezone.now())
    familles = [monde.jean, monde.claire, monde.jeanne][:combien]
    note = [{"genre": "absence", "bloquante": False, "phrase": "à regarder"}]
    Brouillon.objects.bulk_create(
        Brouillon(campagne=octobre, famille=f, total_centimes=1, anomalies=note) for f in familles
    )
    bureau, chemin = monde.client(monde.agent), adresse("campagne_emettre", octobre.pk)
    assert texte(bureau.get(chemin)).count("<li>à regarder</li>") == combien
    with django_assert_num_queries(9):
        bureau.get(chemin)


def test_issue_without_draft_is_a_sentence(monde, octobre):
    page = monde.client(monde.agent).post(adresse("campagne_emettre", octobre.pk), follow=True)
    assert "Calculez d’abord le brouillon." in texte(page)


@pytest.mark.parametrize("en_ligne_max", [1, 100])
@pytest.mark.parametrize("verbe", ["get", "post"])
def test_invoices_dated_of_tomorrow_wait_with_a_sentence(monde, octobre, monkeypatch, en_ligne_max, verbe):
    """At once or by the worker: nothing is asked that cannot be done, and nobody reads a 500."""
    bureau = monde.client(monde.agent)
    bureau.post(adresse("campagne_calculer", octobre.pk))
    demain = timezone.localdate() + timedelta(days=1)
    Campagne.objects.filter(pk=octobre.pk).update(date_facture=demain, echeance=demain + timedelta(days=30))
    monkeypatch.setattr("facturation.admin.campagnes.EN_LIGNE_MAX", en_ligne_max)
    page = getattr(bureau, verbe)(adresse("campagne_emettre", octobre.pk), follow=True)
    assert "un jour à venir" in texte(page)
    assert "Émission en cours" not in texte(page)
    assert not DBTaskResult.objects.filter(task_path="facturation.emission.emettre_en_tache").exists()
    assert Facture.objects.count() == 0
    octobre.refresh_from_db()
    assert (octobre.etat, octobre.emission_demandee_le) == ("brouillon", None)


@pytest.mark.parametrize(
    ("nom", "permission"),
    [
        ("campagne_calculer", "facturation.calculer_campagne"),
        ("campagne_emettre", "facturation.emettre_campagne"),
    ],
)
def test_each_button_has_its_permission(monde, octobre, nom, permission):
    sans = monde.client(factories.agent("sans", "facturation.view_campagne"))
    assert sans.post(adresse(nom, octobre.pk)).status_code == 403
    avec = monde.client(factories.agent("avec", "facturation.view_campagne", permission))
    assert avec.post(adresse(nom, octobre.pk)).status_code == 302
    assert "Émettre les factures (" not in texte(sans.get(adresse("campagne_brouillon", octobre.pk)))


def test_parents_and_strangers_never_come_in(monde, octobre):
    facture = fabrique.facture(monde.jean, 1000)
    sans = monde.client(factories.agent("sans", "facturation.view_tarif"))
    for chemin in (
        adresse("campagne_brouillon", octobre.pk),
        adresse("facture_pdf", facture.pk),
        adresse("facture_avoir", facture.pk),
        adresse("facture_tresorerie"),
        adresse("reglement_saisir", monde.jean.pk, facture.regie_id),
    ):
        assert monde.client(monde.jean).get(chemin).status_code == 302
        assert sans.get(chemin).status_code == 403


@time_machine.travel("2026-11-23 10:00+01:00", tick=False)
def test_campagnes_of_a_regie_do_not_overlap(monde, octobre):
    bureau = monde.client(monde.agent)
    donnees = {
        "regie": octobre.regie_id,
        "libelle": "Encore",
        "du": "2026-10-31",
        "au": "2026-11-30",
        "date_facture": "2026-12-08",
        "echeance": "2026-12-30",
    }
    page = bureau.post(adresse("campagne_add"), donnees)
    assert "couvre déjà des jours de cette période" in texte(page)
    page = bureau.post(adresse("campagne_add"), donnees | {"du": "2026-11-01", "echeance": "2026-12-01"})
    assert "L’échéance ne peut pas précéder la date des factures." in texte(page)
    page = bureau.post(adresse("campagne_add"), donnees | {"du": "2026-11-01"})
    assert page.status_code == 302
    assert Campagne.objects.count() == 2


def tranches(*lignes: tuple, total: int | None = None) -> dict:
    donnees = {"tranches-TOTAL_FORMS": len(lignes), "tranches-INITIAL_FORMS": 0}
    for rang, (qf_min, qf_max, prix) in enumerate(lignes):
        donnees |= {
            f"tranches-{rang}-qf_min": qf_min,
            f"tranches-{rang}-qf_max": qf_max,
            f"tranches-{rang}-rang_fratrie": 1,
            f"tranches-{rang}-centimes": prix,
        }
    return donnees


def champs_tarif(lien, **champs) -> dict:
    zeros = {
        f"{nom}_{suffixe}": "0"
        for nom in ("hors_commune", "hors_delai", "sans_reservation")
        for suffixe in ("centimes", "pourcent")
    }
    return {
        "lien": lien.pk,
        "du": "2026-09-01",
        "au": "",
        "mode": "tranches",
        "unite": "jour",
        "absence_pourcent": 100,
        **zeros,
        **champs,
    }


def test_a_tarif_is_typed_in_euros(monde):
    bureau = monde.client(monde.agent)
    lien = fabrique.lien(monde.cantine)
    donnees = champs_tarif(lien, hors_delai_centimes="1,50") | tranches(
        ("0", "622", "1,20"), ("623", "", "3.45")
    )
    assert bureau.post(adresse("tarif_add"), donnees).status_code == 302
    tarif = Tarif.objects.get()
    assert tarif.hors_delai_centimes == 150
    assert [t.centimes for t in tarif.tranches.all()] == [120, 345]
    page = texte(bureau.get(adresse("tarif_change", tarif.pk)))
    assert 'value="1,20"' in page
    assert 'value="1,50"' in page


@pytest.mark.parametrize(
    ("lignes", "phrase"),
    [
        ((), "au moins une tranche"),
        ((("0", "700", "1"), ("623", "", "2")), "se chevauchent à partir du quotient 623"),
        ((("0", "", "1"), ("623", "", "2")), "se chevauchent"),
        ((("0", "600", "1"), ("623", "", "2")), "Il manque une tranche entre les quotients 600 et 623"),
        ((("0", "600", "-1"),), "supérieure ou égale à 0"),
        ((("0", "600", "NaN"),), "Saisissez un nombre"),
    ],
)
def test_bands_are_checked(monde, lignes, phrase):
    lien = fabrique.lien(monde.cantine)
    page = monde.client(monde.agent).post(adresse("tarif_add"), champs_tarif(lien) | tranches(*lignes))
    assert phrase in texte(page)
    assert not Tarif.objects.exists()


def test_one_tarif_at_a_time(monde):
    lien = fabrique.lien(monde.cantine)
    fabrique.tarif(lien)
    donnees = champs_tarif(lien) | tranches(("0", "", "1"))
    page = monde.client(monde.agent).post(adresse("tarif_add"), donnees)
    assert "Un autre tarif vaut du 01/09/2014, sans date de fin." in texte(page)


def test_one_regie_at_a_time_for_a_service(monde):
    fabrique.lien(monde.cantine)
    donnees = {
        "nom": "Régie crèche",
        "prefixe": "CR",
        "liens_prestations-TOTAL_FORMS": 1,
        "liens_prestations-INITIAL_FORMS": 0,
        "liens_prestations-0-prestation": monde.cantine.pk,
        "liens_prestations-0-du": "2026-09-01",
        "liens_prestations-0-nature_fiscale": "garde",
        "compteurs-TOTAL_FORMS": 1,
        "compteurs-INITIAL_FORMS": 0,
        "compteurs-0-nature": "facture",
        "compteurs-0-suivant": 500,
    }
    bureau = monde.client(monde.agent)
    assert "relève déjà d’une régie" in texte(bureau.post(adresse("regie_add"), donnees))
    autre = factories.prestation("Crèche")
    assert (
        bureau.post(adresse("regie_add"), donnees | {"liens_prestations-0-prestation": autre.pk}).status_code
        == 302
    )
    assert Regie.objects.get(prefixe="CR").compteurs.get().suivant == 500


def test_a_regie_of_many_services_reads_them_once(monde, django_assert_num_queries):
    bureau, regie = monde.client(monde.agent), fabrique.lien(monde.cantine).regie
    bureau.get(adresse("regie_change", regie.pk))
    for n in range(3):
        with django_assert_num_queries(28):
            bureau.get(adresse("regie_change", regie.pk))
        RegiePrestation.objects.create(
            regie=regie, prestation=factories.prestation(f"Atelier {n}"), du=LUNDI, nature_fiscale="garde"
        )


def test_credit_note(monde):
    facture = fabrique.facture(monde.jean, 1000)
    bureau = monde.client(monde.agent)
    assert "Créer un avoir" in texte(bureau.get(adresse("facture_change", facture.pk)))
    assert "obligatoire" in texte(bureau.post(adresse("facture_avoir", facture.pk), {"motif": ""}))
    page = bureau.post(adresse("facture_avoir", facture.pk), {"motif": "Erreur de saisie"}, follow=True)
    assert "Avoir AL-A1 créé" in texte(page)
    page = bureau.post(adresse("facture_avoir", facture.pk), {"motif": "Encore"})
    assert "déjà annulée" in texte(page)
    avoir = Facture.objects.get(nature="avoir")
    assert bureau.get(adresse("facture_avoir", avoir.pk)).status_code == 404
    assert bureau.get(adresse("facture_pdf", avoir.pk))["Content-Type"] == "application/pdf"


@time_machine.travel("2026-11-23 10:00+01:00", tick=False)
def test_a_payment_at_the_desk(monde):
    ancienne = fabrique.facture(monde.jean, 1000, jour=date(2026, 9, 8))
    recente = fabrique.facture(monde.jean, 500, jour=date(2026, 10, 8))
    bureau = monde.client(monde.agent)
    trouvees = texte(bureau.get(adresse("reglement_add"), {"q": "dupont"}))
    saisie = adresse("reglement_saisir", monde.jean.pk, ancienne.regie_id)
    assert saisie in trouvees
    assert "Aucune famille" in texte(bureau.get(adresse("reglement_add"), {"q": "personne"}))
    assert 'value="15,00"' in texte(bureau.get(saisie))
    donnees = {
        "mode": "cheque",
        "centimes": "6,00",
        "date": "10/11/2026",
        "precision": "Banque du Pont n° 12",
        "jeton": str(uuid.uuid4()),
    }
    page = bureau.post(saisie, donnees | {f"sur_{recente.pk}": "7"})
    assert "Il ne reste que 5,00" in texte(page)
    page = bureau.post(saisie, donnees | {f"sur_{recente.pk}": "5", f"sur_{ancienne.pk}": "5"})
    assert "plus que le montant reçu" in texte(page)
    assert "positif" in texte(bureau.post(saisie, donnees | {"centimes": "0"}))
    page = bureau.post(saisie, donnees | {f"sur_{recente.pk}": "5"}, follow=True)
    assert "Règlement AL-1 enregistré." in texte(page)
    assert solde(monde.jean) == 900
    reglement = Reglement.objects.get()
    assert "Annuler ou rembourser" in texte(page)
    annulation = adresse("reglement_annuler", reglement.pk)
    envoi = {"motif": "Sans provision", "date": "12/11/2026", "jeton": str(uuid.uuid4())}
    page = bureau.post(annulation, envoi | {"centimes": "7"})
    assert "Il reste 6,00" in texte(page)
    page = bureau.post(annulation, envoi, follow=True)
    assert "AL-2 annule AL-1." in texte(page)
    assert solde(monde.jean) == 1500


@time_machine.travel("2026-11-23 10:00+01:00", tick=False)
def test_hand_over_to_the_tresorerie(monde):
    due = fabrique.facture(monde.jean, 1000)
    payee = fabrique.facture(monde.claire, 500)
    encaisser(monde.claire, payee.regie, "cheque", 500, LUNDI, monde.agent)
    bureau = monde.client(monde.agent)
    page = bureau.post(
        adresse("facture_changelist"), {"action": "confier", "_selected_action": [due.pk, payee.pk]}
    )
    assert page.status_code == 302
    chemin = page["Location"]
    assert "AL-1, Monsieur Jean DUPONT" in texte(bureau.get(chemin))
    assert "obligatoire" in texte(bureau.post(chemin, {"ormc": "", "date": ""}))
    page = bureau.post(chemin, {"ormc": "12", "date": "10/11/2026"}, follow=True)
    assert "1 facture à la trésorerie." in texte(page)
    assert PriseEnChargeTresor.objects.get().facture == due
    assert "Aucune de ces factures" in texte(
        bureau.get(adresse("facture_tresorerie"), {"factures": "a,9999999999999999999,²"})
    )


@pytest.mark.parametrize("combien", [1, 3])
def test_the_draft_page_has_constant_queries(monde, octobre, django_assert_num_queries, combien):
    familles = [monde.jean, monde.claire, monde.jeanne][:combien]
    Brouillon.objects.bulk_create(Brouillon(campagne=octobre, famille=f, total_centimes=1) for f in familles)
    bureau = monde.client(monde.agent)
    chemin = adresse("campagne_brouillon", octobre.pk)
    bureau.get(chemin)
    with django_assert_num_queries(11):
        bureau.get(chemin)


def test_draft_page_survives_any_page_number(monde, octobre):
    for numero in ("0", "-1", "abc", "99999999999999999999"):
        page = monde.client(monde.agent).get(adresse("campagne_brouillon", octobre.pk), {"page": numero})
        assert page.status_code == 200


def test_days_after_the_period_are_left_alone(monde, octobre):
    fabrique.reservation(monde.inscriptions["tom"], octobre.au + timedelta(days=1))
    monde.client(monde.agent).post(adresse("campagne_calculer", octobre.pk))
    assert Brouillon.objects.get(famille=monde.jean).total_centimes == 345


def test_more_invoices_than_an_address_can_hold_are_refused_with_a_sentence(monde, monkeypatch):
    monkeypatch.setattr("facturation.admin.factures.CONFIEES_MAX", 1)
    dues = [fabrique.facture(monde.jean, 1000), fabrique.facture(monde.claire, 1000)]
    envoi = {"action": "confier", "_selected_action": [dues[0].pk], "select_across": "1"}
    page = monde.client(monde.agent).post(adresse("facture_changelist"), envoi, follow=True)
    assert "2 factures sont choisies\N{NO-BREAK SPACE}: pas plus de 1 à la fois." in texte(page)


def test_une_nouvelle_campagne_propose_le_mois_a_facturer(monde):
    """The régie most behind, its next month; last month when it never billed any."""
    bureau = monde.client(monde.agent)
    ancienne = fabrique.lien(monde.cantine).regie
    with time_machine.travel("2026-11-23 09:00+01:00", tick=False):
        propose = bureau.get(adresse("campagne_add")).context["adminform"].form.initial
        assert (propose["regie"], propose["libelle"]) == (ancienne.pk, "Octobre 2026")
        assert (propose["du"], propose["au"]) == (date(2026, 10, 1), date(2026, 10, 31))
        assert (propose["date_facture"], propose["echeance"]) == (date(2026, 11, 23), date(2026, 12, 23))
        faite = fabrique.campagne()
        propose = bureau.get(adresse("campagne_add")).context["adminform"].form.initial
        assert (propose["regie"], propose["du"]) == (faite.regie_id, faite.au + timedelta(days=1))
        # An address that chooses is followed.
        propose = bureau.get(adresse("campagne_add"), {"libelle": "Noël"}).context["adminform"].form.initial
        assert propose["libelle"] == "Noël"
