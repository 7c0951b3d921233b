"""What may be typed, or be in the address, of the pages of the children."""

import re
from datetime import date

from django import forms

from enfants import regles

MOIS = re.compile(r"([0-9]{4})-([0-9]{2})")
# Years kept on line before today.
ANNEES_AVANT = 12


def mois_de_ladresse(texte: str, aujourdhui: date) -> date | None:
    """First day of « 2026-11 », or None when it is no month, or too far for a planning to exist."""
    trouve = MOIS.fullmatch(texte)
    if not trouve:
        return None
    annee, mois = int(trouve[1]), int(trouve[2])
    if (
        not 1 <= mois <= 12
        or not aujourdhui.year - ANNEES_AVANT <= annee <= aujourdhui.year + regles.ANNEES_APRES
    ):
        return None
    return date(annee, mois, 1)


class PlanningForm(forms.Form):
    """Options of the planning's address; each falls back alone when it makes no sense."""

    vue = forms.ChoiceField(choices=[("mois", "Mois"), ("semaine", "Semaine")], required=False)
    du = forms.DateField(required=False, input_formats=["%Y-%m-%d"])
    inscriptions = forms.ChoiceField(
        choices=[("cours", "Inscriptions en cours"), ("toutes", "Toutes")], required=False
    )
    mois = forms.CharField(required=False, max_length=7)

    def options(self) -> dict:
        """Valid values only."""
        self.is_valid()
        return {nom: self.cleaned_data.get(nom) for nom in self.fields}


class AgendaForm(forms.Form):
    """The buttons of the calendar's page. `lien`: the one to delete."""

    CREER, CHANGER, SUPPRIMER = "creer", "changer", "supprimer"
    action = forms.ChoiceField(
        choices=[(CREER, "Créer mon lien"), (CHANGER, "Changer de lien"), (SUPPRIMER, "Supprimer le lien")]
    )
    lien = forms.IntegerField(required=False, min_value=1, max_value=2**63 - 1)

    def clean(self) -> dict:
        valeurs = super().clean()
        if valeurs.get("action") == self.SUPPRIMER and not valeurs.get("lien"):
            raise forms.ValidationError("Choisissez le lien à supprimer.")
        return valeurs
