"""The week as cards made for thumbs, and the deadlines in words. Pure, from the same rows as the month grid."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from enfants import regles
from enfants.models import Enfant, Etat, Prestation
from enfants.planning import Entrees, Ligne, PlanningEnfant
from enfants.planning_case import Case
from portail.socle.argent import INSECABLE

# Said by the background of the card, or by the other household's own row.
TUS = (regles.FERIE, regles.PETITES, regles.GRANDES, "autre_foyer", "ineligible")

# An ask the town has not answered is withdrawn at any time, and costs nothing.
SANS_LIMITE = (Etat.DEMANDEE, Etat.EN_ATTENTE)


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
        siennes = [
            (ligne.prestation, ligne.cases[n])
            for p in plannings
            for ligne in p.lignes
            if ligne.a_soi and ligne.cases[n].limite and ligne.cases[n].etat not in SANS_LIMITE
        ]
        ouvert, delai = _delai(siennes, entrees, jour)
        vacances = entrees.calendrier.vacances_du(jour)
        fond = entrees.calendrier.feries.get(jour, "") or (vacances.nom if vacances else "")
        cartes.append(JourDeSemaine(jour, jour == aujourdhui, ouvert, delai, fond, enfants))
    return cartes


def semaine_utile(plannings: Sequence[PlanningEnfant], aujourdhui: date) -> date:
    """A day of the week to open first: this one; on a weekend without any service, the one to come."""
    samedi = aujourdhui + timedelta(5 - aujourdhui.weekday())
    fin = (samedi, samedi + timedelta(1))
    cases = (case for p in plannings for ligne in p.lignes for case in ligne.cases)
    if aujourdhui not in fin or any(case.jour in fin and _visible(case) for case in cases):
        return aujourdhui
    return samedi + timedelta(2)


def _visible(case: Case) -> bool:
    return bool(case.etat) and case.etat not in TUS


def _delai(siennes: list[tuple[Prestation, Case]], entrees: Entrees, jour: date) -> tuple[bool, str]:
    """« Réservable jusqu’à mardi 24, 12 h », « Absence sans frais jusqu’à… » of a day booked, or « Délai passé
    depuis jeudi 19, 12 h ». Of several services, the nearest limit that still matters;
    « Modifiable » when it is one's to book and another's to cancel.
    """
    ouvertes, passees = defaultdict(set), []
    for prestation, case in siennes:
        quoi, limite = _limite(prestation, case, entrees)
        if regles.est_passe(limite, entrees.maintenant):
            passees.append(limite)
        elif case.valeur:
            ouvertes[limite].add(quoi)
    if ouvertes:
        proche = regles.plus_tot(*ouvertes)
        quoi = ouvertes[proche].pop() if len(ouvertes[proche]) == 1 else "Modifiable"
        return True, f"{quoi} jusqu’à {regles.instant_en_mots(proche, jour)}"
    if passees:
        return False, f"Délai passé depuis {regles.instant_en_mots(regles.plus_tard(*passees), jour)}"
    return False, ""


def _limite(prestation: Prestation, case: Case, entrees: Entrees) -> tuple[str, datetime]:
    """What that day may still be asked, and until when."""
    if case.etat != Etat.RESERVEE:
        return "Réservable", case.limite
    return "Absence sans frais", regles.limite_pour(
        prestation.limite_annulation, case.jour, prestation.heure_debut, entrees.calendrier
    )


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
