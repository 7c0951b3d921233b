"""Parents and agents over real HTTP: logged-in sessions that ask the live server, all at once, and are timed."""

import os
import time
import uuid
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date, timedelta
from statistics import quantiles
from threading import Barrier

import requests
from django.conf import settings
from django.db import connection, connections
from django.test import Client
from django.utils import timezone

JETON = "c" * 32  # the CSRF cookie and its field only have to agree


def environnement() -> dict[str, str]:
    """That of another process of ours which works on the test's own PostgreSQL database."""
    base = f"{os.environ['DATABASE_URL'].rpartition('/')[0]}/{connection.settings_dict['NAME']}"
    return os.environ | {"DATABASE_URL": base, "DJANGO_SETTINGS_MODULE": "tests.settings"}


def lundi_lointain() -> date:
    """A Monday two or three weeks ahead: no limit is near, whatever the day and hour the tests run at."""
    jour = timezone.localdate() + timedelta(15)
    return jour + timedelta(-jour.weekday() % 7)


@dataclass
class Navigateur:
    """A browser logged in as this account."""

    compte: object
    site: str
    statuts: list[int] = field(default_factory=list)
    durees: list[float] = field(default_factory=list)  # seconds, of the requests that write

    def __post_init__(self) -> None:
        entree = Client()
        entree.force_login(self.compte)
        self.session = requests.Session()
        self.session.cookies.set(
            settings.SESSION_COOKIE_NAME, entree.cookies[settings.SESSION_COOKIE_NAME].value
        )
        self.session.cookies.set(settings.CSRF_COOKIE_NAME, JETON)

    def poster(self, chemin: str, **champs) -> requests.Response:
        """Post, then read the page it leads to, as a browser does."""
        depart = time.monotonic()
        champs = {"csrfmiddlewaretoken": JETON, **champs}
        reponse = self._demander("post", chemin, data=champs, allow_redirects=False)
        self.durees.append(time.monotonic() - depart)
        self.statuts.append(reponse.status_code)
        return self.lire(reponse.headers["Location"]) if reponse.status_code == 302 else reponse

    def lire(self, chemin: str) -> requests.Response:
        reponse = self._demander("get", chemin)
        self.statuts.append(reponse.status_code)
        return reponse

    def _demander(self, methode: str, chemin: str, **options) -> requests.Response:
        # Each request on a connection of its own: a kept one that the server closes just then would be an error of
        # the client's own. Asking for « Connection: close » is not enough: the test's server closes without saying so.
        self.session.close()
        return self.session.request(methode, self.site + chemin, timeout=60, **options)

    def planning(self, action: str, cases: Iterable[str], **champs) -> requests.Response:
        return self.poster(
            "/enfants/planning/demande/",
            c=list(cases),
            action=action,
            confirmer="1",
            jeton=str(uuid.uuid4()),
            **champs,
        )

    def reserver(self, inscription, *jours: date) -> requests.Response:
        return self.planning("reserver", [f"{inscription.pk}:{jour.isoformat()}:0" for jour in jours])

    def absent(self, *reservations) -> requests.Response:
        cases = [f"{r.inscription_id}:{r.jour.isoformat()}:{r.version}" for r in reservations]
        return self.planning("absence", cases, raison="familiale")


def ensemble(taches: list[Callable]) -> list:
    """These calls at the same instant, each in its thread; an exception fails the test."""
    depart = Barrier(len(taches))

    def courir(tache):
        depart.wait(timeout=60)
        try:
            return tache()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(taches)) as equipe:
        return list(equipe.map(courir, taches))


def mesures(navigateurs: Iterable[Navigateur]) -> tuple[int, float]:
    """How many answers were a 5xx, and the 95th percentile of the requests that write, in seconds."""
    navigateurs = list(navigateurs)
    durees = [d for n in navigateurs for d in n.durees]
    return (
        sum(s >= 500 for n in navigateurs for s in n.statuts),
        quantiles(durees, n=20)[-1],
    )
