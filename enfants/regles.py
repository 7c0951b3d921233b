"""Rules of bookings, pure: transitions, limits, which service opens which day, who may come.

Everything here takes rows and clock as arguments and asks nothing of the database. Deadlines are wall time of
Europe/Paris, computed at each ask (RULES.md §2); only the fact `hors_delai` and the sentence are stored.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property, lru_cache
from zoneinfo import ZoneInfo

from django.utils.formats import date_format

from enfants import semaine
from portail.socle.argent import INSECABLE
from portail.socle.dates import decaler_mois

PARIS = ZoneInfo("Europe/Paris")
# The summer holidays last two months: no school day is further back than that.
RECUL = timedelta(days=220)
# An offer may already exist for these years after this one; no planning is shown, and nothing booked, beyond.
ANNEES_APRES = 2

# DOMAIN.md, « States of a Reservation ». The empty state is a booking that does not exist yet.
TRANSITIONS: dict[str, frozenset[str]] = {
    "": frozenset({"demandee", "reservee", "en_attente"}),
    "demandee": frozenset({"reservee", "refusee", "annulee"}),
    "en_attente": frozenset({"reservee", "demandee", "refusee", "annulee"}),
    "reservee": frozenset({"absence_demandee", "absent_excuse", "absent_facture", "conge", "annulee"}),
    "absence_demandee": frozenset({"absent_excuse", "absent_facture", "reservee"}),
    "absent_excuse": frozenset({"absent_facture", "reservee"}),
    "absent_facture": frozenset({"absent_excuse", "reservee"}),
    "conge": frozenset({"reservee"}),
    "refusee": frozenset(),
    "annulee": frozenset(),
}


# ── The calendar ─────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Vacances:
    """School holidays of the town's zone, both days included. `nature` is « petites » or « grandes »."""

    nom: str
    nature: str
    du: date
    au: date


@dataclass(frozen=True)
class Fermee:
    """A structure, or one service, closed from a day to another."""

    du: date
    au: date
    motif: str
    structure_id: int | None = None
    prestation_id: int | None = None


@dataclass(frozen=True)
class Calendrier:
    """Bank holidays, school holidays and closures of a period."""

    feries: Mapping[date, str] = field(default_factory=dict)
    vacances: tuple[Vacances, ...] = ()
    fermetures: tuple[Fermee, ...] = ()

    @cached_property
    def _natures(self) -> dict[date, Vacances]:
        return {v.du + timedelta(n): v for v in self.vacances for n in range((v.au - v.du).days + 1)}

    def vacances_du(self, jour: date) -> Vacances | None:
        return self._natures.get(jour)

    def nature(self, jour: date) -> str:
        """« petites », « grandes », or an empty string in term time."""
        trouvees = self._natures.get(jour)
        return trouvees.nature if trouvees else ""

    def ouvre(self, jour: date) -> bool:
        """A working day as règlements count them: Monday to Friday, bank holidays out."""
        return jour.weekday() < 5 and jour not in self.feries

    def ecole(self, jour: date) -> bool:
        """A day of the four-day school week, outside holidays and bank holidays."""
        return semaine.contient(semaine.ECOLE, jour) and jour not in self.feries and jour not in self._natures

    def motif_fermeture(self, prestation, jour: date) -> str:
        """Why this service is closed that day by a Fermeture, or an empty string."""
        for f in self.fermetures:
            if f.du <= jour <= f.au and (
                f.prestation_id == prestation.pk
                or (f.structure_id and f.structure_id == prestation.structure_id)
            ):
                return f.motif
        return ""


# ── Words ────────────────────────────────────────────────────────────────────────────────────────────────────


def heure_en_mots(heure: time) -> str:
    """« 12 h », « 8 h 30 »."""
    minutes = f"{INSECABLE}{heure.minute:02d}" if heure.minute else ""
    return f"{heure.hour}{INSECABLE}h{minutes}"


