"""Issuing: drafts become numbered invoices, one transaction a family. Rerun or killed anywhere: no duplicate, no
gap, nobody missing.

In that transaction the Famille row is locked first, the counter last; number, invoice, lines, imputation of the
family's credit, mail and trace are written together. What holds if this code is wrong: unique (campagne, famille),
unique (régie, nature, number).
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import NoReturn
from uuid import UUID

from django.db import OperationalError, transaction
from django.utils import timezone
from django_tasks import task

from facturation.brouillons import (
    EmissionImpossible,
    autre_foyer,
    calculer,
    destinataire,
    effacer,
    facturees_des_enfants,
)
from facturation.encaissement import repartir_les_reglements
from facturation.fraicheur import perime
from facturation.models import Brouillon, Campagne, Compteur, Facture, LigneFacture
from facturation.tarification import VOTRE_PART
from familles.models import Famille, Utilisateur
from portail.socle.courriels import poster
from portail.socle.dates import premier_du_mois
from portail.socle.traces import tracer
from portail.socle.verrous import verrouiller_un

__all__ = [
    "Bilan",
    "EmissionImpossible",
    "avoir",
    "calculer",
    "demander",
    "effacer",
    "emettre",
    "emettre_en_tache",
    "empechement",
]

journal = logging.getLogger("portail.facturation")
ESSAIS = 3


@dataclass
class Bilan:
    """What an issue did: references issued, families already invoiced, held back, failed (number, why)."""

    emises: list[str] = field(default_factory=list)
    deja: int = 0
    bloquees: int = 0
    echecs: list[tuple[str, str]] = field(default_factory=list)


def empechement(campagne: Campagne) -> str:
    """Why none of its invoices can be issued today; empty when they can."""
    if campagne.calculee_le is None:
        return "Calculez d’abord le brouillon."
    if campagne.date_facture > timezone.localdate():
        return (
            f"Les factures sont datées du {campagne.date_facture:%d/%m/%Y}, un jour à venir\N{NO-BREAK SPACE}: "
            "attendez ce jour ou changez la date."
        )
    return ""


def emettre(campagne: Campagne, par) -> Bilan:
    """Issue every draft that nothing holds back. Raises EmissionImpossible, see `empechement`."""
    if raison := empechement(campagne):
        # Left to the worker, and impossible since: nothing is under way any more.
        Campagne.objects.filter(pk=campagne.pk).update(emission_demandee_le=None)
        raise EmissionImpossible(raison)
    bilan = Bilan(bloquees=campagne.brouillons.filter(bloque=True).count())
    for famille_id, numero in _familles(campagne):
        _emettre_sans_tomber(campagne, famille_id, numero, par, bilan)
    fin = {"emission_demandee_le": None}
    if not bilan.echecs:
        fin |= {"etat": Campagne.Etat.EMISE, "emise_le": timezone.now(), "emise_par": par}
    Campagne.objects.filter(pk=campagne.pk).update(**fin)
    return bilan


@task()
def emettre_en_tache(campagne: int, par: int) -> int:
    """The same for the worker: long campagnes leave the request. The number issued."""
    return len(emettre(Campagne.objects.get(pk=campagne), Utilisateur.objects.get(pk=par)).emises)


def demander(campagne: Campagne, par) -> None:
    """Leave a long issue to the worker; asked twice, the second finds nothing left to do."""
    Campagne.objects.filter(pk=campagne.pk).update(emission_demandee_le=timezone.now())
    emettre_en_tache.enqueue(campagne.pk, par.pk)


def _familles(campagne: Campagne) -> Iterator[tuple[int, str]]:
    a_emettre = campagne.brouillons.filter(bloque=False, total_centimes__gt=0)
    return a_emettre.order_by("famille__numero").values_list("famille", "famille__numero")


def _emettre_sans_tomber(campagne: Campagne, famille_id: int, numero: str, par, bilan: Bilan) -> None:
    """One family; what goes wrong is written on its draft and the others go on."""
    lignes = Brouillon.objects.filter(campagne=campagne, famille=famille_id)
    for essai in range(1, ESSAIS + 1):
        try:
            facture = emettre_une(campagne, famille_id, par)
        except OperationalError as erreur:
            # Lock not obtained in time, or deadlock: the transaction is undone, the same again is safe.
            if essai < ESSAIS:
                continue
            phrase = "La base était occupée, relancez l’émission."
            journal.warning("facture non émise", extra={"objet": famille_id, "erreur": type(erreur).__name__})
        except EmissionImpossible as erreur:
            phrase = erreur.messages[0]
        except Exception as erreur:
            phrase = f"Émission impossible ({type(erreur).__name__}), relancez-la ou prévenez l’assistance."
            journal.exception("facture non émise", extra={"objet": famille_id})
        else:
            if facture is None:
                bilan.deja += 1
            else:
                bilan.emises.append(facture.reference)
                lignes.exclude(erreur="").update(erreur="")
            return
        bilan.echecs.append((numero, phrase))
        lignes.update(erreur=phrase)
        return


@transaction.atomic
def emettre_une(campagne: Campagne, famille_id: int, par) -> Facture | None:
    """The invoice of one family from its draft; None when it already has one or has no draft any more."""
    verrouiller_un(Famille.objects.filter(pk=famille_id))
    famille = Famille.objects.prefetch_related("responsables", "quotients").get(pk=famille_id)
    brouillon = Brouillon.objects.filter(campagne=campagne, famille=famille, bloque=False).first()
    passees = campagne.factures.factures().filter(famille=famille).order_by("pk")
    precedente = passees.last()
    if brouillon is None or passees.vives().exists():
        return None
    _refuser_les_doubles(campagne, famille, brouillon)
    if perime(campagne, famille, brouillon):
        _refuser("Des réservations ou des présences ont changé depuis le calcul")
    # The counter is the last row locked: what follows only inserts.
    numero, reference = Compteur.numeroter(campagne.regie, Compteur.Nature.FACTURE)
    facture = composer_facture(campagne, famille, brouillon, numero, reference, par)
    facture.corrige = precedente
    facture.save(force_insert=True)
    LigneFacture.objects.bulk_create(composer_lignes(facture, brouillon.lignes))
    imputees = repartir_les_reglements(famille, campagne.regie)
    deja_paye = sum(i.centimes for i in imputees if i.facture_id == facture.pk)
    prevenir(facture, famille, facture.total_centimes - deja_paye)
    tracer(par, "emettre", facture, famille=famille, reference=reference, centimes=facture.total_centimes)
    return facture


def _refuser_les_doubles(campagne: Campagne, famille: Famille, brouillon: Brouillon) -> None:
    """Another campagne may have billed these days, or their month, since the draft was computed."""
    enfants = {ligne["enfant"] for ligne in brouillon.lignes}
    facturees, ailleurs = facturees_des_enfants(enfants, campagne.du, campagne.au)
    for ligne in brouillon.lignes:
        qui = (UUID(ligne["enfant"]), ligne["prestation"])
        mensuel = ligne["unite"] == "mois" and ligne["total_centimes"]
        partagee = ligne["explication"].startswith(VOTRE_PART)
        for jour in map(date.fromisoformat, ligne["jours"]):
            if (famille.pk, *qui, jour, False) in facturees:
                _refuser("Un jour est déjà facturé")
            if mensuel and (famille.pk, *qui, premier_du_mois(jour), True) in facturees:
                _refuser("Un mois est déjà facturé")
            if autre_foyer(ailleurs.get((*qui, jour), ()), famille.pk, partagee):
                _refuser("Un jour est déjà facturé à l’autre foyer")


def _refuser(constat: str) -> NoReturn:
    raise EmissionImpossible(f"{constat}\N{NO-BREAK SPACE}: recalculez le brouillon.")


def composer_facture(
    campagne: Campagne, famille: Famille, brouillon: Brouillon, numero: int, reference: str, par
) -> Facture:
    """The invoice of a draft, not yet inserted; what it says of the family is copied onto it."""
    nom, adresse = destinataire(famille)
    return Facture(
        campagne=campagne,
        regie=campagne.regie,
        famille=famille,
        numero=numero,
        reference=reference,
        date=campagne.date_facture,
        echeance=campagne.echeance,
        periode_du=campagne.du,
        periode_au=campagne.au,
        total_centimes=brouillon.total_centimes,
        destinataire=nom,
        adresse=adresse,
        famille_numero=famille.numero,
        explications=_explications(famille, campagne.du, campagne.au),
        emise_par=par,
    )


def composer_lignes(facture: Facture, lignes: list[dict]) -> list[LigneFacture]:
    """The lines of an invoice from those of its draft, not yet inserted."""
    return [
        LigneFacture(
            facture=facture,
            enfant_id=ligne["enfant"],
            prestation_id=ligne["prestation"],
            **{cle: valeur for cle, valeur in ligne.items() if cle not in ("enfant", "prestation")},
        )
        for ligne in lignes
    ]


def _explications(famille: Famille, du: date, au: date) -> str:
    """Which quotients the prices of the period read."""
    valables = [q for q in famille.quotients.all() if q.du <= au and (q.au is None or q.au >= du)]
    if not valables:
        return "Nous ne connaissons pas votre quotient familial\N{NO-BREAK SPACE}: le prix le plus haut s’applique."
    valeurs = " puis ".join(
        f"{q.valeur:f}".removesuffix(".00").replace(".", ",") for q in sorted(valables, key=lambda q: q.du)
    )
    return f"Quotient familial retenu\N{NO-BREAK SPACE}: {valeurs}."


def prevenir(facture: Facture, famille: Famille, a_payer: int) -> None:
    """Queue the mail of an invoice to the adults who allowed it: one row per address, one for ever."""
    for rang, adresse in enumerate(famille.adresses_courriel(), start=1):
        cle = f"facture:{facture.reference}" + (f":{rang}" if rang > 1 else "")
        poster(cle, adresse, "courriels/facture_emise.txt", {"facture": facture, "a_payer": a_payer})


@transaction.atomic
def avoir(facture: Facture, par, motif: str, jour: date | None = None) -> Facture:
    """Cancel an invoice for its whole amount; its days may be billed again, its money goes to other invoices.

    The draft it came from goes too: issued again as it was, it would be the same wrong invoice.
    Raises EmissionImpossible when it is a credit note, already cancelled, or in the hands of the trésorerie.
    """
    if not motif.strip():
        raise EmissionImpossible("Donnez le motif de l’avoir.")
    famille = verrouiller_un(Famille.objects.filter(pk=facture.famille_id))
    relue = Facture.objects.select_related("prise_en_charge", "regie").get(pk=facture.pk)
    if relue.nature != Facture.Nature.FACTURE or not Facture.objects.vives().filter(pk=relue.pk).exists():
        raise EmissionImpossible("Cette facture est déjà annulée par un avoir.")
    if hasattr(relue, "prise_en_charge"):
        raise EmissionImpossible(
            "La trésorerie encaisse cette facture\N{NO-BREAK SPACE}: c’est à elle de l’annuler."
        )
    lignes = list(relue.lignes.all())
    numero, reference = Compteur.numeroter(relue.regie, Compteur.Nature.AVOIR)
    cree = Facture.objects.create(
        campagne_id=relue.campagne_id,
        regie=relue.regie,
        famille=famille,
        nature=Facture.Nature.AVOIR,
        corrige=relue,
        numero=numero,
        reference=reference,
        date=jour or timezone.localdate(),
        periode_du=relue.periode_du,
        periode_au=relue.periode_au,
        total_centimes=-relue.total_centimes,
        destinataire=relue.destinataire,
        adresse=relue.adresse,
        famille_numero=relue.famille_numero,
        explications=f"Annule la facture {relue.reference}\N{NO-BREAK SPACE}: {motif.strip()}",
        emise_par=par,
    )
    for ligne in lignes:
        ligne.pk, ligne._state.adding, ligne.facture = None, True, cree
        ligne.unite_centimes, ligne.total_centimes = -ligne.unite_centimes, -ligne.total_centimes
    LigneFacture.objects.bulk_create(lignes)
    Brouillon.objects.filter(campagne=relue.campagne_id, famille=famille).delete()
    repartir_les_reglements(famille, relue.regie)
    tracer(par, "avoir", relue, famille=famille, reference=reference, motif=motif)
    return cree
