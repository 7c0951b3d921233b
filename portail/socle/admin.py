"""The town hall's side of the socle: the town itself, and what nobody may edit (traces, e-mails, runs)."""

import re

from django import forms
from django.contrib import admin
from django.contrib.admin.actions import delete_selected
from django.contrib.admin.views.autocomplete import AutocompleteJsonView
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.safestring import SafeString

from portail.socle.argent import INSECABLE
from portail.socle.models import Collectivite, Courriel, Execution, Trace
from portail.socle.traces import tracer

admin.site.site_header = "Portail Famille — mairie"
admin.site.site_title = "Portail Famille — mairie"
admin.site.index_title = "Administration"
admin.site.empty_value_display = "–"
# Django's French does not agree: « Supprimer les campagnes sélectionnés ».
delete_selected.short_description = "Supprimer la sélection"


# Nor does « L’objet limite « J-2 » a été ajouté avec succès », said of a thing nobody calls an object.
OBJET = re.compile(r"L.objet (.+?) «\s(.+)\s» a été (?:ajouté|modifié) avec succès\.(.*)", re.DOTALL)
SUITES = {
    "autre": " Vous pouvez en ajouter d’autres ci-dessous.",
    "nouveau": " Vous pouvez continuer ci-dessous.",
}


def enregistre(message: str) -> str:
    """« C’est enregistré : limite « J-2 ». » for Django's sentence; any other as it is."""
    trouve = OBJET.fullmatch(str(message))
    if trouve is None:
        return message
    quoi, lequel, reste = trouve.groups()
    suite = next((phrase for mot, phrase in SUITES.items() if mot in reste), "")
    dit = f"C’est enregistré{INSECABLE}: {quoi} «{INSECABLE}{lequel}{INSECABLE}».{suite}"
    # Its parts were escaped by Django, its words are ours.
    return SafeString(dit) if isinstance(message, SafeString) else dit


class Autocompletion(AutocompleteJsonView):
    """The choices of a search field, in the words of `libelle_de_choix` where the model's page has some."""

    admin_site = admin.site

    def serialize_result(self, obj, to_field_name):
        libelle = getattr(self.model_admin, "libelle_de_choix", str)
        return super().serialize_result(obj, to_field_name) | {"text": libelle(obj)}


class ChoixLisibles:
    """Mixin: the row chosen already is named as the search names it."""

    def formfield_for_foreignkey(self, db_field, request, **kwargs):
        champ = super().formfield_for_foreignkey(db_field, request, **kwargs)
        page = self.admin_site._registry.get(db_field.related_model)
        if (
            champ
            and db_field.name in self.get_autocomplete_fields(request)
            and hasattr(page, "libelle_de_choix")
        ):
            champ.label_from_instance = page.libelle_de_choix
        return champ


class LectureSeule:
    """Rows shown, never added, changed nor deleted, whatever the permissions say."""

    def has_add_permission(self, request: HttpRequest, obj=None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj=None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj=None) -> bool:
        return False


class SansObjet:
    """Mixin: what was saved is said in the town's words, see `enregistre`."""

    def message_user(self, request, message, *args, **options):
        super().message_user(request, enregistre(message), *args, **options)


class Tracee(SansObjet):
    """Every change made here leaves a trace: who, which row, which fields (names only, never values)."""

    def famille_de(self, objet):
        """The household the row is about, for the trace."""
        return None

    def _tracer(self, request: HttpRequest, action: str, objet, message) -> None:
        champs: list[str] = []
        for ligne in message if isinstance(message, list) else []:
            for detail in ligne.values():
                champs += [detail["name"]] if "name" in detail else []
                champs += detail.get("fields", [])
        tracer(request.user, action, objet, famille=self.famille_de(objet), champs=[str(c) for c in champs])

    def changelist_view(self, request, extra_context=None):
        reponse = super().changelist_view(request, extra_context)
        contexte = getattr(reponse, "context_data", None) or {}
        if "selection_note" in contexte:
            contexte["selection_note"] = f"Sélection{INSECABLE}: 0 sur {len(contexte['cl'].result_list)}"
        return reponse

    def log_addition(self, request, obj, message):
        self._tracer(request, "admin.ajouter", obj, message)
        return super().log_addition(request, obj, message)

    def log_change(self, request, obj, message):
        self._tracer(request, "admin.modifier", obj, message)
        return super().log_change(request, obj, message)

    def log_deletions(self, request, queryset):
        for objet in queryset:
            self._tracer(request, "admin.supprimer", objet, [])
        return super().log_deletions(request, queryset)


