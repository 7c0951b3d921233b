"""One message to every family of a structure: counted first, sent once, within the agent's structures."""

import re
from datetime import date, timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from enfants.models import AffectationAgent, AnneeScolaire, Inscription, Rattachement, Scolarite
from messagerie.groupe import Cible, familles_de
from messagerie.models import Conversation, Message
from portail.socle.models import Courriel, Trace
from tests.factories import agent, enfant, famille, inscription, prestation, structure

pytestmark = pytest.mark.django_db
GROUPE = "/admin/messagerie/conversation/groupe/"


@pytest.fixture
def animatrice(monde):
    """An agent of the garderie only."""
    cree = agent("animatrice", "messagerie.view_conversation", "messagerie.add_conversation")
    AffectationAgent.objects.create(utilisateur=cree, structure=structure("Garderie périscolaire"))
    return cree


def saisie(cible: str, **autres) -> dict:
    return {"cible": cible, "objet": "Sortie", "texte": "Prévoyez des bottes.", "jeton": uuid4()} | autres


def garderie() -> str:
    return f"s{structure('Garderie périscolaire').pk}"


def vu(page) -> str:
    """The value of « Envoyer à … familles »."""
    return re.search(r'name="envoyer" value="([^"]+)"', page.text)[1]


def envoyer(client, donnees: dict):
    apercu = client.post(GROUPE, donnees)
    return client.post(GROUPE, donnees | {"envoyer": vu(apercu)})


def destinataires(cible: Cible) -> list:
    return list(familles_de(cible, timezone.localdate()))


def test_le_nombre_de_familles_est_dit_avant_l_envoi(monde, animatrice):
    page = monde.client(animatrice).post(GROUPE, saisie(garderie()))
    assert "2 familles recevront ce message" in page.text
    assert "Prévoyez des bottes." in page.text
    assert not Conversation.objects.exists()


def test_une_conversation_par_famille_et_un_courriel_une_seule_fois(monde, animatrice):
    client, donnees = monde.client(animatrice), saisie(garderie())
    for _ in range(2):  # a double click
        assert envoyer(client, donnees).status_code == 302
    conversations = Conversation.objects.order_by("famille__pk")
    assert [c.famille for c in conversations] == sorted((monde.jean, monde.claire), key=lambda f: f.pk)
    assert {(m.auteur_nom, m.de_la_mairie, m.auteur) for m in Message.objects.all()} == {
        ("Garderie périscolaire", True, animatrice)
    }
    attendus = sum(len(f.adresses_courriel()) for f in (monde.jean, monde.claire))
    assert Courriel.objects.count() == attendus > 0
    assert not any("bottes" in c.texte for c in Courriel.objects.all())
    assert Trace.objects.get(action="message_groupe").detail == {"familles": 2}


def test_un_autre_texte_est_un_autre_message(monde, animatrice):
    client, donnees = monde.client(animatrice), saisie(garderie())
    envoyer(client, donnees)
    envoyer(client, donnees | {"texte": "Et un chapeau."})
    assert Conversation.objects.count() == 4


def test_une_famille_de_plus_depuis_le_compte_se_dit_avant_l_envoi(monde, animatrice):
    client, donnees = monde.client(animatrice), saisie(garderie())
    annonce = vu(client.post(GROUPE, donnees))
    inscription(monde.lea, monde.cantine, monde.jeanne)
    page = client.post(GROUPE, donnees | {"envoyer": annonce})
    assert "3 familles recevront ce message" in page.text
    assert not Message.objects.exists()


def test_changer_de_destinataires_demande_de_revoir(monde, animatrice):
    autre = prestation("Garderie matin")
    inscription(monde.lea, autre, monde.jean)
    client = monde.client(animatrice)
    annonce = vu(client.post(GROUPE, saisie(garderie())))
    page = client.post(GROUPE, saisie(f"p{autre.pk}", envoyer=annonce))
    assert "1 famille recevra ce message" in page.text
    assert not Message.objects.exists()


def test_chacun_ne_voit_que_son_fil(monde, animatrice):
    envoyer(monde.client(animatrice), saisie(garderie()))
    de_jean = Conversation.objects.get(famille=monde.jean)
    assert "Sortie" in monde.client(monde.jean).get("/messagerie/").text
    assert "Sortie" not in monde.client(monde.jeanne).get("/messagerie/").text
    for etranger in (monde.jeanne, monde.claire):
        assert monde.client(etranger).get(f"/messagerie/{de_jean.pk}/").status_code == 404


