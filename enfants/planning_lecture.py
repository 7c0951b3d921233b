"""The rows of a planning: five statements, whatever the number of children, services and days.

Written by hand (`portail.socle.lecture`): the ORM took longer to write them than the database to answer.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from itertools import product

from django.db.models import prefetch_related_objects

from enfants import calendrier, cloture
from enfants.models import (
    AnneeScolaire,
    Creneau,
    Enfant,
    Etat,
    GroupeExclusif,
    Inscription,
    Jauge,
    Limite,
    Pointage,
    Prestation,
    Rattachement,
    Reservation,
    Scolarite,
    Structure,
)
from enfants.planning import Entrees
from enfants.planning_case import Reservee
from enfants.planning_places import DERNIERES_MAX, Disponibilites, JaugeLue
from enfants.regles import PARIS, Calendrier, est_passe
from familles.models import Famille, Responsable
from portail.socle.lecture import Colonnes, Preparee, lire_objets, marques, objet, parametre
from portail.socle.lecture import lire as lire_sql

# Holiday services name their next day: the calendar is read that far ahead.
AVANCE = timedelta(days=150)

# Every column of inscriptions and rules: one added later is read with the others, not by a query of its own.
_INSCRIPTION = Colonnes("i", Inscription)
_PRESTATION = Colonnes("p", Prestation)
_STRUCTURE = Colonnes("s", Structure, ("id", "nom", "ordre"))
_RESERVER = Colonnes("l1", Limite)
_ANNULER = Colonnes("l2", Limite)
_FAMILLE = Colonnes("f", Famille, ("id", "numero"))
_TITULAIRE = Colonnes("r", Responsable, ("nom", "prenom"))
_LIGNE = (_INSCRIPTION, _PRESTATION, _STRUCTURE, _RESERVER, _ANNULER)
_INSCRIPTIONS = f"""
SELECT {", ".join(c.sql for c in (*_LIGNE, _FAMILLE, _TITULAIRE))}
FROM {Inscription._meta.db_table} i
JOIN {Prestation._meta.db_table} p ON p.id = i.prestation_id
JOIN {Structure._meta.db_table} s ON s.id = p.structure_id
JOIN {Limite._meta.db_table} l1 ON l1.id = p.limite_reservation_id
JOIN {Limite._meta.db_table} l2 ON l2.id = p.limite_annulation_id
JOIN {Famille._meta.db_table} f ON f.id = i.famille_id
LEFT JOIN {Responsable._meta.db_table} r ON r.famille_id = f.id AND r.rang = '{Responsable.Rang.TITULAIRE}'
WHERE i.enfant_id IN (%(enfants)s) AND (i.du <= %%s AND (i.au IS NULL OR i.au >= %%s) OR i.famille_id = %%s)
ORDER BY s.ordre, s.nom, p.ordre, p.nom, i.id
"""

_PUISE = Jauge.prestations.through._meta.db_table
_RESERVEE = Colonnes(
    "b",
    Reservation,
    ("id", "enfant", "prestation", "inscription", "jour", "etat", "version", "reguliere", "motif"),
)
_POINTAGE = Colonnes("t", Pointage, ("id", "enfant", "prestation", "jour", "present", "arrivee", "depart"))
_HEURES = Colonnes("t", Pointage, ("arrivee", "depart"))
# The rank of `places.rangs`: the longest of the queues, those who asked before on the same places. Where places are
# kept by age or class, who stands in which queue is not SQL's business: no rank rather than another one.
_RANG = f"""CASE WHEN b.etat = '{Etat.EN_ATTENTE}' AND NOT EXISTS (
    SELECT 1 FROM {_PUISE} z JOIN {Jauge._meta.db_table} j ON j.id = z.jauge_id WHERE z.prestation_id = b.prestation_id
    AND (j.age_min IS NOT NULL OR j.age_max IS NOT NULL OR CAST(j.niveaux AS text) <> '[]')
) THEN (
    SELECT COUNT(*) FROM {_PUISE} x JOIN {_PUISE} y ON y.jauge_id = x.jauge_id
    JOIN {Reservation._meta.db_table} a ON a.prestation_id = y.prestation_id AND a.jour = b.jour AND a.etat = b.etat
    WHERE x.prestation_id = b.prestation_id AND (a.demandee_le, a.id) <= (b.demandee_le, b.id)
    GROUP BY x.jauge_id ORDER BY COUNT(*) DESC LIMIT 1
) END"""
# Attendance joins the union in the same columns, as the state « pointage ».
_JOURNEES = f"""
SELECT CAST(NULL AS time), CAST(NULL AS time), {_RESERVEE.sql}, {_RANG}
FROM {Reservation._meta.db_table} b
WHERE b.enfant_id IN (%(enfants)s) AND b.jour BETWEEN %%s AND %%s
AND (b.payeur_id = %%s OR b.etat NOT IN ('{Etat.REFUSEE}', '{Etat.ANNULEE}'))
UNION ALL
SELECT {_HEURES.sql}, t.id, t.enfant_id, t.prestation_id, NULL, t.jour, 'pointage', 0, t.present, '', NULL
FROM {Pointage._meta.db_table} t WHERE t.enfant_id IN (%(enfants)s) AND t.jour BETWEEN %%s AND %%s
"""

_JAUGE = Colonnes("j", Jauge, ("id", "capacite", "age_min", "age_max", "niveaux"))
_JOUR = Colonnes("c", Creneau, ("jour",))
_PLACES = f"""
SELECT {_JAUGE.sql}, {_JOUR.sql}, x.prestation_id, c.capacite + c.surnombre, c.capacite + c.surnombre - c.pris
FROM {_PUISE} x JOIN {Jauge._meta.db_table} j ON j.id = x.jauge_id
LEFT JOIN {Creneau._meta.db_table} c ON c.jauge_id = j.id AND c.jour BETWEEN %%s AND %%s
    AND c.capacite + c.surnombre - c.pris <= {DERNIERES_MAX}
