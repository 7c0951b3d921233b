"""Rows nobody can edit: database triggers that refuse UPDATE and DELETE, on SQLite and PostgreSQL.

Trap: on SQLite Django rebuilds a table to alter it, and its triggers go with the old one. Any migration that alters
a frozen table ends with `figer()` again (a test checks that every frozen table has its triggers).
"""

from django.db import migrations

FONCTION = """
CREATE OR REPLACE FUNCTION portail_figer() RETURNS trigger AS $$
BEGIN RAISE EXCEPTION 'ligne figée : % de % interdit', TG_OP, TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';
END $$ LANGUAGE plpgsql
"""


def _poser(tables, verbes, sauf=None):
    def poser(apps, schema_editor):
        vendeur = schema_editor.connection.vendor
        quand = sauf[vendeur] if sauf else ""
        if vendeur == "postgresql":
            schema_editor.execute(FONCTION, params=None)
        for table in tables:
            for verbe in verbes:
                nom = f"fige_{verbe.lower()}_{table}"
                if vendeur == "postgresql":
                    schema_editor.execute(f"DROP TRIGGER IF EXISTS {nom} ON {table}")
                    schema_editor.execute(
                        f"CREATE TRIGGER {nom} BEFORE {verbe} ON {table} "
                        f"FOR EACH ROW {quand} EXECUTE FUNCTION portail_figer()"
                    )
                else:
                    schema_editor.execute(f"DROP TRIGGER IF EXISTS {nom}")
                    schema_editor.execute(
                        f"CREATE TRIGGER {nom} BEFORE {verbe} ON {table} {quand} "
                        f"BEGIN SELECT RAISE(ABORT, 'ligne figée : {verbe} de {table} interdit'); END"
                    )

    return poser


def figer(*tables: str, verbes: tuple[str, ...] = ("UPDATE", "DELETE")) -> migrations.RunPython:
    """Migration operation: the rows of these tables are written once."""
    return migrations.RunPython(_poser(tables, verbes), migrations.RunPython.noop)


def figer_un_an(table: str, colonne: str) -> migrations.RunPython:
    """Migration operation: a row is never changed, and only goes a year after `colonne` (a UTC instant).

    The database's clock decides, not the caller's: nobody ages a row to be rid of it.
    """
    sauf = {
        "postgresql": f"WHEN (OLD.{colonne} > now() - interval '1 year')",
        "sqlite": f"WHEN OLD.{colonne} > datetime('now', '-1 year')",
    }
    return migrations.RunPython(_poser((table,), ("DELETE",), sauf), migrations.RunPython.noop)
