"""A typical week, for one child or several at once: which days each service, until when. Pure, apart from the form.

Parents' loudest complaint elsewhere: the same days, child after child. Here a service has one row of days for all.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import combinations

from demandes.forms import Case
from demandes.textes import enumerer, jours_en_mots, noms
from enfants import regles, semaine
from enfants.models import Enfant, Inscription, Prestation
from enfants.planning_case import ANNULABLES, Reservee
from portail.socle.argent import INSECABLE

TOUTES, PAIRES, IMPAIRES = "toutes", "paires", "impaires"


@dataclass
class Service:
    """A service as parents know it, this year's and next year's of the same name, and the household's inscriptions to
    it: one a child, or several that follow each other.
    """

    prestation: Prestation  # the first of them: what names the row
    inscriptions: list[Inscription] = field(default_factory=list)

    @property
    def jours(self) -> list[int]:
        """Weekdays on which it opens, as Python numbers them."""
        return [n for n in range(7) if any(i.prestation.jours >> n & 1 for i in self.inscriptions)]

    @property
    def de_vacances(self) -> bool:
        """Whether it never opens on a day of school."""
        return not any(i.prestation.periode_scolaire for i in self.inscriptions)

    @property
    def enfants(self) -> dict[Enfant, int]:
        """Its children, each with the inscription that names its row: the first."""
        trouves: dict[Enfant, int] = {}
        for i in self.inscriptions:
            trouves.setdefault(i.enfant, i.pk)
        return trouves

    def nom(self, jour: date) -> str:
        """« Garderie matin »; « …, à partir du 01/09/2027 » when no child may come before."""
        debut = min(validite(i)[0] for i in self.inscriptions)
        return f"{self.prestation.nom}, à partir du {debut:%d/%m/%Y}" if debut > jour else self.prestation.nom


def services(inscriptions: Iterable[Inscription]) -> list[Service]:
    """Services of the household, in the order given (that of the planning)."""
    trouves: dict[tuple[int, str], Service] = {}
    for inscription in inscriptions:
        cle = lignee(inscription.prestation)
        trouves.setdefault(cle, Service(inscription.prestation)).inscriptions.append(inscription)
    return list(trouves.values())


def lignee(prestation: Prestation) -> tuple[int, str]:
    """The same for a service and its copy of next year."""
    return prestation.structure_id, prestation.nom


def validite(inscription: Inscription) -> tuple[date, date]:
    """First and last day on which it may be booked, within the life of its service."""
    prestation = inscription.prestation
    arret = prestation.archivee_le and prestation.archivee_le - timedelta(days=1)
    return (
        max(inscription.du, prestation.debut or inscription.du),
        min(inscription.au or date.max, arret or date.max),
    )


@dataclass(frozen=True)
class Borne:
    """« Jusqu’aux vacances de Noël (vendredi 18 décembre) »."""

    code: str
    libelle: str
    jour: date
    du: date | None = None  # the period begins there, whatever first day was typed


def bornes(calendrier: regles.Calendrier, du: date) -> list[Borne]:
    """The ends a parent thinks of when the first day is `du`, from the school holidays of the town's zone."""
    vacances = sorted((v for v in calendrier.vacances if v.au >= du), key=lambda v: v.du)
    suivantes = [v for v in vacances if _dernier_ouvre(v.du) >= du]
    trouvees = []
    if suivantes:
        fin = _dernier_ouvre(suivantes[0].du)
        trouvees.append(Borne("vacances", f"Jusqu’aux prochaines vacances ({_jour(fin, du)})", fin))
    if vacances:
        v = vacances[0]
        if v.du <= du:
            trouvees.append(Borne("pendant", f"Pendant ces vacances (jusqu’au {_jour(v.au, du)})", v.au))
        else:
            texte = f"Pendant les prochaines vacances (du {_jour(v.du, du)} au {_jour(v.au, du)})"
            trouvees.append(Borne("pendant", texte, v.au, v.du))
    ete = next((v for v in suivantes if v.nature == "grandes"), None)
    if ete and ete is not suivantes[0]:
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
    par_enfant: dict[Enfant, list[Inscription]] = defaultdict(list)
    for i in inscriptions:
        if choix.get(i.pk):
            par_enfant[i.enfant].append(i)
    for enfant, siennes in par_enfant.items():
        for groupe in groupes:
            membres = [i for i in siennes if i.prestation_id in groupe]
            paires = [(a, b) for a, b in combinations(membres, 2) if _ensemble(a, b)]
            doubles = {n for a, b in paires for n in choix[a.pk] & choix[b.pk]}
            if doubles:
                pris = dict.fromkeys(groupe[i.prestation_id] for i in membres if choix[i.pk] & doubles)
                entre = enumerer(f"«{INSECABLE}{nom}{INSECABLE}»" for nom in pris)
                quand = enumerer(semaine.NOMS[n] for n in sorted(doubles))
                phrases.append(f"{enfant.prenom}, {quand}{INSECABLE}: un seul choix par jour entre {entre}.")
    return list(dict.fromkeys(phrases))


