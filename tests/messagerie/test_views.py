"""The inbox as each of the three people sees it."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.core.cache import cache
from django.urls import reverse

from messagerie.models import Conversation, EtatConversation, Message
from messagerie.templatetags.messagerie import lien_mairie
from portail.socle.models import Fichier
from tests.factories import structure
from tests.messagerie.fabrique import PDF, de_la_famille, de_la_mairie, parent, reponse, televerse

BOITES = ("messagerie", "messagerie_envoyes", "messagerie_supprimes")
MAUVAISES_PAGES = ("0", "-1", "abc", "9" * 30, "1.5", "", "%00", "é", "1e9", "[]")


def lue(reponse) -> str:
    return reponse.content.decode()


@pytest.fixture
def sortie(monde) -> Conversation:
    return de_la_mairie(
        monde.jean,
        "Sortie au verger",
        "Bottes & goûter <b>",
        structure("Accueil de Loisirs ALSH"),
        # Now: an hour ago is yesterday between midnight and one.
        il_y_a=timedelta(0),
        pieces=("autorisation.pdf",),
    )


@pytest.mark.parametrize("nom", (*BOITES, "messagerie_nouveau"))
class TestAcces:
    def test_anonyme(self, client, db, nom):
        assert client.get(reverse(nom)).status_code == 302

    def test_agent_renvoye_a_son_administration(self, monde, nom):
        reponse = monde.client(monde.agent).get(reverse(nom))
        assert (reponse.status_code, reponse.url) == (302, "/admin/")

    def test_parents(self, monde, nom):
        for famille in (monde.jean, monde.jeanne, monde.claire):
            assert monde.client(famille).get(reverse(nom)).status_code == 200


class TestBoite:
    def test_recus(self, monde, sortie):
        page = lue(monde.client(monde.jean).get("/messagerie/"))
        assert 'class="non-lu"' in page
        assert "Accueil de Loisirs ALSH" in page
        assert "Aujourd’hui, " in page
        assert "autorisation.pdf" in page
        assert "Bottes &amp; goûter &lt;b&gt;" in page

    def test_l_autre_foyer_et_l_etrangere_ne_voient_rien(self, monde, sortie):
        """Jeanne is the other parent of Jean's child: a conversation belongs to one household."""
        for famille in (monde.jeanne, monde.claire):
            for nom in BOITES:
                assert "Sortie au verger" not in lue(monde.client(famille).get(reverse(nom)))

    @pytest.mark.parametrize("page", MAUVAISES_PAGES)
    def test_page_illisible(self, monde, sortie, page):
        assert (
            "Sortie au verger" in lue(monde.client(monde.jean).get(f"/messagerie/?page={page}"))
            or page == "%00"
        )

    def test_requetes_constantes(self, monde, django_assert_num_queries):
        navigateur = monde.client(monde.jean)
        de_la_mairie(monde.jean, pieces=("a.pdf",))
        navigateur.get("/messagerie/")
        cache.clear()
        for _ in range(2):
            with django_assert_num_queries(11):
                navigateur.get("/messagerie/")
            for i in range(2):
                de_la_mairie(monde.jean, structure=structure(f"Lieu {i}"), pieces=("a.pdf", "b.pdf"))
            cache.clear()


