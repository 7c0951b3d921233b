"""The enrolment sheet: one accessible A4 page, and nothing the other household declared."""

import io
from datetime import date

import page
import pytest
from django.test import Client
from pypdf import PdfReader

from enfants.models import FicheSanitaire, PersonneAutorisee
from familles.models import Responsable
from portail.accueil import fiche_inscription
from tests.factories import inscription, prestation

pytestmark = pytest.mark.django_db


def lire(contenu: bytes) -> str:
    """The text of a valid, one-page A4 document."""
    lu = PdfReader(io.BytesIO(contenu))
    assert len(lu.pages) == 1
    assert [round(float(x)) for x in lu.pages[0].mediabox[2:]] == [595, 842]
    rapport = page.validate_pdf_bytes(contenu, profile=page.ValidationProfile.PDF_UA_1)
    assert rapport.is_compliant, [f.message for f in rapport.failures]
    return " ".join(lu.pages[0].extract_text().split())


def test_vierge(monde):
    reponse = monde.client(monde.jean).get("/fiche-inscription.pdf")
    assert reponse["Content-Type"] == "application/pdf"
    texte = lire(reponse.content)
    for mots in (
        "Fiche d’inscription",
        "Belrive-sur-Durance",
        "Responsable 2",
        "Signature",
        "Restauration scolaire",
    ):
        assert mots in texte, mots
    assert "DUPONT" not in texte and "×" not in texte


def test_remplie_au_plus_long_sur_une_page(monde):
    """The most a household can hold still fits: long names, both adults, twelve services, long allergies."""
    Responsable.objects.create(
        famille=monde.jean,
        rang="conjoint",
        nom="DE LA TOUR DU PIN",
        prenom="Marie-Antoinette",
        adresse="x" * 90,
    )
    FicheSanitaire.objects.create(
        enfant=monde.lea,
        allergies="arachide, " * 60,
        observations="à savoir " * 60,
        pai=True,
        medecin="Dr Roux",
    )
    for n in range(4):
        PersonneAutorisee.objects.create(
            enfant=monde.lea, famille=monde.jean, nom="ROUX", prenom=f"Personne {n}"
        )
    for n in range(12):
        inscription(monde.lea, prestation(f"Service de l’après-midi {n}"), monde.jean)
    texte = lire(fiche_inscription.document(date(2026, 11, 23), monde.jean, monde.lea))
    for mots in (
        monde.jean.numero,
        "Léa",
        "14/03/2018",
        "Dr Roux",
        "suite sur le portail",
        "Personne 0",
        "Père",
    ):
        assert mots in texte, mots


def test_trois_personnes(monde):
    PersonneAutorisee.objects.create(enfant=monde.lea, famille=monde.jeanne, nom="SECRET", prenom="Mamie")
    Responsable.objects.filter(famille=monde.jeanne).update(adresse="3 impasse des Tilleuls")
    adresse = f"/enfants/{monde.lea.pk}/fiche-inscription.pdf"
    jean = lire(monde.client(monde.jean).get(adresse).content)
    jeanne = lire(monde.client(monde.jeanne).get(adresse).content)
    assert "SECRET" in jeanne and "impasse" in jeanne and monde.jeanne.numero in jeanne
    for secret in ("SECRET", "impasse", "Jeanne", monde.jeanne.numero):
        assert secret not in jean
    assert monde.client(monde.claire).get(adresse).status_code == 404
    assert Client().get(adresse).status_code == 302
    assert monde.client(monde.agent).get(adresse)["Location"] == "/admin/"


def test_fin_du_rattachement(monde):
    client = monde.client(monde.jean)
    monde.lea.rattachements.filter(famille=monde.jean).update(au=date(2020, 1, 1), du=date(2019, 1, 1))
    assert client.get(f"/enfants/{monde.lea.pk}/fiche-inscription.pdf").status_code == 404


@pytest.mark.parametrize(
    ("jour", "annee"),
    [
        (date(2026, 11, 23), "2026-2027"),
        (date(2027, 4, 30), "2026-2027"),
        (date(2027, 5, 1), "2027-2028"),
        (date(2027, 9, 1), "2027-2028"),
    ],
)
def test_annee(jour, annee):
    assert fiche_inscription.annee_de_la_fiche(jour) == annee


def test_vierge_avec_douze_services_sur_une_page(monde):
    for n in range(11):
        prestation(f"Accueil du mercredi après-midi {n}")
    texte = lire(monde.client(monde.jean).get("/fiche-inscription.pdf").content)
    assert "Accueil du mercredi après-midi 10" in texte
