"""The verbs of an online payment. The bank is asked outside any transaction; rows change under lock, in one.

Lock order: famille, then facture, then the payment's own row; the counter of règlements comes last, inside
`encaisser`.
"""

import logging
import uuid
from collections.abc import Sequence
from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone

from facturation.encaissement import encaisser
from facturation.models import EvenementPaiement, Facture, LignePaiement, PaiementEnLigne
from familles.models import Famille
from portail.socle.argent import euros
from portail.socle.courriels import poster
from portail.socle.verrous import verrouiller, verrouiller_un

from .base import BanqueInjoignable, Constat, Fournisseur

journal = logging.getLogger("portail.paiement")
Etat = PaiementEnLigne.Etat
EN_COURS = (Etat.CREE, Etat.OUVERT)
INSECABLE = "\N{NO-BREAK SPACE}"


class PaiementImpossible(ValidationError):
    """The sentence says why, and what to do."""


def ouvrir(
    famille: Famille,
    references: Sequence[str],
    courriel: str,
    par,
    fournisseur: Fournisseur,
    adresse_retour,
    maintenant: datetime,
) -> PaiementEnLigne:
    """A payment page for these invoices, ready to go to; the one already open for them is given again.

    `adresse_retour(paiement)` is the absolute address the bank sends back to. Raises PaiementImpossible when
    nothing is left to pay or invoices belong to several régies, BanqueInjoignable when the bank does not answer:
    asked again, it is the same attempt, with the same idempotency key.
    """
    fermer_les_autres(famille, references, courriel, fournisseur, maintenant)
    paiement = _preparer(famille, references, courriel, par, maintenant)
    if paiement.etat == Etat.OUVERT:
        return paiement
    seance = fournisseur.demarrer(paiement, adresse_retour(paiement))
    PaiementEnLigne.objects.filter(pk=paiement.pk, etat=Etat.CREE).update(
        etat=Etat.OUVERT, session=seance.session, url=seance.url, expire_le=seance.expire_le
    )
    paiement.refresh_from_db()
    return paiement


def fermer_les_autres(
    famille: Famille, references: Sequence[str], courriel: str, fournisseur: Fournisseur, maintenant: datetime
) -> None:
    """Close the pages open for the same invoices but not the same payment: an invoice is never payable twice."""
    ouverts = (
        PaiementEnLigne.objects.filter(
            famille=famille, etat=Etat.OUVERT, lignes__facture__reference__in=references
        )
        .distinct()
        .order_by("pk")
    )
    for ancien in ouverts:
        if ancien.expire_le and ancien.expire_le > maintenant and _correspond(ancien, references, courriel):
            continue
        appliquer(ancien, fournisseur.fermer(ancien.session), maintenant)


def _correspond(paiement: PaiementEnLigne, references: Sequence[str], courriel: str) -> bool:
    lignes = Facture.objects.filter(lignes_paiement__paiement=paiement)
    restes = {f.reference: f.reste for f in lignes.impayees()}
    voulues = dict(paiement.lignes.values_list("facture__reference", "centimes"))
    return set(voulues) == set(references) and restes == voulues and paiement.courriel_recu == courriel


@transaction.atomic
def _preparer(famille, references, courriel, par, maintenant) -> PaiementEnLigne:
    """The attempt's row, under lock of the family: the open one for the same invoices, or a new one."""
    verrouiller_un(Famille.objects.filter(pk=famille.pk))
    verrouiller(famille.factures.filter(reference__in=references))
    dues = list(famille.factures.filter(reference__in=references).impayees().filter(prise_en_charge=None))
    if len(dues) != len(set(references)):
        raise PaiementImpossible("Une de ces factures n’est plus à payer ici. Revenez au relevé de compte.")
    if len({f.regie_id for f in dues}) != 1:
        raise PaiementImpossible("Payez les factures de chaque régie à part.")
    for ancien in PaiementEnLigne.objects.filter(
        famille=famille, etat__in=EN_COURS, lignes__facture__in=dues
    ).distinct():
        if _correspond(ancien, references, courriel):
            return ancien
        if ancien.etat == Etat.OUVERT:
            raise PaiementImpossible(
                "Un paiement de ces factures est déjà en cours. Réessayez dans un instant."
            )
        # Never reached the bank: nobody can pay it.
        PaiementEnLigne.objects.filter(pk=ancien.pk, etat=Etat.CREE).update(etat=Etat.ANNULE)
    cle = uuid.uuid4()
    paiement = PaiementEnLigne.objects.create(
        id=cle,
        famille=famille,
        regie=dues[0].regie,
        courriel_recu=courriel,
        centimes=sum(f.reste for f in dues),
        cle_idempotence=f"paiement:{cle}",
        cree_par=par,
        cree_le=maintenant,
    )
    LignePaiement.objects.bulk_create(
        LignePaiement(paiement=paiement, facture=f, centimes=f.reste) for f in dues
    )
    return paiement


