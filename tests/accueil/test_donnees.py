"""« Mes données »: the whole household and nothing of another, once at a time, 48 hours, then gone."""

import io
import json
import zipfile
from datetime import date, timedelta

import pytest
import time_machine
from django.apps import apps
from django.core.files.storage import default_storage
from django.test import Client
from django.utils import timezone

from demandes.models import Demande, PieceDemande
from enfants.models import Enfant, FicheSanitaire, PersonneAutorisee, ReservationEvenement
from familles.models import Connexion, CoordonneesBancaires, Famille, Responsable, Utilisateur
from messagerie.models import PieceJointe
from portail.accueil.donnees import verbes
from portail.accueil.donnees.tables import EXCLUES, exportees
from portail.accueil.models import ExportDonnees
from portail.accueil.travaux import TRAVAUX
from portail.socle.fichiers import Piece, deposer
from portail.socle.models import Courriel, Fichier, Trace
from portail.socle.traces import tracer
from tests.factories import inscription, utilisateur
from tests.facturation.fabrique import facture, pointage, reservation
from tests.messagerie.fabrique import PDF, de_la_famille, de_la_mairie, parent

pytestmark = pytest.mark.django_db
PAGE = "/compte/donnees/"
NOTRES = ("familles", "enfants", "facturation", "messagerie", "demandes", "accueil", "socle")
TEL_JEANNE = "06 39 98 11 22"


def preparer(monde, qui) -> ExportDonnees:
    assert monde.client(qui).post(PAGE).status_code == 302
    verbes.travailler(timezone.now())
    return ExportDonnees.objects.filter(famille=qui).latest("demande_le")


def archive(client: Client, export: ExportDonnees) -> zipfile.ZipFile:
    reponse = client.get(f"{PAGE}{export.pk}/")
    assert reponse.status_code == 200
    return zipfile.ZipFile(io.BytesIO(b"".join(reponse.streaming_content)))


def copie(monde, qui) -> tuple[zipfile.ZipFile, dict, str]:
    """The zip, its JSON by name, and everything that can be read in it."""
    zip_ = archive(monde.client(qui), preparer(monde, qui))
    assert zip_.testzip() is None
    textes = {n: zip_.read(n).decode() for n in zip_.namelist() if n.endswith((".json", ".txt"))}
    documents = {n.removesuffix(".json"): json.loads(t) for n, t in textes.items() if n.endswith(".json")}
    return zip_, documents, "\n".join(textes.values()) + "\n".join(zip_.namelist())


@pytest.fixture
def vie(monde):
    """A little of everything in both households of Léa."""
    for f, iban, telephone in (
        (monde.jean, "FR7630006000011234567890189", "06 39 98 00 01"),
        (monde.jeanne, "FR7610107001011234567890129", TEL_JEANNE),
    ):
        f.responsables.update(telephone_mobile=telephone)
        CoordonneesBancaires.objects.create(famille=f, titulaire=f"Titulaire {f.numero}", iban=iban)
        facture(f, 12060 if f == monde.jean else 4321)
        PersonneAutorisee.objects.create(
            enfant=monde.lea, famille=f, nom=f"MAMIE{f.pk}", prenom="Rose", telephone=telephone
        )
        tracer(parent(f), "voir_sante", monde.lea, famille=f)
        Connexion.objects.create(utilisateur=parent(f), appareil=f"Firefox {f.pk}", adresse="203.0.113.x")
    sante = FicheSanitaire.objects.create(enfant=monde.lea, allergies="Arachide")
    tracer(monde.agent, "consultation", sante, enfant=str(monde.lea.pk))
    tracer(parent(monde.jeanne), "consultation", sante, famille=monde.jeanne, enfant=str(monde.lea.pk))
    mienne = reservation(monde.inscriptions["lea"], date(2025, 11, 24))
    ReservationEvenement.objects.create(reservation=mienne, de="", vers="reservee", par=parent(monde.jeanne))
    sienne = inscription(monde.lea, monde.cantine, monde.jeanne)
    reservation(sienne, date(2025, 11, 25))
    pointage(monde.lea, monde.cantine, date(2025, 11, 24))
    pointage(monde.lea, monde.cantine, date(2025, 11, 25))
    de_la_famille(monde.jean, objet="Goûter de Jean")
    de_la_mairie(monde.jeanne, objet="Sujet de Jeanne", pieces=("jeanne.pdf",))
    de_la_mairie(monde.jean, objet="Sujet de Jean", pieces=("verger.pdf",), par=monde.agent)
    for n, f in enumerate((monde.jean, monde.jeanne)):
        une = Demande.objects.create(
            numero=f"2026-000{n}",
            famille=f,
            enfant=monde.lea,
            type="donnees-sanitaires",
            envoyee_par=parent(f),
        )
        PieceDemande.objects.create(
            demande=une, fichier=deposer(Piece(f"certificat{n}.pdf", "application/pdf", PDF), parent(f))
        )
    return monde


