"""Money received: the one way to write a Reglement, and to spread it over invoices of its régie.

Everything here runs under the lock of the Famille row, the counter last. Rows are frozen: what must be undone is
written again with a minus sign.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Sum

from facturation.models import Compteur, Facture, Imputation, PriseEnChargeTresor, Regie, Reglement
from familles.models import Famille
from portail.socle.argent import euros
from portail.socle.traces import tracer
from portail.socle.verrous import verrouiller_un


class EncaissementImpossible(ValidationError):
    """The sentence says why."""


@transaction.atomic
def encaisser(
    famille: Famille,
    regie: Regie,
    mode: str,
    centimes: int,
    jour: date,
    par,
    *,
    libelle: str = "",
    sur: Sequence[tuple[Facture, int]] = (),
    jeton: UUID | None = None,
) -> Reglement:
    """Money of a family for a régie. It pays what `sur` says, then the oldest unpaid invoices; the rest is credit.

    What of `sur` no longer fits (paid meanwhile, another régie) is simply not imputed there: money received is
    never refused. The same `jeton` again is the same règlement. Raises EncaissementImpossible when the amount is
    not positive.
    """
    if centimes <= 0:
        raise EncaissementImpossible("Le montant doit être positif.")
    verrouiller_un(Famille.objects.filter(pk=famille.pk))
    if deja := _deja_saisi(jeton, famille=famille.pk, regie=regie.pk, annule=None):
        return deja
    numero, reference = Compteur.numeroter(regie, Compteur.Nature.REGLEMENT)
    reglement = Reglement.objects.create(
        regie=regie,
        famille=famille,
        numero=numero,
        reference=reference,
        date=jour,
        mode=mode,
        centimes=centimes,
        libelle_complementaire=libelle,
        saisi_par=par,
        jeton=jeton,
    )
    _imputer_sur(reglement, sur)
    repartir_les_reglements(famille, regie)
    tracer(par, "encaisser", reglement, famille=famille, reference=reference, centimes=centimes)
    return reglement


def _deja_saisi(jeton: UUID | None, **quoi) -> Reglement | None:
    """The règlement this page already wrote, read under the lock of the family (double click)."""
    if jeton is None:
        return None
    deja = Reglement.objects.filter(jeton=jeton)
    trouve = deja.filter(**quoi).first()
    if trouve is None and deja.exists():
        raise EncaissementImpossible("Cette page a déjà servi à autre chose. Rechargez-la, puis recommencez.")
    return trouve


def _imputer_sur(reglement: Reglement, sur: Sequence[tuple[Facture, int]]) -> None:
    """Spread the règlement as wished, within what is left on each invoice and in the règlement."""
    if not sur:
        return
    dues = Facture.objects.filter(
        pk__in=[facture.pk for facture, _ in sur], famille=reglement.famille_id, regie=reglement.regie_id
    )
    restes = {facture.pk: facture.reste for facture in dues.impayees()}
    libre = reglement.centimes
    for facture, voulu in sur:
        pris = min(voulu, restes.get(facture.pk, 0), libre)
        if pris > 0:
            Imputation.objects.create(reglement=reglement, facture=facture, centimes=pris)
            restes[facture.pk] -= pris
            libre -= pris


@transaction.atomic
def annuler(
    reglement: Reglement,
    par,
    motif: str,
    jour: date,
    *,
    centimes: int | None = None,
    mode: str = "",
    jeton: UUID | None = None,
) -> Reglement:
    """Give back a règlement, or a part of it (bounced cheque, refund): a negative row; its invoices are due again.

    The same `jeton` again is the same row. Raises EncaissementImpossible when nothing (or less than asked) is left of it.
    """
    famille = verrouiller_un(Famille.objects.filter(pk=reglement.famille_id))
    if deja := _deja_saisi(jeton, annule=reglement):
        return deja
    if reglement.annule_id is not None:
        raise EncaissementImpossible(
            "Une annulation ne s’annule pas\N{NO-BREAK SPACE}: saisissez un règlement."
        )
    rendu = -(reglement.annulations.aggregate(s=Sum("centimes"))["s"] or 0)
    reste = reglement.centimes - rendu
    centimes = reste if centimes is None else centimes
    if not 0 < centimes <= reste:
        raise EncaissementImpossible(f"Il reste {euros(reste)} à rendre sur ce règlement.")
    numero, reference = Compteur.numeroter(reglement.regie, Compteur.Nature.REGLEMENT)
    contraire = Reglement.objects.create(
        regie=reglement.regie,
        famille=famille,
        numero=numero,
        reference=reference,
        date=jour,
        mode=mode or reglement.mode,
        centimes=-centimes,
        libelle_complementaire=motif[:100],
        annule=reglement,
        saisi_par=par,
        jeton=jeton,
    )
    repartir_les_reglements(famille, reglement.regie)
    tracer(par, "annuler", reglement, famille=famille, reference=reference, centimes=-centimes, motif=motif)
    return contraire


@dataclass
class _Pot:
    """A règlement and its annulations: what is left of it, and what it pays on each invoice (cents)."""

    reglement: Reglement
    libre: int
    sur: dict[int, int]
    # The row that carries negative imputations: the last annulation, else the règlement itself.
    dernier: Reglement


def _pots(famille: Famille, regie: Regie) -> list[_Pot]:
    """Oldest first. Two queries."""
    imputes = (
        Imputation.objects.filter(reglement__famille=famille, reglement__regie=regie)
        .order_by()
        .values_list("reglement_id", "facture_id")
        .annotate(somme=Sum("centimes"))
    )
    par_reglement = defaultdict(list)
    for reglement_id, facture_id, somme in imputes:
        par_reglement[reglement_id].append((facture_id, somme))
    pots: dict[int, _Pot] = {}
    for reglement in Reglement.objects.filter(famille=famille, regie=regie).order_by("date", "pk"):
        cle = reglement.annule_id or reglement.pk
        pot = pots.setdefault(cle, _Pot(reglement, 0, defaultdict(int), reglement))
        if reglement.annule_id is None:
            pot.reglement = reglement
        else:
            pot.dernier = reglement
        pot.libre += reglement.centimes
        for facture_id, somme in par_reglement[reglement.pk]:
            pot.sur[facture_id] += somme
            pot.libre -= somme
    return list(pots.values())


def repartir_les_reglements(famille: Famille, regie: Regie) -> list[Imputation]:
    """Bring the imputations of a family in a régie back to what they must be; the rows written.

    Money above an invoice's due (credit note) is freed, money given back leaves its invoices, free money pays the
    oldest unpaid invoices. Call it under the lock of the Famille row. A constant number of queries.
    """
    factures = list(
        Facture.objects.filter(famille=famille, regie=regie)
        .factures()
        .avec_reste()
        .order_by("date", "numero", "pk")
    )
    restes = {facture.pk: facture.reste for facture in factures}
    pots = _pots(famille, regie)
    ecrites: list[Imputation] = []

    def imputer(pot: _Pot, facture_id: int, centimes: int) -> None:
        porteur = pot.reglement if centimes > 0 else pot.dernier
        ecrites.append(Imputation(reglement=porteur, facture_id=facture_id, centimes=centimes))
        pot.libre -= centimes
        pot.sur[facture_id] += centimes
        restes[facture_id] -= centimes

    for facture_id, reste in list(restes.items()):
        for pot in reversed(pots):
            if restes[facture_id] >= 0 or reste >= 0:
                break
            retire = min(-restes[facture_id], pot.sur.get(facture_id, 0))
            if retire > 0:
                imputer(pot, facture_id, -retire)
    for pot in pots:
        for facture_id in reversed(list(pot.sur)):
            retire = min(-pot.libre, pot.sur[facture_id])
            if retire > 0:
                imputer(pot, facture_id, -retire)
    for facture_id in restes:
        for pot in pots:
            pris = min(restes[facture_id], pot.libre)
            if pris > 0:
                imputer(pot, facture_id, pris)
    return Imputation.objects.bulk_create(ecrites)


@transaction.atomic
def confier_au_tresor(facture: Facture, ormc: str, jour: date, par) -> PriseEnChargeTresor:
    """The trésorerie collects what is left of this invoice. Raises EncaissementImpossible when nothing is."""
    famille = verrouiller_un(Famille.objects.filter(pk=facture.famille_id))
    relue = Facture.objects.factures().avec_reste().filter(pk=facture.pk).first()
    if relue is None or relue.tresor or relue.reste <= 0:
        raise EncaissementImpossible("Il ne reste rien à payer ici sur cette facture.")
    prise = PriseEnChargeTresor.objects.create(facture=relue, ormc=ormc, date=jour, centimes=relue.reste)
    tracer(par, "confier_au_tresor", relue, famille=famille, ormc=ormc, centimes=relue.reste)
    return prise
