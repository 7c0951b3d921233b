"""The planning, pure: rows in, dataclasses out. The month grid and the week list show the same `Planning`.

A cell is one pure function of (live or latest reservation, pointage, contract, anomaly, background of the day).
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from enfants import regles, semaine
from enfants.models import Enfant, Etat, Inscription, Pointage, Prestation
from enfants.models.reservation import OCCUPANTS, VIVANTS
from portail.socle.argent import INSECABLE

# Code of a galet → words, those of the guide's legend.
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
}
FONDS = (regles.FERIE, regles.PETITES, regles.GRANDES, regles.FERMETURE)
ABSENCES = (Etat.ABSENT_EXCUSE, Etat.ABSENT_FACTURE, Etat.CONGE, Etat.ABSENCE_DEMANDEE)
ANNULABLES = (Etat.DEMANDEE, Etat.EN_ATTENTE, Etat.RESERVEE)
REDEMANDABLES = ("libre", "refusee", "absent_excuse")


@dataclass(frozen=True)
class Case:
    """A day of a service. `valeur` is what its checkbox posts; empty: nothing to ask, no checkbox."""

    jour: date
    etat: str
    valeur: str = ""
    regulier: bool = False
    limite: datetime | None = None

    @property
    def mots(self) -> str:
        return MOTS[self.etat]


@dataclass
class Ligne:
    """A service paid by a household. `a_soi`: this family's own; the other household's row is read-only."""

    inscription: Inscription | None
    prestation: Prestation
    payeur: str
    a_soi: bool
    cases: list[Case]
    phrase: str = ""


@dataclass
class PlanningEnfant:
    """The rows of a child, in the order of structures and services."""

    enfant: Enfant
    lignes: list[Ligne] = field(default_factory=list)


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


@dataclass(frozen=True)
class Entrees:
    """What the planning is computed from: rows already read, the clock, who looks."""

    enfants: Sequence[Enfant]
    inscriptions: Sequence[Inscription]  # with prestation, structure, limits; `payeur` annotated
    reservations: Iterable[Reservee]
    pointages: Iterable[Pointage]
    calendrier: regles.Calendrier
    jours: Sequence[date]
    maintenant: datetime
    famille_id: int


# ── A cell ───────────────────────────────────────────────────────────────────────────────────────────────────


def etat_de_la_case(etat: str, present: bool | None, hors_contrat: bool, anomalie: bool, fond: str) -> str:
    """Code of the galet. `etat`: state of the live or latest reservation, empty for none; `present`: the pointage."""
    if anomalie:
        return "erreur"
    if present:
        if hors_contrat:
            return "hors_contrat"
        return "present-reserve" if etat == Etat.RESERVEE else "present"
    if etat and etat != Etat.ANNULEE:
        return etat
    return fond if fond in FONDS else ""


def est_anomalie(etat: str, present: bool | None, fond: str) -> bool:
    """A contradiction an agent must solve: there though absent, or booked on a day that closed since."""
    if present:
        return etat in ABSENCES
    return present is None and etat in OCCUPANTS and fond in FONDS


def jours_hors_contrat(pointages: Iterable[Pointage], heures_semaine: Decimal | None) -> set[date]:
    """Days on which the week's attendance goes beyond the hours of a crèche contract."""
    if heures_semaine is None:
        return set()
    permis = timedelta(seconds=int(heures_semaine * 3600))
    par_semaine: dict[date, timedelta] = defaultdict(timedelta)
    depasses = set()
    for p in sorted(pointages, key=lambda p: p.jour):
        if p.present and p.arrivee and p.depart:
            lundi = p.jour - timedelta(days=p.jour.weekday())
            par_semaine[lundi] += datetime.combine(p.jour, p.depart) - datetime.combine(p.jour, p.arrivee)
            if par_semaine[lundi] > permis:
                depasses.add(p.jour)
    return depasses


# ── The rows ─────────────────────────────────────────────────────────────────────────────────────────────────


