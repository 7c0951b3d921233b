"""The offer: structures, services with what a parent will see, limits, exclusive groups."""

from datetime import timedelta

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.template.loader import render_to_string
from django.utils import timezone

from enfants import apercu, archives, semaine
from enfants.admin.apercu import AvecApercu, FormulaireAvecApercu
from enfants.admin.commun import JoursField, NiveauxField, ParStructure
from enfants.admin.fin_d_annee import choisir
from enfants.calendrier import calendrier_du
from enfants.models import AffectationAgent, GroupeExclusif, Prestation, Structure
from portail.socle.admin import Tracee
from portail.socle.argent import INSECABLE
from portail.socle.models import Collectivite

ICONES = (
    ("ballon", "Ballon"),
    ("sac", "Sac à dos"),
    ("soleil-levant", "Soleil levant"),
    ("horloge", "Horloge"),
    ("couverts", "Couverts"),
    ("crayon", "Crayon"),
    ("plante", "Plante"),
    ("calendrier", "Calendrier"),
)


class EnServiceFilter(admin.SimpleListFilter):
    """What families may book, unless asked otherwise."""

    title, parameter_name = "état", "etat"

    def lookups(self, request, model_admin):
        return [("archivees", "Archivées"), ("toutes", "Toutes")]

    def choices(self, changelist):
        tous, *autres = super().choices(changelist)
        return [tous | {"display": "En service"}, *autres]

    def queryset(self, request, queryset):
        jour = timezone.localdate()
        if self.value() == "archivees":
            return queryset.filter(archivee_le__lte=jour)
        return queryset if self.value() == "toutes" else queryset.proposees(jour)


class StructureForm(forms.ModelForm):
    class Meta:
        model = Structure
        fields = (
            "nom",
            "genre",
            "adresse",
            "telephone",
            "courriel",
            "recoit_messages",
            "ordre",
            "archivee_le",
        )

    def clean_archivee_le(self):
        """Its services first: they say what they cancel."""
        jour = self.cleaned_data["archivee_le"]
        restent = Prestation.objects.filter(structure=self.instance.pk).proposees(jour) if jour else ()
        if restent:
            noms = ", ".join(p.nom for p in restent)
            raise forms.ValidationError(f"Archivez d’abord ses prestations\N{NO-BREAK SPACE}: {noms}.")
        return jour


class AffectationInline(admin.TabularInline):
    model = AffectationAgent
    extra = 0
    autocomplete_fields = ("utilisateur",)


@admin.register(Structure)
class StructureAdmin(Tracee, ParStructure):
    chemin = "pk"
    form = StructureForm
    list_display = ("nom", "genre", "telephone", "recoit_messages", "archivee_le")
    list_filter = ("genre",)
    search_fields = ("nom",)
    inlines = (AffectationInline,)

    def has_delete_permission(self, request, obj=None) -> bool:
        return False  # archived, never deleted


class PrestationForm(FormulaireAvecApercu):
    jours = JoursField(label="Jours de la semaine")
    niveaux = NiveauxField(label="Niveaux scolaires admis", help_text="Aucun coché\N{NO-BREAK SPACE}: tous.")
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
            "debut",
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
        )
        labels = {
            "limite_reservation": "Dernier moment pour réserver",
            "limite_annulation": "Dernier moment pour annuler sans frais",
            "hors_delai": "Une demande arrive après",
            "absence_hors_delai": "Une absence arrive après",
            "validation": "Qui accepte les demandes",
            "liste_attente": "Liste d’attente quand c’est complet",
        }
        help_texts = {
            "ordre": "Le plus petit d’abord dans le planning.",
            "age_min": "Âge le jour du service.",
            "hors_delai": "Le prix majoré se saisit avec les tarifs.",
            "validation": "Automatique\N{NO-BREAK SPACE}: réservé dès l’envoi, s’il reste une place.",
        }

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


NECESSAIRES = ("nom", "jours", "heure_debut", "heure_fin", "limite_reservation_id", "limite_annulation_id")


def panneau(prestation: Prestation) -> str:
    """« Ce qu’un parent verra », from the row as typed; what is missing when it cannot be shown."""
    if not all(getattr(prestation, nom) for nom in NECESSAIRES):
        return "Remplissez le nom, les jours, les heures et les deux limites, puis «\N{NO-BREAK SPACE}Voir ce que ça donne\N{NO-BREAK SPACE}»."
    jour = timezone.localdate()
    vu = apercu.apercu(
        prestation,
        calendrier_du(jour, jour + timedelta(150)),
        jour,
        Collectivite.actuelle().delai_attestation_jours,
    )
    return render_to_string("admin/enfants/prestation/apercu.html", {"vu": vu, "prestation": prestation})


