"""Enrolled is not booked: an Inscription says which household pays which service for which child."""

from datetime import date, timedelta
from decimal import Decimal

from django.core.validators import MaxValueValidator
from django.db import models
from django.db.models import F, Q

from enfants import semaine
from familles.models import Famille

from .enfant import Enfant
from .offre import Prestation


class InscriptionQuerySet(models.QuerySet):
    def en_cours(self, du: date, au: date | None = None):
        """Valid at least one day of the period (one day when `au` is None)."""
        return self.filter(Q(au__isnull=True) | Q(au__gte=du), du__lte=au or du)

    def suivante(self, enfant, prestation, famille, jour: date) -> "Inscription | None":
        """The one running that day, or the next to come, of this household for this service."""
        siennes = self.filter(enfant=enfant, prestation=prestation, famille=famille)
        return siennes.en_cours(jour, date.max).order_by("du", "pk").first()

    def etablir(
        self, enfant, prestation, famille, *, du: date, mode: str, semaine_type: int, jour: date
    ) -> "Inscription":
        """Enrol from a day on. One already running changes at once when that day is come; else it ends the day
        before, and the days already booked after it follow the new one. Call it with the child locked.
        """
        voulu = {"mode": mode, "semaine_type": semaine_type}
        ancienne = self.suivante(enfant, prestation, famille, du)
        if ancienne and du > max(jour, ancienne.du):
            fin, ancienne.au = ancienne.au, du - timedelta(days=1)
            ancienne.full_clean()
            ancienne.save(update_fields=["au"])
            nouvelle = Inscription(
                enfant=enfant,
                prestation=prestation,
                famille=famille,
                du=du,
                au=fin,
                repartition=ancienne.repartition,
                part=ancienne.part,
                derogation=ancienne.derogation,
                **voulu,
            )
            nouvelle.full_clean()
            nouvelle.save()
            ancienne.reservations.filter(jour__gte=du).update(inscription=nouvelle)
            return nouvelle
        inscription = ancienne or Inscription(enfant=enfant, prestation=prestation, famille=famille, du=du)
        inscription.du = min(du, inscription.du)
        for nom, valeur in voulu.items():
            setattr(inscription, nom, valeur)
        inscription.full_clean()
        inscription.save()
        return inscription


class Inscription(models.Model):
    """enfant × prestation × paying Famille, from a day to another; occasional, or regular with a typical week."""

    class Mode(models.TextChoices):
        OCCASIONNEL = "occasionnel", "Occasionnel"
        REGULIER = "regulier", "Régulier"

    class Repartition(models.TextChoices):
        PROPRE = "propre", "Ses propres réservations"
        PAIRES = "paires", "Semaines paires"
        IMPAIRES = "impaires", "Semaines impaires"
        PART = "part", "Une part de chaque jour"

    enfant = models.ForeignKey(Enfant, models.PROTECT, related_name="inscriptions")
    prestation = models.ForeignKey(Prestation, models.PROTECT, related_name="inscriptions")
    famille = models.ForeignKey(
        Famille, models.PROTECT, related_name="inscriptions", verbose_name="famille payeuse"
    )
    du = models.DateField("du")
    au = models.DateField("au", null=True, blank=True)
    mode = models.CharField("mode", max_length=12, choices=Mode, default=Mode.OCCASIONNEL)
    semaine_type = models.PositiveSmallIntegerField(
        "semaine type", default=0, validators=[MaxValueValidator(127)]
    )
    repartition = models.CharField(
        "répartition", max_length=10, choices=Repartition, default=Repartition.PROPRE
    )
    # Crèche contract only; billing by the hour is `facturation`'s business.
    heures_semaine = models.DecimalField(
        "heures par semaine du contrat", max_digits=5, decimal_places=2, null=True, blank=True
    )
    conges_jours = models.PositiveSmallIntegerField("jours de congé du contrat", null=True, blank=True)
    part = models.DecimalField("part (%)", max_digits=5, decimal_places=2, default=Decimal(100))
    derogation = models.CharField(
        "dérogation d’âge ou de classe",
        max_length=200,
        blank=True,
        help_text="Pourquoi cet enfant est accueilli malgré son âge ou sa classe. Vide : aucune dérogation.",
    )

    objects = InscriptionQuerySet.as_manager()

    class Meta:
        verbose_name = "inscription"
        ordering = ["enfant", "prestation", "du"]
        constraints = [
            models.CheckConstraint(
                condition=Q(au__isnull=True) | Q(au__gte=F("du")),
                name="inscription_dates",
                violation_error_message="La fin ne peut pas précéder le début.",
            ),
            models.CheckConstraint(
                condition=Q(mode="occasionnel") | Q(semaine_type__gte=1),
                name="inscription_semaine_type",
                violation_error_message="Une inscription régulière a une semaine type.",
            ),
            models.CheckConstraint(
                condition=Q(part__gt=0, part__lte=100),
                name="inscription_part",
                violation_error_message="La part va de 0,01 à 100\N{NO-BREAK SPACE}%.",
            ),
            models.UniqueConstraint(
                fields=["enfant", "prestation", "famille"],
                condition=Q(au__isnull=True),
                name="inscription_une_ouverte",
                violation_error_message="Cet enfant est déjà inscrit à cette prestation pour cette famille.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.enfant}, {self.prestation}"

    def vaut(self, jour: date) -> bool:
        """Whether it covers that day, and the day is in this household's weeks (ISO weeks)."""
        if jour < self.du or (self.au and jour > self.au):
            return False
        paire = jour.isocalendar().week % 2 == 0
        return {self.Repartition.PAIRES: paire, self.Repartition.IMPAIRES: not paire}.get(
            self.repartition, True
        )

    @property
    def jours_en_mots(self) -> str:
        """« lundi, mardi et jeudi »: the typical week of a regular inscription."""
        return semaine.en_mots(self.semaine_type)