class CollectiviteForm(forms.ModelForm):
    class Meta:
        model = Collectivite
        fields = (
            "nom",
            "adresse",
            "code_postal",
            "ville",
            "courriel",
            "contact",
            "telephone",
            "telephone_secondaire",
            "site_url",
            "logo",
            "couleur_action",
            "couleur_bandeau",
            "couleur_accent",
            "zone",
            "alsace_moselle",
            "delai_attestation_jours",
            "conservation_demandes_jours",
        )
        widgets = {
            nom: forms.TextInput(attrs={"type": "color"})
            for nom in ("couleur_action", "couleur_bandeau", "couleur_accent")
        }

    def clean_logo(self):
        logo = self.cleaned_data["logo"].strip()
        # Shown through <img> and served in a sandbox: it cannot run anything; this only catches a wrong paste.
        if logo and ("<svg" not in logo[:500].lower() or not logo.lower().endswith("</svg>")):
            raise ValidationError(
                "Collez le texte entier d’un fichier SVG\N{NO-BREAK SPACE}: il commence par <svg et finit par </svg>."
            )
        return logo


@admin.register(Collectivite)
class CollectiviteAdmin(Tracee, admin.ModelAdmin):
    """One form: the list leads straight to it."""

    class Media:
        css = {"all": ("css/admin-collectivite.css",)}

    form = CollectiviteForm
    fieldsets = (
        (
            "La commune",
            {"fields": ("nom", "adresse", ("code_postal", "ville"), "courriel", "site_url")},
        ),
        ("Contact de la page de connexion", {"fields": ("contact", "telephone", "telephone_secondaire")}),
        ("Identité", {"fields": ("logo", "couleur_action", "couleur_bandeau", "couleur_accent")}),
        ("Calendrier et règles", {"fields": ("zone", "alsace_moselle", "delai_attestation_jours")}),
        ("Données personnelles", {"fields": ("conservation_demandes_jours",)}),
    )

    def has_add_permission(self, request) -> bool:
        return super().has_add_permission(request) and not Collectivite.objects.exists()

    def has_delete_permission(self, request, obj=None) -> bool:
        return False

    def changelist_view(self, request, extra_context=None) -> HttpResponse:
        if not self.has_view_or_change_permission(request):
            return super().changelist_view(request, extra_context)
        if Collectivite.objects.filter(pk=1).exists():
            return redirect(reverse("admin:socle_collectivite_change", args=[1]))
        return redirect(reverse("admin:socle_collectivite_add"))

    def save_model(self, request, obj, form, change) -> None:
        obj.pk = 1
        super().save_model(request, obj, form, change)
        Collectivite.oublier()


@admin.register(Trace)
class TraceAdmin(LectureSeule, admin.ModelAdmin):
    list_display = ("quand", "qui", "action", "objet_type", "famille")
    list_filter = ("action", "objet_type", "quand")
    search_fields = ("qui", "famille", "objet_id")
    date_hierarchy = "quand"
    show_full_result_count = False


@admin.register(Courriel)
class CourrielAdmin(LectureSeule, admin.ModelAdmin):
    list_display = ("cree_le", "objet", "destinataire", "etat", "essais", "envoye_le", "erreur")
    list_filter = ("etat", "cree_le")
    search_fields = ("objet", "destinataire", "cle")
    fields = (
        "objet",
        "destinataire",
        "texte_lisible",
        "etat",
        "cree_le",
        "prevu_le",
        "envoye_le",
        "essais",
        "reprises",
        "erreur",
    )
    show_full_result_count = False

    @admin.display(description="texte")
    def texte_lisible(self, courriel: Courriel) -> str:
        # The link opens the account: whoever reads the outbox must not be able to use it.
        if courriel.cle.startswith("mot-de-passe:"):
            return "Masqué\N{NO-BREAK SPACE}: ce courriel contient un lien personnel."
        return courriel.texte


@admin.register(Execution)
class ExecutionAdmin(LectureSeule, admin.ModelAdmin):
    list_display = ("tache", "debut", "fin", "reussie", "bilan")
    list_filter = ("tache", "reussie")
    show_full_result_count = False
