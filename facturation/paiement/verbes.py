"""The verbs of an online payment. The bank is asked outside any transaction; rows change under lock, in one.

The lock of the Famille row guards its attempts as it guards its invoices and règlements (facturation.encaissement);
then comes the attempt's own row; the counter of règlements is last, inside `encaisser`.
"""

import logging
import uuid
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from facturation.encaissement import encaisser
from facturation.models import EvenementPaiement, Facture, LignePaiement, PaiementEnLigne, Reglement
from familles.models import Famille
from portail.socle.argent import INSECABLE, euros
from portail.socle.courriels import poster
from portail.socle.verrous import verrouiller_un

from .base import BanqueInjoignable, Constat, DemandeRefusee, Fournisseur

journal = logging.getLogger("portail.paiement")
Etat = PaiementEnLigne.Etat
EN_COURS = (Etat.CREE, Etat.OUVERT)
# An attempt the bank never answered is asked again with the same key, as long as what it says (its expiry) is still
# acceptable to the bank; later it is given up: nobody ever had the address of its page.
REPRISE = timedelta(minutes=10)
# The second protection against a double règlement, under the lock; the negative control of the tests turns it off.
GARDER = True
# Scheduled reading: after so many questions without answer, the bank is down.
SILENCES = 3


class PaiementImpossible(ValidationError):
    """The sentence says why, and what to do."""


class _DejaEncaisse(Exception):
    """Someone else settled this attempt first: undoes the transaction."""


# --- opening ------------------------------------------------------------------------------------------------------


def empechement(factures: Sequence[Facture], fournisseur: Fournisseur) -> str:
    """Why these invoices (loaded with `avec_reste`, régie included) cannot be paid together; "" when they can."""
    if not fournisseur.ouvert:
        return "Le paiement en ligne n’est pas encore ouvert. Adressez-vous à la mairie."
    for facture in factures:
        if facture.tresor:
            return f"La facture {facture.reference} est suivie par la trésorerie{INSECABLE}: adressez-vous à elle."
        if facture.avoirs:
            return f"La facture {facture.reference} est annulée{INSECABLE}: il n’y a rien à payer."
        if facture.reste <= 0:
            return f"La facture {facture.reference} est déjà réglée."
        if not facture.regie.paiement_en_ligne:
            return f"«{INSECABLE}{facture.regie}{INSECABLE}» ne prend pas encore le paiement en ligne."
    if len({facture.regie_id for facture in factures}) > 1:
        return "Ces factures relèvent de plusieurs régies. Payez chaque régie à part."
    if sum(facture.reste for facture in factures) < fournisseur.minimum:
        return f"La banque ne prend pas de paiement de moins de {euros(fournisseur.minimum)}."
    return ""


def ouvrir(
    famille: Famille,
    references: Sequence[str],
    courriel: str,
    par,
    fournisseur: Fournisseur,
    adresse_retour: Callable[[PaiementEnLigne], str],
    maintenant: datetime,
) -> PaiementEnLigne:
    """A payment page for these invoices, ready to go to; the one already open for them is given again.

    `adresse_retour(paiement)` is the absolute address the bank sends back to. Raises PaiementImpossible when
    nothing is left to pay or invoices belong to several régies, BanqueInjoignable when the bank does not answer:
    asked again, it is the same attempt, with the same idempotency key.
    """
    _relire_les_ouverts(famille, references, courriel, fournisseur, maintenant)
    paiement = _preparer(famille, references, courriel, par, fournisseur, maintenant)
    if paiement.etat == Etat.OUVERT:
        return paiement
    return _demarrer(paiement, fournisseur, adresse_retour(paiement))


