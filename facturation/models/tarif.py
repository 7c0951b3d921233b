"""What a day costs: the rows that `facturation.tarification` reads."""

from decimal import Decimal

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q

from .regie import DATES, RegiePrestation


class Tarif(models.Model):
    """The price of a service in its régie, first and last day included. Amounts are cents."""

    class Mode(models.TextChoices):
        TRANCHES = "tranches", "Par tranches de quotient"
        TAUX_EFFORT = "taux_effort", "Taux d’effort"
        FORFAIT = "forfait", "Prix unique"

    class Unite(models.TextChoices):
        JOUR = "jour", "Par jour"
        DEMI_JOURNEE = "demi_journee", "Par demi-journée"
        DEMI_HEURE = "demi_heure", "Par demi-heure commencée"
        MOIS = "mois", "Par mois"

    lien = models.ForeignKey(
        RegiePrestation, models.PROTECT, related_name="tarifs", verbose_name="prestation de la régie"
    )
    du = models.DateField("du")
    au = models.DateField("au", null=True, blank=True)
    mode = models.CharField("mode", max_length=12, choices=Mode, default=Mode.TRANCHES)
    unite = models.CharField("unité", max_length=12, choices=Unite, default=Unite.JOUR)
    forfait_centimes = models.PositiveIntegerField("prix unique", null=True, blank=True)
    taux = models.DecimalField(
        "taux d’effort (% du quotient)",
        max_digits=7,
        decimal_places=4,
        null=True,
        blank=True,
        validators=[MinValueValidator(Decimal(0))],
    )
    plancher_centimes = models.PositiveIntegerField("prix plancher", null=True, blank=True)
    plafond_centimes = models.PositiveIntegerField("prix plafond", null=True, blank=True)
    hors_commune_centimes = models.PositiveIntegerField("supplément hors commune", default=0)
    hors_commune_pourcent = models.PositiveSmallIntegerField("supplément hors commune (%)", default=0)
    hors_delai_centimes = models.PositiveIntegerField("supplément réservation tardive", default=0)
    hors_delai_pourcent = models.PositiveSmallIntegerField("supplément réservation tardive (%)", default=0)
    sans_reservation_centimes = models.PositiveIntegerField("supplément sans réservation", default=0)
    sans_reservation_pourcent = models.PositiveSmallIntegerField("supplément sans réservation (%)", default=0)
    remplace = models.BooleanField(
        "les montants tardif et sans réservation remplacent le prix", default=False
    )
    absence_pourcent = models.PositiveSmallIntegerField(
        "absence non justifiée (% du prix)", default=100, validators=[MaxValueValidator(100)]
    )
    panier_repas_centimes = models.PositiveIntegerField("prix avec panier repas", null=True, blank=True)

    class Meta:
        verbose_name = "tarif"
        ordering = ["lien", "-du"]
        constraints = [
            models.CheckConstraint(
                condition=DATES,
                name="tarif_dates",
                violation_error_message="La fin ne peut pas précéder le début.",
            ),
            models.UniqueConstraint(
                fields=["lien", "du"],
                name="tarif_un_debut",
                violation_error_message="Un tarif commence déjà ce jour-là.",
            ),
            models.UniqueConstraint(
                fields=["lien"],
                condition=Q(au__isnull=True),
                name="tarif_un_ouvert",
                violation_error_message="Cette prestation a déjà un tarif sans date de fin.",
            ),
            models.CheckConstraint(
                condition=~Q(mode="forfait") | Q(forfait_centimes__isnull=False),
                name="tarif_forfait",
                violation_error_message="Donnez le prix unique.",
            ),
            models.CheckConstraint(
                condition=~Q(mode="taux_effort")
                | Q(taux__isnull=False, plancher_centimes__isnull=False, plafond_centimes__isnull=False),
                name="tarif_taux",
                violation_error_message="Donnez le taux d’effort, le prix plancher et le prix plafond.",
            ),
            models.CheckConstraint(
                condition=Q(plancher_centimes__isnull=True)
                | Q(plafond_centimes__isnull=True)
                | Q(plafond_centimes__gte=F("plancher_centimes")),
                name="tarif_plancher_plafond",
                violation_error_message="Le plafond ne peut pas être plus bas que le plancher.",
            ),
            models.CheckConstraint(
                condition=Q(absence_pourcent__lte=100),
                name="tarif_absence",
                violation_error_message="Une absence coûte au plus le prix du jour.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.lien.prestation}, {self.get_mode_display().lower()}"


class TrancheTarif(models.Model):
    """One band of quotient: [qf_min, qf_max], `qf_max` empty = and above; from this sibling rank on."""

    tarif = models.ForeignKey(Tarif, models.PROTECT, related_name="tranches")
    qf_min = models.DecimalField("quotient de", max_digits=8, decimal_places=2, default=Decimal(0))
    qf_max = models.DecimalField("à", max_digits=8, decimal_places=2, null=True, blank=True)
    rang_fratrie = models.PositiveSmallIntegerField(
        "à partir de l’enfant n°", default=1, validators=[MinValueValidator(1)]
    )
    centimes = models.PositiveIntegerField("prix")
    centimes_hors_commune = models.PositiveIntegerField("prix hors commune", null=True, blank=True)

    class Meta:
        verbose_name = "tranche"
        ordering = ["tarif", "rang_fratrie", "qf_min"]
        constraints = [
            models.UniqueConstraint(
                fields=["tarif", "rang_fratrie", "qf_min"],
                name="tranche_un_debut",
                violation_error_message="Une tranche commence déjà à ce quotient.",
            ),
            models.CheckConstraint(
                condition=Q(qf_min__gte=0) & (Q(qf_max__isnull=True) | Q(qf_max__gte=F("qf_min"))),
                name="tranche_bornes",
                violation_error_message="La fin de la tranche ne peut pas précéder son début.",
            ),
            models.CheckConstraint(
                condition=Q(rang_fratrie__gte=1),
                name="tranche_rang",
                violation_error_message="Les enfants se comptent à partir de 1.",
            ),
        ]

    def __str__(self) -> str:
        bornes = f"{self.qf_min} à {self.qf_max}" if self.qf_max is not None else f"{self.qf_min} et plus"
        return f"Quotient {bornes}".replace(".", ",")
