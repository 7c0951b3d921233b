"""Password rules of the guide, and what common sense adds."""

import unicodedata

from django.conf import settings
from django.core.exceptions import ValidationError

from familles.models import normaliser


def longueur_minimale() -> int:
    """The length the setting asks for, as the pages say it."""
    return settings.AUTH_PASSWORD_VALIDATORS[0]["OPTIONS"]["longueur"]


class Composition:
    """8 characters, 1 capital, 1 small letter, 1 digit at least (the guide); the length is a setting (CNIL 2022-100)."""

    def __init__(self, longueur: int = 8):
        self.longueur = longueur

    def validate(self, password: str, user=None) -> None:
        manques = []
        if len(password) < self.longueur:
            manques.append(f"{self.longueur} caractères minimum")
        if not any(c.isupper() for c in password):
            manques.append("au moins 1 majuscule")
        if not any(c.islower() for c in password):
            manques.append("au moins 1 minuscule")
        if not any(unicodedata.category(c) == "Nd" for c in password):
            manques.append("au moins 1 chiffre")
        if manques:
            raise ValidationError(f"Il manque\N{NO-BREAK SPACE}: {', '.join(manques)}.", code="composition")

    def get_help_text(self) -> str:
        return f"{self.longueur} caractères minimum, 1 majuscule, 1 minuscule et 1 chiffre au moins."


class PasUnNom:
    """Not the person's own name nor identifiant, whatever the case and accents."""

    def validate(self, password: str, user=None) -> None:
        if user is None:
            return
        simple = normaliser(password)
        morceaux = [user.nom, user.prenom, *user.identifiant.replace("-", ".").split(".")]
        if user.pk:
            for responsable in user.responsables.all():
                morceaux += [responsable.nom, responsable.prenom]
        if any(len(m) >= 4 and normaliser(m) in simple for m in morceaux):
            raise ValidationError("Le mot de passe ne doit pas contenir votre nom.", code="nom")

    def get_help_text(self) -> str:
        return "Il ne contient pas votre nom."
