"""Conversations between a household and the town; each reader has their own « lu » and « supprimé »."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Exists, F, OuterRef, Q, Subquery
from django.utils import timezone

from enfants.agents import structures_de
from enfants.models import Structure
from familles.models import Famille
from portail.socle.models import Fichier

SERVICE = "Service enfance, mairie"


class ConversationQuerySet(models.QuerySet):
    """The boxes of one reader: start from `famille.conversations`."""

    def _etats(self, utilisateur, **filtre):
        return EtatConversation.objects.filter(conversation=OuterRef("pk"), utilisateur=utilisateur, **filtre)

    def supprimes(self, utilisateur):
        """Deleted by this reader and silent since: a newer message brings the conversation back."""
        return self.filter(
            Exists(self._etats(utilisateur, supprimee_le__gte=OuterRef("dernier_le"))),
        )

    def presents(self, utilisateur):
        """Not deleted by this reader."""
        return self.filter(
            ~Exists(self._etats(utilisateur, supprimee_le__gte=OuterRef("dernier_le"))),
        )

    def recus(self, utilisateur):
        return self.presents(utilisateur).avec_dernier(de_la_mairie=True).filter(montre__isnull=False)

    def envoyes(self, utilisateur):
        return self.presents(utilisateur).avec_dernier(de_la_mairie=False).filter(montre__isnull=False)

    def avec_dernier(self, **filtre):
        """`montre` and `montre_le`: the last message of that kind, latest conversation first."""
        derniers = Message.objects.filter(conversation=OuterRef("pk"), **filtre).order_by("-envoye_le", "-pk")
        return self.annotate(
            montre=Subquery(derniers.values("pk")[:1]),
            montre_le=Subquery(derniers.values("envoye_le")[:1]),
        ).order_by("-montre_le", "pk")

    def pour_agent(self, utilisateur):
        """What this agent's AffectationAgent rows allow: their structures, or everything when they have none. What is
        about health or bank also needs the permission to read it.
        """
        structures = structures_de(utilisateur)
        leurs = self.all() if structures is None else self.filter(structure__in=structures)
        if utilisateur.is_superuser:
            return leurs
        return leurs.filter(permission__in=["", *sorted(utilisateur.get_all_permissions())])


class Conversation(models.Model):
    """A subject a household and a structure talk about. Without structure: the town's « Service enfance »."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    famille = models.ForeignKey(Famille, models.PROTECT, related_name="conversations")
    structure = models.ForeignKey(
        Structure, models.PROTECT, null=True, blank=True, related_name="conversations"
    )
    objet = models.CharField("objet", max_length=120)
    creee_le = models.DateTimeField("créée le", default=timezone.now)
    dernier_le = models.DateTimeField("dernier message le", default=timezone.now)
    attend_reponse = models.BooleanField("attend une réponse de la mairie", default=False)
    # Of the demande it is about, when that one holds health or bank values (« demandes.voir_sante »).
    permission = models.CharField("réservée à qui peut", max_length=60, blank=True, editable=False)

    objects = ConversationQuerySet.as_manager()

    class Meta:
        verbose_name = "conversation"
        ordering = ["-dernier_le", "pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(dernier_le__gte=F("creee_le")),
                name="conversation_dates",
                violation_error_message="Le dernier message ne peut pas précéder la conversation.",
            )
        ]
        indexes = [
            models.Index(fields=["famille", "-dernier_le"], name="conversation_boite"),
            models.Index(fields=["attend_reponse", "-dernier_le"], name="conversation_a_repondre"),
        ]

    def __str__(self) -> str:
        return self.objet

    @property
    def interlocuteur(self) -> str:
        """Whom the household talks to."""
        return self.structure.nom if self.structure else SERVICE


class MessageQuerySet(models.QuerySet):
    def nouveaux(self, utilisateur):
        """The town's messages this reader has neither read nor thrown away."""
        vus = EtatConversation.objects.filter(
            Q(lu_le__gte=OuterRef("envoye_le")) | Q(supprimee_le__gte=OuterRef("envoye_le")),
            conversation=OuterRef("conversation"),
            utilisateur=utilisateur,
        )
        return self.filter(~Exists(vus), de_la_mairie=True)


class Message(models.Model):
    """One message of a conversation. `auteur_nom` is what the reader sees: the structure, or the parent's name."""

    conversation = models.ForeignKey(Conversation, models.CASCADE, related_name="messages")
    auteur = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name="auteur",
    )
    auteur_nom = models.CharField("signature", max_length=200)
    de_la_mairie = models.BooleanField("écrit par la mairie", default=False)
    texte = models.TextField("message")
    envoye_le = models.DateTimeField("envoyé le", default=timezone.now)
    jeton = models.UUIDField("jeton du formulaire", default=uuid.uuid4, editable=False)

    objects = MessageQuerySet.as_manager()

    class Meta:
        verbose_name = "message"
        ordering = ["envoye_le", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["auteur", "jeton"],
                name="message_une_fois",
                violation_error_message="Ce message est déjà envoyé.",
            )
        ]
        indexes = [models.Index(fields=["conversation", "envoye_le"], name="message_fil")]

    def __str__(self) -> str:
        return f"{self.auteur_nom}, {self.conversation}"


class PieceJointeQuerySet(models.QuerySet):
    def de_la_famille(self, famille: Famille):
        """Attachments this household may open."""
        return self.filter(message__conversation__famille=famille)

    def pour_agent(self, utilisateur):
        """Attachments of the conversations this agent sees."""
        conversations = Conversation.objects.pour_agent(utilisateur)
        return self.filter(message__conversation__in=conversations.values("pk"))


class PieceJointe(models.Model):
    """A private file joined to a message."""

    message = models.ForeignKey(Message, models.CASCADE, related_name="pieces")
    fichier = models.ForeignKey(Fichier, models.PROTECT, related_name="pieces_jointes")

    objects = PieceJointeQuerySet.as_manager()

    class Meta:
        verbose_name = "pièce jointe"
        verbose_name_plural = "pièces jointes"
        ordering = ["pk"]

    def __str__(self) -> str:
        return self.fichier.nom


class EtatConversation(models.Model):
    """How far one reader has read, and up to where they threw away: two instants compared to the messages'."""

    conversation = models.ForeignKey(Conversation, models.CASCADE, related_name="etats")
    utilisateur = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    lu_le = models.DateTimeField("lu jusqu’au", null=True, blank=True)
    supprimee_le = models.DateTimeField("supprimée jusqu’au", null=True, blank=True)

    class Meta:
        verbose_name = "état d’une conversation"
        verbose_name_plural = "états des conversations"
        constraints = [
            models.UniqueConstraint(
                fields=["conversation", "utilisateur"],
                name="etat_conversation_unique",
                violation_error_message="Cet état existe déjà.",
            )
        ]

    def __str__(self) -> str:
        return f"{self.conversation_id}, {self.utilisateur_id}"