class TestConversation:
    def test_ouvrir_marque_comme_lu(self, monde, sortie):
        navigateur = monde.client(monde.jean)
        assert "1 nouveau message" in lue(navigateur.get("/messagerie/"))
        page = lue(navigateur.get(f"/messagerie/{sortie.pk}/"))
        assert "vous n’avez pas de nouveau message" in page
        assert reverse("fichier", args=[Fichier.objects.get().pk]) in page
        assert 'class="non-lu"' not in lue(navigateur.get("/messagerie/"))

    def test_la_tete_ne_marque_rien(self, monde, sortie):
        assert monde.client(monde.jean).head(f"/messagerie/{sortie.pk}/").status_code == 200
        assert EtatConversation.objects.count() == 0

    def test_autres_404(self, monde, sortie):
        for famille in (monde.jeanne, monde.claire):
            navigateur = monde.client(famille)
            autre = navigateur.get(f"/messagerie/{uuid4()}/")
            for requete in (
                navigateur.get(f"/messagerie/{sortie.pk}/"),
                navigateur.post(f"/messagerie/{sortie.pk}/", {"texte": "Moi aussi"}),
                navigateur.post(f"/messagerie/{sortie.pk}/", {"action": "supprimer"}),
            ):
                assert requete.status_code == 404
            assert len(autre.content) == len(navigateur.get(f"/messagerie/{sortie.pk}/").content)
        assert (Message.objects.count(), EtatConversation.objects.count()) == (1, 0)

    def test_repondre(self, monde, sortie):
        navigateur = monde.client(monde.jean)
        donnees = {
            "texte": "D’accord.\r\nMerci",
            "jeton": uuid4(),
            "pieces": televerse("a.pdf"),
            "action": "repondre",
        }
        reponse = navigateur.post(f"/messagerie/{sortie.pk}/", donnees)
        assert (reponse.status_code, reponse.url) == (302, f"/messagerie/{sortie.pk}/")
        message = sortie.messages.last()
        assert (message.texte, message.auteur_nom, message.de_la_mairie) == (
            "D’accord.\nMerci",
            "Jean DUPONT",
            False,
        )
        assert [p.fichier.nom for p in message.pieces.all()] == ["a.pdf"]

    def test_double_clic(self, monde, sortie):
        navigateur = monde.client(monde.jean)
        donnees = {"texte": "D’accord", "jeton": uuid4()}
        for _ in range(2):
            assert navigateur.post(f"/messagerie/{sortie.pk}/", donnees).status_code == 302
        assert sortie.messages.count() == 2

    def test_jeton_illisible_n_empeche_pas_d_ecrire(self, monde, sortie):
        for jeton in ("", "abc", "0" * 200):
            monde.client(monde.jean).post(f"/messagerie/{sortie.pk}/", {"texte": "Oui", "jeton": jeton})
        assert sortie.messages.count() == 4

    def test_reponse_vide(self, monde, sortie):
        page = lue(monde.client(monde.jean).post(f"/messagerie/{sortie.pk}/", {"texte": "  "}))
        assert "Écrivez votre message." in page
        assert sortie.messages.count() == 1

    def test_supprimer_puis_restaurer(self, monde, sortie):
        navigateur = monde.client(monde.jean)
        assert navigateur.post(f"/messagerie/{sortie.pk}/", {"action": "supprimer"}).url == "/messagerie/"
        assert "Sortie au verger" not in lue(navigateur.get("/messagerie/"))
        assert "Sortie au verger" in lue(navigateur.get("/messagerie/supprimes/"))
        assert "Restaurer" in lue(navigateur.get(f"/messagerie/{sortie.pk}/"))
        navigateur.post(f"/messagerie/{sortie.pk}/", {"action": "restaurer"})
        assert "Sortie au verger" in lue(navigateur.get("/messagerie/"))

    def test_requetes_constantes(self, monde, sortie, django_assert_num_queries):
        navigateur = monde.client(monde.jean)
        navigateur.get(f"/messagerie/{sortie.pk}/")
        cache.clear()
        with django_assert_num_queries(12):
            navigateur.get(f"/messagerie/{sortie.pk}/")
        for _ in range(2):
            reponse(sortie)
        navigateur.get(f"/messagerie/{sortie.pk}/")
        cache.clear()
        with django_assert_num_queries(12):
            navigateur.get(f"/messagerie/{sortie.pk}/")

    def test_adresse_d_un_lien_ecrit_par_la_mairie(self, monde):
        conversation = de_la_mairie(monde.jean, texte="Voir https://exemple.fr/menus <script>")
        page = lue(monde.client(monde.jean).get(f"/messagerie/{conversation.pk}/"))
        assert '<a href="https://exemple.fr/menus" rel="nofollow">' in page
        assert "<script>" not in page.partition('<ol class="conversation">')[2]


