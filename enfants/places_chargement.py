"""The rows `places` decides on, in a constant number of statements.

Written by hand (`portail.socle.lecture`): they are asked for each booking, half of them while places are locked.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date
from typing import NamedTuple
from uuid import UUID

from django.db.models import prefetch_related_objects

from enfants import calendrier
from enfants.models import (
    AnneeScolaire,
    Creneau,
    Enfant,
    Etat,
    GroupeExclusif,
    Inscription,
    Jauge,
    Limite,
    Prestation,
    Rattachement,
    Reservation,
    Scolarite,
    Structure,
)
from enfants.models.reservation import VIVANTS
from enfants.places_examen import Cle, Examen, cles_de
from familles.models import Famille
from portail.socle.lecture import Colonnes, lire, lire_objets, marques, objet, parametre

_PUISE = Jauge.prestations.through._meta.db_table
_MEMBRE = GroupeExclusif.prestations.through._meta.db_table
_RESERVATION = Colonnes("b", Reservation)
_ENFANT = Colonnes("e", Enfant)
_JAUGE = Colonnes("j", Jauge)
_CRENEAU = Colonnes("c", Creneau, ("jauge", "jour"))
_PRESENT = Colonnes("c", Creneau, ("id", "jauge", "jour"))

_PUISES = f"""
SELECT {_JAUGE.sql}, x.prestation_id FROM {_PUISE} x JOIN {Jauge._meta.db_table} j ON j.id = x.jauge_id
WHERE x.prestation_id IN (%s) ORDER BY x.jauge_id
"""

_NIVEAU = Colonnes("n", Scolarite, ("enfant", "niveau"))
_ANNEE = Colonnes("a", AnneeScolaire, ("debut", "fin"))
_NIVEAUX = f"""
SELECT {_NIVEAU.sql}, {_ANNEE.sql}
FROM {Scolarite._meta.db_table} n JOIN {AnneeScolaire._meta.db_table} a ON a.id = n.annee_id
WHERE n.enfant_id IN (%s) ORDER BY n.id
"""


class Attente(NamedTuple):
    """Who waits: what decides whether it is served. There may be hundreds, for a place or two."""

    pk: int
    enfant_id: UUID
    prestation_id: int
    inscription_id: int
    payeur_id: int
    jour: date
    enfant: Enfant  # its age only


_NE = Colonnes("e", Enfant, ("id", "naissance"))
_QUI_ATTEND = Colonnes("b", Reservation, ("id", "enfant", "prestation", "inscription", "payeur", "jour"))
_ATTENTES = f"""
SELECT {_QUI_ATTEND.sql}, x.jauge_id, {_NE.sql}
FROM {Reservation._meta.db_table} b JOIN {_PUISE} x ON x.prestation_id = b.prestation_id
JOIN {Enfant._meta.db_table} e ON e.id = b.enfant_id
WHERE b.etat = '{Etat.EN_ATTENTE}' AND x.jauge_id IN (%(jauges)s) AND b.jour IN (%(jours)s)
ORDER BY b.demandee_le, b.id
"""

_LIGNE = (
    _RESERVATION,
    _ENFANT,
    Colonnes("f", Famille),
    Colonnes("p", Prestation),
    Colonnes("s", Structure),
    Colonnes("l2", Limite),
)
_LIGNES = f"""
SELECT {", ".join(c.sql for c in _LIGNE)}
FROM {Reservation._meta.db_table} b
JOIN {Enfant._meta.db_table} e ON e.id = b.enfant_id
JOIN {Famille._meta.db_table} f ON f.id = b.payeur_id
JOIN {Prestation._meta.db_table} p ON p.id = b.prestation_id
JOIN {Structure._meta.db_table} s ON s.id = p.structure_id
JOIN {Limite._meta.db_table} l2 ON l2.id = p.limite_annulation_id
WHERE b.id IN (%s) ORDER BY b.id
"""

_INSCRIPTION = (
    Colonnes("i", Inscription),
    _ENFANT,
    Colonnes("f", Famille),
    Colonnes("p", Prestation),
    Colonnes("s", Structure),
    Colonnes("l1", Limite),
    Colonnes("l2", Limite),
)
_INSCRIPTIONS = f"""
SELECT {", ".join(c.sql for c in _INSCRIPTION)}
FROM {Inscription._meta.db_table} i
JOIN {Enfant._meta.db_table} e ON e.id = i.enfant_id
JOIN {Famille._meta.db_table} f ON f.id = i.famille_id
JOIN {Prestation._meta.db_table} p ON p.id = i.prestation_id
JOIN {Structure._meta.db_table} s ON s.id = p.structure_id
JOIN {Limite._meta.db_table} l1 ON l1.id = p.limite_reservation_id
JOIN {Limite._meta.db_table} l2 ON l2.id = p.limite_annulation_id
WHERE i.id IN (%s)
"""
_LIBRES = f"""
SELECT {_CRENEAU.sql}, capacite + surnombre - pris FROM {Creneau._meta.db_table} c
WHERE jauge_id IN (%(jauges)s) AND jour IN (%(jours)s)
"""
_PRESENTS = f"""
SELECT {_PRESENT.sql} FROM {Creneau._meta.db_table} c
WHERE jauge_id IN (%(jauges)s) AND jour IN (%(jours)s) ORDER BY id
"""
_CHOISIES = f"""
SELECT {_RESERVATION.sql} FROM {Reservation._meta.db_table} b
WHERE b.inscription_id IN (%(inscriptions)s) AND b.jour IN (%(jours)s) ORDER BY b.id
"""

# Joins the calendar's union, in its columns: genre, from, to, text, text, integer, integer.
_CONTEXTE = f"""
UNION ALL SELECT 'niveau', a.debut, a.fin, n.niveau, CAST(n.enfant_id AS varchar(36)), NULL, NULL
FROM {Scolarite._meta.db_table} n JOIN {AnneeScolaire._meta.db_table} a ON a.id = n.annee_id
WHERE n.enfant_id IN (%(enfants)s)
UNION ALL SELECT 'rattachement', h.du, h.au, '', CAST(h.enfant_id AS varchar(36)), h.famille_id, NULL
FROM {Rattachement._meta.db_table} h WHERE h.enfant_id IN (%(enfants)s)
UNION ALL SELECT 'groupe', NULL, NULL, q.nom, '', g.groupeexclusif_id, g.prestation_id
FROM {_MEMBRE} g JOIN {Prestation._meta.db_table} q ON q.id = g.prestation_id WHERE g.groupeexclusif_id IN (
    SELECT m.groupeexclusif_id FROM {_MEMBRE} m WHERE m.prestation_id IN (%(prestations)s))
