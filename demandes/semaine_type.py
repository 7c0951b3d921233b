"""A typical week, for one child or several at once: which days each service, until when. Pure, apart from the form.

Parents' loudest complaint elsewhere: the same days, child after child. Here a service has one row of days for all.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from demandes.forms import Case
from demandes.textes import enumerer
from enfants import regles, semaine
from enfants.models import Enfant, Inscription, Prestation
from enfants.planning_case import ANNULABLES, Reservee
from portail.socle.argent import INSECABLE

TOUTES, PAIRES, IMPAIRES = "toutes", "paires", "impaires"


@dataclass
class Service:
    """A service and the household's inscriptions to it: one for each child, in their order."""

    prestation: Prestation
    inscriptions: list[Inscription] = field(default_factory=list)

    @property
    def jours(self) -> list[int]:
        """Weekdays on which it opens, as Python numbers them."""
        return [n for n in range(7) if self.prestation.jours >> n & 1]


def services(inscriptions: Iterable[Inscription]) -> list[Service]:
    """Services of the household, in the order given (that of the planning)."""
    trouves: dict[int, Service] = {}
    for inscription in inscriptions:
        pk = inscription.prestation_id
        trouves.setdefault(pk, Service(inscription.prestation)).inscriptions.append(inscription)
    return list(trouves.values())


@dataclass(frozen=True)
class Borne:
    """« Jusqu’aux vacances de Noël (vendredi 18 décembre) »."""

    code: str
    libelle: str
    jour: date
    du: date | None = None  # the period begins there, whatever first day was typed


def bornes(calendrier: regles.Calendrier, du: date) -> list[Borne]:
    """The ends a parent thinks of, from the school holidays of the town's zone."""
    a_venir = sorted((v for v in calendrier.vacances if v.du > du), key=lambda v: v.du)
    prochaines = a_venir[0] if a_venir else None
    ete = next((v for v in a_venir if v.nature == "grandes"), None)
    trouvees = []
    if prochaines:
        fin = _dernier_ouvre(prochaines.du)
        trouvees.append(Borne("vacances", f"Jusqu’aux prochaines vacances ({_jour(fin, du)})", fin))
        debut, fin = prochaines.du, prochaines.au
        texte = f"Pendant les prochaines vacances (du {_jour(debut, du)} au {_jour(fin, du)})"
        trouvees.append(Borne("pendant", texte, fin, debut))
    if ete and ete is not prochaines:
        fin = _dernier_ouvre(ete.du)
        trouvees.append(Borne("annee", f"Jusqu’à la fin de l’année scolaire ({_jour(fin, du)})", fin))
    return trouvees


def _jour(jour: date, repere: date) -> str:
    annee = "" if jour.year == repere.year else f"{INSECABLE}{jour.year}"
    return regles.jour_en_mots(jour) + annee


def _dernier_ouvre(jour: date) -> date:
    jour -= timedelta(days=1)
    while jour.weekday() > 4:
        jour -= timedelta(days=1)
    return jour


def conflits(
    choix: Mapping[int, set[int]], inscriptions: Iterable[Inscription], groupes: Iterable[dict]
) -> list[str]:
    """Sentences on the days ticked for two services of an exclusive group, child by child. `groupes`: prestation → nom."""
    phrases = []
    par_enfant: dict[Enfant, dict[int, set[int]]] = defaultdict(dict)
    for i in inscriptions:
        if choix.get(i.pk):
            par_enfant[i.enfant].setdefault(i.prestation_id, set()).update(choix[i.pk])
    for enfant, jours in par_enfant.items():
        for groupe in groupes:
            noms = {pk: nom for pk, nom in groupe.items() if pk in jours}
            doubles = [n for n in range(7) if sum(n in jours[pk] for pk in noms) > 1]
            if doubles:
                pris = [
                    f"«{INSECABLE}{nom}{INSECABLE}»" for pk, nom in noms.items() if jours[pk] & set(doubles)
                ]
                quand = enumerer(semaine.NOMS[n] for n in doubles)
                phrases.append(
                    f"{enfant.prenom}, {quand}{INSECABLE}: un seul choix par jour entre {enumerer(pris)}."
                )
    return list(dict.fromkeys(phrases))


@dataclass
class Depli:
    """The boxes of a typical week, day by day, and how many days were left as they are."""

    cases: list[Case] = field(default_factory=list)
    deja: int = 0  # booking: already booked or asked; absence: nothing booked that day
    fermes: int = 0


def deplier(
    choix: Mapping[int, set[int]],
    inscriptions: Iterable[Inscription],
    reservations: Iterable[Reservee],
    calendrier: regles.Calendrier,
    periode: tuple[date, date],
    semaines: str,
    absence: bool,
) -> Depli:
    """Open days of these weekdays in the period. `choix`: weekdays by inscription; `reservations`: the live rows."""
    vivantes = {(r.inscription_id, r.jour): r for r in reservations}
    depli = Depli()
    for inscription in inscriptions:
        for jour in _jours(periode, choix.get(inscription.pk, ()), semaines):
            if jour < inscription.du or (inscription.au and jour > inscription.au):
                continue
            if regles.fond(inscription.prestation, jour, calendrier) != regles.OUVERT:
                depli.fermes += 1
                continue
            vivante = vivantes.get((inscription.pk, jour))
            retirable = vivante is not None and vivante.etat in ANNULABLES
            if retirable if absence else vivante is None:
                depli.cases.append(Case(inscription.pk, jour, vivante.version if vivante else 0))
            else:
                depli.deja += 1
    return depli


def _jours(periode: tuple[date, date], jours: Iterable[int], semaines: str) -> Iterable[date]:
    du, au = periode
    reste = {PAIRES: 0, IMPAIRES: 1}.get(semaines)
    for n in range((au - du).days + 1):
        jour = du + timedelta(n)
        if jour.weekday() in jours and (reste is None or jour.isocalendar().week % 2 == reste):
            yield jour


def notes(depli: Depli, absence: bool) -> list[str]:
    """What the recap says besides: nothing is silently dropped."""
    phrases = []
    if depli.fermes:
        s = "s" if depli.fermes > 1 else ""
        phrases.append(
            f"{depli.fermes} jour{s} sauté{s}{INSECABLE}: service fermé (vacances, jours fériés, fermetures)."
        )
    if depli.deja and absence:
        s = "s" if depli.deja > 1 else ""
        phrases.append(f"{depli.deja} jour{s} sans réservation{INSECABLE}: rien à déclarer.")
    elif depli.deja:
        s = "s" if depli.deja > 1 else ""
        verbe = "sont" if depli.deja > 1 else "est"
        phrases.append(
            f"{depli.deja} jour{s} {verbe} déjà demandé{s} ou réservé{s}{INSECABLE}: rien ne change."
        )
    return phrases


def de_la_semaine(reservations: Sequence[Reservee]) -> dict[int, set[int]]:
    """Weekdays booked in these rows, by inscription: the week to repeat."""
    choix: dict[int, set[int]] = defaultdict(set)
    for r in reservations:
        if r.etat in ANNULABLES:
            choix[r.inscription_id].add(r.jour.weekday())
    return choix
