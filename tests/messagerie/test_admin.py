"""Agents: what waits first, only their structures, only with the permission."""

from uuid import uuid4

import pytest

from enfants.models import AffectationAgent
from messagerie.models import SERVICE, Conversation, Message
from portail.socle.models import Courriel
from tests.factories import agent, structure
from tests.messagerie.fabrique import de_la_famille, de_la_mairie, televerse

LISTE = "/admin/messagerie/conversation/"
AJOUT = "/admin/messagerie/conversation/add/"


def adresse(conversation: Conversation) -> str:
    return f"{LISTE}{conversation.pk}/change/"


def lue(reponse) -> str:
    return reponse.content.decode()


@pytest.fixture
def animatrice(monde):
    """An agent of the garderie only."""
    cree = agent(
        "animatrice",
        "messagerie.view_conversation",
        "messagerie.change_conversation",
        "messagerie.add_conversation",
    )
    AffectationAgent.objects.create(utilisateur=cree, structure=structure("Garderie périscolaire"))
    return cree


class TestListe:
    def test_sans_reponse_d_abord(self, monde):
        de_la_famille(monde.jean, "Vieille question")
        de_la_mairie(monde.jean, "Menus récents")
        page = lue(monde.client(monde.agent).get(LISTE))
        assert page.index("Vieille question") < page.index("Menus récents")
        assert "<strong>Vieille question</strong>" in page
        assert "DUPONT JEAN" in page

    def test_seulement_ses_structures(self, monde, animatrice):
        a_elle = de_la_famille(monde.jean, "À elle", structure=structure("Garderie périscolaire"))
        creche = de_la_famille(monde.jean, "Crèche", structure=structure("Crèche"))
        service = de_la_famille(monde.jean, "Service")
        navigateur = monde.client(animatrice)
        page = lue(navigateur.get(LISTE))
        assert [objet in page for objet in ("À elle", ">Crèche<", ">Service<")] == [True, False, False]
        statuts = [navigateur.get(adresse(c)).status_code for c in (a_elle, creche, service)]
        assert statuts == [200, 404, 404]
        assert navigateur.post(adresse(creche), {"texte": "Oui"}).status_code == 404

    def test_requetes_constantes(self, monde, django_assert_num_queries):
        navigateur = monde.client(monde.agent)
        de_la_famille(monde.jean)
        navigateur.get(LISTE)
        with django_assert_num_queries(8):
            navigateur.get(LISTE)
        for famille in (monde.jeanne, monde.claire):
            de_la_famille(famille)
        with django_assert_num_queries(8):
            navigateur.get(LISTE)

    def test_recherche_par_nom(self, monde):
        de_la_famille(monde.jean, "De Jean")
        de_la_famille(monde.claire, "De Claire")
        page = lue(monde.client(monde.agent).get(LISTE, {"q": "martin"}))
        assert ("De Claire" in page, "De Jean" in page) == (True, False)

    def test_seulement_celles_ou_la_famille_a_ecrit(self, monde):
        de_la_famille(monde.jean, "Goûter")
        de_la_mairie(monde.claire, "Menus")
        page = lue(monde.client(monde.agent).get(LISTE, {"ecrit": "oui"}))
        assert ("Goûter" in page, "Menus" in page) == (True, False)

    def test_classer_sans_reponse(self, monde):
        conversation = de_la_famille(monde.jean)
        donnees = {"action": "classer", "_selected_action": [str(conversation.pk)]}
        monde.client(monde.agent).post(LISTE, donnees)
        conversation.refresh_from_db()
        assert conversation.attend_reponse is False


