"""What a family owes: one definition, the same figure on every screen.

Solde = débit − crédit, in cents; positive = due. Débit: invoices, money given back. Crédit: règlements, credit
notes, invoices handed to the trésorerie (settled here, never counted as money received).
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

from django.db.models import BooleanField, F, Sum, Value
from django.urls import reverse
from django.utils.http import urlencode

from facturation.models import Facture, PriseEnChargeTresor, Regie, Reglement
from familles.models import Famille
from portail.socle.argent import INSECABLE
from portail.socle.dates import annee_scolaire, bornes_scolaires, libelle_annee
from portail.socle.lecture import Preparee

# First years of the school years a relevé may show.
ANNEES = range(2000, 2100)


@dataclass(frozen=True)
class Compte:
    """Cents due to each régie that has an operation, by its key; whether the trésorerie follows some of them."""

    soldes: dict[int, int]
    au_tresor: bool

    @property
    def solde(self) -> int:
        """Cents the family owes the town; negative = avoir."""
        return sum(self.soldes.values())


def _mouvements(famille: int):
    factures = Facture.objects.filter(famille=famille).order_by().values("regie")
    reglements = Reglement.objects.filter(famille=famille).order_by().values("regie")
    prises = PriseEnChargeTresor.objects.filter(facture__famille=famille).order_by()
    non, oui = (Value(v, output_field=BooleanField()) for v in (False, True))
    return factures.annotate(debit=Sum("total_centimes"), credit=Value(0), tresor=non).union(
        reglements.annotate(debit=Value(0), credit=Sum("centimes"), tresor=non),
        prises.values(regie=F("facture__regie")).annotate(debit=Value(0), credit=Sum("centimes"), tresor=oui),
        all=True,
    )


MOUVEMENTS = Preparee(_mouvements, Famille._meta.pk)


def compte(famille: Famille) -> Compte:
    """What the family owes, régie by régie. One query."""
    soldes: dict[int, int] = defaultdict(int)
    au_tresor = False
    for regie, debit, credit, tresor in MOUVEMENTS.lignes(famille.pk):
        soldes[regie] += debit - credit
        au_tresor |= bool(tresor)
    return Compte(dict(soldes), au_tresor)


def soldes_par_regie(famille: Famille) -> dict[int, int]:
    """Cents due to each régie that has an operation, by its key. One query."""
    return compte(famille).soldes


def solde(famille: Famille) -> int:
    """Cents the family owes the town; negative = avoir. One query."""
    return compte(famille).solde


@dataclass(frozen=True)
class Impayee:
    """An invoice with something left to pay here."""

    reference: str
    date: date
    echeance: date | None
    total: int
    reste: int
    payable: bool
    regie: Regie

    @property
    def en_partie(self) -> bool:
        return self.reste < self.total

    @property
    def url_pdf(self) -> str:
        return reverse("facture_pdf", args=[self.reference])

    @property
    def url_paiement(self) -> str:
        return url_de_paiement([self.reference])


def impayees(famille: Famille) -> list[Impayee]:
    """Oldest first. What the trésorerie took over is settled here: only what a bounced cheque brings back is in
    the list, never payable online. One query.
    """
    return [
        Impayee(
            reference=facture.reference,
            date=facture.date,
            echeance=facture.echeance,
            total=facture.total_centimes,
            reste=facture.reste,
            payable=facture.payable,
            regie=facture.regie,
        )
        for facture in IMPAYEES.objets(famille.pk)
    ]


# Prepared: what is left of an invoice takes the ORM longer to write than all the rest of the home page.
IMPAYEES = Preparee(
    lambda famille: Facture.objects.filter(famille=famille).avec_payable().impayees().select_related("regie"),
    Famille._meta.pk,
)


def url_de_paiement(references: Sequence[str]) -> str:
    """The page that shows what would be paid; invoices of one régie."""
    return f"{reverse('paiement')}?{urlencode([('facture', r) for r in references])}"


def dernier_reglement(famille: Famille) -> Reglement | None:
    """The last money received, annulations apart. One query."""
    return next(iter(DERNIER_REGLEMENT.objets(famille.pk)), None)


DERNIER_REGLEMENT = Preparee(
    lambda famille: (
        Reglement.objects.filter(famille=famille, annule=None)
        .exclude(annulations__isnull=False)
        .order_by("-date", "-saisi_le", "-pk")[:1]
    ),
    Famille._meta.pk,
)


@dataclass(frozen=True)
class Operation:
    """One line of the relevé; `debit` or `credit` in cents, the other 0."""

    reference: str
    date: date
    description: str
    regie: Regie
    debit: int = 0
    credit: int = 0
    url_pdf: str = ""
    etat: str = ""  # « a_payer », « en_partie », « payee », « annulee », « tresor »; "" for a règlement
    reste: int = 0
    payable: bool = False
    rang: tuple = ()

    @property
    def url_paiement(self) -> str:
        return url_de_paiement([self.reference])


@dataclass(frozen=True)
class SoldeRegie:
    """The detail of the solde when a town has several régies."""

    regie: Regie
    solde: int
    references: tuple[str, ...] = ()
    a_payer: int = 0

    @property
    def url_paiement(self) -> str:
        return url_de_paiement(self.references)


@dataclass
class Releve:
    """The account of a school year, newest operation first. Amounts in cents."""

    annee_debut: int
    ancien_solde: int = 0
    operations: list[Operation] = field(default_factory=list)

    @property
    def libelle(self) -> str:
        return libelle_annee(self.annee_debut)

    @property
    def total_debit(self) -> int:
        return sum(o.debit for o in self.operations)

    @property
    def total_credit(self) -> int:
        return sum(o.credit for o in self.operations)

    @property
    def solde(self) -> int:
        return self.ancien_solde + self.total_debit - self.total_credit


def releve(famille: Famille, annee_debut: int) -> Releve:
    """The account of the school year that begins on 1 September of `annee_debut`. Three queries."""
    premier, dernier = bornes_scolaires(annee_debut)
    resultat = Releve(annee_debut)
    for operation in operations(famille):
        if operation.date < premier:
            resultat.ancien_solde += operation.debit - operation.credit
        elif operation.date <= dernier:
            resultat.operations.append(operation)
    return resultat


def annees(famille: Famille, jour: date) -> list[int]:
    """School years the family may choose, newest first: the current one and those of its operations.

    A date typed wrong (year 9999) opens no year: it counts in the solde, no page of its own.
    """
    vues = {annee_scolaire(d) for (d,) in DATES.lignes(famille.pk)} & set(ANNEES)
    return sorted(vues | {annee_scolaire(jour)}, reverse=True)


DATES = Preparee(
    lambda famille: (
        Facture.objects.filter(famille=famille)
        .order_by()
        .values_list("date")
        .union(
            Reglement.objects.filter(famille=famille).order_by().values_list("date"),
            PriseEnChargeTresor.objects.filter(facture__famille=famille).order_by().values_list("date"),
        )
    ),
    Famille._meta.pk,
)


def operations(famille: Famille) -> list[Operation]:
    """Everything that moved the account, newest first. Three queries."""
    lignes = [_facture(f) for f in FACTURES.objets(famille.pk)]
    lignes += [_reglement(r) for r in REGLEMENTS.objets(famille.pk)]
    lignes += [_tresor(p) for p in PRISES.objets(famille.pk)]
    return sorted(lignes, key=lambda o: o.rang, reverse=True)


FACTURES = Preparee(
    lambda famille: (
        Facture.objects.filter(famille=famille)
        .avec_payable()
        .avec_complement()
        .select_related("regie", "corrige")
        .order_by("pk")
    ),
    Famille._meta.pk,
)
REGLEMENTS = Preparee(
    lambda famille: Reglement.objects.filter(famille=famille).select_related("regie").order_by("pk"),
    Famille._meta.pk,
)
PRISES = Preparee(
    lambda famille: (
        PriseEnChargeTresor.objects.filter(facture__famille=famille)
        .select_related("facture__regie")
        .order_by("pk")
    ),
    Famille._meta.pk,
)


def _facture(facture: Facture) -> Operation:
    avoir = facture.nature == Facture.Nature.AVOIR
    if avoir:
        description = f"Avoir{INSECABLE}: annule la facture {facture.corrige.reference}"
    else:
        periode = f"{facture.periode_du:%d/%m/%Y} - {facture.periode_au:%d/%m/%Y}"
        description = f"{titre(facture)}{INSECABLE}: {periode}"
    return Operation(
        reference=facture.reference,
        date=facture.date,
        description=description,
        regie=facture.regie,
        debit=0 if avoir else facture.total_centimes,
        credit=-facture.total_centimes if avoir else 0,
        url_pdf=reverse("facture_pdf", args=[facture.reference]),
        etat="" if avoir else etat(facture),
        reste=0 if avoir else facture.reste,
        payable=facture.payable,
        rang=(facture.date, facture.emise_le, facture.numero),
    )


def titre(facture: Facture) -> str:
    """What the paper is called, on the relevé as on itself; loaded with `avec_complement()`."""
    if facture.nature == Facture.Nature.AVOIR:
        return "Avoir"
    return "Facture complémentaire" if facture.complementaire else "Facture"


def etat(facture: Facture) -> str:
    """State of an invoice loaded with `avec_reste()`."""
    if facture.avoirs:
        return "annulee"
    if facture.tresor:
        return "tresor"
    if facture.reste <= 0:
        return "payee"
    return "en_partie" if facture.regle else "a_payer"


def _reglement(reglement: Reglement) -> Operation:
    mode = reglement.get_mode_display()
    if reglement.centimes < 0:
        description = f"Remboursement ou annulation{INSECABLE}: {mode}"
    else:
        description = f"Règlement{INSECABLE}: {mode}"
    if reglement.libelle_complementaire:
        description += f" ({reglement.libelle_complementaire})"
    return Operation(
        reference=reglement.reference,
        date=reglement.date,
        description=description,
        regie=reglement.regie,
        debit=max(0, -reglement.centimes),
        credit=max(0, reglement.centimes),
        rang=(reglement.date, reglement.saisi_le, reglement.numero),
    )


def _tresor(prise: PriseEnChargeTresor) -> Operation:
    return Operation(
        reference=prise.facture.reference,
        date=prise.date,
        description=f"Règlement{INSECABLE}: Titre émis (ORMC n°{prise.ormc})",
        regie=prise.facture.regie,
        credit=prise.centimes,
        rang=(prise.date, prise.saisie_le, prise.facture.numero),
    )


def detail_par_regie(
    soldes: dict[int, int], dues: Sequence[Impayee], regies: dict[int, Regie]
) -> list[SoldeRegie]:
    """One line a régie, by name, with what can be paid online there."""
    lignes = []
    for pk, centimes in sorted(soldes.items(), key=lambda x: regies[x[0]].nom):
        payables = [f for f in dues if f.regie.pk == pk and f.payable]
        lignes.append(
            SoldeRegie(
                regies[pk], centimes, tuple(f.reference for f in payables), sum(f.reste for f in payables)
            )
        )
    return lignes
