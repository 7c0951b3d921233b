"""What would happen to these asks: the decisions of `places`, pure over the rows of an `Examen`.

The same rules serve the recap (no lock) and the verbs (rows re-read under lock).
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from enfants import regles
from enfants.models import Etat, Inscription, Jauge, Prestation, Reservation
from portail.socle.argent import INSECABLE

COMPLET = "C’est complet."
COMPLET_ATTENTE = "C’est complet. Nous vous prévenons si une place se libère."
DEJA = "Ce jour est déjà demandé ou réservé."
COMMENCE = "Ce service a déjà commencé."
PASSE = "Ce jour est passé."
TROP_LOIN = "Les réservations de cette année-là ne sont pas encore ouvertes."
A_CHANGE = "Ce jour a changé depuis l’affichage de la page. Rechargez le planning pour le revoir."
# Declining a place that freed is free for a day at least (DOMAIN.md, « Places »).
DELAI_PROMOTION = timedelta(hours=24)


@dataclass(frozen=True)
class Souhait:
    """A day asked on an Inscription (so: child, service, payer)."""

    inscription: Inscription
    jour: date


@dataclass
class Issue:
    """What becomes of a Souhait. `verdict`: reservee, demandee, en_attente or refus; `phrase` is for the parent."""

    souhait: Souhait
    verdict: str
    phrase: str
    hors_delai: bool = False
    regle: str = ""
    rang: int | None = None
    reservation: Reservation | None = None


@dataclass
class IssueAbsence:
    """What becomes of a declared absence. `verdict`: excusee (place freed, nothing due), facturee, demandee (the
    town decides), annulee (an ask not granted yet is withdrawn) or refus; `phrase` is for the parent.
    """

    reservation: Reservation
    verdict: str
    phrase: str
    hors_delai: bool = False


@dataclass(frozen=True, order=True)
class Cle:
    """A day of a Jauge: what a Creneau is the row of."""

    jauge_id: int
    jour: date


def cles_de(jauges: Iterable[Jauge], enfant, jour: date, niveau: str) -> list[Cle]:
    """Places this child takes: a « journée » takes a morning and an afternoon; -6 and +6 are apart."""
    age = enfant.age(jour)
    return [Cle(j.pk, jour) for j in jauges if regles.dans_les_bornes(age, niveau, j)]


@dataclass
class Examen:
    """Everything the decisions read (`places_chargement.charger`); changes as asks are granted."""

    inscriptions: dict[int, Inscription]
    jauges: dict[int, list[Jauge]]  # by prestation
    calendrier: regles.Calendrier = field(default_factory=regles.Calendrier)
    groupes: list[frozenset[int]] = field(default_factory=list)  # of exclusive services
    noms: dict[int, str] = field(default_factory=dict)  # of their members
    niveaux: dict = field(default_factory=lambda: defaultdict(list))  # by enfant: (from, to, level)
    rattachements: dict = field(default_factory=lambda: defaultdict(list))  # by (enfant, famille)
    vivantes: dict = field(default_factory=lambda: defaultdict(dict))  # by (enfant, jour), then prestation
    libres: dict[Cle, int] = field(default_factory=dict)
    attentes: dict[Cle, int] = field(default_factory=dict)  # people waiting

    def niveau(self, enfant_id, jour: date) -> str:
        return next((n for du, au, n in self.niveaux.get(enfant_id, ()) if du <= jour <= au), "")

    def cles(self, inscription: Inscription, jour: date) -> list[Cle]:
        niveau = self.niveau(inscription.enfant_id, jour)
        return cles_de(self.jauges.get(inscription.prestation_id, ()), inscription.enfant, jour, niveau)

    def complet(self, cles: Iterable[Cle]) -> bool:
        return any(self.libres[cle] <= 0 for cle in cles)

    def limite(self, inscription: Inscription, jour: date) -> datetime:
        prestation = inscription.prestation
        return regles.limite_pour(
            prestation.limite_reservation, jour, prestation.heure_debut, self.calendrier
        )

    # Each refusal is the sentence for the parent, or an empty string.

    def refus_de_droit(self, inscription: Inscription, jour: date) -> str:
        """Inscription, household, opening, age, class."""
        if jour < inscription.du or (inscription.au and jour > inscription.au):
            return "L’inscription à ce service ne couvre pas ce jour."
        periodes = self.rattachements.get((inscription.enfant_id, inscription.famille_id), ())
        if not any(du <= jour and (au is None or jour <= au) for du, au in periodes):
            return "L’enfant n’est plus rattaché à votre famille ce jour-là."
        prestation = inscription.prestation
        refus = regles.phrase_fermee(prestation, jour, self.calendrier)
        niveau = self.niveau(inscription.enfant_id, jour)
        if not inscription.derogation:
            refus = refus or regles.phrase_ineligible(prestation, inscription.enfant, jour, niveau)
        if not refus and self.jauges.get(prestation.pk) and not self.cles(inscription, jour):
            refus = "Aucune place n’est prévue pour l’âge ou la classe de votre enfant."
        return refus

    def refus_exclusif(self, inscription: Inscription, jour: date, mairie: bool = False) -> str:
        """The same service already held, or an exclusive one, whichever household holds it. `mairie`: said to an
        agent.
        """
        tenues = self.vivantes[inscription.enfant_id, jour]
        if inscription.prestation_id in tenues:
            autre = tenues[inscription.prestation_id].payeur_id != inscription.famille_id
            return "Ce jour est déjà demandé ou réservé par l’autre foyer." if autre else DEJA
        # Only what holds a place excludes: waiting for a « journée » does not forbid the morning.
        occupees = {p for p, r in tenues.items() if r.etat != Etat.EN_ATTENTE}
        for rivale in sorted(regles.rivales(inscription.prestation_id, self.groupes) & occupees):
            autre = tenues[rivale].payeur_id != inscription.famille_id
            qui = f"{inscription.enfant.prenom} a" if autre or mairie else "vous avez"
            nom = f"«{INSECABLE}{self.noms[rivale]}{INSECABLE}»"
            return f"Un seul choix par jour{INSECABLE}: {qui} déjà {nom}."
        return ""

    def refus_de_la_fenetre(self, inscription: Inscription, jour: date, maintenant: datetime) -> str:
        """A day begun, or the window of the service: « Les réservations ouvrent le … »."""
        prestation = inscription.prestation
        refus = deja_commence(prestation, jour, maintenant)
        if jour.year > maintenant.astimezone(regles.PARIS).year + regles.ANNEES_APRES:
            refus = TROP_LOIN
        ouverture = prestation.ouverture
        if prestation.ouverture_hors_commune and not inscription.famille.est_residente(jour):
            ouverture = prestation.ouverture_hors_commune
        if not refus and ouverture and not regles.est_passe(ouverture, maintenant):
            refus = f"Les réservations ouvrent le {regles.instant_en_mots(ouverture)}."
        if not refus and prestation.fermeture and regles.est_passe(prestation.fermeture, maintenant):
            refus = f"Les réservations sont closes depuis le {regles.instant_en_mots(prestation.fermeture)}."
        return refus


def deja_commence(prestation: Prestation, jour: date, maintenant: datetime) -> str:
    """« Ce jour est passé. », « Ce service a déjà commencé. », or an empty string."""
    if jour < maintenant.astimezone(regles.PARIS).date():
        return PASSE
    return COMMENCE if regles.est_passe(regles.instant(jour, prestation.heure_debut), maintenant) else ""


def juger(examen: Examen, souhait: Souhait, maintenant: datetime, mairie: bool = False) -> Issue:
    """Decide one ask and note it in `examen`, so that the next ask of the batch knows it.

    `mairie`: the town books for the family; limits and window do not hold, places and exclusivity do.
    """
    inscription = examen.inscriptions[souhait.inscription.pk]
    jour, prestation = souhait.jour, inscription.prestation
    refus = examen.refus_de_droit(inscription, jour) or examen.refus_exclusif(inscription, jour)
    if not refus and not mairie:
        refus = examen.refus_de_la_fenetre(inscription, jour, maintenant)
    if refus:
        return Issue(souhait, "refus", refus)
    limite = examen.limite(inscription, jour)
    tard = not mairie and regles.est_passe(limite, maintenant)
    if tard and prestation.hors_delai == Prestation.HorsDelai.REFUS:
        return Issue(souhait, "refus", regles.phrase_trop_tard(limite, jour), hors_delai=True)
    issue = _placer(examen, souhait, inscription, tard, mairie)
    if issue.verdict != "refus":
        regle = regles.phrase_limite(prestation.limite_reservation)
        issue.regle = (regles.phrase_trop_tard(limite, jour) if tard else regle)[:200]
        examen.vivantes[inscription.enfant_id, jour][prestation.pk] = Reservation(
            payeur_id=inscription.famille_id, prestation_id=prestation.pk, etat=issue.verdict
        )
    return issue


def _placer(examen: Examen, souhait: Souhait, inscription: Inscription, tard: bool, mairie: bool) -> Issue:
    prestation = inscription.prestation
    cles = examen.cles(inscription, souhait.jour)
    if examen.complet(cles):
        # Past the limit nobody is promoted any more: waiting would be a false hope.
        if mairie or tard or not prestation.liste_attente:
            return Issue(souhait, "refus", COMPLET, hors_delai=tard)
        rang = 1 + max(examen.attentes.get(cle, 0) for cle in cles)
        for cle in cles:
            examen.attentes[cle] = examen.attentes.get(cle, 0) + 1
        return Issue(souhait, "en_attente", COMPLET_ATTENTE, rang=rang)
    for cle in cles:
        examen.libres[cle] -= 1
    if mairie:
        return Issue(souhait, "reservee", "Réservé par la mairie.")
    if tard and prestation.hors_delai == Prestation.HorsDelai.MAIRIE:
        phrase = f"Délai passé{INSECABLE}: la mairie décide et vous répond."
        return Issue(souhait, "demandee", phrase, hors_delai=True)
    # What it costs then is the tarif's business: it may have no surcharge.
    suffixe = f" Délai passé{INSECABLE}: prix d’une réservation tardive." if tard else ""
    if prestation.validation == Prestation.Validation.AUTOMATIQUE:
        return Issue(souhait, "reservee", f"Réservé dès que vous envoyez.{suffixe}", hors_delai=tard)
    return Issue(souhait, "demandee", f"La mairie vous répondra.{suffixe}", hors_delai=tard)


def limite_absence(reservation: Reservation, calendrier: regles.Calendrier) -> datetime:
    """Until when an absence costs nothing; a day at least after a promotion, never past the start."""
    prestation = reservation.prestation
    limite = regles.limite_pour(
        prestation.limite_annulation, reservation.jour, prestation.heure_debut, calendrier
    )
    if reservation.promue_le:
        debut = regles.instant(reservation.jour, prestation.heure_debut)
        grace = reservation.promue_le + DELAI_PROMOTION
        limite = regles.plus_tot(regles.plus_tard(limite, grace), debut)
    return limite


def juger_absence(
    reservation: Reservation,
    maintenant: datetime,
    calendrier: regles.Calendrier,
    medicale: bool,
    delai_attestation: int,
) -> IssueAbsence:
    """Decide one declared absence. In time it is excused; later the town's rule, or the attestation, decides."""
    prestation, jour, etat = reservation.prestation, reservation.jour, reservation.etat
    refus = deja_commence(prestation, jour, maintenant)
    if not refus and etat == Etat.ABSENCE_DEMANDEE:
        refus = "Cette absence est déjà déclarée. La mairie vous répondra."
    if not refus and etat not in (Etat.DEMANDEE, Etat.EN_ATTENTE, Etat.RESERVEE):
        refus = "Ce jour n’est pas réservé."
    if refus:
        return IssueAbsence(reservation, "refus", refus)
    if etat != Etat.RESERVEE:
        return IssueAbsence(reservation, "annulee", "Votre demande est retirée.")
    limite = limite_absence(reservation, calendrier)
    if not regles.est_passe(limite, maintenant):
        return IssueAbsence(reservation, "excusee", "Vous prévenez à temps. Rien ne sera facturé.")
    tard = regles.phrase_trop_tard(limite, jour, "prévenir")
    if medicale:
        pluriel = "s" if delai_attestation > 1 else ""
        phrase = f"La mairie attend votre attestation sous {delai_attestation}{INSECABLE}jour{pluriel}."
        return IssueAbsence(reservation, "demandee", phrase, hors_delai=True)
    if prestation.absence_hors_delai == Prestation.AbsenceHorsDelai.MAIRIE:
        return IssueAbsence(reservation, "demandee", f"{tard} La mairie décide.", hors_delai=True)
    return IssueAbsence(reservation, "facturee", f"{tard} La journée sera facturée.", hors_delai=True)
