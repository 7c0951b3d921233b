"""Parents and agents over real HTTP: logged-in sessions that ask the live server, all at once, and are timed."""

import os
import time
import uuid
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date, timedelta
from http.client import HTTPConnection
from pathlib import Path
from statistics import quantiles
from threading import Barrier
from urllib.parse import urlencode, urlsplit

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


@dataclass(frozen=True)
class Page:
    """What a request is answered."""

    status_code: int
    text: str
    suite: str  # where a redirection leads


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
        session = entree.cookies[settings.SESSION_COOKIE_NAME].value
        self.temoins = (
            f"{settings.SESSION_COOKIE_NAME}={session}; {settings.CSRF_COOKIE_NAME}={JETON}"  # its cookies
        )

    def poster(self, chemin: str, **champs) -> Page:
        """Post, then read the page it leads to, as a browser does."""
        corps = urlencode({"csrfmiddlewaretoken": JETON, **champs}, doseq=True)
        depart = time.monotonic()
        page = self._demander("POST", chemin, corps)
        self.durees.append(time.monotonic() - depart)
        return self.lire(page.suite) if page.status_code == 302 else page

    def lire(self, chemin: str) -> Page:
        return self._demander("GET", chemin)

    def _demander(self, methode: str, chemin: str, corps: str | None = None) -> Page:
        """Each request on a connection of its own: a kept one that the server closes just then would be an error of
        the client's own. Nothing more than the standard library: two hundred browsers share the server's machine.
        """
        lien = HTTPConnection(urlsplit(self.site).netloc, timeout=60)
        entetes = {"Cookie": self.temoins, "Content-Type": "application/x-www-form-urlencoded"}
        try:
            lien.request(methode, chemin, corps, entetes)
            reponse = lien.getresponse()
            page = Page(reponse.status, reponse.read().decode(), reponse.getheader("Location", ""))
        finally:
            lien.close()
        self.statuts.append(page.status_code)
        return page

    def planning(self, action: str, cases: Iterable[str], **champs) -> Page:
        return self.poster(
            "/enfants/planning/demande/",
            c=list(cases),
            action=action,
            confirmer="1",
            jeton=str(uuid.uuid4()),
            **champs,
        )

    def reserver(self, inscription, *jours: date) -> Page:
        return self.planning("reserver", [f"{inscription.pk}:{jour.isoformat()}:0" for jour in jours])

    def absent(self, *reservations) -> Page:
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


def secondes(pid: int) -> float:
    """Seconds of processor this process and its children spent so far."""
    tics = 0
    for pere in (pid, *map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())):
        # After the name, which may hold anything: state is the first, user and system times the 12th and 13th.
        champs = Path(f"/proc/{pere}/stat").read_text().rpartition(")")[2].split()
        tics += int(champs[11]) + int(champs[12])
    return tics / os.sysconf("SC_CLK_TCK")