def constater(paiement: PaiementEnLigne, fournisseur: Fournisseur, maintenant: datetime) -> PaiementEnLigne:
    """Ask the bank and write what it says; return page and notification run this same function.

    Raises BanqueInjoignable.
    """
    if paiement.session and paiement.etat in EN_COURS:
        appliquer(paiement, fournisseur.constater(paiement.session), maintenant)
        paiement.refresh_from_db()
    return paiement


@transaction.atomic
def appliquer(paiement: PaiementEnLigne, constat: Constat, maintenant: datetime) -> None:
    """Write what the bank said, once: a paid page becomes one règlement, for the amount the bank received."""
    famille = verrouiller_un(Famille.objects.filter(pk=paiement.famille_id))
    paiement = verrouiller_un(PaiementEnLigne.objects.filter(pk=paiement.pk))
    lignes = PaiementEnLigne.objects.filter(pk=paiement.pk, reglement=None)
    if paiement.reglement_id is not None:
        return
    if constat.session != paiement.session or constat.paiement != str(paiement.pk):
        journal.error("constat d’un autre paiement", extra={"objet": str(paiement.pk)})
        return
    if constat.etat == "expire":
        lignes.filter(etat__in=EN_COURS).update(etat=Etat.EXPIRE)
    elif constat.etat == "paye" and constat.devise == "eur" and constat.centimes > 0:
        _encaisser(famille, paiement, constat, maintenant)
    elif constat.etat == "paye":
        lignes.update(incident=f"La banque annonce {constat.centimes} en {constat.devise}."[:300])


def _encaisser(famille: Famille, paiement: PaiementEnLigne, constat: Constat, maintenant: datetime) -> None:
    lignes = list(paiement.lignes.select_related("facture"))
    reglement = encaisser(
        famille,
        paiement.regie,
        "carte",
        constat.centimes,
        timezone.localdate(maintenant),
        paiement.cree_par,
        libelle="Paiement en ligne",
        sur=[(ligne.facture, ligne.centimes) for ligne in lignes],
    )
    voulu = {ligne.facture_id: ligne.centimes for ligne in lignes}
    place = sum(i.centimes for i in reglement.imputations.all() if i.facture_id in voulu)
    incident = ""
    if place != constat.centimes:
        incident = (
            f"{euros(constat.centimes - place)} reçus ne correspondent plus aux factures{INSECABLE}: avoir."
        )
    ecrit = PaiementEnLigne.objects.filter(pk=paiement.pk, reglement=None).update(
        etat=Etat.PAYE, reglement=reglement, intention=constat.intention or None, incident=incident
    )
    if not ecrit:
        # Someone else was first: undo this règlement with the transaction.
        raise IntegrityError("payment already settled")
    poster(
        f"paiement:{paiement.pk}",
        paiement.courriel_recu,
        "courriels/paiement_recu.txt",
        {"paiement": paiement, "reglement": reglement, "lignes": lignes},
    )


def notifier(fournisseur: Fournisseur, corps: bytes, signature: str, maintenant: datetime) -> str:
    """A notification of the bank: verified, recorded, then acted on. What came of it, in a word.

    Raises NotificationInvalide (forged, too old), BanqueInjoignable (the bank will send it again).
    """
    recue = fournisseur.lire(corps, signature)
    evenement, _ = EvenementPaiement.objects.get_or_create(
        fournisseur=fournisseur.code,
        evenement=recue.evenement,
        defaults={"genre": recue.genre[:100], "recu_le": maintenant},
    )
    if evenement.traite_le is not None:
        return "deja"
    paiement = (
        PaiementEnLigne.objects.filter(fournisseur=fournisseur.code, session=recue.session).first()
        if recue.session
        else None
    )
    issue = "inconnu"
    if paiement is not None:
        # The body is not believed: the state is read at the bank.
        issue = constater(paiement, fournisseur, maintenant).etat
    EvenementPaiement.objects.filter(pk=evenement.pk).update(traite_le=maintenant, issue=issue)
    return issue


def fermer_les_perimes(fournisseur: Fournisseur, maintenant: datetime) -> str:
    """Scheduled: read at the bank the pages whose time is over (a lost notification is caught up here)."""
    perimes = PaiementEnLigne.objects.filter(etat=Etat.OUVERT, expire_le__lt=maintenant).order_by("expire_le")
    faits = muets = 0
    for paiement in perimes[:200]:
        try:
            constater(paiement, fournisseur, maintenant)
            faits += 1
        except BanqueInjoignable:
            muets += 1
    return f"{faits} relus, {muets} sans réponse"
