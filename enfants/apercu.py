"""« Ce qu’un parent verra »: the very sentences of the portal for a service, saved or not, before any parent is there.

The decisions are those of `places_examen`, over rows made up for the occasion: nothing is read nor written.
"""

from copy import copy
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from types import SimpleNamespace

from enfants import regles, semaine
from enfants.models import Etat, Jauge, Limite, Prestation, Reservation
from enfants.places_examen import Cle, Examen, Issue, Souhait, juger, juger_absence
from portail.socle.argent import INSECABLE

PERIODES = (
    ("periode_scolaire", "période scolaire"),
    ("petites_vacances", "petites vacances"),
    ("grandes_vacances", "grandes vacances"),
)
EXEMPLES = 5


@dataclass(frozen=True)
class Cas:
    """A situation and what the parent reads then; `etat` is the galet of the planning."""

    quand: str
    phrase: str
    etat: str = ""


@dataclass(frozen=True)
class Apercu:
    """The panel: the row of the planning, its deadlines, then each situation on `jour`."""

    nom: str
    quand: str
    qui: str
    reserver: str
    annuler: str
    fenetre: tuple[str, ...]
    jour: str
    cas: tuple[Cas, ...]


def ouverture_en_mots(prestation: Prestation) -> str:
    """« Lundi et jeudi, de 12 h à 13 h 30 (période scolaire). »"""
    periodes = ", ".join(mots for nom, mots in PERIODES if getattr(prestation, nom))
    debut, fin = (regles.heure_en_mots(h) for h in (prestation.heure_debut, prestation.heure_fin))
    return f"{semaine.en_mots(prestation.jours).capitalize()}, de {debut} à {fin} ({periodes})."


def public_en_mots(prestation: Prestation) -> str:
    """« Enfants de 3 à 6 ans, en PS, MS. »"""
    age_min, age_max = prestation.age_min, prestation.age_max
    ages = {
        (True, True): f"de {age_min} à {age_max}{INSECABLE}ans",
        (True, False): f"à partir de {age_min}{INSECABLE}ans",
        (False, True): f"jusqu’à {age_max}{INSECABLE}ans",
        (False, False): "",
    }[age_min is not None, age_max is not None]
    niveaux = f"en {', '.join(prestation.niveaux)}" if prestation.niveaux else ""
    details = ", ".join(filter(None, (ages, niveaux)))
    return f"Enfants {details}." if details else "Tous les enfants."


def fenetre_en_mots(prestation: Prestation) -> tuple[str, ...]:
    """The dates between which anything may be asked, when there are some."""
    phrases = []
    if prestation.ouverture:
        phrases.append(f"Les réservations ouvrent le {regles.instant_en_mots(prestation.ouverture)}.")
    if prestation.ouverture_hors_commune:
        mots = regles.instant_en_mots(prestation.ouverture_hors_commune)
        phrases.append(f"Familles hors commune{INSECABLE}: le {mots}.")
    if prestation.fermeture:
        phrases.append(f"Elles ferment le {regles.instant_en_mots(prestation.fermeture)}.")
    return tuple(phrases)


def apercu(prestation: Prestation, calendrier: regles.Calendrier, aujourdhui: date, delai: int) -> Apercu:
    """`calendrier`: from that day on; `delai`: days to bring an attestation."""
    jour = regles.prochaine_ouverture(prestation, aujourdhui + timedelta(20), calendrier)
    jour = jour or aujourdhui + timedelta(28)
    return Apercu(
        nom=prestation.nom,
        quand=ouverture_en_mots(prestation),
        qui=public_en_mots(prestation),
        reserver=regles.phrase_limite(prestation.limite_reservation) + ".",
        annuler=regles.phrase_limite(prestation.limite_annulation, "Absence sans frais") + ".",
        fenetre=fenetre_en_mots(prestation),
        jour=regles.jour_en_mots(jour),
        cas=(
            *_cas_de_reservation(prestation, calendrier, jour),
            *_cas_d_absence(prestation, calendrier, jour, delai),
        ),
    )


