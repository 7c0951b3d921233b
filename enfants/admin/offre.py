"""The offer: structures, services with what a parent will see, limits, exclusive groups."""

from django import forms
from django.contrib import admin
from django.utils import timezone
from django.utils.html import format_html

from enfants import regles, semaine
from enfants.admin.commun import JoursField, NiveauxField, ParStructure
from enfants.models import AffectationAgent, GroupeExclusif, Limite, Prestation, Structure
from portail.socle.admin import Tracee

ICONES = (
    ("ballon", "Ballon"),
    ("sac", "Sac à dos"),
    ("soleil-levant", "Soleil levant"),
    ("couverts", "Couverts"),
    ("crayon", "Crayon"),
    ("plante", "Plante"),
    ("calendrier", "Calendrier"),
)


class AffectationInline(admin.TabularInline):
    model = AffectationAgent
    extra = 0
    autocomplete_fields = ("utilisateur",)


@admin.register(Structure)
class StructureAdmin(Tracee, ParStructure):
    chemin = "pk"
    list_display = ("nom", "genre", "telephone", "recoit_messages", "archivee_le")
    list_filter = ("genre",)
    search_fields = ("nom",)
    inlines = (AffectationInline,)

    def has_delete_permission(self, request, obj=None) -> bool:
        return False  # archived, never deleted


class LimiteForm(forms.ModelForm):
    class Meta:
        model = Limite
        fields = ("nom", "genre", "nombre", "compte", "jour_semaine", "jour_mois", "heure", "avance_si_ferie")


@admin.register(Limite)
class LimiteAdmin(Tracee, admin.ModelAdmin):
    form = LimiteForm
    list_display = ("nom", "phrase")
    search_fields = ("nom",)
    readonly_fields = ("phrase",)
    fieldsets = (
        (None, {"fields": ("nom", "genre", "nombre", "heure", "phrase")}),
        ("Selon le genre", {"fields": ("compte", "jour_semaine", "jour_mois", "avance_si_ferie")}),
    )

    @admin.display(description="ce qu’un parent verra")
    def phrase(self, limite: Limite) -> str:
        return regles.phrase_limite(limite) if limite.pk else "–"


class PrestationForm(forms.ModelForm):
    jours = JoursField(label="Jours de la semaine")
    niveaux = NiveauxField(label="Niveaux scolaires admis", help_text="Aucun coché : tous.")
    icone = forms.ChoiceField(label="Pictogramme", choices=ICONES)

    class Meta:
        model = Prestation
        fields = (
            "structure",
            "nom",
            "icone",
            "ordre",
            "jours",
            "periode_scolaire",
            "petites_vacances",
            "grandes_vacances",
            "heure_debut",
            "heure_fin",
            "age_min",
            "age_max",
            "niveaux",
            "limite_reservation",
            "limite_annulation",
            "hors_delai",
            "absence_hors_delai",
            "ouverture",
            "ouverture_hors_commune",
            "fermeture",
            "validation",
            "liste_attente",
            "archivee_le",
        )

    def clean(self):
        valeurs = super().clean()
        periodes = ("periode_scolaire", "petites_vacances", "grandes_vacances")
        if not any(valeurs.get(nom) for nom in periodes):
            self.add_error("periode_scolaire", "Choisissez au moins une période.")
        age_min, age_max = valeurs.get("age_min"), valeurs.get("age_max")
        if age_min is not None and age_max is not None and age_max < age_min:
            self.add_error("age_max", "L’âge maximum ne peut pas être inférieur à l’âge minimum.")
        ouverture, fermeture = valeurs.get("ouverture"), valeurs.get("fermeture")
        if ouverture and fermeture and fermeture <= ouverture:
            self.add_error("fermeture", "La fermeture des réservations doit suivre leur ouverture.")
        return valeurs


