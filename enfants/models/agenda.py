"""The private address at which an adult's telephone reads the bookings of the household."""

import hmac
import secrets
from hashlib import sha256

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.crypto import salted_hmac

from familles.models import Famille, Responsable, Utilisateur


def empreinte(secret: str) -> str:
    """What the database keeps of a secret. It is 256 random bits: no dictionary, so no slow hash is needed."""
    return sha256(secret.encode(errors="replace")).hexdigest()


class LienAgendaQuerySet(models.QuerySet):
    def de_ce_secret(self, secret: str):
        """The living link of this address: its adult still belongs to the household and may still open it."""
        adultes = Responsable.objects.filter(
            famille=models.OuterRef("famille"),
            utilisateur=models.OuterRef("utilisateur"),
            famille__archivee_le=None,
        )
        return self.filter(models.Exists(adultes), empreinte=empreinte(secret), utilisateur__is_active=True)


class LienAgenda(models.Model):
    """One link for each adult of a household: who leaves it takes no key away.

    The secret is not stored. It derives from `graine` and the portal's SECRET_KEY, so that the page can show it again
    while a copy of the database opens nothing; `empreinte` finds the row from an address.
    """

    famille = models.ForeignKey(Famille, models.PROTECT, related_name="liens_agenda")
    utilisateur = models.ForeignKey(
        Utilisateur, models.PROTECT, related_name="liens_agenda", verbose_name="utilisateur"
    )
    graine = models.CharField("graine", max_length=43)
    empreinte = models.CharField("empreinte", max_length=64, unique=True)
    cree_le = models.DateTimeField("créé le", default=timezone.now)
    lu_le = models.DateTimeField("lu le", null=True, blank=True)

    objects = LienAgendaQuerySet.as_manager()

    class Meta:
        verbose_name = "lien d’agenda"
        verbose_name_plural = "liens d’agenda"
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["famille", "utilisateur"],
                name="lien_agenda_unique",
                violation_error_message="Vous avez déjà un lien pour cette famille.",
            )
        ]

    def __str__(self) -> str:
        return f"Lien d’agenda n° {self.pk}"

    def renouveler(self) -> None:
        """A new secret in memory; the former one is worth nothing once the row is saved."""
        self.graine = secrets.token_urlsafe(32)
        self.empreinte = empreinte(_deriver(self.graine, settings.SECRET_KEY))

    @property
    def secret(self) -> str:
        """What stands in the address; empty when the key it came from is gone (the page then offers a new link)."""
        for cle in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS):
            trouve = _deriver(self.graine, cle)
            if hmac.compare_digest(empreinte(trouve), self.empreinte):
                return trouve
        return ""


def _deriver(graine: str, cle: str) -> str:
    return salted_hmac("portail.agenda", graine, secret=cle, algorithm="sha256").hexdigest()
