"""The account of a parent or of an agent."""

import unicodedata

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.crypto import salted_hmac


def normaliser(identifiant: str) -> str:
    """An identifiant as it is stored and compared: NFKC, casefolded, without accents nor spaces around.

    « Hélène.MARTIN » and « helene.martin » are one account.
    """
    texte = unicodedata.normalize("NFKC", identifiant).strip().casefold()
    sans_accents = "".join(c for c in unicodedata.normalize("NFD", texte) if not unicodedata.combining(c))
    return unicodedata.normalize("NFKC", sans_accents)


class IdentifiantField(models.CharField):
    """Normalises on its way to the database, so that every look-up and the unique index agree."""

    def get_prep_value(self, value):
        value = super().get_prep_value(value)
        return normaliser(value) if isinstance(value, str) else value

    def to_python(self, value):
        value = super().to_python(value)
        return normaliser(value) if isinstance(value, str) else value


class UtilisateurManager(BaseUserManager):
    def create_user(self, identifiant: str, mot_de_passe: str | None = None, **champs) -> "Utilisateur":
        utilisateur = self.model(identifiant=normaliser(identifiant), **champs)
        utilisateur.set_password(mot_de_passe)
        utilisateur.save(using=self._db)
        return utilisateur

    def create_superuser(self, identifiant: str, password: str | None = None, **champs) -> "Utilisateur":
        return self.create_user(identifiant, password, is_staff=True, is_superuser=True, **champs)

    def par_identifiant_ou_courriel(self, saisi: str) -> "Utilisateur | None":
        """The account somebody means by what they typed: an identifiant, or the log-in e-mail."""
        simple = normaliser(saisi)
        filtre = {"courriel__iexact": saisi.strip()} if "@" in simple else {"identifiant": simple}
        return self.filter(**filtre).first()

    def get_by_natural_key(self, identifiant: str) -> "Utilisateur":
        return self.get(identifiant=identifiant)


class Utilisateur(AbstractBaseUser, PermissionsMixin):
    """Who logs in: a parent (through Responsable) or an agent (`is_staff`, with groups).

    `courriel` serves log-in and reset; it is not the contact e-mail of a Responsable.
    """

    identifiant = IdentifiantField("identifiant", max_length=150, unique=True)
    courriel = models.EmailField("courriel de connexion", blank=True)
    nom = models.CharField("nom", max_length=100, blank=True)
    prenom = models.CharField("prénom", max_length=100, blank=True)
    doit_changer_mot_de_passe = models.BooleanField("doit changer son mot de passe", default=False)
    mot_de_passe_expire_le = models.DateTimeField(
        "mot de passe provisoire valable jusqu’au", null=True, blank=True, editable=False
    )
    is_staff = models.BooleanField("agent", default=False, help_text="Accède à l’administration.")
    is_active = models.BooleanField("actif", default=True)
    cree_le = models.DateTimeField("créé le", default=timezone.now)
    # A database default: the version before this one goes on inserting accounts while the tables change.
    generation = models.PositiveIntegerField(
        "génération des sessions", default=0, db_default=0, editable=False
    )

    objects = UtilisateurManager()

    USERNAME_FIELD = "identifiant"
    EMAIL_FIELD = "courriel"
    REQUIRED_FIELDS = []

    class Meta:
        verbose_name = "utilisateur"
        ordering = ["identifiant"]
        constraints = [
            models.UniqueConstraint(
                Lower("courriel"),
                condition=~models.Q(courriel=""),
                name="utilisateur_courriel_unique",
                violation_error_message="Ce courriel de connexion sert déjà à un autre compte.",
            )
        ]

    def __str__(self) -> str:
        return self.get_full_name() or self.identifiant

    def get_full_name(self) -> str:
        return f"{self.prenom} {self.nom}".strip()

    def provisoire_expire(self, maintenant) -> bool:
        """The town's temporary password has run out: it opens nothing any more."""
        fin = self.mot_de_passe_expire_le
        return self.doit_changer_mot_de_passe and fin is not None and fin <= maintenant

    def get_short_name(self) -> str:
        return self.prenom or self.identifiant

    def _get_session_auth_hash(self, secret=None) -> str:
        """Every session holds this hash: a new password, or a new generation, ends those that hold the old one.

        Generation 0 gives Django's own hash: the sessions open before the column existed go on.
        """
        hache = super()._get_session_auth_hash(secret)
        if not self.generation:
            return hache
        valeur = f"{hache}{self.generation}"
        return salted_hmac("familles.generation", valeur, secret=secret, algorithm="sha256").hexdigest()
