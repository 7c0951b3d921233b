"""A day's places: opened before anybody books, with who holds one and who waits."""

from datetime import date

import pytest
import time_machine

from enfants.models import AffectationAgent, Creneau, Fermeture, Jauge
from portail.socle.argent import INSECABLE
from tests import factories
from tests.enfants.fabrique import LUNDI, MAINTENANT, demander, reserver
from tests.enfants.test_admin import adresse

pytestmark = pytest.mark.django_db
VENDREDI = date(2027, 1, 15)


@pytest.fixture(autouse=True)
def horloge():
    with time_machine.travel(MAINTENANT, tick=False):
        yield


@pytest.fixture
def mairie(monde):
    return monde.client(monde.agent)


@pytest.fixture
def jauge(monde) -> Jauge:
    monde.cantine.liste_attente = True
    monde.cantine.save()
    jauge = Jauge.objects.create(structure=monde.cantine.structure, libelle="Cantine", capacite=2)
    jauge.prestations.add(monde.cantine)
    return jauge


def ouvrir(client, jauge: Jauge, jour: str, **options):
    return client.post(adresse(Creneau, "add"), {"jauge": jauge.pk, "jour": jour}, **options)


def test_un_jour_sans_reservation_s_ouvre_avec_les_places_de_la_jauge(monde, mairie, jauge):
    assert "Ouvrir un jour" in mairie.get(adresse(Creneau, "changelist")).content.decode()
    assert "Ouvrir un jour" in mairie.get(adresse(Creneau, "add")).content.decode()
    reponse = ouvrir(mairie, jauge, "15/01/2027")
    creneau = Creneau.objects.get()
    assert (creneau.jour, creneau.capacite, creneau.pris) == (VENDREDI, 2, 0)
    assert reponse.url == adresse(Creneau, "change", creneau.pk)


def test_un_jour_deja_ouvert_est_montre(monde, mairie, jauge):
    reserver(monde.inscriptions["lea"], LUNDI)
    Creneau.objects.update(capacite=9)
    page = ouvrir(mairie, jauge, "30/11/2026", follow=True).content.decode()
    assert "9 places, 1 prise." in page
    creneau = Creneau.objects.get()
    assert (creneau.capacite, creneau.pris) == (9, 1)


@pytest.mark.parametrize(
    ("jour", "phrase"),
    [("22/11/2026", "Ce jour est passé."), ("01/09/2099", "pas encore ouvertes"), ("bientôt", "date")],
)
def test_un_jour_impossible_est_refuse(monde, mairie, jauge, jour, phrase):
    assert phrase in ouvrir(mairie, jauge, jour).content.decode()
    assert not Creneau.objects.exists()


def test_un_jour_ou_aucun_service_n_ouvre_est_refuse(monde, mairie, jauge):
    """Said with what the families read; open as soon as one service of the Jauge is, and shown if it has a row."""
    samedi, jeudi = date(2026, 12, 12), date(2026, 12, 10)
    assert (
        f"n’ouvre le samedi{INSECABLE}12{INSECABLE}décembre{INSECABLE}2026."
        in ouvrir(mairie, jauge, "12/12/2026").text
    )
    Fermeture.objects.create(structure=jauge.structure, du=jeudi, au=jeudi, motif="Grève")
    assert f"décembre{INSECABLE}2026. Fermé{INSECABLE}: Grève." in ouvrir(mairie, jauge, "10/12/2026").text
    assert not Creneau.objects.exists()
    jauge.prestations.add(factories.prestation("Sortie", structure=jauge.structure, jours=1 << 5))
    assert ouvrir(mairie, jauge, "12/12/2026").status_code == 302
    assert Creneau.objects.get().jour == samedi
    jauge.prestations.set([monde.cantine])
    assert ouvrir(mairie, jauge, "12/12/2026").status_code == 302


def test_qui_tient_une_place_et_qui_attend_dans_l_ordre(monde, mairie, jauge):
    for qui in ("tom", "lea"):
        reserver(monde.inscriptions[qui], LUNDI)
    demander(monde.inscriptions["zoe"], LUNDI)
    html = mairie.get(adresse(Creneau, "change", Creneau.objects.get().pk)).content.decode()
    inscrits, attente = html[html.index("Enfants inscrits (2)") :].split("Liste d’attente (1)")
    assert inscrits.index("Léa") < inscrits.index("Tom")
    assert "Zoé" in attente and "demandée le 23/11/2026" in attente and "Zoé" not in inscrits


@pytest.mark.parametrize("combien", [1, 3])
def test_les_requetes_ne_dependent_pas_du_nombre(monde, mairie, jauge, django_assert_num_queries, combien):
    jauge.capacite = combien
    jauge.save()
    for n in range(2 * combien):
        famille = factories.famille("Parent", f"N{n}", quotient=None)
        enfant = factories.enfant(f"Enfant {n}", famille)
        demander(factories.inscription(enfant, monde.cantine, famille), LUNDI)
    page = adresse(Creneau, "change", Creneau.objects.get().pk)
    assert f"Liste d’attente ({combien})" in mairie.get(page).content.decode()
    with django_assert_num_queries(12):
        mairie.get(page)


def test_les_enfants_d_une_autre_structure_ne_sont_que_comptes(monde, jauge):
    """One Jauge may serve two structures; an agent reads the names of theirs only."""
    etude = factories.prestation("Étude", structure=factories.structure("École des Lilas", genre="ecole"))
    jauge.prestations.add(etude)
    reserver(monde.inscriptions["lea"], LUNDI)
    reserver(factories.inscription(monde.zoe, etude, monde.claire), LUNDI)
    droits = ("enfants.view_creneau", "enfants.add_creneau", "enfants.view_reservation")
    agent = factories.agent("garderie", *droits)
    AffectationAgent.objects.create(utilisateur=agent, structure=monde.cantine.structure)
    page = adresse(Creneau, "change", Creneau.objects.get().pk)
    html = monde.client(agent).get(page).content.decode()
    assert "Léa" in html and "Zoé" not in html and "1 enfant d’une autre structure." in html
    ailleurs = factories.agent("lilas", *droits)
    AffectationAgent.objects.create(utilisateur=ailleurs, structure=etude.structure)
    assert monde.client(ailleurs).get(page).status_code == 302
    assert ouvrir(monde.client(ailleurs), jauge, "15/01/2027").status_code == 200
    sans = factories.agent("accueil", "enfants.view_creneau")
    assert "Léa" not in monde.client(sans).get(page).content.decode()
