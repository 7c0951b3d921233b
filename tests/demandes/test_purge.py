"""Bank and health demandes are emptied some days after the decision: the values go, what was asked stays."""

from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.db import transaction
from django.urls import reverse

from demandes.models import Demande, PieceDemande
from demandes.travail import effacer_les_valeurs
from enfants.models import FicheSanitaire
from portail.socle.fichiers import deposer
from portail.socle.models import Collectivite, Fichier, Trace
from tests.demandes.fabrique import demande, titulaire
from tests.demandes.test_attestation import absence
from tests.messagerie.fabrique import televerse

MAINTENANT = datetime(2026, 11, 23, 9, 0, tzinfo=ZoneInfo("Europe/Paris"))
JOUR = timedelta(days=1)
FISCALES = {"annee": "2025", "revenu_fiscal_reference": "30000", "parts": "2", "personnes_a_charge": "1"}
SANTE = {"allergies": "Arachide", "medecin": "Docteur ROUMANEL"}


@pytest.fixture(autouse=True)
def maintenant():
    with time_machine.travel(MAINTENANT, tick=False) as horloge:
        yield horloge


def avec_piece(faite: Demande, nom: str = "PAI de Léa.pdf") -> Fichier:
    fichier = deposer(televerse(nom), titulaire(faite.famille).utilisateur)
    PieceDemande.objects.create(demande=faite, fichier=fichier)
    return fichier


@pytest.fixture
def sante(monde) -> Demande:
    """Accepted, with its document."""
    faite = demande("donnees-sanitaires", monde.jean, SANTE, monde.lea, MAINTENANT)
    avec_piece(faite)
    faite.accepter(monde.agent, MAINTENANT)
    return faite


def test_des_deux_cotes_du_delai(monde, sante):
    assert effacer_les_valeurs(MAINTENANT + 30 * JOUR) == "0 demandes effacées"
    assert effacer_les_valeurs(MAINTENANT + 30 * JOUR + timedelta(seconds=1)) == "1 demandes effacées"
    assert effacer_les_valeurs(MAINTENANT + 31 * JOUR) == "0 demandes effacées"
    sante.refresh_from_db()
    assert (sante.donnees, sante.avant, sorted(sante.effaces)) == ({}, {}, ["allergies", "medecin"])
    assert (sante.etat, sante.decidee_par, sante.envoyee_par) == (
        "acceptee",
        monde.agent,
        titulaire(monde.jean).utilisateur,
    )
    assert FicheSanitaire.objects.get(enfant=monde.lea).allergies == "Arachide"


def test_le_delai_de_la_commune(monde, sante):
    Collectivite.objects.create(pk=1, conservation_demandes_jours=5)
    Collectivite.oublier()
    assert effacer_les_valeurs(MAINTENANT + 6 * JOUR) == "1 demandes effacées"


@pytest.mark.django_db(transaction=True)
def test_les_documents_partent_du_disque(monde, sante):
    chemin = Path(Fichier.objects.get().contenu.path)
    assert chemin.exists()
    effacer_les_valeurs(MAINTENANT + 31 * JOUR)
    assert (PieceDemande.objects.count(), Fichier.objects.count(), chemin.exists()) == (0, 0, False)


@pytest.mark.django_db(transaction=True)
def test_une_transaction_annulee_ne_perd_aucun_document(monde, sante):
    chemin = Path(Fichier.objects.get().contenu.path)
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        sante.effacer(MAINTENANT + 31 * JOUR)
        raise ZeroDivisionError
    assert chemin.exists()
    assert Fichier.objects.count() == 1


def test_les_pages_le_disent(monde, sante):
    effacer_les_valeurs(MAINTENANT + 31 * JOUR)
    page = monde.client(monde.jean).get(reverse("demande", args=[sante.pk])).text
    assert page.count("Valeur effacée") >= 4
    assert "1 document effacé." in page
    assert "Arachide" not in page
    fiche = monde.client(monde.agent).get(reverse("admin:demandes_demande_change", args=[sante.pk])).text
    assert "valeur effacée" in fiche
    assert "Arachide" not in fiche
    liste = monde.client(monde.jean).get("/demandes/enfants/?mois=tout").text
    assert "Léa, allergies, médecin" in liste
    admin = monde.client(monde.agent).get(reverse("admin:demandes_demande_changelist") + "?situation=toutes")
    assert admin.status_code == 200


def test_aucune_valeur_dans_les_traces(monde, sante):
    effacer_les_valeurs(MAINTENANT + 31 * JOUR)
    tout = str(list(Trace.objects.values_list("action", "detail")))
    assert "Arachide" not in tout
    assert "PAI" not in tout
    trace = Trace.objects.get(action="demande_effacee")
    assert trace.detail == {"type": "donnees-sanitaires", "champs": ["allergies", "medecin"]}