class _Construction:
    """Indexes of the rows, and the limits already computed (many services share one)."""

    def __init__(self, entrees: Entrees):
        self.e = entrees
        self.aujourdhui = entrees.maintenant.astimezone(regles.PARIS).date()
        self.limites: dict[tuple, tuple[datetime, bool]] = {}
        self.reservations: dict[tuple, Reservee] = {}
        for r in sorted(entrees.reservations, key=lambda r: (r.etat in VIVANTS, r.pk)):
            self.reservations[r.inscription_id, r.jour] = r
        self.pointages = {(p.enfant_id, p.prestation_id, p.jour): p for p in entrees.pointages}
        self.tenues = {
            (r.enfant_id, r.prestation_id, r.jour): r.inscription_id
            for r in self.reservations.values()
            if r.etat in VIVANTS
        }

    def limite(self, prestation: Prestation, jour: date) -> tuple[datetime, bool]:
        """The booking limit, and whether it is passed."""
        cle = (prestation.limite_reservation_id, prestation.heure_debut, jour)
        if cle not in self.limites:
            limite = regles.limite_pour(
                prestation.limite_reservation, jour, prestation.heure_debut, self.e.calendrier
            )
            self.limites[cle] = limite, regles.est_passe(limite, self.e.maintenant)
        return self.limites[cle]

    def pointage(self, inscription: Inscription, jour: date) -> Pointage | None:
        """Attendance belongs to (child, service, day): shown on the row that booked, else on the first enrolled."""
        cle = (inscription.enfant_id, inscription.prestation_id, jour)
        trouve = self.pointages.get(cle)
        if trouve is None:
            return None
        tenue = self.tenues.get(cle)
        if tenue is None:
            tenue = self.tenues[cle] = inscription.pk
        return trouve if tenue == inscription.pk else None

    def siens(self, inscription: Inscription) -> list[Pointage]:
        cle = (inscription.enfant_id, inscription.prestation_id)
        return [p for p in self.pointages.values() if (p.enfant_id, p.prestation_id) == cle]

    def ouverte_a_la_demande(self, inscription: Inscription, jour: date, passee: bool) -> bool:
        prestation, maintenant = inscription.prestation, self.e.maintenant
        if jour < inscription.du or (inscription.au and jour > inscription.au):
            return False
        if prestation.ouverture and not regles.est_passe(prestation.ouverture, maintenant):
            return False
        if prestation.fermeture and regles.est_passe(prestation.fermeture, maintenant):
            return False
        if passee and prestation.hors_delai == Prestation.HorsDelai.REFUS:
            return False
        return regles.dans_les_bornes(inscription.enfant.age(jour), "", prestation)

    def case(self, inscription: Inscription, jour: date, a_soi: bool, hors_contrat: set[date]) -> Case:
        prestation = inscription.prestation
        fond = regles.fond(prestation, jour, self.e.calendrier)
        reservation = self.reservations.get((inscription.pk, jour))
        pointage = self.pointage(inscription, jour)
        etat = reservation.etat if reservation else ""
        present = pointage.present if pointage else None
        code = etat_de_la_case(etat, present, jour in hors_contrat, est_anomalie(etat, present, fond), fond)
        regulier = bool(reservation and reservation.reguliere and code not in FONDS and code)
        if not a_soi or jour < self.aujourdhui or pointage:
            return Case(jour, code, "", regulier)
        limite, passee = self.limite(prestation, jour) if fond == regles.OUVERT else (None, True)
        if jour == self.aujourdhui and regles.est_passe(
            regles.instant(jour, prestation.heure_debut), self.e.maintenant
        ):
            return Case(jour, code, "", regulier, limite)
        if etat in ANNULABLES:
            return Case(jour, code, _valeur(inscription, jour, reservation.version), regulier, limite)
        if limite and code in ("", *REDEMANDABLES) and self.ouverte_a_la_demande(inscription, jour, passee):
            return Case(jour, code or "libre", _valeur(inscription, jour, 0), regulier, limite)
        return Case(jour, code, "", regulier, limite)


def _valeur(inscription: Inscription, jour: date, version: int) -> str:
    return f"{inscription.pk}:{jour.isoformat()}:{version}"


def planning(entrees: Entrees) -> list[PlanningEnfant]:
    """Rows of each child. The other household's row appears only where it booked something, and is read-only."""
    construction = _Construction(entrees)
    par_enfant = {enfant.pk: PlanningEnfant(enfant) for enfant in entrees.enfants}
    # Own rows first for the attendance without booking.
    ordre = sorted(entrees.inscriptions, key=lambda i: i.famille_id != entrees.famille_id)
    lignes = {}
    for inscription in ordre:
        a_soi = inscription.famille_id == entrees.famille_id
        siens = () if inscription.heures_semaine is None else construction.siens(inscription)
        depasses = jours_hors_contrat(siens, inscription.heures_semaine)
        cases = [construction.case(inscription, jour, a_soi, depasses) for jour in entrees.jours]
        reservee = any((inscription.pk, jour) in construction.reservations for jour in entrees.jours)
        if a_soi or reservee or any(c.etat.startswith("present") for c in cases):
            lignes[inscription.pk] = Ligne(
                inscription, inscription.prestation, inscription.payeur, a_soi, cases
            )
    for inscription in entrees.inscriptions:
        if inscription.pk in lignes:
            ligne = lignes[inscription.pk]
            ligne.phrase = _phrase_fermee(ligne, entrees)
            par_enfant[inscription.enfant_id].lignes.append(ligne)
    _sans_inscription(construction, par_enfant, entrees)
    return list(par_enfant.values())


