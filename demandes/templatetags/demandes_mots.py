"""A demande in words, for the mails and the pages of other apps."""

from django import template

from demandes import textes
from demandes.models import Demande
from portail.socle.argent import INSECABLE, euros

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


@register.filter
def cout_estime(demande: Demande) -> str:
    """« Coût estimé : 6,90 €, et 3,45 € si la mairie accepte. Le montant exact sera sur votre facture de novembre. »"""
    cout = demande.estimation
    suites = {"total": "", "si_accepte": " si la mairie accepte", "si_place": " si une place se libère"}
    dits = [euros(cout[cle]) + suite for cle, suite in suites.items() if cout[cle]] or [euros(0)]
    reserve = " Certains prix ne sont pas encore fixés." if cout["sans_tarif"] else ""
    return f"Coût estimé{INSECABLE}: {', et '.join(dits)}. Le montant exact sera sur {cout['mois']}.{reserve}"


@register.filter
def cout_accepte(demande: Demande) -> str:
    """The same once all is accepted: « Coût estimé à l’envoi : 10,35 €… »"""
    cout = demande.estimation
    total = euros(cout["total"] + cout["si_accepte"] + cout["si_place"])
    return f"Coût estimé à l’envoi{INSECABLE}: {total}. Le montant exact sera sur {cout['mois']}."
