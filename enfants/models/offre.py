"""What the town offers: structures, services, limits, places."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import date, timedelta

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from enfants import semaine


class Niveau(models.TextChoices):
    TPS = "TPS", "TPS"
    PS = "PS", "PS"
    MS = "MS", "MS"
    GS = "GS", "GS"
    CP = "CP", "CP"
    CE1 = "CE1", "CE1"
    CE2 = "CE2", "CE2"
    CM1 = "CM1", "CM1"
    CM2 = "CM2", "CM2"


class Structure(models.Model):
    """A place that welcomes children: leisure centre, garderie, school, crèche."""

    class Genre(models.TextChoices):
        LOISIRS = "loisirs", "Accueil de loisirs"
        PERISCOLAIRE = "periscolaire", "Accueil périscolaire"
        ECOLE = "ecole", "École"
        CRECHE = "creche", "Crèche"

    nom = models.CharField("nom", max_length=100, unique=True)
    genre = models.CharField("genre", max_length=12, choices=Genre)
    adresse = models.CharField("adresse", max_length=200, blank=True)
    telephone = models.CharField("téléphone", max_length=20, blank=True)
    courriel = models.EmailField("courriel", blank=True)
    recoit_messages = models.BooleanField("les familles peuvent lui écrire", default=True)
    ordre = models.PositiveSmallIntegerField("ordre", default=0)
    archivee_le = models.DateField("archivée le", null=True, blank=True)

    class Meta:
        verbose_name = "structure"
        ordering = ["ordre", "nom"]

    def __str__(self) -> str:
        return self.nom


class AffectationAgent(models.Model):
    """An agent works for this structure: what they see follows. No row = every structure."""

    utilisateur = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="affectations", verbose_name="agent"
    )
    structure = models.ForeignKey(Structure, models.CASCADE, related_name="affectations")

    class Meta:
        verbose_name = "affectation d’un agent"
        verbose_name_plural = "affectations des agents"
        constraints = [
            models.UniqueConstraint(
                fields=["utilisateur", "structure"],
                name="affectation_unique",
                violation_error_message="Cet agent est déjà affecté à cette structure.",
            )
        ]

    def __str__(self) -> str:
        return f"{self.utilisateur}, {self.structure}"


class Limite(models.Model):
    """A deadline as a règlement intérieur writes it; `enfants.regles` computes it, in Europe/Paris wall time.

    `jours_avant`: `nombre` days (or working days) before, at `heure`, or at the hour the service starts (« 48 h avant »).
    `semaine_avant`: the weekday `jour_semaine` of the week `nombre` weeks before. `jour_par_jour`: for each weekday of
    the service, the weekday that comes last before it (`table`: seven characters, Monday first, « 0 » for Monday…,
    « - » for none). `mois_avant`: the `jour_mois` of the month `nombre` months before. `veille_vacances`: the last
    school day before the holidays that precede the day, else the school day before. `aucune`: until the start.
    """

    class Genre(models.TextChoices):
        JOURS_AVANT = "jours_avant", "Un nombre de jours avant"
        SEMAINE_AVANT = "semaine_avant", "Un jour d’une semaine précédente"
        JOUR_PAR_JOUR = "jour_par_jour", "Un jour différent pour chaque jour de la semaine"
        MOIS_AVANT = "mois_avant", "Un jour d’un mois précédent"
        VEILLE_VACANCES = "veille_vacances", "Le dernier jour d’école avant les vacances"
        AUCUNE = "aucune", "Jusqu’au début du service"

    class Compte(models.TextChoices):
        CALENDAIRES = "calendaires", "Tous les jours"
        FRANCS = "francs", "Jours francs (ni le jour de la demande, ni celui du service)"
        OUVRES = "ouvres", "Du lundi au vendredi, sauf fériés"
        ECOLE = "ecole", "Les jours d’école (lundi, mardi, jeudi, vendredi, hors vacances)"

    nom = models.CharField("nom", max_length=100, unique=True)
    genre = models.CharField("genre", max_length=16, choices=Genre)
    # `regles.RECUL` reaches back that many school days, summer included.
    nombre = models.PositiveSmallIntegerField("nombre", default=0, validators=[MaxValueValidator(60)])
    compte = models.CharField("jours comptés", max_length=12, choices=Compte, default=Compte.CALENDAIRES)
    jour_semaine = models.PositiveSmallIntegerField(
        "jour de la semaine", null=True, blank=True, choices=list(enumerate(semaine.NOMS))
    )
    jour_mois = models.PositiveSmallIntegerField(
        "jour du mois",
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(31)],
        help_text="Le 31 devient le dernier jour des mois plus courts.",
    )
    table = models.CharField("jour par jour", max_length=7, blank=True)
    heure = models.TimeField("heure", null=True, blank=True)
    avance_si_ferie = models.BooleanField(
        "avancée au jour ouvré précédent si elle tombe un jour férié", default=True
    )
    avance_si_vacances = models.BooleanField(
        "avancée au dernier jour d’école si elle tombe pendant les vacances", default=False
    )

    class Meta:
        verbose_name = "limite"
        ordering = ["nom"]
        constraints = [
            models.CheckConstraint(
                condition=~Q(genre="semaine_avant") | Q(jour_semaine__isnull=False, nombre__gte=1),
                name="limite_semaine_complete",
                violation_error_message="Indiquez le jour de la semaine, et combien de semaines avant.",
            ),
            models.CheckConstraint(
                condition=~Q(genre="mois_avant") | Q(jour_mois__range=(1, 31), nombre__gte=1),
                name="limite_mois_complet",
                violation_error_message="Indiquez le jour du mois, et combien de mois avant.",
            ),
            models.CheckConstraint(
                condition=~Q(genre="jour_par_jour") | ~Q(table=""),
                name="limite_table_complete",
                violation_error_message="Indiquez le jour limite d’au moins un jour de la semaine.",
            ),
            models.CheckConstraint(
                condition=Q(genre="aucune") | Q(genre="jours_avant", nombre__gte=1) | Q(heure__isnull=False),
                name="limite_heure",
                violation_error_message="Indiquez l’heure limite.",
            ),
        ]

    def __str__(self) -> str:
        return self.nom


class PrestationQuerySet(models.QuerySet):
    def proposees(self, jour: date):
        """Services not archived that day."""
        return self.filter(Q(archivee_le__isnull=True) | Q(archivee_le__gt=jour))


class Prestation(models.Model):
    """A service that can be booked. Archived, never deleted: past bookings and invoices name it."""

    class Validation(models.TextChoices):
        AUTOMATIQUE = "automatique", "Automatique"
        MAIRIE = "mairie", "Par la mairie"

    class HorsDelai(models.TextChoices):
        REFUS = "refus", "La demande est refusée"
        MAIRIE = "mairie", "La mairie décide"
        MAJORATION = "majoration", "Acceptée, au prix majoré"

    class AbsenceHorsDelai(models.TextChoices):
        FACTUREE = "facturee", "L’absence est facturée"
        MAIRIE = "mairie", "La mairie décide"

    structure = models.ForeignKey(Structure, models.PROTECT, related_name="prestations")
    nom = models.CharField("nom", max_length=100)
    icone = models.CharField("pictogramme", max_length=30, default="calendrier")
    ordre = models.PositiveSmallIntegerField("ordre", default=0)
    jours = models.PositiveSmallIntegerField(
        "jours de la semaine",
        default=semaine.OUVRES,
        validators=[MinValueValidator(1), MaxValueValidator(127)],
    )
    periode_scolaire = models.BooleanField("en période scolaire", default=True)
    petites_vacances = models.BooleanField("aux petites vacances", default=False)
    grandes_vacances = models.BooleanField("aux grandes vacances", default=False)
    heure_debut = models.TimeField("début")
    heure_fin = models.TimeField("fin")
    age_min = models.PositiveSmallIntegerField("âge minimum (ans)", null=True, blank=True)
    age_max = models.PositiveSmallIntegerField("âge maximum (ans)", null=True, blank=True)
    niveaux = models.JSONField("niveaux scolaires admis", default=list, blank=True, help_text="Vide : tous.")
    limite_reservation = models.ForeignKey(
        Limite, models.PROTECT, related_name="+", verbose_name="limite pour réserver"
    )
    limite_annulation = models.ForeignKey(
        Limite, models.PROTECT, related_name="+", verbose_name="limite pour annuler"
    )
    hors_delai = models.CharField(
        "passé la limite", max_length=12, choices=HorsDelai, default=HorsDelai.REFUS
    )
    absence_hors_delai = models.CharField(
        "absence passé la limite",
        max_length=12,
        choices=AbsenceHorsDelai,
        default=AbsenceHorsDelai.FACTUREE,
        help_text="Une raison médicale va toujours à la mairie, qui attend l’attestation.",
    )
    ouverture = models.DateTimeField("réservations ouvertes à partir du", null=True, blank=True)
    ouverture_hors_commune = models.DateTimeField(
        "ouvertes aux familles hors commune à partir du",
        null=True,
        blank=True,
        help_text="Vide : en même temps que les autres.",
    )
    fermeture = models.DateTimeField("réservations fermées à partir du", null=True, blank=True)
    validation = models.CharField("validation", max_length=12, choices=Validation, default=Validation.MAIRIE)
    liste_attente = models.BooleanField("liste d’attente", default=True)
    debut = models.DateField(
        "proposée à partir du",
        null=True,
        blank=True,
        help_text="Premier jour de service. Vide\N{NO-BREAK SPACE}: dès maintenant.",
    )
    archivee_le = models.DateField("archivée le", null=True, blank=True)

    objects = PrestationQuerySet.as_manager()

    class Meta:
        verbose_name = "prestation"
        ordering = ["structure__ordre", "structure__nom", "ordre", "nom"]
        constraints = [
            models.UniqueConstraint(
                fields=["structure", "nom"],
                condition=Q(archivee_le__isnull=True),
                name="prestation_nom_unique",
                violation_error_message="Cette structure a déjà une prestation de ce nom.",
            ),
            models.CheckConstraint(
                condition=Q(jours__gte=1, jours__lte=127),
                name="prestation_jours",
                violation_error_message="Choisissez au moins un jour de la semaine.",
            ),
            models.CheckConstraint(
                condition=Q(heure_fin__gt=F("heure_debut")),
                name="prestation_heures",
                violation_error_message="L’heure de fin doit suivre l’heure de début.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.nom_date} ({self.structure})"

    @property
    def nom_date(self) -> str:
        """« Mercredi journée, jusqu’au 31/08/2027 » once archived, « …, à partir du 01/09/2027 » until it begins: both of
        the same name stand beside each other.
        """
        if self.archivee_le is not None:
            return f"{self.nom}, jusqu’au {self.archivee_le - timedelta(days=1):%d/%m/%Y}"
        if self.debut is not None and self.debut > timezone.localdate():
            return f"{self.nom}, à partir du {self.debut:%d/%m/%Y}"
        return self.nom


class GroupeExclusif(models.Model):
    """At most one of these services a day for a child: « temps libre » OU « aide aux devoirs »."""

    nom = models.CharField("nom", max_length=100, unique=True)
    prestations = models.ManyToManyField(Prestation, related_name="groupes_exclusifs")

    class Meta:
        verbose_name = "groupe exclusif"
        verbose_name_plural = "groupes exclusifs"
        ordering = ["nom"]

    def __str__(self) -> str:
        return self.nom

    @classmethod
    def entre(cls, prestations: Iterable[int]) -> list[set[int]]:
        """Of these services, those that exclude each other, group by group; one query."""
        groupes: dict[int, set[int]] = defaultdict(set)
        membres = cls.prestations.through.objects.filter(prestation__in=list(prestations)).order_by("pk")
        for groupe, prestation in membres.values_list("groupeexclusif_id", "prestation_id"):
            groupes[groupe].add(prestation)
        return [groupe for groupe in groupes.values() if len(groupe) > 1]


class Jauge(models.Model):
    """Places shared by the services that draw on it: a « journée » takes a morning and an afternoon."""

    structure = models.ForeignKey(Structure, models.PROTECT, related_name="jauges")
    libelle = models.CharField("libellé", max_length=100)
    capacite = models.PositiveIntegerField("places par jour")
    age_min = models.PositiveSmallIntegerField("à partir de (ans)", null=True, blank=True)
    age_max = models.PositiveSmallIntegerField("jusqu’à (ans)", null=True, blank=True)
    niveaux = models.JSONField("niveaux scolaires", default=list, blank=True, help_text="Vide : tous.")
    prestations = models.ManyToManyField(Prestation, related_name="jauges", blank=True)

    class Meta:
        verbose_name = "jauge"
        ordering = ["structure", "libelle"]
        constraints = [
            models.UniqueConstraint(
                fields=["structure", "libelle"],
                name="jauge_libelle_unique",
                violation_error_message="Cette structure a déjà une jauge de ce nom.",
            )
        ]

    def __str__(self) -> str:
        return f"{self.libelle} ({self.structure})"


class Creneau(models.Model):
    """The places of one day: the row that is locked. The database itself refuses one place too many."""

    jauge = models.ForeignKey(Jauge, models.PROTECT, related_name="creneaux")
    jour = models.DateField("jour")
    capacite = models.PositiveIntegerField("places")
    surnombre = models.PositiveIntegerField("places en surnombre", default=0)
    motif_surnombre = models.CharField("motif du surnombre", max_length=200, blank=True)
    pris = models.PositiveIntegerField("places prises", default=0)

    class Meta:
        verbose_name = "créneau"
        verbose_name_plural = "créneaux"
        ordering = ["jour", "jauge"]
        permissions = [("depasser_places", "Peut accueillir des enfants en surnombre")]
        constraints = [
            models.UniqueConstraint(
                fields=["jauge", "jour"],
                name="creneau_unique",
                violation_error_message="Ce jour a déjà ses places.",
            ),
            models.CheckConstraint(
                condition=Q(pris__gte=0) & Q(pris__lte=F("capacite") + F("surnombre")),
                name="creneau_places",
                violation_error_message="Il y a déjà plus d’enfants inscrits que de places.",
            ),
            models.CheckConstraint(
                condition=Q(surnombre=0) | ~Q(motif_surnombre=""),
                name="creneau_surnombre_motive",
                violation_error_message="Donnez le motif du surnombre.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.jauge}, {self.jour:%d/%m/%Y}"

    @property
    def libres(self) -> int:
        return self.capacite + self.surnombre - self.pris
