"""Children with their households, school and sheets."""

from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone

from enfants import rattachements
from enfants.admin.commun import ParStructure, limitee, structures_de
from enfants.admin.rattachement import LienTerminer
from enfants.models import (
    AnneeScolaire,
    Autorisations,
    Enfant,
    FicheSanitaire,
    PersonneAutorisee,
    Rattachement,
    Scolarite,
    Structure,
)
from portail.socle.admin import ChoixLisibles, SansObjet, Tracee
from portail.socle.periodes import PeriodesFormSet
from portail.socle.traces import tracer


class RattachementsFormSet(PeriodesFormSet):
    """One household holds a child through one Rattachement at a time."""

    cle = ("famille",)
    phrase = (
        "Deux rattachements de l’enfant à la même famille se chevauchent\N{NO-BREAK SPACE}: "
        "le second commence après le dernier jour du premier."
    )


class RattachementInline(LienTerminer, ChoixLisibles, admin.StackedInline):
    model = Rattachement
    formset = RattachementsFormSet
    extra = 0
    autocomplete_fields = ("famille",)
    fields = (("famille", "garde", "autorite_parentale"), ("du", "au"), "terminer")


class ScolariteInline(admin.TabularInline):
    model = Scolarite
    extra = 0

    def formfield_for_foreignkey(self, db_field, request, **kwargs):
        if db_field.name == "ecole":
            kwargs["queryset"] = Structure.objects.filter(genre=Structure.Genre.ECOLE)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)


class FicheSanitaireInline(admin.StackedInline):
    model = FicheSanitaire
    extra = 0
    fieldsets = (
        (None, {"fields": ("regime", "allergies", ("pai", "panier_repas"), ("lunettes", "appareils"))}),
        (None, {"fields": (("medecin", "telephone_medecin"), "vaccins_a_jour", "observations")}),
    )


class AutorisationsInline(admin.StackedInline):
    model = Autorisations
    extra = 0
    fields = (("droit_image", "sortie_seul", "soins_urgence", "transport", "baignade"),)


class PersonneAutoriseeInline(ChoixLisibles, admin.StackedInline):
    model = PersonneAutorisee
    extra = 0
    autocomplete_fields = ("famille",)
    fields = (
        "famille",
        ("civilite", "nom", "prenom", "lien"),
        ("telephone", "peut_venir_chercher", "a_prevenir"),
    )


@admin.register(Enfant)
class EnfantAdmin(Tracee, ParStructure):
    chemin = ""
    list_display = ("nom", "prenom", "naissance", "familles_affichees")
    list_display_links = ("nom", "prenom")
    search_fields = ("nom", "prenom", "familles__numero", "familles__responsables__nom")
    search_help_text = "Nom, prénom, n° famille"
    ordering = ("nom", "prenom", "naissance", "pk")
    inlines = (
        RattachementInline,
        ScolariteInline,
        FicheSanitaireInline,
        AutorisationsInline,
        PersonneAutoriseeInline,
    )
    fields = (("nom", "prenom"), ("sexe", "naissance", "lieu_naissance"))
    list_per_page = 50

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        lignes = super().get_queryset(request).prefetch_related("rattachements__famille__responsables")
        if limitee(request.user):
            siennes = structures_de(request.user)
            lignes = lignes.filter(
                Q(inscriptions__prestation__structure__in=siennes) | Q(scolarites__ecole__in=siennes)
            ).distinct()
        return lignes

    @staticmethod
    def libelle_de_choix(enfant: Enfant) -> str:
        accord = "née" if enfant.sexe == Enfant.Sexe.FILLE else "né"
        return f"{enfant}, {accord} le {enfant.naissance:%d/%m/%Y}"

    @admin.display(description="familles")
    def familles_affichees(self, enfant: Enfant) -> str:
        noms = []
        for r in enfant.rattachements.all():
            titulaire = r.famille.titulaire()
            noms.append(f"{titulaire or r.famille.numero}{' (terminé)' if r.au else ''}")
        return ", ".join(noms)

    def change_view(self, request, object_id, form_url="", extra_context=None):
        """Reading a health sheet is traced, here as in the family's pages."""
        if request.method == "GET" and request.user.has_perm("enfants.view_fichesanitaire"):
            fiche = (
                FicheSanitaire.objects.filter(enfant__pk=object_id).first() if _est_uuid(object_id) else None
            )
            if fiche is not None:
                tracer(request.user, "consultation", fiche, enfant=object_id)
        return super().change_view(request, object_id, form_url, extra_context)

    def save_model(self, request, obj, form, change):
        """The child's row is written once all that the end of a Rattachement touches is locked."""
        if change:
            rattachements.tenir(obj, timezone.localdate())
        super().save_model(request, obj, form, change)

    def save_related(self, request, form, formsets, change):
        """Ending a Rattachement cancels that household's bookings after it, in the same step, and lists them."""
        super().save_related(request, form, formsets, change)
        for rattachement in form.instance.rattachements.exclude(au=None):
            annulees = rattachements.suivre_la_fin(rattachement, request.user, timezone.now())
            if annulees:
                jours = ", ".join(f"{r.prestation.nom} le {r.jour:%d/%m/%Y}" for r in annulees)
                messages.warning(request, f"Réservations annulées avec le rattachement : {jours}.")


def _est_uuid(texte: str) -> bool:
    return len(texte) == 36 and all(c in "0123456789abcdef-" for c in texte)


@admin.register(AnneeScolaire)
class AnneeScolaireAdmin(SansObjet, admin.ModelAdmin):
    list_display = ("__str__", "debut", "fin")
