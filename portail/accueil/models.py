"""What the town publishes: informations, forms to download, the public pages' texts."""

import uuid
from datetime import date
from pathlib import Path

from django.conf import settings
from django.core.validators import URLValidator
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from enfants.models import Inscription, Rattachement, Scolarite, Structure
from familles.models import Famille
from portail.socle.models import Fichier

TEXTES = Path(__file__).resolve().parent / "textes"
DATES = Q(du__isnull=True) | Q(au__isnull=True) | Q(au__gte=F("du"))


class Emplacement(models.TextChoices):
    """Where an information is shown."""

    ACCUEIL = "accueil", "Page d’accueil"
    INFOS = "infos", "Page «\N{NO-BREAK SPACE}Infos./Documents\N{NO-BREAK SPACE}»"


class PublieQuerySet(models.QuerySet):
    def publies(self, jour: date):
        """Rows whose dates of publication hold that day (an empty date does not limit)."""
        return self.filter(Q(du__isnull=True) | Q(du__lte=jour), Q(au__isnull=True) | Q(au__gte=jour))


class InformationQuerySet(PublieQuerySet):
    def pour(self, famille: Famille, jour: date):
        """For everybody, or for the structures where a child of this household is enrolled or goes to school."""
        inscrites = Inscription.objects.en_cours(jour).filter(famille=famille)
        # The same row of Rattachement in both conditions: an ex-household must not learn the child's present school.
        ecoles = Scolarite.objects.filter(
            Rattachement.en_cours("enfant__rattachements__", jour),
            enfant__rattachements__famille=famille,
            annee__debut__lte=jour,
            annee__fin__gte=jour,
        )
        return self.filter(
            Q(structures__isnull=True)
            | Q(structures__in=inscrites.values("prestation__structure"))
            | Q(structures__in=ecoles.values("ecole"))
        ).distinct()


class Information(models.Model):
    """A text of the town, between two dates, for everybody or for the families of some structures."""

    titre = models.CharField("titre", max_length=120)
    texte = models.TextField(
        "texte", blank=True, help_text="Paragraphes, listes (- ), titres (## ), liens ([texte](adresse))."
    )
    # Not a URLField: Django 6 changes the scheme it assumes; here the scheme is always written.
    lien = models.CharField(
        "lien vers une page internet",
        max_length=300,
        blank=True,
        validators=[URLValidator(schemes=["http", "https"])],
    )
    emplacement = models.CharField(
        "emplacement", max_length=10, choices=Emplacement, default=Emplacement.ACCUEIL
    )
    du = models.DateField("publiée du", null=True, blank=True)
    au = models.DateField("au", null=True, blank=True)
    structures = models.ManyToManyField(
        Structure,
        blank=True,
        related_name="informations",
        verbose_name="structures concernées",
        help_text="Aucune\N{NO-BREAK SPACE}: toutes les familles.",
    )
    # Empty for the rows older than this column: they are not new to anybody.
    cree_le = models.DateTimeField("créée le", default=timezone.now, null=True, editable=False)

    objects = InformationQuerySet.as_manager()

    class Meta:
        verbose_name = "information"
        ordering = ["-du", "-pk"]
        constraints = [
            models.CheckConstraint(
                condition=DATES,
                name="information_dates",
                violation_error_message="La fin ne peut pas précéder le début.",
            )
        ]

    def __str__(self) -> str:
        return self.titre


class Formulaire(models.Model):
    """A document families may download from « Formulaires »."""

    libelle = models.CharField("libellé", max_length=150)
    fichier = models.ForeignKey(Fichier, models.PROTECT, related_name="formulaires", verbose_name="fichier")
    ordre = models.PositiveSmallIntegerField("ordre", default=0)
    du = models.DateField("publié du", null=True, blank=True)
    au = models.DateField("au", null=True, blank=True)
    cree_le = models.DateTimeField("créé le", default=timezone.now, null=True, editable=False)

    objects = PublieQuerySet.as_manager()

    class Meta:
        verbose_name = "formulaire"
        ordering = ["ordre", "libelle", "pk"]
        constraints = [
            models.CheckConstraint(
                condition=DATES,
                name="formulaire_dates",
                violation_error_message="La fin ne peut pas précéder le début.",
            )
        ]

    def __str__(self) -> str:
        return self.libelle

    @property
    def format(self) -> str:
        """« PDF », « JPEG »: what the person is about to open."""
        return self.fichier.type_mime.rpartition("/")[2].upper()