"""

_VIVANTES = f"""
SELECT {_RESERVATION.sql} FROM {Reservation._meta.db_table} b
WHERE b.enfant_id IN (%s) AND b.jour BETWEEN %s AND %s AND b.etat IN ({", ".join(f"'{e}'" for e in VIVANTS)})
ORDER BY b.id
"""


def _enfants(cles: Iterable) -> list:
    return [parametre(Enfant._meta.pk, cle) for cle in sorted(set(cles))]


def jauges_par_prestation(
    prestations: Iterable[int], connues: dict[int, list[Jauge]] | None = None
) -> dict[int, list[Jauge]]:
    """Jauges each service draws on, in order of primary key; none: an empty list.

    `connues`: those already read, which is filled: while the calendar is held, nobody changes them.
    """
    trouvees = {} if connues is None else connues
    if manquantes := sorted(set(prestations) - trouvees.keys()):
        trouvees.update((prestation, []) for prestation in manquantes)
        for jauge, prestation in lire_objets(_PUISES % marques(manquantes), manquantes, _JAUGE):
            trouvees[prestation].append(jauge)
    return trouvees


def prestations_par_jauge(jauges: Iterable[int]) -> dict[int, set[int]]:
    """Services that draw on each Jauge."""
    trouvees: dict[int, set[int]] = defaultdict(set)
    lignes = Jauge.prestations.through.objects.filter(jauge__in=set(jauges)).order_by("pk")
    for jauge, prestation in lignes.values_list("jauge_id", "prestation_id"):
        trouvees[jauge].add(prestation)
    return trouvees


def niveaux_par_enfant(enfants: Iterable) -> dict[object, list[tuple[date, date, str]]]:
    """School levels of each child: (from, to, level)."""
    niveaux = defaultdict(list)
    if enfants := _enfants(enfants):
        champs = (*_NIVEAU.champs, *_ANNEE.champs)
        for enfant, niveau, du, au in lire(_NIVEAUX % marques(enfants), enfants, champs):
            niveaux[enfant].append((du, au, niveau))
    return niveaux


def cles_par_reservation(
    reservations: Iterable[Reservation | Attente], connues: dict[int, list[Jauge]] | None = None
) -> dict[int, list[Cle]]:
    """What each would take now, from the child's age and level that day (read only where a Jauge asks for it)."""
    reservations = list(reservations)
    jauges = jauges_par_prestation((r.prestation_id for r in reservations), connues)
    par_niveau = any(jauge.niveaux for liste in jauges.values() for jauge in liste)
    niveaux = niveaux_par_enfant({r.enfant_id for r in reservations}) if par_niveau else {}
    return {
        r.pk: cles_de(
            jauges[r.prestation_id],
            r.enfant,
            r.jour,
            next((n for du, au, n in niveaux.get(r.enfant_id, ()) if du <= r.jour <= au), ""),
        )
        for r in reservations
    }


