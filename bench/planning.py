"""Cost of the planning: queries, server CPU, HTML size, the ratio to a page that only loads session and user, and the
compressed weight of a first visit. Requests go through the portal's own WSGI application, without a network.

    python bench/planning.py

Builds its own family (3 children × 10 services, the month half booked) in a database that goes away with it; on
PostgreSQL (DATABASE_URL) use an empty one.
"""
# ruff: noqa: E402

import gzip
import io
import os
import re
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
from django.contrib.staticfiles import finders
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
from portail.socle.dates import decaler_mois
from portail.wsgi import application
from tests import factories

TOURS = 60


def plancher(request) -> HttpResponse:
    """The floor: session, user and family, nothing else."""
    return HttpResponse(str(request.responsable.famille.numero))


class Serveur:
    """The application as gunicorn calls it, for a browser already logged in."""

    def __init__(self, navigateur: Client):
        self.temoins = "; ".join(f"{nom}={temoin.value}" for nom, temoin in navigateur.cookies.items())

    def lire(self, adresse: str) -> bytes:
        chemin, _, options = adresse.partition("?")
        environ = {
            "REQUEST_METHOD": "GET",
            "PATH_INFO": chemin,
            "QUERY_STRING": options,
            "HTTP_COOKIE": self.temoins,
            "HTTP_HOST": "localhost",
            "SERVER_NAME": "localhost",
            "SERVER_PORT": "80",
            "REMOTE_ADDR": "127.0.0.1",
            "wsgi.input": io.BytesIO(),
            "wsgi.errors": sys.stderr,
            "wsgi.url_scheme": "http",
        }
        etats = []
        reponse = application(environ, lambda etat, entetes: etats.append(etat))
        corps = b"".join(reponse)
        reponse.close()
        assert etats == ["200 OK"], (adresse, etats)
        return corps


def construire() -> tuple[Serveur, date]:
    """A family of three, ten services each, two bookings out of three next month."""
    premier = decaler_mois(timezone.localdate(), 1)
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
    return Serveur(navigateur), premier


def compter(serveur: Serveur, adresse: str) -> tuple[int, bytes]:
    """Queries of a warm page, and its HTML."""
    for _ in range(5):
        html = serveur.lire(adresse)
    with CaptureQueriesContext(connection) as requetes:
        serveur.lire(adresse)
    return len(requetes), html


def chronometrer(serveur: Serveur, adresses: list[str]) -> list[list[float]]:
    """CPU in ms of each page, turn by turn: a busy machine slows the floor and the pages alike."""
    tours = []
    for _ in range(TOURS):
        durees = []
        for adresse in adresses:
            debut = time.process_time()
            serveur.lire(adresse)
            durees.append((time.process_time() - debut) * 1000)
        tours.append(durees)
    return tours


def premier_chargement(serveur: Serveur, html: bytes) -> dict[str, int]:
    """Compressed bytes of a first visit, by kind: the page, its styles, scripts and drawings."""
    poids = {"html": len(gzip.compress(html)), "css": 0, "js": 0, "svg": 0}
    a_lire = list(dict.fromkeys(re.findall(r'(?:href|src)="(/[^"#]+\.(?:css|js|svg))', html.decode())))
    for adresse in a_lire:
        if not adresse.startswith("/static/"):  # the town's colours are a page
            corps = serveur.lire(adresse)
        else:
            chemin = finders.find(adresse.removeprefix("/static/"))
            corps = Path(chemin).read_bytes()
            for dessin in re.findall(rb'url\("?(\.\./img/[^")#]+\.svg)', corps):
                trouve = (Path(chemin).parent / dessin.decode()).resolve()
                suite = f"/static/img/{trouve.name}"
                if suite not in a_lire:
                    a_lire.append(suite)
        poids[adresse.rpartition(".")[2]] += len(gzip.compress(corps))
    return poids


def main() -> None:
    call_command("migrate", verbosity=0)
    urls.urlpatterns.append(path("banc/plancher/", login_not_required(plancher)))
    serveur, premier = construire()
    enfant = Enfant.objects.filter(nom="BANC").order_by("pk").first()
    mois = f"{premier:%Y-%m}"
    pages = {
        "page plancher": "/banc/plancher/",
        "un enfant, mois": f"/enfants/{enfant.pk}/planning/{mois}/",
        "un enfant, semaine": f"/enfants/{enfant.pk}/planning/{mois}/?vue=semaine&du={premier + timedelta(7)}",
        "trois enfants, mois": f"/enfants/planning/{mois}/",
        "mes enfants": "/enfants/",
    }
    comptes = [compter(serveur, adresse) for adresse in pages.values()]
    tours = chronometrer(serveur, list(pages.values()))
    print(f"{Reservation.objects.count()} réservations, {connection.vendor}, {TOURS} tours")
    print(f"{'page':22} {'requêtes':>8} {'CPU ms':>8} {'au mieux':>8} {'octets':>8} {'× plancher':>10}")
    for n, nom in enumerate(pages):
        durees = [tour[n] for tour in tours]
        rapport = statistics.median(tour[n] / tour[0] for tour in tours)
        requetes, html = comptes[n]
        print(
            f"{nom:22} {requetes:8} {statistics.median(durees):8.2f} {min(durees):8.2f} {len(html):8} {rapport:10.1f}"
        )
    poids = premier_chargement(serveur, comptes[1][1])
    print(f"premier chargement compressé : {sum(poids.values())} octets", poids)


if __name__ == "__main__":
    main()
