"""What the town decides kind by kind: who treats it, whether it waits for anybody, how a refusal is said."""

from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.db import models

from demandes.types import PAR_CODE, TYPES, TypeDemande, choix_des_types

GenreDemande = type[TypeDemande]


def automatisable(genre: GenreDemande) -> bool:
    """Whether the town may accept this kind without anybody reading it.

    Never health nor bank (a forged IBAN would be debited, an allergy erased), never what an agent must look at one by
    one (a child who may already be known); the days of a planning follow the rule of their prestation.
    """
    return genre.en_masse and not genre.planning and not genre.permission


class ReglageDemande(models.Model):
    """The town's choices for one kind. No row: the defaults, so that a new kind costs a class and a line."""

    type = models.CharField("type", max_length=30, unique=True, choices=choix_des_types)
    automatique = models.BooleanField(
        "acceptation automatique",
        default=False,
        help_text="La demande est appliquée dès son envoi, sans qu’un agent la lise. La famille reçoit le même "
        "courriel, et la trace dit «\N{NO-BREAK SPACE}acceptation automatique\N{NO-BREAK SPACE}».",
    )
    groupes = models.ManyToManyField(
        Group,
        blank=True,
        related_name="+",
        verbose_name="groupes qui traitent ce type",
        help_text="Aucun\N{NO-BREAK SPACE}: tous les agents qui peuvent traiter les demandes.",
    )
    agents_rattaches = models.BooleanField(
        "aussi pour les agents rattachés à une structure",
        default=False,
        help_text="Pour les types qui ne concernent aucun enfant en particulier (adresse, revenus, nouvel enfant…). Non "
        "coché\N{NO-BREAK SPACE}: seuls les agents sans structure les traitent. Coché\N{NO-BREAK SPACE}: les agents "
        "d’une structure traitent ceux des familles dont un enfant y est inscrit.",
    )

    class Meta:
        verbose_name = "réglage d’un type de demande"
        verbose_name_plural = "réglages des types de demandes"
        ordering = ["pk"]

    def __str__(self) -> str:
        return self.get_type_display()

    @property
    def genre(self) -> GenreDemande | None:
        """None for the row of a kind the portal no longer has."""
        return PAR_CODE.get(self.type)

    def clean(self) -> None:
        if self.automatique and not (self.genre and automatisable(self.genre)):
            raise ValidationError({"automatique": "Ce type est toujours décidé par un agent."})

    @classmethod
    def completer(cls) -> None:
        """A row for every kind that has none: the page where they are all chosen."""
        cls.objects.bulk_create([cls(type=t.code) for t in TYPES], ignore_conflicts=True)

    @classmethod
    def accepte_seul(cls, genre: GenreDemande, donnees: dict) -> bool:
        """Whether a demande of this kind is accepted on sending. The kind is asked again: a row may be older."""
        if not automatisable(genre) or genre.permission_pour(donnees):
            return False
        return cls.objects.filter(type=genre.code, automatique=True).exists()

    @classmethod
    def fermes(cls, agent) -> list[str]:
        """Kinds reserved to groups this agent is not in."""
        if agent.is_superuser:
            return []
        miens = cls.objects.filter(groupes__in=agent.groups.all())
        reserves = cls.objects.filter(groupes__isnull=False).exclude(pk__in=miens.values("pk"))
        return list(reserves.order_by("type").values_list("type", flat=True).distinct())


class MotifRefus(models.Model):
    """A sentence the agent picks instead of typing it. The family reads it as it is."""

    texte = models.CharField("texte", max_length=300)
    type = models.CharField(
        "type de demande",
        max_length=30,
        blank=True,
        choices=choix_des_types,
        help_text="Vide\N{NO-BREAK SPACE}: tous.",
    )
    ordre = models.PositiveSmallIntegerField("ordre", default=50)

    class Meta:
        verbose_name = "motif de refus"
        verbose_name_plural = "motifs de refus"
        ordering = ["ordre", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["type", "texte"],
                name="motif_refus_unique",
                violation_error_message="Ce motif existe déjà.",
            )
        ]

    def __str__(self) -> str:
        return self.texte

    @classmethod
    def pour(cls, code: str) -> list[str]:
        """Sentences offered for this kind: its own first, then those of every kind."""
        lignes = cls.objects.filter(type__in=[code, ""])
        return [m.texte for m in sorted(lignes, key=lambda m: not m.type)]
