"""Régies, their numbers, the services they bill."""

from typing import ClassVar

from django.contrib import admin
from django.core.exceptions import ValidationError
from django.forms.models import BaseInlineFormSet

from enfants.models import Prestation
from facturation.models import Compteur, Regie, RegiePrestation
from portail.socle.admin import Tracee
from portail.socle.periodes import chevauchent
from portail.socle.verrous import verrouiller


class LiensFormSet(BaseInlineFormSet):
    """A service belongs to one régie at a time, these rows and those of the other régies together."""

    def clean(self) -> None:
        super().clean()
        if any(self.errors):
            return
        gardes = [
            f.cleaned_data
            for f in self.forms
            if f.cleaned_data.get("prestation") and not f.cleaned_data.get("DELETE")
        ]
        prestations = {ligne["prestation"].pk for ligne in gardes}
        verrouiller(Prestation.objects.filter(pk__in=prestations))
        autres = RegiePrestation.objects.filter(prestation__in=prestations).exclude(regie=self.instance.pk)
        for rang, ligne in enumerate(gardes):
            periodes = [(x["du"], x["au"]) for x in gardes[:rang] if x["prestation"] == ligne["prestation"]]
            periodes += [(x.du, x.au) for x in autres if x.prestation_id == ligne["prestation"].pk]
            if any(chevauchent(ligne["du"], ligne["au"], du, au) for du, au in periodes):
                raise ValidationError(
                    f"{ligne['prestation']} relève déjà d’une régie sur une partie de cette période."
                )


class LienInline(admin.TabularInline):
    model = RegiePrestation
    formset = LiensFormSet
    extra = 0
    can_delete = False

    def get_queryset(self, request):
        return super().get_queryset(request).select_related("regie", "prestation__structure")

    def formfield_for_foreignkey(self, db_field, request, **options):
        champ = super().formfield_for_foreignkey(db_field, request, **options)
        if db_field.name == "prestation":
            champ.queryset = Prestation.objects.select_related("structure")
            # Read once for all the rows.
            champ.choices = list(champ.choices)
        return champ


class CompteurInline(admin.TabularInline):
    model = Compteur
    extra = 0
    can_delete = False
    verbose_name_plural = "prochains numéros"

    def get_readonly_fields(self, request, obj=None):
        # Once a document is numbered, another number would leave a gap.
        if obj and (obj.factures.exists() or obj.reglements.exists()):
            return ("nature", "suivant")
        return ()


@admin.register(Regie)
class RegieAdmin(Tracee, admin.ModelAdmin):
    list_display = ("nom", "prefixe", "paiement_en_ligne")
    inlines = (LienInline, CompteurInline)
    fieldsets = (
        (None, {"fields": ("nom", "prefixe", "paiement_en_ligne")}),
        ("Adresse", {"fields": ("adresse", "code_postal", "ville", "telephone", "courriel", "horaires")}),
        ("Sur les factures", {"fields": ("ordonnateur", "tresorerie", "ordre_cheque", "iban")}),
        ("Prélèvement et PayFiP", {"fields": ("ics", "payfip_numero")}),
    )

    class Media:
        css: ClassVar = {"all": ["css/facturation-admin.css"]}

    def has_delete_permission(self, request, obj=None) -> bool:
        return False

    def get_readonly_fields(self, request, obj=None):
        return ("prefixe",) if obj and (obj.factures.exists() or obj.reglements.exists()) else ()
