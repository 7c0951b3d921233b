"""Reading many columns with SQL written by hand, for the few pages where the ORM spends longer writing the statement
than the database answering it (a month of planning). Columns are named through the models, values come back as the
ORM would give them, on both databases.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache

from django.db import connection, models


@lru_cache(maxsize=256)
def _conversion(vendeur: str, champ: models.Field) -> tuple[object, tuple[Callable, ...]]:
    # get_col() and not cached_col: a foreign key converts as the key it points to.
    colonne = champ.get_col(champ.model._meta.db_table)
    return colonne, (*connection.ops.get_db_converters(colonne), *colonne.get_db_converters(connection))


class Colonnes:
    """Fields of one table under an alias (all of them by default): `sql` is their part of the SELECT."""

    def __init__(self, alias: str, modele: type[models.Model], noms: Sequence[str] = ()):
        self.champs = tuple(modele._meta.get_field(nom) for nom in noms) or tuple(
            modele._meta.concrete_fields
        )
        self.attributs = tuple(champ.attname for champ in self.champs)
        self.sql = ", ".join(f'{alias}."{champ.column}"' for champ in self.champs)


def lire(sql: str, parametres: Sequence, champs: Sequence[models.Field]) -> list[list]:
    """Rows of a SELECT whose columns hold values of these fields, in order."""
    with connection.cursor() as curseur:
        curseur.execute(sql, parametres)
        lignes = [list(ligne) for ligne in curseur.fetchall()]
    for rang, champ in enumerate(champs):
        colonne, convertisseurs = _conversion(connection.vendor, champ)
        if convertisseurs:
            for ligne in lignes:
                valeur = ligne[rang]
                if valeur is not None:
                    for convertir in convertisseurs:
                        valeur = convertir(valeur, colonne, connection)
                    ligne[rang] = valeur
    return lignes


def objet(colonnes: Colonnes, valeurs: Sequence) -> models.Model:
    """The instance with these columns loaded; the others are deferred, never a wrong default."""
    return colonnes.champs[0].model.from_db(connection.alias, colonnes.attributs, valeurs)


def parametre(champ: models.Field, valeur):
    """A value as the database expects it in that column."""
    return champ.get_db_prep_value(valeur, connection, prepared=False)


def marques(valeurs: Iterable) -> str:
    """« %s, %s, %s », as many as there are values."""
    return ", ".join(["%s"] * len(tuple(valeurs)))
