"""Online payments: one row an attempt, whatever the bank. `facturation.paiement` holds the verbs."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from familles.models import Famille

from .facture import Facture
from .regie import Regie
from .reglement import Reglement


class PaiementEnLigne(models.Model):
    """One attempt to pay invoices of one régie. Money that no longer fits is credit and an `incident`."""

    class Etat(models.TextChoices):
        CREE = "cree", "Créé"
        OUVERT = "ouvert", "En cours à la banque"
        PAYE = "paye", "Payé"
        REFUSE = "refuse", "Refusé"
        EXPIRE = "expire", "Expiré"
        ANNULE = "annule", "Annulé"
        REMBOURSE = "rembourse", "Remboursé"
        REMBOURSE_PARTIEL = "rembourse_partiel", "Remboursé en partie"
        LITIGE = "litige", "En litige"

    class Fournisseur(models.TextChoices):
        STRIPE = "stripe", "Stripe"
        PAYFIP = "payfip", "PayFiP"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    famille = models.ForeignKey(Famille, models.PROTECT, related_name="paiements")
    regie = models.ForeignKey(Regie, models.PROTECT, related_name="paiements", verbose_name="régie")
    courriel_recu = models.EmailField("courriel pour le reçu")
    centimes = models.PositiveIntegerField("montant")
    fournisseur = models.CharField(
        "fournisseur", max_length=10, choices=Fournisseur, default=Fournisseur.STRIPE
    )
    session = models.CharField("session", max_length=255, unique=True, null=True, blank=True)
    intention = models.CharField("intention", max_length=255, unique=True, null=True, blank=True)
    etat = models.CharField("état", max_length=20, choices=Etat, default=Etat.CREE)
    url = models.CharField("adresse de paiement", max_length=2000, blank=True)
    cle_idempotence = models.CharField("clé d’idempotence", max_length=100, unique=True)
    cree_par = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name="demandé par",
    )
    cree_le = models.DateTimeField("créé le", default=timezone.now)
    expire_le = models.DateTimeField("expire le", null=True, blank=True)
    reglement = models.OneToOneField(
        Reglement,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="paiement_en_ligne",
        verbose_name="règlement",
    )
    incident = models.CharField("à regarder par le régisseur", max_length=300, blank=True)
    incident_regle_le = models.DateTimeField("incident réglé le", null=True, blank=True)

    class Meta:
        verbose_name = "paiement en ligne"
        verbose_name_plural = "paiements en ligne"
        ordering = ["-cree_le"]
        constraints = [
            models.CheckConstraint(
                condition=Q(centimes__gt=0),
                name="paiement_positif",
                violation_error_message="Le montant doit être positif.",
            ),
            models.CheckConstraint(
                condition=~Q(etat="paye") | Q(reglement__isnull=False),
                name="paiement_paye_encaisse",
                violation_error_message="Un paiement réussi a son règlement.",
            ),
        ]

    def __str__(self) -> str:
        return f"Paiement du {timezone.localdate(self.cree_le):%d/%m/%Y}"


class LignePaiement(models.Model):
    """What the attempt means to pay of an invoice, in cents."""

    paiement = models.ForeignKey(PaiementEnLigne, models.PROTECT, related_name="lignes")
    facture = models.ForeignKey(Facture, models.PROTECT, related_name="lignes_paiement")
    centimes = models.PositiveIntegerField("montant")

    class Meta:
        verbose_name = "facture d’un paiement"
        verbose_name_plural = "factures d’un paiement"
        ordering = ["paiement", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["paiement", "facture"],
                name="ligne_paiement_unique",
                violation_error_message="Cette facture est déjà dans ce paiement.",
            ),
            models.CheckConstraint(
                condition=Q(centimes__gt=0),
                name="ligne_paiement_positive",
                violation_error_message="Le montant doit être positif.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.facture}"


class EvenementPaiement(models.Model):
    """A notification of the bank, recorded before it is acted on: the same one twice changes nothing."""

    fournisseur = models.CharField("fournisseur", max_length=10, choices=PaiementEnLigne.Fournisseur)
    evenement = models.CharField("évènement", max_length=255)
    genre = models.CharField("genre", max_length=100)
    recu_le = models.DateTimeField("reçu le", default=timezone.now)
    traite_le = models.DateTimeField("traité le", null=True, blank=True)
    issue = models.CharField("issue", max_length=200, blank=True)
    corps = models.JSONField("corps", default=dict, blank=True)

    class Meta:
        verbose_name = "évènement de paiement"
        verbose_name_plural = "évènements de paiement"
        ordering = ["-recu_le", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["fournisseur", "evenement"],
                name="evenement_unique",
                violation_error_message="Cet évènement est déjà reçu.",
            )
        ]

    def __str__(self) -> str:
        return self.evenement
