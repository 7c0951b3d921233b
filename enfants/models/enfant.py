"""A child, the households it belongs to, its school year, its sheets."""

import uuid
from datetime import date

from django.db import models
from django.db.models import Exists, F, OuterRef, Q

from familles.models import Famille, Responsable
from familles.models.famille import TELEPHONE

from .offre import Niveau, Structure


class EnfantQuerySet(models.QuerySet):
    def de_la_famille(self, famille: Famille, jour: date):
        """Children whose Rattachement to this family holds that day, oldest first, each once."""
        liens = Rattachement.objects.filter(Rattachement.en_cours("", jour), famille=famille)
        return self.filter(Exists(liens.filter(enfant=OuterRef("pk"))))


class Enfant(models.Model):
    """A child. It has one or two families, through Rattachement."""

    class Sexe(models.TextChoices):
        FILLE = "F", "Fille"
        GARCON = "G", "Garçon"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    nom = models.CharField("nom", max_length=100)
    prenom = models.CharField("prénom", max_length=100)
    sexe = models.CharField("sexe", max_length=1, choices=Sexe)
    naissance = models.DateField("date de naissance")
    lieu_naissance = models.CharField("lieu de naissance", max_length=100, blank=True)
    familles = models.ManyToManyField(Famille, through="Rattachement", related_name="enfants")

    objects = EnfantQuerySet.as_manager()

    class Meta:
        verbose_name = "enfant"
        ordering = ["naissance", "prenom", "pk"]

    def __str__(self) -> str:
        return f"{self.prenom} {self.nom}"

    def age(self, jour: date) -> int:
        """Full years that day."""
        anniversaire_passe = (jour.month, jour.day) >= (self.naissance.month, self.naissance.day)
        return jour.year - self.naissance.year - (not anniversaire_passe)


