"""What the town publishes: informations, forms to download, public pages."""

from django import forms
from django.contrib import admin
from django.utils import timezone
from django_tasks_db.admin import DBTaskResult  # the module registers itself on import

from portail.accueil.models import Formulaire, Information, Page
from portail.socle.admin import Tracee
from portail.socle.fichiers import ChampPieces, deposer

# In English, and of no use to an agent: « Exécutions » says what ran.
admin.site.unregister(DBTaskResult)


@admin.register(Information)
class InformationAdmin(Tracee, admin.ModelAdmin):
    list_display = ("titre", "emplacement", "du", "au")
    list_filter = ("emplacement",)
    search_fields = ("titre", "texte")
    filter_horizontal = ("structures",)
    fields = ("titre", "texte", "lien", "emplacement", ("du", "au"), "structures")


class FormulaireForm(forms.ModelForm):
    """The upload goes through the same examination as a family's."""

    televerse = ChampPieces(maximum=1, label="Document")

    class Meta:
        model = Formulaire
        fields = ("libelle", "ordre", "du", "au")

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        champ = self.fields["televerse"]
        champ.required = self.instance.pk is None
        if not champ.required:
            champ.help_text = f"Laissez vide pour garder «\N{NO-BREAK SPACE}{self.instance.fichier}\N{NO-BREAK SPACE}». {champ.help_text}"


@admin.register(Formulaire)
class FormulaireAdmin(Tracee, admin.ModelAdmin):
    form = FormulaireForm
    list_display = ("libelle", "fichier", "ordre", "du", "au")
    list_select_related = ("fichier",)
    search_fields = ("libelle",)
    fields = ("libelle", "televerse", "ordre", ("du", "au"))

    def save_model(self, request, obj, form, change) -> None:
        for piece in form.cleaned_data["televerse"]:
            obj.fichier = deposer(piece, request.user)
        super().save_model(request, obj, form, change)


@admin.register(Page)
class PageAdmin(Tracee, admin.ModelAdmin):
    """The five public pages: their texts change, their addresses do not."""

    list_display = ("titre", "adresse", "modifiee_le")
    fields = ("titre", "texte", "modifiee_le")
    readonly_fields = ("modifiee_le",)

    def has_add_permission(self, request) -> bool:
        return False

    def has_delete_permission(self, request, obj=None) -> bool:
        return False

    def save_model(self, request, obj, form, change) -> None:
        obj.modifiee_le = timezone.localdate()
        super().save_model(request, obj, form, change)
