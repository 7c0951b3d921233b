"""Documents received while a form is being filled in, before its demande exists."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import models
from django.utils import timezone

from familles.models import Famille
from portail.socle.models import Fichier

DUREE = timedelta(days=1)


class DepotQuerySet(models.QuerySet):
    def du_formulaire(self, famille: Famille, par, jeton):
        """What this person gave to this form; somebody else's form is an empty one."""
        return self.filter(famille=famille, par=par, jeton=jeton).select_related("fichier").order_by("pk")

    def oublies(self, maintenant: datetime):
        """Of forms nobody sent within a day."""
        return self.filter(depose_le__lt=maintenant - DUREE)


class Depot(models.Model):
    """One document of one form (`jeton`). It becomes a PieceDemande when the form is sent, or is deleted."""

    famille = models.ForeignKey(Famille, models.PROTECT, related_name="depots")
    par = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name="déposé par"
    )
    jeton = models.UUIDField("jeton du formulaire")
    fichier = models.ForeignKey(Fichier, models.PROTECT, related_name="depots")
    depose_le = models.DateTimeField("déposé le", default=timezone.now, db_index=True)

    objects = DepotQuerySet.as_manager()

    class Meta:
        verbose_name = "document en attente d’envoi"
        verbose_name_plural = "documents en attente d’envoi"
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["famille", "par", "jeton", "fichier"],
                name="depot_unique",
                violation_error_message="Ce document est déjà joint.",
            )
        ]

    def __str__(self) -> str:
        return str(self.fichier)