def _ensemble(a: Inscription, b: Inscription) -> bool:
    """Two services that may fall on the same day: this year's and next year's never do."""
    (du, au), (autre_du, autre_au) = validite(a), validite(b)
    return a.prestation_id != b.prestation_id and du <= autre_au and autre_du <= au


@dataclass
class Depli:
    """The boxes of a typical week, day by day, and the days left as they are."""

    cases: list[Case] = field(default_factory=list)
    fin: date = date.max
    dans: list[Inscription] = field(default_factory=list)  # valid at least one day of the period
    hors: list[Inscription] = field(default_factory=list)  # not one
    # Days left as they are. Booking: already booked or asked; absence: nothing booked.
    deja: list[tuple[Inscription, date]] = field(default_factory=list)
    fermes: list[tuple[Inscription, date]] = field(default_factory=list)


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
    depli = Depli(fin=periode[1])
    for inscription in inscriptions:
        du, au = validite(inscription)
        if du > periode[1] or au < periode[0]:
            depli.hors.append(inscription)
            continue
        depli.dans.append(inscription)
        for jour in _jours(periode, choix.get(inscription.pk, ()), semaines):
            if not du <= jour <= au:
                continue
            if regles.fond(inscription.prestation, jour, calendrier) != regles.OUVERT:
                depli.fermes.append((inscription, jour))
                continue
            vivante = vivantes.get((inscription.pk, jour))
            retirable = vivante is not None and vivante.etat in ANNULABLES
            if retirable if absence else vivante is None:
                depli.cases.append(Case(inscription.pk, jour, vivante.version if vivante else 0))
            else:
                depli.deja.append((inscription, jour))
    return depli


def _jours(periode: tuple[date, date], jours: Iterable[int], semaines: str) -> Iterable[date]:
    du, au = periode
    reste = {PAIRES: 0, IMPAIRES: 1}.get(semaines)
    for n in range((au - du).days + 1):
        jour = du + timedelta(n)
        if jour.weekday() in jours and (reste is None or jour.isocalendar().week % 2 == reste):
            yield jour


@dataclass(frozen=True)
class Note:
    """What the recap says besides; `lignes`: the days it is about, (« Léa, Garderie matin », days), to unfold."""

    texte: str
    lignes: list[tuple[str, str]] = field(default_factory=list)


def notes(depli: Depli, absence: bool) -> list[Note]:
    """Nothing is silently dropped."""
    phrases = [Note(phrase) for phrase in _hors(depli)]
    if depli.fermes:
        s = "s" if len(depli.fermes) > 1 else ""
        texte = f"jour{s} sauté{s}{INSECABLE}: service fermé (vacances, jours fériés, fermetures)."
        phrases.append(_note(depli.fermes, texte))
    if depli.deja and absence:
        s = "s" if len(depli.deja) > 1 else ""
        phrases.append(_note(depli.deja, f"jour{s} sans réservation{INSECABLE}: rien à déclarer."))
    elif depli.deja:
        s, verbe = ("s", "sont") if len(depli.deja) > 1 else ("", "est")
        texte = f"jour{s} {verbe} déjà demandé{s} ou réservé{s}{INSECABLE}: rien ne change."
        phrases.append(_note(depli.deja, texte))
    return phrases


def _note(jours: list[tuple[Inscription, date]], texte: str) -> Note:
    qui = noms((i.enfant, i.prestation) for i, _ in jours)
    par_ligne: dict[str, list[date]] = defaultdict(list)
    for i, jour in jours:
        par_ligne[qui[i.enfant_id, i.prestation_id]].append(jour)
    return Note(f"{len(jours)} {texte}", [(nom, jours_en_mots(js)) for nom, js in par_ligne.items()])


def _hors(depli: Depli) -> list[str]:
    """Children who are not enrolled one day of the period, and from when, or until when, they are."""
    dans = {(i.enfant, lignee(i.prestation)) for i in depli.dans}
    phrases = []
    for i in depli.hors:
        if (i.enfant, lignee(i.prestation)) in dans:
            continue
        du, au = validite(i)
        borne = f"commence le {du:%d/%m/%Y}" if du > depli.fin else f"s’arrête le {au:%d/%m/%Y}"
        phrases.append(f"{i.enfant.prenom}, {i.prestation.nom}{INSECABLE}: l’inscription {borne}.")
    return phrases


def de_la_semaine(reservations: Iterable[tuple], services: Iterable[Service]) -> dict[int, set[int]]:
    """The week to repeat: its weekdays, by the inscription that names each child's row of a service.

    `reservations`: (enfant, structure, nom, jour) of the booked days, whatever inscription booked them.
    """
    lignes = {(enfant.pk, *lignee(s.prestation)): pk for s in services for enfant, pk in s.enfants.items()}
    choix: dict[int, set[int]] = defaultdict(set)
    for enfant, structure, nom, jour in reservations:
        if pk := lignes.get((enfant, structure, nom)):
            choix[pk].add(jour.weekday())
    return choix
