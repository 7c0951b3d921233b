"""From the draft to the invoice. An issued Facture and its lines are frozen: database triggers."""

from django.conf import settings
from django.db import models
from django.db.models import Exists, F, IntegerField, OuterRef, Q, Subquery, Sum
from django.db.models.functions import Coalesce
from django.utils import timezone

from enfants.models import Enfant, Prestation
from familles.models import Famille

from .regie import Regie, RegiePrestation


class Campagne(models.Model):
    """A régie bills a period. One that completes another (`complete`) bills the days of the same period that no
    invoice holds.
    """

    class Etat(models.TextChoices):
        BROUILLON = "brouillon", "Brouillon"
        EMISE = "emise", "Émise"

    regie = models.ForeignKey(Regie, models.PROTECT, related_name="campagnes", verbose_name="régie")
    libelle = models.CharField("libellé", max_length=100)
    du = models.DateField("du")
    au = models.DateField("au")
    complete = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="complements", verbose_name="complète"
    )
    date_facture = models.DateField("date des factures")
    echeance = models.DateField("à payer avant le")
    etat = models.CharField("état", max_length=10, choices=Etat, default=Etat.BROUILLON)
    calculee_le = models.DateTimeField("brouillon calculé le", null=True, blank=True)
    anomalies = models.JSONField("anomalies sans famille", default=list, blank=True)
    emission_demandee_le = models.DateTimeField("émission demandée le", null=True, blank=True)
    emise_le = models.DateTimeField("émise le", null=True, blank=True)
    emise_par = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name="émise par",
    )

    class Meta:
        verbose_name = "campagne"
        ordering = ["-du", "regie"]
        permissions = [
            ("calculer_campagne", "Peut calculer le brouillon d’une campagne"),
            ("emettre_campagne", "Peut émettre les factures d’une campagne"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(au__gte=F("du")),
                name="campagne_dates",
                violation_error_message="La fin ne peut pas précéder le début.",
            ),
            models.CheckConstraint(
                condition=Q(echeance__gte=F("date_facture")),
                name="campagne_echeance",
                violation_error_message="L’échéance ne peut pas précéder la date des factures.",
            ),
            models.UniqueConstraint(
                fields=["complete"],
                condition=Q(etat="brouillon"),
                name="campagne_un_complement",
                violation_error_message="Cette campagne a déjà un complément en préparation.",
            ),
        ]

    def __str__(self) -> str:
        return self.libelle

    @property
    def dans_la_phrase(self) -> str:
        """Its libellé after other words: without its capital, unless it begins with letters of a name (« ALSH »)."""
        return self.libelle if self.libelle[1:2].isupper() else self.libelle[:1].lower() + self.libelle[1:]


class Brouillon(models.Model):
    """What a family would be billed: rewritten freely until issued.

    `lignes`: the values of each LigneFacture to insert. `anomalies`: [{"genre", "phrase", "bloquante"}].
    """

    campagne = models.ForeignKey(Campagne, models.CASCADE, related_name="brouillons")
    famille = models.ForeignKey(Famille, models.PROTECT, related_name="+")
    lignes = models.JSONField("lignes", default=list)
    total_centimes = models.PositiveIntegerField("total", default=0)
    anomalies = models.JSONField("anomalies", default=list, blank=True)
    bloque = models.BooleanField("bloqué", default=False)
    erreur = models.CharField("dernier échec de l’émission", max_length=300, blank=True)
    # Of the rows it was computed from (`facturation.fraicheur`).
    empreinte = models.CharField("empreinte de ce qu’il facture", max_length=64, blank=True, default="")

    class Meta:
        verbose_name = "brouillon"
        ordering = ["campagne", "famille__numero"]
        constraints = [
            models.UniqueConstraint(
                fields=["campagne", "famille"],
                name="brouillon_un_par_famille",
                violation_error_message="Cette famille a déjà un brouillon dans cette campagne.",
            )
        ]

    def __str__(self) -> str:
        return f"Brouillon, {self.famille}"


def _somme(champ: str, **condition) -> Coalesce:
    """Sum of a related column, 0 when none, as a sub-query: two joined sums would multiply each other's rows."""
    lignes = Facture.objects.filter(pk=OuterRef("pk")).order_by().values("pk")
    total = lignes.annotate(somme=Sum(champ, filter=Q(**condition))).values("somme")
    return Coalesce(Subquery(total, output_field=IntegerField()), 0)


# The one rule of what may be paid online, on rows loaded `avec_reste()`.
PAYABLE = Q(nature="facture", reste__gt=0, prise_en_charge__isnull=True, regie__paiement_en_ligne=True)


