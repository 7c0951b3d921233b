"""The home page: what waits, the solde, the week, the invoices, the children; and nothing of the others."""

import re
from datetime import date, timedelta

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from demandes.models import Demande
from enfants.models import AnneeScolaire, Enfant, FicheSanitaire, Reservation, Scolarite
from facturation.models import PriseEnChargeTresor
from portail.accueil.models import Information
from tests.factories import enfant, famille, inscription, prestation, structure
from tests.facturation.fabrique import facture
from tests.messagerie.fabrique import de_la_mairie

pytestmark = pytest.mark.django_db
LUNDI = "2026-11-23 09:30 +0100"
NB = "\N{NO-BREAK SPACE}"


@pytest.fixture(autouse=True)
def le_23_novembre():
    with time_machine.travel(LUNDI, tick=False):
        yield


def page_de(monde, qui) -> str:
    return monde.client(qui).get("/").content.decode()


def texte(page: str) -> str:
    """What is read, on one line."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page)).replace(NB, " ")


def reserver(inscrit, jour: date, etat: str = "reservee", **champs) -> Reservation:
    return Reservation.objects.create(
        enfant=inscrit.enfant,
        prestation=inscrit.prestation,
        jour=jour,
        inscription=inscrit,
        payeur=inscrit.famille,
        etat=etat,
        **champs,
    )


def demande(de, etat: str = "envoyee", type: str = "caf", **champs) -> Demande:
    return Demande.objects.create(
        numero=f"2026-{Demande.objects.count() + 1:04d}",
        famille=de,
        type=type,
        etat=etat,
        envoyee_par=de.responsables.get(rang="titulaire").utilisateur,
        **champs,
    )


class TestEntete:
    def test_bienvenue_et_date(self, monde):
        de_la_mairie(monde.jean)
        lu = texte(page_de(monde, monde.jean))
        assert "Bienvenue JEAN DUPONT , vous avez 1 nouveau message" in lu
        assert "Lundi 23 novembre 2026" in lu
        assert "vous n’avez pas de nouveau message" in texte(page_de(monde, monde.claire))

    def test_six_onglets_et_la_sortie(self, monde):
        page = page_de(monde, monde.jean)
        onglets = re.search(r'<nav class="onglets".*?</nav>', page, re.S)[0]
        assert re.findall(r"<span>([^<]+)</span>", onglets) == [
            "Accueil",
            "Mon compte",
            "Mes enfants",
            "Relevé de compte",
            "Boîte de réception",
            "Liste des demandes",
            "Déconnexion",
        ]
        assert re.findall(r'href="([^"]+)" aria-current="page"', onglets) == ["/"]

    def test_un_agent_va_a_l_administration(self, monde):
        assert monde.client(monde.agent).get("/")["Location"] == "/admin/"

    def test_anonyme(self):
        assert Client().get("/")["Location"] == "/connexion/?next=/"


class TestSolde:
    def test_a_payer(self, monde):
        facture(monde.jean, 12060)
        lu = texte(page_de(monde, monde.jean))
        assert "À la date du lundi 23 novembre 2026, votre compte présente un solde de 120,60 € à payer" in lu

    def test_rien_a_payer(self, monde):
        facture(monde.jeanne, 9900)
        lu = texte(page_de(monde, monde.jean))
        assert "un solde de 0,00 € Rien à payer aujourd’hui." in lu
        assert "Aucune facture impayée." in lu

    def test_phrase_de_la_tresorerie(self, monde):
        assert "trésorerie" not in texte(page_de(monde, monde.jean))
        prise = facture(monde.jean, 5000)
        PriseEnChargeTresor.objects.create(facture=prise, ormc="12", date=date(2026, 11, 20), centimes=5000)
        assert "suivie par la trésorerie" in texte(page_de(monde, monde.jean))


class TestFacturesImpayees:
    def test_tableau(self, monde):
        une = facture(monde.jean, 12060)
        autre = facture(monde.jean, 1550, jour=date(2026, 11, 15))
        page = page_de(monde, monde.jean)
        tableau = re.search(r'<table class="tableau">.*?</table>', page, re.S)[0]
        assert re.findall(r'<th scope="row">([^<]+)</th>', tableau) == [une.reference, autre.reference]
        assert f'href="/factures/{une.reference}.pdf"' in tableau
        assert f'href="/paiement/?facture={une.reference}"' in tableau
        assert texte(tableau).endswith("Total 136,10 € ")

    def test_celles_des_autres_n_y_sont_pas(self, monde):
        sienne = facture(monde.jeanne, 4200)
        for qui in (monde.jean, monde.claire):
            assert sienne.reference not in page_de(monde, qui)
        assert sienne.reference in page_de(monde, monde.jeanne)


class TestCeQuiAttend:
    def test_rien(self, monde):
        FicheSanitaire.objects.create(enfant=monde.zoe)
        assert "Rien ne vous attend." in page_de(monde, monde.claire)

    def test_facture_a_payer_puis_en_retard(self, monde):
        facture(monde.jean, 12060)
        assert "120,60 € À payer avant le lundi 30 novembre." in texte(page_de(monde, monde.jean))
        with time_machine.travel("2026-12-02 09:30 +0100", tick=False):
            assert "Il fallait la payer avant le lundi 30 novembre." in texte(page_de(monde, monde.jean))

    def test_beaucoup_de_factures_une_seule_ligne(self, monde):
        for _ in range(3):
            facture(monde.jean, 1000)
        assert "3 factures à payer : 30,00 €" in texte(page_de(monde, monde.jean))

    def test_message(self, monde):
        conversation = de_la_mairie(monde.jean, objet="Sortie au verger")
        page = page_de(monde, monde.jean)
        assert "« Sortie au verger »" in texte(page)
        assert f'href="/messagerie/{conversation.pk}/"' in page
        assert "Sortie au verger" not in page_de(monde, monde.jeanne)

    def test_demandes(self, monde):
        demande(monde.jean)
        refus = demande(
            monde.jean,
            "refusee",
            "bancaires",
            motif="RIB illisible",
            decidee_le=timezone.now(),
            decidee_par=monde.agent,
        )
        demande(monde.jean, "complement", "fiscales")
        vieille = timezone.now() - timedelta(days=20)
        demande(monde.jean, "acceptee", "conjoint", envoyee_le=vieille, decidee_le=vieille)
        page = page_de(monde, monde.jean)
        lu = texte(page)
        assert "1 demande en cours" in lu
        assert "Refusée : RIB illisible" in lu and f"/demandes/{refus.pk}/" in page
        assert "la mairie attend une précision" in lu
        assert "conjoint" not in texte(re.search(r'id="attend".*?</section>', page, re.S)[0]).lower()
        for qui in (monde.jeanne, monde.claire):
            assert "RIB illisible" not in page_de(monde, qui)


class TestSemaine:
    def test_par_jour_et_par_enfant(self, monde):
        reserver(monde.inscriptions["lea"], date(2026, 11, 23))
        reserver(monde.inscriptions["tom"], date(2026, 11, 24), "demandee")
        lu = texte(re.search(r'class="semaine-accueil".*?</section>', page_de(monde, monde.jean), re.S)[0])
        assert "Lundi 23 Aujourd’hui" in lu
        assert lu.count("Rien de réservé") == 8
        assert "Réservation en cours de traitement" in lu

    def test_l_autre_foyer_est_nomme(self, monde):
        sienne = inscription(monde.lea, monde.cantine, monde.jeanne)
        reserver(sienne, date(2026, 11, 24))
        assert "par Jeanne DUPONT" in texte(page_de(monde, monde.jean))
        assert "par Jeanne DUPONT" not in texte(page_de(monde, monde.jeanne))
        assert "Jeanne" not in texte(page_de(monde, monde.claire))

    def test_refusee_et_annulee_ne_comptent_pas_une_nouvelle_demande_remplace(self, monde):
        inscrit = monde.inscriptions["tom"]
        reserver(inscrit, date(2026, 11, 24), "refusee", motif="Complet")
        reserver(inscrit, date(2026, 11, 26), "absent_excuse")
        reserver(inscrit, date(2026, 11, 26), "reservee")
        lu = texte(page_de(monde, monde.claire))
        assert "Complet" not in lu
        page = page_de(monde, monde.jean)
        assert "g-absent_excuse" not in page and page.count("g-s g-reservee") == 1

    def test_le_week_end_montre_la_semaine_prochaine(self, monde):
        with time_machine.travel("2026-11-28 10:00 +0100", tick=False):
            lu = texte(page_de(monde, monde.jean))
        assert "La semaine prochaine" in lu and "Lundi 30" in lu


class TestEnfants:
    def test_carte(self, monde):
        annee = AnneeScolaire.objects.create(debut=date(2026, 9, 1), fin=date(2027, 8, 31))
        ecole = structure("École des Platanes", genre="ecole")
        Scolarite.objects.create(enfant=monde.lea, annee=annee, ecole=ecole, niveau="CE2")
        page = page_de(monde, monde.jean)
        assert "8 ans, CE2, École des Platanes" in texte(page)
        assert f'href="/enfants/{monde.lea.pk}/planning/2026-11/"' in page
        assert f'href="/enfants/{monde.lea.pk}/fiche-inscription.pdf"' in page

    def test_trois_personnes(self, monde):
        assert str(monde.tom.pk) not in page_de(monde, monde.jeanne)
        assert str(monde.lea.pk) in page_de(monde, monde.jeanne)
        assert str(monde.lea.pk) not in page_de(monde, monde.claire)

    def test_fin_du_rattachement(self, monde):
        monde.lea.rattachements.filter(famille=monde.jean).update(au=date(2026, 11, 22))
        assert str(monde.lea.pk) not in page_de(monde, monde.jean)

    def test_sans_enfant(self, monde):
        seule = famille("Ana", "SOLO", "ana")
        page = page_de(monde, seule)
        assert "Aucun enfant pour l’instant." in page and 'href="/enfants/ajouter/"' in page


class TestBandeau:
    def test_texte_de_la_commune(self, monde):
        Information.objects.create(titre="Vacances", texte="Ouvert le **21** <script>x</script>")
        Information.objects.create(titre="Passée", au=date(2026, 11, 22))
        Information.objects.create(titre="Future", du=date(2026, 11, 24))
        page = page_de(monde, monde.jean)
        assert "<h1>Vacances</h1>" in page and "<strong>21</strong>" in page
        assert "<script>x" not in page
        assert "Passée" not in page and "Future" not in page
        assert "Bienvenue sur votre page d’accueil" in page

    def test_par_structure(self, monde):
        ecole = structure("École des Platanes", genre="ecole")
        pour_elle = Information.objects.create(titre="Kermesse des Platanes")
        pour_elle.structures.add(ecole)
        assert "Kermesse" not in page_de(monde, monde.jean)
        annee = AnneeScolaire.objects.create(debut=date(2026, 9, 1), fin=date(2027, 8, 31))
        Scolarite.objects.create(enfant=monde.lea, annee=annee, ecole=ecole, niveau="CE2")
        assert "Kermesse" in page_de(monde, monde.jean)
        assert "Kermesse" not in page_de(monde, monde.claire)

    def test_sans_information(self, monde):
        assert "<h1>Bienvenue sur le Portail Famille</h1>" in page_de(monde, monde.jean)


REQUETES = 21


@pytest.mark.parametrize("nombre", [1, 3])
def test_requetes_constantes(monde, django_assert_num_queries, nombre):
    annee = AnneeScolaire.objects.create(debut=date(2026, 9, 1), fin=date(2027, 8, 31))
    seule = famille("Ana", "SOLO", "ana")
    for n in range(nombre):
        petit: Enfant = enfant(f"Petit {n}", seule)
        ecole = structure(f"École {n}", genre="ecole")
        Scolarite.objects.create(enfant=petit, annee=annee, ecole=ecole, niveau="CP")
        inscrit = inscription(petit, prestation(f"Service {n}"), seule)
        for jour in range(23, 23 + nombre):
            reserver(inscrit, date(2026, 11, jour))
        facture(seule, 1000)
        de_la_mairie(seule, objet=f"Sujet {n}")
        demande(seule, type=["caf", "fiscales", "conjoint"][n])
        Information.objects.create(titre=f"Information {n}")
    client = monde.client(seule)
    client.get("/")
    with django_assert_num_queries(REQUETES):
        assert client.get("/").status_code == 200
