"""What a free day is really worth, pure: places left, an exclusive service held, the other household, age and class.

The page only informs: `enfants.places` decides again, under lock, when the family asks.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple

from enfants import regles
from enfants.models import Inscription
from enfants.models.reservation import VIVANTS
from enfants.planning_case import EN_ATTENTE, Reservee
from portail.socle.argent import INSECABLE

# « Dernières places »: a fifth of the places or fewer, never more than these.
DERNIERES_MAX = 5
INADMISSIBLE = "Aucune place n’est prévue pour l’âge ou la classe de votre enfant."


class JaugeLue(NamedTuple):
    """A Jauge, as far as a cell needs it."""

    pk: int
    capacite: int
    age_min: int | None
    age_max: int | None
    niveaux: list[str]


@dataclass(frozen=True)
class Disponibilites:
    """Rows read once for the page. `creneaux`: (capacity, left) of the days when few places are left, or none."""

    jauges: Mapping[int, list[JaugeLue]] = field(default_factory=dict)  # by prestation
    creneaux: Mapping[tuple[int, date], tuple[int, int]] = field(default_factory=dict)
    groupes: Mapping[int, Mapping[int, str]] = field(
        default_factory=dict
    )  # exclusive group: prestation → nom
    niveaux: Mapping[object, list[tuple[date, date, str]]] = field(default_factory=dict)  # by child
    rattachements: Mapping[object, list[tuple[date, date | None]]] | None = (
        None  # by child; None: not checked
    )
    non_residents: frozenset[date] = frozenset()


class Valeur(NamedTuple):
    """Code of the galet, its words when they say more than the legend, places left when they are few."""

    etat: str
    precision: str = ""
    restantes: int | None = None


LIBRE = Valeur("libre")


def est_peu(capacite: int, libres: int) -> bool:
    """« Dernières places »: the last fifth, five at most, the very last one always."""
    return libres <= max(1, min(DERNIERES_MAX, capacite // 5))


class Estimation:
    """What the rows of a page share: places, bookings, age and class of each child."""

    def __init__(self, dispo: Disponibilites, reservations: Iterable[Reservee], familles: Mapping[int, int]):
        """`familles`: the paying household of each inscription."""
        self.dispo = dispo
        self.familles = familles
        self.tenues: dict[object, dict[date, dict[int, Reservee]]] = defaultdict(dict)
        for r in reservations:
            if r.etat in VIVANTS:
                self.tenues[r.enfant_id].setdefault(r.jour, {})[r.prestation_id] = r
        self.rivales: dict[int, dict[int, str]] = defaultdict(dict)
        self.groupes: dict[int, list[int]] = defaultdict(list)
        for groupe, membres in dispo.groupes.items():
            for pk in membres:
                self.groupes[pk].append(groupe)
                self.rivales[pk] |= {autre: nom for autre, nom in membres.items() if autre != pk}
        self._profils: dict[object, dict[date, tuple[int, str]]] = defaultdict(dict)

    def de(self, inscription: Inscription) -> "EstimationDeLigne":
        """The estimation of one row."""
        return EstimationDeLigne(self, inscription)

    def profils(self, enfant) -> dict[date, tuple[int, str]]:
        """Age and school level of the child, of the days already asked: a row fills it for the others."""
        return self._profils[enfant.pk]

    def profil(self, enfant, jour: date) -> tuple[int, str]:
        periodes = self.dispo.niveaux.get(enfant.pk, ())
        return enfant.age(jour), next((n for du, au, n in periodes if du <= jour <= au), "")


class EstimationDeLigne:
    """Answers for each cell of a row: what its days share is worked out once, a month asks hundreds of times."""

    def __init__(self, estimation: Estimation, inscription: Inscription):
        self.inscription, self.prestation = inscription, inscription.prestation
        self._estimation, self._creneaux = estimation, estimation.dispo.creneaux
        self._tenues = estimation.tenues.get(inscription.enfant_id, {})
        self._rivales = sorted(estimation.rivales.get(self.prestation.pk, {}).items())
        self._profils = estimation.profils(inscription.enfant)
        self._admis: dict[tuple[int, str], tuple[str, list[JaugeLue]]] = {}
        liens = estimation.dispo.rattachements
        self._liens = None if liens is None else liens.get(inscription.enfant_id, ())

    def admission(self, jour: date) -> tuple[str, list[JaugeLue]]:
        """Why the child is not admitted (empty: it is), and the places it would draw on."""
        profil = self._profils.get(jour)
        if profil is None:
            profil = self._profils[jour] = self._estimation.profil(self.inscription.enfant, jour)
        admis = self._admis.get(profil)
        if admis is None:
            admis = self._admis[profil] = self._admettre(jour, *profil)
        return admis

    def _admettre(self, jour: date, age: int, niveau: str) -> tuple[str, list[JaugeLue]]:
        enfant, derogation = self.inscription.enfant, self.inscription.derogation
        refus = "" if derogation else regles.phrase_ineligible(self.prestation, enfant, jour, niveau)
        jauges = self._estimation.dispo.jauges.get(self.prestation.pk, ())
        siennes = [j for j in jauges if regles.dans_les_bornes(age, niveau, j)]
        if not refus and jauges and not siennes:
            refus = INADMISSIBLE
        return refus, siennes

    def rattache(self, jour: date) -> bool:
        if self._liens is None:
            return True
        return any(du <= jour and (au is None or jour <= au) for du, au in self._liens)

    def valeur(self, jour: date, tard: bool) -> Valeur:
        """What a day that may be asked is worth. `tard`: past the limit, where nobody waits any more."""
        refus, jauges = self.admission(jour)
        if refus:
            return Valeur("ineligible", refus)
        tenues = self._tenues.get(jour)
        if tenues and (prise := self._prise(tenues)):
            return prise
        return self._places(jauges, jour, tard) if jauges else LIBRE

    def _prise(self, tenues: dict[int, Reservee]) -> Valeur | None:
        """Only what holds a place excludes: waiting for a « journée » does not forbid the morning."""
        tenue = tenues.get(self.prestation.pk)
        if tenue is not None:
            payeur = self._estimation.familles.get(tenue.inscription_id)
            if payeur != self.inscription.famille_id:
                return Valeur("autre_foyer")
            return Valeur("exclusif", "déjà pris sur une autre ligne")
        for pk, nom in self._rivales:
            if pk in tenues and tenues[pk].etat != EN_ATTENTE:
                return Valeur(
                    "exclusif", f"un seul choix par jour, «{INSECABLE}{nom}{INSECABLE}» est déjà pris"
                )
        return None

    def _places(self, jauges: list[JaugeLue], jour: date, tard: bool) -> Valeur:
        comptes = [self._creneaux.get((j.pk, jour), (j.capacite, j.capacite)) for j in jauges]
        capacite, libres = min(comptes, key=lambda c: c[1])
        if libres <= 0:
            return Valeur("complet_attente" if self.prestation.liste_attente and not tard else "complet")
        if est_peu(capacite, libres):
            mots = f"libre, plus que {libres} places" if libres > 1 else "libre, plus qu’une place"
            return Valeur("dernieres", mots, libres)
        return LIBRE