class Page(models.Model):
    """The text of a public page. The addresses are fixed (urls.py); an agent edits title and text."""

    adresse = models.SlugField("adresse", max_length=40, unique=True, editable=False)
    titre = models.CharField("titre", max_length=120)
    texte = models.TextField(
        "texte",
        help_text=(
            "Titres (## et ###), paragraphes, listes (- ou 1.), liens ([texte](adresse)). {commune}, {adresse}, "
            "{courriel}, {telephone} et {modifiee_le} sont remplacés par leur valeur."
        ),
    )
    modifiee_le = models.DateField("modifiée le", default=timezone.localdate)

    class Meta:
        verbose_name = "page publique"
        verbose_name_plural = "pages publiques"
        ordering = ["adresse"]

    def __str__(self) -> str:
        return self.titre

    @classmethod
    def lire(cls, adresse: str) -> "Page":
        """The row an agent edits, or the text the portal comes with: a legal page is never a 404."""
        ligne = cls.objects.filter(adresse=adresse).first()
        if ligne is not None:
            return ligne
        titre, _, texte = (TEXTES / f"{adresse}.txt").read_text(encoding="utf-8").partition("\n")
        return cls(adresse=adresse, titre=titre, texte=texte.strip())


class Visite(models.Model):
    """How far a person has seen a page, for one household: what came since is flagged « Nouveau »."""

    class Page(models.TextChoices):
        ACCUEIL = "accueil", "Accueil"
        INFOS = "infos", "Infos./Documents"
        FORMULAIRES = "formulaires", "Formulaires"

    utilisateur = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", verbose_name="personne"
    )
    famille = models.ForeignKey(Famille, models.CASCADE, related_name="+")
    page = models.CharField("page", max_length=12, choices=Page)
    vue_le = models.DateTimeField("vue le")
    precedente_le = models.DateTimeField("visite d’avant", null=True, blank=True)

    class Meta:
        verbose_name = "visite"
        constraints = [
            models.UniqueConstraint(
                fields=["utilisateur", "famille", "page"],
                name="visite_une",
                violation_error_message="Cette visite existe déjà.",
            )
        ]


class ExportDonnees(models.Model):
    """A copy of everything the portal holds on a household, made by the worker, read by who asked, then deleted."""

    class Etat(models.TextChoices):
        EN_PREPARATION = "en_preparation", "En préparation"
        PRET = "pret", "Prête"
        ECHEC = "echec", "Échec"
        EFFACE = "efface", "Effacée"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    famille = models.ForeignKey(Famille, models.PROTECT, related_name="exports")
    demande_par = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", verbose_name="demandée par"
    )
    demande_le = models.DateTimeField("demandée le", default=timezone.now)
    etat = models.CharField("état", max_length=16, choices=Etat, default=Etat.EN_PREPARATION)
    pris_le = models.DateTimeField("prise en main le", null=True, blank=True)
    essais = models.PositiveSmallIntegerField("essais", default=0)
    pret_le = models.DateTimeField("prête le", null=True, blank=True)
    expire_le = models.DateTimeField("valable jusqu’au", null=True, blank=True)
    fichier = models.ForeignKey(
        Fichier, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name="fichier"
    )

    class Meta:
        verbose_name = "copie des données d’une famille"
        verbose_name_plural = "copies des données des familles"
        ordering = ["-demande_le", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["famille"],
                condition=Q(etat="en_preparation"),
                name="export_un_a_la_fois",
                violation_error_message="Une copie est déjà en préparation.",
            )
        ]

    def __str__(self) -> str:
        return f"Données de la famille n° {self.famille_id}"