def attentes_sur(cles: Iterable[Cle]) -> list[Attente]:
    """Those who wait for one of these places, in the order they asked."""
    cles = set(cles)
    if not cles:
        return []
    jauges, jours = sorted({cle.jauge_id for cle in cles}), sorted({cle.jour for cle in cles})
    sql = _ATTENTES % {"jauges": marques(jauges), "jours": marques(jours)}
    champs = (*_QUI_ATTEND.champs, _JAUGE.champs[0], *_NE.champs)
    attentes: dict[int, Attente] = {}
    enfants: dict[UUID, Enfant] = {}
    for *qui, jauge, pk, naissance in lire(sql, [*jauges, *jours], champs):
        if pk not in enfants:
            enfants[pk] = objet(_NE, (pk, naissance))
        attente = Attente(*qui, enfants[pk])
        if Cle(jauge, attente.jour) in cles:
            attentes[attente.pk] = attente
    return list(attentes.values())


def reservations_liees(ids: Iterable[int]) -> dict[int, Reservation]:
    """These bookings by primary key, with their child, payer, service and the rule to cancel it."""
    if not (ids := sorted(set(ids))):
        return {}
    lues: dict[int, Reservation] = {}
    for ligne in lire_objets(_LIGNES % marques(ids), ids, *_LIGNE):
        r, r.enfant, r.payeur, r.prestation, r.prestation.structure, r.prestation.limite_annulation = ligne
        lues[r.pk] = r
    return lues


def inscriptions(ids: Iterable[int], famille: Famille | None = None) -> dict[int, Inscription]:
    """These inscriptions by primary key (of that household), with their service and all its rules."""
    if not (ids := sorted(set(ids))):
        return {}
    lues: dict[int, Inscription] = {}
    sql, parametres = _INSCRIPTIONS % marques(ids), list(ids)
    if famille is not None:
        sql, parametres = f"{sql} AND i.famille_id = %s", [*ids, famille.pk]
    for ligne in lire_objets(f"{sql} ORDER BY i.id", parametres, *_INSCRIPTION):
        inscription, enfant, famille, prestation, structure, reserver, annuler = ligne
        prestation.structure = structure
        prestation.limite_reservation, prestation.limite_annulation = reserver, annuler
        inscription.enfant, inscription.famille, inscription.prestation = enfant, famille, prestation
        lues[inscription.pk] = inscription
    # Where a household lives only matters while a service opens later to those of elsewhere.
    familles = {i.famille for i in lues.values() if i.prestation.ouverture_hors_commune}
    prefetch_related_objects(list(familles), "residences")
    return lues