def _sans_inscription(construction: _Construction, par_enfant: dict, entrees: Entrees) -> None:
    """Present without any enrolment: a row of its own, without payer (an anomaly for the invoice)."""
    orphelins = defaultdict(dict)
    for cle, p in construction.pointages.items():
        if p.present and cle not in construction.tenues:
            orphelins[p.enfant_id, p.prestation_id][p.jour] = p
    for (enfant, _), jours in orphelins.items():
        prestation = next(iter(jours.values())).prestation
        cases = [Case(jour, "present" if jour in jours else "") for jour in entrees.jours]
        par_enfant[enfant].lignes.append(Ligne(None, prestation, "Non inscrit", False, cases))


def _phrase_fermee(ligne: Ligne, entrees: Entrees) -> str:
    """One sentence across a row that never opens in these days (bank holidays keep their mark)."""
    if any(c.etat not in ("", regles.FERIE) for c in ligne.cases):
        return ""
    prestation = ligne.prestation
    if any(regles.fond(prestation, j, entrees.calendrier) == regles.OUVERT for j in entrees.jours):
        return ""
    vacances = not prestation.periode_scolaire
    debut = "Ouvert pendant les vacances." if vacances else "Pas d’ouverture ce mois-ci."
    prochaine = regles.prochaine_ouverture(prestation, entrees.jours[-1], entrees.calendrier)
    if prochaine is None:
        return debut
    mots = regles.jour_en_mots(prochaine)
    return f"{debut} Prochaine date{INSECABLE}: {mots}."


# ── The week ─────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass
class EnfantDuJour:
    """What a child has, or may ask, that day."""

    enfant: Enfant
    rang: int
    lignes: list[tuple[Ligne, Case]]


@dataclass
class JourDeSemaine:
    """A card of the phone list. `delai`: sentence on the deadline; `ouvert`: something may still be asked."""

    jour: date
    aujourdhui: bool
    ouvert: bool
    delai: str
    fond: str
    enfants: list[EnfantDuJour]


def semaine_de(plannings: Sequence[PlanningEnfant], entrees: Entrees) -> list[JourDeSemaine]:
    """Cards from Monday to Friday; Saturday and Sunday only when something happens there."""
    aujourdhui = entrees.maintenant.astimezone(regles.PARIS).date()
    cartes = []
    for n, jour in enumerate(entrees.jours):
        enfants = []
        for rang, p in enumerate(plannings, 1):
            visibles = [(ligne, ligne.cases[n]) for ligne in p.lignes if _visible(ligne.cases[n])]
            enfants.append(EnfantDuJour(p.enfant, rang, visibles))
        cases = [case for e in enfants for _, case in e.lignes]
        if jour.weekday() > 4 and not cases:
            continue
        limites = [
            ligne.cases[n].limite
            for p in plannings
            for ligne in p.lignes
            if ligne.a_soi and ligne.cases[n].limite
        ]
        ouvert, delai = _delai(limites, entrees.maintenant, jour)
        vacances = entrees.calendrier.vacances_du(jour)
        fond = entrees.calendrier.feries.get(jour, "") or (vacances.nom if vacances else "")
        cartes.append(JourDeSemaine(jour, jour == aujourdhui, ouvert, delai, fond, enfants))
    return cartes


def _visible(case: Case) -> bool:
    return bool(case.etat) and case.etat not in (regles.FERIE, regles.PETITES, regles.GRANDES)


def _delai(limites: list[datetime], maintenant: datetime, jour: date) -> tuple[bool, str]:
    """« Modifiable jusqu’à mardi 24, 12 h », or « Délai passé depuis jeudi 19, 12 h »."""
    if not limites:
        return False, ""
    ouvertes = [limite for limite in limites if not regles.est_passe(limite, maintenant)]
    if ouvertes:
        return True, f"Modifiable jusqu’à {regles.instant_en_mots(regles.plus_tot(*ouvertes), jour)}"
    return False, f"Délai passé depuis {regles.instant_en_mots(regles.plus_tard(*limites), jour)}"


def delais(plannings: Sequence[PlanningEnfant]) -> list[str]:
    """Deadlines under the legend, once for each service of the family."""
    phrases = {}
    for p in plannings:
        for ligne in p.lignes:
            if ligne.a_soi:
                limites = ligne.prestation.limite_reservation, ligne.prestation.limite_annulation
                reserver = regles.phrase_limite(limites[0])
                annuler = regles.phrase_limite(limites[1], "absence sans frais")
                phrases[ligne.prestation.nom] = f"{reserver}{INSECABLE}; {annuler}."
    par_phrase = defaultdict(list)
    for nom, phrase in phrases.items():
        par_phrase[phrase].append(nom)
    return [f"{', '.join(noms)}{INSECABLE}: {p[0].lower()}{p[1:]}" for p, noms in par_phrase.items()]


def mois_de(jour: date) -> list[date]:
    """The days of that day's month."""
    premier = jour.replace(day=1)
    return [premier + timedelta(n) for n in range(31) if (premier + timedelta(n)).month == premier.month]


def semaine_du(jour: date) -> list[date]:
    """Monday to Sunday of that day's week."""
    lundi = jour - timedelta(days=jour.weekday())
    return [lundi + timedelta(n) for n in range(len(semaine.NOMS))]
