"""The price of a day: pure. Rows come in as dataclasses, cents and a French explanation come out.

Towns write bands in whole euros (« 0 à 622 », « 623 à 1000 ») or with decimals (« 308,01 à 500 »): a quotient that
falls between two bands less than one euro apart belongs to the lower one. Without a known quotient the highest
price applies. Half a cent rounds up.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from portail.socle.argent import INSECABLE, euros, repartir

DEMI_HEURE = 30
# How the explanation of a shared price begins: a line says by it that it bills a share.
VOTRE_PART = "votre part"
# A service longer than this (minutes) is worth two half-days.
DEMI_JOURNEE = 300
# Words of the explanation that the tax certificate reads again (`attestation`): invoices already say them.
ABSENCE = "absence non justifiée"
MAJORATIONS = ("sans réservation", "réservation tardive")
UNITES = {
    "jour": ("le jour", "jours"),
    "demi_journee": ("la demi-journée", "demi-journées"),
    "demi_heure": ("la demi-heure", "demi-heures"),
    "mois": ("le mois", "mois"),
}


@dataclass(frozen=True)
class Tranche:
    """[qf_min, qf_max] (None = and above), for children of this sibling rank or later."""

    qf_min: Decimal
    qf_max: Decimal | None
    centimes: int
    centimes_hors_commune: int | None = None
    rang: int = 1


@dataclass(frozen=True)
class Bareme:
    """A Tarif as the computation reads it. Amounts in cents, `taux` in % of the quotient (in euros)."""

    mode: str
    unite: str = "jour"
    mot: str = ""
    tranches: tuple[Tranche, ...] = ()
    forfait: int = 0
    taux: Decimal = Decimal(0)
    plancher: int = 0
    plafond: int = 0
    hors_commune: int = 0
    hors_commune_pourcent: int = 0
    hors_delai: int = 0
    hors_delai_pourcent: int = 0
    sans_reservation: int = 0
    sans_reservation_pourcent: int = 0
    remplace: bool = False
    absence_pourcent: int = 100
    panier_repas: int | None = None

    @property
    def majore_le_retard(self) -> bool:
        """Whether a day asked past its limit costs more."""
        return bool(self.hors_delai or self.hors_delai_pourcent)


@dataclass(frozen=True)
class Situation:
    """What the price of this day depends on. `quotient` is that of the day, `minutes` the time to bill."""

    quotient: Decimal | None
    residente: bool = True
    rang: int = 1
    panier_repas: bool = False
    hors_delai: bool = False
    sans_reservation: bool = False
    absence: bool = False
    minutes: int = 0


@dataclass(frozen=True)
class Prix:
    """Cents, and why: « 1,60 € le matin, quotient 845 »."""

    centimes: int
    explication: str


def prix(bareme: Bareme, situation: Situation) -> Prix | None:
    """The price of one day (one month when the tarif is monthly). None when no band holds this quotient."""
    base = _base(bareme, situation)
    if base is None:
        return None
    centimes, mots = base
    quantite = _quantite(bareme, situation)
    mot, pluriel = UNITES[bareme.unite]
    tete = f"{euros(centimes)} {bareme.mot or mot}"
    if quantite > 1:
        tete = f"{quantite} {pluriel} à {euros(centimes)}"
    centimes *= quantite
    mots = [tete, *mots]
    if bareme.unite != "mois":
        centimes = _evenements(bareme, situation, centimes, mots)
    return Prix(centimes, ", ".join(mots))


def partager(prix_entier: Prix, parts: Sequence[Decimal], position: int) -> Prix:
    """The share at `position` of a day paid by several families: largest remainder, nothing lost or gained."""
    centimes = repartir(prix_entier.centimes, parts)[position]
    part = f"{_nombre(parts[position])}{INSECABLE}%"
    return Prix(
        centimes, f"{VOTRE_PART}, {part} de {euros(prix_entier.centimes)} ({prix_entier.explication})"
    )


def _base(bareme: Bareme, situation: Situation) -> tuple[int, list[str]] | None:
    """Price of one unit and the words that explain it."""
    if situation.panier_repas and bareme.panier_repas is not None:
        return bareme.panier_repas, ["panier repas fourni par la famille"]
    if bareme.mode == "forfait":
        centimes, mots = bareme.forfait, []
    elif bareme.mode == "taux_effort":
        centimes, mots = _taux_effort(bareme, situation.quotient)
    else:
        return _par_tranches(bareme, situation)
    if not situation.residente:
        mots.append("hors commune")
        centimes = _hors_commune(bareme, centimes)
    return centimes, mots


def _taux_effort(bareme: Bareme, quotient: Decimal | None) -> tuple[int, list[str]]:
    if quotient is None:
        return bareme.plafond, [_sans_quotient()]
    exact = _arrondi(quotient * bareme.taux)  # % of euros is cents
    mots = [f"{_quotient(quotient)} à {_nombre(bareme.taux)}{INSECABLE}%"]
    if exact < bareme.plancher:
        return bareme.plancher, [*mots, "prix plancher"]
    if exact > bareme.plafond:
        return bareme.plafond, [*mots, "prix plafond"]
    return exact, mots


def _par_tranches(bareme: Bareme, situation: Situation) -> tuple[int, list[str]] | None:
    rangs = {t.rang for t in bareme.tranches if t.rang <= situation.rang}
    if not rangs:
        return None
    rang = max(rangs)
    tranches = sorted((t for t in bareme.tranches if t.rang == rang), key=lambda t: t.qf_min)

    def montant(tranche: Tranche) -> int:
        if situation.residente:
            return tranche.centimes
        if tranche.centimes_hors_commune is not None:
            return tranche.centimes_hors_commune
        return _hors_commune(bareme, tranche.centimes)

    if situation.quotient is None:
        centimes, mots = max(montant(t) for t in tranches), [_sans_quotient()]
    else:
        tranche = _tranche(tranches, situation.quotient)
        if tranche is None:
            return None
        centimes, mots = montant(tranche), [_quotient(situation.quotient)]
    if rang > 1:
        mots.append(f"{situation.rang}e enfant")
    if not situation.residente:
        mots.append("hors commune")
    return centimes, mots


def _tranche(tranches: list[Tranche], quotient: Decimal) -> Tranche | None:
    """The band of this quotient, `tranches` being in order."""
    trouvee = None
    for rang, tranche in enumerate(tranches):
        if quotient < tranche.qf_min:
            break
        suivante = tranches[rang + 1].qf_min if rang + 1 < len(tranches) else None
        dans = tranche.qf_max is None or quotient <= tranche.qf_max
        entre = suivante is not None and not dans and suivante - tranche.qf_max <= 1
        trouvee = tranche if dans or entre else None
    return trouvee


def _evenements(bareme: Bareme, situation: Situation, centimes: int, mots: list[str]) -> int:
    """Absence, late booking, no booking: the new price; `mots` grows."""
    if situation.absence:
        centimes = _arrondi(Decimal(centimes * bareme.absence_pourcent) / 100)
        mots.append(ABSENCE + _a_pourcent(bareme.absence_pourcent))
    cas = []
    if situation.sans_reservation:
        cas.append((MAJORATIONS[0], bareme.sans_reservation, bareme.sans_reservation_pourcent))
    elif situation.hors_delai:
        cas.append((MAJORATIONS[1], bareme.hors_delai, bareme.hors_delai_pourcent))
    for nom, fixe, pourcent in cas:
        if bareme.remplace and fixe:
            mots[:] = [f"{euros(fixe)}, {nom}"]
            return fixe
        ajout = fixe + _arrondi(Decimal(centimes * pourcent) / 100)
        mots.append(f"{nom} + {euros(ajout)}" if ajout else nom)
        centimes += ajout
    return centimes


def _quantite(bareme: Bareme, situation: Situation) -> int:
    """Units begun: a half-hour begun is due."""
    if bareme.unite == "demi_heure":
        return max(1, -(-situation.minutes // DEMI_HEURE))
    if bareme.unite == "demi_journee":
        return 2 if situation.minutes > DEMI_JOURNEE else 1
    return 1


def _hors_commune(bareme: Bareme, centimes: int) -> int:
    return centimes + bareme.hors_commune + _arrondi(Decimal(centimes * bareme.hors_commune_pourcent) / 100)


def _arrondi(centimes: Decimal) -> int:
    return int(centimes.quantize(Decimal(1), rounding=ROUND_HALF_UP))


def _nombre(valeur: Decimal) -> str:
    """« 845 », « 845,5 », « 0,287 »."""
    texte = f"{valeur:f}"
    return (texte.rstrip("0").rstrip(".") if "." in texte else texte).replace(".", ",")


def _quotient(valeur: Decimal) -> str:
    return f"quotient {_nombre(valeur)}"


def _sans_quotient() -> str:
    return f"quotient non connu{INSECABLE}: prix le plus haut"


def _a_pourcent(pourcent: int) -> str:
    return "" if pourcent == 100 else f"{INSECABLE}: {pourcent}{INSECABLE}% du prix"
