"""What the town publishes: informations, forms, public pages; who may open which file."""

import re
from datetime import date

import pytest
import time_machine
from django.contrib.auth.models import Group
from django.test import Client
from django.utils import timezone

from demandes.models import Demande, PieceDemande
from messagerie.models import PieceJointe
from portail.accueil import groupes
from portail.accueil.models import Formulaire, Information, Page
from portail.socle.fichiers import Piece, deposer
from portail.socle.models import Fichier, Trace
from tests.factories import utilisateur
from tests.messagerie.fabrique import PDF, de_la_mairie, televerse

pytestmark = pytest.mark.django_db
PAGES = ("mentions-legales", "donnees-personnelles", "accessibilite", "aide", "plan-du-site")


def formulaire(libelle: str = "Règlement intérieur", **champs) -> Formulaire:
    fichier = deposer(Piece("reglement.pdf", "application/pdf", PDF), None)
    return Formulaire.objects.create(libelle=libelle, fichier=fichier, **champs)


def agent_de(groupe: str) -> Client:
    groupes.installer()
    compte = utilisateur(f"agent.{groupe[:3].lower()}", is_staff=True)
    compte.groups.add(Group.objects.get(name=groupe))
    navigateur = Client()
    navigateur.force_login(compte)
    return navigateur


class TestInfosDocuments:
    def test_texte_lien_et_bouton(self, monde):
        Information.objects.create(
            titre="Rentrée",
            texte="## Dates\n- lundi",
            emplacement="infos",
            lien="https://belrive.example/rentree",
        )
        Information.objects.create(titre="Accueil seulement")
        page = monde.client(monde.jean).get("/infos-documents/").content.decode()
        assert "<h2>Dates</h2>" in page and 'href="https://belrive.example/rentree"' in page
        assert 'href="/infos-documents/formulaires/"' in page
        assert "Accueil seulement" not in page

    def test_rien(self, monde):
        assert "n’a rien publié" in monde.client(monde.jean).get("/infos-documents/").content.decode()

    @pytest.mark.parametrize("adresse", ["/infos-documents/", "/infos-documents/formulaires/"])
    def test_qui(self, monde, adresse):
        assert Client().get(adresse).status_code == 302
        assert monde.client(monde.agent).get(adresse)["Location"] == "/admin/"
        for qui in (monde.jean, monde.jeanne, monde.claire):
            assert monde.client(qui).get(adresse).status_code == 200


class TestNouveau:
    @pytest.mark.parametrize("page", ["/infos-documents/", "/infos-documents/formulaires/"])
    def test_depuis_la_derniere_visite(self, monde, page):
        def nouveautes(qui) -> int:
            client = Client()
            client.force_login(qui.responsables.get().utilisateur)
            return client.get(page).content.decode().count(">Nouveau<")

        with time_machine.travel("2026-11-02 09:00 +0100"):
            Information.objects.create(titre="Ancienne", emplacement="infos", du=date(2026, 10, 1))
            Information.objects.update(cree_le=None)
            Formulaire.objects.filter(pk=formulaire("Vieux").pk).update(cree_le=None)
            assert nouveautes(monde.jean) == 0
        with time_machine.travel("2026-11-10 09:00 +0100"):
            Information.objects.create(titre="Grève", emplacement="infos")
            formulaire("Charte")
        with time_machine.travel("2026-11-12 09:00 +0100"):
            assert nouveautes(monde.jean) == 1
        with time_machine.travel("2026-11-12 09:20 +0100"):
            assert nouveautes(monde.jean) == 1, "the same visit goes on"
        with time_machine.travel("2026-11-12 19:00 +0100"):
            assert nouveautes(monde.jean) == 0
            assert nouveautes(monde.claire) == 1, "each person has their own"
        with time_machine.travel("2026-12-20 19:00 +0100"):
            assert nouveautes(monde.jeanne) == 0, "a first visit is not flooded"

    def test_dates_et_structures(self, monde):
        une = Information.objects.create(titre="Kermesse", emplacement="infos", du=date(2026, 10, 1))
        une.structures.add(monde.cantine.structure)
        page = monde.client(monde.jean).get("/infos-documents/").content.decode()
        assert "Publié le 01/10/2026, pour Garderie périscolaire" in page