WHERE x.prestation_id IN (SELECT prestation_id FROM {Inscription._meta.db_table} WHERE enfant_id IN (%(enfants)s))
"""

# Columns of the calendar's union: genre, from, to, text, text, integer, integer.
_MEMBRE = GroupeExclusif.prestations.through._meta.db_table
_CONTEXTE = f"""
UNION ALL SELECT 'niveau', a.debut, a.fin, n.niveau, CAST(n.enfant_id AS varchar(36)), NULL, NULL
FROM {Scolarite._meta.db_table} n JOIN {AnneeScolaire._meta.db_table} a ON a.id = n.annee_id
WHERE n.enfant_id IN (%(enfants)s) AND a.debut <= %%s AND a.fin >= %%s
UNION ALL SELECT 'rattachement', h.du, h.au, '', CAST(h.enfant_id AS varchar(36)), NULL, NULL
FROM {Rattachement._meta.db_table} h WHERE h.enfant_id IN (%(enfants)s) AND h.famille_id = %%s
UNION ALL SELECT 'groupe', NULL, NULL, q.nom, '', g.groupeexclusif_id, g.prestation_id
FROM {_MEMBRE} g JOIN {Prestation._meta.db_table} q ON q.id = g.prestation_id WHERE g.groupeexclusif_id IN (
    SELECT m.groupeexclusif_id FROM {_MEMBRE} m JOIN {Inscription._meta.db_table} i ON i.prestation_id = m.prestation_id
    WHERE i.enfant_id IN (%(enfants)s))
