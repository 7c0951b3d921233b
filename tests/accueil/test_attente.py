"""« Ce qui vous attend »: papers missing, answers since the last visit, the deadline of the week."""

import re
from datetime import date, timedelta

import pytest
import time_machine
from django.utils import timezone

from demandes.models import Demande, DemandeJour, PieceDemande
from enfants import places
from enfants.models import FicheSanitaire, GroupeExclusif, JourFerie
from familles.models import QuotientFamilial
from portail.socle.fichiers import Piece, deposer
from tests.factories import enfant, famille, inscription, prestation
from tests.facturation import fabrique
from tests.facturation.fabrique import reservation
from tests.messagerie.fabrique import PDF, parent

pytestmark = pytest.mark.django_db
NB = "\N{NO-BREAK SPACE}"


@pytest.fixture(autouse=True)
def le_lundi_23_novembre():
    with time_machine.travel("2026-11-23 09:30 +0100", tick=False):
        yield


def attend(monde, qui) -> tuple[str, str]:
    """The section, as HTML and as read."""
    page = monde.client(qui).get("/").content.decode()
    section = re.search(r'<section class="carte" aria-labelledby="attend">.*?</section>', page, re.S)[0]
    return section, re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", section)).replace(NB, " ")


def demande(de, **champs) -> Demande:
    numero = f"2026-{Demande.objects.count() + 1:04d}"
    return Demande.objects.create(numero=numero, famille=de, envoyee_par=parent(de), **champs)


class TestPieces:
    def test_fiche_sanitaire(self, monde):
        FicheSanitaire.objects.create(enfant=monde.lea)
        html, lu = attend(monde, monde.jean)
        assert "Fiche sanitaire de Tom à remplir" in lu and "Léa" not in lu
        assert f'href="/enfants/{monde.tom.pk}/demande/donnees-sanitaires/"' in html
        assert "Fiche sanitaire" not in attend(monde, monde.jeanne)[1]
        demande(monde.jean, type="donnees-sanitaires", enfant=monde.tom)
        assert "Fiche sanitaire" not in attend(monde, monde.jean)[1], "it is on its way"

    def test_quotient(self, monde):
        assert "Quotient" not in attend(monde, monde.jean)[1]
        QuotientFamilial.objects.update(au=date(2026, 12, 1))
        html, lu = attend(monde, monde.jean)
        assert "bientôt périmé" in lu and "1" in lu
        assert 'href="/compte/demande/caf/"' in html
        QuotientFamilial.objects.create(famille=monde.jean, valeur=700, du=date(2026, 12, 2))
        assert "Quotient" not in attend(monde, monde.jean)[1]
        QuotientFamilial.objects.filter(famille=monde.jean).delete()
        assert "Quotient familial à donner" in attend(monde, monde.jean)[1]
        demande(monde.jean, type="caf")
        assert "Quotient" not in attend(monde, monde.jean)[1]
        QuotientFamilial.objects.filter(famille=monde.claire).update(au=date(2026, 10, 1))
        assert "Quotient familial à renouveler" in attend(monde, monde.claire)[1]

    def test_attestation(self, monde):
        jour = reservation(
            monde.inscriptions["lea"], date(2026, 11, 20), "absence_demandee", absence_medicale=True
        )
        une = demande(monde.jean, type="absences")
        DemandeJour.objects.create(demande=une, reservation=jour, action="absence")
        html, lu = attend(monde, monde.jean)
        assert "Attestation d’absence médicale" in lu and f'href="/demandes/{une.pk}/"' in html
        assert "sans elle, le jour sera facturé." in lu
        assert "Attestation" not in attend(monde, monde.jeanne)[1]
        autre = reservation(
            monde.inscriptions["tom"], date(2026, 11, 20), "absence_demandee", absence_medicale=True
        )
        DemandeJour.objects.create(demande=une, reservation=autre, action="absence")
        assert "sans elle, les jours seront facturés." in attend(monde, monde.jean)[1]
        fichier = deposer(Piece("a.pdf", "application/pdf", PDF), None)
        PieceDemande.objects.create(demande=une, fichier=fichier)
        assert "Attestation" not in attend(monde, monde.jean)[1]


