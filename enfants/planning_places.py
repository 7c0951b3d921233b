"""What a free day is really worth, pure: places left, an exclusive service held, the other household, age and class.

The page only informs: `enfants.places` decides again, under lock, when the family asks.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple

from enfants import regles
from enfants.models import Etat, Inscription, Prestation
from enfants.models.reservation import VIVANTS
from enfants.planning_case import Reservee
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
    """Answers for each cell, and remembers: a month asks the same things hundreds of times."""

    def __init__(self, dispo: Disponibilites, reservations: Iterable[Reservee], familles: Mapping[int, int]):
        """`familles`: the paying household of each inscription."""
        self.dispo = dispo
        self.familles = familles
        self.tenues: dict[tuple, dict[int, Reservee]] = defaultdict(dict)
        for r in reservations:
            if r.etat in VIVANTS:
                self.tenues[r.enfant_id, r.jour][r.prestation_id] = r
        self.rivales: dict[int, dict[int, str]] = defaultdict(dict)
        self.groupes: dict[int, list[int]] = defaultdict(list)
        for groupe, membres in dispo.groupes.items():
            for pk in membres:
                self.groupes[pk].append(groupe)
                self.rivales[pk] |= {autre: nom for autre, nom in membres.items() if autre != pk}
        self._ages: dict[tuple, tuple[int, str]] = {}
        self._admis: dict[tuple, tuple[str, list[JaugeLue]]] = {}

    def profil(self, enfant, jour: date) -> tuple[int, str]:
        """Age and school level of the child that day."""
        cle = (enfant.pk, jour)
        if cle not in self._ages:
            periodes = self.dispo.niveaux.get(enfant.pk, ())
            niveau = next((n for du, au, n in periodes if du <= jour <= au), "")
            self._ages[cle] = enfant.age(jour), niveau
        return self._ages[cle]

    def admission(self, inscription: Inscription, jour: date) -> tuple[str, list[JaugeLue]]:
        """Why the child is not admitted (empty: it is), and the places it would draw on."""
        prestation, enfant = inscription.prestation, inscription.enfant
        age, niveau = self.profil(enfant, jour)
        derogation = bool(inscription.derogation)
        cle = (prestation.pk, enfant.pk, age, niveau, derogation)
        if cle not in self._admis:
            refus = "" if derogation else regles.phrase_ineligible(prestation, enfant, jour, niveau)
            jauges = self.dispo.jauges.get(prestation.pk, ())
            siennes = [j for j in jauges if regles.dans_les_bornes(age, niveau, j)]
            if not refus and jauges and not siennes:
                refus = INADMISSIBLE
            self._admis[cle] = refus, siennes
        return self._admis[cle]

    def rattache(self, enfant_id, jour: date) -> bool:
        if self.dispo.rattachements is None:
            return True
        periodes = self.dispo.rattachements.get(enfant_id, ())
        return any(du <= jour and (au is None or jour <= au) for du, au in periodes)

    def valeur(self, inscription: Inscription, jour: date, tard: bool) -> Valeur:
        """What a day that may be asked is worth. `tard`: past the limit, where nobody waits any more."""
        prestation, enfant = inscription.prestation, inscription.enfant
        refus, jauges = self.admission(inscription, jour)
        if refus:
            return Valeur("ineligible", refus)
        tenues = self.tenues.get((enfant.pk, jour))
        if tenues:
            if prestation.pk in tenues:
                autre = self.familles.get(tenues[prestation.pk].inscription_id) != inscription.famille_id
                return Valeur("autre_foyer") if autre else Valeur("exclusif", "déjà pris sur une autre ligne")
            if prise := self._rivale(prestation.pk, tenues):
                return prise
        return self._places(prestation, jauges, jour, tard) if jauges else LIBRE

    def _rivale(self, prestation_id: int, tenues: dict[int, Reservee]) -> Valeur | None:
        """Only what holds a place excludes: waiting for a « journée » does not forbid the morning."""
        for pk, nom in sorted(self.rivales.get(prestation_id, {}).items()):
            if pk in tenues and tenues[pk].etat != Etat.EN_ATTENTE:
                return Valeur(
                    "exclusif", f"un seul choix par jour, «{INSECABLE}{nom}{INSECABLE}» est déjà pris"
                )
        return None

    def _places(self, prestation: Prestation, jauges: list[JaugeLue], jour: date, tard: bool) -> Valeur:
        comptes = [self.dispo.creneaux.get((j.pk, jour), (j.capacite, j.capacite)) for j in jauges]
        capacite, libres = min(comptes, key=lambda c: c[1])
        if libres <= 0:
            return Valeur("complet_attente" if prestation.liste_attente and not tard else "complet")
        if est_peu(capacite, libres):
            mots = f"libre, plus que {libres} places" if libres > 1 else "libre, plus qu’une place"
            return Valeur("dernieres", mots, libres)
        return LIBRE