class TestNouveau:
    def donnees(self, **autres) -> dict:
        return {"structure": "mairie", "objet": "Goûter", "texte": "Bonjour", "jeton": uuid4()} | autres

    def test_ecrire_a_une_structure(self, monde):
        lieu = structure("Garderie périscolaire")
        reponse = monde.client(monde.jean).post("/messagerie/nouveau/", self.donnees(structure=lieu.pk))
        conversation = Conversation.objects.get()
        assert (reponse.status_code, reponse.url) == (302, f"/messagerie/{conversation.pk}/")
        assert (conversation.famille, conversation.structure) == (monde.jean, lieu)
        assert conversation.messages.get().auteur == parent(monde.jean)

    def test_ecrire_au_service(self, monde):
        monde.client(monde.jean).post("/messagerie/nouveau/", self.donnees())
        assert Conversation.objects.get().structure is None

    @pytest.mark.parametrize("champs", [{"recoit_messages": False}, {"archivee_le": "2020-01-01"}])
    def test_seulement_celles_qui_recoivent(self, monde, champs):
        fermee = structure("Fermée", **champs)
        navigateur = monde.client(monde.jean)
        assert "Fermée" not in lue(navigateur.get("/messagerie/nouveau/"))
        assert navigateur.post("/messagerie/nouveau/", self.donnees(structure=fermee.pk)).status_code == 200
        assert Conversation.objects.count() == 0

    def test_double_clic(self, monde):
        navigateur, donnees = monde.client(monde.jean), self.donnees()
        adresses = {navigateur.post("/messagerie/nouveau/", donnees).url for _ in range(2)}
        assert len(adresses) == Conversation.objects.count() == 1

    def test_ce_qui_est_tape_reste(self, monde):
        lieu = structure("Crèche")
        donnees = self.donnees(
            structure=lieu.pk, texte="Un <long> texte", pieces=televerse("a.pdf", b"<html>")
        )
        page = lue(monde.client(monde.jean).post("/messagerie/nouveau/", donnees))
        assert "Un &lt;long&gt; texte" in page
        assert 'value="Goûter"' in page
        assert f'<option value="{lieu.pk}" selected>' in page
        assert "n’est ni un PDF, ni une photo JPEG, PNG ou HEIC." in page
        assert "Choisissez de nouveau vos pièces jointes" in page
        assert str(donnees["jeton"]) in page
        assert (Conversation.objects.count(), Fichier.objects.count()) == (0, 0)

    def test_pieces_jointes(self, monde):
        donnees = self.donnees(pieces=[televerse("a.pdf"), televerse("../b.pdf")])
        monde.client(monde.jean).post("/messagerie/nouveau/", donnees)
        assert sorted(Fichier.objects.values_list("nom", "taille")) == [
            ("a.pdf", len(PDF)),
            ("b.pdf", len(PDF)),
        ]

    @pytest.mark.parametrize(
        "champs",
        [
            {"objet": "x" * 121},
            {"texte": "x" * 5001},
            {"texte": "\0"},
            {"objet": "\0"},
            {"structure": "999999999999999999999"},
            {"structure": "-1"},
            {"structure": "\0"},
            {"pieces": "pas un fichier"},
        ],
    )
    def test_saisies_impossibles(self, monde, champs):
        reponse = monde.client(monde.jean).post("/messagerie/nouveau/", self.donnees(**champs))
        assert reponse.status_code in (200, 302)
        assert Conversation.objects.count() == (reponse.status_code == 302)

    def test_autres_methodes(self, monde):
        assert monde.client(monde.jean).put("/messagerie/nouveau/").status_code == 405
        assert monde.client(monde.jean).post("/messagerie/").status_code == 405


class TestFichier:
    def test_les_trois_personnes(self, monde, sortie):
        adresse = reverse("fichier", args=[Fichier.objects.get().pk])
        de_jean = monde.client(monde.jean).get(adresse)
        assert (de_jean.status_code, de_jean.getvalue()) == (200, PDF)
        for famille in (monde.jeanne, monde.claire):
            assert monde.client(famille).get(adresse).status_code == 404


def test_a_un_message_envoye(monde):
    de_la_famille(monde.jean, "Goûter", structure=structure("Crèche"))
    page = lue(monde.client(monde.jean).get("/messagerie/envoyes/"))
    assert "À\N{NO-BREAK SPACE}: Crèche" in page


def test_le_lien_vers_la_mairie_ne_laisse_rien_passer():
    """Sentences hold names and reasons somebody typed."""
    lien = '<a href="/messagerie/nouveau/">écrivez à la mairie</a>'
    assert lien_mairie("<b>Léa</b> : écrivez à la mairie.") == f"&lt;b&gt;Léa&lt;/b&gt; : {lien}."
    assert lien_mairie("<b>Léa</b>") == "&lt;b&gt;Léa&lt;/b&gt;"
