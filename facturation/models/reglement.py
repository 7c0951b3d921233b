"""Money received and how it is spread. Rows are frozen: a refund or a bounced cheque is a new negative row."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from familles.models import Famille

from .facture import Facture
from .regie import Regie


class Reglement(models.Model):
    """Money received by a régie from a family (negative: given back), in cents."""

    class Mode(models.TextChoices):
        CHEQUE = "cheque", "Chèque"
        ESPECES = "especes", "Espèces"
        CARTE = "carte", "Carte bancaire"
        VIREMENT = "virement", "Virement"
        PRELEVEMENT = "prelevement", "Prélèvement"
        CESU = "cesu", "CESU"

    regie = models.ForeignKey(Regie, models.PROTECT, related_name="reglements", verbose_name="régie")
    famille = models.ForeignKey(Famille, models.PROTECT, related_name="reglements")
    numero = models.PositiveIntegerField("numéro")
    reference = models.CharField("n° opération", max_length=20, unique=True)
    date = models.DateField("date")
    mode = models.CharField("mode", max_length=12, choices=Mode)
    centimes = models.IntegerField("montant")
    libelle_complementaire = models.CharField(
        "précision", max_length=100, blank=True, help_text="Banque et n° du chèque, par exemple."
    )
    annule = models.ForeignKey(
        "self",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="annulations",
        verbose_name="rembourse ou annule",
    )
    saisi_par = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name="saisi par",
    )
    saisi_le = models.DateTimeField("saisi le", default=timezone.now)
    # Drawn by the page it was typed on: that page sent twice is the same règlement.
    jeton = models.UUIDField("jeton de saisie", null=True, blank=True, unique=True, editable=False)

    class Meta:
        verbose_name = "règlement"
        ordering = ["-date", "-pk"]
        permissions = [("annuler_reglement", "Peut annuler un règlement")]
        constraints = [
            models.UniqueConstraint(
                fields=["regie", "numero"],
                name="reglement_numero",
                violation_error_message="Ce numéro est déjà pris.",
            ),
            models.CheckConstraint(
                condition=Q(annule__isnull=True, centimes__gt=0) | Q(annule__isnull=False, centimes__lt=0),
                name="reglement_signe",
                violation_error_message="Un règlement est positif, son annulation est négative.",
            ),
        ]
        indexes = [models.Index(fields=["famille", "date"], name="reglement_releve")]

    def __str__(self) -> str:
        return f"Règlement {self.reference}"


class Imputation(models.Model):
    """The part of a règlement that pays an invoice of its régie (negative: taken back from it)."""

    reglement = models.ForeignKey(Reglement, models.PROTECT, related_name="imputations")
    facture = models.ForeignKey(Facture, models.PROTECT, related_name="imputations")
    centimes = models.IntegerField("montant")
    faite_le = models.DateTimeField("faite le", default=timezone.now)

    class Meta:
        verbose_name = "imputation"
        ordering = ["reglement", "pk"]
        constraints = [
            models.CheckConstraint(
                condition=~Q(centimes=0),
                name="imputation_non_nulle",
                violation_error_message="Le montant ne peut pas être nul.",
            )
        ]

    def __str__(self) -> str:
        return f"{self.reglement} sur {self.facture}"


class PriseEnChargeTresor(models.Model):
    """The trésorerie collects this invoice from now on (ORMC): settled here, never counted as money received."""

    facture = models.OneToOneField(Facture, models.PROTECT, related_name="prise_en_charge")
    ormc = models.CharField("n° ORMC", max_length=20)
    date = models.DateField("date")
    centimes = models.PositiveIntegerField("montant transmis", help_text="Le reste à payer ce jour-là.")
    saisie_le = models.DateTimeField("saisie le", default=timezone.now)

    class Meta:
        verbose_name = "prise en charge par le Trésor"
        verbose_name_plural = "prises en charge par le Trésor"
        ordering = ["-date", "-pk"]
        constraints = [
            models.CheckConstraint(
                condition=~Q(ormc=""),
                name="tresor_ormc",
                violation_error_message="Donnez le numéro d’ORMC.",
            ),
            models.CheckConstraint(
                condition=Q(centimes__gt=0),
                name="tresor_montant",
                violation_error_message="Il ne reste rien à payer sur cette facture.",
            ),
        ]

    def __str__(self) -> str:
        return f"ORMC n°{self.ormc}"
