"""The invoices and payments of the demonstration: real drafts, computed by `facturation`, inserted in bulk.

Only the insertion differs from an ordinary campagne (thousands of families in seconds, no e-mail sent).
"""

from datetime import date, timedelta
from random import Random

from facturation.brouillons import calculer
from facturation.emission import composer_facture, composer_lignes
from facturation.models import Campagne, Compteur, Facture, Imputation, LigneFacture, Regie, Reglement
from familles.models import Famille

from .guide import Gens
from .population import Ville
from .reservations import AL12, AL36, Periodes

LOT = 1000
# The numbers of the guide: 24 invoices before AL-36, 23 payments before AL-228.
PREMIERE_FACTURE, PREMIER_REGLEMENT, EN_PREMIERE = 12, 205, 24


def facturer(ville: Ville, gens: Gens, regie: Regie, periodes: Periodes, barre) -> None:
    """The two campagnes of the guide, and what was paid of them. Jean: AL-12 paid by cheque AL-228, AL-36 due."""
    debut, jour = ville.annee.debut, ville.aujourdhui
    # Never before this school year: the relevé that opens first must show them.
    dates = [max(debut, jour - timedelta(days=n)) for n in (46, 40, 15)]
    premiere = ouvrir(regie, periodes.premiere, dates[0], dates[0] + timedelta(days=30))
    factures = emettre(premiere, gens, barre)
    if len(factures) != EN_PREMIERE:
        raise ValueError(
            f"{len(factures)} invoices in the first period, {EN_PREMIERE} are needed before AL-36"
        )
    jean = [f for f in factures if f.famille_id == gens.jean.pk]
    autres = [f for f in factures if f.famille_id != gens.jean.pk]
    _encaisser(regie, gens, ville.hasard, autres + jean, dates[1])
    seconde = ouvrir(regie, periodes.seconde, dates[2], max(jour + timedelta(days=7), dates[2]))
    factures = emettre(seconde, gens, barre)
    payees = [f for f in factures if f.famille_id != gens.jean.pk and ville.hasard.random() < 0.7]
    _encaisser(regie, gens, ville.hasard, payees, jour - timedelta(days=min(3, (jour - debut).days)))
    verifier(gens)


def ouvrir(regie: Regie, periode: tuple[date, date], jour: date, echeance: date) -> Campagne:
    """The campagne of that period; `jour` dates its invoices."""
    return Campagne.objects.create(
        regie=regie,
        libelle=f"Du {periode[0]:%d/%m/%Y} au {periode[1]:%d/%m/%Y}",
        du=periode[0],
        au=periode[1],
        date_facture=jour,
        echeance=echeance,
    )


def emettre(campagne: Campagne, gens: Gens, barre) -> list[Facture]:
    """Every draft of the campagne as an invoice, by family number: Jean's comes first."""
    calculer(campagne, campagne.date_facture)
    brouillons = list(
        campagne.brouillons.filter(bloque=False, total_centimes__gt=0).order_by("famille__numero")
    )
    familles = _familles([b.famille_id for b in brouillons])
    compteur = Compteur.objects.get(regie=campagne.regie, nature="facture")
    factures = []
    for rang, brouillon in enumerate(brouillons):
        numero = compteur.suivant + rang
        factures.append(
            composer_facture(
                campagne,
                familles[brouillon.famille_id],
                brouillon,
                numero,
                f"{campagne.regie.prefixe}-{numero}",
                gens.regisseur,
            )
        )
        barre.update(1)
    Facture.objects.bulk_create(factures, batch_size=LOT)
    LigneFacture.objects.bulk_create(
        [
            ligne
            for facture, brouillon in zip(factures, brouillons, strict=True)
            for ligne in composer_lignes(facture, brouillon.lignes)
        ],
        batch_size=LOT,
    )
    Compteur.objects.filter(pk=compteur.pk).update(suivant=compteur.suivant + len(factures))
    Campagne.objects.filter(pk=campagne.pk).update(etat=Campagne.Etat.EMISE, emise_par=gens.regisseur)
    return factures


def _familles(cles: list[int]) -> dict[int, Famille]:
    """By primary key, with their adults. Past some hundreds, all of them: a query has only so many parameters."""
    lues = Famille.objects.prefetch_related("responsables", "quotients")
    return lues.in_bulk(cles) if len(cles) < 500 else lues.in_bulk()


def _encaisser(regie: Regie, gens: Gens, hasard: Random, factures: list[Facture], jour: date) -> None:
    """One règlement an invoice, for its whole amount, in this order of numbers."""
    compteur = Compteur.objects.get(regie=regie, nature="reglement")
    reglements = []
    for rang, facture in enumerate(factures):
        numero = compteur.suivant + rang
        mode = "cheque" if facture.famille_id == gens.jean.pk else hasard.choice(MODES)
        reglements.append(
            Reglement(
                regie=regie,
                famille_id=facture.famille_id,
                numero=numero,
                reference=f"{regie.prefixe}-{numero}",
                date=max(jour, facture.date),
                mode=mode,
                centimes=facture.total_centimes,
                saisi_par=gens.regisseur,
            )
        )
    Reglement.objects.bulk_create(reglements, batch_size=LOT)
    Imputation.objects.bulk_create(
        (
            Imputation(reglement=r, facture=f, centimes=f.total_centimes)
            for r, f in zip(reglements, factures, strict=True)
        ),
        batch_size=LOT,
    )
    Compteur.objects.filter(pk=compteur.pk).update(suivant=compteur.suivant + len(reglements))


MODES = ("carte", "carte", "cheque", "virement", "prelevement", "especes")


def verifier(gens: Gens) -> None:
    """The demonstration is a contract: stop rather than show other figures than the guide's."""
    trouve = {f.reference: f.total_centimes for f in gens.jean.factures.all()}
    if trouve != {"AL-12": AL12, "AL-36": AL36}:
        raise ValueError(f"Jean's invoices are {trouve}, not the guide's")