class TestPermissions:
    @pytest.mark.parametrize("chemin", [LISTE, AJOUT])
    def test_parent_et_anonyme(self, monde, client, chemin):
        assert client.get(chemin).status_code == 302
        assert monde.client(monde.jean).get(chemin).status_code == 302

    def test_agent_sans_permission(self, monde):
        conversation = de_la_famille(monde.jean)
        autre = agent("regisseur", "familles.view_famille")
        navigateur = monde.client(autre)
        assert [navigateur.get(c).status_code for c in (LISTE, AJOUT, adresse(conversation))] == [403] * 3

    def test_lecteur_ne_repond_pas(self, monde):
        conversation = de_la_famille(monde.jean)
        navigateur = monde.client(agent("lecteur", "messagerie.view_conversation"))
        page = lue(navigateur.get(adresse(conversation)))
        assert "Envoyer la réponse" not in page
        assert navigateur.post(adresse(conversation), {"texte": "Oui"}).status_code == 403
        assert conversation.messages.count() == 1

    def test_personne_ne_supprime(self, monde):
        conversation = de_la_famille(monde.jean)
        assert monde.client(monde.agent).post(f"{LISTE}{conversation.pk}/delete/").status_code == 403

    def test_adresses_illisibles(self, monde):
        navigateur = monde.client(monde.agent)
        for identifiant in ("abc", "1", str(uuid4())):
            assert navigateur.get(f"{LISTE}{identifiant}/change/").status_code == 404


class TestReponse:
    def test_repondre_previent_la_famille(self, monde, animatrice):
        conversation = de_la_famille(monde.jean, structure=structure("Garderie périscolaire"))
        donnees = {"texte": "Elle en a eu un.", "jeton": uuid4()}
        navigateur = monde.client(animatrice)
        for _ in range(2):
            envoi = donnees | {"pieces": televerse("menu.pdf")}
            assert navigateur.post(adresse(conversation), envoi).status_code == 302
        message = conversation.messages.last()
        assert (message.auteur, message.auteur_nom) == (animatrice, "Garderie périscolaire")
        assert conversation.messages.count() == 2
        assert Courriel.objects.get().cle == f"message:{message.pk}"
        conversation.refresh_from_db()
        assert conversation.attend_reponse is False

    def test_ce_qui_est_tape_reste(self, monde):
        conversation = de_la_famille(monde.jean)
        donnees = {"texte": "Réponse soignée", "pieces": televerse("a.pdf", b"<html>")}
        page = lue(monde.client(monde.agent).post(adresse(conversation), donnees))
        assert "Réponse soignée" in page
        assert "n’est ni un PDF" in page


class TestNouveau:
    def donnees(self, **autres) -> dict:
        return {"structure": "mairie", "objet": "Menus", "texte": "Bonjour", "jeton": uuid4()} | autres

    def test_par_numero(self, monde):
        donnees = self.donnees(famille=monde.jean.numero)
        navigateur = monde.client(monde.agent)
        for _ in range(2):
            assert navigateur.post(AJOUT, donnees).status_code == 302
        message = Message.objects.get()
        assert (message.conversation.famille, message.auteur_nom) == (monde.jean, SERVICE)
        assert Courriel.objects.count() == 1

    def test_par_nom(self, monde):
        monde.client(monde.agent).post(AJOUT, self.donnees(famille="claire martin"))
        assert Conversation.objects.get().famille == monde.claire

    def test_plusieurs_familles_du_meme_nom(self, monde):
        page = lue(monde.client(monde.agent).post(AJOUT, self.donnees(famille="dupont")))
        assert monde.jean.numero in page
        assert monde.jeanne.numero in page
        assert Conversation.objects.count() == 0

    @pytest.mark.parametrize("saisi", ["personne", "0", "9" * 120, "%", "\0"])
    def test_famille_introuvable(self, monde, saisi):
        assert monde.client(monde.agent).post(AJOUT, self.donnees(famille=saisi)).status_code == 200
        assert Conversation.objects.count() == 0

    def test_seulement_ses_structures_et_leurs_familles(self, monde, animatrice):
        navigateur = monde.client(animatrice)
        garderie = structure("Garderie périscolaire")
        # Jean's children go there (monde.cantine); Jeanne's household has no inscription.
        for famille, lieu in ((monde.jeanne, garderie), (monde.jean, structure("Crèche"))):
            donnees = self.donnees(famille=famille.numero, structure=lieu.pk)
            assert navigateur.post(AJOUT, donnees).status_code == 200
        assert navigateur.post(AJOUT, self.donnees(famille=monde.jean.numero)).status_code == 200
        donnees = self.donnees(famille=monde.jean.numero, structure=garderie.pk)
        assert navigateur.post(AJOUT, donnees).status_code == 302
        assert Conversation.objects.get().structure == garderie

    def test_famille_preremplie(self, monde):
        page = lue(monde.client(monde.agent).get(AJOUT, {"famille": monde.jean.numero}))
        assert f'value="{monde.jean.numero}"' in page
