"""« Liste des demandes »: tabs, filter, months, sections; and a constant number of queries."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from tests import factories
from tests.demandes.fabrique import demande, reservations

MAINTENANT = datetime(2026, 11, 23, 9, 0, tzinfo=ZoneInfo("Europe/Paris"))
ADRESSE = {"civilite": "M", "adresse": "4 avenue du Verger", "code_postal": "84510", "ville": "Belrive"}


@pytest.fixture(autouse=True)
def maintenant():
    with time_machine.travel(MAINTENANT, tick=False):
        yield


def sections(page) -> dict[str, list[str]]:
    return {s.titre: [li.demande.numero for li in s.lignes] for s in page.context["sections"]}


def test_sections_et_motif(monde):
    refusee = demande("caf", monde.jean, {"numero": "123"}, le=MAINTENANT)
    refusee.refuser(monde.agent, "Il manque l’attestation.", MAINTENANT)
    acceptee = demande("infos-responsable", monde.jean, ADRESSE, le=MAINTENANT)
    acceptee.accepter(monde.agent, MAINTENANT)
    attente = demande("conjoint", monde.jean, {"nom": "PETIT", "prenom": "Anne"}, le=MAINTENANT)
    page = monde.client(monde.jean).get("/demandes/")
    assert sections(page) == {
        "Demandes en cours": [attente.numero],
        "Demandes refusées": [refusee.numero],
        "Demandes acceptées": [acceptee.numero],
    }
    assert "Motif refus" in page.text
    assert "Il manque l’attestation." in page.text
    for filtre in ("Informations responsable", "Informations CAF", "Informations bancaires"):
        assert filtre in page.text


def test_les_enfants_ont_leur_onglet(monde):
    demande("autorisations", monde.jean, {"baignade": True}, monde.lea, MAINTENANT)
    reservations(monde.inscriptions["tom"], MAINTENANT.date() + timedelta(days=3), le=MAINTENANT)
    page = monde.client(monde.jean).get("/demandes/enfants/")
    assert [(o.categorie, o.nombre) for o in page.context["onglets"]] == [("compte", 0), ("enfant", 2)]
    assert "Réservation, Restauration scolaire" in page.text
    assert "Tom, jeudi\u00a026\u00a0novembre" in page.text
    for filtre in ("Autorisations", "Données sanitaires", "Réservations", "Absences"):
        assert filtre in page.text


def test_filtrer_par_type(monde):
    garde = demande("caf", monde.jean, {"numero": "123"}, le=MAINTENANT)
    demande("infos-responsable", monde.jean, ADRESSE, le=MAINTENANT)
    page = monde.client(monde.jean).get("/demandes/?type=caf")
    assert sections(page)["Demandes en cours"] == [garde.numero]


def test_trente_jours_puis_par_mois_puis_tout(monde):
    vieille = demande("caf", monde.jean, {"numero": "1"}, le=MAINTENANT - timedelta(days=70))
    vieille.accepter(monde.agent, MAINTENANT - timedelta(days=69))
    attente = demande("fiscales", monde.jean, FISCALES, le=MAINTENANT - timedelta(days=60))
    recente = demande("infos-responsable", monde.jean, ADRESSE, le=MAINTENANT - timedelta(days=3))
    client = monde.client(monde.jean)

    def numeros(adresse: str) -> set[str]:
        return {n for liste in sections(client.get(adresse)).values() for n in liste}

    # What still waits is never out of sight.
    assert numeros("/demandes/") == {attente.numero, recente.numero}
    assert numeros("/demandes/?mois=2026-09") == {vieille.numero, attente.numero}
    assert numeros("/demandes/?mois=tout") == {vieille.numero, attente.numero, recente.numero}
    periode = client.get("/demandes/?mois=2026-09").context["periode"]
    assert (periode.precedent.month, periode.suivant.month) == (8, 10)
    assert client.get("/demandes/?mois=2026-11").context["periode"].suivant is None


FISCALES = {"annee": "2025", "revenu_fiscal_reference": "30000", "parts": "2", "personnes_a_charge": "1"}


@pytest.mark.parametrize(
    "requete",
    ["mois=2026-13", "mois=0000-01", "mois=9999-12", "mois=x", "mois=%F0%9F%98%80", "type=zzz", "type=<b>"],
)
def test_un_parametre_absurde_ne_casse_rien(monde, requete):
    assert monde.client(monde.jean).get(f"/demandes/?{requete}").status_code == 200


def test_chacun_ne_voit_que_les_siennes(monde):
    faite = demande("autorisations", monde.jean, {"baignade": True}, monde.lea, MAINTENANT)
    for qui, vue in ((monde.jean, True), (monde.jeanne, False), (monde.claire, False)):
        assert (faite.numero in monde.client(qui).get("/demandes/enfants/").text) is vue


def test_liban_nest_jamais_en_clair(monde):
    saisie = {"titulaire": "DUPONT Jean", "iban": "FR7630006000011234567890189", "bic": "AGRIFRPP"}
    faite = demande("bancaires", monde.jean, saisie, le=MAINTENANT)
    client = monde.client(monde.jean)
    assert "0189" not in client.get("/demandes/").text
    page = client.get(reverse("demande", args=[faite.pk])).text
    assert "•••• 0189" in page
    assert "FR7630006000011234567890189" not in page


def test_nombre_constant_de_requetes(monde):
    client = monde.client(monde.jean)
    jour = MAINTENANT.date()

    def compter(adresse: str) -> int:
        with CaptureQueriesContext(
            connection,
        ) as requetes:
            client.get(adresse)
        return len(requetes)

    reservations(monde.inscriptions["lea"], jour + timedelta(days=3), le=MAINTENANT)
    demande("caf", monde.jean, {"numero": "1"}, le=MAINTENANT)
    adresses = ("/demandes/", "/demandes/enfants/", "/demandes/enfants/?mois=tout")
    client.get(adresses[0])
    une = [compter(a) for a in adresses]
    for n in (4, 7, 8):
        nino = factories.enfant(f"Nino{n}", monde.jean)
        inscription = factories.inscription(nino, monde.cantine, monde.jean)
        reservations(inscription, jour + timedelta(days=n), jour + timedelta(days=n + 7), le=MAINTENANT)
    demande("fiscales", monde.jean, FISCALES, le=MAINTENANT)
    demande("infos-responsable", monde.jean, ADRESSE, le=MAINTENANT)
    assert [compter(a) for a in adresses] == une
    assert max(une) <= 8


def test_repondre_a_un_complement(monde):
    faite = demande("infos-responsable", monde.jean, ADRESSE, le=MAINTENANT)
    faite.demander_complement(monde.agent, "Quelle entrée ?", MAINTENANT)
    client, url = monde.client(monde.jean), reverse("demande", args=[faite.pk])
    assert "Quelle entrée ?" in client.get(url).text
    assert client.post(url, {"texte": ""}).status_code == 200
    assert client.post(url, {"texte": "Entrée B"}).status_code == 302
    faite.refresh_from_db()
    assert faite.etat == "envoyee"
    # An answer nobody asked for changes nothing.
    client.post(url, {"texte": "Encore"})
    assert faite.evenements.filter(genre="reponse").count() == 1


def test_retirer_deux_fois(monde):
    faite = demande("infos-responsable", monde.jean, ADRESSE, le=MAINTENANT)
    client, url = monde.client(monde.jean), reverse("demande", args=[faite.pk])
    assert client.post(url, {"retirer": "1", "confirmer": "1"}).status_code == 302
    page = client.post(url, {"retirer": "1", "confirmer": "1"}, follow=True)
    assert "déjà traitée" in page.text
    assert faite.evenements.filter(genre="retiree").count() == 1


def test_le_premier_pas_reste_envoyee(monde):
    """The badge says « En cours »: the step that sent it does not say it a second time."""
    faite = demande("infos-responsable", monde.jean, ADRESSE, le=MAINTENANT)
    client, url = monde.client(monde.jean), reverse("demande", args=[faite.pk])
    assert [mots for _, mots, _ in client.get(url).context["etapes"]] == ["Envoyée"]
    faite.accepter(monde.agent, MAINTENANT)
    assert [mots for _, mots, _ in client.get(url).context["etapes"]] == ["Envoyée", "Acceptée"]
