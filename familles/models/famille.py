"""A household, its adults, where it lives."""

from datetime import date, timedelta
from decimal import Decimal

from django.conf import settings
from django.core.validators import RegexValidator
from django.db import models, transaction
from django.db.models import Q
from django.utils import timezone

from portail.socle.verrous import verrouiller

NUMERO = RegexValidator(r"^\d{13}$", "Le n° de famille a 13 chiffres.")
CODE_POSTAL = RegexValidator(r"^\d{5}$", "Le code postal a 5 chiffres.")
# Ten digits by twos or all together, or a foreign number with its +.
TELEPHONE = RegexValidator(
    r"^(0[1-9]([ .\-]?[0-9]{2}){4}|\+[0-9]([ .\-]?[0-9]){7,14})$",
    "Écrivez le numéro avec ses 10 chiffres, par exemple 04 65 71 03 04.",
)


class Famille(models.Model):
    """One household account: the payer. It owns invoices, payments, messages, demandes."""

    numero = models.CharField("n° famille", max_length=13, unique=True, validators=[NUMERO])
    cree_le = models.DateTimeField("créée le", default=timezone.now)
    archivee_le = models.DateField("archivée le", null=True, blank=True)
    effacee_le = models.DateField("fiche effacée le", null=True, blank=True, editable=False)

    class Meta:
        verbose_name = "famille"
        ordering = ["numero"]
        permissions = [("creer_acces", "Peut créer les accès des familles")]

    def __str__(self) -> str:
        return f"Famille n° {self.numero}"

    def titulaire(self) -> "Responsable | None":
        return next((r for r in self.responsables.all() if r.rang == Responsable.Rang.TITULAIRE), None)

    def conjoint(self) -> "Responsable | None":
        return next((r for r in self.responsables.all() if r.rang == Responsable.Rang.CONJOINT), None)

    def adresses_courriel(self) -> list[str]:
        """E-mail addresses of the adults who allowed the town to write to them."""
        trouvees = {r.email for r in self.responsables.all() if r.autorisation_courriel and r.email}
        return sorted(trouvees)

    def est_residente(self, jour: date) -> bool:
        """Whether the household lives in the town that day (a Residence row says so; none = resident)."""
        lignes = [r for r in self.residences.all() if r.du <= jour and (r.au is None or jour <= r.au)]
        return lignes[-1].residente if lignes else True

    def quotient(self, jour: date):
        """The QuotientFamilial row valid that day, or None (= highest price). Never retroactive."""
        return next(
            (q for q in self.quotients.all() if q.du <= jour and (q.au is None or jour <= q.au)), None
        )

    @transaction.atomic
    def donner_quotient(self, valeur: Decimal, du: date, au: date | None = None) -> None:
        """A new proof from that day: the one before ends the day before, the one already known after it stays."""
        verrouiller(Famille.objects.filter(pk=self.pk))
        quotients = self.quotients.all()
        if suivant := quotients.filter(du__gt=du).order_by("du").first():
            veille = suivant.du - timedelta(days=1)
            au = min(au or veille, veille)
        avant = quotients.filter(Q(au=None) | Q(au__gte=du), du__lt=du)
        avant.update(au=du - timedelta(days=1))
        self.quotients.update_or_create(du=du, defaults={"valeur": valeur, "au": au})


class Residence(models.Model):
    """Resident or not, from a day to another: the price outside the town depends on it."""

    famille = models.ForeignKey(Famille, models.PROTECT, related_name="residences")
    residente = models.BooleanField("habite la commune", default=True)
    du = models.DateField("du")
    au = models.DateField("au", null=True, blank=True)

    class Meta:
        verbose_name = "résidence"
        ordering = ["du", "pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(au__isnull=True) | Q(au__gte=models.F("du")),
                name="residence_dates",
                violation_error_message="La fin ne peut pas précéder le début.",
            )
        ]

    def __str__(self) -> str:
        return "dans la commune" if self.residente else "hors commune"


