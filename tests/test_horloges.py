"""T15 of the test plan: twelve instants where a portal gets the day, the month or the hour wrong; and the same answers
whatever the time zone of the machine.
"""

import os
import subprocess
import sys
import uuid
from datetime import date, datetime, time, timedelta

import pytest
import time_machine
from django.utils import timezone

from demandes.envoi import envoyer_reservations
from enfants import agenda, places
from facturation.brouillons import EmissionImpossible, calculer
from facturation.emission import avoir, emettre
from facturation.models import Facture
from portail.socle.dates import annee_scolaire
from tests import factories
from tests.conftest import RACINE
from tests.enfants.fabrique import automatique, paris, reserver
from tests.facturation import fabrique

# (instant in Paris, UTC's date, « today before 2:15 » still open)
INSTANTS = {
    "veille de l’heure d’été": (paris(2026, 3, 29, 1, 59), date(2026, 3, 29), True),
    "heure d’été": (paris(2026, 3, 29, 3, 1), date(2026, 3, 29), False),
    "2 h 30, la première": (paris(2026, 10, 25, 2, 30), date(2026, 10, 25), True),
    "2 h 30, la seconde": (paris(2026, 10, 25, 2, 30).replace(fold=1), date(2026, 10, 25), False),
    "saint-Sylvestre": (paris(2026, 12, 31, 23, 30), date(2026, 12, 31), False),
    "nouvel an": (paris(2027, 1, 1, 0, 30), date(2026, 12, 31), True),
    "29 février": (paris(2028, 2, 29, 23, 30), date(2028, 2, 29), False),
    "1er mars bissextile": (paris(2028, 3, 1, 0, 30), date(2028, 2, 29), True),
    "1er avril": (paris(2026, 4, 1, 0, 30), date(2026, 3, 31), True),
    "1er juillet": (paris(2026, 7, 1, 0, 30), date(2026, 6, 30), True),
    "rentrée": (paris(2026, 9, 1, 0, 30), date(2026, 8, 31), True),
    "1er décembre": (paris(2026, 12, 1, 0, 30), date(2026, 11, 30), True),
}


@pytest.fixture(params=INSTANTS)
def horloge(request):
    """That instant, and the day it is in Paris."""
    instant, jour_utc, ouvert = INSTANTS[request.param]
    with time_machine.travel(instant, tick=False):
        assert datetime.now(tz=timezone.get_default_timezone()).timestamp() == instant.timestamp()
        assert timezone.now().date() == jour_utc
        yield instant, instant.date(), ouvert


@pytest.fixture
def service(monde):
    """Open every day from 8:00 to 18:00, until the day before at 23:59."""
    veille = factories.limite("La veille", nombre=1, compte="calendaires", heure=time(23, 59))
    champs = {
        "jours": 127,
        "heure_debut": time(8),
        "heure_fin": time(18),
        "limite_reservation": veille,
        "limite_annulation": veille,
    }
    club = automatique(factories.prestation("Club", **champs))
    fabrique.tarif(fabrique.lien(club))
    return factories.inscription(monde.lea, club, monde.jean)


@pytest.mark.django_db
def test_les_limites(service, horloge):
    """Until yesterday 23:59: today is closed, tomorrow is open, at every one of these instants."""
    maintenant, jour, _ = horloge
    souhaits = [places.Souhait(service, jour + timedelta(n)) for n in (-1, 0, 1)]
    assert [i.verdict for i in places.examiner(souhaits, timezone.now())] == ["refus", "refus", "reservee"]
    assert places.examiner(souhaits[:1], maintenant)[0].phrase == "Ce jour est passé."


@pytest.mark.django_db
def test_une_limite_dans_la_nuit_du_changement(service, horloge):
    """Until 2:15 the same day: the hour that comes twice is the second one, the one that never comes is 3:15."""
    maintenant, jour, ouvert = horloge
    nuit = factories.limite("Le jour même", nombre=0, compte="calendaires", heure=time(2, 15))
    automatique(service.prestation, limite_reservation=nuit)
    (issue,) = places.examiner([places.Souhait(service, jour)], maintenant)
    if jour == date(2026, 3, 29):
        ouvert = True  # 2:15 does not exist: 3:15 in Paris, later than both instants
    assert (issue.verdict == "reservee") is ouvert


