"""The planning, pure: rows in, dataclasses out. The month grid and the week list show the same rows.

A cell is one pure function of (live or latest reservation, pointage, contract, anomaly, background of the day), and
of what a free day is worth (`planning_places`).
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cached_property

from enfants import regles, semaine
from enfants.models import Enfant, Inscription, Pointage, Prestation
from enfants.models.reservation import VIVANTS
from enfants.planning_case import (
    ANNULABLES,
    CLOS,
    FONDS,
    MOTS,
    REDEMANDABLES,
    Case,
    Reservee,
    duree_en_mots,
    est_anomalie,
    etat_de_la_case,
    jours_hors_contrat,
    porteuse,
    precision,
    presences_exclusives,
)
from enfants.planning_places import Disponibilites, Estimation
from portail.socle.argent import INSECABLE
from portail.socle.dates import dernier_du_mois, premier_du_mois

FERMEES = {regles.OUVERT: "", regles.FERME: ""}  # other backgrounds are their own code
DEMANDABLES = ("libre", "dernieres", "complet_attente")


@dataclass
class Ligne:
    """A service paid by a household. `a_soi`: this family's own; the other household's row is read-only."""

    inscription: Inscription | None
    prestation: Prestation
    payeur: str
    a_soi: bool
    cases: list[Case]
    phrase: str = ""
    groupes: Sequence[int] = ()  # exclusive groups of the service: one choice a day in each


@dataclass
class PlanningEnfant:
    """The rows of a child, in the order of structures and services."""

    enfant: Enfant
    lignes: list[Ligne] = field(default_factory=list)


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
    dispo: Disponibilites = field(default_factory=Disponibilites)
    clos: Mapping[tuple[int, date], str] = field(default_factory=dict)  # already invoiced (`cloture`)


# ── The rows ─────────────────────────────────────────────────────────────────────────────────────────────────


class _Construction:
    """Indexes of the rows, and what many services share: limits already computed, backgrounds."""

    def __init__(self, entrees: Entrees):
        self.e = entrees
        self.aujourdhui = entrees.maintenant.astimezone(regles.PARIS).date()
        self.limites: dict[tuple, dict[date, tuple[datetime, bool]]] = defaultdict(dict)
        self.decors: dict[tuple, list[str]] = {}
        self.iso = {jour: jour.isoformat() for jour in entrees.jours}
        reservations = sorted(entrees.reservations, key=lambda r: (r.etat in VIVANTS, r.pk))
        self.reservations: dict[int, dict[date, Reservee]] = defaultdict(dict)
        for r in reservations:
            self.reservations[r.inscription_id][r.jour] = r
        self.pointages: dict[tuple, dict[date, Pointage]] = defaultdict(dict)
        for p in entrees.pointages:
            self.pointages[p.enfant_id, p.prestation_id][p.jour] = p
        self.exclusives = presences_exclusives(entrees.pointages, entrees.dispo.groupes.values())
        familles = {i.pk: i.famille_id for i in entrees.inscriptions}
        self.estimation = Estimation(entrees.dispo, reservations, familles)

    @cached_property
    def tenues(self) -> dict[tuple, int]:
        """The inscription that booked each (child, service, day): where attendance is shown."""
        return {
            (r.enfant_id, r.prestation_id, r.jour): r.inscription_id
            for jours in self.reservations.values()
            for r in jours.values()
            if r.etat in VIVANTS
        }

    def decor(self, prestation: Prestation) -> list[str]:
        """Background of each day: computed once for the services that open alike."""
        calendrier = self.e.calendrier
        fermee = any(
            prestation.pk == f.prestation_id or prestation.structure_id == f.structure_id
            for f in calendrier.fermetures
        )
        cle = (
            prestation.jours,
            prestation.periode_scolaire,
            prestation.petites_vacances,
            prestation.grandes_vacances,
            prestation.debut,
            prestation.archivee_le,
            prestation.pk if fermee else None,
        )
        if cle not in self.decors:
            self.decors[cle] = [regles.fond(prestation, jour, calendrier) for jour in self.e.jours]
        return self.decors[cle]

    def presences(self, inscription: Inscription) -> dict[date, Pointage]:
        """Attendance belongs to (child, service, day): shown on the row that booked, else on the first that covers it."""
        cle = (inscription.enfant_id, inscription.prestation_id)
        if cle not in self.pointages:
            return {}
        return {
            jour: p for jour, p in self.pointages[cle].items() if self._porteuse(cle, jour) == inscription.pk
        }

    def _porteuse(self, cle: tuple, jour: date) -> int:
        if (*cle, jour) not in self.tenues:
            self.tenues[*cle, jour] = porteuse(self.inscrites[cle], jour).pk
        return self.tenues[*cle, jour]

    @cached_property
    def inscrites(self) -> dict[tuple, list[Inscription]]:
        """Inscriptions of a child to a service, the family's own first."""
        trouvees = defaultdict(list)
        for i in sorted(self.e.inscriptions, key=lambda i: i.famille_id != self.e.famille_id):
            trouvees[i.enfant_id, i.prestation_id].append(i)
        return trouvees

    def fenetre(self, prestation: Prestation, jour: date) -> str:
        """Why the bookings of the service are not open now; an empty string when they are."""
        maintenant = self.e.maintenant
        ouverture = prestation.ouverture
        if prestation.ouverture_hors_commune and jour in self.e.dispo.non_residents:
            ouverture = prestation.ouverture_hors_commune
        if ouverture and not regles.est_passe(ouverture, maintenant):
            return f"Les réservations ouvrent le {regles.instant_en_mots(ouverture)}."
        if prestation.fermeture and regles.est_passe(prestation.fermeture, maintenant):
            return f"Les réservations sont closes depuis le {regles.instant_en_mots(prestation.fermeture)}."
        return ""