class TestReponses:
    def test_depuis_la_derniere_visite(self, monde):
        attend(monde, monde.jean)
        with time_machine.travel("2026-11-23 12:00 +0100", tick=False):
            avant = timezone.now() - timedelta(hours=2)
            demande(monde.jean, type="caf", etat="acceptee", envoyee_le=avant, decidee_le=timezone.now())
        with time_machine.travel("2026-11-23 19:00 +0100", tick=False):
            assert "Réponse : Informations CAF" in attend(monde, monde.jean)[1]
        with time_machine.travel("2026-11-23 19:10 +0100", tick=False):
            assert "Réponse" in attend(monde, monde.jean)[1], "the same visit goes on"
        with time_machine.travel("2026-11-24 08:00 +0100", tick=False):
            assert "Réponse" not in attend(monde, monde.jean)[1]

    def test_plusieurs_acceptees_tiennent_en_une_ligne(self, monde):
        attend(monde, monde.jean)
        avant = timezone.now() - timedelta(hours=2)
        with time_machine.travel("2026-11-23 12:00 +0100", tick=False):
            maintenant = timezone.now()
            for genre in ("caf", "fiscales", "conjoint"):
                demande(monde.jean, type=genre, etat="acceptee", envoyee_le=avant, decidee_le=maintenant)
            demande(
                monde.jean,
                type="infos-responsable",
                etat="refusee",
                motif="Illisible",
                envoyee_le=avant,
                decidee_le=maintenant,
            )
            demande(monde.jean, type="bancaires", etat="complement", envoyee_le=avant)
        with time_machine.travel("2026-11-23 19:00 +0100", tick=False):
            lu = attend(monde, monde.jean)[1]
        assert "3 demandes acceptées depuis votre dernière visite" in lu
        assert lu.count("Réponse :") == 2 and "Refusée : Illisible" in lu, "its title, and its link's"
        assert lu.index("attend une précision") < lu.index("Réponse :") < lu.index("3 demandes")

    def test_acceptee_par_le_portail_a_l_envoi(self, monde):
        attend(monde, monde.jean)
        with time_machine.travel("2026-11-23 12:00 +0100", tick=False):
            demande(monde.jean, type="caf", etat="acceptee", decidee_le=timezone.now())
        with time_machine.travel("2026-11-23 19:00 +0100", tick=False):
            assert "Réponse" not in attend(monde, monde.jean)[1]

    def test_ce_qu_on_a_clos_soi_meme_n_est_pas_une_reponse(self, monde):
        attend(monde, monde.jean)
        with time_machine.travel("2026-11-23 12:00 +0100", tick=False):
            clos = demande(
                monde.jean,
                type="caf",
                etat="acceptee",
                envoyee_le=timezone.now() - timedelta(hours=2),
                decidee_le=timezone.now(),
                decidee_par=parent(monde.jean),
            )
        with time_machine.travel("2026-11-23 19:00 +0100", tick=False):
            assert "Réponse" not in attend(monde, monde.jean)[1]
        Demande.objects.filter(pk=clos.pk).update(decidee_par=monde.agent)
        with time_machine.travel("2026-11-23 19:00 +0100", tick=False):
            assert "Réponse" in attend(monde, monde.jean)[1]


class TestSuivi:
    def test_mene_a_l_onglet_qui_les_montre(self, monde):
        demande(monde.jean, type="caf")
        html, lu = attend(monde, monde.jean)
        assert "1 demande en cours" in lu and 'href="/demandes/"' in html
        demande(monde.jean, type="autorisations", enfant=monde.lea)
        html, lu = attend(monde, monde.jean)
        assert "2 demandes en cours" in lu and 'href="/demandes/enfants/"' in html

    def test_ce_qui_attend_la_famille_n_est_dit_qu_une_fois(self, monde):
        absence = demande(monde.jean, type="absences", donnees={"raison": "medicale"})
        jour = reservation(
            monde.inscriptions["tom"], date(2026, 11, 26), "absence_demandee", absence_medicale=True
        )
        DemandeJour.objects.create(demande=absence, reservation=jour, action="absence")
        lu = attend(monde, monde.jean)[1]
        assert "Attestation d’absence médicale" in lu and "demande en cours" not in lu
        PieceDemande.objects.create(
            demande=absence, fichier=deposer(Piece("a.pdf", "application/pdf", PDF), parent(monde.jean))
        )
        assert "1 demande en cours" in attend(monde, monde.jean)[1]


def habitude(inscrit, *jours: date, etat: str = "reservee") -> None:
    for jour in jours:
        reservation(inscrit, jour, etat)


# The last four open Thursdays before 23 November 2026.
JEUDIS = [date(2026, 11, 19), date(2026, 11, 12), date(2026, 11, 5), date(2026, 10, 29)]


