"""Holidays, bank holidays, closures: editable rows (towns add the Friday of Ascension)."""

from django.db import models
from django.db.models import F, Q

from portail.socle.models import Collectivite

from .offre import Prestation, Structure

DATES = Q(au__gte=F("du"))


class PeriodeVacances(models.Model):
    """School holidays of a zone, first and last day included. `cle` names the official period a row was filled
    from (empty: added by the town); `manage.py calendrier` never touches again a row the town edited.
    """

    class Nature(models.TextChoices):
        PETITES = "petites", "Petites vacances"
        GRANDES = "grandes", "Grandes vacances"

    zone = models.CharField("zone", max_length=1, choices=Collectivite.Zone)
    nom = models.CharField("nom", max_length=60)
    nature = models.CharField("nature", max_length=8, choices=Nature)
    du = models.DateField("du")
    au = models.DateField("au")
    cle = models.CharField("période officielle", max_length=60, blank=True, editable=False)
    modifiee = models.BooleanField("modifiée par la collectivité", default=False, editable=False)

    class Meta:
        verbose_name = "période de vacances"
        verbose_name_plural = "périodes de vacances"
        ordering = ["du", "zone"]
        constraints = [
            models.CheckConstraint(
                condition=DATES,
                name="vacances_dates",
                violation_error_message="La fin ne peut pas précéder le début.",
            ),
            models.UniqueConstraint(
                fields=["zone", "du"],
                name="vacances_uniques",
                violation_error_message="Des vacances commencent déjà ce jour-là pour cette zone.",
            ),
            models.UniqueConstraint(
                fields=["zone", "cle"],
                condition=~Q(cle=""),
                name="vacances_une_par_cle",
                violation_error_message="Ces vacances officielles existent déjà pour cette zone.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.nom} (zone {self.zone})"


class JourFerie(models.Model):
    """A bank holiday."""

    jour = models.DateField("jour", unique=True)
    nom = models.CharField("nom", max_length=60)

    class Meta:
        verbose_name = "jour férié"
        verbose_name_plural = "jours fériés"
        ordering = ["jour"]

    def __str__(self) -> str:
        return self.nom


class Fermeture(models.Model):
    """A structure, or one service, is closed: strike, building works, Friday of Ascension."""

    structure = models.ForeignKey(Structure, models.PROTECT, null=True, blank=True, related_name="fermetures")
    prestation = models.ForeignKey(
        Prestation, models.PROTECT, null=True, blank=True, related_name="fermetures"
    )
    du = models.DateField("du")
    au = models.DateField("au")
    motif = models.CharField("motif", max_length=200)

    class Meta:
        verbose_name = "fermeture"
        ordering = ["du"]
        constraints = [
            models.CheckConstraint(
                condition=DATES,
                name="fermeture_dates",
                violation_error_message="La fin ne peut pas précéder le début.",
            ),
            models.CheckConstraint(
                condition=Q(structure__isnull=False, prestation__isnull=True)
                | Q(structure__isnull=True, prestation__isnull=False),
                name="fermeture_structure_ou_prestation",
                violation_error_message="Choisissez une structure ou une prestation, pas les deux.",
            ),
        ]

    def __str__(self) -> str:
        return self.motif
