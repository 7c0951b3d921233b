"""What every test run does: choose by database, refuse undefined template variables, find Chromium."""

import os
import shutil
import sys
from importlib import import_module
from pathlib import Path

import pytest
from django.apps import apps
from django.conf import settings
from django.core.cache import cache
from django.db import connection
from django.template.base import FilterExpression, Node
from django.test import TransactionTestCase

from tests import bases

pytest_plugins = ["tests.factories"]

MOTIFS = import_module("demandes.migrations.0004_reglages_et_fil")
RACINE = Path(__file__).resolve().parent.parent


# --- which tests ------------------------------------------------------------------------------------------------


DROITS_A_LA_BASE = {"db", "transactional_db", "live_server"}


def une_fois_suffit(item: pytest.Item, marques: set[str]) -> bool:
    """The answer of this test does not depend on the database: pytest-django lets it open none, or it looks at how the
    pages look.
    """
    sans_base = "django_db" not in marques and DROITS_A_LA_BASE.isdisjoint(getattr(item, "fixturenames", ()))
    return (sans_base or "apparence" in marques) and not marques & {"postgresql", "sqlite"}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect (never skip: a skip fails the run) what belongs to the other database, the heavy forms, and on
    PostgreSQL what SQLite's run answered already.
    """
    ecartes = {"postgresql", "sqlite"} - {connection.vendor}
    if "lourd" not in config.option.markexpr:
        ecartes.add("lourd")
    gardes, retires = [], []
    for item in items:
        marques = {marque.name for marque in item.iter_markers()}
        une_fois = une_fois_suffit(item, marques)
        ecarte = marques & ecartes or (une_fois and connection.vendor == "postgresql")
        (retires if ecarte else gardes).append(item)
        # Written in the junit file: script/test counts these apart.
        for nom, vrai in (("navigateur", "navigateur" in marques), ("une_fois", une_fois)):
            if vrai:
                item.user_properties.append((nom, "oui"))
    if retires:
        config.hook.pytest_deselected(items=retires)
        items[:] = gardes


# --- tests that write for good ----------------------------------------------------------------------------------


def _vider(self) -> None:
    bases.vider()
    # Rows a migration wrote: what runs after must find them, as everything else does.
    MOTIFS.ecrire_les_motifs(apps, None)


TransactionTestCase._fixture_teardown = _vider


# --- each test as if it were alone ------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def _memoire_vide():
    """The town kept in the cache by one test would change the query counts of the next."""
    cache.clear()


@pytest.fixture
def hachage_reel(settings) -> None:
    """Passwords as the portal keeps them, at the price it pays (tests/settings.py)."""
    settings.PASSWORD_HASHERS = settings.HACHAGE_REEL


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup, django_db_blocker):
    """PostgreSQL does not drop a base somebody still uses: a thread of a live server may not have left it yet."""
    yield
    if connection.vendor == "postgresql":
        with django_db_blocker.unblock(), connection.cursor() as curseur:
            curseur.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )


# --- undefined template variables -------------------------------------------------------------------------------


class VariableIndefinie(AssertionError):
    """One of our templates prints a variable nobody gave it."""


class Indefinie(str):
    """The engine's `string_if_invalid`: raises in our templates, stays the usual "" in those of third parties.

    Django asks its truth value each time a variable does not resolve, from FilterExpression.resolve(); the
    nearest node above in the stack says whose template it is. (`{% if %}` ignores undefined variables by design.)
    """

    def __bool__(self) -> bool:
        cadre = sys._getframe(1)
        expression = cadre.f_locals.get("self")
        while cadre is not None:
            noeud = cadre.f_locals.get("self")
            if isinstance(noeud, Node) and getattr(noeud, "origin", None):
                gabarit = Path(noeud.origin.name)
                if gabarit.is_relative_to(RACINE) and "site-packages" not in gabarit.parts:
                    variable = expression.var if isinstance(expression, FilterExpression) else "?"
                    raise VariableIndefinie(
                        f"{gabarit.relative_to(RACINE)}, line {noeud.token.lineno}: {{{{ {variable} }}}} is undefined"
                    )
                return False
            cadre = cadre.f_back
        return False


def pytest_configure() -> None:
    settings.TEMPLATES[0].setdefault("OPTIONS", {})["string_if_invalid"] = Indefinie()


# --- Chromium ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict) -> dict:
    """Debian's headless shell (CHROMIUM names another); playwright's own download is never used."""
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium-headless-shell")
    if not chromium:
        pytest.fail("chromium-headless-shell is missing: script/test installs it", pytrace=False)
    # Chromium refuses its sandbox to root; /dev/shm is 64 MB in containers, too little for a page.
    drapeaux = ["--disable-dev-shm-usage"] + (["--no-sandbox"] if os.geteuid() == 0 else [])
    return {**browser_type_launch_args, "executable_path": chromium, "args": drapeaux}


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args: dict) -> dict:
    return {**browser_context_args, "locale": "fr-FR", "timezone_id": "Europe/Paris"}
