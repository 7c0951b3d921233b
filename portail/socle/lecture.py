"""Reading many columns with SQL written by hand, for the few pages where the ORM spends longer writing the statement
than the database answering it (a month of planning). Columns are named through the models, values come back as the
ORM would give them, on both databases.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import zip_longest

from django.db import DEFAULT_DB_ALIAS, connections, models
from django.db.models.query import get_related_populators


def _base():
    # Not django.db.connection: it finds the thread's connection anew for each of its attributes.
    return connections[DEFAULT_DB_ALIAS]


# By database and identity of the field (a model's own, which never dies): hashing a field is slow, and a page asks for
# hundreds.
_CONVERSIONS: dict[tuple[str, int], tuple[object, tuple[Callable, ...]]] = {}


def _conversion(vendeur: str, champ: models.Field) -> tuple[object, tuple[Callable, ...]]:
    cle = vendeur, id(champ)
    if cle not in _CONVERSIONS:
        # get_col() and not cached_col: a foreign key converts as the key it points to.
        colonne = champ.get_col(champ.model._meta.db_table)
        connection = _base()
        convertisseurs = (
            *connection.ops.get_db_converters(colonne),
            *colonne.get_db_converters(connection),
        )
        _CONVERSIONS[cle] = colonne, convertisseurs
    return _CONVERSIONS[cle]


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
    connection = _base()
    with connection.cursor() as curseur:
        curseur.execute(sql, parametres)
        lignes = [list(ligne) for ligne in curseur.fetchall()]
    vendeur = connection.vendor
    for rang, champ in enumerate(champs):
        colonne, convertisseurs = _conversion(vendeur, champ)
        if convertisseurs:
            _convertir(lignes, rang, colonne, convertisseurs, memoire=not isinstance(champ, models.JSONField))
    return lignes


def _convertir(lignes: list[list], rang: int, colonne, convertisseurs: Sequence, memoire: bool) -> None:
    """One column, in place. `memoire`: the same value of the database is the same object (a month repeats its days and
    its children); never for lists and dicts, which two instances must not share.
    """
    connection, vues = _base(), {None: None}
    for ligne in lignes:
        brute = ligne[rang]
        if memoire and brute in vues:
            ligne[rang] = vues[brute]
        elif brute is not None:
            valeur = brute
            for convertir in convertisseurs:
                valeur = convertir(valeur, colonne, connection)
            ligne[rang] = valeur
            if memoire:
                vues[brute] = valeur


def objet(colonnes: Colonnes, valeurs: Sequence) -> models.Model:
    """The instance with these columns loaded; the others are deferred, never a wrong default."""
    return colonnes.champs[0].model.from_db(DEFAULT_DB_ALIAS, colonnes.attributs, valeurs)


def lire_objets(sql: str, parametres: Sequence, *tables: Colonnes) -> list[list]:
    """Rows of a SELECT of all these columns, then others: an instance of each table, then the others as they are.

    One instance for each primary key, the first column of a table; other rows share it.
    """
    vus: dict[tuple, models.Model] = {}
    lues = []
    for ligne in lire(sql, parametres, [champ for table in tables for champ in table.champs]):
        debut, lue = 0, []
        for rang, table in enumerate(tables):
            fin = debut + len(table.champs)
            cle = (rang, ligne[debut])
            if cle not in vus:
                vus[cle] = objet(table, ligne[debut:fin])
            lue.append(vus[cle])
            debut = fin
        lues.append(lue + ligne[debut:])
    return lues


def poser(instance: models.Model, relation: str, lues: list[models.Model]) -> None:
    """Leave these rows on the other side of that relation as a prefetch would: `.all()` asks nothing more."""
    toutes = getattr(instance, relation).all()
    toutes._result_cache = lues
    instance.__dict__.setdefault("_prefetched_objects_cache", {})[relation] = toutes


def parametre(champ: models.Field, valeur):
    """A value as the database expects it in that column."""
    return champ.get_db_prep_value(valeur, _base(), prepared=False)


def marques(valeurs: Iterable) -> str:
    """« %s, %s, %s », as many as there are values; none: what no column equals."""
    return ", ".join(["%s"] * len(tuple(valeurs))) or "NULL"


class Preparee:
    """A queryset the ORM writes once for each database, then only executed: for the query that is on every page.

    `construire(*values)` builds it; `champs` are the fields its values are compared with, in the same order. It may use
    them as they are only: a value computed inside would be frozen at the first call, and is refused (ValueError).
    """

    def __init__(self, construire: Callable[..., models.QuerySet], *champs: models.Field):
        self.construire, self.champs = construire, champs
        self.ecrites: dict[str, tuple[str, list, _Forme]] = {}

    def lignes(self, *valeurs) -> list[list]:
        """Its rows for these values (of a `values_list`)."""
        sql, places, forme = self._ecrite()
        pretes = self._adapter(valeurs)
        with _base().cursor() as curseur:
            curseur.execute(sql, [constante if rang is None else pretes[rang] for rang, constante in places])
            lignes = [list(ligne) for ligne in curseur.fetchall()]
        return forme.convertir(lignes)

    def objets(self, *valeurs) -> list[models.Model]:
        """Its instances for these values, with their `select_related` and annotations: the same as the queryset would give."""
        forme = self._ecrite()[2]
        return [forme.instance(ligne) for ligne in self.lignes(*valeurs)]

    def _ecrite(self) -> tuple[str, list, "_Forme"]:
        vendeur = _base().vendor
        if vendeur not in self.ecrites:
            # Whole, in one step: other threads ask at the same moment, just after a start.
            self.ecrites[vendeur] = (*self._ecrire(), _Forme(self.construire(*self._exemples(0))))
        return self.ecrites[vendeur]

    def _exemples(self, tour: int) -> list:
        return [_exemple(champ, 2 * rang + tour) for rang, champ in enumerate(self.champs)]

    def _adapter(self, valeurs: Sequence) -> list:
        return [parametre(champ, valeur) for champ, valeur in zip(self.champs, valeurs, strict=True)]

    def _ecrire(self) -> tuple[str, list]:
        """The statement, and for each of its parameters the rank of the value that goes there, or a constant.

        Found by writing it twice with values nobody uses: what differs is ours, the rest must be the same.
        """
        premiere, seconde = self._essai(0), self._essai(1)
        servent = {rang for rang, _ in premiere[1] if rang is not None}
        if premiere != seconde or servent != set(range(len(self.champs))):
            raise ValueError("a value is computed inside the query, or not used by it")
        return premiere

    def _essai(self, tour: int) -> tuple[str, list]:
        exemples = self._exemples(tour)
        sql, parametres = self.construire(*exemples).query.sql_with_params()
        adaptes = self._adapter(exemples)
        places = [
            next((n for n, a in enumerate(adaptes) if type(a) is type(p) and a == p), None)
            for p in parametres
        ]
        return sql, [(n, None if n is not None else p) for n, p in zip_longest(places, parametres)]


def _exemple(champ: models.Field, rang: int) -> object:
    """A value of that field which no row holds and no query writes."""
    if isinstance(champ, models.CharField):
        return f"\x01{rang}"
    if isinstance(champ, models.DateTimeField):
        return datetime(1901, 1, 1, tzinfo=UTC) + timedelta(days=rang)
    if isinstance(champ, models.DateField):
        return date(1902, 1, 1) + timedelta(days=rang)
    return 2_000_000_000 + rang


class _Forme:
    """What the rows of a queryset become: worked out once, where ModelIterable does it at each query."""

    def __init__(self, requete: models.QuerySet):
        ecrivain = requete.query.get_compiler(connection=_base())
        ecrivain.pre_sql_setup()
        colonnes = [expression for expression, _, _ in ecrivain.select]
        self.convertisseurs = [
            (rang, convertir, colonne)
            for rang, (fonctions, colonne) in ecrivain.get_converters(colonnes).items()
            for convertir in fonctions
        ]
        self.modele, infos = None, ecrivain.klass_info
        if infos:  # not a values_list
            self.modele, self.rangs = infos["model"], infos["select_fields"]
            self.attributs = [colonnes[rang].target.attname for rang in self.rangs]
            self.lies = get_related_populators(infos, ecrivain.select, DEFAULT_DB_ALIAS)
            self.annotations = list((ecrivain.annotation_col_map or {}).items())

    def convertir(self, lignes: list[list]) -> list[list]:
        connection = _base()
        for rang, convertir, colonne in self.convertisseurs:
            for ligne in lignes:
                ligne[rang] = convertir(ligne[rang], colonne, connection)
        return lignes

    def instance(self, ligne: list) -> models.Model:
        valeurs = [ligne[rang] for rang in self.rangs]
        trouve = self.modele.from_db(DEFAULT_DB_ALIAS, self.attributs, valeurs)
        for lie in self.lies:
            lie.populate(ligne, trouve)
        for nom, rang in self.annotations:
            setattr(trouve, nom, ligne[rang])
        return trouve
