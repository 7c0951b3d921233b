"""The rows `places` decides on, in a constant number of queries."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import date

from enfants.calendrier import calendrier_du
from enfants.models import Creneau, GroupeExclusif, Inscription, Jauge, Rattachement, Reservation, Scolarite
from enfants.models.reservation import VIVANTS
from enfants.places_examen import Cle, Examen

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
    """How many wait before a newcomer where it is full: those of any service drawing on the same places."""
    pleins = {cle for cle, libres in examen.libres.items() if libres <= 0}
    if not pleins:
        return
    voisines = prestations_par_jauge(cle.jauge_id for cle in pleins)
    comptes = defaultdict(int)
    lignes = Reservation.objects.filter(
        etat="en_attente",
        jour__in={cle.jour for cle in pleins},
        prestation__in=set().union(*voisines.values()),
    ).order_by("pk")
    for prestation, jour in lignes.values_list("prestation_id", "jour"):
        comptes[prestation, jour] += 1
    for cle in pleins:
        examen.attentes[cle] = sum(comptes[prestation, cle.jour] for prestation in voisines[cle.jauge_id])
