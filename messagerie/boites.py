"""The three boxes of a reader: which conversations, what each line shows, what has been read."""

from dataclasses import dataclass
from datetime import datetime

from django.core.paginator import Page, Paginator
from django.db.models import Max
from django.utils import timezone

from familles.models import Famille
from messagerie.models import Conversation, EtatConversation, Message

PAR_PAGE = 20


@dataclass(frozen=True)
class Boite:
    """A box: its menu entry and what it says when empty."""

    code: str
    libelle: str
    adresse: str
    icone: str
    vide: str
    detail: str = ""


RECUS = Boite(
    "recus",
    "Reçus",
    "messagerie",
    "boite",
    "Aucun message pour l’instant.",
    "Une question sur l’accueil de votre enfant\N{NO-BREAK SPACE}? Écrivez à la structure.",
)
ENVOYES = Boite(
    "envoyes",
    "Envoyés",
    "messagerie_envoyes",
    "avion",
    "Vous n’avez encore rien envoyé.",
    "La réponse de la structure arrivera ici, avec votre message.",
)
SUPPRIMES = Boite("supprimes", "Supprimés", "messagerie_supprimes", "corbeille", "Rien ici.")
BOITES = (RECUS, ENVOYES, SUPPRIMES)


@dataclass(frozen=True)
class Ligne:
    """One conversation of a box, through the message the box shows of it."""

    conversation: Conversation
    message: Message
    nouveaux: int
    repondu: bool

    @property
    def pieces(self) -> list:
        return [p.fichier for p in self.message.pieces.all()]


def nouveaux(famille: Famille, utilisateur) -> int:
    """How many of the town's messages this reader has not opened: one query."""
    return Message.objects.filter(conversation__famille=famille).nouveaux(utilisateur).count()


def page_de(boite: Boite, famille: Famille, utilisateur, numero: int) -> tuple[Page, list[Ligne]]:
    """A page of a box and its lines; a constant number of queries. A number past the end gives the last page."""
    conversations = famille.conversations.select_related("structure")
    conversations = {
        "recus": lambda: conversations.recus(utilisateur),
        "envoyes": lambda: conversations.envoyes(utilisateur),
        "supprimes": lambda: conversations.supprimes(utilisateur).avec_dernier(),
    }[boite.code]()
    page = Paginator(conversations, PAR_PAGE).get_page(numero)
    trouvees = list(page.object_list)
    messages = {
        m.pk: m
        for m in Message.objects.filter(pk__in=[c.montre for c in trouvees]).prefetch_related(
            "pieces__fichier"
        )
    }
    attendent = _nouveaux_par_conversation(trouvees, utilisateur) if boite is RECUS else {}
    lignes = [
        Ligne(
            conversation=c,
            message=messages[c.montre],
            nouveaux=attendent.get(c.pk, 0),
            repondu=boite is ENVOYES and c.dernier_le > c.montre_le,
        )
        for c in trouvees
        if c.montre in messages
    ]
    return page, lignes


def _nouveaux_par_conversation(conversations: list[Conversation], utilisateur) -> dict:
    lignes = Message.objects.filter(conversation__in=conversations).nouveaux(utilisateur)
    compte: dict = {}
    for conversation in lignes.values_list("conversation", flat=True).order_by():
        compte[conversation] = compte.get(conversation, 0) + 1
    return compte


def marquer_lue(conversation: Conversation, utilisateur, jusqu_au: datetime) -> None:
    """This reader has seen the messages up to that instant (the last one shown, never « now »: one may be arriving)."""
    etat, _ = EtatConversation.objects.get_or_create(
        conversation=conversation, utilisateur=utilisateur, defaults={"lu_le": jusqu_au}
    )
    if etat.lu_le is None or etat.lu_le < jusqu_au:
        EtatConversation.objects.filter(pk=etat.pk).update(lu_le=jusqu_au)


def supprimer(conversation: Conversation, utilisateur) -> None:
    """Throw away, for this reader, what they have seen; what arrives later brings the conversation back."""
    etat, _ = EtatConversation.objects.get_or_create(conversation=conversation, utilisateur=utilisateur)
    vu = etat.lu_le or conversation.messages.aggregate(m=Max("envoye_le"))["m"] or timezone.now()
    EtatConversation.objects.filter(pk=etat.pk).update(supprimee_le=vu, lu_le=vu)


def restaurer(conversation: Conversation, utilisateur) -> None:
    EtatConversation.objects.filter(conversation=conversation, utilisateur=utilisateur).update(
        supprimee_le=None
    )


def est_supprimee(conversation: Conversation, utilisateur) -> bool:
    """Whether the conversation lies in this reader's « Supprimés »."""
    return EtatConversation.objects.filter(
        conversation=conversation, utilisateur=utilisateur, supprimee_le__gte=conversation.dernier_le
    ).exists()
