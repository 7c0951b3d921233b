"""The town's single form, and what nobody may edit."""

import re
from datetime import date

import pytest
from django.utils import timezone

from enfants.models import JourFerie
from portail.socle.admin import enregistre
from portail.socle.courriels import poster
from portail.socle.models import Collectivite, Courriel, Execution, Trace
from portail.socle.traces import tracer
from tests.factories import agent

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(client):
    client.force_login(agent("admin"))
    yield client
    Collectivite.oublier()


@pytest.fixture
def lignes():
    courriel = poster(
        "mot-de-passe:1:x",
        "a@exemple.fr",
        "courriels/mot_de_passe.txt",
        {"lien": "https://SECRET/", "identifiant": "a", "minutes": 60},
    )
    ordinaire = Courriel.objects.create(
        cle="autre", destinataire="a@exemple.fr", objet="o", texte="LISIBLE", message_id="<1>"
    )
    trace = tracer(None, "essai", courriel)
    execution = Execution.objects.create(tache="essai", fin=timezone.now(), reussie=True)
    return {"trace": trace, "courriel": ordinaire, "execution": execution, "secret": courriel}


def test_collectivite_une_seule_fiche(client):
    assert client.get("/admin/socle/collectivite/")["Location"] == "/admin/socle/collectivite/add/"
    Collectivite.actuelle()
    donnees = {
        "nom": "Belrive",
        "site_url": "https://belrive.example/",
        "couleur_action": "#0b5d59",
        "couleur_bandeau": "#0a4241",
        "couleur_accent": "#edb047",
        "zone": "B",
        "delai_attestation_jours": "3",
        "conservation_demandes_jours": 30,
    }
    assert client.post("/admin/socle/collectivite/add/", donnees).status_code == 302
    assert Collectivite.actuelle().nom == "Belrive"
    assert client.get("/admin/socle/collectivite/")["Location"] == "/admin/socle/collectivite/1/change/"
    assert client.get("/admin/socle/collectivite/add/").status_code == 403
    page = client.post("/admin/socle/collectivite/1/change/", donnees | {"nom": "Belrive-sur-Durance"})
    assert page.status_code == 302
    assert Collectivite.actuelle().nom == "Belrive-sur-Durance"
    refus = client.post(
        "/admin/socle/collectivite/1/change/", donnees | {"logo": "un dessin", "couleur_action": "vert"}
    )
    assert "Collez le texte entier" in refus.content.decode()
    assert "Écrivez la couleur ainsi" in refus.content.decode()
    assert client.get("/admin/socle/collectivite/1/delete/").status_code == 403


@pytest.mark.parametrize("nom", ["trace", "courriel", "execution"])
def test_lecture_seule(client, lignes, nom):
    base = f"/admin/socle/{nom}/"
    pk = lignes[nom].pk
    assert client.get(base).status_code == 200
    page = client.get(f"{base}{pk}/change/").content.decode()
    assert 'name="_save"' not in page
    assert client.post(f"{base}{pk}/change/", {"qui": "x", "objet": "x", "tache": "x"}).status_code == 403
    assert client.get(f"{base}add/").status_code == 403
    assert client.post(f"{base}{pk}/delete/", {"post": "yes"}).status_code == 403
    assert Trace.objects.filter(qui="portail").exists()


def test_le_lien_personnel_est_masque(client, lignes):
    page = client.get(f"/admin/socle/courriel/{lignes['secret'].pk}/change/").content.decode()
    assert "SECRET" not in page and "Masqué" in page
    assert "LISIBLE" in client.get(f"/admin/socle/courriel/{lignes['courriel'].pk}/change/").content.decode()


def test_titres(client):
    page = client.get("/admin/").content.decode()
    assert "Portail Famille — mairie" in page
    assert "Administration de Django" not in page and "Site d’administration" not in page


def test_un_francais_qui_s_elide(client):
    page = client.get("/admin/enfants/inscription/add/").content.decode()
    assert "<h1>Ajout d’inscription</h1>" in page and "Ajouter inscription" not in page
    assert "<h1>Ajout de famille</h1>" in client.get("/admin/familles/famille/add/").content.decode()


def test_laction_de_suppression_saccorde(client):
    JourFerie.objects.create(jour=date(2026, 11, 11), nom="Armistice")
    page = client.get("/admin/enfants/jourferie/").content.decode()
    assert "Supprimer la sélection" in page and "sélectionnés</option>" not in page


def test_une_liste_vide_le_dit(client):
    adresse = "/admin/enfants/fermeture/"
    assert "Rien à montrer ici." in client.get(adresse).content.decode()
    cherche = client.get("/admin/enfants/enfant/?q=personne").content.decode()
    assert "Rien à montrer ici avec cette recherche et ces filtres." in cherche


def test_les_gestes_du_jour_sont_sur_la_page_d_entree(client):
    page = client.get("/admin/").content.decode()
    for adresse in ("/admin/pointage/", "/admin/acces/", "/admin/messagerie/conversation/add/"):
        assert f'class="button" href="{adresse}"' in page


def test_ce_qui_est_enregistre_se_dit_sans_objet(client):
    """Whatever its gender: « L’objet limite … a été ajouté avec succès » is nobody's French."""
    donnees = {"nom": "<b>Férié</b>", "jour": "2026-12-01"}
    for suite, dite in (
        ({}, ""),
        ({"_continue": "1"}, " Vous pouvez continuer ci-dessous."),
        ({"_addanother": "1"}, " Vous pouvez en ajouter d’autres ci-dessous."),
    ):
        JourFerie.objects.all().delete()
        page = client.post("/admin/enfants/jourferie/add/", donnees | suite, follow=True).text
        assert "L’objet" not in page and "L&#x27;objet" not in page and "L'objet" not in page
        assert re.search(
            rf"C’est enregistré\s: jour férié «\s<a href=[^>]+>&lt;b&gt;Férié&lt;/b&gt;[^<]*</a>\s»\.{dite}</li>",
            page,
        )
    ligne = JourFerie.objects.get()
    page = client.post(f"/admin/enfants/jourferie/{ligne.pk}/change/", donnees, follow=True).text
    assert "C’est enregistré" in page
    assert enregistre("Autre <b>phrase</b>") == "Autre <b>phrase</b>"
    # A first of the month is « 1er » in letters: lists say it in figures. The selection agrees with everything.
    assert "01/12/2026" in page and "1 décembre" not in page
    assert "Sélection\N{NO-BREAK SPACE}: 0 sur 1" in page and "admin-listes" in page
