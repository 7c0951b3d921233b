"""The forms: avant → après, one POST flow, three people, what is not asked is ignored."""

import uuid
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.urls import reverse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from demandes.models import Demande
from demandes.types import TYPES
from enfants.models import Rattachement
from familles.models import Responsable
from tests.demandes.fabrique import demande, titulaire

MAINTENANT = datetime(2026, 11, 23, 9, 0, tzinfo=ZoneInfo("Europe/Paris"))
URL = "/compte/demande/infos-responsable/"
SAISIE = {
    "civilite": "M",
    "nom": "DUPONT",
    "prenom": "Jean",
    "adresse": "4 avenue du Verger",
    "code_postal": "84510",
    "ville": "Belrive",
    "autorisation_courriel": "on",
}


@pytest.fixture(autouse=True)
def maintenant():
    with time_machine.travel(MAINTENANT, tick=False):
        yield


def test_valeurs_actuelles_proposees(monde):
    page = monde.client(monde.jean).get(URL)
    assert page.status_code == 200
    assert 'value="DUPONT"' in page.text


@pytest.mark.parametrize("genre", [t for t in TYPES if not t.planning], ids=lambda t: t.code)
def test_chaque_formulaire_saffiche(monde, genre):
    url = f"/compte/demande/{genre.code}/"
    if genre.categorie == "enfant":
        url = f"/enfants/{monde.lea.pk}/demande/{genre.code}/"
    if genre.code == "ajouter-enfant":
        url = "/enfants/ajouter/"
    page = monde.client(monde.jean).get(url)
    assert page.status_code == 200
    assert genre.libelle in page.text


def test_saisir_verifier_envoyer(monde):
    client = monde.client(monde.jean)
    page = client.post(URL, SAISIE)
    lignes = {ligne.libelle: (ligne.avant, ligne.apres) for ligne in page.context["lignes"]}
    assert lignes["Adresse"] == ("", "4 avenue du Verger")
    assert lignes["Qualité"] == ("Père", "")
    assert "Nom" not in lignes
    assert not Demande.objects.exists()
    page = client.post(URL, SAISIE | {"confirmer": "1"})
    faite = Demande.objects.get()
    assert page.url == reverse("demande", args=[faite.pk])
    assert faite.donnees["adresse"] == "4 avenue du Verger"
    recu = client.get(page.url)
    assert "4 avenue du Verger" in recu.text
    assert titulaire(monde.jean).adresse == ""


def test_les_champs_caches_du_recap_redonnent_la_meme_saisie(monde):
    """What the recap posts back is what was typed, booleans included."""
    client = monde.client(monde.jean)
    page = client.post(URL, SAISIE)
    form = page.context["formulaire"]
    caches = {nom: champ.as_hidden() for nom, champ in ((b.name, b) for b in form)}
    assert 'value="True"' in caches["autorisation_courriel"]
    assert 'value="False"' in caches["autorisation_sms"]
    client.post(URL, SAISIE | {"autorisation_sms": "False", "confirmer": "1"})
    assert "autorisation_sms" not in Demande.objects.get().donnees


def test_modifier_revient_au_formulaire_avec_la_saisie(monde):
    page = monde.client(monde.jean).post(URL, SAISIE | {"modifier": "1"})
    assert 'value="4 avenue du Verger"' in page.text
    assert "csrfmiddlewaretoken" in page.text


def test_erreur_la_saisie_reste(monde):
    page = monde.client(monde.jean).post(URL, SAISIE | {"code_postal": "abc", "confirmer": "1"})
    assert page.status_code == 200
    assert 'href="#id_code_postal"' in page.text
    assert 'value="4 avenue du Verger"' in page.text
    assert not Demande.objects.exists()


def test_rien_change(monde):
    Responsable.objects.filter(famille=monde.jean).update(
        civilite="M",
        adresse="4 avenue du Verger",
        code_postal="84510",
        ville="Belrive",
        qualite="",
        situation="",
        email="",
    )
    for corps in (SAISIE, SAISIE | {"confirmer": "1"}):
        page = monde.client(monde.jean).post(URL, corps)
        assert "rien changé" in page.text
    assert not Demande.objects.exists()


def test_double_clic(monde):
    corps = SAISIE | {"confirmer": "1", "jeton": str(uuid.uuid4())}
    urls = {monde.client(monde.jean).post(URL, corps).url for _ in range(2)}
    assert (len(urls), Demande.objects.count()) == (1, 1)


def test_le_jeton_dun_autre_ne_mene_pas_a_sa_demande(monde):
    corps = SAISIE | {"confirmer": "1", "jeton": str(uuid.uuid4())}
    monde.client(monde.jean).post(URL, corps)
    monde.client(monde.claire).post(URL, corps | {"nom": "MARTIN", "prenom": "Claire"})
    assert monde.jean.demandes.count() == monde.claire.demandes.count() == 1