class TestFormulaires:
    def test_liste_avec_format_et_taille(self, monde):
        un = formulaire(du=timezone.localdate())
        formulaire("Ancien", au=date(2020, 1, 1))
        page = monde.client(monde.jean).get("/infos-documents/formulaires/").content.decode()
        assert "Règlement intérieur" in page and "PDF, 1\N{NO-BREAK SPACE}Ko" in page and "Nouveau" in page
        assert f'href="/fichiers/{un.fichier_id}/"' in page
        assert "Ancien" not in page

    @pytest.mark.parametrize("nombre", [1, 3])
    def test_requetes_constantes(self, monde, django_assert_num_queries, nombre):
        for n in range(nombre):
            formulaire(f"Document {n}")
        client = monde.client(monde.jean)
        client.get("/infos-documents/formulaires/")
        with django_assert_num_queries(6):
            client.get("/infos-documents/formulaires/")

    def test_telechargement(self, monde):
        un = formulaire()
        reponse = monde.client(monde.claire).get(f"/fichiers/{un.fichier_id}/")
        assert b"".join(reponse.streaming_content) == PDF
        assert reponse["Content-Disposition"] == 'attachment; filename="reglement.pdf"'
        assert reponse["Content-Type"] == "application/pdf"
        assert reponse["X-Content-Type-Options"] == "nosniff"
        assert reponse["Content-Security-Policy"] == "default-src 'none'; sandbox"
        assert "no-store" in reponse["Cache-Control"]

    def test_retire(self, monde):
        un = formulaire(au=date(2020, 1, 1))
        assert monde.client(monde.jean).get(f"/fichiers/{un.fichier_id}/").status_code == 404

    def test_type_inconnu_jamais_execute(self, monde):
        un = formulaire()
        Fichier.objects.filter(pk=un.fichier_id).update(type_mime="text/html")
        reponse = monde.client(monde.jean).get(f"/fichiers/{un.fichier_id}/")
        assert reponse["Content-Type"] == "application/octet-stream"
        assert b"".join(reponse.streaming_content) == PDF

    def test_fichier_perdu_sur_le_disque(self, monde):
        un = formulaire()
        Fichier.objects.filter(pk=un.fichier_id).update(contenu="00/absent")
        assert monde.client(monde.jean).get(f"/fichiers/{un.fichier_id}/").status_code == 404


def ouvre(client: Client, fichier: Fichier) -> bool:
    reponse = client.get(f"/fichiers/{fichier.pk}/")
    if reponse.status_code == 200:
        assert b"".join(reponse.streaming_content) == PDF
    assert reponse.status_code in (200, 302, 404)
    return reponse.status_code == 200


class TestPiecesPrivees:
    def test_piece_d_un_message(self, monde):
        conversation = de_la_mairie(monde.jean, pieces=("verger.pdf",))
        piece = PieceJointe.objects.get(message__conversation=conversation).fichier
        assert ouvre(monde.client(monde.jean), piece)
        for qui in (monde.jeanne, monde.claire):
            assert not ouvre(monde.client(qui), piece)
        assert not ouvre(Client(), piece)
        assert ouvre(agent_de("Agents enfance"), piece)
        assert Trace.objects.filter(action="fichier.lire", famille=monde.jean.numero).count() == 1

    def _demande(self, monde, type: str, enfant=None) -> Fichier:
        fichier = deposer(Piece("attestation.pdf", "application/pdf", PDF), None)
        demande = Demande.objects.create(
            numero=f"2026-{Demande.objects.count() + 1:04d}",
            famille=monde.jean,
            enfant=enfant,
            type=type,
            envoyee_par=monde.jean.responsables.get().utilisateur,
        )
        PieceDemande.objects.create(demande=demande, fichier=fichier)
        return fichier

    def test_piece_d_une_demande(self, monde):
        piece = self._demande(monde, "caf")
        assert ouvre(monde.client(monde.jean), piece)
        for qui in (monde.jeanne, monde.claire):
            assert not ouvre(monde.client(qui), piece)
        assert ouvre(agent_de("Agents enfance"), piece)

    def test_banque_reservee_a_qui_en_a_le_droit(self, monde):
        piece = self._demande(monde, "bancaires")
        assert not ouvre(agent_de("Agents enfance"), piece)
        assert ouvre(agent_de("Régisseurs"), piece)

    def test_fin_du_rattachement_session_ouverte(self, monde):
        piece = self._demande(monde, "donnees-sanitaires", monde.lea)
        client = monde.client(monde.jean)
        assert ouvre(client, piece)
        monde.lea.rattachements.filter(famille=monde.jean).update(au=date(2020, 1, 1), du=date(2019, 1, 1))
        assert not ouvre(client, piece)

    def test_agent_sans_permission(self, monde):
        piece = self._demande(monde, "caf")
        compte = utilisateur("stagiaire", is_staff=True)
        navigateur = Client()
        navigateur.force_login(compte)
        assert not ouvre(navigateur, piece)

    def test_inconnu_et_etranger_se_ressemblent(self, monde):
        piece = self._demande(monde, "caf")
        client = monde.client(monde.claire)
        inconnu = client.get("/fichiers/00000000-0000-0000-0000-000000000000/")
        etranger = client.get(f"/fichiers/{piece.pk}/")
        sans_jeton = [
            re.sub(r'name="csrfmiddlewaretoken" value="\w+"', "", r.content.decode())
            for r in (inconnu, etranger)
        ]
        assert (inconnu.status_code, etranger.status_code) == (404, 404)
        assert sans_jeton[0] == sans_jeton[1]


