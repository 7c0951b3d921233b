"""What hangs on a demande: its steps, its days, its documents."""

from django.conf import settings
from django.db import models
from django.utils import timezone

from enfants.models import Etat as EtatJour
from enfants.models import Reservation
from portail.socle.models import Fichier

from .etats import ACCEPTEE, ATTENDENT, REFUSEE, RETIREE


class DemandeEvenement(models.Model):
    """A step of a demande. Written once (database trigger)."""

    class Genre(models.TextChoices):
        ENVOYEE = "envoyee", "Envoyée"
        COMPLEMENT = "complement", "Complément demandé"
        REPONSE = "reponse", "Réponse de la famille"
        DECLINEE = "declinee", "Place déclinée"
        PIECES = "pieces", "Document ajouté"
        PARTIE = "partie", "Une partie des jours est décidée"
        ACCEPTEE = "acceptee", "Acceptée"
        ACCEPTEE_PARTIE = "acceptee_partie", "Acceptée en partie"
        REFUSEE = "refusee", "Refusée"
        RETIREE = "retiree", "Retirée"
        EFFACEE = "effacee", "Effacement à l’échéance"

    demande = models.ForeignKey("demandes.Demande", models.PROTECT, related_name="evenements")
    genre = models.CharField("genre", max_length=16, choices=Genre)
    le = models.DateTimeField("le", default=timezone.now)
    par = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+", verbose_name="par"
    )
    texte = models.TextField("texte", blank=True)

    class Meta:
        verbose_name = "évènement d’une demande"
        verbose_name_plural = "évènements d’une demande"
        ordering = ["le", "pk"]

    def __str__(self) -> str:
        return self.get_genre_display()


class DemandeJour(models.Model):
    """A day of a planning demande. `decision` is what the town said of it, once: the booking lives on."""

    class Action(models.TextChoices):
        RESERVER = "reserver", "Réserver"
        ABSENCE = "absence", "Déclarer une absence"

    class Decision(models.TextChoices):
        ACCEPTEE = ACCEPTEE, "Accepté"
        REFUSEE = REFUSEE, "Refusé"
        RETIREE = RETIREE, "Retiré"

    demande = models.ForeignKey("demandes.Demande", models.PROTECT, related_name="jours")
    reservation = models.ForeignKey(Reservation, models.PROTECT, related_name="demandes")
    action = models.CharField("action", max_length=10, choices=Action)
    decision = models.CharField("décision", max_length=10, choices=Decision, blank=True)

    class Meta:
        verbose_name = "jour d’une demande"
        verbose_name_plural = "jours d’une demande"
        ordering = ["demande", "reservation__jour", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["demande", "reservation"],
                name="demande_jour_unique",
                violation_error_message="Ce jour est déjà dans la demande.",
            )
        ]

    def __str__(self) -> str:
        return f"{self.demande}, {self.reservation}"

    @property
    def decision_lue(self) -> str:
        """The decision written, or what the booking's present state says of it; empty while it waits."""
        etat = self.reservation.etat
        if self.decision or etat in ATTENDENT:
            return self.decision
        if self.action == self.Action.RESERVER:
            return {EtatJour.REFUSEE: REFUSEE, EtatJour.ANNULEE: RETIREE}.get(etat, ACCEPTEE)
        return {
            EtatJour.ABSENT_EXCUSE: ACCEPTEE,
            EtatJour.CONGE: ACCEPTEE,
            EtatJour.ABSENT_FACTURE: REFUSEE,
        }.get(etat, RETIREE)


class PieceDemande(models.Model):
    """A document the family joined."""

    demande = models.ForeignKey("demandes.Demande", models.PROTECT, related_name="pieces")
    fichier = models.ForeignKey(Fichier, models.PROTECT, related_name="demandes")

    class Meta:
        verbose_name = "pièce jointe"
        verbose_name_plural = "pièces jointes"
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["demande", "fichier"],
                name="piece_demande_unique",
                violation_error_message="Ce document est déjà joint.",
            )
        ]

    def __str__(self) -> str:
        return str(self.fichier)


class LectureDemande(models.Model):
    """This person has seen the town's answer to this demande: it is no longer new to them."""

    demande = models.ForeignKey("demandes.Demande", models.CASCADE, related_name="lectures")
    utilisateur = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    lue_le = models.DateTimeField("lue le", default=timezone.now)

    class Meta:
        verbose_name = "lecture d’une réponse"
        verbose_name_plural = "lectures des réponses"
        constraints = [
            models.UniqueConstraint(
                fields=["demande", "utilisateur"],
                name="lecture_demande_unique",
                violation_error_message="Cette réponse est déjà lue.",
            )
        ]

    def __str__(self) -> str:
        return f"{self.demande_id}, {self.utilisateur_id}"
