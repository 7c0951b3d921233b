"""What the town publishes: informations, forms to download, public pages. And its groups of agents."""

from django import forms
from django.apps import apps
from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin
from django.contrib.auth.models import Group, Permission
from django.db import models
from django.http import HttpRequest
from django.utils import timezone
from django_tasks_db.admin import DBTaskResult  # the module registers itself on import

from portail.accueil.groupes import GROUPES
from portail.accueil.models import Formulaire, Information, Page
from portail.socle.admin import Tracee
from portail.socle.fichiers import ChampPieces, deposer

# In English, and of no use to an agent: « Exécutions » says what ran.
admin.site.unregister(DBTaskResult)
# Its permissions are written in English in the database.
admin.site.unregister(Group)


@admin.register(Information)
class InformationAdmin(Tracee, admin.ModelAdmin):
    list_display = ("titre", "emplacement", "du", "au")
    list_filter = ("emplacement",)
    search_fields = ("titre", "texte")
    formfield_overrides = {models.ManyToManyField: {"widget": forms.CheckboxSelectMultiple}}
    fieldsets = (
        (None, {"fields": ("titre", "texte", "lien", "emplacement")}),
        (
            "Publication",
            {
                "fields": (("du", "au"), "structures"),
                "description": "Sans dates\N{NO-BREAK SPACE}: publiée dès l’enregistrement, sans fin.",
            },
        ),
    )


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


VERBES = {"add": "Ajouter", "change": "Modifier", "delete": "Supprimer", "view": "Voir"}


class ChampPermissions(forms.ModelMultipleChoiceField):
    """« Familles | responsable | Modifier »; the portal's own permissions are sentences already."""

    def label_from_instance(self, permission: Permission) -> str:
        verbe, _, modele = permission.codename.partition("_")
        application = apps.get_app_config(permission.content_type.app_label)
        if verbe not in VERBES:
            return f"{application.verbose_name} | {permission.name}"
        return f"{application.verbose_name} | {application.get_model(modele)._meta.verbose_name} | {VERBES[verbe]}"


@admin.register(Group)
class GroupeAdmin(Tracee, GroupAdmin):
    """Who may do what. The three groups the portal comes with are changed, never deleted."""

    def formfield_for_manytomany(self, db_field, request: HttpRequest, **options):
        champ = super().formfield_for_manytomany(db_field, request, **options)
        if db_field.name != "permissions":
            return champ
        # Sessions, queue, second factor: the portal's own machinery, nobody's right.
        utiles = {app for groupe in GROUPES.values() for regles in groupe["modeles"] for app in regles}
        return ChampPermissions(
            Permission.objects.filter(content_type__app_label__in=utiles)
            .select_related("content_type")
            .order_by("content_type__app_label", "content_type__model", "codename"),
            label=champ.label,
            required=False,
            widget=champ.widget,
            help_text=champ.help_text,
        )

    def has_delete_permission(self, request: HttpRequest, obj=None) -> bool:
        return super().has_delete_permission(request, obj) and (obj is None or obj.name not in GROUPES)

    def get_deleted_objects(self, objs, request: HttpRequest):
        """Without the rows that only tie a group to its agents and permissions: they have no name to show."""
        _, _, interdits, proteges = super().get_deleted_objects(objs, request)
        return [str(groupe) for groupe in objs], {"groupes": len(objs)}, interdits, proteges
