"""What a free day is really worth: places left, exclusive services, the other household, age and class."""

import re
from datetime import date, time

import pytest
import time_machine
from django.urls import reverse

from enfants import places
from enfants.models import AnneeScolaire, Creneau, GroupeExclusif, Jauge, Rattachement, Scolarite
from enfants.planning import mois_de
from enfants.planning_case import MOTS
from enfants.planning_lecture import lire
from enfants.planning_places import est_peu
from familles.models import Famille, Residence
from tests import factories
from tests.enfants.fabrique import JEUDI, LUNDI, MAINTENANT, demander, paris, reserver

pytestmark = pytest.mark.django_db
N = "\N{NO-BREAK SPACE}"
MARDI = date(2026, 12, 1)


@pytest.fixture(autouse=True)
def horloge():
    with time_machine.travel(MAINTENANT, tick=False):
        yield


@pytest.fixture
def club(monde):
    """Two places a day, a waiting list; Léa and Zoé are enrolled."""
    service = factories.prestation("Club", places=2)
    monde.inscriptions["club"] = factories.inscription(monde.lea, service, monde.jean)
    monde.inscriptions["club_zoe"] = factories.inscription(monde.zoe, service, monde.claire)
    return service


def mois(monde, jour: date = JEUDI, qui=None, suite: str = "") -> str:
    adresse = reverse("planning_enfant", args=[monde.lea.pk, f"{jour:%Y-%m}"]) + suite
    reponse = monde.client(qui or monde.jean).get(adresse)
    assert reponse.status_code == 200
    return reponse.content.decode()


def case(monde, nom: str, jour: date, qui=None) -> tuple[str, str, bool]:
    """Code of the galet, words, and whether a box may be ticked: of that service, that day, in the grid."""
    ligne = next(li for li in mois(monde, jour, qui).split("<tr") if f"<span>{nom}</span></th>" in li)
    cellule = ligne.split("<td")[1 + jour.day].partition(">")[2]
    code = re.search(r"g g-(\w+)", cellule)
    etiquette = re.search(rf'aria-label="[^"]*?{N}: ([^"]*)"', cellule)
    texte = re.search(r"<i[^>]*>([^<]*)</i>", cellule)  # no box: words in full
    mots = etiquette[1] if etiquette else texte[1] if texte else ""
    return (code[1] if code else "", mots, "<input" in cellule)


@pytest.mark.parametrize(
    ("capacite", "libres", "peu"),
    [
        (1, 1, True),
        (2, 1, True),
        (2, 2, False),
        (20, 4, True),
        (20, 5, False),
        (100, 5, True),
        (100, 6, False),
    ],
)
def test_les_dernieres_places(capacite, libres, peu):
    assert est_peu(capacite, libres) is peu


def test_une_place_puis_complet(monde, club):
    assert case(monde, "Club", LUNDI) == ("libre", "libre", True)
    reserver(monde.inscriptions["club_zoe"], LUNDI)
    assert case(monde, "Club", LUNDI) == ("dernieres", "libre, plus qu’une place", True)
    autre = factories.enfant("Ali", monde.claire)
    reserver(factories.inscription(autre, club, monde.claire), LUNDI)
    assert case(monde, "Club", LUNDI) == ("complet_attente", MOTS["complet_attente"], True)
    # The next day is as it was.
    assert case(monde, "Club", MARDI)[0] == "libre"
    club.liste_attente = False
    club.save()
    assert case(monde, "Club", LUNDI) == ("complet", "Complet", False)


def test_le_nombre_est_ecrit_sur_le_galet(monde):
    jauge = Jauge.objects.create(structure=factories.structure(), libelle="Salle", capacite=20)
    jauge.prestations.add(monde.cantine)
    Creneau.objects.create(jauge=jauge, jour=LUNDI, capacite=20, pris=17)
    assert case(monde, "Restauration scolaire", LUNDI)[:2] == ("dernieres", "libre, plus que 3 places")
    assert 'data-n="3"' in mois(monde, LUNDI)
    semaine = mois(monde, LUNDI, suite="?vue=semaine&du=2026-11-30")
    assert 'data-n="3"' in semaine and "Libre, plus que 3 places" in semaine