@admin.register(Prestation)
class PrestationAdmin(Tracee, ParStructure, AvecApercu):
    form = PrestationForm
    list_display = (
        "intitule",
        "structure",
        "jours_en_mots",
        "validation",
        "limite_reservation",
        "debut",
        "archivee_le",
    )
    list_filter = (EnServiceFilter, "structure", "validation")
    list_select_related = ("structure", "limite_reservation")
    search_fields = ("nom", "structure__nom")
    readonly_fields = ("panneau", "archivee_le", "liens")
    actions = ("dupliquer", "archiver", "remettre_en_service")
    fieldsets = (
        ("Ce qu’un parent verra", {"fields": ("panneau",)}),
        ("La prestation", {"fields": (("structure", "nom"), ("icone", "ordre"), "liens")}),
        (
            "Quand",
            {
                "fields": (
                    "jours",
                    ("periode_scolaire", "petites_vacances", "grandes_vacances"),
                    ("heure_debut", "heure_fin"),
                    ("debut", "archivee_le"),
                )
            },
        ),
        ("Pour qui", {"fields": (("age_min", "age_max"), "niveaux")}),
        ("Réserver", {"fields": (("limite_reservation", "hors_delai"), ("validation", "liste_attente"))}),
        ("Annuler", {"fields": (("limite_annulation", "absence_hors_delai"),)}),
        (
            "Dates d’ouverture des réservations",
            {
                "fields": ("ouverture", "ouverture_hors_commune", "fermeture"),
                "description": "Vides\N{NO-BREAK SPACE}: on peut réserver toute l’année.",
            },
        ),
    )

    class Media:
        css = {"all": ["css/galets.css", "css/enfants-admin.css"]}

    def save_model(self, request, obj, form, change):
        super().save_model(request, obj, form, change)
        if "hors_delai" in form.changed_data and obj.hors_delai == Prestation.HorsDelai.MAJORATION:
            messages.warning(
                request,
                f"{obj.nom}{INSECABLE}: vérifiez que son tarif a un supplément pour réservation tardive. Sans lui, une "
                "demande arrivée après la limite est acceptée au prix ordinaire.",
            )

    @admin.display(description="nom", ordering="nom")
    def intitule(self, prestation: Prestation) -> str:
        return prestation.nom_date

    @admin.display(description="jours", ordering="jours")
    def jours_en_mots(self, prestation: Prestation) -> str:
        return " ".join(f"{nom[:3]}." for n, nom in enumerate(semaine.NOMS) if prestation.jours >> n & 1)

    @admin.display(description="aperçu")
    def panneau(self, prestation: Prestation) -> str:
        return panneau(prestation)

    @admin.display(description="places et exclusions")
    def liens(self, prestation: Prestation) -> str:
        if not prestation.pk:
            return "Après l’enregistrement, ajoutez-la à une jauge (places) et à ses groupes exclusifs."
        jauges = ", ".join(
            f"{j.libelle} ({j.capacite} places)" for j in prestation.jauges.order_by("libelle")
        )
        groupes = ", ".join(g.nom for g in prestation.groupes_exclusifs.order_by("nom"))
        return (
            f"Places\N{NO-BREAK SPACE}: {jauges or 'sans limite'}. "
            f"Exclusions\N{NO-BREAK SPACE}: {groupes or 'aucune'}."
        )

    @admin.action(description="Dupliquer pour l’année suivante…", permissions=["change"])
    def dupliquer(self, request, queryset):
        return choisir(request, queryset, "prestations_dupliquer")

    @admin.action(description="Archiver les prestations choisies…", permissions=["change"])
    def archiver(self, request, queryset):
        return choisir(request, queryset, "prestations_archiver")

    @admin.action(description="Remettre en service", permissions=["change"])
    def remettre_en_service(self, request, queryset):
        for prestation in queryset.exclude(archivee_le=None):
            try:
                archives.remettre(prestation, request.user)
            except ValidationError as refus:
                messages.error(request, f"{prestation.nom}\N{NO-BREAK SPACE}: {' '.join(refus.messages)}")
                continue
            messages.success(
                request, f"{prestation.nom} est de nouveau en service. Ses inscriptions restent closes."
            )

    def has_delete_permission(self, request, obj=None) -> bool:
        return False  # archived, never deleted: invoices name it


class GroupeExclusifForm(forms.ModelForm):
    class Meta:
        model = GroupeExclusif
        fields = ("nom", "prestations")

    def clean_prestations(self):
        """This year's service and next year's of the same name are one."""
        choisies = self.cleaned_data["prestations"]
        if len({(p.structure_id, p.nom) for p in choisies}) < 2:
            raise forms.ValidationError(
                "Choisissez au moins deux prestations\N{NO-BREAK SPACE}: l’enfant n’en aura qu’une par jour."
            )
        return choisies


@admin.register(GroupeExclusif)
class GroupeExclusifAdmin(Tracee, ParStructure):
    chemin = ""
    form = GroupeExclusifForm
    list_display = ("nom", "membres")

    class Media:
        css = {"all": ["css/enfants-admin.css"]}

    @admin.display(description="au plus une par jour")
    def membres(self, groupe: GroupeExclusif) -> str:
        return f"{INSECABLE}; ".join(p.nom_date for p in groupe.prestations.all())

    def get_queryset(self, request):
        return super().get_queryset(request).prefetch_related("prestations")
