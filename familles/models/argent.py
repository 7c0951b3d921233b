"""What the price and the payment of a household depend on: income, quotient, bank."""

from decimal import Decimal

from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from localflavor.generic.models import BICField, IBANField

from .famille import Famille


class SituationFiscale(models.Model):
    """Tax income of a year, as the household's notice says."""

    famille = models.ForeignKey(Famille, models.PROTECT, related_name="situations_fiscales")
    annee = models.PositiveSmallIntegerField("année")
    revenu_fiscal_reference = models.PositiveIntegerField("revenu fiscal de référence (euros)")
    parts = models.DecimalField("nombre de parts", max_digits=4, decimal_places=2, default=Decimal(1))
    personnes_a_charge = models.PositiveSmallIntegerField("personnes à charge", default=0)

    class Meta:
        verbose_name = "situation fiscale"
        verbose_name_plural = "situations fiscales"
        ordering = ["famille", "-annee"]
        constraints = [
            models.UniqueConstraint(
                fields=["famille", "annee"],
                name="situation_fiscale_une_par_annee",
                violation_error_message="La situation fiscale de cette année existe déjà.",
            )
        ]

    def __str__(self) -> str:
        return f"Situation fiscale {self.annee}"


class Allocataire(models.Model):
    """The household's benefits office."""

    class Organisme(models.TextChoices):
        CAF = "caf", "CAF"
        MSA = "msa", "MSA"
        AUTRE = "autre", "Autre organisme"

    class Regime(models.TextChoices):
        GENERAL = "general", "Régime général"
        AGRICOLE = "agricole", "Régime agricole"
        AUTRE = "autre", "Autre régime"

    famille = models.OneToOneField(Famille, models.PROTECT, related_name="allocataire")
    organisme = models.CharField("organisme rattachement", max_length=10, choices=Organisme, blank=True)
    numero = models.CharField("n° allocataire", max_length=15, blank=True)
    regime = models.CharField("régime", max_length=10, choices=Regime, blank=True)

    class Meta:
        verbose_name = "allocataire"

    def __str__(self) -> str:
        return self.get_organisme_display() or "Sans organisme"


class QuotientFamilial(models.Model):
    """One proof of the quotient, from its first to its last day of validity. A day uses the quotient of that day."""

    famille = models.ForeignKey(Famille, models.PROTECT, related_name="quotients")
    valeur = models.DecimalField(
        "quotient", max_digits=8, decimal_places=2, validators=[MinValueValidator(0)]
    )
    du = models.DateField("du")
    au = models.DateField("au", null=True, blank=True)
    saisi_le = models.DateTimeField("saisi le", default=timezone.now)

    class Meta:
        verbose_name = "quotient familial"
        verbose_name_plural = "quotients familiaux"
        ordering = ["famille", "-du"]
        constraints = [
            models.CheckConstraint(
                condition=Q(au__isnull=True) | Q(au__gte=F("du")),
                name="quotient_dates",
                violation_error_message="La fin ne peut pas précéder le début.",
            ),
            models.CheckConstraint(
                condition=Q(valeur__gte=0),
                name="quotient_positif",
                violation_error_message="Le quotient ne peut pas être négatif.",
            ),
            models.UniqueConstraint(
                fields=["famille", "du"],
                name="quotient_un_par_debut",
                violation_error_message="Un quotient commence déjà ce jour-là.",
            ),
        ]

    def __str__(self) -> str:
        return str(self.valeur)


class CoordonneesBancaires(models.Model):
    """The household's bank account; shown masked."""

    famille = models.OneToOneField(Famille, models.PROTECT, related_name="coordonnees_bancaires")
    titulaire = models.CharField("titulaire du compte", max_length=100)
    banque = models.CharField("nom banque", max_length=100, blank=True)
    iban = IBANField("IBAN", blank=True)
    bic = BICField("BIC", blank=True)

    class Meta:
        verbose_name = "coordonnées bancaires"
        verbose_name_plural = "coordonnées bancaires"

    def __str__(self) -> str:
        return self.titulaire

    @property
    def iban_masque(self) -> str:
        """Country and last four characters only."""
        return f"{self.iban[:2]}•• •••• •••• {self.iban[-4:]}" if self.iban else ""
