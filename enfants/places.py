"""The one place where places are taken and freed. Nobody else writes Reservation or Creneau rows.

Each verb is atomic, locks (enfant rows, then creneaux by pk), re-reads, decides, writes rows and their history.
In one transaction call the verbs that take before the verbs that free.
"""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.models import Exists

from enfants.calendrier import calendrier_du
from enfants.models import Enfant, Etat, Reservation, ReservationEvenement
from enfants.models.reservation import OCCUPANTS, presences
from enfants.places_attente import (
    compter_les_attentes,
    limites_pour_decliner,
    perdues,
    promouvoir,
    proposer,
    rangs,
    rattraper,
)
from enfants.places_chargement import charger, charger_places, reservations_liees
from enfants.places_examen import (
    A_CHANGE,
    Examen,
    Issue,
    IssueAbsence,
    Souhait,
    deja_commence,
    juger,
    juger_absence,
)
from enfants.places_occupation import elargir
from enfants.places_verrous import (
    Passage,
    TransitionInterdite,
    appliquer,
    bouger,
    ouvrir_creneaux,
    phrase_de,
    tenir,
    tenir_les_enfants,
)
from portail.socle.models import Collectivite
from portail.socle.verrous import CALENDRIER, tenir_ensemble, verrouiller

__all__ = [
    "ANNULABLES",
    "Issue",
    "IssueAbsence",
    "Souhait",
    "TransitionInterdite",
    "annuler",
    "changer",
    "decider",
    "declarer_absences",
    "deja_commence",
    "examiner",
    "examiner_absences",
    "fermer",
    "limites_pour_decliner",
    "perdues",
    "promouvoir",
    "rangs",
    "rattraper",
    "reserver",
    "retirer",
    "tenir_les_enfants",
    "tenir_tout",
    "trancher_absences",
]


def _cles(examen: Examen, souhaits: list[Souhait]) -> set:
    return {cle for s in souhaits for cle in examen.cles(examen.inscriptions[s.inscription.pk], s.jour)}


def tenir_tout(souhaits: list[Souhait], reservation_ids: Iterable[int]) -> None:
    """Hold at once what `reserver` then `annuler` will touch: one after the other, two families that change their
    weeks would wait for each other. Inside a transaction.
    """
    if souhaits and reservation_ids:
        tenir_ensemble(CALENDRIER)
        examen = charger((s.inscription.pk for s in souhaits), (s.jour for s in souhaits))
        tenir(reservation_ids, _cles(examen, souhaits))


def examiner(souhaits: list[Souhait], maintenant: datetime, au_nom_de_la_mairie: bool = False) -> list[Issue]:
    """What `reserver` would answer now, in the same order; nothing is written or held. The inscriptions are taken as
    they were read (`places_chargement.inscriptions` for many).
    """
    if not souhaits:
        return []
    lues = {s.inscription.pk: s.inscription for s in souhaits}
    examen = charger(lues, (s.jour for s in souhaits), lues)
    charger_places(examen, _cles(examen, souhaits))
    compter_les_attentes(examen, maintenant)
    return [juger(examen, souhait, maintenant, au_nom_de_la_mairie) for souhait in souhaits]


