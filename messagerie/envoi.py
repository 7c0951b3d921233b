"""Writing: a new conversation, an answer. One form sends one message, however often it is posted."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from django.db import transaction
from django.urls import reverse

from enfants.models import Structure
from familles.models import Famille
from messagerie.models import Conversation, Message, PieceJointe
from portail.socle.courriels import Lettre, poster_ensemble
from portail.socle.fichiers import Piece, deposer
from portail.socle.verrous import verrouiller_un


@dataclass(frozen=True)
class Envoi:
    """What a form sends. `signature` empty: the town's message is signed by the structure. `prevenir`: False when
    whoever writes mails the family in other words.
    """

    par: object
    texte: str
    signature: str = ""
    pieces: Sequence[Piece] = ()
    de_la_mairie: bool = False
    jeton: UUID = field(default_factory=uuid4)
    prevenir: bool = True


@transaction.atomic
def ouvrir(
    famille: Famille,
    structure: Structure | None,
    objet: str,
    envoi: Envoi,
    maintenant: datetime,
    permission: str = "",
) -> Message:
    """A new conversation and its first message; the same form posted twice gives the first one back. `permission`: what
    an agent needs to read it, besides the right to read messages.
    """
    # The household's row makes the second click of a double click wait for the first.
    famille = verrouiller_un(Famille.objects.filter(pk=famille.pk))
    deja = _deja_envoye(envoi, conversation__famille=famille, conversation__objet=objet)
    if deja:
        return deja
    conversation = Conversation.objects.create(
        famille=famille,
        structure=structure,
        objet=objet,
        creee_le=maintenant,
        dernier_le=maintenant,
        permission=permission,
    )
    return _ecrire(conversation, envoi, maintenant)


@transaction.atomic
def repondre(conversation: Conversation, envoi: Envoi, maintenant: datetime) -> Message:
    """One more message; the same form posted twice gives the first one back."""
    verrouillee = verrouiller_un(Conversation.objects.filter(pk=conversation.pk))
    deja = _deja_envoye(envoi, conversation=verrouillee)
    if deja:
        return deja
    # Later than the one before, whatever the clocks of two servers: « read up to » compares these instants.
    return _ecrire(verrouillee, envoi, max(maintenant, verrouillee.dernier_le + timedelta(microseconds=1)))


def _deja_envoye(envoi: Envoi, **ou) -> Message | None:
    # The text counts too: a form found again with the back button, then changed, is another message.
    return Message.objects.filter(auteur=envoi.par, jeton=envoi.jeton, texte=envoi.texte, **ou).first()


def _ecrire(conversation: Conversation, envoi: Envoi, maintenant: datetime) -> Message:
    jeton_pris = Message.objects.filter(auteur=envoi.par, jeton=envoi.jeton).exists()
    message = Message.objects.create(
        conversation=conversation,
        auteur=envoi.par,
        auteur_nom=envoi.signature or conversation.interlocuteur,
        de_la_mairie=envoi.de_la_mairie,
        texte=envoi.texte,
        envoye_le=maintenant,
        jeton=uuid4() if jeton_pris else envoi.jeton,
    )
    PieceJointe.objects.bulk_create(
        PieceJointe(message=message, fichier=deposer(piece, envoi.par)) for piece in envoi.pieces
    )
    Conversation.objects.filter(pk=conversation.pk).update(
        dernier_le=maintenant, attend_reponse=not envoi.de_la_mairie
    )
    if envoi.de_la_mairie and envoi.prevenir:
        poster_ensemble(lettres(message, conversation))
    return message


def lettres(message: Message, conversation: Conversation) -> Iterator[Lettre]:
    """What tells the adults who allow e-mails that a message waits; the message itself stays in the portal."""
    contexte = {
        "expediteur": message.auteur_nom,
        "chemin": reverse("conversation", args=[conversation.pk]),
    }
    for rang, adresse in enumerate(conversation.famille.adresses_courriel(), start=1):
        cle = f"message:{message.pk}" if rang == 1 else f"message:{message.pk}:{rang}"
        yield Lettre(cle, adresse, "courriels/nouveau_message.txt", contexte)