def reservations_sur(siennes: dict[int, Inscription], jours: Iterable[date]) -> list[Reservation]:
    """Bookings of these inscriptions on these days, whatever became of them, oldest first."""
    jours = sorted(set(jours))
    sql = _CHOISIES % {"inscriptions": marques(siennes), "jours": marques(jours)}
    reservations = [r for (r,) in lire_objets(sql, [*siennes, *jours], _RESERVATION)]
    for r in reservations:
        r.inscription = siennes[r.inscription_id]
        r.prestation = r.inscription.prestation
    return reservations


def charger(
    inscriptions_ids: Iterable[int],
    jours: Iterable[date],
    lues: dict[int, Inscription] | None = None,
    connues: dict[int, list[Jauge]] | None = None,
) -> Examen:
    """All that decides of these inscriptions on these days, places apart. Under lock, when the caller holds it.
    `lues`: the inscriptions, when nobody will write after them. `connues`: see `jauges_par_prestation`.
    """
    lues = inscriptions(inscriptions_ids) if lues is None else lues
    jours = sorted(set(jours))
    enfants = {i.enfant_id for i in lues.values()}
    prestations = {i.prestation_id for i in lues.values()}
    examen = Examen(inscriptions=lues, jauges=jauges_par_prestation(prestations, connues))
    _contexte(examen, enfants, prestations, jours)
    cles = _enfants(enfants)
    sql = _VIVANTES % (marques(cles), "%s", "%s")
    voulus = set(jours)
    for (r,) in lire_objets(sql, [*cles, jours[0], jours[-1]], _RESERVATION):
        if r.jour in voulus:
            examen.vivantes[r.enfant_id, r.jour][r.prestation_id] = r
    return examen


def _contexte(examen: Examen, enfants: set, prestations: set[int], jours: Sequence[date]) -> None:
    """The calendar; school levels and attachments of the children; the groups of exclusive services."""
    cles = _enfants(enfants)
    sql, parametres = calendrier.requete(jours[0], jours[-1])
    sql += _CONTEXTE % {"enfants": marques(cles), "prestations": marques(prestations)}
    par_hex = {cle.hex: cle for cle in enfants}
    membres = defaultdict(set)
    du_calendrier = []
    for ligne in calendrier.lire(sql, [*parametres, *cles, *cles, *prestations]):
        genre, du, au, texte, qui, premier, second = ligne
        if genre == "groupe":
            membres[premier].add(second)
            examen.noms[second] = texte
        elif genre == "niveau":
            examen.niveaux[par_hex[qui.replace("-", "")]].append((du, au, texte))
        elif genre == "rattachement":
            examen.rattachements[par_hex[qui.replace("-", "")], premier].append((du, au))
        else:
            du_calendrier.append(ligne)
    examen.groupes = [frozenset(m) for m in membres.values()]
    examen.calendrier = calendrier.assembler(du_calendrier)


def creneaux_presents(cles: Iterable[Cle]) -> list[list]:
    """Primary key, Jauge and day of the rows that exist for these Jauges, these days."""
    return _des_creneaux(_PRESENTS, cles, _PRESENT)


def _des_creneaux(sql: str, cles: Iterable[Cle], colonnes: Colonnes) -> list[list]:
    jauges, jours = sorted({c.jauge_id for c in cles}), sorted({c.jour for c in cles})
    sql %= {"jauges": marques(jauges), "jours": marques(jours)}
    return lire(sql, [*jauges, *jours], colonnes.champs)


def charger_places(examen: Examen, cles: Iterable[Cle], creneaux: Iterable[Creneau] | None = None) -> None:
    """Fill `libres` from these rows, or from the database; a Creneau not created yet is worth its Jauge."""
    cles = set(cles)
    capacites = {j.pk: j.capacite for jauges in examen.jauges.values() for j in jauges}
    examen.libres = {cle: capacites[cle.jauge_id] for cle in cles}
    if creneaux is None:
        lus = {Cle(jauge, jour): libres for jauge, jour, libres in _des_creneaux(_LIBRES, cles, _CRENEAU)}
    else:
        lus = {Cle(c.jauge_id, c.jour): c.libres for c in creneaux}
    examen.libres |= {cle: lus[cle] for cle in cles & lus.keys()}
