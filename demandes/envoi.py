"""Sending: the demande, its number, its days, in one transaction. A double click sends once (`jeton`)."""

import uuid
from dataclasses import replace
from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import prefetch_related_objects

from demandes.annonce import Annonce
from demandes.depots import Guichet
from demandes.models import Demande, ReglageDemande
from demandes.models.demande import Application
from demandes.models.etats import ATTENDENT
from demandes.recap import empreinte
from demandes.types import PAR_CODE, TypeDemande
from enfants import places
from facturation.cloture import jours_clos
from familles.models import Famille
from messagerie.envoi import Envoi as Message
from portail.socle.fichiers import deposer
from portail.socle.verrous import verrouiller_un

AUTOMATIQUE = "Acceptation automatique"


def attentes(famille: Famille, genre: type[TypeDemande], enfant):
    """What still waits of this kind, about this child; nothing for a kind that piles up."""
    if not genre.remplace:
        return famille.demandes.none()
    return famille.demandes.en_cours().filter(type=genre.code, enfant=enfant).order_by("-envoyee_le")


def meme_sujet(famille: Famille, genre: type[TypeDemande], enfant, donnees: dict | None = None):
    """The demande still waiting on this subject. Some kinds have one by service or by new child: `donnees` tells
    which, and without it there is none.
    """
    lignes = attentes(famille, genre, enfant)
    if genre.cle:
        if donnees is None:
            return None
        lignes = lignes.filter(**{f"donnees__{nom}": donnees.get(nom, "") for nom in genre.cle})
    return lignes.first()


@transaction.atomic
def envoyer(
    formulaire: TypeDemande,
    par,
    maintenant: datetime,
    jeton: uuid.UUID,
    reprise: Demande | None = None,
    depots: int | None = None,
) -> Demande:
    """Send a valid form: only what changes, and the documents left with it (`depots`: how many the person saw).

    It takes the place of the one waiting on the same subject, and of `reprise`, the one it was opened from.
    Raises ValidationError when there is nothing to send.
    """
    famille = verrouiller_un(Famille.objects.filter(pk=formulaire.famille.pk))
    if deja := famille.demandes.filter(jeton=jeton).first():
        return deja
    fichiers = Guichet(famille, par, jeton).fichiers(depots)
    changements = formulaire.changements()
    if not changements and not fichiers:
        raise ValidationError("Vous n’avez rien changé\N{NO-BREAK SPACE}: il n’y a rien à envoyer.")
    genre = type(formulaire)
    ancienne = meme_sujet(famille, genre, formulaire.enfant, changements)
    for remplacee in {ancienne, reprise} - {None}:
        if remplacee.est_en_cours:
            remplacee.retirer(par, maintenant, texte="Remplacée par une nouvelle demande.")
    valeurs = {
        "enfant": formulaire.enfant,
        "donnees": changements,
        "avant": {nom: formulaire.valeurs.get(nom, "") for nom in changements},
    }
    application = _appliquer_seul(Demande(famille=famille, type=genre.code, **valeurs), maintenant)
    demande = Demande.ouvrir(famille, genre, par, maintenant, jeton=jeton, **valeurs)
    demande.attacher(fichiers)
    if application:
        demande.conclure(application, None, maintenant, AUTOMATIQUE)
    else:
        demande.accuser()
    return demande


def _appliquer_seul(demande: Demande, maintenant: datetime) -> Application | None:
    """Applied at once where the town chose so; None: an agent looks (what cannot be applied, documents alone).

    Before the demande has a number: what is applied locks children and places, and the counter comes last.
    """
    if not demande.donnees or not ReglageDemande.accepte_seul(demande.genre, demande.donnees):
        return None
    demande.envoyee_le = maintenant
    try:
        with transaction.atomic():
            demande.tenir_l_enfant()
            return demande.appliquer(None, maintenant)
    except ValidationError:
        return None


@transaction.atomic
def joindre(demande: Demande, guichet: Guichet, par, maintenant: datetime) -> None:
    """Add what the family left at the counter to a demande that waits. Raises DejaTraitee, ValidationError."""
    verrouiller_un(Famille.objects.filter(pk=demande.famille_id))
    demande.joindre(guichet.fichiers(), par, maintenant)


@transaction.atomic
def repondre(demande: Demande, guichet: Guichet, envoi: Message, maintenant: datetime) -> None:
    """Answer the town, with documents: they join the demande, whose readers and whose end they share."""
    if _attend_encore(demande):
        demande.attacher(guichet.fichiers())
    demande.recevoir(envoi, maintenant)


@transaction.atomic
def repondre_du_fil(demande: Demande, envoi: Message, maintenant: datetime) -> None:
    """The same from the inbox. Raises ValidationError when the demande has all the documents it may have."""
    if envoi.pieces and _attend_encore(demande):
        demande.attacher([deposer(piece, envoi.par) for piece in envoi.pieces])
        envoi = replace(envoi, pieces=())
    demande.recevoir(envoi, maintenant)