class FactureQuerySet(models.QuerySet):
    def avec_reste(self):
        """Adds `avoirs` (≤ 0), `regle`, `tresor` and `reste`, all in cents; rest = what is still to pay here."""
        return self.annotate(
            avoirs=_somme("corrections__total_centimes", corrections__nature=Facture.Nature.AVOIR),
            regle=_somme("imputations__centimes"),
            tresor=Coalesce(F("prise_en_charge__centimes"), 0),
        ).annotate(reste=F("total_centimes") + F("avoirs") - F("regle") - F("tresor"))

    def avec_complement(self):
        """Adds `complementaire`: the family already had its invoice of that period when this one was issued."""
        ancienne = Facture.objects.factures().filter(
            famille=OuterRef("famille"), numero__lt=OuterRef("numero")
        )
        premiere = Q(campagne=OuterRef("campagne__complete"))
        return self.annotate(
            complementaire=Exists(
                ancienne.filter(premiere | Q(campagne__complete=OuterRef("campagne__complete")))
            )
        )

    def avec_payable(self):
        """`avec_reste()` and `payable`: whether the invoice may be paid online."""
        return self.avec_reste().annotate(payable=PAYABLE)

    def factures(self):
        """Invoices only, not credit notes."""
        return self.filter(nature=Facture.Nature.FACTURE)

    def vives(self):
        """Invoices that no credit note cancels."""
        return self.factures().exclude(corrections__nature=Facture.Nature.AVOIR)

    def impayees(self):
        """Invoices with something left to pay here, oldest first."""
        return self.factures().avec_reste().filter(reste__gt=0).order_by("date", "numero", "pk")

    def payables(self):
        """Invoices that may be paid online: not those of the trésorerie nor of a régie that does not take it."""
        return self.avec_reste().filter(PAYABLE).order_by("date", "numero", "pk")


class Facture(models.Model):
    """An invoice, or a credit note (`avoir`, negative). Written once; what it says is copied onto it.

    A wrong invoice is cancelled by an avoir for its whole amount, then replaced by a new one (`corrige`).
    """

    class Nature(models.TextChoices):
        FACTURE = "facture", "Facture"
        AVOIR = "avoir", "Avoir"

    campagne = models.ForeignKey(Campagne, models.PROTECT, null=True, blank=True, related_name="factures")
    regie = models.ForeignKey(Regie, models.PROTECT, related_name="factures", verbose_name="régie")
    famille = models.ForeignKey(Famille, models.PROTECT, related_name="factures")
    nature = models.CharField("nature", max_length=10, choices=Nature, default=Nature.FACTURE)
    corrige = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="corrections", verbose_name="corrige"
    )
    numero = models.PositiveIntegerField("numéro")
    reference = models.CharField("n° facture", max_length=20, unique=True)
    date = models.DateField("date")
    echeance = models.DateField("échéance", null=True, blank=True)
    periode_du = models.DateField("période du")
    periode_au = models.DateField("au")
    total_centimes = models.IntegerField("total")
    destinataire = models.CharField("destinataire", max_length=210)
    adresse = models.TextField("adresse", blank=True)
    famille_numero = models.CharField("n° famille", max_length=13)
    explications = models.TextField("explications", blank=True)
    emise_le = models.DateTimeField("émise le", default=timezone.now)
    emise_par = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name="émise par",
    )

    objects = FactureQuerySet.as_manager()

    class Meta:
        verbose_name = "facture"
        ordering = ["-date", "-pk"]
        permissions = [("creer_avoir", "Peut créer un avoir")]
        constraints = [
            models.UniqueConstraint(
                fields=["regie", "nature", "numero"],
                name="facture_numero",
                violation_error_message="Ce numéro est déjà pris.",
            ),
            models.UniqueConstraint(
                fields=["campagne", "famille"],
                condition=Q(corrige__isnull=True),
                name="facture_une_par_campagne",
                violation_error_message="Cette famille a déjà sa facture dans cette campagne.",
            ),
            models.UniqueConstraint(
                fields=["corrige", "nature"],
                condition=Q(corrige__isnull=False),
                name="facture_une_correction",
                violation_error_message="Cette facture est déjà corrigée.",
            ),
            models.CheckConstraint(
                condition=Q(nature="facture", total_centimes__gte=0)
                | Q(nature="avoir", total_centimes__lte=0, corrige__isnull=False),
                name="facture_signe",
                violation_error_message="Une facture est positive, un avoir est négatif et corrige une facture.",
            ),
            models.CheckConstraint(
                condition=Q(periode_au__gte=F("periode_du")),
                name="facture_periode",
                violation_error_message="La fin ne peut pas précéder le début.",
            ),
        ]
        indexes = [models.Index(fields=["famille", "date"], name="facture_releve")]

    def __str__(self) -> str:
        return f"{self.get_nature_display()} {self.reference}"


class LigneFacture(models.Model):
    """One service of one child: days of the same price together."""

    facture = models.ForeignKey(Facture, models.PROTECT, related_name="lignes")
    enfant = models.ForeignKey(Enfant, models.PROTECT, null=True, blank=True, related_name="+")
    enfant_nom = models.CharField("enfant", max_length=210, blank=True)
    prestation = models.ForeignKey(Prestation, models.PROTECT, null=True, blank=True, related_name="+")
    libelle = models.CharField("libellé", max_length=210)
    nature_fiscale = models.CharField("nature fiscale", max_length=5, choices=RegiePrestation.NatureFiscale)
    quantite = models.PositiveIntegerField("quantité", default=1)
    unite = models.CharField("unité", max_length=12, blank=True)
    unite_centimes = models.IntegerField("prix unitaire")
    total_centimes = models.IntegerField("total")
    explication = models.CharField("explication du prix", max_length=300, blank=True)
    jours = models.JSONField("jours", default=list, blank=True)

    class Meta:
        verbose_name = "ligne de facture"
        verbose_name_plural = "lignes de facture"
        ordering = ["facture", "pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(total_centimes=F("quantite") * F("unite_centimes")),
                name="ligne_total",
                violation_error_message="Le total d’une ligne est la quantité multipliée par le prix.",
            )
        ]

    def __str__(self) -> str:
        return self.libelle