class TestPagesPubliques:
    @pytest.mark.parametrize("adresse", PAGES)
    def test_ouvertes_a_tous(self, monde, adresse):
        for client in (Client(), monde.client(monde.jean), monde.client(monde.agent)):
            reponse = client.get(f"/{adresse}/")
            assert reponse.status_code == 200
            page = reponse.content.decode()
            assert page.count("<h1>") == 1
            assert not re.search(r"\{\w+\}", page), "a value was not replaced"
            assert "à compléter)" not in page.replace("À compléter par la mairie", "")

    def test_jamais_absentes(self):
        Page.objects.all().delete()
        assert "Défenseur des droits" in Client().get("/accessibilite/").content.decode()

    def test_contenu_que_la_loi_demande(self):
        lire = lambda a: Client().get(f"/{a}/").content.decode()  # noqa: E731
        accessibilite = lire("accessibilite")
        for mots in (
            "non conforme",
            "Défenseur des droits",
            "Établissement de cette déclaration",
            "Schéma pluriannuel",
        ):
            assert mots in accessibilite, mots
        donnees = lire("donnees-personnelles")
        for mots in ("point e du règlement général", "Combien de temps", "Vos droits", "CNIL", "délégué"):
            assert mots in donnees, mots
        mentions = lire("mentions-legales")
        for mots in ("Belrive-sur-Durance", "Directeur de la publication", "Hébergement", "04 65 71 54 58"):
            assert mots in mentions, mots

    def test_le_plan_ne_mene_qu_a_des_pages_qui_existent(self, monde):
        page = Client().get("/plan-du-site/").content.decode()
        adresses = re.findall(r'<li><a href="(/[^"]*)"', page)
        assert len(adresses) > 20
        client = monde.client(monde.jean)
        for adresse in adresses:
            reponse = client.get(adresse)
            assert reponse.status_code in (200, 302), adresse

    def test_un_agent_les_modifie(self, monde):
        client = monde.client(monde.agent)
        # A transactional test may have emptied the table that a migration had filled.
        aide, _ = Page.objects.get_or_create(adresse="aide", defaults={"titre": "Aide", "texte": "…"})
        adresse = f"/admin/accueil/page/{aide.pk}/change/"
        assert client.get(adresse).status_code == 200
        donnees = {"titre": "Aide", "texte": "Appelez-nous : <b>x</b> {telephone}"}
        assert client.post(adresse, donnees).status_code == 302
        page = Client().get("/aide/").content.decode()
        assert "&lt;b&gt;x&lt;/b&gt; 04 65 71 54 58" in page
        aide.refresh_from_db()
        assert aide.modifiee_le == timezone.localdate()
        assert client.get("/admin/accueil/page/add/").status_code == 403


class TestAdministration:
    def test_deposer_un_formulaire(self):
        client = agent_de("Agents enfance")
        adresse = "/admin/accueil/formulaire/add/"
        assert client.get(adresse).status_code == 200
        donnees = {"libelle": "Charte", "ordre": "0", "du": "", "au": ""}
        assert client.post(adresse, donnees | {"televerse": televerse("charte.pdf")}).status_code == 302
        un = Formulaire.objects.get()
        assert (un.fichier.nom, un.fichier.taille) == ("charte.pdf", len(PDF))
        modifie = f"/admin/accueil/formulaire/{un.pk}/change/"
        assert client.post(modifie, donnees | {"libelle": "Charte 2026"}).status_code == 302
        un.refresh_from_db()
        assert (un.libelle, un.fichier.nom) == ("Charte 2026", "charte.pdf")

    def test_refuse_ce_qui_n_est_pas_un_document(self):
        client = agent_de("Agents enfance")
        donnees = {"libelle": "Charte", "ordre": "0", "televerse": televerse("x.pdf", b"<html>")}
        page = client.post("/admin/accueil/formulaire/add/", donnees).content.decode()
        assert "n’est ni un PDF" in page
        sans = client.post("/admin/accueil/formulaire/add/", {"libelle": "Charte", "ordre": "0"})
        assert sans.status_code == 200 and not Formulaire.objects.exists()

    def test_publier_une_information(self):
        client = agent_de("Agents enfance")
        donnees = {
            "titre": "Grève",
            "texte": "Jeudi",
            "lien": "",
            "emplacement": "accueil",
            "du": "",
            "au": "",
        }
        assert client.post("/admin/accueil/information/add/", donnees).status_code == 302
        mauvais = donnees | {"du": "02/12/2026", "au": "01/12/2026", "lien": "javascript:alert(1)"}
        page = client.post("/admin/accueil/information/add/", mauvais).content.decode()
        assert "La fin ne peut pas précéder le début." in page
        assert Information.objects.count() == 1
