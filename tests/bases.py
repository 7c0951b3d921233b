"""The database between tests that write for good (live servers, threads): emptied, or filled from a copy.

Neither Django's flush, which on PostgreSQL makes the files of ninety tables anew, nor the triggers of frozen rows, which
(rightly) refuse both: a transaction that looks at no key and no trigger, and touches the tables that hold something.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

# What `migrate` writes of the models themselves: the same before and after any test.
GARDEES = {ContentType._meta.db_table, Permission._meta.db_table}


def tables() -> list[str]:
    """Every table of the models but those, quoted."""
    noms = connection.introspection.django_table_names(only_existing=True, include_views=False)
    return [connection.ops.quote_name(nom) for nom in sorted(set(noms) - GARDEES)]


def pleines(curseur: CursorWrapper) -> list[str]:
    """Those that hold a row."""
    curseur.execute(" UNION ALL ".join(f"SELECT '{t}' WHERE EXISTS (SELECT 1 FROM {t})" for t in tables()))
    return [nom for (nom,) in curseur.fetchall()]


@contextmanager
def sans_gardes() -> Iterator[CursorWrapper]:
    """One transaction without foreign keys or triggers, which waits first for whoever still writes."""
    with connection.constraint_checks_disabled(), transaction.atomic(), connection.cursor() as curseur:
        if connection.vendor == "postgresql":
            curseur.execute("SET LOCAL session_replication_role = replica")
            curseur.execute(f"LOCK TABLE {', '.join(tables())} IN EXCLUSIVE MODE")
            yield curseur
            return
        curseur.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
        declencheurs = curseur.fetchall()
        for nom, _ in declencheurs:
            curseur.execute(f"DROP TRIGGER {nom}")
        yield curseur
        for _, sql in declencheurs:
            curseur.execute(sql)


def vider() -> None:
    """No row left, but what `migrate` wrote of the models."""
    with sans_gardes() as curseur:
        for table in pleines(curseur):
            curseur.execute(f"DELETE FROM {table}")


class Copie:
    """The rows of this moment, to be put back in an emptied database. Sequences are left: they only go up."""

    def __init__(self, chemin: Path):
        """`chemin`: where SQLite may keep its copy."""
        self.chemin = chemin
        self.rangees: dict[str, bytes] = {}
        if connection.vendor == "postgresql":
            with connection.cursor() as curseur:
                for table in pleines(curseur):
                    with curseur.copy(f"COPY {table} TO STDOUT") as lecture:
                        self.rangees[table] = b"".join(lecture)
            return
        with connection.cursor() as curseur:
            curseur.execute("VACUUM INTO %s", [os.fspath(chemin)])
            self.rangees = dict.fromkeys(pleines(curseur), b"")

    def remettre(self) -> None:
        """Empties, then fills."""
        if connection.vendor == "postgresql":
            vider()
            with sans_gardes() as curseur:
                for table, rangees in self.rangees.items():
                    with curseur.copy(f"COPY {table} FROM STDIN") as ecriture:
                        ecriture.write(rangees)
            return
        with connection.cursor() as curseur:
            curseur.execute("ATTACH DATABASE %s AS copie", [os.fspath(self.chemin)])
        try:
            vider()
            with sans_gardes() as curseur:
                for table in self.rangees:
                    curseur.execute(f"INSERT INTO main.{table} SELECT * FROM copie.{table}")
        finally:
            with connection.cursor() as curseur:
                curseur.execute("DETACH DATABASE copie")