def _demarrer(paiement: PaiementEnLigne, fournisseur: Fournisseur, retour: str) -> PaiementEnLigne:
    """The bank opens the page of an attempt; its row changes only if nobody gave it up meanwhile."""
    vierge = PaiementEnLigne.objects.filter(pk=paiement.pk, etat=Etat.CREE)
    try:
        seance = fournisseur.demarrer(paiement, retour)
    except DemandeRefusee as refus:
        # Its key is tied to what the bank refused: the next try is another attempt.
        vierge.update(etat=Etat.ANNULE)
        journal.error("la banque refuse d’ouvrir un paiement", extra={"objet": str(paiement.pk)})
        if refus.courriel:
            raise PaiementImpossible({"courriel": "La banque refuse cette adresse. Vérifiez-la."}) from refus
        raise PaiementImpossible(
            "La banque refuse d’ouvrir ce paiement. Rien n’a été débité. Prévenez la mairie si cela continue."
        ) from refus
    vierge.update(etat=Etat.OUVERT, session=seance.session, url=seance.url, expire_le=seance.expire_le)
    paiement.refresh_from_db()
    if paiement.etat != Etat.OUVERT:
        # Given up meanwhile (another click, another e-mail address): nobody has the address of that page.
        raise PaiementImpossible("L’état de ce paiement vient de changer. Revenez au relevé de compte.")
    return paiement


def _relire_les_ouverts(
    famille: Famille, references: Sequence[str], courriel: str, fournisseur: Fournisseur, maintenant: datetime
) -> None:
    """Read the page already open for this very payment (paid a moment ago, perhaps); close those that hold one of
    its invoices but are another payment: an invoice is never payable twice.
    """
    ouverts = PaiementEnLigne.objects.filter(
        famille=famille, etat=Etat.OUVERT, incident="", lignes__facture__reference__in=references
    )
    for ancien in ouverts.distinct().order_by("pk"):
        if ancien.expire_le > maintenant and _correspond(ancien, references, courriel):
            constater(ancien, fournisseur, maintenant)
        else:
            appliquer(ancien, fournisseur.fermer(ancien.session), maintenant)


def _toujours_du(paiement: PaiementEnLigne) -> bool:
    """What the attempt means to pay is exactly what is left on its invoices."""
    restes = Facture.objects.filter(lignes_paiement__paiement=paiement).avec_reste()
    return {f.pk: f.reste for f in restes} == dict(paiement.lignes.values_list("facture_id", "centimes"))


def _correspond(paiement: PaiementEnLigne, references: Sequence[str], courriel: str) -> bool:
    voulues = set(paiement.lignes.values_list("facture__reference", flat=True))
    return voulues == set(references) and paiement.courriel_recu == courriel and _toujours_du(paiement)


@transaction.atomic
def _preparer(famille, references, courriel, par, fournisseur, maintenant) -> PaiementEnLigne:
    """The attempt's row, under lock of the family: the open one for the same invoices, or a new one."""
    verrouiller_un(Famille.objects.filter(pk=famille.pk))
    dues = list(
        famille.factures.factures()
        .filter(reference__in=references)
        .avec_reste()
        .select_related("regie")
        .order_by("date", "numero", "pk")
    )
    if not dues or len(dues) != len(set(references)):
        raise PaiementImpossible("Une de ces factures n’est pas la vôtre. Revenez au relevé de compte.")
    if phrase := empechement(dues, fournisseur):
        raise PaiementImpossible(phrase)
    en_cours = PaiementEnLigne.objects.filter(famille=famille, etat__in=EN_COURS, lignes__facture__in=dues)
    for ancien in en_cours.filter(incident_regle_le=None).distinct():
        if ancien.incident:
            raise PaiementImpossible(
                f"La mairie vérifie un paiement déjà fait{INSECABLE}: ne payez pas une seconde fois."
            )
        if _correspond(ancien, references, courriel) and (
            ancien.etat == Etat.OUVERT or maintenant - ancien.cree_le < REPRISE
        ):
            return ancien
        # Its page was given to nobody: it cannot be paid, unless it was opened since it was read.
        if not PaiementEnLigne.objects.filter(pk=ancien.pk, etat=Etat.CREE).update(etat=Etat.ANNULE):
            raise PaiementImpossible(
                "Un paiement de ces factures est déjà en cours. Réessayez dans un instant."
            )
    return _creer(famille, dues, courriel, par, fournisseur, maintenant)