def jour_en_mots(jour: date, repere: date | None = None) -> str:
    """« vendredi 20 », with the month when it is not that of `repere` (« vendredi 30 octobre »)."""
    numero = "1er" if jour.day == 1 else str(jour.day)
    mots = f"{semaine.NOMS[jour.weekday()]}{INSECABLE}{numero}"
    if repere is None or (jour.year, jour.month) != (repere.year, repere.month):
        mots += INSECABLE + date_format(jour, "F")
    return mots


@lru_cache(maxsize=512)
def mois_en_mots(jour: date) -> str:
    """« Novembre 2026 »."""
    return f"{date_format(jour, 'F').capitalize()}{INSECABLE}{jour.year}"


@lru_cache(maxsize=4096)
def instant_en_mots(instant: datetime, repere: date | None = None) -> str:
    """« vendredi 20, 12 h » (Paris)."""
    local = instant.astimezone(PARIS)
    return f"{jour_en_mots(local.date(), repere)}, {heure_en_mots(local.time())}"


# ── Limits ───────────────────────────────────────────────────────────────────────────────────────────────────


def _utc(moment: datetime) -> datetime:
    # Two times of the same zone compare by their wall clock only: 2:30 would be before 2:15 of the second fold.
    return moment.astimezone(UTC)


def plus_tot(*instants: datetime) -> datetime:
    return min(instants, key=_utc)


def plus_tard(*instants: datetime) -> datetime:
    return max(instants, key=_utc)


@lru_cache(maxsize=4096)
def instant(jour: date, heure: time) -> datetime:
    """That wall time in Paris. An hour that exists twice is the second one, one that does not exist is later:
    a parent is never told « trop tard » because clocks changed.
    """
    premiere = datetime.combine(jour, heure, tzinfo=PARIS)
    return plus_tard(premiere, premiere.replace(fold=1))


def est_passe(limite: datetime, maintenant: datetime) -> bool:
    """Whether that instant is reached."""
    return _utc(maintenant) >= _utc(limite)


def _reculer(jour: date, nombre: int, compte) -> date:
    """The day `nombre` days before, counting only those for which `compte(day)` holds."""
    borne = jour - RECUL
    while nombre and jour > borne:
        jour -= timedelta(days=1)
        nombre -= compte(jour)
    return jour


def _par_la_table(table: str, jour: date) -> date:
    """The weekday the table gives for that day, the last one strictly before it; the day itself when none."""
    signe = table[jour.weekday()] if jour.weekday() < len(table) else "-"
    return jour if signe == "-" else jour - timedelta(days=(jour.weekday() - int(signe) - 1) % 7 + 1)


def _jour_limite(limite, jour: date, calendrier: Calendrier) -> date:
    genres = type(limite).Genre
    if limite.genre == genres.SEMAINE_AVANT:
        lundi = jour - timedelta(days=jour.weekday())
        trouve = lundi - timedelta(weeks=limite.nombre) + timedelta(days=limite.jour_semaine)
    elif limite.genre == genres.MOIS_AVANT:
        trouve = decaler_mois(jour, -limite.nombre, limite.jour_mois)
    elif limite.genre == genres.JOUR_PAR_JOUR:
        trouve = _par_la_table(limite.table, jour)
    elif limite.genre == genres.VEILLE_VACANCES:
        return _reculer(jour, 1, calendrier.ecole)
    else:
        comptes = {"ouvres": calendrier.ouvre, "ecole": calendrier.ecole}
        francs = limite.compte == "francs"
        trouve = _reculer(jour, limite.nombre + francs, comptes.get(limite.compte, lambda _: True))
    if limite.avance_si_vacances and trouve < jour and calendrier.nature(trouve):
        trouve = _reculer(trouve, 1, calendrier.ecole)
    if limite.avance_si_ferie and trouve < jour and trouve in calendrier.feries:
        trouve = _reculer(trouve, 1, calendrier.ouvre)
    return trouve


