"""Who tries to come in, who came in, and the second factor."""

from django.conf import settings
from django.db import models
from django.utils import timezone
from django_otp.plugins.otp_totp.models import TOTPDevice


class Tentative(models.Model):
    """A try that failed, or whose password is being checked. Keys are fingerprints: no address, no typed text."""

    compte = models.CharField("compte (empreinte)", max_length=64, blank=True)
    adresse = models.CharField("adresse (empreinte)", max_length=64)
    le = models.DateTimeField("le")
    bloque_jusqua = models.DateTimeField("bloque jusqu’à", null=True, blank=True)

    class Meta:
        verbose_name = "tentative de connexion"
        verbose_name_plural = "tentatives de connexion"
        indexes = [
            models.Index(fields=["compte", "le"], name="tentative_compte"),
            models.Index(fields=["adresse", "le"], name="tentative_adresse"),
        ]


class Connexion(models.Model):
    """A log-in that succeeded, as « Mes connexions » shows it; the address is masked before it is written."""

    utilisateur = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="connexions", verbose_name="utilisateur"
    )
    le = models.DateTimeField("le", default=timezone.now)
    appareil = models.CharField("appareil", max_length=80)
    adresse = models.CharField("adresse masquée", max_length=60, blank=True)
    double = models.BooleanField("avec un code", default=False)

    class Meta:
        verbose_name = "connexion"
        ordering = ["-le", "-pk"]
        indexes = [models.Index(fields=["utilisateur", "-le"], name="connexion_par_personne")]

    def __str__(self) -> str:
        return self.appareil


class CodeDeSecours(models.Model):
    """One of the ten codes that replace a lost telephone, each once. Only its fingerprint is kept."""

    utilisateur = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="codes_de_secours", verbose_name="utilisateur"
    )
    empreinte = models.CharField("empreinte", max_length=64)
    utilise_le = models.DateTimeField("utilisé le", null=True, blank=True)

    class Meta:
        verbose_name = "code de secours"
        verbose_name_plural = "codes de secours"
        constraints = [
            models.UniqueConstraint(
                fields=["utilisateur", "empreinte"],
                name="code_de_secours_unique",
                violation_error_message="Ce code de secours existe déjà.",
            )
        ]


class Authentificateur(TOTPDevice):
    """The telephone (or programme) that gives the six digits: django-otp's row, under a French name."""

    class Meta:
        proxy = True
        verbose_name = "double authentification"
        verbose_name_plural = "doubles authentifications"

    def __str__(self) -> str:
        return str(self.user)