"""

# Prepared: most pages of a household ask for its children first.
_ENFANTS = Preparee(Enfant.objects.de_la_famille, Famille._meta.pk, Rattachement._meta.get_field("du"))


def enfants_de(famille: Famille, jour: date) -> list[Enfant]:
    """Children the household holds that day, oldest first (their order gives each its colour)."""
    return _ENFANTS.objets(famille.pk, jour)


def lire(
    enfants: Sequence[Enfant],
    famille: Famille,
    jours: Sequence[date],
    maintenant: datetime,
    toutes: bool = False,
) -> Entrees:
    """Rows of these children on these days. `toutes`: ended or future inscriptions of the family too."""
    ids = [parametre(Enfant._meta.pk, enfant.pk) for enfant in enfants]
    par_enfant = {enfant.pk: enfant for enfant in enfants}
    inscriptions = _inscriptions(par_enfant, ids, famille, jours, toutes)
    reservations, pointages = _journees(ids, famille, jours)
    calendrier_lu, groupes, niveaux, rattachements = _contexte(par_enfant, ids, famille, jours)
    aujourdhui = maintenant.astimezone(PARIS).date()
    jauges, creneaux = (
        _places(ids, max(jours[0], aujourdhui), jours[-1]) if jours[-1] >= aujourdhui else ({}, {})
    )
    return Entrees(
        enfants=enfants,
        inscriptions=inscriptions,
        reservations=reservations,
        pointages=_avec_services(pointages, inscriptions),
        calendrier=calendrier_lu,
        jours=jours,
        maintenant=maintenant,
        famille_id=famille.pk,
        dispo=Disponibilites(
            jauges,
            creneaux,
            groupes,
            niveaux,
            rattachements,
            _non_residents(inscriptions, famille, jours, maintenant),
        ),
        clos=_clos(inscriptions, famille, [jour for jour in jours if jour >= aujourdhui]),
    )


def _requete(sql: str, ids: Sequence) -> str:
    return sql % {"enfants": marques(ids)}


def _inscriptions(par_enfant: dict, ids: list, famille: Famille, jours, toutes: bool) -> list[Inscription]:
    siennes = famille.pk if toutes else None
    parametres = [*ids, jours[-1], jours[0], siennes]
    inscriptions = []
    for ligne in lire_objets(_requete(_INSCRIPTIONS, ids), parametres, *_LIGNE):
        inscription, prestation, structure, reserver, annuler, _, numero, nom, prenom = ligne
        prestation.structure = structure
        prestation.limite_reservation, prestation.limite_annulation = reserver, annuler
        inscription.prestation = prestation
        inscription.enfant = par_enfant[inscription.enfant_id]
        # In Python: SQLite's UPPER leaves accents alone.
        inscription.payeur = f"{(nom or '').upper()} {prenom or ''}".strip() or str(Famille(numero=numero))
        inscriptions.append(inscription)
    return inscriptions


def _journees(ids: list, famille: Famille, jours) -> tuple[list[Reservee], list[Pointage]]:
    """Bookings of these days, and what happened since the Monday: a contract counts the hours of whole weeks."""
    du, au = jours[0], jours[-1]
    parametres = [*ids, du, au, famille.pk, *ids, du - timedelta(days=du.weekday()), au]
    reservations, pointages = [], []
    for ligne in lire_sql(_requete(_JOURNEES, ids), parametres, (*_HEURES.champs, *_RESERVEE.champs)):
        arrivee, depart, *reservation = ligne
        if reservation[5] == "pointage":
            pk, enfant, prestation, _, jour, _, _, present, *_ = reservation
            pointages.append(objet(_POINTAGE, [pk, enfant, prestation, jour, present, arrivee, depart]))
        else:
            reservations.append(Reservee._make(reservation))
    return reservations, pointages


def _avec_services(pointages: list[Pointage], inscriptions: list[Inscription]) -> list[Pointage]:
    """Their services come with the inscriptions; one more query for a child who came without being enrolled."""
    prestations = {i.prestation_id: i.prestation for i in inscriptions}
    manquantes = {p.prestation_id for p in pointages} - prestations.keys()
    if manquantes:
        prestations |= Prestation.objects.select_related("structure").in_bulk(manquantes)
    for pointage in pointages:
        pointage.prestation = prestations[pointage.prestation_id]
    return pointages


def _places(ids: list, du: date, au: date) -> tuple[dict, dict]:
    """Jauges of each service, and the days on which few of their places are left."""
    jauges: dict[int, list[JaugeLue]] = defaultdict(list)
    creneaux = {}
    lignes = lire_sql(_requete(_PLACES, ids), [du, au, *ids], (*_JAUGE.champs, *_JOUR.champs))
    for pk, capacite, age_min, age_max, niveaux, jour, prestation, places, libres in lignes:
        if all(j.pk != pk for j in jauges[prestation]):
            jauges[prestation].append(JaugeLue(pk, capacite, age_min, age_max, niveaux))
        if jour is not None:
            creneaux[pk, jour] = (places, libres)
    return jauges, creneaux


def _contexte(par_enfant: dict, ids: list, famille: Famille, jours) -> tuple[Calendrier, dict, dict, dict]:
    """The calendar; exclusive groups of the services; school levels and attachments of the children."""
    sql, parametres = calendrier.requete(jours[0], jours[-1] + AVANCE)
    parametres = [*parametres, *ids, jours[-1], jours[0], *ids, famille.pk, *ids]
    par_hex = {pk.hex: pk for pk in par_enfant}
    groupes, niveaux, rattachements = defaultdict(dict), defaultdict(list), defaultdict(list)
    du_calendrier = []
    for ligne in calendrier.lire(sql + _requete(_CONTEXTE, ids), parametres):
        genre, du, au, texte, nature, premier, second = ligne
        if genre == "groupe":
            groupes[premier][second] = texte
        elif genre == "niveau":
            niveaux[par_hex[nature.replace("-", "")]].append((du, au, texte))
        elif genre == "rattachement":
            rattachements[par_hex[nature.replace("-", "")]].append((du, au))
        else:
            du_calendrier.append(ligne)
    return calendrier.assembler(du_calendrier), groupes, niveaux, rattachements


def _clos(inscriptions: list[Inscription], famille: Famille, jours: Sequence[date]) -> dict:
    """Of the family's own days to come, those already invoiced."""
    prestations = {i.prestation_id for i in inscriptions if i.famille_id == famille.pk}
    return cloture.jours_clos(product(prestations, jours))


def _non_residents(inscriptions, famille: Famille, jours, maintenant: datetime) -> frozenset[date]:
    """Days on which the household lives elsewhere: read only while a service opens later to such families."""
    attendues = (i.prestation.ouverture_hors_commune for i in inscriptions)
    if all(ouverture is None or est_passe(ouverture, maintenant) for ouverture in attendues):
        return frozenset()
    prefetch_related_objects([famille], "residences")
    return frozenset(jour for jour in jours if not famille.est_residente(jour))
