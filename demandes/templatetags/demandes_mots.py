"""A demande in words, for the mails and the pages of other apps."""

from django import template

from demandes import lettre, textes
from demandes.models import ATTEND_LA_MAIRIE, Demande
from enfants.models import Etat
from portail.socle.argent import INSECABLE, euros
from portail.socle.templatetags.portail import jour_moyen

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
    reserve = " Certains prix n’étaient pas encore fixés." if cout["sans_tarif"] else ""
    return f"Coût estimé à l’envoi{INSECABLE}: {total}. Le montant exact sera sur {cout['mois']}.{reserve}"


@register.filter
def recu(demande: Demande, rangs: dict) -> str:
    """Its days, line by line."""
    return lettre.recu(demande, rangs)


@register.filter
def suite(demande: Demande) -> str:
    """What comes next for what waits: an answer, a place, or the attestation the town waits for."""
    attendus = {j.reservation.etat for j in demande.jours.all() if not j.decision}
    if demande.attend_attestation:
        pluriel = len(demande.jours_a_attester) > 1
        return (
            f"La mairie attend votre attestation jusqu’au {jour_moyen(demande.limite_attestation)}\N{NO-BREAK SPACE}: "
            "envoyez-la depuis la page de votre demande. "
            f"Sans elle, {'ces journées seront facturées' if pluriel else 'la journée sera facturée'}."
        )
    phrases = []
    if not demande.genre.planning or attendus & set(ATTEND_LA_MAIRIE):
        phrases.append("La mairie vous répondra sur le portail et par courriel.")
    if Etat.EN_ATTENTE in attendus:
        phrases.append("Si une place se libère, nous vous prévenons.")
    return " ".join(phrases)
