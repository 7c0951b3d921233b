"""A booked day, its history, and what really happened."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from familles.models import Famille

from .enfant import Enfant
from .inscription import Inscription
from .offre import Prestation


class Etat(models.TextChoices):
    """States of a booking (DOMAIN.md). `enfants.regles.TRANSITIONS` says which may follow which."""

    DEMANDEE = "demandee", "Réservation en cours de traitement"
    EN_ATTENTE = "en_attente", "Demande en attente"
    RESERVEE = "reservee", "Réservé"
    ABSENCE_DEMANDEE = "absence_demandee", "Absence en cours de traitement"
    ABSENT_EXCUSE = "absent_excuse", "Absent excusé"
    ABSENT_FACTURE = "absent_facture", "Absent facturé"
    CONGE = "conge", "Congé"
    REFUSEE = "refusee", "Réservation refusée"
    ANNULEE = "annulee", "Annulée"


VIVANTS = ("demandee", "en_attente", "reservee", "absence_demandee", "absent_facture", "conge")
# States that hold a place in each creneau of the service.
OCCUPANTS = ("demandee", "reservee", "absence_demandee", "absent_facture")


class ReservationQuerySet(models.QuerySet):
    def vivantes(self):
        """Rows that count as the child's booking of that day."""
        return self.filter(etat__in=VIVANTS)

    def du_mois(self, du, au):
        return self.filter(jour__range=(du, au))


class Reservation(models.Model):
    """A child, a service, a day. A new ask is a new row; past rows stay. Changed only by `enfants.places`."""

    enfant = models.ForeignKey(Enfant, models.PROTECT, related_name="reservations")
    prestation = models.ForeignKey(Prestation, models.PROTECT, related_name="reservations")
    jour = models.DateField("jour")
    inscription = models.ForeignKey(Inscription, models.PROTECT, related_name="reservations")
    payeur = models.ForeignKey(Famille, models.PROTECT, related_name="reservations")
    etat = models.CharField("état", max_length=16, choices=Etat)
    demandee_le = models.DateTimeField("demandée le", default=timezone.now)
    modifiee_le = models.DateTimeField("modifiée le", default=timezone.now)
    version = models.PositiveIntegerField("version", default=1)
    reguliere = models.BooleanField("jour d’une semaine type", default=False)
    hors_delai = models.BooleanField("hors délai", default=False)
    promue_le = models.DateTimeField("sortie de la liste d’attente le", null=True, blank=True)
    absence_medicale = models.BooleanField("absence pour raison médicale", default=False)
    regle = models.CharField("règle appliquée", max_length=200, blank=True)
    motif = models.CharField("motif", max_length=300, blank=True)
    # Primary keys of the Jauge it takes a place of, that day: freed as they were taken, whatever the child's age,
    # level or the Jauge became since. Empty in the states that hold no place.
    places = models.JSONField("places prises", default=list, blank=True, editable=False)

    objects = ReservationQuerySet.as_manager()

    class Meta:
        verbose_name = "réservation"
        ordering = ["jour", "enfant", "prestation", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["enfant", "prestation", "jour"],
                condition=Q(etat__in=VIVANTS),
                name="reservation_une_vivante",
                violation_error_message="Ce jour est déjà demandé ou réservé pour cette prestation.",
            ),
            models.CheckConstraint(
                condition=Q(etat__in=Etat.values),
                name="reservation_etat",
                violation_error_message="Cet état n’existe pas.",
            ),
            models.CheckConstraint(
                condition=~Q(etat="refusee") | ~Q(motif=""),
                name="reservation_refus_motive",
                violation_error_message="Donnez le motif du refus.",
            ),
        ]
        indexes = [
            models.Index(fields=["enfant", "jour"], name="reservation_planning"),
            models.Index(fields=["prestation", "jour", "etat"], name="reservation_jour"),
            models.Index(fields=["payeur", "jour"], name="reservation_payeur"),
        ]

    def __str__(self) -> str:
        return f"{self.enfant}, {self.prestation}, {self.jour:%d/%m/%Y}"


class ReservationEvenement(models.Model):
    """Every change of a booking: from, to, who, when, why. Written once (database trigger)."""

    reservation = models.ForeignKey(Reservation, models.PROTECT, related_name="evenements")
    de = models.CharField("de", max_length=16, blank=True)
    vers = models.CharField("vers", max_length=16, choices=Etat)
    le = models.DateTimeField("le", default=timezone.now)
    par = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+", verbose_name="par"
    )
    motif = models.CharField("motif", max_length=300, blank=True)

    class Meta:
        verbose_name = "évènement d’une réservation"
        verbose_name_plural = "évènements d’une réservation"
        ordering = ["le", "pk"]

    def __str__(self) -> str:
        return f"{self.de} → {self.vers}"


class Pointage(models.Model):
    """What happened that day. Possible without booking or inscription: attendance is never refused."""

    enfant = models.ForeignKey(Enfant, models.PROTECT, related_name="pointages")
    prestation = models.ForeignKey(Prestation, models.PROTECT, related_name="pointages")
    jour = models.DateField("jour")
    present = models.BooleanField("présent")
    arrivee = models.TimeField("arrivée", null=True, blank=True)
    depart = models.TimeField("départ", null=True, blank=True)
    agent = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name="agent",
    )
    pointe_le = models.DateTimeField("pointé le", default=timezone.now)

    class Meta:
        verbose_name = "pointage"
        ordering = ["jour", "prestation", "enfant"]
        constraints = [
            models.UniqueConstraint(
                fields=["enfant", "prestation", "jour"],
                name="pointage_unique",
                violation_error_message="Cet enfant est déjà pointé ce jour-là.",
            ),
            models.CheckConstraint(
                condition=Q(arrivee__isnull=True)
                | Q(depart__isnull=True)
                | Q(depart__gte=models.F("arrivee")),
                name="pointage_heures",
                violation_error_message="Le départ ne peut pas précéder l’arrivée.",
            ),
        ]
        indexes = [models.Index(fields=["prestation", "jour"], name="pointage_jour")]

    def __str__(self) -> str:
        return f"{self.enfant}, {self.jour:%d/%m/%Y}"


def presences() -> models.QuerySet[Pointage]:
    """Attendance of the row of an outer Reservation: what happened is never cancelled."""
    return Pointage.objects.filter(
        present=True,
        **{nom: models.OuterRef(nom) for nom in ("enfant", "prestation", "jour")},
    )
