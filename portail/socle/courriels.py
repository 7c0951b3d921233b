"""The outbox: `poster` writes the row in the transaction of its cause, `envoyer_dus` sends what is due."""

import logging
from datetime import timedelta
from email.utils import make_msgid

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import IntegrityError, transaction
from django.template.loader import render_to_string
from django.utils import timezone
from django_tasks import task

from portail.socle.models import Collectivite, Courriel

journal = logging.getLogger("portail.courriels")
ESSAIS_MAX = 8


def poster(cle: str, destinataire: str, gabarit: str, contexte: dict) -> Courriel | None:
    """Queue one e-mail for this cause; None when there is no address or when the cause already has its row.

    The first line of the template is the subject, the rest the text. `cle` names the cause (« facture:AL-36 »).
    """
    if not destinataire:
        return None
    rendu = render_to_string(
        gabarit, {"collectivite": Collectivite.actuelle(), "site": settings.SITE_URL, **contexte}
    ).strip()
    objet, _, texte = rendu.partition("\n")
    try:
        with transaction.atomic():
            courriel = Courriel.objects.create(
                cle=cle,
                destinataire=destinataire,
                objet=objet.strip()[:200],
                texte=texte.strip() + "\n",
                message_id=make_msgid(domain="portail-famille"),
            )
    except IntegrityError:
        return None
    transaction.on_commit(lambda: envoyer_les_courriels.enqueue())
    return courriel


def envoyer_dus(maintenant=None) -> int:
    """Send what is due; the number sent. Safe to run in several processes: each row is claimed by an UPDATE."""
    maintenant = maintenant or timezone.now()
    envoyes = 0
    for courriel in Courriel.objects.dus(maintenant).order_by("prevu_le")[:200]:
        envoyes += _envoyer(courriel, maintenant)
    return envoyes


def _envoyer(courriel: Courriel, maintenant) -> int:
    repris = courriel.etat == Courriel.Etat.EN_COURS
    pris = Courriel.objects.filter(pk=courriel.pk, etat=courriel.etat, pris_le=courriel.pris_le).update(
        etat=Courriel.Etat.EN_COURS,
        pris_le=maintenant,
        essais=courriel.essais + 1,
        reprises=courriel.reprises + (1 if repris else 0),
    )
    if not pris:
        return 0
    message = EmailMessage(
        courriel.objet,
        courriel.texte,
        to=[courriel.destinataire],
        headers={"Message-ID": courriel.message_id},
    )
    lignes = Courriel.objects.filter(pk=courriel.pk)
    try:
        message.send()
    except Exception as erreur:
        essais = courriel.essais + 1
        fini = essais >= ESSAIS_MAX
        lignes.update(
            etat=Courriel.Etat.ECHEC if fini else Courriel.Etat.A_ENVOYER,
            prevu_le=maintenant + timedelta(minutes=2**essais),
            erreur=type(erreur).__name__,
        )
        journal.warning("courriel non envoyé", extra={"objet": courriel.pk})
        return 0
    lignes.update(etat=Courriel.Etat.ENVOYE, envoye_le=timezone.now(), erreur="")
    return 1


@task()
def envoyer_les_courriels() -> int:
    """The nudge: the row is the truth, this only makes it leave sooner than the next sweep."""
    return envoyer_dus()
