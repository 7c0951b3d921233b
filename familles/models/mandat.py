"""The direct debit mandate a household signs, and what became of its account since."""

from datetime import date

from django.db import models
from django.db.models import Q
from localflavor.generic.models import BICField, IBANField

from .famille import Famille


def iban_lisible(iban: str) -> str:
    """In groups of four, whole: for the mandate itself only."""
    return " ".join(iban[i : i + 4] for i in range(0, len(iban), 4))


class MandatSepa(models.Model):
    """Direct debit mandate. The reference (RUM) is unique and at most 35 characters (SEPA rulebook).

    Creditor and debtor are written down as they were signed: the paper does not move when the town or the family does.
    """

    class Etat(models.TextChoices):
        DEMANDE = "demande", "Demandé"
        ACTIF = "actif", "Actif"
        REVOQUE = "revoque", "Révoqué"

    famille = models.ForeignKey(Famille, models.PROTECT, related_name="mandats")
    rum = models.CharField("référence unique du mandat", max_length=35, unique=True)
    etat = models.CharField("état", max_length=10, choices=Etat, default=Etat.DEMANDE)
    iban = IBANField("IBAN")
    bic = BICField("BIC", blank=True)
    titulaire = models.CharField("titulaire du compte", max_length=100)
    titulaire_adresse = models.CharField("adresse du titulaire", max_length=320, blank=True)
    creancier = models.CharField("créancier", max_length=240, blank=True)
    creancier_adresse = models.CharField("adresse du créancier", max_length=320, blank=True)
    ics = models.CharField("identifiant créancier SEPA (ICS)", max_length=35, blank=True)
    recurrent = models.BooleanField("paiement récurrent", default=True)
    signe_le = models.DateField("signé le", null=True, blank=True)
    revoque_le = models.DateField("révoqué le", null=True, blank=True)

    class Meta:
        verbose_name = "mandat SEPA"
        verbose_name_plural = "mandats SEPA"
        ordering = ["famille", "-signe_le"]
        constraints = [
            models.UniqueConstraint(
                fields=["famille"],
                condition=Q(etat="actif"),
                name="mandat_un_actif",
                violation_error_message="Cette famille a déjà un mandat actif.",
            ),
            models.CheckConstraint(
                condition=~Q(etat="actif") | Q(signe_le__isnull=False),
                name="mandat_actif_signe",
                violation_error_message="Un mandat actif porte sa date de signature.",
            ),
        ]

    def __str__(self) -> str:
        return self.rum

    @property
    def iban_lisible(self) -> str:
        return iban_lisible(self.iban)

    @classmethod
    def a_signer(cls, famille: Famille) -> "MandatSepa":
        """The mandate this household would sign now, not saved: one the town prepared, or the next reference."""
        prepare = famille.mandats.filter(etat=cls.Etat.DEMANDE).order_by("pk").first()
        if prepare is not None:
            return prepare
        rang = famille.mandats.count() + 1
        while cls.objects.filter(rum=_rum(famille, rang)).exists():
            rang += 1
        return cls(famille=famille, rum=_rum(famille, rang))

    def activer(self, signe_le: date) -> None:
        """Signed by the family that day, accepted by the town. Raises ValidationError if another one is active."""
        self.etat, self.signe_le = self.Etat.ACTIF, signe_le
        self.full_clean()
        self.save()

    def amender(self, *, iban: str, bic: str, titulaire: str, le: date) -> None:
        """Another account: the mandate goes on, what it held is written down (SEPA rulebook, amendments)."""
        if (self.iban, self.bic, self.titulaire) == (iban, bic, titulaire):
            return
        self.modifications.create(le=le, iban=self.iban, bic=self.bic, titulaire=self.titulaire)
        self.iban, self.bic, self.titulaire = iban, bic, titulaire
        self.save(update_fields=["iban", "bic", "titulaire"])

    def revoquer(self, le: date) -> None:
        self.etat, self.revoque_le = self.Etat.REVOQUE, le
        self.save(update_fields=["etat", "revoque_le"])


def _rum(famille: Famille, rang: int) -> str:
    return f"PF-{famille.numero}-{rang:02d}"


class ModificationMandat(models.Model):
    """The account a mandate held until that day."""

    mandat = models.ForeignKey(MandatSepa, models.PROTECT, related_name="modifications")
    le = models.DateField("remplacé le")
    iban = IBANField("ancien IBAN")
    bic = BICField("ancien BIC", blank=True)
    titulaire = models.CharField("ancien titulaire", max_length=100)

    class Meta:
        verbose_name = "modification d’un mandat"
        verbose_name_plural = "modifications d’un mandat"
        ordering = ["mandat", "le", "pk"]

    def __str__(self) -> str:
        return f"{self.mandat}, {self.le:%d/%m/%Y}"
