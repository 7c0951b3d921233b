"""The outbox: `poster` writes the row in the transaction of its cause, `envoyer_dus` sends what is due."""

import logging
import smtplib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import make_msgid

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import IntegrityError, connection, transaction
from django.template import Context, engines
from django.utils import timezone
from django_tasks import task
from django_tasks_db.models import DBTaskResult

from portail.socle.models import Collectivite, Courriel

journal = logging.getLogger("portail.courriels")
# 2, 4, 8… minutes, then every six hours: a server down from Friday evening to Sunday loses nothing.
ESSAIS_MAX = 16
ATTENTE_MAX_MINUTES = 360
LOT = 200
# The claim is an UPDATE that names what was read; the negative control of the tests turns it off.
RECLAMER = True


@dataclass(frozen=True)
class Lettre:
    """An e-mail to queue, with the arguments of `poster`."""

    cle: str
    destinataire: str
    gabarit: str
    contexte: dict


def poster(cle: str, destinataire: str, gabarit: str, contexte: dict) -> Courriel | None:
    """Queue one e-mail for this cause; None when there is no address or when the cause already has its row.

    The first line of the template is the subject, the rest the text, nothing is escaped as HTML. `cle` names the
    cause (« facture:AL-36 »).
    """
    if not destinataire:
        return None
    courriel = _composer(Lettre(cle, destinataire, gabarit, contexte), _entete())
    try:
        with transaction.atomic():
            courriel.save(force_insert=True)
    except IntegrityError:
        return None
    _signaler_apres()
    return courriel


def poster_ensemble(lettres: Iterable[Lettre]) -> None:
    """Queue many in one statement; a cause that already has its row keeps it."""
    entete = _entete()
    courriels = [_composer(lettre, entete) for lettre in lettres if lettre.destinataire]
    if courriels:
        Courriel.objects.bulk_create(courriels, ignore_conflicts=True)
        _signaler_apres()


def _entete() -> dict:
    """What every template may use: read once for many letters."""
    return {"collectivite": Collectivite.actuelle(), "site": settings.SITE_URL}


def _composer(lettre: Lettre, entete: dict) -> Courriel:
    objet, _, texte = _rendre(lettre.gabarit, entete | lettre.contexte).partition("\n")
    return Courriel(
        cle=lettre.cle,
        destinataire=lettre.destinataire,
        # On one line whatever a name holds: a header must not be split.
        objet=" ".join(objet.strip().splitlines())[:200],
        texte=texte.strip() + "\n",
        message_id=make_msgid(domain="portail-famille"),
    )


def _rendre(gabarit: str, contexte: dict) -> str:
    # Django escapes for HTML whatever the extension of the template: « L&#x27;été » in a plain text.
    modele = engines["django"].engine.get_template(gabarit)
    return modele.render(Context(contexte, autoescape=False)).strip()


def _signaler_apres() -> None:
    """Once for the transaction, however many causes wrote in it. A nudge that a savepoint may take back goes with it,
    and so does the one that would have been added to it.
    """
    if not any(appel is signaler for _, appel, _ in connection.run_on_commit):
        transaction.on_commit(signaler, robust=True)


def signaler() -> None:
    """Nudge the worker, unless a nudge already waits: a campagne of 1 500 invoices makes one."""
    if not DBTaskResult.objects.ready().filter(task_path=envoyer_les_courriels.module_path).exists():
        envoyer_les_courriels.enqueue()


def envoyer_dus(maintenant: datetime | None = None, arret: Callable[[], bool] = lambda: False) -> int:
    """Send what is due; the number sent. Safe to run in several processes: each row is claimed by an UPDATE.

    Stops between two messages when `arret()` says so, and when the server does not answer (the rest can wait).
    """
    maintenant = maintenant or timezone.now()
    envoyes = 0
    for courriel in Courriel.objects.dus(maintenant).order_by("prevu_le", "pk")[:LOT]:
        if arret():
            break
        try:
            envoyes += _envoyer(courriel)
        except ServeurAbsent:
            break
    return envoyes


def clore_abandonnes(maintenant: datetime) -> int:
    """Rows a second crash left half-way: never sent a third time, shown as failed to the agents."""
    return Courriel.objects.filter(
        etat=Courriel.Etat.EN_COURS, pris_le__lt=maintenant - Courriel.ABANDON, reprises__gte=1
    ).update(etat=Courriel.Etat.ECHEC, erreur="Interrompu deux fois")


class ServeurAbsent(Exception):
    """The mail server cannot be reached: no use trying the next message now."""


def _envoyer(courriel: Courriel) -> int:
    # The hour of the claim, not of the batch: a long batch must not make its last rows look abandoned.
    pris_le = timezone.now()
    if not _reclamer(courriel, pris_le):
        return 0
    message = EmailMessage(
        courriel.objet,
        courriel.texte,
        to=[courriel.destinataire],
        headers={"Message-ID": courriel.message_id, "Auto-Submitted": "auto-generated"},
    )
    # Whoever took the row over in between decides of its state.
    la_mienne = Courriel.objects.filter(pk=courriel.pk, etat=Courriel.Etat.EN_COURS, pris_le=pris_le)
    try:
        message.send()
    except Exception as erreur:
        essais = courriel.essais + 1
        la_mienne.update(
            etat=Courriel.Etat.ECHEC if essais >= ESSAIS_MAX else Courriel.Etat.A_ENVOYER,
            prevu_le=timezone.now() + timedelta(minutes=min(2**essais, ATTENTE_MAX_MINUTES)),
            erreur=type(erreur).__name__,
        )
        journal.warning("courriel non envoyé : %s", type(erreur).__name__, extra={"objet": courriel.pk})
        if _serveur_absent(erreur):
            raise ServeurAbsent from erreur
        return 0
    la_mienne.update(etat=Courriel.Etat.ENVOYE, envoye_le=timezone.now(), erreur="")
    return 1


def _reclamer(courriel: Courriel, pris_le: datetime) -> bool:
    lignes = Courriel.objects.filter(pk=courriel.pk)
    if RECLAMER:
        lignes = lignes.filter(etat=courriel.etat, pris_le=courriel.pris_le)
    repris = courriel.etat == Courriel.Etat.EN_COURS
    return bool(
        lignes.update(
            etat=Courriel.Etat.EN_COURS,
            pris_le=pris_le,
            essais=courriel.essais + 1,
            reprises=courriel.reprises + repris,
        )
    )


def _serveur_absent(erreur: Exception) -> bool:
    # Every SMTPException is an OSError too: only these two, and the plain ones, mean nobody answers.
    if isinstance(erreur, smtplib.SMTPException):
        return isinstance(erreur, smtplib.SMTPConnectError | smtplib.SMTPServerDisconnected)
    return isinstance(erreur, OSError)


@task()
def envoyer_les_courriels() -> int:
    """The nudge: the row is the truth, this only makes it leave sooner than the next sweep."""
    return envoyer_dus()