class TestContenu:
    def test_tout_ce_qui_est_au_foyer(self, vie):
        zip_, d, tout = copie(vie, vie.jean)
        assert [r["nom"] for r in d["mon-compte"]["responsables"]] == ["DUPONT"]
        assert d["mon-compte"]["coordonnées bancaires"][0]["IBAN"] == "FR7630006000011234567890189"
        assert "password" not in tout
        assert [m for m in Utilisateur.objects.values_list("password", flat=True) if m in tout] == []
        assert {e["prénom"] for e in d["enfants"]["enfants"]} == {"Léa", "Tom"}
        lea = next(e for e in d["enfants"]["enfants"] if e["prénom"] == "Léa")
        assert lea["fiche sanitaire"][0]["allergies"] == "Arachide"
        assert len(d["enfants"]["personnes autorisées"]) == 1
        [jour] = d["planning"]["réservations"]
        assert (jour["jour"], jour["état"]) == ("24/11/2025", "Réservé")
        assert jour["historique"][0]["par"] == "l’autre foyer"
        assert [p["jour"] for p in d["planning"]["présences"]] == ["24/11/2025"]
        assert [x["n°"] for x in d["demandes"]["demandes"]] == ["2026-0000"]
        objets = {c["objet"] for c in d["messages"]["conversations"]}
        assert objets == {"Goûter de Jean", "Sujet de Jean"}
        [une] = d["factures-et-paiements"]["factures"]
        assert une["total"] == "120,60\N{NO-BREAK SPACE}€" and len(une["lignes"]) == 1
        assert [c["appareil"] for c in d["connexions-et-traces"]["vos connexions"]] == [
            f"Firefox {vie.jean.pk}"
        ]
        assert "données de santé lues" in {t["action"] for t in d["connexions-et-traces"]["traces"]}
        # The town read the child's sheet: that trace names the child, not a household.
        assert {"la mairie"} == {
            t["qui"] for t in d["connexions-et-traces"]["traces"] if t["action"] == "fiche consultée"
        }
        pdf = [n for n in zip_.namelist() if n.startswith("factures/")]
        assert len(pdf) == 1 and zip_.read(pdf[0]).startswith(b"%PDF-")
        joints = {n.split("-", 1)[1] for n in zip_.namelist() if n.startswith("fichiers/")}
        assert joints == {"verger.pdf", "certificat0.pdf"}
        assert all(zip_.read(n) == PDF for n in zip_.namelist() if n.startswith("fichiers/"))

    def test_rien_de_l_autre_foyer(self, vie):
        _, _, chez_jean = copie(vie, vie.jean)
        jeanne = vie.jeanne
        for sien in (jeanne.numero, "Jeanne", TEL_JEANNE, "129", "43,21", f"MAMIE{jeanne.pk}", "2026-0001"):
            assert sien not in chez_jean, sien
        for sien in ("25/11/2025", "jeanne.dupont", "certificat1", "jeanne.pdf", f"Firefox {jeanne.pk}"):
            assert sien not in chez_jean, sien
        _, d, chez_jeanne = copie(vie, jeanne)
        assert vie.jean.numero not in chez_jeanne and "Tom" not in chez_jeanne
        assert [p["jour"] for p in d["planning"]["présences"]] == ["25/11/2025"]
        _, d, chez_claire = copie(vie, vie.claire)
        assert "Léa" not in chez_claire and "DUPONT" not in chez_claire
        assert d["factures-et-paiements"]["factures"] == []

    def test_les_connexions_de_l_autre_adulte_restent_a_lui(self, vie):
        lui = utilisateur("conjoint", prenom="Alix", nom="DUPONT")
        Responsable.objects.create(
            famille=vie.jean, rang="conjoint", prenom="Alix", nom="DUPONT", utilisateur=lui
        )
        Connexion.objects.create(utilisateur=lui, appareil="Téléphone d’Alix")
        _, d, tout = copie(vie, vie.jean)
        assert "Téléphone d’Alix" not in tout
        assert len(d["mon-compte"]["responsables"]) == 2

    def test_fin_du_rattachement(self, vie):
        vie.lea.rattachements.filter(famille=vie.jean).update(du=date(2019, 1, 1), au=date(2020, 1, 1))
        _, d, tout = copie(vie, vie.jean)
        assert {e["prénom"] for e in d["enfants"]["enfants"]} == {"Tom"}
        assert "Arachide" not in tout and "certificat0" not in tout
        assert d["planning"]["présences"] == [] and len(d["factures-et-paiements"]["factures"]) == 1

    def test_un_fichier_perdu_n_empeche_rien(self, vie):
        piece = PieceJointe.objects.get(message__conversation__famille=vie.jean).fichier
        Fichier.objects.filter(pk=piece.pk).update(contenu="00/absent")
        zip_, _, _ = copie(vie, vie.jean)
        assert any(n.endswith("verger.pdf.absent.txt") for n in zip_.namelist())


