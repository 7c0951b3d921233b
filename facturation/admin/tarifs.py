"""Tarifs and their bands."""

from itertools import pairwise

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.forms.models import BaseInlineFormSet

from facturation.models import RegiePrestation, Tarif, TrancheTarif
from portail.socle.admin import Tracee
from portail.socle.periodes import chevauchent
from portail.socle.verrous import verrouiller

from .champs import EnEuros


class TarifForm(forms.ModelForm):
    """One tarif at a time for a service: checked under the lock of its link."""

    def clean(self) -> dict:
        donnees = super().clean()
        lien, du = donnees.get("lien"), donnees.get("du")
        if lien is None or du is None:
            return donnees
        verrouiller(RegiePrestation.objects.filter(pk=lien.pk))
        for autre in lien.tarifs.exclude(pk=self.instance.pk):
            if chevauchent(du, donnees.get("au"), autre.du, autre.au):
                fin = f"au {autre.au:%d/%m/%Y}" if autre.au else "sans date de fin"
                raise ValidationError(
                    f"Un autre tarif vaut du {autre.du:%d/%m/%Y}, {fin}. Terminez-le d’abord la veille de celui-ci."
                )
        return donnees


class TranchesFormSet(BaseInlineFormSet):
    """Bands that follow one another, at least one when the tarif goes by bands."""

    def clean(self) -> None:
        super().clean()
        if any(self.errors):
            return
        gardees = [
            f.cleaned_data
            for f in self.forms
            if f.cleaned_data.get("centimes") is not None and not f.cleaned_data.get("DELETE")
        ]
        if self.instance.mode == Tarif.Mode.TRANCHES and not any(x["rang_fratrie"] == 1 for x in gardees):
            raise ValidationError("Un tarif par tranches a au moins une tranche pour le premier enfant.")
        for rang in {x["rang_fratrie"] for x in gardees}:
            self._verifier_suite(
                sorted((x for x in gardees if x["rang_fratrie"] == rang), key=lambda x: x["qf_min"])
            )

    @staticmethod
    def _verifier_suite(tranches: list[dict]) -> None:
        for avant, apres in pairwise(tranches):
            if avant["qf_max"] is None or avant["qf_max"] >= apres["qf_min"]:
                raise ValidationError(f"Deux tranches se chevauchent à partir du quotient {apres['qf_min']}.")
            if apres["qf_min"] - avant["qf_max"] > 1:
                raise ValidationError(
                    f"Il manque une tranche entre les quotients {avant['qf_max']} et {apres['qf_min']}."
                )


class TrancheInline(EnEuros, admin.TabularInline):
    model = TrancheTarif
    formset = TranchesFormSet
    extra = 1


@admin.register(Tarif)
class TarifAdmin(Tracee, EnEuros, admin.ModelAdmin):
    form = TarifForm
    inlines = (TrancheInline,)
    list_display = ("prestation", "regie", "du", "au", "mode", "unite")
    list_filter = ("lien__regie", "mode")
    list_select_related = ("lien__regie", "lien__prestation__structure")
    search_fields = ("lien__prestation__nom",)
    fieldsets = (
        (None, {"fields": ("lien", ("du", "au"), ("mode", "unite"))}),
        ("Prix unique", {"fields": ("forfait_centimes",)}),
        ("Taux d’effort", {"fields": ("taux", ("plancher_centimes", "plafond_centimes"))}),
        ("Hors commune", {"fields": (("hors_commune_centimes", "hors_commune_pourcent"),)}),
        (
            "Suppléments et absences",
            {
                "fields": (
                    ("hors_delai_centimes", "hors_delai_pourcent"),
                    ("sans_reservation_centimes", "sans_reservation_pourcent"),
                    "remplace",
                    "absence_pourcent",
                    "panier_repas_centimes",
                )
            },
        ),
    )

    def formfield_for_foreignkey(self, db_field, request, **options):
        if db_field.name == "lien":
            options["queryset"] = RegiePrestation.objects.select_related("regie", "prestation__structure")
        return super().formfield_for_foreignkey(db_field, request, **options)

    @admin.display(description="prestation", ordering="lien__prestation__nom")
    def prestation(self, tarif: Tarif) -> str:
        return str(tarif.lien.prestation)

    @admin.display(description="régie", ordering="lien__regie__nom")
    def regie(self, tarif: Tarif) -> str:
        return str(tarif.lien.regie)
