"""What « Données personnelles » promises: how long the portal keeps what it holds, and the work that erases it.

Erased: health sheets when a child has not been enrolled for a year; a household's sheet, messages and accounts three
years after its last sign of life; the text of the e-mails sent, and the traces, after a year. Kept: invoices, payments, the days they rest upon and the names
they bear (public accounts: ten years at least, and only the Archives départementales allow their elimination); SEPA
mandates (the creditor's proof). A household that owes something, or is owed something, is never touched: it is counted,
and the run's row says so.
"""

import logging
from datetime import date, datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from demandes.models import EN_COURS, Demande, PieceDemande
from enfants.models import (
    Autorisations,
    Enfant,
    FicheSanitaire,
    Inscription,
    LienAgenda,
    PersonneAutorisee,
    Pointage,
    Rattachement,
    Reservation,
    Scolarite,
)
from facturation import releve
from facturation.models import Facture, PaiementEnLigne, Reglement
from familles.models import (
    Authentificateur,
    CodeDeSecours,
    Connexion,
    Famille,
    Responsable,
    Utilisateur,
)
from messagerie.models import Conversation, PieceJointe
from portail.accueil.models import ExportDonnees, Visite
from portail.socle.dates import decaler_ans
from portail.socle.fichiers import effacer_pieces
from portail.socle.models import Courriel, Trace
from portail.socle.traces import tracer
from portail.socle.verrous import verrouiller, verrouiller_un

journal = logging.getLogger(__name__)
# A household each in its own transaction; the rest waits for the next run.
PAR_PASSAGE = 200
# The identity the accounts' papers bear; the rest of an adult's sheet goes.
GARDES_DE_L_ADULTE = {"id", "famille", "rang", "civilite", "nom", "prenom"}
ANNEE = timedelta(days=366)


def conserver(maintenant: datetime) -> str:
    """The daily work. Says what it erased, and which households wait for their balance to be settled."""
    jour = timezone.localdate(maintenant)
    fiches = effacer_sante(jour)
    effacees, retenues = effacer_familles(maintenant)
    traces = Trace.objects.filter(quand__lt=maintenant - ANNEE)._raw_delete(Trace.objects.db)
    courriels = effacer_courriels(maintenant - ANNEE)
    bilan = f"{fiches} fiches de santé, {effacees} familles, {courriels} courriels, {traces} traces"
    return bilan + (f" ; {retenues} familles gardées : solde à régler" if retenues else "")


def effacer_courriels(avant: datetime) -> int:
    """Empty what was written to people, and to whom; how many. The row stays: its cause must not be posted twice."""
    partis = Courriel.objects.filter(etat__in=(Courriel.Etat.ENVOYE, Courriel.Etat.ECHEC), cree_le__lt=avant)
    return partis.exclude(destinataire="").update(destinataire="", objet="Effacé", texte="")


# --- health -----------------------------------------------------------------------------------------------------


def enfants_a_oublier(jour: date) -> QuerySet[Enfant]:
    """Children of whom a health sheet or persons are kept, whom no school, enrolment, booking, attendance nor demande
    has held for months.
    """
    limite = jour - timedelta(days=30.5 * settings.SANTE_MOIS)
    du_meme = {"enfant": OuterRef("pk")}
    inscrits = Inscription.objects.filter(Q(au=None) | Q(au__gte=limite), **du_meme)
    scolarises = Scolarite.objects.filter(annee__fin__gte=limite, **du_meme)
    reserves = Reservation.objects.filter(jour__gte=limite, **du_meme)
    # Attendance is never refused: a child may come without being enrolled.
    venus = Pointage.objects.filter(jour__gte=limite, **du_meme)
    demandes = Demande.objects.filter(Q(etat__in=EN_COURS) | Q(envoyee_le__date__gte=limite), **du_meme)
    recents = Rattachement.objects.filter(du__gte=limite, **du_meme)
    garde = [
        modele.objects.filter(**du_meme) for modele in (FicheSanitaire, Autorisations, PersonneAutorisee)
    ]
    return Enfant.objects.filter(
        Exists(garde[0]) | Exists(garde[1]) | Exists(garde[2]),
        ~Exists(inscrits),
        ~Exists(scolarises),
        ~Exists(reserves),
        ~Exists(venus),
        ~Exists(demandes),
        ~Exists(recents),
    ).order_by("pk")


