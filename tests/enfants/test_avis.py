"""What the town changes on a planning is told to the family that pays: one e-mail an act."""

from datetime import date
from decimal import Decimal

import pytest
import time_machine
from django.urls import reverse

from enfants.models import Etat, Inscription, Reservation
from portail.socle.models import Courriel
from tests import factories
from tests.enfants.fabrique import JEUDI, LUNDI, MAINTENANT, reserver

MARDI = date(2026, 12, 1)
N = "\N{NO-BREAK SPACE}"
LISTE = "/admin/enfants/reservation/"
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def horloge():
    with time_machine.travel(MAINTENANT, tick=False):
        yield


@pytest.fixture
def mairie(monde):
    return monde.client(monde.agent)


@pytest.fixture
def contrat(monde) -> Inscription:
    creche = factories.prestation(
        "Accueil du jour", places=4, structure=factories.structure("Crèche", genre="creche")
    )
    return factories.inscription(monde.tom, creche, monde.jean, heures_semaine=Decimal("20"), conges_jours=9)


def agir(mairie, action: str, *lignes: Reservation, **champs):
    envoi = {"action": action, "_selected_action": [r.pk for r in lignes]} | champs
    return mairie.post(LISTE, envoi, follow=True)


def test_un_conge_pose_puis_rendu(monde, mairie, contrat):
    reserver(contrat, JEUDI, LUNDI, MARDI)
    page = reverse("contrat_de_creche", args=[contrat.pk])
    mairie.post(page, {"du": "2026-11-26", "au": "2026-11-30"})
    pose = Courriel.objects.get()
    assert (pose.destinataire, pose.objet) == (
        "jean.dupont@exemple.fr",
        f"Planning de Tom{N}: jours de congé",
    )
    assert (
        "- Tom, Accueil du jour, jeudi 26 novembre 2026\n- Tom, Accueil du jour, lundi 30"
        in pose.texte.replace(N, " ")
    )
    assert "Ces jours ne sont pas facturés" in pose.texte
    conge = Reservation.objects.get(jour=LUNDI)
    for _ in range(2):
        mairie.post(page, {"rendre": conge.pk})
    rendu = Courriel.objects.exclude(pk=pose.pk).get()
    assert rendu.objet == f"Planning de Tom{N}: jour réservé"
    assert "pas facturé" not in rendu.texte


@pytest.mark.parametrize(
    ("depuis", "action", "objet"),
    [
        (Etat.ABSENT_FACTURE, "excuser", "absence excusée"),
        (Etat.ABSENT_EXCUSE, "facturer", "absence facturée"),
        (Etat.RESERVEE, "mettre_en_conge", "jour de congé"),
    ],
)
def test_depuis_la_liste_des_reservations(monde, mairie, contrat, depuis, action, objet):
    (ligne,) = reserver(contrat, JEUDI, etat=depuis)
    for _ in range(2):
        agir(mairie, action, ligne, confirmer="1")
    assert Courriel.objects.get().objet == f"Planning de Tom{N}: {objet}"


def test_annulee_avec_son_motif_sans_celui_dune_absence_medicale(monde, mairie, contrat):
    lignes = reserver(contrat, JEUDI, LUNDI)
    agir(mairie, "annuler", *lignes, confirmer="1", motif="Travaux.")
    assert f"Motif{N}: Travaux." in Courriel.objects.get().texte
    Courriel.objects.all().delete()
    (malade,) = reserver(contrat, MARDI)
    Reservation.objects.filter(pk=malade.pk).update(absence_medicale=True)
    agir(mairie, "annuler", malade, confirmer="1", motif="Varicelle.")
    assert "Varicelle" not in Courriel.objects.get().texte


def test_un_courriel_par_foyer(monde, mairie):
    jean, claire = monde.inscriptions["lea"], monde.inscriptions["zoe"]
    lignes = [
        *reserver(jean, JEUDI, LUNDI, etat=Etat.ABSENT_FACTURE),
        *reserver(claire, JEUDI, etat=Etat.ABSENT_FACTURE),
    ]
    agir(mairie, "excuser", *lignes, confirmer="1")
    deux = {c.destinataire: c for c in Courriel.objects.order_by("pk")}
    assert len(deux) == Courriel.objects.count() == 2
    assert deux["jean.dupont@exemple.fr"].objet == f"Planning de Léa{N}: absences excusées"
    assert "Zoé" not in deux["jean.dupont@exemple.fr"].texte


def test_rien_nest_fait_rien_nest_dit(monde, mairie, contrat):
    (ligne,) = reserver(contrat, JEUDI, etat=Etat.CONGE)
    agir(mairie, "excuser", ligne, confirmer="1")
    assert not Courriel.objects.exists()


def test_trois_enfants_sont_nommes_en_bon_francais(monde, mairie):
    alice = factories.enfant("Alice", monde.jean)
    inscriptions = [factories.inscription(alice, monde.cantine, monde.jean)]
    inscriptions += [monde.inscriptions["lea"], monde.inscriptions["tom"]]
    lignes = [r for i in inscriptions for r in reserver(i, JEUDI, etat=Etat.ABSENT_FACTURE)]
    agir(mairie, "excuser", *lignes, confirmer="1")
    assert Courriel.objects.get().objet == f"Planning d’Alice, Léa et Tom{N}: absences excusées"
