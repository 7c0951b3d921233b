"""What a family may ask in the address of its relevé."""

import re

from django import forms
from django.core.exceptions import ValidationError

from facturation.releve import ANNEES
from portail.socle.dates import libelle_annee

FORME = re.compile(r"(\d{4})-(\d{4})")


class AnneeForm(forms.Form):
    """`?annee=2014-2015`; nothing = the current one. Any real school year is accepted."""

    annee = forms.CharField(label="Année scolaire", required=False, max_length=9)

    def __init__(self, data, annees: list[int], courante: int):
        super().__init__(data)
        self.annees = annees
        self.courante = courante

    def clean_annee(self) -> int:
        valeur = self.cleaned_data["annee"]
        if not valeur:
            return self.courante
        forme = FORME.fullmatch(valeur)
        if (
            not forme
            or not valeur.isascii()
            or int(forme[1]) not in ANNEES
            or int(forme[2]) != int(forme[1]) + 1
        ):
            raise ValidationError("Choisissez une année scolaire, par exemple 2026-2027.")
        return int(forme[1])

    def choisie(self) -> int:
        """The year to show, even when what was asked makes no sense."""
        return self.cleaned_data["annee"] if self.is_valid() else self.courante

    def choix(self) -> list[tuple[str, bool]]:
        """(label, chosen) for the list, the chosen year included."""
        choisie = self.choisie()
        return [
            (libelle_annee(annee), annee == choisie)
            for annee in sorted({*self.annees, choisie}, reverse=True)
        ]
