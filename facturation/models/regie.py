"""Who collects: the régies of the town, their numbers, the services each one bills."""

from datetime import date

from django.core.validators import MinValueValidator, RegexValidator
from django.db import models
from django.db.models import F, Q

from enfants.models import Prestation
from portail.socle.verrous import verrouiller_un

PREFIXE = RegexValidator(r"^[A-Z][A-Z0-9]{0,5}$", "Un préfixe a 1 à 6 lettres majuscules ou chiffres.")
ICS = RegexValidator(r"^FR\d{2}[A-Z0-9]{3}\d{6}$", "Un ICS s’écrit ainsi\N{NO-BREAK SPACE}: FR12ZZZ123456.")
PAYFIP = RegexValidator(r"^\d{6}$", "Le numéro de client PayFiP a 6 chiffres.")
DATES = Q(au__isnull=True) | Q(au__gte=F("du"))


class Regie(models.Model):
    """« Régie garderie ALSH », prefix `AL`. Money never crosses from a régie to another."""

    nom = models.CharField("nom", max_length=100, unique=True)
    prefixe = models.CharField("préfixe des numéros", max_length=6, unique=True, validators=[PREFIXE])
    ics = models.CharField("ICS (prélèvement)", max_length=13, blank=True, validators=[ICS])
    payfip_numero = models.CharField("n° client PayFiP", max_length=6, blank=True, validators=[PAYFIP])
    paiement_en_ligne = models.BooleanField("paiement par carte en ligne", default=True)
    adresse = models.CharField("adresse", max_length=200, blank=True)
    code_postal = models.CharField("code postal", max_length=5, blank=True)
    ville = models.CharField("ville", max_length=100, blank=True)
    telephone = models.CharField("téléphone", max_length=20, blank=True)
    courriel = models.EmailField("courriel", blank=True)
    ordre_cheque = models.CharField("ordre des chèques", max_length=100, blank=True)
    iban = models.CharField("IBAN pour les virements", max_length=34, blank=True)
    horaires = models.CharField("horaires du guichet", max_length=200, blank=True)
    ordonnateur = models.CharField(
        "émetteur des factures",
        max_length=150,
        blank=True,
        help_text="Prénom, nom et qualité, imprimés sur la facture (CGCT, art. L1617-5).",
    )
    tresorerie = models.CharField("trésorerie", max_length=200, blank=True)

    class Meta:
        verbose_name = "régie"
        ordering = ["nom"]

    def __str__(self) -> str:
        return self.nom


class Compteur(models.Model):
    """The next number of a nature of document. Always the last row locked (`numeroter`)."""

    class Nature(models.TextChoices):
        FACTURE = "facture", "Facture"
        AVOIR = "avoir", "Avoir"
        REGLEMENT = "reglement", "Règlement"

    # What stands between the dash and the number: « AL-36 », « AL-A5 », « AL-228 ».
    LETTRES = {Nature.FACTURE: "", Nature.AVOIR: "A", Nature.REGLEMENT: ""}

    regie = models.ForeignKey(Regie, models.PROTECT, related_name="compteurs", verbose_name="régie")
    nature = models.CharField("nature", max_length=10, choices=Nature)
    suivant = models.PositiveIntegerField("prochain numéro", default=1, validators=[MinValueValidator(1)])

    class Meta:
        verbose_name = "compteur"
        ordering = ["regie", "nature"]
        constraints = [
            models.UniqueConstraint(
                fields=["regie", "nature"],
                name="compteur_unique",
                violation_error_message="Cette régie a déjà ce compteur.",
            ),
            models.CheckConstraint(
                condition=Q(suivant__gte=1),
                name="compteur_positif",
                violation_error_message="Le premier numéro est au moins 1.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_nature_display()} : {self.suivant}"

    @classmethod
    def numeroter(cls, regie: Regie, nature: str) -> tuple[int, str]:
        """Take the next number, in the transaction of its document: (36, « AL-36 »). Call it last: it locks."""
        ligne = cls.objects.filter(regie=regie, nature=nature)
        if not ligne.exists():
            cls.objects.get_or_create(regie=regie, nature=nature)
        compteur = verrouiller_un(ligne)
        numero = compteur.suivant
        ligne.update(suivant=numero + 1)
        return numero, f"{regie.prefixe}-{cls.LETTRES[nature]}{numero}"


class RegiePrestationQuerySet(models.QuerySet):
    def en_cours(self, du: date, au: date | None = None):
        """Links valid at least one day of the period (one day when `au` is None)."""
        return self.filter(Q(au__isnull=True) | Q(au__gte=du), du__lte=au or du)


class RegiePrestation(models.Model):
    """This régie bills this service from a day to another: one régie at a time, so a missing tarif is seen."""

    class NatureFiscale(models.TextChoices):
        # Only childcare opens the right to a tax credit (CGI, art. 200 quater B): meals stand apart.
        GARDE = "garde", "Garde"
        REPAS = "repas", "Repas"

    regie = models.ForeignKey(Regie, models.PROTECT, related_name="liens_prestations", verbose_name="régie")
    prestation = models.ForeignKey(Prestation, models.PROTECT, related_name="liens_regies")
    du = models.DateField("du")
    au = models.DateField("au", null=True, blank=True)
    nature_fiscale = models.CharField(
        "nature fiscale", max_length=5, choices=NatureFiscale, default=NatureFiscale.GARDE
    )
    unite_libelle = models.CharField(
        "unité en mots", max_length=40, blank=True, help_text="« le matin », « le repas », « la journée »…"
    )

    objects = RegiePrestationQuerySet.as_manager()

    class Meta:
        verbose_name = "prestation de la régie"
        verbose_name_plural = "prestations de la régie"
        ordering = ["regie", "prestation", "du"]
        constraints = [
            models.CheckConstraint(
                condition=DATES,
                name="regie_prestation_dates",
                violation_error_message="La fin ne peut pas précéder le début.",
            ),
            models.UniqueConstraint(
                fields=["prestation", "du"],
                name="regie_prestation_un_debut",
                violation_error_message="Cette prestation relève déjà d’une régie à partir de ce jour.",
            ),
            models.UniqueConstraint(
                fields=["prestation"],
                condition=Q(au__isnull=True),
                name="regie_prestation_une_ouverte",
                violation_error_message="Cette prestation relève déjà d’une régie.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.prestation}, {self.regie}"
