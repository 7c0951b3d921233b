"""Filters of the agent's list."""

from datetime import timedelta

from django.contrib import admin
from django.utils import timezone

from demandes.models import ACCEPTEES, EN_COURS, Etat
from demandes.types import TYPES
from enfants.agents import structures_de
from enfants.models import Structure


class Situation(admin.SimpleListFilter):
    """What waits for the town is what one sees first."""

    title = "situation"
    parameter_name = "situation"

    def lookups(self, request, model_admin):
        return (
            ("cours", "En cours (avec les compléments et les listes d’attente)"),
            ("complement", "Complément demandé"),
            ("acceptees", "Acceptées"),
            ("refusees", "Refusées"),
            ("retirees", "Retirées"),
            ("toutes", "Toutes"),
        )

    def choices(self, changelist):
        yield {
            "selected": self.value() is None,
            "query_string": changelist.get_query_string(remove=[self.parameter_name]),
            "display": "À traiter",
        }
        for valeur, libelle in self.lookup_choices:
            yield {
                "selected": self.value() == valeur,
                "query_string": changelist.get_query_string({self.parameter_name: valeur}),
                "display": libelle,
            }

    def queryset(self, request, queryset):
        etats = {
            "cours": EN_COURS,
            "complement": [Etat.COMPLEMENT],
            "acceptees": ACCEPTEES,
            "refusees": [Etat.REFUSEE],
            "retirees": [Etat.RETIREE],
        }
        if self.value() in etats:
            return queryset.filter(etat__in=etats[self.value()])
        return queryset if self.value() == "toutes" else queryset.a_traiter()


class Genre(admin.SimpleListFilter):
    """Every kind by its name: a kind added to TYPES is here."""

    title = "type"
    parameter_name = "type__exact"

    def lookups(self, request, model_admin):
        return [(t.code, t.libelle) for t in TYPES]

    def queryset(self, request, queryset):
        connus = {t.code for t in TYPES}
        return queryset.filter(type=self.value()) if self.value() in connus else queryset


class Age(admin.SimpleListFilter):
    """How long the family has been waiting."""

    title = "attente"
    parameter_name = "age"
    JOURS = ((1, "Plus d’un jour"), (3, "Plus de trois jours"), (7, "Plus d’une semaine"))

    def lookups(self, request, model_admin):
        return [(str(jours), libelle) for jours, libelle in self.JOURS]

    def queryset(self, request, queryset):
        if self.value() not in {str(jours) for jours, _ in self.JOURS}:
            return queryset
        return queryset.filter(envoyee_le__lt=timezone.now() - timedelta(days=int(self.value())))


class ParStructure(admin.SimpleListFilter):
    title = "structure"
    parameter_name = "structure"

    def lookups(self, request, model_admin):
        miennes = structures_de(request.user)
        toutes = Structure.objects.all() if miennes is None else Structure.objects.filter(pk__in=miennes)
        return [(str(s.pk), s.nom) for s in toutes]

    def queryset(self, request, queryset):
        connues = {cle for cle, _ in self.lookup_choices}
        return queryset.pour_structures([int(self.value())]) if self.value() in connues else queryset
