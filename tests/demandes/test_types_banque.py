"""The bank account and its mandate: signed, read, moved to another account, revoked; masked everywhere else."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.core.exceptions import ValidationError

from demandes.models import AChange, Demande
from facturation.models import Regie
from familles.models import CoordonneesBancaires, MandatSepa
from portail.socle.models import Collectivite, Courriel, Trace
from tests.demandes.fabrique import demande, formulaire

MAINTENANT = datetime(2026, 11, 23, 9, 0, tzinfo=ZoneInfo("Europe/Paris"))
JOUR = MAINTENANT.date()
IBAN, AUTRE_IBAN = "FR7630006000011234567890189", "FR7610107001011234567890129"
ALLEMAND = "DE89370400440532013000"
RIB = {"titulaire": "DUPONT Jean", "banque": "Banque du Verger", "iban": IBAN, "bic": ""}
SIGNE = RIB | {"prelevement": True, "consentement": True}
URL = "/compte/demande/bancaires/"


@pytest.fixture(autouse=True)
def creancier(db):
    Collectivite.objects.update_or_create(
        pk=1,
        defaults={"nom": "Belrive", "adresse": "1 place Neuve", "code_postal": "84990", "ville": "Belrive"},
    )
    Collectivite.oublier()
    return Regie.objects.create(nom="Régie enfance", prefixe="RE", ics="FR12ZZZ123456")


def signer(monde, famille=None, le=MAINTENANT) -> MandatSepa:
    famille = famille or monde.jean
    demande("bancaires", famille, SIGNE, le=le).accepter(monde.agent, le.replace(day=25))
    return famille.mandats.get(etat="actif")


def test_le_mandat_porte_ce_qui_a_ete_signe(monde):
    monde.jean.responsables.update(adresse="12 rue des Bonbons", code_postal="84990", ville="Belrive")
    mandat = signer(monde)
    assert mandat.rum == f"PF-{monde.jean.numero}-01"
    assert (mandat.signe_le, mandat.recurrent) == (JOUR, True)
    assert (mandat.iban, mandat.titulaire) == (IBAN, "DUPONT Jean")
    assert mandat.titulaire_adresse == "12 rue des Bonbons, 84990 Belrive"
    assert (mandat.creancier, mandat.ics) == ("Belrive, Régie enfance", "FR12ZZZ123456")
    assert mandat.creancier_adresse == "1 place Neuve, 84990 Belrive"


def test_sans_signature_pas_de_prelevement(monde):
    form = formulaire("bancaires", monde.jean, SIGNE | {"consentement": False}, jour=JOUR)
    assert list(form.errors) == ["consentement"]
    # The box alone asks for nothing.
    assert formulaire("bancaires", monde.jean, RIB | {"consentement": True}, jour=JOUR).is_valid()
    demande("bancaires", monde.jean, RIB, le=MAINTENANT).accepter(monde.agent, MAINTENANT)
    with pytest.raises(ValidationError, match="rien changé"):
        demande("bancaires", monde.jean, {"consentement": True}, le=MAINTENANT)
    assert not MandatSepa.objects.exists()


def test_refusee_ou_retiree_aucun_mandat(monde):
    demande("bancaires", monde.jean, SIGNE, le=MAINTENANT).refuser(monde.agent, "RIB illisible.", MAINTENANT)
    attente = demande("bancaires", monde.jean, SIGNE, le=MAINTENANT)
    attente.retirer(attente.envoyee_par, MAINTENANT)
    assert not MandatSepa.objects.exists()


def test_nouvel_iban_le_mandat_continue_lancien_compte_est_garde(monde):
    mandat = signer(monde)
    demande("bancaires", monde.jean, {"iban": AUTRE_IBAN}, le=MAINTENANT).accepter(monde.agent, MAINTENANT)
    mandat.refresh_from_db()
    assert (mandat.iban, mandat.etat, mandat.rum) == (AUTRE_IBAN, "actif", f"PF-{monde.jean.numero}-01")
    assert list(mandat.modifications.values_list("le", "iban", "titulaire")) == [(JOUR, IBAN, "DUPONT Jean")]


def test_renoncer_revoque_puis_resigner_prend_une_autre_reference(monde):
    mandat = signer(monde)
    # The IBAN left blank is kept.
    demande("bancaires", monde.jean, {"prelevement": False}, le=MAINTENANT).accepter(monde.agent, MAINTENANT)
    mandat.refresh_from_db()
    assert (mandat.etat, mandat.revoque_le) == ("revoque", JOUR)
    assert CoordonneesBancaires.objects.get(famille=monde.jean).iban == IBAN
    demande("bancaires", monde.jean, {"prelevement": True, "consentement": True}, le=MAINTENANT).accepter(
        monde.agent, MAINTENANT
    )
    assert monde.jean.mandats.get(etat="actif").rum == f"PF-{monde.jean.numero}-02"


def test_le_mandat_prepare_par_la_mairie_est_celui_quon_signe(monde):
    MandatSepa.objects.create(famille=monde.jean, rum="MAIRIE-7", iban=AUTRE_IBAN, titulaire="X")
    mandat = signer(monde)
    assert (mandat.rum, mandat.iban, MandatSepa.objects.count()) == ("MAIRIE-7", IBAN, 1)


def test_la_reference_signee_nest_jamais_remplacee(monde):
    """Another mandate took it meanwhile: the paper read by the family cannot be altered."""
    faite = demande("bancaires", monde.jean, SIGNE, le=MAINTENANT)
    assert faite.donnees["rum"] == f"PF-{monde.jean.numero}-01"
    MandatSepa.objects.create(
        famille=monde.jean, rum=faite.donnees["rum"], iban=IBAN, titulaire="X", etat="revoque"
    )
    with pytest.raises(ValidationError, match="signer de nouveau"):
        faite.accepter(monde.agent, MAINTENANT)
    assert not CoordonneesBancaires.objects.exists()


def test_la_reference_postee_na_pas_deffet(monde):
    faite = demande("bancaires", monde.jean, SIGNE | {"rum": "PIRATE", "ics": "X"}, le=MAINTENANT)
    assert (faite.donnees["rum"], "ics" in faite.donnees) == (f"PF-{monde.jean.numero}-01", False)


def test_un_mandat_actif_depuis_nest_pas_ecrase(monde):
    faite = demande("bancaires", monde.jean, SIGNE, le=MAINTENANT)
    MandatSepa.objects.create(
        famille=monde.jean, rum="AUTRE", iban=AUTRE_IBAN, titulaire="X", etat="actif", signe_le=JOUR
    )
    with pytest.raises(AChange):
        faite.accepter(monde.agent, MAINTENANT)


def test_modifier_la_demande_en_attente_garde_son_iban(monde):
    """A blank IBAN stands for the one being asked, not for the one it was to replace."""
    demande("bancaires", monde.jean, RIB, le=MAINTENANT).accepter(monde.agent, MAINTENANT)
    with time_machine.travel(MAINTENANT, tick=False):
        attente = demande("bancaires", monde.jean, {"iban": AUTRE_IBAN}, le=MAINTENANT)
        client = monde.client(monde.jean)
        page = client.get(URL)
        assert f"•••• {AUTRE_IBAN[-4:]}" in page.text
        assert AUTRE_IBAN not in page.text
        client.post(
            URL, {"titulaire": "DUPONT Jean-Paul", "iban": "", "reprise": attente.pk, "confirmer": "1"}
        )
    derniere = Demande.objects.get(etat="envoyee")
    assert (derniere.donnees["iban"], derniere.donnees["titulaire"]) == (AUTRE_IBAN, "DUPONT Jean-Paul")


@pytest.mark.parametrize(
    ("saisie", "champ"),
    [
        ({"iban": ""}, "iban"),
        ({"iban": IBAN[:-1] + "0"}, "iban"),
        ({"iban": ALLEMAND}, "bic"),
        ({"bic": "AGRI"}, "bic"),
        ({"iban": "SA0380000000608010167519", "bic": "AGRIFRPP"} | {"prelevement": True}, "iban"),
        ({"titulaire": ""}, "titulaire"),
    ],
)
def test_un_rib_impossible(monde, saisie, champ):
    assert champ in formulaire("bancaires", monde.jean, RIB | saisie, jour=JOUR).errors


def test_un_compte_allemand_avec_son_bic(monde):
    assert formulaire(
        "bancaires", monde.jean, RIB | {"iban": ALLEMAND, "bic": "COBADEFF"}, jour=JOUR
    ).is_valid()


def test_le_formulaire_et_le_recapitulatif_disent_le_mandat(monde):
    client = monde.client(monde.jean)
    with time_machine.travel(MAINTENANT, tick=False):
        page = client.get(URL)
        for mention in ("Mandat de prélèvement SEPA", "FR12ZZZ123456", "8 semaines", "13 mois", "Récurrent"):
            assert mention in page.text, mention
        corps = RIB | {"prelevement": "on", "consentement": "on"}
        recap = client.post(URL, corps)
        assert "FR76 3000 6000 0112 3456 7890 189" in recap.text
        assert "23/11/2026" in recap.text
        # Without the debit, nothing to sign.
        assert "Mandat de prélèvement SEPA" not in client.post(URL, RIB).text


# --- the paper, three people ------------------------------------------------------------------------------------


def test_le_mandat_en_pdf(monde):
    signer(monde)
    page = monde.client(monde.jean).get("/compte/mandat.pdf")
    assert (page.status_code, page["Content-Type"]) == (200, "application/pdf")
    assert page.content[:5] == b"%PDF-"
    assert page["Cache-Control"] == "private, no-store"
    assert Trace.objects.filter(action="consultation", objet_type__icontains="mandat").count() == 1
    for autre in (monde.jeanne, monde.claire):
        assert monde.client(autre).get("/compte/mandat.pdf").status_code == 404


def test_pas_de_mandat_pas_de_papier(monde):
    client = monde.client(monde.jean)
    assert client.get("/compte/mandat.pdf").status_code == 404
    signer(monde)
    demande("bancaires", monde.jean, {"prelevement": False}, le=MAINTENANT).accepter(monde.agent, MAINTENANT)
    assert client.get("/compte/mandat.pdf").status_code == 404


def test_liban_est_masque_partout_ailleurs(monde):
    signer(monde)
    faite = demande("bancaires", monde.jean, {"iban": AUTRE_IBAN}, le=MAINTENANT)
    client = monde.client(monde.jean)
    with time_machine.travel(MAINTENANT, tick=False):
        for url in ("/compte/", "/demandes/", f"/demandes/{faite.pk}/", URL):
            texte = client.get(url).text.replace(" ", "")
            assert not {i for i in (IBAN, AUTRE_IBAN) if i in texte}, url
    ecrits = [str(t.detail) for t in Trace.objects.all()] + [
        c.objet + c.texte for c in Courriel.objects.all()
    ]
    assert not [e for e in ecrits if IBAN in e or AUTRE_IBAN in e or "DUPONT Jean" in e]


def test_signe_le_jour_de_lenvoi(monde):
    assert signer(monde).signe_le == date(2026, 11, 23)