def test_aucune_table_oubliee():
    """Whatever hangs on a household, a child, a person or an exported row is exported, or excluded for a reason."""
    suivies = {Famille, Enfant, Utilisateur} | exportees()
    oubliees = set()
    for modele in apps.get_models(include_auto_created=True):
        if modele._meta.app_label not in NOTRES or modele in exportees() | set(EXCLUES):
            continue
        # Who typed or decided a row (« par », « saisi par ») does not own it: no reverse name.
        cles = [
            f
            for f in modele._meta.get_fields()
            if f.is_relation
            and f.concrete
            and f.related_model in suivies
            and not (f.related_model is Utilisateur and f.remote_field.hidden)
        ]
        if cles:
            oubliees.add(modele._meta.label)
    assert oubliees == set()
    assert all(raison.strip() for raison in EXCLUES.values())
    assert not exportees() & set(EXCLUES)


class TestPage:
    def test_qui(self, monde):
        assert Client().get(PAGE)["Location"] == f"/connexion/?next={PAGE}"
        assert monde.client(monde.agent).get(PAGE)["Location"] == "/admin/"
        for qui in (monde.jean, monde.jeanne, monde.claire):
            page = monde.client(qui).get(PAGE).content.decode()
            assert "Préparer ma copie" in page and "Aucune copie" in page
            assert 'href="/compte/" aria-current="page"' in page
        assert 'href="/compte/donnees/"' in monde.client(monde.jean).get("/compte/").content.decode()

    def test_en_preparation_puis_prete_puis_effacee(self, monde, django_capture_on_commit_callbacks):
        client = monde.client(monde.jean)
        client.post(PAGE)
        page = client.get(PAGE).content.decode()
        assert "En préparation" in page and "Actualiser" in page and "Préparer" not in page
        verbes.travailler(timezone.now())
        export = ExportDonnees.objects.get()
        page = client.get(PAGE).content.decode()
        assert f'href="{PAGE}{export.pk}/"' in page and "Valable jusqu’au" in page
        nom = export.fichier.contenu.name
        assert archive(client, export).namelist()[0] == "LISEZMOI.txt"
        assert default_storage.exists(nom)
        with time_machine.travel(timezone.now() + timedelta(hours=48, minutes=1)):
            client.force_login(parent(monde.jean))
            assert client.get(f"{PAGE}{export.pk}/").status_code == 404
            with django_capture_on_commit_callbacks(execute=True):
                assert verbes.travailler(timezone.now()) == "0 copies faites, 1 effacées"
            assert not default_storage.exists(nom)
            assert "effacée" in client.get(PAGE).content.decode()
        export.refresh_from_db()
        assert (export.etat, export.fichier) == ("efface", None)
        assert not Fichier.objects.exists()

    def test_a_qui_l_a_demandee(self, monde):
        export = preparer(monde, monde.jean)
        adresse = f"{PAGE}{export.pk}/"
        assert Client().get(adresse).status_code == 302
        assert monde.client(monde.agent).get(adresse)["Location"] == "/admin/"
        for qui in (monde.jeanne, monde.claire):
            assert monde.client(qui).get(adresse).status_code == 404
            assert monde.client(qui).get(f"/fichiers/{export.fichier_id}/").status_code == 404
        lui = utilisateur("conjoint")
        Responsable.objects.create(famille=monde.jean, rang="conjoint", prenom="A", nom="D", utilisateur=lui)
        assert monde.client(lui).get(adresse).status_code == 404
        reponse = monde.client(monde.jean).get(adresse)
        assert reponse["Content-Disposition"].endswith('.zip"') and "no-store" in reponse["Cache-Control"]
        assert b"".join(reponse.streaming_content).startswith(b"PK")
        assert list(Trace.objects.filter(famille=monde.jean.numero).values_list("action", flat=True)) == [
            "donnees.telecharger",
            "donnees.demander",
        ]

    def test_une_a_la_fois_par_famille(self, monde):
        lui = utilisateur("conjoint")
        Responsable.objects.create(famille=monde.jean, rang="conjoint", prenom="A", nom="D", utilisateur=lui)
        monde.client(monde.jean).post(PAGE)
        page = monde.client(lui).post(PAGE, follow=True).content.decode()
        assert "déjà en préparation" in page and "L’autre adulte" in page
        monde.client(monde.claire).post(PAGE)
        assert ExportDonnees.objects.count() == 2

    def test_une_nouvelle_remplace_l_ancienne(self, monde):
        ancienne = preparer(monde, monde.jean)
        preparer(monde, monde.jean)
        ancienne.refresh_from_db()
        assert ancienne.etat == "efface" and Fichier.objects.count() == 1

    def test_courriel_seulement_a_qui_l_accepte(self, monde):
        preparer(monde, monde.jean)
        un = Courriel.objects.get(objet="La copie de vos données est prête")
        assert un.destinataire == "jean.dupont@exemple.fr" and PAGE in un.texte
        monde.claire.responsables.update(autorisation_courriel=False)
        preparer(monde, monde.claire)
        assert Courriel.objects.count() == 1