@transaction.atomic
def reserver(
    souhaits: list[Souhait],
    par,
    maintenant: datetime,
    au_nom_de_la_mairie: bool = False,
    reguliere: bool = False,
    surnombre: str = "",
) -> list[Issue]:
    """Decide these asks under lock and create their rows (`issue.reservation`); a refused ask creates none.

    `au_nom_de_la_mairie`: booked at once, whatever the limit; places and exclusivity still hold.
    `reguliere`: days of a typical week.
    `surnombre`: the motif for which places are added where none is left for these children (whose right to do so is
    the caller's to check); raises TransitionInterdite, then adds none, when one of them is refused all the same.
    """
    if not souhaits:
        return []
    # The days read as open stay so until this commits: a closure waits, then cancels what is booked here.
    tenir_ensemble(CALENDRIER)
    verrouiller(Enfant.objects.filter(pk__in={s.inscription.enfant_id for s in souhaits}))
    examen = charger((s.inscription.pk for s in souhaits), (s.jour for s in souhaits))
    cles = _cles(examen, souhaits)
    creneaux = ouvrir_creneaux(cles)
    charger_places(examen, cles, creneaux.values())
    compter_les_attentes(examen, maintenant)
    if surnombre:
        # Who waits keeps the place that is theirs: the one added is for this child.
        manques = Counter(c for s in souhaits for c in _cles(examen, [s]))
        manques.subtract(examen.libres)
        elargir(creneaux, manques, surnombre, par)
        for cle in manques:
            examen.libres[cle] += max(manques[cle], 0)
    issues = [juger(examen, s, maintenant, au_nom_de_la_mairie) for s in souhaits]
    if surnombre and (refus := next((i for i in issues if i.verdict == "refus"), None)):
        raise TransitionInterdite(refus.phrase)
    retenues = [issue for issue in issues if issue.verdict != "refus"]
    try:
        with transaction.atomic():
            _inscrire(retenues, examen, creneaux, par, maintenant, reguliere)
    except IntegrityError:
        # The locks were meant to prevent it: row by row, the database says which one is too many.
        _inscrire_une_a_une(retenues, examen, creneaux, par, maintenant, reguliere)
    return issues


def _inscrire(
    issues: list[Issue], examen: Examen, creneaux: dict, par, maintenant: datetime, reguliere: bool
) -> None:
    deltas: Counter = Counter()
    lignes = []
    for issue in issues:
        inscription = examen.inscriptions[issue.souhait.inscription.pk]
        prises = examen.cles(inscription, issue.souhait.jour) if issue.verdict in OCCUPANTS else []
        deltas.update(prises)
        lignes.append(
            Reservation(
                enfant=inscription.enfant,
                prestation=inscription.prestation,
                jour=issue.souhait.jour,
                inscription=inscription,
                payeur=inscription.famille,
                etat=issue.verdict,
                demandee_le=maintenant,
                modifiee_le=maintenant,
                reguliere=reguliere,
                hors_delai=issue.hors_delai,
                regle=issue.regle,
                places=[cle.jauge_id for cle in prises],
            )
        )
    bouger(creneaux, deltas)
    creees = Reservation.objects.bulk_create(lignes)
    ReservationEvenement.objects.bulk_create(
        ReservationEvenement(reservation=r, vers=r.etat, le=maintenant, par=par) for r in creees
    )
    for issue, reservation in zip(issues, creees, strict=True):
        issue.reservation = reservation


def _inscrire_une_a_une(
    issues: list[Issue], examen: Examen, creneaux: dict, par, maintenant: datetime, reguliere: bool
) -> None:
    for issue in issues:
        try:
            with transaction.atomic():
                _inscrire([issue], examen, creneaux, par, maintenant, reguliere)
        except IntegrityError as erreur:
            issue.verdict, issue.phrase, issue.rang = "refus", phrase_de(erreur), None
            issue.reservation = None


# ── What the town decides ────────────────────────────────────────────────────────────────────────────────────


@transaction.atomic
def changer(reservation: Reservation, vers: str, par, maintenant: datetime, motif: str = "") -> Reservation:
    """Any allowed transition; takes or frees the place it implies. Raises TransitionInterdite with the sentence."""
    tenue = tenir([reservation.pk])
    ligne = tenue.reservations[reservation.pk]
    liberees = appliquer([Passage(ligne, vers, motif)], tenue, par, maintenant)
    proposer(liberees, tenue, maintenant)
    return ligne