def effacer_sante(jour: date) -> int:
    """Health sheets, authorisations and persons of the children gone; how many children."""
    faits = 0
    for pk in list(enfants_a_oublier(jour).values_list("pk", flat=True)[:PAR_PASSAGE]):
        with transaction.atomic():
            verrouiller_un(Enfant.objects.filter(pk=pk))
            # Read again under the lock: an agent may have enrolled the child meanwhile.
            enfant = enfants_a_oublier(jour).filter(pk=pk).first()
            if enfant:
                _effacer_sante([enfant])
                tracer(None, "conservation.sante", enfant)
                faits += 1
    return faits


def _effacer_sante(enfants) -> None:
    for modele in (FicheSanitaire, Autorisations, PersonneAutorisee):
        modele.objects.filter(enfant__in=enfants).delete()


# --- households -------------------------------------------------------------------------------------------------


def familles_parties(jour: date) -> QuerySet[Famille]:
    """Households without any sign of life for years: no enrolment, demande, message, invoice, payment nor log-in; nor
    a child whom the town looks after, though the other household alone enrols it: it must know whom to call.
    """
    limite = decaler_ans(jour, -settings.CONSERVATION_ANS)
    siens = {"famille": OuterRef("pk")}
    signes = (
        Inscription.objects.filter(Q(au=None) | Q(au__gte=limite), **siens),
        Demande.objects.filter(Q(etat__in=EN_COURS) | Q(envoyee_le__date__gte=limite), **siens),
        Conversation.objects.filter(dernier_le__date__gte=limite, **siens),
        Facture.objects.filter(date__gte=limite, **siens),
        Reglement.objects.filter(date__gte=limite, **siens),
        PaiementEnLigne.objects.filter(cree_le__date__gte=limite, **siens),
        Responsable.objects.filter(utilisateur__last_login__date__gte=limite, **siens),
        Rattachement.objects.filter(
            Q(du__gte=limite) | Q(enfant__scolarites__annee__fin__gte=limite), **siens
        ),
        *(
            Rattachement.objects.filter(
                Exists(modele.objects.filter(condition, enfant=OuterRef("enfant"))),
                Q(au=None) | Q(au__gte=limite),
                **siens,
            )
            for modele, condition in (
                (Inscription, Q(au=None) | Q(au__gte=limite)),
                (Pointage, Q(jour__gte=limite)),
            )
        ),
    )
    parties = Famille.objects.filter(effacee_le=None, cree_le__date__lt=limite)
    parties = parties.filter(Q(archivee_le=None) | Q(archivee_le__lt=limite))
    for signe in signes:
        parties = parties.filter(~Exists(signe))
    return parties.order_by("pk")


def effacer_familles(maintenant: datetime) -> tuple[int, int]:
    """How many sheets were emptied, how many are kept because money is still due, one way or the other."""
    effacees, retenues, jour = 0, 0, timezone.localdate(maintenant)
    for pk in list(familles_parties(jour).values_list("pk", flat=True)):
        if effacees == PAR_PASSAGE:
            break
        try:
            faite = _effacer_si_soldee(pk, maintenant)
        except Exception as erreur:
            # The row number and the kind of error only: an exception's text may hold personal data.
            journal.error("Famille %s non effacée : %s", pk, type(erreur).__name__)
            continue
        effacees += faite is True
        retenues += faite is False
    return effacees, retenues


