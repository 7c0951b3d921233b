"""Builders of demandes for the tests: sent as a family would."""

import uuid
from datetime import date, datetime

from django.utils import timezone

from demandes.envoi import envoyer, envoyer_reservations
from demandes.models import Demande
from demandes.types import PAR_CODE
from enfants.places import Souhait
from familles.models import Famille


def titulaire(famille: Famille):
    return famille.responsables.get(rang="titulaire")


def formulaire(code: str, famille: Famille, saisie: dict, enfant=None, jour: date | None = None):
    """The kind's form as the page posts it: current values, overlaid with what is typed."""
    genre = PAR_CODE[code]
    jour = jour or timezone.localdate()
    vide = genre(famille=famille, enfant=enfant, jour=jour)
    actuelles = {nom: vide.get_initial_for_field(champ, nom) for nom, champ in vide.fields.items()}
    return genre(actuelles | saisie, famille=famille, enfant=enfant, jour=jour)


def demande(code: str, famille: Famille, saisie: dict, enfant=None, le: datetime | None = None) -> Demande:
    le = le or timezone.now()
    form = formulaire(code, famille, saisie, enfant, timezone.localdate(le))
    assert form.is_valid(), form.errors
    return envoyer(form, titulaire(famille).utilisateur, le, uuid.uuid4())


def reservations(inscription, *jours: date, le: datetime) -> Demande:
    souhaits = [Souhait(inscription, jour) for jour in jours]
    famille = inscription.famille
    faite, _ = envoyer_reservations(famille, souhaits, titulaire(famille).utilisateur, le, uuid.uuid4())
    return faite
