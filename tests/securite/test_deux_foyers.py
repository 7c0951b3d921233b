"""Two households share a child: each walks every page it can reach, and finds nothing of the other's."""

import re
from datetime import date, timedelta
from decimal import Decimal
from html import unescape
from io import BytesIO
from urllib.parse import urljoin, urlsplit

import pytest
import time_machine
from django.test import Client
from django.urls import resolve
from pypdf import PdfReader

from enfants import places, rattachements
from enfants.models import FicheSanitaire, PersonneAutorisee, Rattachement
from facturation.models import Imputation, LigneFacture, Reglement
from familles.models import Allocataire, CoordonneesBancaires, MandatSepa, QuotientFamilial, SituationFiscale
from tests.demandes.fabrique import reservations
from tests.enfants.fabrique import JEUDI, LUNDI, MAINTENANT, reserver
from tests.factories import Monde, inscription
from tests.facturation.fabrique import facture
from tests.messagerie.fabrique import de_la_famille, de_la_mairie
from tests.test_conventions_adresses import ADRESSES, CONNECTE

pytestmark = pytest.mark.django_db

# What each household keeps to itself. Every value is unlike anything else on the pages.
SECRETS = {
    "jean": {
        "rue": "17 venelle des Tanneurs",
        "domicile": "04 65 71 11 11",
        "mobile": "06 39 98 11 11",
        "professionnel": "04 65 71 11 12",
        "email": "jean.prive@exemple.fr",
        "employeur": "Scierie Bellombre",
        "profession": "Affûteur",
        "conjoint": "Philomène",
        "iban": "FR7630006000011234567890189",
        "titulaire": "Compte Jean seul",
        "rum": "RUM-JEAN-0001",
        "quotient": "731",
        "revenu": "23456",
        "allocataire": "7311117",
        "objet": "Chaussons égarés chez Jean",
        "reponse": "Réponse pour Jean seulement",
        "autorisee": "Théodule",
        "telephone_autorisee": "06 39 98 22 11",
        "motif": "Rendez-vous chez l’orthodontiste",
        "reglement": "Chèque 1111117",
    },
    "jeanne": {
        "rue": "29 montée des Lavandières",
        "domicile": "04 65 71 33 33",
        "mobile": "06 39 98 33 33",
        "professionnel": "04 65 71 33 34",
        "email": "jeanne.privee@exemple.fr",
        "employeur": "Verrerie Hautecombe",
        "profession": "Souffleuse",
        "conjoint": "Barnabé",
        "iban": "FR1420041010050500013M02606",
        "titulaire": "Compte Jeanne seule",
        "rum": "RUM-JEANNE-0001",
        "quotient": "1298",
        "revenu": "67891",
        "allocataire": "9333339",
        "objet": "Bonnet retrouvé chez Jeanne",
        "reponse": "Réponse pour Jeanne seulement",
        "autorisee": "Eulalie",
        "telephone_autorisee": "06 39 98 44 33",
        "motif": "Rendez-vous chez l’ophtalmologue",
        "reglement": "Chèque 3333339",
    },
}


def remplir(monde: Monde, qui: str, jour_reserve: date) -> dict[str, str]:
    """Give this household everything it may hold; what must stay its own, references included."""
    foyer, s = getattr(monde, qui), dict(SECRETS[qui])
    foyer.responsables.filter(rang="titulaire").update(
        adresse=s["rue"],
        telephone_domicile=s["domicile"],
        telephone_mobile=s["mobile"],
        telephone_professionnel=s["professionnel"],
        email=s["email"],
        employeur=s["employeur"],
        profession=s["profession"],
    )
    foyer.responsables.create(rang="conjoint", prenom=s["conjoint"], nom="DUPONT", email=s["email"])
    CoordonneesBancaires.objects.create(famille=foyer, titulaire=s["titulaire"], iban=s["iban"])
    MandatSepa.objects.create(
        famille=foyer, rum=s["rum"], iban=s["iban"], titulaire=s["titulaire"], etat="actif", signe_le=JEUDI
    )
    QuotientFamilial.objects.filter(famille=foyer).update(valeur=Decimal(s["quotient"]))
    SituationFiscale.objects.create(famille=foyer, annee=2025, revenu_fiscal_reference=int(s["revenu"]))
    Allocataire.objects.create(famille=foyer, organisme="caf", numero=s["allocataire"])
    de_la_famille(foyer, objet=s["objet"], texte="Bonjour, merci d’avance.")
    de_la_mairie(foyer, objet=s["reponse"])
    PersonneAutorisee.objects.create(
        enfant=monde.lea,
        famille=foyer,
        nom="TIERS",
        prenom=s["autorisee"],
        telephone=s["telephone_autorisee"],
    )
    # The other's PDF prints the address: of this household, not the builder's default.
    emise = facture(foyer, 4321 if qui == "jean" else 9876, destinataire=qui, adresse=s["rue"])
    paye = Reglement.objects.create(
        regie=emise.regie,
        famille=foyer,
        numero=foyer.pk,
        reference=f"AL-7{foyer.pk}",
        date=JEUDI,
        mode="cheque",
        centimes=100,
        libelle_complementaire=s["reglement"],
    )
    if qui == "jean":
        # Something to certify: the walk passes by its paper, and the other household gets a 404.
        ligne_de_garde(emise, monde.tom)
        Imputation.objects.create(reglement=paye, facture=emise, centimes=100)
    sienne = monde.inscriptions["lea"] if qui == "jean" else inscription(monde.lea, monde.cantine, foyer)
    (reservee, _) = reserver(
        sienne, jour_reserve, jour_reserve - timedelta(7)
    )  # and a day that is past: its own page
    places.declarer_absences([reservee], None, MAINTENANT, s["motif"], True)
    s["demande"] = reservations(sienne, jour_reserve + timedelta(1), le=MAINTENANT).numero
    s["facture"] = emise.reference
    s["numero"] = foyer.numero
    return s