def ce_qu_un_parent_verra(prestation: Prestation) -> str:
    """One line: days, periods, hours, limits, what happens after, who decides."""
    periodes = [
        mots
        for oui, mots in (
            (prestation.periode_scolaire, "période scolaire"),
            (prestation.petites_vacances, "petites vacances"),
            (prestation.grandes_vacances, "grandes vacances"),
        )
        if oui
    ]
    horaires = (
        f"de {regles.heure_en_mots(prestation.heure_debut)} à {regles.heure_en_mots(prestation.heure_fin)}"
    )
    morceaux = [
        f"{semaine.en_mots(prestation.jours).capitalize()}, {horaires} ({', '.join(periodes)}).",
        regles.phrase_limite(prestation.limite_reservation) + ".",
        f"Passé ce délai : {prestation.get_hors_delai_display()[0].lower()}"
        f"{prestation.get_hors_delai_display()[1:]}.",
        regles.phrase_limite(prestation.limite_annulation, "Absence sans frais") + ".",
    ]
    if prestation.validation == Prestation.Validation.MAIRIE:
        morceaux.append("Chaque demande est décidée par la mairie.")
    else:
        morceaux.append("Réservé dès l’envoi, s’il reste une place.")
    if prestation.liste_attente:
        morceaux.append("Complet : liste d’attente.")
    return " ".join(morceaux).replace(" :", "\N{NO-BREAK SPACE}:")


@admin.register(Prestation)
class PrestationAdmin(Tracee, ParStructure):
    form = PrestationForm
    list_display = ("nom", "structure", "jours_en_mots", "validation", "limite_reservation", "archivee_le")
    list_filter = ("structure", "validation")
    list_select_related = ("structure", "limite_reservation")
    search_fields = ("nom", "structure__nom")
    readonly_fields = ("apercu",)
    save_as = True
    actions = ("archiver",)
    fieldsets = (
        (None, {"fields": (("structure", "nom"), ("icone", "ordre"), "apercu")}),
        (
            "Quand",
            {
                "fields": (
                    "jours",
                    ("periode_scolaire", "petites_vacances", "grandes_vacances"),
                    ("heure_debut", "heure_fin"),
                )
            },
        ),
        ("Pour qui", {"fields": (("age_min", "age_max"), "niveaux")}),
        (
            "Réserver et annuler",
            {
                "fields": (
                    ("limite_reservation", "hors_delai"),
                    ("limite_annulation", "absence_hors_delai"),
                    ("validation", "liste_attente"),
                    "ouverture",
                    "ouverture_hors_commune",
                    "fermeture",
                )
            },
        ),
        ("Archives", {"fields": ("archivee_le",)}),
    )

    class Media:
        css = {"all": ["css/enfants-admin.css"]}

    @admin.display(description="jours")
    def jours_en_mots(self, prestation: Prestation) -> str:
        return semaine.en_mots(prestation.jours)

    @admin.display(description="ce qu’un parent verra")
    def apercu(self, prestation: Prestation) -> str:
        if not prestation.pk:
            return "Enregistrez pour voir la phrase."
        return format_html("<strong>{}</strong>", ce_qu_un_parent_verra(prestation))

    @admin.action(description="Archiver les prestations choisies", permissions=["change"])
    def archiver(self, request, queryset):
        nombre = queryset.filter(archivee_le=None).update(archivee_le=timezone.localdate())
        self.message_user(request, f"Prestations archivées : {nombre}.")

    def has_delete_permission(self, request, obj=None) -> bool:
        return False  # archived, never deleted: invoices name it


@admin.register(GroupeExclusif)
class GroupeExclusifAdmin(Tracee, ParStructure):
    chemin = ""
    list_display = ("nom", "membres")
    filter_horizontal = ("prestations",)

    @admin.display(description="au plus une par jour")
    def membres(self, groupe: GroupeExclusif) -> str:
        return ", ".join(p.nom for p in groupe.prestations.all())

    def get_queryset(self, request):
        return super().get_queryset(request).prefetch_related("prestations")