def test_les_champs_inconnus_sont_ignores(monde):
    intrus = {
        "rang": "conjoint",
        "famille": monde.claire.pk,
        "utilisateur": monde.agent.pk,
        "etat": "acceptee",
    }
    monde.client(monde.jean).post(URL, SAISIE | intrus | {"confirmer": "1"})
    faite = Demande.objects.get()
    assert not intrus.keys() & faite.donnees.keys()
    assert (faite.famille, faite.etat) == (monde.jean, "envoyee")
    faite.accepter(monde.agent, MAINTENANT)
    assert monde.jean.responsables.count() == 1


def test_celle_qui_attend_est_montree(monde):
    attente = demande("infos-responsable", monde.jean, SAISIE, le=MAINTENANT)
    page = monde.client(monde.jean).get(URL)
    assert attente.numero in page.text
    assert 'value="4 avenue du Verger"' in page.text


@pytest.mark.parametrize(
    "url",
    [
        "/compte/demande/inconnu/",
        "/compte/demande/reservations/",
        "/compte/demande/autorisations/",
        "/compte/demande/ajouter-enfant/",
    ],
)
def test_genre_inconnu_ou_deplace(monde, url):
    assert monde.client(monde.jean).get(url).status_code == 404


# --- three people -----------------------------------------------------------------------------------------------


def test_un_enfant_deux_foyers_une_etrangere(monde):
    url = f"/enfants/{monde.lea.pk}/demande/autorisations/"
    corps = {"droit_image": "on", "confirmer": "1"}
    assert monde.client(monde.claire).post(url, corps).status_code == 404
    assert monde.client(monde.jean).post(url, corps).status_code == 302
    # Jeanne may ask too: hers is another demande, and she does not read Jean's.
    page = monde.client(monde.jeanne).get(url)
    assert page.context["attente"] is None
    faite = monde.jean.demandes.get()
    for qui, code in ((monde.jean, 200), (monde.jeanne, 404), (monde.claire, 404)):
        assert monde.client(qui).get(reverse("demande", args=[faite.pk])).status_code == code


def test_sans_autorite_parentale_pas_de_demande(monde):
    Rattachement.objects.filter(famille=monde.jeanne).update(autorite_parentale=False)
    url = f"/enfants/{monde.lea.pk}/demande/donnees-sanitaires/"
    assert monde.client(monde.jeanne).get(url).url == reverse("enfant", args=[monde.lea.pk])


def test_la_fin_du_rattachement_ferme_tout(monde):
    faite = demande("autorisations", monde.jean, {"baignade": True}, monde.lea, MAINTENANT)
    client = monde.client(monde.jean)
    Rattachement.objects.filter(famille=monde.jean, enfant=monde.lea).update(au="2026-11-22")
    assert client.get(reverse("demande", args=[faite.pk])).status_code == 404
    assert client.get(f"/enfants/{monde.lea.pk}/demande/autorisations/").status_code == 404
    assert faite.numero not in client.get("/demandes/enfants/").text


def test_une_etrangere_ne_retire_rien(monde):
    faite = demande("infos-responsable", monde.jean, SAISIE, le=MAINTENANT)
    assert (
        monde.client(monde.claire)
        .post(reverse("demande", args=[faite.pk]), {"retirer": "1", "confirmer": "1"})
        .status_code
        == 404
    )
    faite.refresh_from_db()
    assert faite.etat == "envoyee"


def test_anonyme_et_agent(monde, client):
    assert client.get(URL).status_code == 302
    assert monde.client(monde.agent).get(URL).url == "/admin/"


# --- anything typed ---------------------------------------------------------------------------------------------

TEXTES = st.one_of(
    st.text(max_size=60),
    st.sampled_from(
        [
            "",
            "0",
            "-1",
            "1e400",
            "NaN",
            "Infinity",
            "9" * 400,
            "2026-02-30",
            "9999-12-31",
            "0001-01-01",
            "\x00",
            "<b>",
            "’",
            "😀",
            "true",
        ]
    ),
)
FORMULAIRES = [t for t in TYPES if not t.planning]


@pytest.mark.parametrize("genre", FORMULAIRES, ids=lambda t: t.code)
def test_nimporte_quelle_saisie_se_lit(monde, genre):
    """No exception, whatever is typed in every field; what is valid is sent and accepted."""
    enfant = monde.lea if genre.categorie == "enfant" and genre.code != "ajouter-enfant" else None
    champs = list(genre(famille=monde.jean, enfant=enfant, jour=MAINTENANT.date()).fields)

    @settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
    @given(st.fixed_dictionaries(dict.fromkeys(champs, TEXTES)))
    def essayer(saisie):
        form = genre(saisie, famille=monde.jean, enfant=enfant, jour=MAINTENANT.date())
        if form.is_valid():
            changements = form.changements()
            for nom, valeur in changements.items():
                form.afficher(nom, valeur)
        str(form)

    essayer()