class Responsable(models.Model):
    """An adult of a Famille: the titulaire, or the conjoint as this household declared them."""

    class Rang(models.TextChoices):
        TITULAIRE = "titulaire", "Titulaire"
        CONJOINT = "conjoint", "Conjoint"

    class Civilite(models.TextChoices):
        MONSIEUR = "M", "Monsieur"
        MADAME = "Mme", "Madame"

    class Qualite(models.TextChoices):
        PERE = "pere", "Père"
        MERE = "mere", "Mère"
        TUTEUR = "tuteur", "Tuteur"
        BEAU_PARENT = "beau_parent", "Beau-parent"
        GRAND_PARENT = "grand_parent", "Grand-parent"
        AUTRE = "autre", "Autre"

    class Situation(models.TextChoices):
        CELIBATAIRE = "celibataire", "Célibataire"
        MARIE = "marie", "Marié"
        PACSE = "pacse", "Pacsé"
        CONCUBINAGE = "concubinage", "En concubinage"
        SEPARE = "separe", "Séparé"
        DIVORCE = "divorce", "Divorcé"
        VEUF = "veuf", "Veuf"

    class Csp(models.TextChoices):
        # INSEE, PCS 2020, level 1.
        AGRICULTEUR = "1", "Agriculteurs exploitants"
        ARTISAN = "2", "Artisans, commerçants et chefs d’entreprise"
        CADRE = "3", "Cadres et professions intellectuelles supérieures"
        INTERMEDIAIRE = "4", "Professions intermédiaires"
        EMPLOYE = "5", "Employés"
        OUVRIER = "6", "Ouvriers"
        RETRAITE = "7", "Retraités"
        SANS_ACTIVITE = "8", "Sans activité professionnelle"

    famille = models.ForeignKey(Famille, models.PROTECT, related_name="responsables")
    rang = models.CharField("rang", max_length=10, choices=Rang)
    utilisateur = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="responsables",
        verbose_name="compte",
    )
    civilite = models.CharField("civilité", max_length=3, choices=Civilite, blank=True)
    nom = models.CharField("nom", max_length=100)
    prenom = models.CharField("prénom", max_length=100)
    qualite = models.CharField("qualité", max_length=12, choices=Qualite, blank=True)
    situation = models.CharField("situation", max_length=12, choices=Situation, blank=True)
    adresse = models.CharField("adresse", max_length=200, blank=True)
    code_postal = models.CharField("code postal", max_length=5, blank=True, validators=[CODE_POSTAL])
    ville = models.CharField("ville", max_length=100, blank=True)
    telephone_domicile = models.CharField(
        "téléphone domicile", max_length=20, blank=True, validators=[TELEPHONE]
    )
    telephone_mobile = models.CharField("mobile", max_length=20, blank=True, validators=[TELEPHONE])
    telephone_professionnel = models.CharField(
        "téléphone prof.", max_length=20, blank=True, validators=[TELEPHONE]
    )
    email = models.EmailField("email", blank=True)
    csp = models.CharField("CSP", max_length=1, choices=Csp, blank=True)
    profession = models.CharField("profession", max_length=100, blank=True)
    employeur = models.CharField("employeur", max_length=100, blank=True)
    adresse_employeur = models.CharField("adresse employeur", max_length=200, blank=True)
    autorisation_sms = models.BooleanField("autorisation SMS", default=False)
    autorisation_courriel = models.BooleanField("autorisation courriel", default=False)

    class Meta:
        verbose_name = "responsable"
        ordering = ["famille", "-rang"]
        constraints = [
            models.UniqueConstraint(
                fields=["famille", "rang"],
                name="responsable_un_par_rang",
                violation_error_message="Cette famille a déjà une personne à ce rang.",
            ),
            models.UniqueConstraint(
                fields=["famille", "utilisateur"],
                name="responsable_un_compte_par_famille",
                violation_error_message="Ce compte est déjà celui de l’autre adulte de la famille.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.nom} {self.prenom}"

    @property
    def nom_affiche(self) -> str:
        """« JEAN DUPONT », as in the guide's header."""
        return f"{self.prenom} {self.nom}".upper()

    @property
    def payeur_affiche(self) -> str:
        """« DUPONT JEAN », as in the guide's planning."""
        return f"{self.nom} {self.prenom}".upper()