def test_seulement_ses_structures(monde, animatrice):
    club = prestation("Club", structure=structure("Crèche"))
    inscription(monde.lea, club, monde.jean)
    client = monde.client(animatrice)
    assert "Crèche" not in client.get(GROUPE).text
    for cible in (f"s{club.structure.pk}", f"p{club.pk}", "s0", "tout", ""):
        page = client.post(GROUPE, saisie(cible, envoyer=f"{cible}:1"))
        assert (page.status_code, "Prévoyez des bottes." in page.text) == (200, True)
    assert not Message.objects.exists()
    assert "Crèche, toutes les familles" in monde.client(monde.agent).get(GROUPE).text


def test_sans_le_droit_rien(monde):
    lectrice = agent("lectrice", "messagerie.view_conversation")
    client = monde.client(lectrice)
    assert client.get(GROUPE).status_code == 403
    assert client.post(GROUPE, saisie(garderie())).status_code == 403
    assert "toutes les familles" not in client.get("/admin/messagerie/conversation/").text
    assert monde.client(monde.jean).get(GROUPE).status_code in (302, 403)


def test_personne_a_qui_ecrire(monde, animatrice):
    vide = prestation("Étude")
    page = monde.client(animatrice).post(GROUPE, saisie(f"p{vide.pk}", envoyer=f"p{vide.pk}:0"))
    assert "il n’y a personne à qui écrire" in page.text
    assert not Message.objects.exists()


def test_qui_est_de_la_structure(monde):
    """Enrolled now or later, as long as the household holds the child; of a school, its pupils' households."""
    jour = timezone.localdate()
    cible = Cible(monde.cantine.structure)
    Inscription.objects.filter(famille=monde.claire).update(du=jour + timedelta(30))
    assert set(destinataires(cible)) == {monde.jean, monde.claire}
    Inscription.objects.filter(famille=monde.jean).update(du=date(2020, 1, 1), au=jour - timedelta(1))
    assert destinataires(cible) == [monde.claire]
    Rattachement.objects.filter(famille=monde.claire).update(du=date(2020, 1, 1), au=jour - timedelta(1))
    assert destinataires(cible) == []


def test_l_ecole_ecrit_aux_deux_foyers_de_ses_eleves(monde):
    jour = timezone.localdate()
    annee = AnneeScolaire.objects.create(debut=jour - timedelta(30), fin=jour + timedelta(200))
    ecole = structure("École des Platanes", genre="ecole")
    Scolarite.objects.create(enfant=monde.lea, annee=annee, ecole=ecole, niveau="CE2")
    assert set(destinataires(Cible(ecole))) == {monde.jean, monde.jeanne}
    monde.jeanne.archivee_le = jour
    monde.jeanne.save()
    assert destinataires(Cible(ecole)) == [monde.jean]


def test_requetes_des_familles_constantes(monde, animatrice, django_assert_num_queries):
    client = monde.client(animatrice)
    client.post(GROUPE, saisie(garderie()))
    with django_assert_num_queries(10):
        client.post(GROUPE, saisie(garderie()))
    for n in range(3):
        inscription(enfant(f"Enfant {n}", monde.jeanne), monde.cantine, monde.jeanne)
    with django_assert_num_queries(10):
        client.post(GROUPE, saisie(garderie()))


def test_requetes_de_l_envoi_constantes(monde, animatrice):
    """Hundreds of families at once: one statement for all the conversations, the messages, the mails."""
    client, soir = monde.client(animatrice), prestation("Garderie soir")

    def requetes() -> int:
        donnees = saisie(f"p{soir.pk}")
        annonce = vu(client.post(GROUPE, donnees))
        with CaptureQueriesContext(connection) as lues:
            client.post(GROUPE, donnees | {"envoyer": annonce})
        return len(lues)

    inscription(monde.tom, soir, monde.jean)
    requetes()
    pour_une = requetes()
    for prenom in ("Denis", "Eve", "Farid"):
        nouvelle = famille(prenom, "ROUX")
        inscription(enfant(f"Enfant de {prenom}", nouvelle), soir, nouvelle)
    assert requetes() == pour_une
    assert (Message.objects.count(), Courriel.objects.filter(cle__startswith="message:").count()) == (6, 6)