class TestTravail:
    def test_le_balayage_la_fait(self, monde):
        travail = next(t for t in TRAVAUX if t.code == "donnees")
        monde.client(monde.jean).post(PAGE)
        assert travail.fonction(timezone.now()) == "1 copies faites, 0 effacées"
        assert travail.fonction(timezone.now()) == "0 copies faites, 0 effacées"

    def test_le_coup_de_coude(self, monde, django_capture_on_commit_callbacks):
        with django_capture_on_commit_callbacks(execute=True):
            verbes.demander(monde.jean, parent(monde.jean), timezone.now())
        assert verbes.DBTaskResult.objects.ready().get().task_path.endswith("preparer_les_copies")

    def test_un_autre_l_a_prise(self, monde):
        export, _ = verbes.demander(monde.jean, parent(monde.jean), timezone.now())
        ExportDonnees.objects.update(pris_le=timezone.now())
        assert not verbes._preparer(export)
        assert verbes.travailler(timezone.now()) == "0 copies faites, 0 effacées"

    def test_morte_en_route_reprise_puis_abandonnee(self, monde):
        verbes.demander(monde.jean, parent(monde.jean), timezone.now())
        vieux = timezone.now() - timedelta(hours=1)
        ExportDonnees.objects.update(pris_le=vieux, essais=3)
        verbes.travailler(timezone.now())
        assert ExportDonnees.objects.get().etat == "echec"
        assert "n’a pas pu être faite" in monde.client(monde.jean).get(PAGE).content.decode()
        ExportDonnees.objects.update(etat="en_preparation", essais=1)
        verbes.travailler(timezone.now())
        assert ExportDonnees.objects.get().etat == "pret"

    def test_acces_retire_entre_temps(self, monde):
        verbes.demander(monde.jean, parent(monde.jean), timezone.now())
        monde.jean.responsables.update(utilisateur=None)
        verbes.travailler(timezone.now())
        assert ExportDonnees.objects.get().etat == "echec" and not Fichier.objects.exists()