def test_une_journee_vaut_ce_qui_reste_de_sa_moitie_la_plus_pleine(monde, club):
    matin = Jauge.objects.get(prestations=club)
    apres = Jauge.objects.create(structure=matin.structure, libelle="Après-midi", capacite=1)
    apres.prestations.add(club)
    assert case(monde, "Club", LUNDI)[1] == "libre, plus qu’une place"
    Creneau.objects.create(jauge=apres, jour=LUNDI, capacite=1, pris=1)
    assert case(monde, "Club", LUNDI)[0] == "complet_attente"


def test_hors_delai_on_nattend_pas(monde, club):
    """Past the limit nobody is promoted: the page does not promise a waiting list."""
    club.hors_delai = "mairie"
    club.save()
    mardi = date(2026, 11, 24)
    Creneau.objects.create(jauge=Jauge.objects.get(prestations=club), jour=mardi, capacite=2, pris=2)
    assert case(monde, "Club", mardi) == ("complet", "Complet", False)


def test_un_service_exclusif_deja_pris_est_nomme(monde, club):
    groupe = GroupeExclusif.objects.create(nom="Midi")
    groupe.prestations.add(club, monde.cantine)
    demander(monde.inscriptions["lea"], LUNDI)
    assert case(monde, "Club", LUNDI) == (
        "exclusif",
        f"Un seul choix par jour, «{N}Restauration scolaire{N}» est déjà pris",
        False,
    )
    assert case(monde, "Club", MARDI)[0] == "libre"
    # The page tells the script which rows exclude each other.
    assert mois(monde).count(f'data-groupes="1-{groupe.pk}"') == 2


def test_ce_qui_attend_nexclut_pas(monde, club):
    GroupeExclusif.objects.create(nom="Midi").prestations.add(club, monde.cantine)
    Creneau.objects.create(jauge=Jauge.objects.get(prestations=club), jour=LUNDI, capacite=2, pris=2)
    demander(monde.inscriptions["club"], LUNDI)
    assert case(monde, "Restauration scolaire", LUNDI)[0] == "libre"


def test_le_jour_pris_par_lautre_foyer(monde):
    reserver(factories.inscription(monde.lea, monde.cantine, monde.jeanne), LUNDI)
    assert case(monde, "Restauration scolaire", LUNDI) == (
        "autre_foyer",
        "Déjà pris par l’autre foyer",
        False,
    )
    assert "DUPONT Jeanne" in mois(monde, LUNDI)
    # Jeanne's own row holds the booking.
    assert case(monde, "Restauration scolaire", LUNDI, monde.jeanne) == ("reservee", "réservé", True)


def test_pas_de_son_age_une_phrase(monde, club):
    club.age_min = 11
    club.save()
    html = mois(monde)
    assert "Léa n’aura pas encore 11 ans ce jour-là." in html
    assert f'value="{monde.inscriptions["club"].pk}:' not in html


def test_pas_de_sa_classe(monde, club):
    annee = AnneeScolaire.objects.create(debut=date(2026, 9, 1), fin=date(2027, 8, 31))
    Scolarite.objects.create(enfant=monde.lea, annee=annee, ecole=factories.structure("École"), niveau="CE2")
    club.niveaux = ["CM1", "CM2"]
    club.save()
    assert "Ce service n’accueille pas les enfants de CE2." in mois(monde)
    club.niveaux = []
    club.save()
    Jauge.objects.filter(prestations=club).update(niveaux=["CM1"])
    assert "Aucune place n’est prévue pour l’âge ou la classe de votre enfant." in mois(monde)


def test_lage_change_dans_le_mois(monde, club):
    """Born on 27 November: eleven that day, not the day before."""
    monde.lea.naissance = date(2015, 11, 27)
    monde.lea.save()
    club.age_min = 11
    club.save()
    assert case(monde, "Club", JEUDI) == ("ineligible", "Léa n’aura pas encore 11 ans ce jour-là.", False)
    assert case(monde, "Club", date(2026, 11, 27))[0] == "libre"


def test_apres_la_fin_du_rattachement_rien_a_demander(monde, club):
    Rattachement.objects.filter(enfant=monde.lea, famille=monde.jean).update(au=date(2026, 11, 27))
    assert case(monde, "Club", date(2026, 11, 27))[2] is True
    assert case(monde, "Club", LUNDI) == ("", "", False)


