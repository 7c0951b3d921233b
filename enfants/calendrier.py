"""The calendar of a period, read in one query; and what the maintained packages say of it."""

from collections.abc import Iterable, Sequence
from datetime import date

from enfants.models import Fermeture, JourFerie, PeriodeVacances
from enfants.regles import RECUL, Calendrier, Fermee, Vacances
from portail.socle.lecture import lire as lire_sql
from portail.socle.models import Collectivite

# Seven columns of the same types, paired by position: genre, from, to, text, nature, structure, prestation.
# Without the casts PostgreSQL takes a bare NULL for text.
_CHAMPS = (
    Fermeture._meta.get_field("motif"),
    Fermeture._meta.get_field("du"),
    Fermeture._meta.get_field("au"),
)
_REQUETE = f"""
SELECT 'ferie', jour, jour, nom, '', CAST(NULL AS bigint), CAST(NULL AS bigint)
FROM {JourFerie._meta.db_table} WHERE jour BETWEEN %s AND %s
UNION ALL SELECT 'vacances', du, au, nom, nature, NULL, NULL
FROM {PeriodeVacances._meta.db_table} WHERE zone = %s AND du <= %s AND au >= %s
UNION ALL SELECT 'fermeture', du, au, motif, '', structure_id, prestation_id
FROM {Fermeture._meta.db_table} WHERE du <= %s AND au >= %s
"""


def calendrier_du(du: date, au: date) -> Calendrier:
    """Holidays, bank holidays and closures of the town's zone from `du` to `au`, in one query.

    Reaches back RECUL, so that a limit counted in school days before the summer can be computed.
    """
    return assembler(lire(*requete(du, au)))


def requete(du: date, au: date) -> tuple[str, list]:
    """That query and its parameters, for a page that adds branches to the union."""
    debut = du - RECUL
    zone = Collectivite.actuelle().zone
    return _REQUETE, [debut, au, zone, au, debut, au, debut]


def lire(sql: str, parametres: list) -> list[list]:
    """Its rows, dates converted."""
    return lire_sql(sql, parametres, _CHAMPS)


def assembler(lignes: Iterable[Sequence]) -> Calendrier:
    feries: dict[date, str] = {}
    vacances: list[Vacances] = []
    fermetures: list[Fermee] = []
    for genre, du, au, texte, nature, structure, prestation in lignes:
        if genre == "ferie":
            feries[du] = texte
        elif genre == "vacances":
            vacances.append(Vacances(texte, nature, du, au))
        else:
            fermetures.append(Fermee(du, au, texte, structure, prestation))
    return Calendrier(feries, tuple(vacances), tuple(fermetures))
