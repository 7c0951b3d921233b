"""A cell of the planning, pure: its code (the galet), its words, what it may post."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from enfants import regles
from enfants.models import Etat, Inscription, Pointage
from enfants.models.reservation import OCCUPANTS
from portail.socle.argent import INSECABLE

# Code of a galet → words, those of the guide's legend; then what a day still free is really worth.
MOTS = {
    "": "rien de réservé",
    "libre": "libre, à réserver",
    "reservee": "réservé",
    "present-reserve": "présent, réservé",
    "present": "présent, non réservé",
    "demandee": "réservation en cours de traitement",
    "en_attente": "demande en attente",
    "refusee": "réservation refusée",
    "absence_demandee": "absence en cours de traitement",
    "absent_excuse": "absent excusé",
    "absent_facture": "absent facturé",
    "conge": "congé",
    "hors_contrat": "heure hors contrat",
    "erreur": "erreur, la mairie vérifie",
    "fermeture": "fermeture",
    "ferie": "jour férié",
    "petites_vacances": "petites vacances",
    "grandes_vacances": "grandes vacances",
    "dernieres": "libre, dernières places",
    "complet_attente": "complet, liste d’attente possible",
    "complet": "complet",
    "exclusif": "un seul choix par jour, l’autre est pris",
    "autre_foyer": "déjà pris par l’autre foyer",
    "ineligible": "pas pour son âge ou sa classe",
    "clos": "période déjà facturée",
}
CLOS = "clos"  # its invoices are issued: only the town may still change it
FONDS = (regles.FERIE, regles.PETITES, regles.GRANDES, regles.FERMETURE)
ABSENCES = (Etat.ABSENT_EXCUSE, Etat.ABSENT_FACTURE, Etat.CONGE, Etat.ABSENCE_DEMANDEE)
ANNULABLES = (Etat.DEMANDEE, Etat.EN_ATTENTE, Etat.RESERVEE)
REDEMANDABLES = ("libre", "refusee", "absent_excuse")
PRECISION_MAX = 80
# As plain words: an Enum finds its member anew each time it is named, and a month names them a thousand times.
ANNULEE, EN_ATTENTE, REFUSEE, RESERVEE = (
    etat.value for etat in (Etat.ANNULEE, Etat.EN_ATTENTE, Etat.REFUSEE, Etat.RESERVEE)
)


class Case(NamedTuple):
    """A day of a service. `valeur` is what its checkbox posts; empty: nothing to ask, no checkbox."""

    jour: date
    etat: str
    valeur: str = ""
    regulier: bool = False
    limite: datetime | None = None
    precision: str = ""  # what the code alone does not say: « libre, plus que 2 places »
    restantes: int | None = None  # few places left: their number

    @property
    def mots(self) -> str:
        return self.precision or MOTS[self.etat]


class Reservee(NamedTuple):
    """The columns of a Reservation that a cell needs: a month reads hundreds of them."""

    pk: int
    enfant_id: object
    prestation_id: int
    inscription_id: int
    jour: date
    etat: str
    version: int
    reguliere: bool
    motif: str = ""
    rang: int | None = None  # on the waiting list


def etat_de_la_case(etat: str, present: bool | None, hors_contrat: bool, anomalie: bool, fond: str) -> str:
    """Code of the galet. `etat`: state of the live or latest reservation, empty for none; `present`: the pointage."""
    if anomalie:
        return "erreur"
    if present:
        if hors_contrat:
            return "hors_contrat"
        return "present-reserve" if etat == RESERVEE else "present"
    if etat and etat != ANNULEE:
        return etat
    return fond if fond in FONDS else ""


def est_anomalie(etat: str, present: bool | None, fond: str) -> bool:
    """A contradiction an agent must solve: there though absent, or booked on a day that closed since. Two services that
    exclude each other are `presences_exclusives`.
    """
    if present:
        return etat in ABSENCES
    return present is None and etat in OCCUPANTS and fond in FONDS


def presences_exclusives(
    pointages: Iterable[Pointage], groupes: Iterable[Collection[int]]
) -> set[tuple[object, int, date]]:
    """(child, service, day) of the attendances that exclude each other: two services of a group the same day."""
    presents: dict[tuple, set[int]] = defaultdict(set)
    for p in pointages:
        if p.present:
            presents[p.enfant_id, p.jour].add(p.prestation_id)
    return {
        (enfant, service, jour)
        for (enfant, jour), services in presents.items()
        if len(services) > 1
        for groupe in groupes
        if len(ensemble := services.intersection(groupe)) > 1
        for service in ensemble
    }


def porteuse(inscriptions: Sequence[Inscription], jour: date) -> Inscription:
    """Of a child's inscriptions to a service, the one that bears an attendance nobody booked."""
    return next((i for i in inscriptions if i.vaut(jour)), inscriptions[0])


def jours_hors_contrat(pointages: Iterable[Pointage], heures_semaine: Decimal | None) -> dict[date, int]:
    """Minutes of each day beyond the week's hours of a crèche contract."""
    if heures_semaine is None:
        return {}
    permis = timedelta(seconds=int(heures_semaine * 3600))
    par_semaine: dict[date, timedelta] = defaultdict(timedelta)
    depasses = {}
    for p in sorted(pointages, key=lambda p: p.jour):
        if p.present and p.arrivee and p.depart:
            lundi = p.jour - timedelta(days=p.jour.weekday())
            duree = datetime.combine(p.jour, p.depart) - datetime.combine(p.jour, p.arrivee)
            par_semaine[lundi] += duree
            if par_semaine[lundi] > permis:
                en_plus = min(duree, par_semaine[lundi] - permis)
                depasses[p.jour] = int(en_plus.total_seconds() // 60)
    return depasses


def duree_en_mots(minutes: int) -> str:
    """« 8 h 05 »."""
    heures, reste = divmod(minutes, 60)
    return f"{heures}{INSECABLE}h" + (f"{INSECABLE}{reste:02d}" if reste else "")


def precision(reservation: Reservee | None) -> str:
    """What the household may know of its own row: the rank on the waiting list, the reason of a refusal."""
    if reservation is None:
        return ""
    if reservation.etat == EN_ATTENTE and reservation.rang:
        rang = "1er" if reservation.rang == 1 else f"{reservation.rang}e"
        return f"{MOTS['en_attente']}, {rang} sur la liste"
    if reservation.etat == REFUSEE and reservation.motif:
        motif = reservation.motif.strip().rstrip(".")
        court = motif if len(motif) <= PRECISION_MAX else motif[: PRECISION_MAX - 1].rstrip() + "…"
        return f"{MOTS['refusee']}{INSECABLE}: {court[:1].lower()}{court[1:]}"
    return ""