def limite_pour(limite, jour: date, heure_debut: time, calendrier: Calendrier) -> datetime:
    """The instant from which it is too late (Europe/Paris), never after the service starts.

    `calendrier` must reach back RECUL before `jour` (the loader does).
    """
    debut = instant(jour, heure_debut)
    if limite.genre == type(limite).Genre.AUCUNE:
        return debut
    trouve = _jour_limite(limite, jour, calendrier)
    if trouve == jour and limite.genre == type(limite).Genre.JOUR_PAR_JOUR:
        return debut  # a weekday the table leaves out
    return plus_tot(instant(trouve, limite.heure or heure_debut), debut)


def _table_en_mots(table: str) -> str:
    """« le mercredi pour le lundi, le jeudi pour le mardi »."""
    lignes = [
        f"le {semaine.NOMS[int(signe)]} pour le {semaine.NOMS[n]}"
        for n, signe in enumerate(table)
        if signe != "-"
    ]
    return ", ".join(lignes)


def _echeance_en_mots(limite) -> str:
    heure = heure_en_mots(limite.heure) if limite.heure else ""
    genres = type(limite).Genre
    if limite.genre == genres.AUCUNE:
        return "jusqu’au début du service"
    if limite.genre == genres.SEMAINE_AVANT:
        nom = semaine.NOMS[limite.jour_semaine]
        if limite.nombre == 1:
            return f"jusqu’au {nom} {heure} de la semaine précédente"
        return f"jusqu’au {nom} {heure}, {limite.nombre} semaines avant"
    if limite.genre == genres.JOUR_PAR_JOUR:
        return f"jusqu’à {heure}{INSECABLE}: {_table_en_mots(limite.table)}"
    if limite.genre == genres.MOIS_AVANT:
        numero = "1er" if limite.jour_mois == 1 else limite.jour_mois
        if limite.nombre == 1:
            return f"jusqu’au {numero} du mois précédent, {heure}"
        return f"jusqu’au {numero}, {limite.nombre} mois avant, {heure}"
    if limite.genre == genres.VEILLE_VACANCES:
        return f"jusqu’au dernier jour d’école avant, {heure}"
    return _jours_en_mots(limite, heure)


def _jours_en_mots(limite, heure: str) -> str:
    if not heure:
        if limite.compte == "calendaires":
            return f"jusqu’à {24 * limite.nombre}{INSECABLE}h avant le début du service"
        heure = "à l’heure du service"
    if limite.nombre == 0:
        return f"jusqu’au jour même, {heure}"
    unite = {"ouvres": "ouvré", "ecole": "d’école", "francs": "franc"}.get(limite.compte, "")
    if limite.nombre == 1 and limite.compte != "francs":
        if limite.compte == "calendaires":
            return f"jusqu’à la veille, {heure}"
        return f"jusqu’au jour {unite} précédent, {heure}"
    pluriel = "s" if limite.nombre > 1 else ""
    accord = unite if unite == "d’école" else f"{unite}{pluriel}" if unite else ""
    return f"jusqu’à {limite.nombre} jour{pluriel}{f' {accord}' if accord else ''} avant, {heure}"


def phrase_limite(limite, quoi: str = "Réservation possible") -> str:
    """« Réservation possible jusqu’au jeudi 10 h de la semaine précédente »."""
    vacances = " (avant les vacances, jusqu’au dernier jour d’école)" if limite.avance_si_vacances else ""
    return f"{quoi} {_echeance_en_mots(limite)}{vacances}"


def phrase_trop_tard(limite: datetime, jour: date, verbe: str = "réserver") -> str:
    """« Trop tard : il fallait réserver avant vendredi 20, 12 h. »"""
    return f"Trop tard{INSECABLE}: il fallait {verbe} avant {instant_en_mots(limite, jour)}."


# ── Which service opens which day ────────────────────────────────────────────────────────────────────────────

OUVERT, FERME, FERIE, PETITES, GRANDES, FERMETURE = (
    "ouvert",
    "ferme",
    "ferie",
    "petites_vacances",
    "grandes_vacances",
    "fermeture",
)