class _Rangee:
    """A row being built: what its days share is worked out once. Most cells are empty, and cost little."""

    def __init__(self, construction: _Construction, inscription: Inscription, a_soi: bool):
        self.c, self.inscription, self.prestation = construction, inscription, inscription.prestation
        self.a_soi, self.pk = a_soi, inscription.pk
        prestation = self.prestation
        self.limites = construction.limites[prestation.limite_reservation_id, prestation.heure_debut]
        self.estimation = construction.estimation.de(inscription)
        # The window is the same all month, but for a household that moves.
        mobile = bool(construction.e.dispo.non_residents and prestation.ouverture_hors_commune)
        self.fenetre = None if mobile else construction.fenetre(prestation, construction.e.jours[0])

    def cases(self) -> list[Case]:
        construction, inscription = self.c, self.inscription
        presences = construction.presences(inscription)
        hors_contrat = jours_hors_contrat(
            # The days of a former contract, or of the other one, are not its hours.
            [p for jour, p in presences.items() if inscription.vaut(jour)],
            inscription.heures_semaine,
        )
        reservations = construction.reservations.get(inscription.pk, {})
        aujourdhui, a_soi = construction.aujourdhui, self.a_soi
        cases = []
        for jour, fond in zip(construction.e.jours, construction.decor(self.prestation), strict=True):
            reservation, pointage = reservations.get(jour), presences.get(jour)
            futur = a_soi and jour >= aujourdhui
            if reservation is None and pointage is None:
                libre = futur and fond == regles.OUVERT
                cases.append(self.libre(jour) if libre else Case(jour, FERMEES.get(fond, fond)))
                continue
            etat, present = reservation.etat if reservation else "", pointage.present if pointage else None
            anomalie = est_anomalie(etat, present, fond) or (
                present and (inscription.enfant_id, self.prestation.pk, jour) in construction.exclusives
            )
            code = etat_de_la_case(etat, present, jour in hors_contrat, anomalie, fond)
            regulier = bool(reservation and reservation.reguliere and code and code not in FONDS)
            mots = precision(reservation) if a_soi and code == etat else ""
            if a_soi and code == "hors_contrat":
                mots = f"{MOTS[code]}{INSECABLE}: {duree_en_mots(hors_contrat[jour])}"
            if futur and pointage is None:
                cases.append(self.prise(code, regulier, mots, reservation, fond))
            else:
                cases.append(Case(jour, code, "", regulier, None, mots))
        return cases

    def limite(self, jour: date) -> tuple[datetime, bool]:
        """The booking limit, and whether it is passed."""
        trouvee = self.limites.get(jour)
        if trouvee is None:
            p, e = self.prestation, self.c.e
            limite = regles.limite_pour(p.limite_reservation, jour, p.heure_debut, e.calendrier)
            trouvee = self.limites[jour] = limite, regles.est_passe(limite, e.maintenant)
        return trouvee

    def ouverte(self, jour: date, passee: bool) -> bool:
        """Whether the household may ask that day at all."""
        inscription = self.inscription
        if jour < inscription.du or (inscription.au and jour > inscription.au):
            return False
        if passee and self.prestation.hors_delai == Prestation.HorsDelai.REFUS:
            return False
        fenetre = self.c.fenetre(self.prestation, jour) if self.fenetre is None else self.fenetre
        return not fenetre and self.estimation.rattache(jour)

    def libre(self, jour: date) -> Case:
        """A day that is not booked: what it is worth, when it may still be asked."""
        limite, passee = self.limite(jour)
        if self.commence(jour) or not self.ouverte(jour, passee):
            return Case(jour, "", "", False, limite)
        etat, mots, restantes = self.estimation.valeur(jour, passee)
        if self.clos(jour):
            return Case(jour, CLOS) if etat in DEMANDABLES else Case(jour, etat, precision=mots)
        valeur = f"{self.pk}:{self.c.iso[jour]}:0" if etat in DEMANDABLES else ""
        return Case(jour, etat, valeur, False, limite, mots, restantes)

    def prise(self, code: str, regulier: bool, mots: str, reservation: Reservee, fond: str) -> Case:
        """A coming day with a row: what may still be withdrawn, or asked again."""
        jour = reservation.jour
        limite = self.limite(jour)[0] if fond == regles.OUVERT else None
        if self.commence(jour):
            return Case(jour, code, "", regulier, limite, mots)
        if reservation.etat in ANNULABLES:
            if self.clos(jour):
                return Case(jour, code, "", regulier, None, f"{mots or MOTS[code]}, {MOTS[CLOS]}")
            valeur = f"{self.pk}:{self.c.iso[jour]}:{reservation.version}"
            return Case(jour, code, valeur, regulier, limite, mots)
        case = Case(jour, code, "", regulier, None if self.clos(jour) else limite, mots)
        if limite is None or code not in ("", *REDEMANDABLES):
            return case
        neuve = self.libre(jour)
        if not code:  # cancelled: the day is what a new one is
            return neuve
        if neuve.etat in ("exclusif", "complet", "autre_foyer", CLOS):
            return case._replace(precision=f"{case.mots}, {neuve.mots}")
        return case._replace(valeur=neuve.valeur)

    def clos(self, jour: date) -> bool:
        clos = self.c.e.clos
        return bool(clos) and (self.prestation.pk, jour) in clos

    def commence(self, jour: date) -> bool:
        return jour == self.c.aujourdhui and regles.est_passe(
            regles.instant(jour, self.prestation.heure_debut), self.c.e.maintenant
        )