@transaction.atomic
def decider(
    reservation_ids: Iterable[int],
    accepter: bool,
    par,
    maintenant: datetime,
    motif: str = "",
    surnombre: str = "",
) -> list[Reservation]:
    """Accept or refuse asks (motif required to refuse). Twice is once: rows already so decided come back as they
    are; rows in any other state (withdrawn meanwhile) are left out. Raises TransitionInterdite (full, no motif).
    `surnombre`: as in `reserver`, for those who wait.
    """
    vers = Etat.RESERVEE if accepter else Etat.REFUSEE
    depuis = (Etat.DEMANDEE, Etat.EN_ATTENTE)
    return _trancher(reservation_ids, depuis, vers, par, maintenant, motif, surnombre if accepter else "")


@transaction.atomic
def trancher_absences(
    reservation_ids: Iterable[int], excuser: bool, par, maintenant: datetime, motif: str = ""
) -> list[Reservation]:
    """Excuse or bill declared absences, and change one's mind. Twice is once."""
    vers = Etat.ABSENT_EXCUSE if excuser else Etat.ABSENT_FACTURE
    depuis = {Etat.ABSENCE_DEMANDEE, Etat.ABSENT_EXCUSE, Etat.ABSENT_FACTURE} - {vers}
    return _trancher(reservation_ids, depuis, vers, par, maintenant, motif)


@transaction.atomic
def mettre_en_conge(reservation_ids: Iterable[int], par, maintenant: datetime) -> list[Reservation]:
    """The leave of a crèche contract, on booked days when nobody was noted present; other rows are left out. Twice is
    once.
    """
    lignes = Reservation.objects.filter(pk__in=reservation_ids, inscription__heures_semaine__isnull=False)
    siennes = lignes.exclude(Exists(presences())).values_list("pk", flat=True)
    return _trancher(list(siennes), (Etat.RESERVEE,), Etat.CONGE, par, maintenant, "")


def _trancher(
    ids: Iterable[int], depuis, vers: str, par, maintenant: datetime, motif: str, surnombre: str = ""
) -> list[Reservation]:
    tenue = tenir(ids)
    if surnombre:
        attendent = (r.pk for r in tenue.reservations.values() if r.etat == Etat.EN_ATTENTE)
        manques = Counter(cle for pk in attendent for cle in tenue.cles[pk])
        manques.subtract({cle: tenue.creneaux[cle].libres for cle in manques})
        elargir(tenue.creneaux, manques, surnombre, par)
    passages = [Passage(r, vers, motif) for r in tenue.reservations.values() if r.etat in depuis]
    liberees = appliquer(passages, tenue, par, maintenant)
    proposer(liberees, tenue, maintenant)
    return [r for r in tenue.reservations.values() if r.etat == vers]


# What the town's cancellation ends; an absence already counted, or a leave, stays as it is.
ANNULABLES = (Etat.DEMANDEE, Etat.EN_ATTENTE, Etat.RESERVEE, Etat.ABSENCE_DEMANDEE)


@transaction.atomic
def annuler(reservation_ids: Iterable[int], par, maintenant: datetime, motif: str) -> list[Reservation]:
    """The town cancels (closure, end of rights): asks and bookings are cancelled, places freed. Twice is once."""
    tenue = tenir(reservation_ids)
    lignes = list(tenue.reservations.values())
    # A declared absence is a booking again before it can be cancelled.
    declarees = [Passage(r, Etat.RESERVEE, motif) for r in lignes if r.etat == Etat.ABSENCE_DEMANDEE]
    appliquer(declarees, tenue, par, maintenant)
    passages = [Passage(r, Etat.ANNULEE, motif) for r in lignes if r.etat in ANNULABLES]
    liberees = appliquer(passages, tenue, par, maintenant)
    proposer(liberees, tenue, maintenant)
    return [passage.reservation for passage in passages]


