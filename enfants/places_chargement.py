"""The rows `places` decides on, in a constant number of queries."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import date

from enfants.calendrier import calendrier_du
from enfants.models import (
    Creneau,
    Etat,
    GroupeExclusif,
    Inscription,
    Jauge,
    Rattachement,
    Reservation,
    Scolarite,
)
from enfants.models.reservation import VIVANTS
from enfants.places_examen import Cle, Examen, cles_de

_Puise = Jauge.prestations.through
_Membre = GroupeExclusif.prestations.through


def jauges_par_prestation(prestations: Iterable[int]) -> dict[int, list[Jauge]]:
    """Jauges each service draws on, in order of primary key."""
    trouvees: dict[int, list[Jauge]] = defaultdict(list)
    lignes = _Puise.objects.filter(prestation__in=set(prestations)).select_related("jauge")
    for ligne in lignes.order_by("jauge_id"):
        trouvees[ligne.prestation_id].append(ligne.jauge)
    return trouvees


def prestations_par_jauge(jauges: Iterable[int]) -> dict[int, set[int]]:
    """Services that draw on each Jauge."""
    trouvees: dict[int, set[int]] = defaultdict(set)
    lignes = _Puise.objects.filter(jauge__in=set(jauges)).order_by("pk")
    for jauge, prestation in lignes.values_list("jauge_id", "prestation_id"):
        trouvees[jauge].add(prestation)
    return trouvees


def niveaux_par_enfant(enfants: Iterable) -> dict[object, list[tuple[date, date, str]]]:
    """School levels of each child: (from, to, level)."""
    niveaux = defaultdict(list)
    lignes = Scolarite.objects.filter(enfant__in=set(enfants)).order_by("pk")
    for enfant, du, au, niveau in lignes.values_list("enfant_id", "annee__debut", "annee__fin", "niveau"):
        niveaux[enfant].append((du, au, niveau))
    return niveaux


def cles_par_reservation(reservations: Iterable[Reservation]) -> dict[int, list[Cle]]:
    """What each would take now, from the child's age and level that day."""
    reservations = list(reservations)
    jauges = jauges_par_prestation(r.prestation_id for r in reservations)
    niveaux = niveaux_par_enfant({r.enfant_id for r in reservations}) if jauges else {}
    return {
        r.pk: cles_de(
            jauges.get(r.prestation_id, ()),
            r.enfant,
            r.jour,
            next((n for du, au, n in niveaux.get(r.enfant_id, ()) if du <= r.jour <= au), ""),
        )
        for r in reservations
    }


def attentes_sur(cles: Iterable[Cle]) -> list[Reservation]:
    """Those who wait for one of these places, in the order they asked."""
    cles = set(cles)
    if not cles:
        return []
    prestations = prestations_par_jauge(cle.jauge_id for cle in cles)
    lignes = (
        Reservation.objects.filter(
            etat=Etat.EN_ATTENTE,
            jour__in={cle.jour for cle in cles},
            prestation__in=set().union(*prestations.values()),
        )
        .select_related("enfant", "prestation")
        .order_by("demandee_le", "pk")
    )
    touchees = {(p, cle.jour) for cle in cles for p in prestations[cle.jauge_id]}
    return [r for r in lignes if (r.prestation_id, r.jour) in touchees]


def _inscriptions(ids: Iterable[int]) -> dict[int, Inscription]:
    return (
        Inscription.objects.select_related(
            "enfant",
            "famille",
            "prestation__structure",
            "prestation__limite_reservation",
            "prestation__limite_annulation",
        )
        .prefetch_related("famille__residences")
        .in_bulk(set(ids))
    )


def _groupes(prestations: Iterable[int]) -> tuple[list[frozenset[int]], dict[int, str]]:
    """Exclusive groups that hold one of these services, and the name of every member."""
    membres = defaultdict(set)
    noms = {}
    concernes = _Membre.objects.filter(prestation__in=prestations).values("groupeexclusif_id")
    lignes = _Membre.objects.filter(groupeexclusif__in=concernes).order_by("pk")
    for groupe, prestation, nom in lignes.values_list(
        "groupeexclusif_id", "prestation_id", "prestation__nom"
    ):
        membres[groupe].add(prestation)
        noms[prestation] = nom
    return [frozenset(m) for m in membres.values()], noms


def charger(inscriptions_ids: Iterable[int], jours: Iterable[date]) -> Examen:
    """All that decides of these inscriptions on these days, places apart. Under lock, when the caller holds it."""
    inscriptions = _inscriptions(inscriptions_ids)
    jours = sorted(set(jours))
    enfants = {i.enfant_id for i in inscriptions.values()}
    prestations = {i.prestation_id for i in inscriptions.values()}
    groupes, noms = _groupes(prestations)
    examen = Examen(
        calendrier=calendrier_du(jours[0], jours[-1]),
        inscriptions=inscriptions,
        jauges=jauges_par_prestation(prestations),
        groupes=groupes,
        noms=noms,
        niveaux=niveaux_par_enfant(enfants),
    )
    rattachements = Rattachement.objects.filter(enfant__in=enfants).order_by("pk")
    for enfant, famille, du, au in rattachements.values_list("enfant_id", "famille_id", "du", "au"):
        examen.rattachements[enfant, famille].append((du, au))
    for r in Reservation.objects.filter(enfant__in=enfants, jour__in=jours, etat__in=VIVANTS).order_by("pk"):
        examen.vivantes[r.enfant_id, r.jour][r.prestation_id] = r
    return examen


def charger_places(examen: Examen, cles: Iterable[Cle], creneaux: Iterable[Creneau] | None = None) -> None:
    """Fill `libres` from these rows, or from the database; a Creneau not created yet is worth its Jauge."""
    cles = set(cles)
    capacites = {j.pk: j.capacite for jauges in examen.jauges.values() for j in jauges}
    examen.libres = {cle: capacites[cle.jauge_id] for cle in cles}
    if creneaux is None:
        jauges, jours = {c.jauge_id for c in cles}, {c.jour for c in cles}
        creneaux = Creneau.objects.filter(jauge__in=jauges, jour__in=jours).order_by("pk")
    for creneau in creneaux:
        cle = Cle(creneau.jauge_id, creneau.jour)
        if cle in examen.libres:
            examen.libres[cle] = creneau.libres


def charger_attentes(examen: Examen) -> None:
    """How many wait before a newcomer where it is full: for these very places, whatever the service."""
    pleins = {cle for cle, libres in examen.libres.items() if libres <= 0}
    attentes = attentes_sur(pleins)
    for cles in cles_par_reservation(attentes).values():
        for cle in pleins.intersection(cles):
            examen.attentes[cle] = examen.attentes.get(cle, 0) + 1