def _creer(famille, dues, courriel, par, fournisseur, maintenant) -> PaiementEnLigne:
    cle = uuid.uuid4()
    paiement = PaiementEnLigne.objects.create(
        id=cle,
        famille=famille,
        regie=dues[0].regie,
        courriel_recu=courriel,
        centimes=sum(f.reste for f in dues),
        fournisseur=fournisseur.code,
        cle_idempotence=f"paiement:{cle}",
        cree_par=par,
        cree_le=maintenant,
    )
    LignePaiement.objects.bulk_create(
        LignePaiement(paiement=paiement, facture=f, centimes=f.reste) for f in dues
    )
    return paiement


# --- what the bank says -------------------------------------------------------------------------------------------


def constater(paiement: PaiementEnLigne, fournisseur: Fournisseur, maintenant: datetime) -> PaiementEnLigne:
    """Ask the bank and write what it says; return page and notification run this same function.

    An attempt given up or expired is asked about too: money that came all the same is not lost. Raises
    BanqueInjoignable.
    """
    if paiement.session and paiement.reglement_id is None:
        appliquer(paiement, fournisseur.constater(paiement.session), maintenant)
        paiement.refresh_from_db()
    return paiement


def appliquer(paiement: PaiementEnLigne, constat: Constat, maintenant: datetime) -> None:
    """Write what the bank said, once: a paid page becomes one règlement."""
    try:
        with transaction.atomic():
            _appliquer(paiement.pk, paiement.famille_id, constat, maintenant)
    except _DejaEncaisse:
        journal.info("paiement déjà encaissé", extra={"objet": str(paiement.pk)})


def _appliquer(pk: uuid.UUID, famille_id: int, constat: Constat, maintenant: datetime) -> None:
    famille = verrouiller_un(Famille.objects.filter(pk=famille_id))
    paiement = verrouiller_un(PaiementEnLigne.objects.filter(pk=pk))
    if paiement.reglement_id is not None:
        return
    lignes = PaiementEnLigne.objects.filter(pk=pk, reglement=None)
    if constat.etat == "introuvable":
        # The bank was changed or emptied: nobody can pay that page any more.
        journal.warning("la banque ne connaît pas ce paiement", extra={"objet": str(pk)})
        lignes.filter(etat=Etat.OUVERT).update(etat=Etat.EXPIRE)
    elif constat.session != paiement.session or constat.paiement != str(pk):
        journal.error("constat d’un autre paiement", extra={"objet": str(pk)})
    elif constat.etat == "expire":
        lignes.filter(etat=Etat.OUVERT).update(etat=Etat.EXPIRE)
    elif constat.etat == "paye" and (constat.centimes, constat.devise) == (paiement.centimes, "eur"):
        _encaisser(famille, paiement, constat, maintenant)
    elif constat.etat == "paye" and not paiement.incident:
        # Not what was asked for: a human looks at it with the bank before anything moves on the account.
        journal.error("montant inattendu à la banque", extra={"objet": str(pk)})
        lignes.update(incident=_inattendu(paiement, constat), intention=constat.intention or None)


def _inattendu(paiement: PaiementEnLigne, constat: Constat) -> str:
    unites, reste = divmod(constat.centimes, 100)
    recu = f"{unites},{reste:02d}{INSECABLE}{constat.devise.upper()}"
    return (
        f"La banque annonce {recu} au lieu de {euros(paiement.centimes)}{INSECABLE}: rien n’est encaissé ici, "
        "à vérifier avec elle."
    )[:300]


