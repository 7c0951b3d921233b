"""Kinds made of days: their rows are changed by `enfants.places` only."""

from typing import ClassVar

from django import forms
from django.db.models import Q

from .base import ENFANT, TypeDemande


class Reservations(TypeDemande):
    code = "reservations"
    libelle = "Réservations"
    filtre = "Réservations"
    categorie = ENFANT
    icone = "calendrier"
    planning = True
    prend_des_places = True
    remplace = False

    def lire(self) -> dict:
        return {}

    def appliquer(self, par, maintenant) -> None:
        """Nothing of its own: the days are decided by `enfants.places`."""


class Absences(Reservations):
    """The guide: the reason is asked, and confirmed; a medical one needs an attestation."""

    code = "absences"
    libelle = "Absences"
    filtre = "Absences"
    icone = "personne-barree"
    pieces = "Attestation du médecin"
    sensible = True  # the medical ones
    gardes = frozenset({"raison"})
    MEDICALE = "medicale"
    raison = forms.ChoiceField(
        label="Raison de l’absence",
        choices=(
            ("", "Choisissez"),
            (MEDICALE, "Raison médicale (attestation à fournir)"),
            ("familiale", "Raison familiale"),
            ("vacances", "Vacances en famille"),
            ("autre", "Autre raison"),
        ),
        error_messages={"required": "Choisissez la raison de l’absence."},
    )
    precision = forms.CharField(
        label="Précision",
        max_length=200,
        required=False,
        help_text="Facultatif. N’indiquez aucun diagnostic.",
    )

    COURTES: ClassVar[dict[str, str]] = {
        MEDICALE: "raison médicale",
        "familiale": "raison familiale",
        "vacances": "vacances en famille",
        "autre": "autre raison",
    }

    @classmethod
    def permission_pour(cls, donnees: dict) -> str:
        """A medical absence comes with its attestation: health data."""
        return "demandes.voir_sante" if cls.est_medicale(donnees) else ""

    @classmethod
    def pieces_pour(cls, donnees: dict) -> str:
        return cls.pieces if cls.est_medicale(donnees) else ""

    @classmethod
    def sensibles(cls) -> Q:
        return Q(type=cls.code, donnees__raison=cls.MEDICALE)

    @classmethod
    def est_medicale(cls, donnees: dict) -> bool:
        return donnees.get("raison") == cls.MEDICALE

    @classmethod
    def categorie_de(cls, donnees: dict) -> str:
        """The reason without what the family typed: all that a booking's history, frozen, may keep."""
        return cls.COURTES.get(donnees.get("raison", ""), cls.COURTES["autre"])

    @classmethod
    def texte(cls, donnees: dict) -> str:
        """The reason in a few words: « raison familiale (mariage) »."""
        precision = donnees.get("precision", "")
        raison = cls.categorie_de(donnees)
        return f"{raison} ({precision})" if precision else raison
