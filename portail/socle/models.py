"""What every app may use: the town, the mail outbox, private files, traces, scheduled runs."""

import uuid
from datetime import timedelta
from hashlib import sha256
from typing import ClassVar

from django.conf import settings
from django.core.cache import cache
from django.core.validators import RegexValidator, URLValidator
from django.db import models
from django.urls import reverse
from django.utils import timezone

COULEUR = RegexValidator(r"^#[0-9a-fA-F]{6}$", "Écrivez la couleur ainsi : #0b5d59.")


class Collectivite(models.Model):
    """The town whose portal this is: one row, its name, colours, contacts and site are data."""

    CLE_CACHE = "socle.collectivite"

    class Zone(models.TextChoices):
        A = "A", "Zone A"
        B = "B", "Zone B"
        C = "C", "Zone C"

    nom = models.CharField("nom", max_length=120, default="Votre commune")
    adresse = models.CharField("adresse", max_length=200, blank=True)
    code_postal = models.CharField("code postal", max_length=5, blank=True)
    ville = models.CharField("ville", max_length=100, blank=True)
    courriel = models.EmailField("courriel du service", blank=True)
    contact = models.CharField(
        "contact", max_length=120, blank=True, help_text="Nom affiché sur la page de connexion."
    )
    telephone = models.CharField("téléphone du service enfance", max_length=20, blank=True)
    telephone_secondaire = models.CharField("second téléphone", max_length=20, blank=True)
    site_url = models.CharField(
        "site de la collectivité",
        max_length=200,
        validators=[URLValidator(["http", "https"])],
        blank=True,
        help_text="La déconnexion y mène.",
    )
    logo = models.TextField(
        "logo (SVG)", blank=True, help_text="Le texte du fichier SVG. Vide : la marque du portail."
    )
    couleur_action = models.CharField(
        "couleur d’action", max_length=7, default="#0b5d59", validators=[COULEUR]
    )
    couleur_bandeau = models.CharField(
        "couleur du bandeau", max_length=7, default="#0a4241", validators=[COULEUR]
    )
    couleur_accent = models.CharField(
        "couleur d’accent", max_length=7, default="#edb047", validators=[COULEUR]
    )
    zone = models.CharField("zone de vacances", max_length=1, choices=Zone, default=Zone.B)
    alsace_moselle = models.BooleanField("jours fériés d’Alsace-Moselle", default=False)
    delai_attestation_jours = models.PositiveSmallIntegerField("délai pour l’attestation (jours)", default=3)
    conservation_demandes_jours = models.PositiveSmallIntegerField(
        "effacement des demandes sensibles (jours)",
        default=30,
        help_text="Santé et banque : les valeurs et les documents d’une demande sont effacés ce nombre de jours "
        "après la décision. Ce qui est accepté reste dans les fiches.",
    )

    class Meta:
        verbose_name = "collectivité"
        verbose_name_plural = "collectivité"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(pk=1),
                name="collectivite_unique",
                violation_error_message="Il n’y a qu’une collectivité par portail.",
            )
        ]

    def __str__(self) -> str:
        return self.nom

    @classmethod
    def actuelle(cls) -> "Collectivite":
        """The town's row, read at most once a minute by each process."""
        trouvee = cache.get(cls.CLE_CACHE)
        if trouvee is None:
            trouvee = cls.objects.filter(pk=1).first() or cls(pk=1)
            cache.set(cls.CLE_CACHE, trouvee, 60)
        return trouvee

    @classmethod
    def oublier(cls) -> None:
        """Forget the cached row (the admin calls it after a change)."""
        cache.delete(cls.CLE_CACHE)

    @property
    def cle_theme(self) -> str:
        """Fingerprint in the address of the theme's css: a changed colour is a new address."""
        couleurs = f"{self.couleur_action}{self.couleur_bandeau}{self.couleur_accent}"
        return sha256(couleurs.encode()).hexdigest()[:12]

    @property
    def cle_logo(self) -> str:
        return sha256(self.logo.encode()).hexdigest()[:12] if self.logo else ""

    @property
    def logo_url(self) -> str:
        """Address of the town's logo, empty when the portal's own mark is shown."""
        return reverse("logo", kwargs={"cle": self.cle_logo}) if self.logo else ""


class CourrielQuerySet(models.QuerySet):
    def dus(self, maintenant):
        """Rows to send now: waiting ones whose hour has come, and those a crash left half-way (resent once)."""
        abandonnes = models.Q(
            etat=Courriel.Etat.EN_COURS, pris_le__lt=maintenant - Courriel.ABANDON, reprises__lt=1
        )
        return self.filter(models.Q(etat=Courriel.Etat.A_ENVOYER, prevu_le__lte=maintenant) | abandonnes)