def fond(prestation, jour: date, calendrier: Calendrier) -> str:
    """Background of that service that day: open, closed by its week, or one of the legend's days.

    « Petites vacances » marks term-time services only; a bank holiday marks every row.
    """
    if jour in calendrier.feries:
        return FERIE
    nature = calendrier.nature(jour)
    if nature and prestation.periode_scolaire:
        if nature == "petites" and not prestation.petites_vacances:
            return PETITES
        if nature == "grandes" and not prestation.grandes_vacances:
            return GRANDES
    ouverte = {
        "": prestation.periode_scolaire,
        "petites": prestation.petites_vacances,
        "grandes": prestation.grandes_vacances,
    }[nature]
    if not ouverte or not semaine.contient(prestation.jours, jour):
        return FERME
    if not en_service(prestation, jour):
        return FERME
    return FERMETURE if calendrier.motif_fermeture(prestation, jour) else OUVERT


def en_service(prestation, jour: date) -> bool:
    """Whether the service exists that day: begun, not stopped."""
    if prestation.archivee_le and prestation.archivee_le <= jour:
        return False
    return not (prestation.debut and jour < prestation.debut)


def phrase_fermee(prestation, jour: date, calendrier: Calendrier) -> str:
    """Why the service is not open that day; an empty string when it is."""
    raison = fond(prestation, jour, calendrier)
    return {
        OUVERT: "",
        FERIE: f"Fermé{INSECABLE}: {calendrier.feries.get(jour, 'jour férié')}.",
        PETITES: "Fermé pendant les petites vacances.",
        GRANDES: "Fermé pendant les grandes vacances.",
        FERMETURE: f"Fermé{INSECABLE}: {calendrier.motif_fermeture(prestation, jour)}.",
        FERME: "Ce service n’ouvre pas ce jour-là.",
    }[raison]


def prochaine_ouverture(prestation, apres: date, calendrier: Calendrier, jours: int = 120) -> date | None:
    """First open day after that day, within the calendar that was loaded."""
    candidats = (apres + timedelta(n) for n in range(1, jours))
    return next((jour for jour in candidats if fond(prestation, jour, calendrier) == OUVERT), None)


# ── Who may come ─────────────────────────────────────────────────────────────────────────────────────────────


def dans_les_bornes(age: int, niveau: str, regle) -> bool:
    """Age and level against a Prestation or a Jauge. An unknown level passes: the town enrolled the child."""
    if regle.age_min is not None and age < regle.age_min:
        return False
    if regle.age_max is not None and age > regle.age_max:
        return False
    return not (regle.niveaux and niveau and niveau not in regle.niveaux)


def phrase_ineligible(prestation, enfant, jour: date, niveau: str) -> str:
    """Why this child may not come (age that day, class), or an empty string."""
    age = enfant.age(jour)
    if prestation.age_min is not None and age < prestation.age_min:
        return f"{enfant.prenom} n’aura pas encore {prestation.age_min} ans ce jour-là."
    if prestation.age_max is not None and age > prestation.age_max:
        return f"Ce service accueille les enfants jusqu’à {prestation.age_max} ans."
    if prestation.niveaux and niveau and niveau not in prestation.niveaux:
        return f"Ce service n’accueille pas les enfants de {niveau}."
    return ""


def phrase_hors_dates(prestation, jour: date) -> str:
    """Why nobody may be enrolled from that day: the service begins later, or has stopped; or an empty string."""
    if prestation.debut and jour < prestation.debut:
        return f"{prestation.nom} commence le {prestation.debut:%d/%m/%Y}{INSECABLE}: choisissez ce jour, ou un jour suivant."
    if prestation.archivee_le and jour >= prestation.archivee_le:
        fin = prestation.archivee_le - timedelta(days=1)
        return f"{prestation.nom} s’arrête le {fin:%d/%m/%Y}{INSECABLE}: choisissez un jour avant."
    return ""


def rivales(prestation_id: int, groupes: Iterable[frozenset[int]]) -> frozenset[int]:
    """Services a child may not hold the same day as this one."""
    ensemble: set[int] = set()
    for groupe in groupes:
        if prestation_id in groupe:
            ensemble |= groupe
    return frozenset(ensemble - {prestation_id})
