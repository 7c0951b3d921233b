"""What an agent sees of each day before deciding: places left, rank in the waiting list, price; and where they say why."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext

from demandes.models import Demande
from enfants import places
from enfants.models import Jauge, Reservation
from enfants.places_occupation import occupations
from portail.socle.models import Trace
from tests import factories
from tests.demandes.fabrique import reservations
from tests.demandes.test_admin import decider, voir
from tests.facturation import fabrique as facturation

MAINTENANT = datetime(2026, 11, 23, 9, 0, tzinfo=ZoneInfo("Europe/Paris"))
JEUDI, VENDREDI = (MAINTENANT.date() + timedelta(days=n) for n in (3, 4))
LUNDI = MAINTENANT.date() + timedelta(days=7)


@pytest.fixture(autouse=True)
def maintenant():
    with time_machine.travel(MAINTENANT, tick=False):
        yield


@pytest.fixture
def enfance(monde):
    return factories.agent("enfance", "demandes.traiter_demande", "enfants.view_creneau")


@pytest.fixture
def jauge(monde):
    """One place a day, a waiting list; 3,45 € the day."""
    monde.cantine.liste_attente = True
    monde.cantine.save()
    facturation.tarif(facturation.lien(monde.cantine, facturation.regie()))
    jauge = Jauge.objects.create(structure=monde.cantine.structure, libelle="Cantine", capacite=2)
    jauge.prestations.add(monde.cantine)
    return jauge


@pytest.fixture
def pleine(monde, jauge):
    """Thursday: Tom and Zoé hold the two places; Léa asks Thursday (she waits) and Friday (a place is held)."""
    reservations(monde.inscriptions["tom"], JEUDI, le=MAINTENANT)
    reservations(monde.inscriptions["zoe"], JEUDI, le=MAINTENANT)
    return reservations(monde.inscriptions["lea"], JEUDI, VENDREDI, le=MAINTENANT)


def test_les_places_le_rang_et_le_prix_de_chaque_jour(monde, enfance, pleine):
    page = voir(monde, enfance, pleine).text.replace("\N{NO-BREAK SPACE}", " ")
    assert "complet (2 places), 1er sur la liste d’attente" in page
    assert "sa place est tenue, 1 autre place libre sur 2" in page
    assert page.count("3,45 €") == 2
    creneau = jauge_du(JEUDI)
    assert f'href="/admin/enfants/creneau/{creneau.pk}/change/"' in page


def jauge_du(jour):
    return Jauge.objects.get().creneaux.get(jour=jour)


def test_sans_le_droit_de_voir_les_creneaux_pas_de_lien(monde, pleine):
    agent = factories.agent("accueil", "demandes.traiter_demande")
    page = voir(monde, agent, pleine).text
    assert "complet (2 places)" in page and "/admin/enfants/creneau/" not in page


def test_une_place_libre_et_une_liste(monde, jauge):
    """Without a row yet, a day is worth its Jauge; without a Jauge, nothing is counted."""
    libre = reservations(monde.inscriptions["lea"], LUNDI, le=MAINTENANT)
    (reservation,) = [j.reservation for j in libre.jours.select_related("reservation__enfant")]
    assert (
        occupations([reservation])[reservation.pk].en_mots == "sa place est tenue, 1 autre place libre sur 2"
    )
    jauge.prestations.clear()
    Reservation.objects.update(places=[])
    reservation.refresh_from_db()
    assert occupations([reservation]) == {}


def test_les_requetes_ne_dependent_pas_du_nombre_de_jours(monde, enfance, pleine):
    client = monde.client(enfance)

    def requetes(faite: Demande) -> int:
        with CaptureQueriesContext(
            connection,
        ) as lues:
            client.get(f"/admin/demandes/demande/{faite.pk}/change/")
        return len(lues)

    plus_longue = reservations(
        monde.inscriptions["lea"], *(LUNDI + timedelta(days=n) for n in (0, 1, 3, 4)), le=MAINTENANT
    )
    places.reserver([places.Souhait(monde.inscriptions["tom"], LUNDI)], None, MAINTENANT)
    client.get("/admin/")
    assert requetes(pleine) >= requetes(plus_longue)


def test_le_motif_des_jours_non_coches_est_a_cote_du_bouton(monde, enfance, jauge):
    faite = reservations(monde.inscriptions["lea"], JEUDI, VENDREDI, le=MAINTENANT)
    premier = faite.jours.first().reservation_id
    html = decider(monde, enfance, faite, "accepter", jours=[premier]).text
    bloc = html[html.rindex('name="jours"') : html.index('value="accepter"')]
    assert "Donnez le motif du refus." in bloc and 'aria-invalid="true"' in bloc
    decider(monde, enfance, faite, "accepter", jours=[premier], motif_jours="Sortie scolaire.")
    faite.refresh_from_db()
    assert (faite.etat, faite.motif) == ("acceptee_partie", "Sortie scolaire.")


def test_ce_motif_ne_refuse_pas_toute_la_demande(monde, enfance, jauge):
    """« Refuser » has words of its own: those of the days left unticked are not sent for it."""
    faite = reservations(monde.inscriptions["lea"], JEUDI, le=MAINTENANT)
    assert "Donnez le motif du refus." in decider(monde, enfance, faite, "refuser", motif_jours="Ici").text
    faite.refresh_from_db()
    assert faite.etat == "envoyee"


# --- beyond the places ---------------------------------------------------------------------------------------------


@pytest.fixture
def referente(monde):
    return factories.agent("referente", "demandes.traiter_demande", "enfants.depasser_places")


def attente(pleine: Demande) -> int:
    return pleine.jours.get(reservation__etat="en_attente").reservation_id


def test_un_jour_complet_s_accepte_en_surnombre_avec_un_motif(monde, referente, pleine):
    cochee = {"jours": [r.reservation_id for r in pleine.jours.all()]}
    html = decider(monde, referente, pleine, "accepter", **cochee).text
    assert "C’est complet. Pour accepter quand même, écrivez le motif." in html
    assert Reservation.objects.get(pk=attente(pleine)).etat == "en_attente"
    decider(monde, referente, pleine, "accepter", **cochee, surnombre="Fratrie")
    pleine.refresh_from_db()
    assert pleine.etat == "acceptee"
    creneau = jauge_du(JEUDI)
    assert (creneau.pris, creneau.surnombre, creneau.motif_surnombre) == (3, 1, "Fratrie")
    assert Trace.objects.get(action="surnombre").detail == {"places": 1, "surnombre": 1, "motif": "Fratrie"}
    assert jauge_du(VENDREDI).surnombre == 0


def test_sans_le_droit_un_jour_complet_reste_complet(monde, enfance, pleine):
    assert "Motif du surnombre" not in voir(monde, enfance, pleine).text
    cochee = {"jours": [attente(pleine)], "motif_jours": "Non", "surnombre": "Fratrie"}
    assert "C’est complet." in decider(monde, enfance, pleine, "accepter", **cochee).text
    assert jauge_du(JEUDI).surnombre == 0
    assert Reservation.objects.get(pk=cochee["jours"][0]).etat == "en_attente"