class Courriel(models.Model):
    """Outbox: written in the transaction of its cause, one row per cause; the worker sends what is due."""

    ABANDON = timedelta(minutes=10)

    class Etat(models.TextChoices):
        A_ENVOYER = "a_envoyer", "À envoyer"
        EN_COURS = "en_cours", "En cours d’envoi"
        ENVOYE = "envoye", "Envoyé"
        ECHEC = "echec", "Échec"

    cle = models.CharField("cause", max_length=200, unique=True)
    destinataire = models.EmailField("destinataire")
    objet = models.CharField("objet", max_length=200)
    texte = models.TextField("texte")
    message_id = models.CharField("Message-ID", max_length=200, unique=True)
    etat = models.CharField("état", max_length=10, choices=Etat, default=Etat.A_ENVOYER)
    cree_le = models.DateTimeField("créé le", default=timezone.now)
    prevu_le = models.DateTimeField("prévu le", default=timezone.now)
    pris_le = models.DateTimeField("pris le", null=True, blank=True)
    envoye_le = models.DateTimeField("envoyé le", null=True, blank=True)
    essais = models.PositiveSmallIntegerField("essais", default=0)
    reprises = models.PositiveSmallIntegerField("reprises après panne", default=0)
    erreur = models.CharField("dernière erreur", max_length=300, blank=True)

    objects = CourrielQuerySet.as_manager()

    class Meta:
        verbose_name = "courriel"
        ordering = ["-cree_le"]
        indexes = [models.Index(fields=["etat", "prevu_le"], name="courriel_dus")]

    def __str__(self) -> str:
        return self.objet


def chemin_prive(fichier: "Fichier", nom: str) -> str:
    """A random key on disk: never the person's own file name."""
    cle = uuid.uuid4().hex
    return f"{cle[:2]}/{cle}"


class Fichier(models.Model):
    """A private file: reached only through a view that checks, at each request, who asks."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    nom = models.CharField("nom", max_length=150)
    type_mime = models.CharField("type", max_length=100)
    taille = models.PositiveIntegerField("taille (octets)")
    empreinte = models.CharField("empreinte SHA-256", max_length=64)
    contenu = models.FileField("contenu", upload_to=chemin_prive, max_length=100)
    depose_par = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name="déposé par",
    )
    depose_le = models.DateTimeField("déposé le", default=timezone.now)

    GENRES: ClassVar[dict[str, str]] = {
        "application/pdf": "PDF",
        "image/jpeg": "Photo (JPEG)",
        "image/png": "Image (PNG)",
    }

    class Meta:
        verbose_name = "fichier"
        ordering = ["-depose_le"]

    def __str__(self) -> str:
        return self.nom

    @property
    def est_image(self) -> bool:
        """One the portal wrote anew: it may be shown in a page."""
        return self.type_mime in ("image/jpeg", "image/png")

    @property
    def genre(self) -> str:
        return self.GENRES.get(self.type_mime, "Fichier")


class Trace(models.Model):
    """Who saw or changed what, when. A database trigger refuses any change to these rows.

    No foreign key to the user: the trace must outlive the account, as text.
    """

    quand = models.DateTimeField("quand", default=timezone.now, db_index=True)
    qui = models.CharField("qui", max_length=150)
    action = models.CharField("action", max_length=40)
    objet_type = models.CharField("objet", max_length=60)
    objet_id = models.CharField("identifiant de l’objet", max_length=60)
    famille = models.CharField("n° famille", max_length=13, blank=True, db_index=True)
    detail = models.JSONField("détail", default=dict, blank=True)

    class Meta:
        verbose_name = "trace"
        ordering = ["-quand", "-pk"]
        indexes = [models.Index(fields=["objet_type", "objet_id"], name="trace_objet")]

    def __str__(self) -> str:
        return f"{self.action} {self.objet_type}"


class Execution(models.Model):
    """One run of a scheduled task, with what it did or why it failed."""

    tache = models.CharField("tâche", max_length=60)
    debut = models.DateTimeField("début", default=timezone.now)
    fin = models.DateTimeField("fin", null=True, blank=True)
    bilan = models.CharField("bilan", max_length=300, blank=True)
    reussie = models.BooleanField("réussie", null=True)

    class Meta:
        verbose_name = "exécution"
        ordering = ["-debut"]
        indexes = [models.Index(fields=["tache", "-debut"], name="execution_derniere")]

    def __str__(self) -> str:
        return self.tache
