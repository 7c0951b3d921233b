"""The town's choices per kind, and its ready-made motifs."""

from django.contrib import admin
from django.contrib.auth.models import Group
from django.forms import CheckboxSelectMultiple

from demandes.models import MotifRefus, ReglageDemande, automatisable
from demandes.types import COMPTE, TYPES
from portail.socle.admin import SansObjet


@admin.register(ReglageDemande)
class ReglageDemandeAdmin(SansObjet, admin.ModelAdmin):
    """One row a kind, made when the page is opened: nobody adds nor removes any."""

    list_display = ("type", "acceptation", "reserve_a", "rattaches")
    fields = ("type", "automatique", "groupes", "agents_rattaches")

    def get_queryset(self, request):
        connus = [t.code for t in TYPES]
        return super().get_queryset(request).filter(type__in=connus).prefetch_related("groupes")

    def changelist_view(self, request, extra_context=None):
        if self.has_view_or_change_permission(request):
            ReglageDemande.completer()
        return super().changelist_view(
            request, {"title": "Réglages des types de demandes"} | (extra_context or {})
        )

    def has_add_permission(self, request) -> bool:
        return False

    def has_delete_permission(self, request, obj=None) -> bool:
        return False

    def get_readonly_fields(self, request, obj=None):
        figes = ["type"]
        if obj and not automatisable(obj.genre):
            figes.append("automatique")
        return figes

    def formfield_for_manytomany(self, db_field, request, **kwargs):
        kwargs["widget"] = CheckboxSelectMultiple
        kwargs["queryset"] = Group.objects.order_by("name")
        return super().formfield_for_manytomany(db_field, request, **kwargs)

    @admin.display(description="acceptation")
    def acceptation(self, reglage: ReglageDemande) -> str:
        if reglage.genre.planning:
            return "Selon la prestation"
        if not automatisable(reglage.genre):
            return "Toujours par un agent"
        return "Automatique" if reglage.automatique else "Par un agent"

    @admin.display(description="agents d’une structure")
    def rattaches(self, reglage: ReglageDemande) -> str:
        if reglage.agents_rattaches:
            return "Oui, pour leurs familles"
        return "Non" if reglage.genre.categorie == COMPTE else "Selon l’enfant ou le service"

    @admin.display(description="traité par")
    def reserve_a(self, reglage: ReglageDemande) -> str:
        return ", ".join(g.name for g in reglage.groupes.all()) or "Tous les agents des demandes"


@admin.register(MotifRefus)
class MotifRefusAdmin(SansObjet, admin.ModelAdmin):
    list_display = ("texte", "pour", "ordre")
    list_editable = ("ordre",)
    list_filter = ("type",)
    search_fields = ("texte",)

    @admin.display(description="type", ordering="type", empty_value="Tous les types")
    def pour(self, motif: MotifRefus) -> str | None:
        return motif.get_type_display() if motif.type else None