def test_ce_qui_attend_garde_tout(monde):
    faite = demande("donnees-sanitaires", monde.jean, SANTE, monde.lea, MAINTENANT)
    assert effacer_les_valeurs(MAINTENANT + 400 * JOUR) == "0 demandes effacées"
    assert not faite.effacer(MAINTENANT)
    faite.accepter(monde.agent, MAINTENANT + 400 * JOUR)
    assert FicheSanitaire.objects.get(enfant=monde.lea).allergies == "Arachide"


@pytest.mark.parametrize("verbe", ["refuser", "retirer"])
def test_refusee_ou_retiree_aussi(monde, verbe):
    faite = demande("donnees-sanitaires", monde.jean, SANTE, monde.lea, MAINTENANT)
    if verbe == "refuser":
        faite.refuser(monde.agent, "Illisible.", MAINTENANT)
    else:
        faite.retirer(titulaire(monde.jean).utilisateur, MAINTENANT)
    assert effacer_les_valeurs(MAINTENANT + 31 * JOUR) == "1 demandes effacées"


def test_les_autres_demandes_gardent_leurs_valeurs(monde):
    faite = demande("fiscales", monde.jean, FISCALES, le=MAINTENANT)
    faite.refuser(monde.agent, "Non.", MAINTENANT)
    piece = avec_piece(faite)
    assert effacer_les_valeurs(MAINTENANT + 31 * JOUR) == "0 demandes effacées"
    assert Fichier.objects.get() == piece


def test_une_absence_medicale_perd_sa_precision_et_son_attestation(monde):
    faite = absence(monde)
    Demande.objects.filter(pk=faite.pk).update(donnees={"raison": "medicale", "precision": "varicelle"})
    avec_piece(faite, "certificat.pdf")
    faite.accepter(monde.agent, MAINTENANT)
    assert effacer_les_valeurs(MAINTENANT + 31 * JOUR) == "1 demandes effacées"
    faite.refresh_from_db()
    assert (faite.donnees, faite.effaces) == ({"raison": "medicale"}, ["precision"])
    assert faite.permission == "demandes.voir_sante"
    assert Fichier.objects.count() == 0
    assert monde.client(monde.jean).get(reverse("demande", args=[faite.pk])).status_code == 200


def test_une_absence_dune_autre_raison_garde_tout(monde):
    faite = absence(monde, raison="familiale")
    assert faite.etat != "envoyee"
    assert effacer_les_valeurs(MAINTENANT + 31 * JOUR) == "0 demandes effacées"


def test_un_document_partage_reste_a_lautre_demande(monde, sante):
    """Taken again in a demande that replaced another: the last one to go takes the file with it."""
    autre = demande("donnees-sanitaires", monde.jean, {"allergies": "Œuf"}, monde.lea, MAINTENANT)
    fichier = Fichier.objects.get()
    PieceDemande.objects.create(demande=autre, fichier=fichier)
    effacer_les_valeurs(MAINTENANT + 31 * JOUR)
    assert [p.demande for p in PieceDemande.objects.all()] == [autre]
    assert Fichier.objects.get() == fichier


def test_une_demande_malade_narrete_pas_les_autres(monde, sante, monkeypatch, caplog):
    autre = demande("donnees-sanitaires", monde.claire, SANTE, monde.zoe, MAINTENANT)
    autre.refuser(monde.agent, "Non.", MAINTENANT)
    effacer = Demande.effacer

    def effacer_sauf(self, quand):
        if self.pk == sante.pk:
            raise ValueError("Arachide")
        return effacer(self, quand)

    monkeypatch.setattr(Demande, "effacer", effacer_sauf)
    assert effacer_les_valeurs(MAINTENANT + 31 * JOUR) == "1 demandes effacées"
    assert "Arachide" not in caplog.text


def test_les_papiers_d_identite_partent_les_valeurs_restent(monde):
    saisie = {"prenom": "Léana"}
    faite = demande("identite", monde.jean, saisie, monde.lea, MAINTENANT)
    avec_piece(faite, "livret.pdf")
    faite.accepter(monde.agent, MAINTENANT)
    assert effacer_les_valeurs(MAINTENANT + 30 * JOUR) == "0 demandes effacées"
    assert effacer_les_valeurs(MAINTENANT + 31 * JOUR) == "1 demandes effacées"
    faite.refresh_from_db()
    assert (faite.donnees, faite.effaces, faite.pieces.count()) == (saisie, [], 0)
    page = monde.client(monde.jean).get(reverse("demande", args=[faite.pk])).content.decode()
    assert "Léana" in page
    assert "Valeur effacée" not in page


def test_une_demande_d_identite_sans_document_n_est_pas_touchee(monde):
    faite = demande("identite", monde.jean, {"prenom": "Léana"}, monde.lea, MAINTENANT)
    faite.accepter(monde.agent, MAINTENANT)
    assert effacer_les_valeurs(MAINTENANT + 31 * JOUR) == "0 demandes effacées"
