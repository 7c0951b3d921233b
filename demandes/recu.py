"""The days of a receipt. A hundred read at a glance: a block for each child and service, a row for each week. Pure."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from demandes.models import DemandeJour
from demandes.models.etats import REFUSEE
from demandes.recap import JOURS_MAX, quand
from demandes.textes import enumerer, noms
from enfants import regles
from enfants.models import Etat
from portail.socle.argent import INSECABLE


@dataclass(frozen=True)
class Sort:
    """What became of days of a week: « lundi 30 et mardi 1er », and the state in words."""

    jours: str
    etat: str
    mots: str


@dataclass(frozen=True)
class Semaine:
    titre: str
    sorts: list[Sort]


@dataclass(frozen=True)
class Bloc:
    """A service of a child; `comptes`: (state, its word, how many days), most first."""

    titre: str
    jours: str
    comptes: list[tuple[str, str, int]]
    semaines: list[Semaine]


def mots_du_jour(ligne: DemandeJour, rang: int | None, tard: str = "") -> str:
    """« Réservé », « Demande en attente : 2e sur la liste d’attente », « Réservation refusée : complet », « Absent
    facturé. Trop tard : … » (`tard`, see `retard`).
    """
    reservation = ligne.reservation
    mots = reservation.get_etat_display()
    if rang:
        return f"{mots}{INSECABLE}: {'1er' if rang == 1 else f'{rang}e'} sur la liste d’attente"
    if tard:
        return f"{mots}. {tard}"
    if reservation.motif and ligne.decision_lue == REFUSEE:
        return f"{mots}{INSECABLE}: {reservation.motif}"
    return mots


def blocs(jours: Sequence[DemandeJour], rangs: dict, tard: dict) -> list[Bloc]:
    """Nothing to fold when they are few. Of reservations, `rangs`: rank on the waiting list; `tard`: see `retard`."""
    if len(jours) <= JOURS_MAX:
        return []
    groupes: dict[tuple, list[DemandeJour]] = defaultdict(list)
    for j in jours:
        groupes[j.reservation.enfant_id, j.reservation.prestation_id].append(j)
    titres = noms((j.reservation.enfant, j.reservation.prestation) for j in jours)
    return [_bloc(titres[cle], groupes[cle], rangs, tard) for cle in sorted(groupes, key=titres.get)]


def _bloc(titre: str, lignes: list[DemandeJour], rangs: dict, tard: dict) -> Bloc:
    comptes = Counter(ligne.reservation.etat for ligne in lignes)
    semaines: dict[date, list[DemandeJour]] = defaultdict(list)
    for ligne in lignes:
        jour = ligne.reservation.jour
        semaines[jour - timedelta(jour.weekday())].append(ligne)
    return Bloc(
        titre,
        quand([ligne.reservation.jour for ligne in lignes]),
        [(etat, str(Etat(etat).label), nombre) for etat, nombre in comptes.most_common()],
        [_semaine(lundi, siennes, rangs, tard) for lundi, siennes in sorted(semaines.items())],
    )


def _semaine(lundi: date, lignes: Iterable[DemandeJour], rangs: dict, tard: dict) -> Semaine:
    sorts: dict[tuple[str, str], list[date]] = defaultdict(list)
    for ligne in lignes:
        mots = mots_du_jour(ligne, rangs.get(ligne.reservation_id), tard.get(ligne.reservation_id, ""))
        sorts[ligne.reservation.etat, mots].append(ligne.reservation.jour)
    return Semaine(
        f"Semaine du {regles.jour_en_mots(lundi)}",
        [
            Sort(enumerer(regles.jour_en_mots(j, lundi) for j in jours), etat, mots)
            for (etat, mots), jours in sorts.items()
        ],
    )
