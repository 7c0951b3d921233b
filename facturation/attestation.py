"""What a household paid in a year for the childcare of its youngest: the certificate of the tax credit (CGI, art. 200
quater B). Sums paid, not billed; neither meals, nor billed absences, nor surcharges; nothing the trésorerie collects.
"""

import re
from collections import defaultdict
from dataclasses import dataclass
from datetime import date

from django.db.models.functions import Coalesce

from facturation.models import Imputation, LigneFacture, Regie, RegiePrestation
from facturation.tarification import ABSENCE, MAJORATIONS
from familles.models import Famille
from portail.socle.argent import INSECABLE, repartir

AGE = 6  # years, not reached on 1 January
_MONTANT = r"([\d\N{NARROW NO-BREAK SPACE}]+),(\d\d)" + INSECABLE + "€"
_MAJORATION = re.compile(rf"(?:{'|'.join(MAJORATIONS)}) \+ {_MONTANT}")
_REMPLACE = re.compile(rf"(?:^|\(){_MONTANT}, (?:{'|'.join(MAJORATIONS)})")
_ENTIER = re.compile(rf"^votre part, [\d,]+{INSECABLE}% de {_MONTANT}")


@dataclass
class EnfantAtteste:
    """A child under six on 1 January, and the cents paid for its care."""

    nom: str
    naissance: date
    centimes: int = 0


@dataclass
class Attestation:
    """The certificate of a year: children under six, régies that were paid."""

    annee: int
    enfants: list[EnfantAtteste]
    regies: list[Regie]

    @property
    def total(self) -> int:
        return sum(enfant.centimes for enfant in self.enfants)


def attestations(famille: Famille) -> list[Attestation]:
    """Every year with something to certify, the latest first. Two queries."""
    paye = _paye(famille)
    lignes: dict[int, list[LigneFacture]] = defaultdict(list)
    de_la_famille = LigneFacture.objects.filter(facture__in={facture for _, facture in paye})
    for ligne in de_la_famille.select_related("enfant", "facture__regie").order_by("facture", "pk"):
        lignes[ligne.facture_id].append(ligne)
    trouvees: dict[int, dict] = defaultdict(dict)
    regies: dict[int, set[Regie]] = defaultdict(set)
    for (annee, facture), centimes in paye.items():
        for ligne, part in _repartir(centimes, lignes[facture]):
            if garde := _de_garde(ligne, part, annee):
                neuf = EnfantAtteste(str(ligne.enfant), ligne.enfant.naissance)
                trouvees[annee].setdefault(ligne.enfant_id, neuf).centimes += garde
                regies[annee].add(ligne.facture.regie)
    return [
        Attestation(
            annee,
            sorted(trouvees[annee].values(), key=lambda e: (e.naissance, e.nom)),
            sorted(regies[annee], key=lambda r: r.nom),
        )
        for annee in sorted(trouvees, reverse=True)
    ]


def _paye(famille: Famille) -> dict[tuple[int, int], int]:
    """(year, invoice) → cents paid, on the day of the règlement; money given back, on that of what it undoes."""
    siennes = Imputation.objects.filter(reglement__famille=famille, facture__famille=famille).order_by()
    lignes = siennes.values_list(
        Coalesce("reglement__annule__date", "reglement__date"), "facture", "centimes"
    )
    paye: dict[tuple[int, int], int] = defaultdict(int)
    for jour, facture, centimes in lignes:
        paye[jour.year, facture] += centimes
    return {cle: centimes for cle, centimes in paye.items() if centimes > 0}


def _repartir(paye: int, lignes: list[LigneFacture]) -> list[tuple[LigneFacture, int]]:
    """A part of an invoice pays each of its lines in proportion."""
    totaux = [ligne.total_centimes for ligne in lignes]
    return list(zip(lignes, repartir(paye, totaux), strict=True)) if any(totaux) else []


def _de_garde(ligne: LigneFacture, paye: int, annee: int) -> int:
    """Cents of what was paid of a line that count. The frozen explanation of its price says what was added to it."""
    garde = ligne.nature_fiscale == RegiePrestation.NatureFiscale.GARDE
    if not (
        garde
        and ligne.enfant
        and ligne.unite_centimes > 0
        and ligne.enfant.naissance > date(annee - AGE, 1, 1)
    ):
        return 0
    # A price that replaces the ordinary one cannot be told from its surcharge: it does not count.
    if ABSENCE in ligne.explication or _REMPLACE.search(ligne.explication):
        return 0
    ajout = _MAJORATION.search(ligne.explication)
    if ajout is None:
        return paye
    entier = _ENTIER.match(ligne.explication)
    total = _centimes(entier) if entier else ligne.unite_centimes
    return paye * max(0, total - _centimes(ajout)) // total


def _centimes(trouve: re.Match) -> int:
    euros, reste = trouve.groups()
    return int(euros.replace("\N{NARROW NO-BREAK SPACE}", "")) * 100 + int(reste)
