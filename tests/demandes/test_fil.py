"""A complément is one thread: the family's inbox and the page of the demande show, and write, the same messages."""

import uuid
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.urls import reverse

from demandes.models import Demande
from enfants.models import AffectationAgent
from messagerie.envoi import Envoi, ouvrir
from messagerie.models import Conversation, Message
from portail.socle.models import Courriel
from tests import factories
from tests.demandes.fabrique import demande, titulaire

MAINTENANT = datetime(2026, 11, 23, 9, 0, tzinfo=ZoneInfo("Europe/Paris"))
ADRESSE = {"civilite": "M", "adresse": "4 avenue du Verger", "code_postal": "84510", "ville": "Belrive"}


@pytest.fixture(autouse=True)
def maintenant():
    with time_machine.travel(MAINTENANT, tick=False):
        yield


@pytest.fixture
def attendue(monde) -> Demande:
    """Jean's demande, about which the town has asked something."""
    faite = demande("infos-responsable", monde.jean, ADRESSE, le=MAINTENANT)
    faite.demander_complement(monde.agent, "Quelle entrée ?", MAINTENANT)
    return faite


def page(faite: Demande) -> str:
    return reverse("demande", args=[faite.pk])


def fil(faite: Demande) -> str:
    return reverse("conversation", args=[Demande.objects.get(pk=faite.pk).conversation_id])


def test_le_complement_arrive_dans_la_boite_de_reception(monde, attendue):
    client = monde.client(monde.jean)
    boite = client.get("/messagerie/").text
    assert f"Demande {attendue.numero}" in boite
    lue = client.get(fil(attendue)).text
    assert "Quelle entrée ?" in lue
    assert page(attendue) in lue
    assert "Quelle entrée ?" in client.get(page(attendue)).text


def test_un_seul_courriel_pour_un_complement(attendue):
    assert list(Courriel.objects.order_by("pk").values_list("objet", flat=True)) == [
        f"Nous avons bien reçu votre demande {attendue.numero}",
        f"Une précision pour votre demande {attendue.numero}",
    ]


@pytest.mark.parametrize("ou", [page, fil])
def test_repondre_d_ou_l_on_veut_la_rend_a_la_mairie(monde, attendue, ou):
    client = monde.client(monde.jean)
    assert client.post(ou(attendue), {"texte": "Entrée B", "jeton": str(uuid.uuid4())}).status_code == 302
    attendue.refresh_from_db()
    assert attendue.etat == "envoyee"
    assert list(Demande.objects.a_traiter()) == [attendue]
    textes = list(attendue.conversation.messages.values_list("texte", "auteur_nom"))
    assert textes == [("Quelle entrée ?", "Service enfance, mairie"), ("Entrée B", "Jean DUPONT")]
    assert [e.genre for e in attendue.evenements.all()] == ["envoyee", "complement", "reponse"]
    # One thing to do for the town, not two.
    assert not attendue.conversation.attend_reponse
    vue = monde.client(monde.agent).get(f"/admin/demandes/demande/{attendue.pk}/change/").text
    assert "Entrée B" in vue


@pytest.mark.parametrize("ou", [page, fil])
def test_double_clic_sur_la_reponse(monde, attendue, ou):
    client = monde.client(monde.jean)
    corps = {"texte": "Entrée B", "jeton": str(uuid.uuid4())}
    client.post(ou(attendue), corps)
    client.post(ou(attendue), corps)
    assert attendue.conversation.messages.count() == 2
    assert attendue.evenements.filter(genre="reponse").count() == 1


def test_une_reponse_vide_ne_change_rien(monde, attendue):
    client = monde.client(monde.jean)
    for adresse in (page(attendue), fil(attendue)):
        assert client.post(adresse, {"texte": "  "}).status_code == 200
    attendue.refresh_from_db()
    assert attendue.etat == "complement"


def test_deux_complements_un_seul_fil(monde, attendue):
    attendue.repondre(titulaire(monde.jean).utilisateur, "Entrée B", MAINTENANT + timedelta(hours=1))
    attendue.demander_complement(monde.agent, "Quel étage ?", MAINTENANT + timedelta(hours=2))
    assert Conversation.objects.count() == 1
    assert [m.texte for m in attendue.conversation.messages.all()] == [
        "Quelle entrée ?",
        "Entrée B",
        "Quel étage ?",
    ]


