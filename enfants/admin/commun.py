"""What these pages share: an agent's structures, days and levels as boxes to tick."""

from django import forms
from django.contrib import admin
from django.contrib.admin.widgets import AdminTimeWidget
from django.db import models
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from enfants import agents, semaine
from enfants.models import Jauge, Niveau, Prestation, Structure
from portail.socle.admin import ChoixLisibles

JOURS = [(str(n), nom.capitalize()) for n, nom in enumerate(semaine.NOMS)]


def limitee(utilisateur) -> bool:
    """Whether AffectationAgent rows restrict what this agent sees."""
    return agents.structures_de(utilisateur) is not None


def structures_de(utilisateur) -> QuerySet[Structure]:
    """Structures this agent works for; all of them without AffectationAgent row, or for an administrator."""
    siennes = agents.structures_de(utilisateur)
    return Structure.objects.all() if siennes is None else Structure.objects.filter(pk__in=siennes)


def prestations_de(utilisateur) -> QuerySet[Prestation]:
    """Services of the agent's structures."""
    return Prestation.objects.filter(structure__in=structures_de(utilisateur)).select_related("structure")


class ParStructure(ChoixLisibles, admin.ModelAdmin):
    """Rows and choices of the agent's structures only. `chemin` leads from the row to its Structure."""

    chemin = "structure"
    formfield_overrides = {models.TimeField: {"widget": AdminTimeWidget(format="%H:%M")}}

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        lignes = super().get_queryset(request)
        return lignes.filter(**{f"{self.chemin}__in": structures_de(request.user)}) if self.chemin else lignes

    @admin.display(description="prestation", ordering="prestation__nom")
    def service(self, ligne) -> str:
        """The name alone: with its structure the column eats the page."""
        return ligne.prestation.nom

    def choix(self, nom: str, request: HttpRequest) -> QuerySet | None:
        """What that field may point to; None: no limit."""
        structures = structures_de(request.user)
        return {
            "structure": structures,
            "ecole": structures.filter(genre=Structure.Genre.ECOLE),
            "prestation": prestations_de(request.user),
            "prestations": prestations_de(request.user),
            "jauge": Jauge.objects.filter(structure__in=structures).select_related("structure"),
        }.get(nom)

    def formfield_for_foreignkey(self, db_field, request, **kwargs):
        choix = self.choix(db_field.name, request)
        if choix is not None:
            kwargs["queryset"] = choix
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def formfield_for_manytomany(self, db_field, request, **kwargs):
        choix = self.choix(db_field.name, request)
        if choix is not None:
            kwargs["queryset"] = choix
            kwargs["widget"] = CasesACocher
        return super().formfield_for_manytomany(db_field, request, **kwargs)


class AvecStructure(admin.RelatedFieldListFilter):
    """Rows whose name ends with their structure's: read with it, and those of the agent's structures only."""

    def field_choices(self, field, request, model_admin: ParStructure) -> list[tuple[int, str]]:
        return [(ligne.pk, str(ligne)) for ligne in model_admin.choix(field.name, request)]


class Periode(admin.SimpleListFilter):
    """Today and after, unless asked otherwise: by the filter, or by a month of the date hierarchy."""

    title, parameter_name = "période", "periode"

    def lookups(self, request, model_admin):
        return [("passes", "Jours passés"), ("tous", "Tous les jours")]

    def choices(self, changelist):
        tous, *autres = super().choices(changelist)
        return [tous | {"display": "Aujourd’hui et après"}, *autres]

    def queryset(self, request, queryset):
        jour = timezone.localdate()
        if self.value() == "passes":
            return queryset.filter(jour__lt=jour)
        choisi = any(nom.startswith("jour__") for nom in request.GET)
        return queryset if self.value() == "tous" or choisi else queryset.filter(jour__gte=jour)


class CasesACocher(forms.CheckboxSelectMultiple):
    """Boxes on one line (static/css/enfants-admin.css)."""

    def __init__(self, attrs=None, choices=()):
        super().__init__({"class": "cases"} | (attrs or {}), choices)


class JoursField(forms.MultipleChoiceField):
    """Weekdays as boxes; the value is the mask of `enfants.semaine`."""

    def __init__(self, **kwargs):
        super().__init__(choices=JOURS, widget=CasesACocher, **kwargs)

    def prepare_value(self, value):
        if isinstance(value, int):
            return [str(n) for n in range(7) if value >> n & 1]
        return value

    def clean(self, value) -> int:
        return semaine.masque(int(n) for n in super().clean(value))

    def has_changed(self, initial, data) -> bool:
        return super().has_changed(self.prepare_value(initial), data)


class NiveauxField(forms.MultipleChoiceField):
    """School levels as boxes; none ticked = all."""

    def __init__(self, **kwargs):
        super().__init__(choices=Niveau.choices, widget=CasesACocher, required=False, **kwargs)
