"""Boxes, and what « lu » and « supprimé » mean for each reader."""

from datetime import timedelta

import pytest
from django.utils import timezone

from familles.models import Responsable
from messagerie import boites
from messagerie.boites import BOITES, ENVOYES, RECUS, SUPPRIMES
from messagerie.models import EtatConversation
from tests.factories import structure, utilisateur
from tests.messagerie.fabrique import de_la_famille, de_la_mairie, parent, reponse


def contenu(boite, famille, lecteur=None) -> list[str]:
    _, lignes = boites.page_de(boite, famille, lecteur or parent(famille), 1)
    return [ligne.conversation.objet for ligne in lignes]


@pytest.fixture
def conjointe(monde):
    compte = utilisateur("lucie.petit")
    Responsable.objects.create(
        famille=monde.jean, rang="conjoint", nom="PETIT", prenom="Lucie", utilisateur=compte
    )
    return compte


class TestNouveaux:
    def test_une_requete(self, monde, django_assert_num_queries):
        de_la_mairie(monde.jean)
        jean = parent(monde.jean)
        with django_assert_num_queries(1):
            assert boites.nouveaux(monde.jean, jean) == 1

    def test_compte_les_messages_de_la_mairie_non_ouverts(self, monde):
        conversation = de_la_mairie(monde.jean)
        reponse(conversation)
        de_la_famille(monde.jean)
        de_la_mairie(monde.claire)
        assert boites.nouveaux(monde.jean, parent(monde.jean)) == 2
        assert boites.nouveaux(monde.jeanne, parent(monde.jeanne)) == 0

    def test_un_message_arrive_pendant_la_lecture_reste_nouveau(self, monde):
        conversation = de_la_mairie(monde.jean)
        vu = conversation.messages.get().envoye_le
        reponse(conversation)
        boites.marquer_lue(conversation, parent(monde.jean), vu)
        assert boites.nouveaux(monde.jean, parent(monde.jean)) == 1

    def test_lire_ne_recule_jamais(self, monde):
        conversation = de_la_mairie(monde.jean)
        jean = parent(monde.jean)
        boites.marquer_lue(conversation, jean, timezone.now())
        boites.marquer_lue(conversation, jean, timezone.now() - timedelta(days=1))
        assert boites.nouveaux(monde.jean, jean) == 0

    def test_chaque_lecteur_a_le_sien(self, monde, conjointe):
        conversation = de_la_mairie(monde.jean)
        boites.marquer_lue(conversation, parent(monde.jean), timezone.now())
        assert boites.nouveaux(monde.jean, parent(monde.jean)) == 0
        assert boites.nouveaux(monde.jean, conjointe) == 1


class TestBoites:
    def test_recus_et_envoyes(self, monde):
        de_la_mairie(monde.jean, "Menus")
        question = de_la_famille(monde.jean, "Goûter")
        assert (contenu(RECUS, monde.jean), contenu(ENVOYES, monde.jean)) == (["Menus"], ["Goûter"])
        reponse(question)
        assert contenu(RECUS, monde.jean) == ["Goûter", "Menus"]
        assert contenu(ENVOYES, monde.jean) == ["Goûter"]

    def test_envoyes_dit_qu_une_reponse_est_arrivee(self, monde):
        question = de_la_famille(monde.jean)
        _, lignes = boites.page_de(ENVOYES, monde.jean, parent(monde.jean), 1)
        assert [ligne.repondu for ligne in lignes] == [False]
        reponse(question)
        _, lignes = boites.page_de(ENVOYES, monde.jean, parent(monde.jean), 1)
        assert [(ligne.repondu, ligne.message.de_la_mairie) for ligne in lignes] == [(True, False)]

    def test_supprimer_pour_soi_seulement(self, monde, conjointe):
        conversation = de_la_mairie(monde.jean, "Menus")
        boites.supprimer(conversation, parent(monde.jean))
        assert [contenu(b, monde.jean) for b in BOITES] == [[], [], ["Menus"]]
        assert contenu(RECUS, monde.jean, conjointe) == ["Menus"]
        assert boites.nouveaux(monde.jean, parent(monde.jean)) == 0

    def test_restaurer(self, monde):
        conversation = de_la_mairie(monde.jean, "Menus")
        boites.supprimer(conversation, parent(monde.jean))
        boites.restaurer(conversation, parent(monde.jean))
        assert [contenu(b, monde.jean) for b in BOITES] == [["Menus"], [], []]

    def test_une_reponse_fait_revenir_ce_qui_etait_supprime(self, monde):
        conversation = de_la_famille(monde.jean, "Goûter")
        boites.supprimer(conversation, parent(monde.jean))
        reponse(conversation)
        assert contenu(SUPPRIMES, monde.jean) == []
        assert contenu(RECUS, monde.jean) == ["Goûter"]
        assert boites.nouveaux(monde.jean, parent(monde.jean)) == 1

    def test_supprimer_ne_cache_pas_ce_qui_n_a_pas_ete_vu(self, monde):
        """The page was open, an answer arrived, then « Supprimer »: the answer must still be read."""
        jean = parent(monde.jean)
        conversation = de_la_mairie(monde.jean, "Menus")
        boites.marquer_lue(conversation, jean, conversation.messages.get().envoye_le)
        reponse(conversation)
        boites.supprimer(conversation, jean)
        assert contenu(RECUS, monde.jean) == ["Menus"]
        assert EtatConversation.objects.count() == 1

    def test_la_famille_seulement(self, monde):
        de_la_mairie(monde.claire)
        assert [contenu(b, monde.jean) for b in BOITES] == [[], [], []]

    @pytest.mark.parametrize("boite", BOITES, ids=lambda b: b.code)
    def test_requetes_constantes(self, monde, boite, django_assert_num_queries):
        jean = parent(monde.jean)

        def remplir(nombre: int) -> None:
            for i in range(nombre):
                conversation = de_la_famille(monde.jean, structure=structure(f"Lieu {i}"))
                reponse(conversation)
                de_la_mairie(monde.jean, pieces=("a.pdf", "b.pdf"))
                if boite is SUPPRIMES:
                    for c in monde.jean.conversations.all():
                        boites.supprimer(c, jean)

        # The count, the conversations, the messages, their attachments and files, the new ones.
        attendu = {RECUS: 6, ENVOYES: 4, SUPPRIMES: 5}[boite]
        for nombre in (1, 3):
            remplir(nombre)
            with django_assert_num_queries(attendu):
                assert len(boites.page_de(boite, monde.jean, jean, 1)[1]) >= nombre

    def test_pages_de_vingt(self, monde):
        for i in range(21):
            de_la_mairie(monde.jean, f"Message {i}", il_y_a=timedelta(hours=i))
        jean = parent(monde.jean)
        tailles = [len(boites.page_de(RECUS, monde.jean, jean, n)[1]) for n in (1, 2, 99_999)]
        assert tailles == [20, 1, 1]
