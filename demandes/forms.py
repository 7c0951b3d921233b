"""What a person may type: every GET and POST parameter of the pages goes through one of these."""

import re
import uuid
from dataclasses import dataclass
from datetime import date

from django import forms
from django.core.exceptions import ValidationError
from django.utils.http import url_has_allowed_host_and_scheme

from demandes.types import de_la_categorie
from messagerie.forms import ReponseForm

CASE = re.compile(r"(\d{1,15}):(\d{4}-\d{2}-\d{2}):(\d{1,9})")
CASES_MAX = 1500  # a year of four services, or of four children
RETOUR_MAX = 200
RETOUR_LONG = 4000  # the typical week holds its choices in its address
ANNEE_MIN, ANNEE_MAX = 2000, 2100


@dataclass(frozen=True)
class Case:
    """A box of the planning: an inscription, a day, the version of the booking the page showed (0: none)."""

    inscription: int
    jour: date
    version: int

    def __str__(self) -> str:
        return f"{self.inscription}:{self.jour.isoformat()}:{self.version}"


class CasesField(forms.Field):
    """« <inscription>:<aaaa-mm-jj>:<version> », repeated; sorted by day, each box once."""

    widget = forms.MultipleHiddenInput

    def to_python(self, valeurs) -> list[Case]:
        if len(valeurs or ()) > CASES_MAX:
            raise ValidationError(f"Pas plus de {CASES_MAX} jours à la fois.")
        cases = {}
        for valeur in valeurs or ():
            morceaux = CASE.fullmatch(str(valeur))
            try:
                jour = date.fromisoformat(morceaux[2])
            except (TypeError, ValueError):
                raise ValidationError("Cette sélection n’est pas lisible. Choisissez de nouveau.") from None
            if not ANNEE_MIN <= jour.year <= ANNEE_MAX:
                raise ValidationError("Cette date est trop lointaine.")
            case = Case(int(morceaux[1]), jour, int(morceaux[3]))
            cases.setdefault((case.jour, case.inscription), case)
        return [cases[cle] for cle in sorted(cases)]


class Envoi(forms.Form):
    """The second step of every demande."""

    confirmer = forms.BooleanField(required=False)
    modifier = forms.BooleanField(required=False)
    saisie = forms.BooleanField(required=False)  # posted by the form itself, not by the recap
    jeton = forms.UUIDField(required=False)
    reprise = forms.UUIDField(required=False)  # the waiting demande this one was opened from

    def clean_jeton(self) -> uuid.UUID:
        return self.cleaned_data["jeton"] or uuid.uuid4()


class Selection(Envoi):
    """What the planning posts."""

    RESERVER, ABSENCE = "reserver", "absence"
    c = CasesField(required=False)
    action = forms.ChoiceField(choices=[(RESERVER, "Réserver"), (ABSENCE, "Déclarer une absence")])
    retour = forms.CharField(required=False)
    vu = forms.CharField(required=False)  # what the recap announced (`recap.empreinte`)
    cout = forms.CharField(required=False)  # and its cost, sealed (`annonce`)

    def clean_retour(self) -> str:
        """Only a page of the planning: never another site. Too long, it loses its options, not the selection."""
        retour = self.cleaned_data["retour"]
        longueur = RETOUR_LONG if retour.startswith("/enfants/planning/semaine-type/") else RETOUR_MAX
        if len(retour) > longueur:
            retour = retour.partition("?")[0][:RETOUR_MAX]
        surs = url_has_allowed_host_and_scheme(retour, allowed_hosts=None)
        return retour if surs and retour.startswith("/enfants/") else ""


class Repetition(forms.Form):
    """« Répéter la semaine »: a day of the week to take as a model, and the child displayed."""

    semaine = forms.DateField(required=False, input_formats=["%Y-%m-%d"])
    enfant = forms.UUIDField(required=False)

    def clean_semaine(self) -> date | None:
        jour = self.cleaned_data["semaine"]
        if jour and not ANNEE_MIN <= jour.year <= ANNEE_MAX:
            raise ValidationError("Cette date est trop lointaine.")
        return jour

    def valides(self) -> dict:
        self.is_valid()
        return {nom: self.cleaned_data.get(nom) for nom in self.fields}


class Filtre(forms.Form):
    """The list of demandes: kind and period."""

    TOUT = "tout"
    type = forms.ChoiceField(label="Type de demande", required=False)
    mois = forms.RegexField(r"^(tout|\d{4}-\d{2})$", required=False)
    page = forms.IntegerField(min_value=1, max_value=100_000, required=False)

    def __init__(self, data, categorie: str) -> None:
        super().__init__(data)
        types = [(t.code, t.filtre) for t in de_la_categorie(categorie)]
        self.fields["type"].choices = [("", "Tous les types"), *types]

    def clean_mois(self) -> date | str | None:
        """First day of the month, « tout », or None for the last thirty days."""
        valeur = self.cleaned_data["mois"]
        if not valeur or valeur == self.TOUT:
            return valeur or None
        try:
            premier = date.fromisoformat(f"{valeur}-01")
        except ValueError:
            raise ValidationError("Ce mois n’existe pas.") from None
        if not ANNEE_MIN <= premier.year <= ANNEE_MAX:
            raise ValidationError("Ce mois est trop lointain.")
        return premier

    def valides(self) -> dict:
        """What could be understood; the rest falls back to its default."""
        self.is_valid()
        return {
            "type": self.cleaned_data.get("type", ""),
            "mois": self.cleaned_data.get("mois"),
            "page": self.cleaned_data.get("page") or 1,
        }


class Declin(forms.Form):
    """A freed place the family gives back: the booking's number."""

    decliner = forms.IntegerField(min_value=1, max_value=2**63 - 1)


class ReponseAuComplement(ReponseForm):
    """The family's answer on the page of the demande: its documents join the demande, not the message."""

    pieces = None