@transaction.atomic
def fermer(reservation_ids: Iterable[int], par, maintenant: datetime, motif: str) -> list[Reservation]:
    """Days nobody opened: bookings are cancelled, billed absences excused, places freed; a leave stays a leave.

    Who is noted present was looked after, and is left alone: read once the children are held, as `pointage` holds
    them.
    """
    tenue = tenir(reservation_ids)
    venus = set(
        Reservation.objects.filter(Exists(presences()), pk__in=tenue.reservations).values_list(
            "pk", flat=True
        )
    )
    lignes = [r for pk, r in tenue.reservations.items() if pk not in venus]
    declarees = [Passage(r, Etat.RESERVEE, motif) for r in lignes if r.etat == Etat.ABSENCE_DEMANDEE]
    appliquer(declarees, tenue, par, maintenant)
    vers = dict.fromkeys(ANNULABLES, Etat.ANNULEE) | {Etat.ABSENT_FACTURE: Etat.ABSENT_EXCUSE}
    passages = [Passage(r, vers[r.etat], motif) for r in lignes if r.etat in vers]
    liberees = appliquer(passages, tenue, par, maintenant)
    proposer(liberees, tenue, maintenant)
    return [passage.reservation for passage in passages]


# ── What a family declares ───────────────────────────────────────────────────────────────────────────────────

ETAT_D_ABSENCE = {
    "excusee": Etat.ABSENT_EXCUSE,
    "facturee": Etat.ABSENT_FACTURE,
    "demandee": Etat.ABSENCE_DEMANDEE,
    "annulee": Etat.ANNULEE,
}


def _juger_absences(reservations: list[Reservation], maintenant, medicale: bool) -> list[IssueAbsence]:
    if not reservations:
        return []
    jours = [r.jour for r in reservations]
    calendrier = calendrier_du(min(jours), max(jours))
    delai = Collectivite.actuelle().delai_attestation_jours
    return [juger_absence(r, maintenant, calendrier, medicale, delai) for r in reservations]


def examiner_absences(
    reservations: Iterable[Reservation], maintenant: datetime, medicale: bool = False
) -> list[IssueAbsence]:
    """What `declarer_absences` would answer now; nothing is written."""
    ordre = [r.pk for r in reservations]
    relues = reservations_liees(ordre)
    return _juger_absences([relues[pk] for pk in ordre if pk in relues], maintenant, medicale)


@transaction.atomic
def declarer_absences(
    reservations: Iterable[Reservation], par, maintenant: datetime, motif: str, medicale: bool
) -> list[IssueAbsence]:
    """Declare absences on these bookings; asks not granted yet are withdrawn.

    A row whose `version` is no longer that of the object given (the page was old) is refused, and said so.
    """
    vues = {r.pk: r.version for r in reservations}
    tenue = tenir(vues)
    lignes = [tenue.reservations[pk] for pk in vues if pk in tenue.reservations]
    issues = _juger_absences(lignes, maintenant, medicale)
    passages = []
    for issue in issues:
        ligne = issue.reservation
        if ligne.version != vues[ligne.pk]:
            issue.verdict, issue.phrase = "refus", A_CHANGE
        if issue.verdict == "refus":
            continue
        champs = {} if issue.verdict == "annulee" else {"absence_medicale": medicale}
        passages.append(Passage(ligne, ETAT_D_ABSENCE[issue.verdict], motif, champs))
    liberees = appliquer(passages, tenue, par, maintenant)
    proposer(liberees, tenue, maintenant)
    return issues


@transaction.atomic
def retirer(reservation_ids: Iterable[int], par, maintenant: datetime) -> list[Reservation]:
    """Withdraw what the town has not decided yet: an ask is cancelled, a declared absence becomes a booking again."""
    tenue = tenir(reservation_ids)
    vers = {
        Etat.DEMANDEE: Etat.ANNULEE,
        Etat.EN_ATTENTE: Etat.ANNULEE,
        Etat.ABSENCE_DEMANDEE: Etat.RESERVEE,
    }
    passages = [Passage(r, vers[r.etat], "Retirée") for r in tenue.reservations.values() if r.etat in vers]
    liberees = appliquer(passages, tenue, par, maintenant)
    proposer(liberees, tenue, maintenant)
    return [passage.reservation for passage in passages]
