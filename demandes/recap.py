"""The recap before sending, as dataclasses: what becomes of each day, and what it will cost. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from hashlib import sha256
from types import MappingProxyType

from demandes.selection import Conflit
from demandes.textes import enumerer, jours_en_mots, mois_en_mots, noms
from enfants import accord, regles
from enfants.models import Etat
from enfants.places import Issue, IssueAbsence
from facturation.tarification import Prix
from portail.socle.argent import INSECABLE

# More days than these are told by their number, and unfolded month by month.
JOURS_MAX = 8


@dataclass(frozen=True)
class LigneRecap:
    """A child, a service, days that share their fate. `centimes` None: no price known; `mois`: to unfold."""

    qui: str
    jours: str
    detail: str = ""
    refus: str = ""
    centimes: int | None = None
    mois: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Groupe:
    """A card of the recap. `galet` is a state of the legend."""

    galet: str
    titre: str
    phrase: str
    lignes: list[LigneRecap]


@dataclass(frozen=True)
class LigneCout:
    quoi: str
    detail: str
    centimes: int


@dataclass(frozen=True)
class Cout:
    """« Ce que cela coûtera »: sure, if the town accepts, if a place is freed; `mois` of the invoices."""

    lignes: list[LigneCout]
    total: int
    si_accepte: int
    si_place: int
    mois: str
    sans_tarif: bool


@dataclass(frozen=True)
class Recap:
    groupes: list[Groupe]
    a_envoyer: list[int] = field(default_factory=list)  # positions, in what was given, of what will be sent
    cout: Cout | None = None


def empreinte(issues: Iterable[Issue | IssueAbsence]) -> str:
    """Fingerprint of what a recap announces of the days it sends."""
    dites = []
    for i in issues:
        if isinstance(i, Issue):
            inscription, jour = i.souhait.inscription.pk, i.souhait.jour
        else:
            inscription, jour = i.reservation.inscription_id, i.reservation.jour
        if i.verdict != "refus":
            dites.append(f"{inscription}:{jour.isoformat()}:{i.verdict}:{i.hors_delai}")
    return sha256("|".join(sorted(dites)).encode()).hexdigest()


def _pluriel(nombre: int, singulier: str, pluriel: str) -> str:
    return f"{nombre} {singulier if nombre == 1 else pluriel}"


# verdict → (galet, singular, plural, sentence)
RESERVATIONS = {
    "reservee": ("reservee", "jour libre", "jours libres", "Réservés dès que vous envoyez."),
    "demandee": ("demandee", "jour à valider", "jours à valider", "La mairie vous répondra."),
    "en_attente": (
        "en_attente",
        "jour complet",
        "jours complets",
        f"Demande en attente{INSECABLE}: nous vous prévenons si une place se libère.",
    ),
    "refus": ("refusee", "jour impossible", "jours impossibles", "Ils ne seront pas envoyés."),
}
ABSENCES = {
    "excusee": ("absent_excuse", "jour prévenu à temps", "jours prévenus à temps", "Rien ne sera facturé."),
    "demandee": ("absence_demandee", "jour à valider", "jours à valider", "La mairie vous répondra."),
    "facturee": (
        "absent_facture",
        "jour facturé",
        "jours facturés",
        "Le délai est passé. Pour une raison médicale, la mairie attend votre attestation.",
    ),
    "annulee": ("annulee", "demande à retirer", "demandes à retirer", "Elles ne sont pas encore acceptées."),
    "refus": ("refusee", "jour impossible", "jours impossibles", "Ils ne seront pas envoyés."),
}
UN_SEUL = {
    "Réservés dès que vous envoyez.": "Réservé dès que vous envoyez.",
    "Ils ne seront pas envoyés.": "Il ne sera pas envoyé.",
    "Elles ne sont pas encore acceptées.": "Elle n’est pas encore acceptée.",
}


def _groupe(modele: tuple, entrees: Sequence[tuple], unites: str) -> Groupe:
    """`entrees`: those of `_lignes`. Two children or two services on the same day are one day: both are counted."""
    galet, singulier, pluriel, phrase = modele
    nombre, jours = len(entrees), len({jour for _, _, jour, *_ in entrees})
    if not singulier.startswith("jour"):
        jours = nombre
    return Groupe(
        galet,
        _pluriel(jours, singulier, pluriel) + (f", {nombre} {unites}" if nombre > jours else ""),
        UN_SEUL.get(phrase, phrase) if nombre == 1 else phrase,
        _lignes(entrees),
    )


def _lignes(entrees: Iterable[tuple]) -> list[LigneRecap]:
    """Group (enfant, prestation, jour, detail, refus, prix) by everything but the day and the price."""
    entrees, groupes = list(entrees), defaultdict(list)
    for enfant, prestation, jour, detail, refus, prix in entrees:
        groupes[(enfant.pk, prestation.pk), detail, refus].append((jour, prix))
    qui = noms((enfant, prestation) for enfant, prestation, *_ in entrees)
    return [
        LigneRecap(
            qui=qui[cle],
            jours=quand([j for j, _ in jours]),
            mois=par_mois([j for j, _ in jours]) if len(jours) > JOURS_MAX else (),
            detail=accord.pour(len(jours), detail),
            refus=accord.pour(len(jours), refus),
            centimes=None if any(p is None for _, p in jours) else sum(p.centimes for _, p in jours),
        )
        for (cle, detail, refus), jours in groupes.items()
    ]


def quand(jours: Sequence[date]) -> str:
    """The days; many are summed up: « 34 jours, du lundi 30 novembre au vendredi 2 juillet »."""
    if len(jours) <= JOURS_MAX:
        return _majuscule(jours_en_mots(jours))
    du, au = (jours_en_mots([jour]) for jour in (min(jours), max(jours)))
    return f"{len(jours)}{INSECABLE}jours, du {du} au {au}"


def par_mois(jours: Iterable[date]) -> tuple[tuple[str, str], ...]:
    """« Novembre 2026 » and « lundi 30 »; « Décembre 2026 » and « mardi 1er, jeudi 3… »."""
    mois: dict[tuple[int, int], list[date]] = defaultdict(list)
    for jour in sorted(jours):
        mois[jour.year, jour.month].append(jour)
    return tuple(
        (regles.mois_en_mots(js[0]), enumerer(regles.jour_en_mots(j, j) for j in js)) for js in mois.values()
    )


def _majuscule(texte: str) -> str:
    return texte[:1].upper() + texte[1:]


def _detail(issue: Issue) -> str:
    if issue.verdict == "en_attente" and issue.rang:
        return f"Vous serez {'1er' if issue.rang == 1 else f'{issue.rang}e'} sur la liste d’attente."
    if issue.verdict == "refus":
        return ""
    if issue.hors_delai:
        return issue.phrase
    return "La place sera gardée en attendant la réponse." if issue.verdict == "demandee" else ""


def _conflits(conflits: Sequence[Conflit]) -> list[Groupe]:
    if not conflits:
        return []
    entrees = [
        (
            c.souhait.inscription.enfant,
            c.souhait.inscription.prestation,
            c.souhait.jour,
            "",
            f"Maintenant{INSECABLE}: {Etat(c.etat).label.lower() if c.etat else 'libre'}.",
            None,
        )
        for c in conflits
    ]
    modele = (
        "erreur",
        "jour a changé",
        "jours ont changé",
        "Depuis que vous avez ouvert le planning. Rien n’est annulé, et rien n’est envoyé pour ce qui a changé.",
    )
    return [_groupe(modele, entrees, "cases")]


def recap_reservations(
    issues: Sequence[Issue], prix: Sequence[Prix | None], conflits: Sequence[Conflit] = ()
) -> Recap:
    """Cards in the order of the look, and the cost of what will be sent. `prix` follows `issues`."""
    groupes = _conflits(conflits)
    for verdict, modele in RESERVATIONS.items():
        choisies = [(i, p) for i, p in zip(issues, prix, strict=True) if i.verdict == verdict]
        if choisies:
            entrees = [
                (
                    i.souhait.inscription.enfant,
                    i.souhait.inscription.prestation,
                    i.souhait.jour,
                    _detail(i),
                    i.phrase if verdict == "refus" else "",
                    p if verdict != "refus" else None,
                )
                for i, p in choisies
            ]
            groupes.append(_groupe(modele, entrees, "réservations"))
    envoyees = [n for n, i in enumerate(issues) if i.verdict != "refus"]
    return Recap(groupes, envoyees, _cout([(issues[n], prix[n]) for n in envoyees]) if envoyees else None)


def _cout(envoyees: list[tuple[Issue, Prix | None]]) -> Cout:
    sommes = dict.fromkeys(RESERVATIONS, 0)
    for issue, prix in envoyees:
        sommes[issue.verdict] += prix.centimes if prix else 0
    par_prix = defaultdict(list)
    for issue, prix in envoyees:
        if issue.verdict == "reservee" and prix:
            par_prix[issue.souhait.inscription.prestation.nom, prix.explication].append(prix.centimes)
    return Cout(
        lignes=[
            LigneCout(f"{len(montants)} × {nom}", explication, sum(montants))
            for (nom, explication), montants in par_prix.items()
        ],
        total=sommes["reservee"],
        si_accepte=sommes["demandee"],
        si_place=sommes["en_attente"],
        mois=_factures(i.souhait.jour for i, _ in envoyees),
        sans_tarif=any(p is None for _, p in envoyees),
    )


def _factures(jours: Iterable[date]) -> str:
    """« votre facture de novembre », « vos factures de novembre et de décembre », « … de décembre à juillet »."""
    jours = sorted(jours)
    mois = len({(j.year, j.month) for j in jours})
    if mois > 3:
        dernier = mois_en_mots(jours[-1:]).removeprefix("de ").removeprefix("d’")
        return f"vos factures {mois_en_mots(jours[:1])} à {dernier}"
    return f"{'vos factures' if mois > 1 else 'votre facture'} {mois_en_mots(jours)}"


def recap_absences(
    issues: Sequence[IssueAbsence],
    conflits: Sequence[Conflit] = (),
    impossibles: Sequence[tuple] = (),
    prix: Mapping[int, Prix | None] = MappingProxyType({}),
) -> Recap:
    """`impossibles`: (souhait, sentence) for days without a booking of this family. `prix`: of the reservations told
    too late, what is billed; one that costs nothing more (a monthly price) says no amount.
    """
    groupes = _conflits(conflits)
    for verdict, modele in ABSENCES.items():
        entrees = [
            (
                i.reservation.enfant,
                i.reservation.prestation,
                i.reservation.jour,
                i.phrase if verdict in ("demandee", "facturee") else "",
                i.phrase if verdict == "refus" else "",
                prix.get(i.reservation.pk),
            )
            for i in issues
            if i.verdict == verdict
        ]
        if verdict == "refus":
            entrees += [
                (s.inscription.enfant, s.inscription.prestation, s.jour, "", phrase, None)
                for s, phrase in impossibles
            ]
        if entrees:
            groupes.append(_groupe(modele, entrees, "absences"))
    return Recap(groupes, [n for n, i in enumerate(issues) if i.verdict != "refus"])