class TestDelai:
    def test_la_phrase(self, monde):
        habitude(monde.inscriptions["tom"], *JEUDIS[:2])
        html, lu = attend(monde, monde.jean)
        assert "Tom n’a pas « Restauration scolaire » jeudi 26" in lu
        assert "Réservez avant mardi 24, 12 h." in lu
        mois = f"/enfants/{monde.tom.pk}/planning/2026-11/"
        semaine = f"{mois}?vue=semaine&amp;du=2026-11-26"
        # On a narrow screen, the list of the week; elsewhere the month. Only one of the two is there.
        assert re.findall(r'class="btn ([^"]*)" href="([^"]*planning[^"]*)"', html) == [
            ("btn-outline-primary d-none d-lg-inline-flex", mois),
            ("btn-outline-primary btn-fleche d-lg-none", semaine),
        ]
        for qui in (monde.jeanne, monde.claire):
            assert "n’a pas" not in attend(monde, qui)[1]

    def test_il_suffit_de_reserver(self, monde):
        inscrit = monde.inscriptions["tom"]
        habitude(inscrit, *JEUDIS[:2])
        places.reserver([places.Souhait(inscrit, date(2026, 11, 26))], parent(monde.jean), timezone.now())
        assert "n’a pas" not in attend(monde, monde.jean)[1]

    @pytest.mark.parametrize(
        ("jours", "etat"),
        [(JEUDIS[:1], "reservee"), (JEUDIS[:3], "annulee"), (JEUDIS[:3], "refusee")],
    )
    def test_pas_une_habitude(self, monde, jours, etat):
        for jour in jours:
            reservation(monde.inscriptions["tom"], jour, etat, motif="x")
        assert "n’a pas" not in attend(monde, monde.jean)[1]

    def test_trop_tard_ou_trop_tot(self, monde):
        habitude(monde.inscriptions["tom"], *JEUDIS)
        with time_machine.travel("2026-11-24 12:00 +0100", tick=False):
            lu = attend(monde, monde.jean)[1]
        assert "jeudi 26" not in lu and "jeudi 3 décembre" in lu
        with time_machine.travel("2026-11-17 13:00 +0100", tick=False):
            assert "jeudi 26" in attend(monde, monde.jean)[1]
        with time_machine.travel("2026-11-17 11:00 +0100", tick=False):
            assert "jeudi 26" not in attend(monde, monde.jean)[1]

    def test_annule_par_la_famille_on_n_insiste_pas(self, monde):
        habitude(monde.inscriptions["tom"], *JEUDIS)
        reservation(monde.inscriptions["tom"], date(2026, 11, 26), "annulee")
        assert "jeudi 26" not in attend(monde, monde.jean)[1]

    def test_ferie_ne_compte_pas(self, monde):
        habitude(monde.inscriptions["tom"], JEUDIS[3], date(2026, 10, 22))
        assert "n’a pas" not in attend(monde, monde.jean)[1]
        JourFerie.objects.create(jour=JEUDIS[0], nom="Férié de test")
        assert "jeudi 26" in attend(monde, monde.jean)[1]
        JourFerie.objects.create(jour=date(2026, 11, 26), nom="Férié de test")
        assert "jeudi 26" not in attend(monde, monde.jean)[1]

    def test_la_semaine_de_l_autre_foyer(self, monde):
        # ISO week 48 is even.
        monde.inscriptions["tom"].__class__.objects.filter(pk=monde.inscriptions["tom"].pk).update(
            repartition="impaires"
        )
        habitude(monde.inscriptions["tom"], *JEUDIS)
        assert "jeudi 26" not in attend(monde, monde.jean)[1]

    def test_reserve_par_l_autre_foyer(self, monde):
        habitude(monde.inscriptions["lea"], *JEUDIS)
        reservation(inscription(monde.lea, monde.cantine, monde.jeanne), date(2026, 11, 26))
        assert "jeudi 26" not in attend(monde, monde.jean)[1]

    def test_un_seul_choix_par_jour(self, monde):
        """The other choice of the group is booked: this one could not be."""
        habitude(monde.inscriptions["tom"], *JEUDIS)
        autre = prestation("Repas froid")
        reservation(inscription(monde.tom, autre, monde.jean), date(2026, 11, 26))
        assert "jeudi 26" in attend(monde, monde.jean)[1]
        groupe = GroupeExclusif.objects.create(nom="Repas")
        groupe.prestations.set([monde.cantine, autre])
        assert "jeudi 26" not in attend(monde, monde.jean)[1]

    def test_periode_deja_facturee(self, monde):
        """The town alone can change it: nothing is asked of the family."""
        habitude(monde.inscriptions["tom"], *JEUDIS)
        lien = fabrique.lien(monde.cantine)
        novembre = fabrique.campagne(lien.regie, du=date(2026, 11, 1), au=date(2026, 11, 30))
        assert "jeudi 26" in attend(monde, monde.jean)[1]
        novembre.__class__.objects.update(etat="emise")
        assert "jeudi 26" not in attend(monde, monde.jean)[1]

    def test_inscription_finie(self, monde):
        habitude(monde.inscriptions["tom"], *JEUDIS)
        monde.inscriptions["tom"].__class__.objects.update(au=date(2026, 11, 25))
        assert "n’a pas" not in attend(monde, monde.jean)[1]


@pytest.mark.parametrize("nombre", [1, 3])
def test_requetes_constantes(monde, django_assert_num_queries, nombre):
    """Everything there is to say, for one child and for three."""
    seule = famille("Ana", "SOLO", "ana", quotient=None)
    for n in range(nombre):
        inscrit = inscription(enfant(f"Petit {n}", seule), prestation(f"Service {n}"), seule)
        habitude(inscrit, *JEUDIS)
        jour = reservation(inscrit, date(2026, 11, 20), "absence_demandee", absence_medicale=True)
        une = demande(seule, type="absences")
        DemandeJour.objects.create(demande=une, reservation=jour, action="absence")
    client = monde.client(seule)
    client.get("/")
    with django_assert_num_queries(22):
        client.get("/")