def test_les_reservations_pas_encore_ouvertes_sont_une_phrase(monde, club):
    club.ouverture = paris(2026, 12, 1, 7)
    club.save()
    assert f"Les réservations ouvrent le mardi{N}1er{N}décembre, 7{N}h." in mois(monde)


def test_une_famille_hors_commune_attend_son_ouverture(monde, club):
    club.ouverture_hors_commune = paris(2026, 12, 1, 7)
    club.save()
    assert case(monde, "Club", LUNDI)[2] is True
    Residence.objects.create(famille=monde.jean, residente=False, du=date(2020, 1, 1))
    assert f"Les réservations ouvrent le mardi{N}1er{N}décembre, 7{N}h." in mois(monde)
    assert f'value="{monde.inscriptions["club"].pk}:' not in mois(monde)


def test_louverture_hors_commune_ne_coute_pas_une_requete_par_jour(monde, club, django_assert_num_queries):
    club.ouverture_hors_commune = paris(2026, 12, 1, 7)
    club.save()
    famille = Famille.objects.get(pk=monde.jean.pk)
    # The five of the planning, the town's settings, the residences.
    with django_assert_num_queries(7):
        lire([monde.lea], famille, mois_de(JEUDI), MAINTENANT)


def test_le_rang_sur_la_liste_et_le_motif_du_refus(monde, club):
    Creneau.objects.create(jauge=Jauge.objects.get(prestations=club), jour=LUNDI, capacite=2, pris=2)
    demander(monde.inscriptions["club_zoe"], LUNDI)
    demander(monde.inscriptions["club"], LUNDI)
    assert case(monde, "Club", LUNDI) == ("en_attente", "demande en attente, 2e sur la liste", True)
    reserver(monde.inscriptions["lea"], LUNDI)
    (issue,) = demander(monde.inscriptions["club"], MARDI)
    places.decider([issue.reservation.pk], False, None, MAINTENANT, motif="Sortie de classe.")
    assert case(monde, "Club", MARDI)[1] == f"réservation refusée{N}: sortie de classe"


@pytest.mark.parametrize("nombre", [1, 3])
@pytest.mark.parametrize("suite", ["", "?vue=semaine&du=2026-11-30"])
def test_les_requetes_ne_dependent_pas_de_ce_quil_y_a_a_dire(
    monde, club, django_assert_num_queries, nombre, suite
):
    for n in range(nombre):
        service = factories.prestation(f"Service {n}", places=1, heure_debut=time(7, n))
        GroupeExclusif.objects.create(nom=f"Groupe {n}").prestations.add(service, monde.cantine)
        for enfant, famille in ((monde.lea, monde.jean), (monde.tom, monde.jean), (monde.zoe, monde.claire)):
            demander(factories.inscription(enfant, service, famille), LUNDI)
    demander(monde.inscriptions["lea"], LUNDI)
    navigateur = monde.client(monde.jean)
    navigateur.get(reverse("enfants"))
    with django_assert_num_queries(10):
        navigateur.get(reverse("planning_famille", args=["2026-11"]) + suite)


def test_le_rang_est_celui_de_la_demande(monde, club):
    """The same figure as `places.rangs`, on two queues of different lengths; none where places are kept by age."""
    matin = Jauge.objects.get(prestations=club)
    apres = Jauge.objects.create(structure=matin.structure, libelle="Après-midi", capacite=0)
    moitie = factories.prestation("Après-midi")
    apres.prestations.add(club, moitie)
    for prenom in ("Ali", "Bob"):
        enfant = factories.enfant(prenom, monde.claire)
        demander(factories.inscription(enfant, moitie, monde.claire), LUNDI)
    Creneau.objects.create(jauge=matin, jour=LUNDI, capacite=2, pris=2)
    demander(monde.inscriptions["club_zoe"], LUNDI)
    (issue,) = demander(monde.inscriptions["club"], LUNDI)
    assert places.rangs([issue.reservation]) == {issue.reservation.pk: 4}
    assert case(monde, "Club", LUNDI)[1] == "demande en attente, 4e sur la liste"
    Jauge.objects.filter(pk=matin.pk).update(age_min=3)
    assert case(monde, "Club", LUNDI)[1] == "demande en attente"