def _attend_encore(demande: Demande) -> bool:
    """Lock its household, and read it again: once decided, it takes no document."""
    verrouiller_un(Famille.objects.filter(pk=demande.famille_id))
    demande.refresh_from_db(fields=["etat"])
    return demande.est_en_cours


def _tenir(famille: Famille) -> Famille:
    """The household under lock, with the adults its receipt is for: read before places are locked, not meanwhile."""
    famille = verrouiller_un(Famille.objects.filter(pk=famille.pk))
    prefetch_related_objects([famille], "responsables")
    return famille


@transaction.atomic
def envoyer_reservations(
    famille: Famille,
    souhaits: list,
    par,
    maintenant: datetime,
    jeton: uuid.UUID,
    annonce: Annonce | None = None,
) -> tuple[Demande | None, list]:
    """Book: one demande for the days that could be asked (None if none could), and what became of each. A day
    invoiced since the page was shown is refused. The cost announced is kept unless what becomes of the days differs.
    """
    famille = _tenir(famille)
    if deja := famille.demandes.filter(jeton=jeton).first():
        return deja, []
    clos = jours_clos((s.inscription.prestation_id, s.jour) for s in souhaits)
    phrases = [clos.get((s.inscription.prestation_id, s.jour), "") for s in souhaits]
    ouverts = [s for s, phrase in zip(souhaits, phrases, strict=True) if not phrase]
    issues = places.reserver(ouverts, par, maintenant)
    issues += [
        places.Issue(s, "refus", phrase) for s, phrase in zip(souhaits, phrases, strict=True) if phrase
    ]
    reservations = [i.reservation for i in issues if i.reservation is not None]
    estimation = annonce.cout if annonce and annonce.vu == empreinte(issues) else {}
    refus = [
        (i.souhait.inscription.enfant, i.souhait.inscription.prestation, i.souhait.jour, i.phrase)
        for i in issues
        if i.verdict == "refus"
    ]
    demande = _planning(
        famille,
        "reservations",
        reservations,
        {},
        par,
        maintenant,
        jeton,
        estimation,
        _rangs(issues),
        refus=refus,
    )
    return demande, issues


def _rangs(issues: list) -> dict[int, int]:
    """Reservation → rank on the waiting list, as just judged: its receipt reads nothing while places are locked."""
    return {i.reservation.pk: i.rang for i in issues if i.reservation is not None and i.rang}


@transaction.atomic
def envoyer_absences(
    famille: Famille, reservations: list, raison: dict, par, maintenant: datetime, jeton: uuid.UUID
) -> tuple[Demande | None, list]:
    """Declare absences for one reason; `raison` holds the cleaned values of the kind « absences ». A day invoiced
    since the page was shown is refused.
    """
    famille = _tenir(famille)
    if deja := famille.demandes.filter(jeton=jeton).first():
        return deja, []
    genre = PAR_CODE["absences"]
    clos = jours_clos((r.prestation_id, r.jour) for r in reservations)
    issues = places.declarer_absences(
        [r for r in reservations if (r.prestation_id, r.jour) not in clos],
        par,
        maintenant,
        motif=genre.categorie_de(raison),
        medicale=raison["raison"] == genre.MEDICALE,
    )
    issues += [
        places.IssueAbsence(r, "refus", clos[r.prestation_id, r.jour])
        for r in reservations
        if (r.prestation_id, r.jour) in clos
    ]
    retirees = [i.reservation.pk for i in issues if i.verdict == "annulee"]
    if retirees:
        for autre in famille.demandes.en_cours().filter(jours__reservation__in=retirees).distinct():
            autre.solder(par, maintenant, texte="Retirée depuis le planning.", prevenir=False)
    declarees = [i.reservation for i in issues if i.verdict not in ("refus", "annulee")]
    fichiers = Guichet(famille, par, jeton).fichiers() if declarees else []
    refus = [
        (i.reservation.enfant, i.reservation.prestation, i.reservation.jour, i.phrase)
        for i in issues
        if i.verdict == "refus"
    ]
    demande = _planning(
        famille, "absences", declarees, raison, par, maintenant, jeton, fichiers=fichiers, refus=refus
    )
    return demande, issues


def _planning(
    famille,
    code,
    reservations,
    donnees,
    par,
    maintenant,
    jeton,
    estimation=None,
    rangs=None,
    fichiers=(),
    refus=(),
) -> Demande | None:
    """The demande over these bookings; decided at once when no day waits for anyone. Its documents first: the receipt
    asks for the attestation that is missing.
    """
    if not reservations:
        return None
    enfants = {r.enfant_id for r in reservations}
    demande = Demande.ouvrir(
        famille,
        PAR_CODE[code],
        par,
        maintenant,
        jeton=jeton,
        enfant=reservations[0].enfant if len(enfants) == 1 else None,
        donnees=donnees,
        avant={},
        estimation=estimation,
        acceptee=all(r.etat not in ATTENDENT for r in reservations),
    )
    if fichiers:
        demande.attacher(fichiers)
    demande.porter(reservations, rangs, refus)
    return demande
