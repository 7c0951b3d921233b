"""The town hall's page of a household, its search, and what waits on the admin's first page."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from demandes.models import Demande
from enfants.models import AffectationAgent
from messagerie.models import Conversation
from tests.factories import agent, structure

pytestmark = pytest.mark.django_db
NB = "\N{NO-BREAK SPACE}"


def lire(client, adresse: str, **options) -> str:
    reponse = client.get(adresse, options)
    assert reponse.status_code == 200
    return reponse.content.decode().replace(NB, " ")


def trouvees(monde, client, cherche: str) -> set[str]:
    page = lire(client, "/admin/familles/famille/", q=cherche)
    return {nom for nom in ("jean", "jeanne", "claire") if getattr(monde, nom).numero in page}


@pytest.mark.parametrize(
    ("cherche", "attendues"),
    [
        ("Léa", {"jean", "jeanne"}),
        ("lea dupont", {"jean", "jeanne"}),
        ("ZOE", {"claire"}),
        ("tom", {"jean"}),
        ("lea martin", set()),
        ("[", set()),
        ("0639981240", {"claire"}),
        ("06.39.98.12.40", {"claire"}),
        ("+33 6 39 98 12 40", {"claire"}),
        ("0639981241", set()),
    ],
)
def test_recherche(monde, cherche, attendues):
    monde.claire.responsables.update(telephone_mobile="06 39 98 12 40")
    assert trouvees(monde, monde.client(monde.agent), cherche) == attendues


def test_recherche_sans_voir_les_enfants(monde):
    client = monde.client(agent("accueil", "familles.view_famille"))
    assert trouvees(monde, client, "Tom") == set()
    assert trouvees(monde, client, "martin") == {"claire"}


def bloc(client, famille) -> str:
    page = lire(client, f"/admin/familles/famille/{famille.pk}/change/")
    trouve = re.search(r'<section class="module dossier".*?</section>', page, re.S)
    return trouve[0] if trouve else ""


def demande(famille, **champs) -> Demande:
    numero = f"2026-{Demande.objects.count() + 1:04d}"
    compte = famille.responsables.get(rang="titulaire").utilisateur
    return Demande.objects.create(numero=numero, famille=famille, envoyee_par=compte, **champs)


class TestDossier:
    def test_tout(self, monde):
        une = demande(monde.jean, type="caf")
        Conversation.objects.create(famille=monde.jean, objet="Chaussures perdues", attend_reponse=True)
        lu = bloc(monde.client(monde.agent), monde.jean)
        assert "Léa DUPONT" in lu and "Tom DUPONT" in lu and "Zoé" not in lu
        assert f"/admin/demandes/demande/{une.pk}/change/" in lu
        assert "Chaussures perdues" in lu and "0,00 €" in lu
        assert f"/admin/familles/famille/{monde.jean.pk}/acces/" in lu

    def test_ni_rattachement_fini_ni_enfant_d_une_autre(self, monde):
        monde.tom.rattachements.update(au=timezone.localdate() - timedelta(days=1))
        assert "Tom" not in bloc(monde.client(monde.agent), monde.jean)

    def test_seulement_ce_que_l_agent_peut_lire(self, monde):
        demande(monde.jean, type="caf")
        assert bloc(monde.client(agent("un", "familles.view_famille")), monde.jean) == ""
        lu = bloc(monde.client(agent("deux", "familles.view_famille", "enfants.view_enfant")), monde.jean)
        assert "Léa" in lu and "Solde" not in lu and "Demandes" not in lu and "Accès" not in lu

    def test_l_argent_est_cache_a_l_agent_d_une_structure(self, monde):
        compte = agent("trois", "familles.view_famille", "facturation.view_facture")
        assert "Solde" in bloc(monde.client(compte), monde.jean)
        AffectationAgent.objects.create(utilisateur=compte, structure=structure())
        assert "Solde" not in bloc(monde.client(compte), monde.jean)


def accueil(monde, qui) -> str:
    return lire(monde.client(qui), "/admin/")


class TestATraiter:
    def test_les_messages(self, monde):
        Conversation.objects.create(famille=monde.jean, objet="Un", attend_reponse=True)
        Conversation.objects.create(
            famille=monde.jean, objet="Deux", attend_reponse=True, structure=structure()
        )
        Conversation.objects.create(famille=monde.jean, objet="Trois")
        assert "2 messages sans réponse" in accueil(monde, monde.agent)
        limite = agent("limite", "messagerie.change_conversation")
        AffectationAgent.objects.create(utilisateur=limite, structure=structure())
        assert "1 message sans réponse" in accueil(monde, limite)
        assert "sans réponse" not in accueil(monde, agent("autre", "familles.view_famille"))

    def test_les_demandes_qu_on_peut_ouvrir(self, monde):
        demande(monde.jean, type="bancaires")
        assert "Coordonnées bancaires" in accueil(monde, monde.agent)
        simple = agent("simple", "demandes.traiter_demande")
        lu = accueil(monde, simple)
        assert "Rien n’attend de réponse." in lu and "type__exact=bancaires" not in lu