@transaction.atomic
def _effacer_si_soldee(pk: int, maintenant: datetime) -> bool | None:
    """Whether it was emptied; False: money is due. None: it gave a sign of life before the lock."""
    verrouiller_un(Famille.objects.filter(pk=pk))
    famille = familles_parties(timezone.localdate(maintenant)).filter(pk=pk).first()
    if famille is None:
        return None
    if any(releve.soldes_par_regie(famille).values()):
        return False
    _effacer(famille, maintenant)
    return True


def _effacer(famille: Famille, maintenant: datetime) -> None:
    jour = timezone.localdate(maintenant)
    _effacer_les_comptes(famille)
    vides = {
        champ.name: None if champ.null else champ.get_default()
        for champ in Responsable._meta.concrete_fields
        if champ.name not in GARDES_DE_L_ADULTE
    }
    famille.responsables.update(**vides)
    for lignes in (
        famille.situations_fiscales,
        famille.quotients,
        famille.residences,
        PersonneAutorisee.objects.filter(famille=famille),
        LienAgenda.objects.filter(famille=famille),
        Visite.objects.filter(famille=famille),
        ExportDonnees.objects.filter(famille=famille),
    ):
        lignes.all().delete()
    for modele in ("allocataire", "coordonnees_bancaires"):
        Famille._meta.get_field(modele).related_model.objects.filter(famille=famille).delete()
    _effacer_les_messages(famille)
    # Which kind of demande, when, and what the town decided: kept, as its history is. Not what was written in it.
    pieces = PieceDemande.objects.filter(demande__famille=famille)
    effacer_pieces(pieces)
    for demande in famille.demandes.filter(effacee_le=None):
        demande.effaces, demande.effacee_le = sorted(demande.donnees), maintenant
        demande.donnees = demande.avant = {}
        demande.save(update_fields=["donnees", "avant", "effaces", "effacee_le"])
    _effacer_les_enfants(famille)
    Famille.objects.filter(pk=famille.pk).update(effacee_le=jour, archivee_le=famille.archivee_le or jour)
    tracer(None, "conservation.famille", famille, famille=famille)


def _effacer_les_comptes(famille: Famille) -> None:
    """Accounts that open no other household are closed; nothing of their owner stays but the identifiant.

    The row stays: demandes and traces of the town's work name it.
    """
    miens = famille.responsables.exclude(utilisateur=None).values("utilisateur")
    ailleurs = Responsable.objects.filter(utilisateur=OuterRef("pk")).exclude(famille=famille)
    comptes = list(Utilisateur.objects.filter(~Exists(ailleurs), pk__in=miens, is_staff=False))
    for compte in comptes:
        compte.set_unusable_password()
        compte.is_active, compte.courriel, compte.nom, compte.prenom = False, "", "", ""
    Utilisateur.objects.bulk_update(comptes, ["password", "is_active", "courriel", "nom", "prenom"])
    Connexion.objects.filter(utilisateur__in=comptes).delete()
    CodeDeSecours.objects.filter(utilisateur__in=comptes).delete()
    Authentificateur.objects.filter(user__in=comptes).delete()


def _effacer_les_messages(famille: Famille) -> None:
    """Conversations and their attachments."""
    effacer_pieces(PieceJointe.objects.filter(message__conversation__famille=famille))
    Conversation.objects.filter(famille=famille).delete()


def _effacer_les_enfants(famille: Famille) -> None:
    """Children nobody else brings up here: the name and the birth date stay, on which the invoices rest."""
    liens = Rattachement.objects.filter(enfant=OuterRef("pk"))
    autres = liens.filter(famille__effacee_le=None).exclude(famille=famille)
    enfants = verrouiller(Enfant.objects.filter(Exists(liens.filter(famille=famille)), ~Exists(autres)))
    _effacer_sante(enfants)
    Enfant.objects.filter(pk__in=[e.pk for e in enfants]).update(lieu_naissance="")
    for enfant in enfants:
        enfant.scolarites.all().delete()
