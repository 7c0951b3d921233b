"""Sending: the demande, its number, its days, in one transaction. A double click sends once (`jeton`)."""

import uuid
from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from demandes.models import CompteurDemande, Demande, DemandeEvenement, DemandeJour
from demandes.models.etats import ACCEPTEE, ATTENDENT
from demandes.types import PAR_CODE, TypeDemande
from enfants import places
from familles.models import Famille
from portail.socle.traces import tracer
from portail.socle.verrous import verrouiller_un


def meme_sujet(famille: Famille, genre: type[TypeDemande], enfant) -> Demande | None:
    """The demande still waiting on this subject, if this kind allows one only."""
    if not genre.remplace:
        return None
    return famille.demandes.en_cours().filter(type=genre.code, enfant=enfant).order_by("-envoyee_le").first()


@transaction.atomic
def envoyer(formulaire: TypeDemande, par, maintenant: datetime, jeton: uuid.UUID) -> Demande:
    """Send a valid form: only what changes. It takes the place of the one waiting on the same subject.

    Raises ValidationError when nothing changes.
    """
    famille = verrouiller_un(Famille.objects.filter(pk=formulaire.famille.pk))
    if deja := famille.demandes.filter(jeton=jeton).first():
        return deja
    changements = formulaire.changements()
    if not changements:
        raise ValidationError("Vous n’avez rien changé\N{NO-BREAK SPACE}: il n’y a rien à envoyer.")
    if ancienne := meme_sujet(famille, type(formulaire), formulaire.enfant):
        ancienne.retirer(par, maintenant, texte="Remplacée par une nouvelle demande.")
    return _creer(
        famille,
        type(formulaire),
        par,
        maintenant,
        jeton,
        enfant=formulaire.enfant,
        donnees=changements,
        avant={nom: formulaire.valeurs[nom] for nom in changements},
    )


@transaction.atomic
def envoyer_reservations(
    famille: Famille, souhaits: list, par, maintenant: datetime, jeton: uuid.UUID
) -> tuple[Demande | None, list]:
    """Book: one demande for the days that could be asked (None if none could), and what became of each."""
    famille = verrouiller_un(Famille.objects.filter(pk=famille.pk))
    if deja := famille.demandes.filter(jeton=jeton).first():
        return deja, []
    issues = places.reserver(souhaits, par, maintenant)
    reservations = [i.reservation for i in issues if i.reservation is not None]
    return _planning(famille, "reservations", reservations, {}, par, maintenant, jeton), issues


@transaction.atomic
def envoyer_absences(
    famille: Famille, reservations: list, raison: dict, par, maintenant: datetime, jeton: uuid.UUID
) -> tuple[Demande | None, list]:
    """Declare absences for one reason; `raison` holds the cleaned values of the kind « absences »."""
    famille = verrouiller_un(Famille.objects.filter(pk=famille.pk))
    if deja := famille.demandes.filter(jeton=jeton).first():
        return deja, []
    genre = PAR_CODE["absences"]
    issues = places.declarer_absences(
        reservations,
        par,
        maintenant,
        motif=genre.categorie_de(raison),
        medicale=raison["raison"] == genre.MEDICALE,
    )
    retirees = [i.reservation.pk for i in issues if i.verdict == "annulee"]
    for autre in famille.demandes.en_cours().filter(jours__reservation__in=retirees).distinct():
        autre.solder(par, maintenant, texte="Retirée depuis le planning.", prevenir=False)
    declarees = [i.reservation for i in issues if i.verdict not in ("refus", "annulee")]
    return _planning(famille, "absences", declarees, raison, par, maintenant, jeton), issues


def _planning(famille, code, reservations, donnees, par, maintenant, jeton) -> Demande | None:
    """The demande over these bookings; decided at once when no day waits for anyone."""
    if not reservations:
        return None
    enfants = {r.enfant_id for r in reservations}
    demande = _creer(
        famille,
        PAR_CODE[code],
        par,
        maintenant,
        jeton,
        enfant=reservations[0].enfant if len(enfants) == 1 else None,
        donnees=donnees,
    )
    absence = code == "absences"
    DemandeJour.objects.bulk_create(
        DemandeJour(
            demande=demande,
            reservation=r,
            action=DemandeJour.Action.ABSENCE if absence else DemandeJour.Action.RESERVER,
            decision="" if r.etat in ATTENDENT else ACCEPTEE,
        )
        for r in reservations
    )
    demande.solder(None, maintenant)
    return demande


def _creer(famille, genre, par, maintenant, jeton, *, enfant, donnees, avant=None) -> Demande:
    demande = Demande.objects.create(
        numero=CompteurDemande.numero(timezone.localdate(maintenant).year),
        famille=famille,
        enfant=enfant,
        type=genre.code,
        donnees=donnees,
        avant=avant or {},
        envoyee_par=par,
        envoyee_le=maintenant,
        jeton=jeton,
    )
    demande.evenements.create(genre=DemandeEvenement.Genre.ENVOYEE, le=maintenant, par=par)
    tracer(par, "demande_envoyee", demande, famille=famille, type=genre.code, champs=sorted(donnees))
    return demande