@pytest.mark.django_db
def test_le_planning_et_le_recap(monde, service, horloge):
    _, jour, _ = horloge
    reserver(service, jour)  # a Sunday shows only when something happens
    jean = monde.client(monde.jean)
    assert jean.get("/enfants/planning/").url == f"/enfants/planning/{jour:%Y-%m}/"
    page = jean.get(f"/enfants/planning/{jour:%Y-%m}/?vue=semaine")
    assert page.text.count("Aujourd’hui</span>") == 1
    demain = jour + timedelta(1)
    case = f"{service.pk}:{demain}:0"
    recap = jean.post("/enfants/planning/demande/", {"action": "reserver", "c": case})
    assert "Réservé dès que vous envoyez." in recap.text
    assert jean.get("/").status_code == 200


@pytest.mark.django_db
def test_les_numeros_et_lannee(monde, service, horloge):
    """A demande is numbered in the year it is in Paris; the relevé opens the school year of that day."""
    maintenant, jour, _ = horloge
    souhait = places.Souhait(service, jour + timedelta(1))
    compte = monde.jean.responsables.get().utilisateur
    demande, _ = envoyer_reservations(monde.jean, [souhait], compte, timezone.now(), uuid.uuid4())
    assert demande.numero == f"{jour.year}-0001"
    rentree = jour.year if jour.month >= 9 else jour.year - 1
    assert annee_scolaire(timezone.localdate()) == rentree
    page = monde.client(monde.jean).get("/releve/")
    assert f"{rentree}-{rentree + 1}" in page.text
    assert agenda.bornes(timezone.localdate(maintenant))[0] == jour - timedelta(30)


@pytest.mark.django_db
def test_les_dates_des_factures(monde, service, horloge):
    """Dated of today in Paris, refused for tomorrow; a credit note is dated of today too."""
    _, jour, _ = horloge
    # Now, as everything here: booked after the draft was computed, the day would make it out of date.
    souhait = places.Souhait(service, jour + timedelta(1))
    places.reserver([souhait], None, timezone.now(), au_nom_de_la_mairie=True)
    demain = fabrique.campagne(
        libelle="Demain",
        du=jour,
        au=jour + timedelta(2),
        date_facture=jour + timedelta(1),
        echeance=jour + timedelta(30),
    )
    calculer(demain)
    with pytest.raises(EmissionImpossible, match="un jour à venir"):
        emettre(demain, monde.agent)
    demain.date_facture = jour
    demain.save()
    assert emettre(demain, monde.agent).echecs == []
    facture = Facture.objects.get()
    assert (facture.date, facture.lignes.get().jours) == (jour, [(jour + timedelta(1)).isoformat()])
    assert avoir(facture, monde.agent, "Essai").date == jour


# ── The machine's own time zone ──────────────────────────────────────────────────────────────────────────────

PROGRAMME = """
import django, time
django.setup()
import time_machine
from datetime import datetime, time as heure
from django.utils import timezone
from django.utils.formats import date_format
from enfants import agenda, regles
from tests.test_horloges import INSTANTS
for nom, (instant, _, _) in INSTANTS.items():
    with time_machine.travel(instant, tick=False):
        jour = timezone.localdate()
        print(nom, jour, timezone.localtime(), datetime.now(), agenda.bornes(jour),
              regles.instant_en_mots(timezone.now()), date_format(timezone.localtime(), "d/m/Y H:i"),
              regles.instant(jour, heure(2, 15)).timestamp())
"""


def test_le_fuseau_de_la_machine_ne_change_rien():
    """Servers run in UTC, a developer may live in Auckland: the portal lives in Paris."""
    sorties = set()
    for fuseau in ("UTC", "Pacific/Auckland", "Europe/Paris"):
        environnement = os.environ | {"TZ": fuseau, "DJANGO_SETTINGS_MODULE": "tests.settings"}
        fini = subprocess.run(
            [sys.executable, "-c", PROGRAMME],
            cwd=RACINE,
            env=environnement,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert fini.returncode == 0, fini.stderr[-2000:]
        sorties.add(fini.stdout)
    assert len(sorties) == 1
    assert len(sorties.pop().splitlines()) == len(INSTANTS) == 12
