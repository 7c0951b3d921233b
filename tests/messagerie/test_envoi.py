"""Writing: one form one message, who is told and how."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from familles.models import Responsable
from messagerie.envoi import Envoi, ouvrir, repondre
from messagerie.models import SERVICE, Conversation, Message
from portail.socle.models import Courriel
from tests.factories import structure
from tests.messagerie.fabrique import de_la_famille, de_la_mairie, parent, reponse


def envoi(monde, **champs) -> Envoi:
    return Envoi(**({"par": parent(monde.jean), "signature": "Jean DUPONT", "texte": "Bonjour"} | champs))


class TestUneFois:
    def test_deux_clics_une_conversation(self, monde):
        double = envoi(monde)
        premier = ouvrir(monde.jean, None, "Goûter", double, timezone.now())
        assert ouvrir(monde.jean, None, "Goûter", double, timezone.now()) == premier
        assert (Conversation.objects.count(), Message.objects.count()) == (1, 1)

    def test_deux_clics_une_reponse(self, monde):
        conversation = de_la_mairie(monde.jean)
        double = envoi(monde)
        assert repondre(conversation, double, timezone.now()) == repondre(
            conversation, double, timezone.now()
        )
        assert conversation.messages.count() == 2

    def test_retour_arriere_puis_autre_texte_est_un_autre_message(self, monde):
        conversation = de_la_mairie(monde.jean)
        jeton = uuid4()
        repondre(conversation, envoi(monde, jeton=jeton), timezone.now())
        repondre(conversation, envoi(monde, jeton=jeton, texte="Autre chose"), timezone.now())
        assert conversation.messages.count() == 3

    def test_le_jeton_d_un_autre_ne_lui_prend_rien(self, monde):
        jeton = uuid4()
        ouvrir(monde.jean, None, "Goûter", envoi(monde, jeton=jeton), timezone.now())
        de_claire = envoi(monde, jeton=jeton, par=parent(monde.claire))
        assert (
            ouvrir(monde.claire, None, "Goûter", de_claire, timezone.now()).conversation.famille
            == monde.claire
        )

    def test_la_base_refuse_le_doublon(self, monde):
        message = de_la_famille(monde.jean).messages.get()
        message.pk = None
        with pytest.raises(IntegrityError), transaction.atomic():
            message.save()


class TestOrdre:
    def test_une_horloge_en_retard_ne_melange_pas_le_fil(self, monde):
        """Two servers: the second message is stamped after the first whatever their clocks say."""
        conversation = de_la_mairie(monde.jean, texte="un")
        reponse(conversation, "deux", quand=timezone.now() - timedelta(days=1))
        assert list(conversation.messages.values_list("texte", flat=True)) == ["un", "deux"]

    def test_attend_une_reponse(self, monde):
        conversation = de_la_famille(monde.jean)
        conversation.refresh_from_db()
        assert conversation.attend_reponse is True
        reponse(conversation)
        conversation.refresh_from_db()
        assert conversation.attend_reponse is False


class TestSignature:
    def test_la_mairie_signe_du_nom_de_la_structure(self, monde):
        lieu = structure("Crèche")
        assert de_la_mairie(monde.jean, structure=lieu, par=monde.agent).messages.get().auteur_nom == "Crèche"
        assert de_la_mairie(monde.jean, "Autre").messages.get().auteur_nom == SERVICE


class TestCourriel:
    def test_la_famille_est_prevenue_sans_le_contenu(self, monde, settings):
        settings.SITE_URL = "https://portail.exemple.fr"
        conversation = de_la_mairie(monde.jean, "Objet discret", "Texte secret")
        courriel = Courriel.objects.get()
        message = conversation.messages.get()
        assert courriel.cle == f"message:{message.pk}"
        assert courriel.destinataire == "jean.dupont@exemple.fr"
        assert f"https://portail.exemple.fr/messagerie/{conversation.pk}/" in courriel.texte
        assert "secret" not in courriel.objet + courriel.texte
        assert "discret" not in courriel.objet + courriel.texte

    def test_sans_autorisation_pas_de_courriel(self, monde):
        monde.jean.responsables.update(autorisation_courriel=False)
        de_la_mairie(monde.jean)
        assert Courriel.objects.count() == 0

    def test_les_deux_adultes(self, monde):
        Responsable.objects.create(
            famille=monde.jean,
            rang="conjoint",
            nom="PETIT",
            prenom="Lucie",
            email="lucie@exemple.fr",
            autorisation_courriel=True,
        )
        message = de_la_mairie(monde.jean).messages.get()
        assert list(Courriel.objects.order_by("pk").values_list("cle", "destinataire")) == [
            (f"message:{message.pk}", "jean.dupont@exemple.fr"),
            (f"message:{message.pk}:2", "lucie@exemple.fr"),
        ]

    def test_un_parent_qui_ecrit_ne_recoit_rien(self, monde):
        de_la_famille(monde.jean)
        assert Courriel.objects.count() == 0
