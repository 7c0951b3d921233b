"""The month grid as HTML. Rows are joined strings: a Django template spends as long on 310 cells as on the rest.

Markup and class names are those of the look (static/css/planning.css). Every text from the database is escaped.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from html import escape  # the same five characters as Django's, which costs three times as much on each cell
from itertools import groupby

from django.utils.safestring import SafeString, mark_safe

from enfants import regles, semaine
from enfants.planning import Ligne, PlanningEnfant
from enfants.planning_case import Case
from enfants.planning_echeances import Echeances
from portail.socle.argent import INSECABLE
from portail.socle.templatetags.portail import icone

SIGLES = ("Lu", "Ma", "Me", "Je", "Ve", "S", "D")
MARQUES = {regles.FERIE: "JF", regles.FERMETURE: "F", regles.PETITES: "P", regles.GRANDES: "G"}
AVATARS = 5
COCHES_MAX = 60  # boxes an address may hold
# Nothing was asked that day: the words say all there is.
SANS_DETAIL = ("complet", "exclusif", "autre_foyer", "ineligible")


def avatar(prenom: str, rang: int) -> str:
    couleur = f" avatar-{rang}" if rang <= AVATARS else ""
    return f'<span class="avatar{couleur}" aria-hidden="true">{escape(prenom[:1])}</span>'


def entete(jours: Sequence[date], aujourdhui: date) -> SafeString:
    """Columns and head: weekday, number, « auj. »."""
    # Today is as wide as a working day: « auj. » would not hold in less.
    etroites = [j.weekday() > 4 and j != aujourdhui for j in jours]
    colonnes = "".join('<col class="cw">' if etroite else "<col>" for etroite in etroites)
    cases = []
    for jour in jours:
        classe = ' class="a"' if jour == aujourdhui else ' class="w"' if jour.weekday() > 4 else ""
        auj = "<em>auj.</em>" if jour == aujourdhui else ""
        sigle, nom = SIGLES[jour.weekday()], semaine.NOMS[jour.weekday()]
        cases.append(f'<th scope="col"{classe}>{auj}<abbr title="{nom}">{sigle}</abbr>{jour.day}</th>')
    tete = '<th scope="col">Prestation</th><th scope="col">Responsable</th>' + "".join(cases)
    return mark_safe(
        f'<colgroup><col class="cp"><col class="cr">{colonnes}</colgroup><thead><tr>{tete}</tr></thead>'
    )


@dataclass(frozen=True)
class Decor:
    """What every row of a month shares: names and classes of the days, deadlines, address of the detail."""

    noms: dict[date, str]
    colonnes: dict[date, str]
    echeances: Echeances
    detail: str  # « …/0/2000-01-01/ »

    @classmethod
    def du_mois(cls, jours: Sequence[date], aujourdhui: date, echeances: Echeances, detail: str) -> "Decor":
        return cls(
            {j: f"{semaine.NOMS[j.weekday()]} {'1er' if j.day == 1 else j.day}" for j in jours},
            {j: "a" if j == aujourdhui else "w" if j.weekday() > 4 else "" for j in jours},
            echeances,
            detail,
        )


def limites(echeances: Echeances) -> SafeString:
    """Attributes of the table: the deadlines, each rule once."""
    return mark_safe("".join(f' data-limites{n}="{escape(mots)}"' for n, mots in enumerate(echeances.regles)))


def corps(plannings: Sequence[PlanningEnfant], decor: Decor) -> SafeString:
    """The rows. With several children each has its band, and labels begin with the first name."""
    largeur = len(decor.noms) + 2
    morceaux = []
    for rang, p in enumerate(plannings, 1):
        prefixe = ""
        if len(plannings) > 1:
            prefixe = f"{escape(p.enfant.prenom)}, "
            morceaux.append(
                f'<tr class="s s-enfant"><th colspan="{largeur}" scope="rowgroup"><span>'
                f"{avatar(p.enfant.prenom, rang)}{escape(p.enfant.prenom)}</span></th></tr>"
            )
            if not p.lignes:
                morceaux.append(
                    f'<tr><td class="phrase" colspan="{largeur}">Aucune inscription ce mois-ci.</td></tr>'
                )
        for structure, lignes in groupby(p.lignes, key=lambda ligne: ligne.prestation.structure.nom):
            morceaux.append(
                f'<tr class="s"><th colspan="{largeur}" scope="rowgroup">'
                f"<span>{escape(structure)}</span></th></tr>"
            )
            morceaux.extend(_ligne(ligne, rang, prefixe, decor) for ligne in lignes)
    return mark_safe(f"<tbody>{''.join(morceaux)}</tbody>")


def cocher(rendu: SafeString, valeurs: Sequence[str]) -> SafeString:
    """Tick these boxes (those of a recap one comes back from); a value that no box posts is nothing."""
    for valeur in valeurs:
        attribut = f' value="{escape(valeur)}"'
        rendu = rendu.replace(attribut, f"{attribut} checked")
    return mark_safe(rendu)


def _ligne(ligne: Ligne, rang: int, prefixe: str, decor: Decor) -> str:
    nom = escape(ligne.prestation.nom)
    tete = (
        f'<tr{_attributs(ligne, rang, decor)}><th scope="row">{icone(ligne.prestation.icone)}<span>{nom}</span></th>'
        f'<td class="r">{escape(ligne.payeur)}</td>'
    )
    if ligne.phrase:
        return tete + _phrase(ligne) + "</tr>"
    lien = ""
    if ligne.a_soi:
        lien = decor.detail.replace("/0/2000-01-01/", f"/{ligne.inscription.pk}/")
    noms, colonnes = decor.noms, decor.colonnes
    cases = [_case(c, f"{prefixe}{nom}, {noms[c.jour]}", colonnes[c.jour], lien) for c in ligne.cases]
    return tete + "".join(cases) + "</tr>"


def _attributs(ligne: Ligne, rang: int, decor: Decor) -> str:
    """For the script: exclusive groups (of that child), numbers of the deadlines."""
    attributs = ""
    if ligne.groupes:
        attributs = f' data-groupes="{" ".join(f"{rang}-{g}" for g in ligne.groupes)}"'
    for nom, numero in zip(("reserver", "annuler"), decor.echeances.numeros(ligne), strict=True):
        if numero is not None:
            attributs += f' data-{nom}="{numero}"'
    return attributs


def galet(case: Case, texte: str = "", classe: str = "") -> str:
    """The token of a cell; `texte` is for screen readers. Few places left are written on it."""
    boucle = " g-r" if case.regulier else ""
    nombre = "" if case.restantes is None else f' data-n="{case.restantes}"'
    return f'<i class="g{classe} g-{case.etat}{boucle}"{nombre}>{texte}</i>'


def _case(case: Case, nom: str, colonne: str, lien: str) -> str:
    # No </td>: HTML lets it out, and a month is a thousand bytes lighter.
    etat = case.etat
    classe = f' class="{colonne}"' if colonne else ""
    if not etat:
        return f"<td{classe}>"
    if etat in MARQUES:
        suite = f" {colonne}" if colonne == "a" else ""
        return f'<td class="j-{etat}{suite}">{MARQUES[etat]}'
    mots = "libre" if etat == "libre" else escape(case.mots)
    if case.valeur:
        return (
            f'<td{classe}><input type="checkbox" name="c" value="{case.valeur}" '
            f'aria-label="{nom}{INSECABLE}: {mots}">{galet(case)}'
        )
    if lien and etat not in SANS_DETAIL:
        boucle = " g-r" if case.regulier else ""
        adresse = f"{lien}{case.jour.isoformat()}/"
        return f'<td{classe}><a class="g g-{etat}{boucle}" href="{adresse}">{nom}{INSECABLE}: {mots}</a>'
    bulle = f' title="{mots[:1].upper()}{mots[1:]}"' if case.precision else ""
    return f"<td{classe}{bulle}>{galet(case, f'{mots[:1].upper()}{mots[1:]}')}"


def _phrase(ligne: Ligne) -> str:
    """The sentence in the longest run between bank holidays, so that each « JF » stays in its column."""
    suites = [(etat, len(list(cases))) for etat, cases in groupby(ligne.cases, key=lambda c: c.etat)]
    plus_longue = max((n for etat, n in suites if not etat), default=0)
    morceaux, dite = [], False
    for etat, n in suites:
        if etat:
            morceaux.append(f'<td class="j-{etat}">{MARQUES[etat]}' * n)
        elif n == plus_longue and not dite:
            morceaux.append(f'<td class="phrase" colspan="{n}">{escape(ligne.phrase)}</td>')
            dite = True
        else:
            morceaux.append(f'<td colspan="{n}">')
    return "".join(morceaux)