def ligne_de_garde(emise, enfant) -> None:
    LigneFacture.objects.create(
        facture=emise,
        enfant=enfant,
        enfant_nom=str(enfant),
        libelle="Garderie matin",
        nature_fiscale="garde",
        unite_centimes=4321,
        total_centimes=4321,
    )


@pytest.fixture
def foyers(monde):
    """The two households, full, under the clock of the builders: their secrets by name."""
    with time_machine.travel(MAINTENANT, tick=False):
        FicheSanitaire.objects.create(enfant=monde.lea, allergies="Noisette")
        yield monde, {"jean": remplir(monde, "jean", JEUDI), "jeanne": remplir(monde, "jeanne", LUNDI)}


LIEN = re.compile(r"(?:href|src|action)=\"([^\"#]+)")
# Statics and what ends the session; weeks and months go on for ever: November and two weeks of it say it all.
HORS = re.compile(
    r"^/(?:static/|theme-|logo-|deconnexion/|session/)|planning/(?!2026-11|demande|semaine-type|jour/\d+/2026-11)|inscriptions=toutes"
    r"|du=(?!2026-11-(?:23|30))|mois=(?!tout|2026-11)|releve/\?.*annee=(?!2026)"
)


def texte(reponse) -> str:
    if reponse.get("Content-Type", "").startswith("application/pdf"):
        contenu = b"".join(reponse) if reponse.streaming else reponse.content
        return "\n".join(page.extract_text() for page in PdfReader(BytesIO(contenu)).pages)
    if reponse.streaming:
        return b"".join(reponse).decode(errors="replace")
    return unescape(reponse.content.decode(errors="replace"))


def parcourir(navigateur: Client, departs=("/",), limite: int = 250) -> dict[str, str]:
    """Text of every page and paper reached by following links from there."""
    a_voir, vues = list(departs), {}
    while a_voir:
        adresse = a_voir.pop()
        if adresse in vues or HORS.search(adresse):
            continue
        reponse = navigateur.get(adresse)
        if reponse.status_code in (301, 302):
            cible = urlsplit(urljoin(adresse, reponse["Location"]))
            vues[adresse] = ""
            a_voir += [] if cible.netloc else [cible.path + (f"?{cible.query}" if cible.query else "")]
            continue
        vues[adresse] = texte(reponse)
        assert len(vues) < limite, f"the walk does not end: {sorted(vues)[-20:]}"
        if reponse.get("Content-Type", "").startswith("text/html"):
            for lien in LIEN.findall(vues[adresse]):
                cible = urlsplit(urljoin(adresse, lien))
                if not cible.netloc and not cible.scheme:
                    a_voir.append(cible.path + (f"?{cible.query}" if cible.query else ""))
    return vues


def nu(valeur: str) -> str:
    """Spaces of all kinds left out: an IBAN or a phone may be printed in groups."""
    return re.sub(r"\s|\N{NO-BREAK SPACE}|\N{NARROW NO-BREAK SPACE}", "", valeur).casefold()


def contient(page: str, secret: str) -> bool:
    """Figures stand alone (« 731 » is not in « 17315 », nor in an identifier drawn at random); words anywhere."""
    if secret.isdigit() and len(secret) < 8:
        return re.search(rf"(?<!\w){secret}(?!\w)", re.sub(r"(?<=\d)\s(?=\d{3})", "", page)) is not None
    return nu(secret) in nu(page)


def fuites(vues: dict[str, str], secrets: dict[str, str]) -> list[str]:
    trouvees = []
    for nom, secret in secrets.items():
        # « AL-1 » is not « AL-12 ».
        motif = re.compile(rf"{re.escape(secret)}(?!\d)") if nom == "facture" else None
        for adresse, page in vues.items():
            if motif.search(page) if motif else contient(page, secret):
                trouvees.append(f"{adresse} : {nom}")
    return trouvees