def test_ecrire_apres_la_decision_est_un_message(monde, attendue):
    """The demande stays decided; the town has a message to answer."""
    attendue.accepter(monde.agent, MAINTENANT)
    monde.client(monde.jean).post(fil(attendue), {"texte": "Merci", "jeton": str(uuid.uuid4())})
    attendue.refresh_from_db()
    assert attendue.etat == "acceptee"
    assert attendue.conversation.attend_reponse


def test_decider_repond_au_message(monde, attendue):
    attendue.repondre(titulaire(monde.jean).utilisateur, "Entrée B", MAINTENANT)
    monde.client(monde.jean).post(fil(attendue), {"texte": "Ou C", "jeton": str(uuid.uuid4())})
    assert Conversation.objects.get().attend_reponse
    attendue.refresh_from_db()
    attendue.refuser(monde.agent, "Adresse inconnue.", MAINTENANT)
    assert not Conversation.objects.get().attend_reponse


def test_lu_sur_une_page_lu_sur_lautre(monde, attendue):
    client = monde.client(monde.jean)
    assert client.get("/").context["entete"].nouveaux_messages == 1
    client.get(page(attendue))
    assert client.get("/").context["entete"].nouveaux_messages == 0


@pytest.mark.parametrize("ou", [page, fil])
def test_ni_lautre_parent_ni_une_autre_famille(monde, attendue, ou):
    for qui in (monde.jeanne, monde.claire):
        client = monde.client(qui)
        assert client.get(ou(attendue)).status_code == 404
        assert client.post(ou(attendue), {"texte": "Moi"}).status_code == 404
    assert Message.objects.count() == 1


def test_une_conversation_ordinaire_reste_ordinaire(monde, attendue):
    compte = titulaire(monde.jean).utilisateur
    autre = ouvrir(monde.jean, None, "Menus", Envoi(par=compte, texte="?"), MAINTENANT).conversation
    client, adresse = monde.client(monde.jean), reverse("conversation", args=[autre.pk])
    assert "À propos de votre demande" not in client.get(adresse).text
    client.post(adresse, {"texte": "Encore", "jeton": str(uuid.uuid4())})
    attendue.refresh_from_db()
    assert (autre.messages.count(), attendue.etat) == (2, "complement")


def test_un_agent_rattache_ecrit_au_nom_de_sa_structure(monde):
    alsh = factories.structure("Accueil de Loisirs ALSH", genre="loisirs")
    club = factories.prestation("Mercredi", structure=alsh)
    factories.inscription(monde.lea, club, monde.jean)
    enfance = factories.agent("enfance", "demandes.traiter_demande")
    AffectationAgent.objects.create(utilisateur=enfance, structure=alsh)
    faite = demande("autorisations", monde.jean, {"baignade": True}, monde.lea, MAINTENANT)
    monde.client(enfance).post(
        f"/admin/demandes/demande/{faite.pk}/change/",
        {"action": "complement", "message": "Sait-elle nager ?"},
    )
    faite.refresh_from_db()
    assert (faite.etat, faite.conversation.structure) == ("complement", alsh)


def test_retirer_pendant_le_complement(monde, attendue):
    monde.client(monde.jean).post(page(attendue), {"retirer": "1", "confirmer": "1"})
    attendue.refresh_from_db()
    assert (attendue.etat, attendue.conversation.attend_reponse) == ("retiree", False)


def test_lenfant_parti_la_reponse_nest_plus_quun_message(monde):
    """The household no longer holds the child: its demande is closed to it, its own words are not."""
    faite = demande("autorisations", monde.jean, {"baignade": True}, monde.lea, MAINTENANT)
    faite.demander_complement(monde.agent, "Sait-elle nager ?", MAINTENANT)
    monde.lea.rattachements.filter(famille=monde.jean).update(au=MAINTENANT.date() - timedelta(1))
    client = monde.client(monde.jean)
    assert client.get(page(faite)).status_code == 404
    lue = client.get(fil(faite)).text
    assert page(faite) not in lue
    client.post(fil(faite), {"texte": "Oui", "jeton": str(uuid.uuid4())})
    faite.refresh_from_db()
    assert (faite.etat, faite.conversation.messages.count()) == ("complement", 2)
