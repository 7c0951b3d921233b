"""« Mon compte »: every field of the guide, one's own and nobody else's."""

import re
from datetime import date

import pytest
from django.core.exceptions import ValidationError
from django.test import Client

from familles.models import Allocataire, CoordonneesBancaires, Responsable
from familles.models.famille import TELEPHONE
from tests.factories import utilisateur

pytestmark = pytest.mark.django_db


@pytest.fixture
def complet(monde):
    Responsable.objects.filter(famille=monde.jean).update(
        adresse="12 rue des Bonbons", telephone_mobile="06 39 98 12 40", profession="Menuisier"
    )
    Responsable.objects.filter(famille=monde.jeanne).update(
        adresse="3 impasse des Tilleuls", telephone_mobile="06 39 98 55 55", email="jeanne@secret.example"
    )
    Responsable.objects.create(
        famille=monde.jean,
        rang="conjoint",
        civilite="Mme",
        nom="DUPONT",
        prenom="Jeanne",
        adresse="Lotissement",
    )
    CoordonneesBancaires.objects.create(
        famille=monde.jean, titulaire="DUPONT JEAN", iban="FR7630006000011234567890189"
    )
    Allocataire.objects.create(famille=monde.jean, organisme="caf")
    return monde


def lire(page: str) -> list[dict[str, str]]:
    """One dict label → value per card."""
    cartes = page.split('<section class="carte"')[1:]
    return [dict(re.findall(r"<dt>([^<]+)</dt><dd[^>]*>([^<]*)</dd>", carte)) for carte in cartes]


def test_champs_du_guide(complet):
    mien, conjoint = lire(complet.client(complet.jean).get("/compte/").content.decode())
    assert list(mien) == [
        "Civilité",
        "Nom",
        "Prénom",
        "Qualité",
        "Situation",
        "N° Famille",
        "Adresse",
        "Code postal",
        "Ville",
        "Téléphone domicile",
        "Mobile",
        "Téléphone prof.",
        "Email",
        "Autorisation SMS",
        "Autorisation courriel",
        "CSP",
        "Profession",
        "Employeur",
        "Adresse employeur",
        "Nom banque",
        "Titulaire du compte",
        "IBAN",
        "Prélèvement automatique",
        "Organisme rattachement",
        "N° allocataire",
        "Quotient familial",
    ]
    assert (mien["Civilité"], mien["Situation"], mien["Employeur"]) == ("Monsieur", "Séparé", "Non renseigné")
    assert mien["IBAN"] == "FR•• •••• •••• 0189"
    assert (conjoint["Prénom"], conjoint["Adresse"], conjoint["Autorisation SMS"]) == (
        "JEANNE",
        "Lotissement",
        "Non",
    )
    assert "Nom banque" not in conjoint


def test_iban_entier_nulle_part(complet):
    assert "3000600001123456789" not in complet.client(complet.jean).get("/compte/").content.decode()


def test_icones_menent_aux_demandes(complet):
    page = complet.client(complet.jean).get("/compte/").content.decode()
    codes = re.findall(r'href="/compte/demande/([\w-]+)/"><span class="rond"', page)
    assert codes == ["infos-responsable", "conjoint", "fiscales", "caf", "bancaires"]


def test_trois_personnes(complet):
    def lue(famille) -> str:
        return complet.client(famille).get("/compte/").content.decode()

    jean = lue(complet.jean)
    jeanne = lue(complet.jeanne)
    claire = lue(complet.claire)
    for secret in (
        "3 impasse des Tilleuls",
        "06 39 98 55 55",
        "jeanne@secret.example",
        complet.jeanne.numero,
    ):
        assert secret not in jean and secret in jeanne
    for secret in ("12 rue des Bonbons", "06 39 98 12 40", "Menuisier", complet.jean.numero, "DUPONT JEAN"):
        assert secret not in jeanne and secret not in claire
    assert Client().get("/compte/")["Location"] == "/connexion/?next=/compte/"


def test_le_conjoint_connecte_voit_sa_fiche_d_abord(complet):
    conjoint = complet.jean.responsables.get(rang="conjoint")
    conjoint.utilisateur = utilisateur("conjointe")
    conjoint.save()
    navigateur = Client()
    navigateur.force_login(conjoint.utilisateur)
    page = navigateur.get("/compte/").content.decode()
    assert [c["Prénom"] for c in lire(page)] == ["JEANNE", "JEAN"]
    assert re.findall(r'class="lien-icone" href="([^"]+)"', page) == [
        "/compte/demande/conjoint/",
        "/compte/demande/infos-responsable/",
    ]


def test_sans_conjoint(monde):
    page = monde.client(monde.claire).get("/compte/").content.decode()
    assert "Aucun conjoint déclaré." in page


def test_requetes_constantes(complet, django_assert_num_queries):
    client = complet.client(complet.jean)
    client.get("/compte/")
    # session, user, responsable, adults, bank, mandate, benefits, quotients, waiting demandes, new messages
    with django_assert_num_queries(10):
        client.get("/compte/")


def test_quotient_et_allocataire(complet):
    Allocataire.objects.update(numero="1234567")
    complet.jean.quotients.update(valeur="845.50", au=date(2099, 12, 31))
    mien = lire(complet.client(complet.jean).get("/compte/").content.decode())[0]
    assert (mien["N° allocataire"], mien["Quotient familial"]) == ("1234567", "845,5, jusqu’au 31/12/2099")
    complet.jean.quotients.all().delete()
    mien = lire(complet.client(complet.jean).get("/compte/").content.decode())[0]
    assert mien["Quotient familial"] == "Non renseigné"


@pytest.mark.parametrize(
    ("saisi", "juste"),
    [
        ("04 65 71 03 04", True),
        ("0465710304", True),
        ("04.65.71.03.04", True),
        ("04-65-71-03-04", True),
        ("+33 4 65 71 03 04", True),
        ("+41 22 990 00 00", True),
        ("06 39 98 55", False),
        ("06 39 98 55 1", False),
        ("06 39 98 55 66 77", False),
        ("0 - . - . - .", False),
        ("00 39 98 55 66", False),
        ("+", False),
    ],
)
def test_un_telephone_a_tous_ses_chiffres(saisi, juste):
    refus = None
    try:
        TELEPHONE(saisi)
    except ValidationError as erreur:
        refus = erreur.messages
    assert (refus is None) is juste, refus