def planning(entrees: Entrees) -> list[PlanningEnfant]:
    """Rows of each child. The other household's row appears only where it booked something, and is read-only."""
    construction = _Construction(entrees)
    par_enfant = {enfant.pk: PlanningEnfant(enfant) for enfant in entrees.enfants}
    # Own rows first for the attendance without booking.
    ordre = sorted(entrees.inscriptions, key=lambda i: i.famille_id != entrees.famille_id)
    lignes = {}
    for inscription in ordre:
        a_soi = inscription.famille_id == entrees.famille_id
        cases = _Rangee(construction, inscription, a_soi).cases()
        if (
            a_soi
            or inscription.pk in construction.reservations
            or any(c.etat == "erreur" or c.etat.startswith("present") for c in cases)
        ):
            lignes[inscription.pk] = Ligne(
                inscription,
                inscription.prestation,
                inscription.payeur,
                a_soi,
                cases,
                groupes=construction.estimation.groupes.get(inscription.prestation_id, ()),
            )
    for inscription in entrees.inscriptions:
        if ligne := lignes.get(inscription.pk):
            _en_une_phrase(ligne, construction)
            par_enfant[inscription.enfant_id].lignes.append(ligne)
    _sans_inscription(construction, par_enfant, entrees)
    return list(par_enfant.values())


def _sans_inscription(construction: _Construction, par_enfant: dict, entrees: Entrees) -> None:
    """Present without any enrolment: a row of its own, without payer (an anomaly for the invoice)."""
    for (enfant, service), pointages in construction.pointages.items():
        jours = {
            jour: p
            for jour, p in pointages.items()
            if p.present and jour in construction.iso and (enfant, service, jour) not in construction.tenues
        }
        if jours:
            prestation = next(iter(jours.values())).prestation
            exclus = {j for j in jours if (enfant, service, j) in construction.exclusives}
            cases = [
                Case(jour, "erreur" if jour in exclus else "present" if jour in jours else "")
                for jour in entrees.jours
            ]
            par_enfant[enfant].lignes.append(Ligne(None, prestation, "Non inscrit", False, cases))


def _en_une_phrase(ligne: Ligne, construction: _Construction) -> None:
    """One sentence across a row with nothing to see or ask in these days (bank holidays keep their mark)."""
    etats = {c.etat for c in ligne.cases} - {"", regles.FERIE}
    prestation, entrees = ligne.prestation, construction.e
    if not etats and regles.OUVERT not in construction.decor(prestation):
        ligne.phrase = _phrase_fermee(ligne, entrees)
    elif not etats and ligne.a_soi and entrees.jours[-1] >= construction.aujourdhui:
        ligne.phrase = construction.fenetre(prestation, entrees.jours[-1])
    elif etats == {"ineligible"}:
        ligne.phrase = next(c.mots for c in ligne.cases if c.etat == "ineligible")
        ligne.cases = [Case(c.jour, c.etat if c.etat == regles.FERIE else "") for c in ligne.cases]


def _phrase_fermee(ligne: Ligne, entrees: Entrees) -> str:
    prestation = ligne.prestation
    vacances = not prestation.periode_scolaire
    debut = "Ouvert pendant les vacances." if vacances else "Pas d’ouverture ce mois-ci."
    prochaine = regles.prochaine_ouverture(prestation, entrees.jours[-1], entrees.calendrier)
    if prochaine is None:
        return debut
    mots = regles.jour_en_mots(prochaine)
    return f"{debut} Prochaine date{INSECABLE}: {mots}."


def mois_de(jour: date) -> list[date]:
    """The days of that day's month."""
    premier = premier_du_mois(jour)
    return [premier + timedelta(n) for n in range(dernier_du_mois(jour).day)]


def semaine_du(jour: date) -> list[date]:
    """Monday to Sunday of that day's week."""
    lundi = jour - timedelta(days=jour.weekday())
    return [lundi + timedelta(n) for n in range(len(semaine.NOMS))]