class Rattachement(models.Model):
    """This child belongs to this household, from a day to another. Ending it cuts an open session's view at once."""

    class Garde(models.TextChoices):
        COMPLETE = "complete", "Garde complète"
        ALTERNEE = "alternee", "Garde alternée"
        VISITE = "visite", "Droit de visite"

    enfant = models.ForeignKey(Enfant, models.PROTECT, related_name="rattachements")
    famille = models.ForeignKey(Famille, models.PROTECT, related_name="rattachements")
    autorite_parentale = models.BooleanField("autorité parentale", default=True)
    garde = models.CharField("garde", max_length=10, choices=Garde, default=Garde.COMPLETE)
    du = models.DateField("du")
    au = models.DateField("au", null=True, blank=True)

    class Meta:
        verbose_name = "rattachement"
        ordering = ["enfant", "du"]
        constraints = [
            models.CheckConstraint(
                condition=Q(au__isnull=True) | Q(au__gte=F("du")),
                name="rattachement_dates",
                violation_error_message="La fin ne peut pas précéder le début.",
            ),
            models.UniqueConstraint(
                fields=["enfant", "famille"],
                condition=Q(au__isnull=True),
                name="rattachement_un_ouvert",
                violation_error_message="Cet enfant est déjà rattaché à cette famille.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.enfant} ({self.famille})"

    @staticmethod
    def en_cours(prefixe: str, jour: date) -> Q:
        """Condition « the attachment holds that day », `prefixe` being the path to the Rattachement."""
        return Q(**{f"{prefixe}du__lte": jour}) & (
            Q(**{f"{prefixe}au__isnull": True}) | Q(**{f"{prefixe}au__gte": jour})
        )


class AnneeScolaire(models.Model):
    """From 1 September to 31 August: « 2026-2027 »."""

    debut = models.DateField("début", unique=True)
    fin = models.DateField("fin", unique=True)

    class Meta:
        verbose_name = "année scolaire"
        verbose_name_plural = "années scolaires"
        ordering = ["-debut"]
        constraints = [
            models.CheckConstraint(
                condition=Q(fin__gt=F("debut")),
                name="annee_scolaire_dates",
                violation_error_message="La fin doit suivre le début.",
            )
        ]

    def __str__(self) -> str:
        return f"{self.debut.year}-{self.fin.year}"


class Scolarite(models.Model):
    """School, level and class of a child for a school year."""

    enfant = models.ForeignKey(Enfant, models.PROTECT, related_name="scolarites")
    annee = models.ForeignKey(AnneeScolaire, models.PROTECT, related_name="scolarites", verbose_name="année")
    ecole = models.ForeignKey(Structure, models.PROTECT, related_name="scolarites", verbose_name="école")
    niveau = models.CharField("niveau", max_length=3, choices=Niveau)
    classe = models.CharField("classe", max_length=60, blank=True)

    class Meta:
        verbose_name = "scolarité"
        ordering = ["enfant", "-annee"]
        constraints = [
            models.UniqueConstraint(
                fields=["enfant", "annee"],
                name="scolarite_une_par_annee",
                violation_error_message="La scolarité de cette année existe déjà.",
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_niveau_display()}, {self.ecole}"


class FicheSanitaire(models.Model):
    """Health sheet: what staff need to look after the child. Never a religion, never the nature of a handicap."""

    class Regime(models.TextChoices):
        AUCUN = "aucun", "Aucun régime particulier"
        SANS_PORC = "sans_porc", "Sans porc"
        SANS_VIANDE = "sans_viande", "Sans viande"
        VEGETARIEN = "vegetarien", "Végétarien"

    enfant = models.OneToOneField(Enfant, models.PROTECT, related_name="fiche_sanitaire")
    regime = models.CharField("régime alimentaire", max_length=12, choices=Regime, default=Regime.AUCUN)
    allergies = models.TextField("allergies", blank=True)
    pai = models.BooleanField("projet d’accueil individualisé (PAI)", default=False)
    panier_repas = models.BooleanField("panier repas fourni par la famille", default=False)
    lunettes = models.BooleanField("port de lunettes", default=False)
    appareils = models.CharField("appareils (dentaire, auditif…)", max_length=200, blank=True)
    medecin = models.CharField("médecin traitant", max_length=100, blank=True)
    telephone_medecin = models.CharField(
        "téléphone du médecin", max_length=20, blank=True, validators=[TELEPHONE]
    )
    vaccins_a_jour = models.BooleanField("vaccins obligatoires à jour", default=False)
    observations = models.TextField("observations", blank=True)

    class Meta:
        verbose_name = "fiche sanitaire"
        verbose_name_plural = "fiches sanitaires"

    def __str__(self) -> str:
        return f"Fiche sanitaire de {self.enfant}"


class Autorisations(models.Model):
    """What the parents allow."""

    enfant = models.OneToOneField(Enfant, models.PROTECT, related_name="autorisations")
    droit_image = models.BooleanField("droit à l’image", default=False)
    sortie_seul = models.BooleanField("peut partir seul", default=False)
    soins_urgence = models.BooleanField("soins d’urgence", default=False)
    transport = models.BooleanField("transport en car", default=False)
    baignade = models.BooleanField("baignade", default=False)

    class Meta:
        verbose_name = "autorisations"
        verbose_name_plural = "autorisations"

    def __str__(self) -> str:
        return f"Autorisations de {self.enfant}"


class PersonneAutorisee(models.Model):
    """Who may fetch the child or must be called; declared by one household, unseen by the other."""

    enfant = models.ForeignKey(Enfant, models.PROTECT, related_name="personnes_autorisees")
    famille = models.ForeignKey(Famille, models.PROTECT, related_name="personnes_autorisees")
    civilite = models.CharField("civilité", max_length=3, choices=Responsable.Civilite, blank=True)
    nom = models.CharField("nom", max_length=100)
    prenom = models.CharField("prénom", max_length=100)
    lien = models.CharField("lien avec l’enfant", max_length=60, blank=True)
    telephone = models.CharField("téléphone", max_length=20, blank=True, validators=[TELEPHONE])
    peut_venir_chercher = models.BooleanField("peut venir chercher l’enfant", default=True)
    a_prevenir = models.BooleanField("à prévenir en cas d’urgence", default=False)

    class Meta:
        verbose_name = "personne autorisée"
        verbose_name_plural = "personnes autorisées"
        ordering = ["enfant", "nom", "prenom"]

    def __str__(self) -> str:
        return f"{self.prenom} {self.nom}"

    @property
    def nom_complet(self) -> str:
        """« Mme Odile DUPONT »."""
        abrege = {Responsable.Civilite.MONSIEUR: "M.", Responsable.Civilite.MADAME: "Mme"}
        return f"{abrege.get(self.civilite, '')} {self}".strip()