@pytest.mark.parametrize(("qui", "autre"), [("jean", "jeanne"), ("jeanne", "jean")])
def test_rien_de_l_autre_foyer_sur_aucune_page(foyers, qui, autre):
    monde, secrets = foyers
    vues = parcourir(monde.client(getattr(monde, qui)))
    papiers = [a for a in vues if a.split("?")[0].endswith(".pdf")]
    # The walk did go everywhere: the child, its planning, the invoice, the mail, the forms, three papers.
    for attendue in (f"/enfants/{monde.lea.pk}/", "/enfants/planning/2026-11/", "/compte/", "/releve/"):
        assert attendue in vues
    assert len(vues) > 30 and len(papiers) >= 3, sorted(vues)
    assert fuites(vues, secrets[autre]) == []
    # The negative control: the same walk finds one's own secrets, so it would have found the other's.
    assert {x.rsplit(" : ", 1)[1] for x in fuites(vues, secrets[qui])} >= {
        "rue",
        "mobile",
        "email",
        "employeur",
        "conjoint",
        "quotient",
        "objet",
        "autorisee",
        "facture",
        "numero",
        "demande",
    }


# Addresses a family's walk does not pass through, and why. A new page is not among them: it is walked, or this fails.
HORS_DU_PARCOURS = {
    **dict.fromkeys(
        (
            "acces_par_ecole",
            "autocompletion",
            "calendrier_remplir",
            "contrat_de_creche",
            "pointage",
            "pointage_papier",
            "prestations_archiver",
            "prestations_dupliquer",
            "rattachement_terminer",
        ),
        "the town hall's",
    ),
    "choisir_famille": "leads elsewhere whoever has one household (tests/familles/test_choix_famille)",
    "double_codes": "asks a telephone first (tests/familles/test_double)",
    "double_retirer": "the same",
    "fichier": "three people in tests/accueil/test_publications",
    "fichier_apercu": "three people in tests/demandes/test_pieces",
    "paiement_retour": "a payment under way (tests/facturation/test_paiement)",
    "planning": "no month: leads to this month's, walked",
    "planning_de_l_enfant": "the same",
    "session": "seconds left, for the script",
    "telecharger_donnees": "the whole copy is read in tests/accueil/test_donnees",
}


def partager(adresses) -> tuple[list[str], list[str]]:
    """Those about a child by their path, and those whose question only proposes one: it is ignored when not ours."""
    tries = sorted(adresses)
    return (
        [a for a in tries if "semaine-type/?" not in a],
        [a for a in tries if "semaine-type/?" in a],
    )


def test_les_adresses_de_l_un_sont_404_pour_l_autre(foyers):
    """What Jean reaches and Jeanne does not: typed by Jeanne, it is a 404, never a 403 nor a page."""
    monde, _ = foyers
    jean, jeanne = (parcourir(monde.client(f)) for f in (monde.jean, monde.jeanne))
    # Every page of a family is on the way of the walk, but those said above.
    noms = {resolve(urlsplit(a).path).url_name for a in jean}
    attendues = {nom for nom, qui in ADRESSES.items() if qui == CONNECTE}
    assert attendues - noms == HORS_DU_PARCOURS.keys()
    assert len(set(jean) - set(jeanne)) > 5
    for a, b, chez in ((jean, jeanne, monde.jeanne), (jeanne, jean, monde.jean)):
        navigateur = monde.client(chez)
        propres = {x for x in set(a) - set(b) if "?" not in x}
        assert {x: navigateur.get(x).status_code for x in sorted(propres)} == dict.fromkeys(
            sorted(propres), 404
        )
    etrangere = monde.client(monde.claire)
    communes = {x for x in set(jean) & set(jeanne) if str(monde.lea.pk) in x}
    refuses, ignores = partager(communes)
    assert refuses and {etrangere.get(x).status_code for x in refuses} == {404}
    assert ignores and not any("Léa" in texte(etrangere.get(x)) for x in ignores)


def test_la_fin_du_rattachement_garde_les_factures_et_rien_d_autre(foyers):
    monde, secrets = foyers
    navigateur = monde.client(monde.jean)
    avant = parcourir(navigateur)
    lien = Rattachement.objects.get(enfant=monde.lea, famille=monde.jean)
    rattachements.terminer(lien, rattachements.veille(MAINTENANT.date()), monde.agent, MAINTENANT)
    siennes, ignorees = partager(a for a in avant if str(monde.lea.pk) in a)
    assert siennes and {navigateur.get(a).status_code for a in siennes} == {404}
    assert ignorees and not any("Léa" in texte(navigateur.get(a)) for a in ignorees)
    apres = parcourir(navigateur)
    assert [a for a in apres if str(monde.lea.pk) in a or "Léa" in apres[a]] == []
    assert f"/factures/{secrets['jean']['facture']}.pdf" in apres
    assert secrets["jean"]["reglement"] in apres["/releve/"]
    assert fuites(apres, secrets["jeanne"]) == []
    jeanne = parcourir(monde.client(monde.jeanne))
    assert f"/enfants/{monde.lea.pk}/" in jeanne and fuites(jeanne, secrets["jean"]) == []