def _juger(prestation: Prestation, calendrier, jour: date, maintenant: datetime, libres: int) -> Issue:
    ouverte = copy(prestation)
    # The window has its own line: these situations are those of a day one may ask.
    ouverte.ouverture = ouverte.ouverture_hors_commune = ouverte.fermeture = None
    ouverte.age_min = ouverte.age_max = None
    ouverte.niveaux, ouverte.archivee_le = [], None
    age_libre = SimpleNamespace(age=lambda _: 8, prenom="Léa")
    inscription = SimpleNamespace(
        pk=0, enfant=age_libre, enfant_id=0, famille_id=0, prestation=ouverte, prestation_id=ouverte.pk or 0,
        du=date.min, au=None, derogation="",
    )  # fmt: skip
    ouverte.pk = ouverte.pk or 0
    examen = Examen({0: inscription}, {ouverte.pk: [Jauge(pk=0)]}, calendrier)
    examen.rattachements[0, 0] = [(date.min, None)]
    examen.libres[Cle(0, jour)] = libres
    return juger(examen, Souhait(inscription, jour), maintenant)


def _autour(limite: Limite, prestation: Prestation, jour: date, calendrier) -> tuple[datetime, datetime, str]:
    """Just before the limit, just after, and the limit in words."""
    fin = regles.limite_pour(limite, jour, prestation.heure_debut, calendrier)
    return fin - timedelta(minutes=1), fin, regles.instant_en_mots(fin, jour)


def _cas_de_reservation(prestation: Prestation, calendrier, jour: date) -> list[Cas]:
    avant, apres, mots = _autour(prestation.limite_reservation, prestation, jour, calendrier)
    a_temps = _juger(prestation, calendrier, jour, avant, 1)
    complet = _juger(prestation, calendrier, jour, avant, 0)
    cas = [
        Cas(f"Il réserve avant {mots}", a_temps.phrase, a_temps.verdict),
        Cas("Il n’y a plus de place", complet.phrase, complet.verdict if complet.verdict != "refus" else ""),
    ]
    if not regles.est_passe(apres, regles.instant(jour, prestation.heure_debut) - timedelta(seconds=1)):
        return cas  # the limit is the start itself: nobody asks after it
    tard = _juger(prestation, calendrier, jour, apres, 1)
    cas.insert(1, Cas("Il réserve après", tard.phrase, tard.verdict if tard.verdict != "refus" else ""))
    return cas


def _cas_d_absence(prestation: Prestation, calendrier, jour: date, delai: int) -> list[Cas]:
    avant, apres, mots = _autour(prestation.limite_annulation, prestation, jour, calendrier)
    etats = {
        "excusee": Etat.ABSENT_EXCUSE,
        "facturee": Etat.ABSENT_FACTURE,
        "demandee": Etat.ABSENCE_DEMANDEE,
    }

    def cas(quand: str, maintenant: datetime, medicale: bool) -> Cas:
        reservation = Reservation(jour=jour, etat=Etat.RESERVEE)
        reservation.prestation = prestation
        issue = juger_absence(reservation, maintenant, calendrier, medicale, delai)
        return Cas(quand, issue.phrase, etats.get(issue.verdict, ""))

    trouves = [cas(f"Il déclare une absence avant {mots}", avant, False)]
    if regles.est_passe(apres, regles.instant(jour, prestation.heure_debut) - timedelta(seconds=1)):
        trouves.append(cas("Il déclare une absence après", apres, False))
        trouves.append(cas("L’enfant est malade, il prévient après", apres, True))
    return trouves


def exemples(limite: Limite, calendrier: regles.Calendrier, aujourdhui: date) -> list[str]:
    """« Pour mardi 24 : avant vendredi 20, 12 h », for a week to come (a service that starts at the end of the day)."""
    lundi = aujourdhui - timedelta(days=aujourdhui.weekday()) + timedelta(weeks=2)
    minuit = regles.time(23, 59)
    return [
        f"Pour {regles.jour_en_mots(jour)}{INSECABLE}: avant "
        f"{regles.instant_en_mots(regles.limite_pour(limite, jour, minuit, calendrier), jour)}"
        for jour in (lundi + timedelta(n) for n in range(EXEMPLES))
    ]
