"""A demande in words, for the mails and the pages of other apps."""

from django import template

from demandes import textes
from demandes.models import Demande

register = template.Library()


@register.filter
def titre(demande: Demande) -> str:
    """« Réservation, Restauration scolaire »."""
    return textes.titre(demande)


@register.filter
def objet(demande: Demande) -> str:
    """« Léa, lundi 30 novembre »: which informations or which days, never a value nor a reason (a mail is read by
    anybody).
    """
    return textes.resume(demande, precise=None)