def _encaisser(famille: Famille, paiement: PaiementEnLigne, constat: Constat, maintenant: datetime) -> None:
    lignes = list(paiement.lignes.select_related("facture").order_by("pk"))
    reglement = encaisser(
        famille,
        paiement.regie,
        Reglement.Mode.CARTE,
        constat.centimes,
        timezone.localdate(maintenant),
        paiement.cree_par,
        libelle="Paiement en ligne",
        sur=[(ligne.facture, ligne.centimes) for ligne in lignes],
    )
    payees = affectation(reglement)
    place = sum(payees.get(ligne.facture.reference, 0) for ligne in lignes)
    incident = ""
    if place != constat.centimes:
        # A cheque or an avoir came first. `encaisser` gave the surplus to other invoices of the régie, or kept it.
        libre = constat.centimes - sum(payees.values())
        incident = (
            f"{euros(constat.centimes - place)} reçus ne correspondent plus aux factures{INSECABLE}: "
            f"{euros(constat.centimes - place - libre)} sur d’autres factures, {euros(libre)} en avoir."
        )
        journal.warning("paiement reçu sans facture à payer", extra={"objet": str(paiement.pk)})
    mien = PaiementEnLigne.objects.filter(pk=paiement.pk)
    if GARDER:
        mien = mien.filter(reglement=None)
    if not mien.update(
        etat=Etat.PAYE, reglement=reglement, intention=constat.intention or None, incident=incident
    ):
        raise _DejaEncaisse
    poster(
        f"paiement:{paiement.pk}",
        paiement.courriel_recu,
        "courriels/paiement_recu.txt",
        {"reglement": reglement, "payees": payees, "avoir": reglement.centimes - sum(payees.values())},
    )


def affectation(reglement: Reglement) -> dict[str, int]:
    """What a règlement pays, by number of invoice, in cents; what is missing to its amount is the family's credit."""
    sommes: dict[str, int] = {}
    for imputation in reglement.imputations.select_related("facture").order_by("pk"):
        reference = imputation.facture.reference
        sommes[reference] = sommes.get(reference, 0) + imputation.centimes
    return {reference: centimes for reference, centimes in sommes.items() if centimes}


def notifier(fournisseur: Fournisseur, corps: bytes, signature: str, maintenant: datetime) -> str:
    """A notification of the bank: verified, recorded, then acted on. What came of it, in a word.

    Raises NotificationInvalide (forged, too old), BanqueInjoignable (the bank will send it again).
    """
    recue = fournisseur.lire(corps, signature)
    evenement, _ = EvenementPaiement.objects.get_or_create(
        fournisseur=fournisseur.code,
        evenement=recue.evenement[:255],
        defaults={"genre": recue.genre[:100], "recu_le": maintenant},
    )
    if evenement.traite_le is not None:
        return "deja"
    issue = "ignore"
    if recue.session:
        paiement = PaiementEnLigne.objects.filter(fournisseur=fournisseur.code, session=recue.session).first()
        # The body is not believed: the state is read at the bank.
        issue = constater(paiement, fournisseur, maintenant).etat if paiement else "inconnu"
    if issue == "inconnu":
        journal.warning("notification d’un paiement inconnu", extra={"objet": recue.evenement[:255]})
    EvenementPaiement.objects.filter(pk=evenement.pk).update(traite_le=maintenant, issue=issue)
    return issue


# --- scheduled ----------------------------------------------------------------------------------------------------


def fermer_les_perimes(fournisseur: Fournisseur, maintenant: datetime) -> str:
    """Scheduled: catch up lost notifications, close the pages of invoices paid or cancelled by other means."""
    attentes = PaiementEnLigne.objects.filter(fournisseur=fournisseur.code, incident="")
    oublies = attentes.filter(etat=Etat.CREE, cree_le__lt=maintenant - REPRISE).update(etat=Etat.ANNULE)
    relus = fermes = muets = 0
    for paiement in attentes.filter(etat=Etat.OUVERT).order_by("expire_le", "pk"):
        try:
            if paiement.expire_le <= maintenant:
                constater(paiement, fournisseur, maintenant)
                relus += 1
            elif not _toujours_du(paiement):
                appliquer(paiement, fournisseur.fermer(paiement.session), maintenant)
                fermes += 1
        except BanqueInjoignable:
            muets += 1
            if muets == SILENCES:
                break
    return f"{relus} relus, {fermes} fermés, {oublies} oubliés, {muets} sans réponse"
