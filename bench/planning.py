"""Cost of the planning: queries, server CPU, HTML size, and the ratio to a page that only loads session and user.

    python bench/planning.py

Builds its own family (3 children × 10 services, the month half booked) in a database that goes away with it; on
PostgreSQL (DATABASE_URL) use an empty one.
"""
# ruff: noqa: E402

import os
import statistics
import sys
import time
from datetime import date, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")

import django

django.setup()

from django.contrib.auth.decorators import login_not_required
from django.core.management import call_command
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import path
from django.utils import timezone

from enfants import places
from enfants.models import Enfant, Reservation
from portail import urls
from tests import factories

TOURS = 60


def plancher(request) -> HttpResponse:
    """The floor: session, user and family, nothing else."""
    return HttpResponse(str(request.responsable.famille.numero))


def construire() -> tuple[Client, date]:
    """A family of three, ten services each, two bookings out of three next month."""
    premier = (timezone.localdate().replace(day=1) + timedelta(32)).replace(day=1)
    famille = factories.famille("Jean", "BANC", "banc")
    lieu = factories.structure("Accueil de loisirs du banc", genre="loisirs")
    services = [factories.prestation(f"Service {n} du banc", structure=lieu) for n in range(10)]
    for n in range(3):
        enfant = factories.enfant(f"Enfant {n}", famille, nom="BANC")
        for rang, service in enumerate(services):
            inscription = factories.inscription(enfant, service, famille)
            jours = [premier + timedelta(d) for d in range(28) if (d + rang) % 3]
            souhaits = [places.Souhait(inscription, jour) for jour in jours]
            places.reserver(souhaits, None, timezone.now(), au_nom_de_la_mairie=True)
    navigateur = Client(SERVER_NAME="localhost")
    navigateur.force_login(famille.responsables.get().utilisateur)
    return navigateur, premier


def mesurer(navigateur: Client, adresse: str) -> tuple[int, float, int]:
    """Queries, median CPU in ms, bytes of HTML."""
    for _ in range(5):
        reponse = navigateur.get(adresse)
    assert reponse.status_code == 200, (adresse, reponse.status_code)
    with CaptureQueriesContext(connection) as requetes:
        navigateur.get(adresse)
    nombre = len(requetes)  # now: the next request empties the log it is read from
    durees = []
    for _ in range(TOURS):
        debut = time.process_time()
        navigateur.get(adresse)
        durees.append((time.process_time() - debut) * 1000)
    return nombre, statistics.median(durees), len(reponse.content)


def main() -> None:
    call_command("migrate", verbosity=0)
    urls.urlpatterns.append(path("banc/plancher/", login_not_required(plancher)))
    navigateur, premier = construire()
    enfant = Enfant.objects.filter(nom="BANC").order_by("pk").first()
    mois = f"{premier:%Y-%m}"
    pages = {
        "page plancher": "/banc/plancher/",
        "un enfant, mois": f"/enfants/{enfant.pk}/planning/{mois}/",
        "un enfant, semaine": f"/enfants/{enfant.pk}/planning/{mois}/?vue=semaine&du={premier + timedelta(7)}",
        "trois enfants, mois": f"/enfants/planning/{mois}/",
        "mes enfants": "/enfants/",
    }
    print(f"{Reservation.objects.count()} réservations, {connection.vendor}, médiane de {TOURS} requêtes")
    print(f"{'page':22} {'requêtes':>8} {'CPU ms':>8} {'octets':>8} {'× plancher':>10}")
    base = None
    for nom, adresse in pages.items():
        requetes, duree, octets = mesurer(navigateur, adresse)
        base = base or duree
        print(f"{nom:22} {requetes:8} {duree:8.2f} {octets:8} {duree / base:10.1f}")


if __name__ == "__main__":
    main()
