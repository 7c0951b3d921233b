"""The town's side: what waits first, oldest first. Every decision is a verb of Demande."""

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html

from demandes.admin_forms import Decision, jours_ouverts
from demandes.models import ACCEPTEES, EN_COURS, AChange, DejaTraitee, Demande, Etat
from demandes.textes import avant_apres, resume, titre
from enfants.agents import structures_de
from enfants.models import Structure
from familles.models import Famille
from portail.socle.traces import tracer


def demandes_de_l_agent(agent):
    """Demandes this agent may treat."""
    structures = structures_de(agent)
    return Demande.objects.all() if structures is None else Demande.objects.pour_structures(structures)


def peut_traiter(agent) -> bool:
    return agent.is_active and agent.is_staff and agent.has_perm("demandes.traiter_demande")


class Situation(admin.SimpleListFilter):
    """What waits for the town is what one sees first."""

    title = "situation"
    parameter_name = "situation"

    def lookups(self, request, model_admin):
        return (
            ("cours", "En cours (avec les compléments et les listes d’attente)"),
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
            "acceptees": ACCEPTEES,
            "refusees": [Etat.REFUSEE],
            "retirees": [Etat.RETIREE],
        }
        if self.value() in etats:
            return queryset.filter(etat__in=etats[self.value()])
        return queryset if self.value() == "toutes" else queryset.a_traiter()


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


@admin.register(Demande)
class DemandeAdmin(admin.ModelAdmin):
    list_display = ("numero", "quoi", "pour", "en_bref", "envoyee", "situation")
    list_filter = (Situation, "type", ParStructure)
    search_fields = ("numero", "famille__numero", "famille__responsables__nom")
    date_hierarchy = "envoyee_le"
    ordering = ("envoyee_le", "numero")
    actions = ("accepter_plusieurs",)
    list_per_page = 50

    # --- who may ------------------------------------------------------------------------------------

    def has_view_permission(self, request, obj=None) -> bool:
        return peut_traiter(request.user)

    has_module_permission = has_view_permission
    has_change_permission = has_view_permission

    def has_add_permission(self, request) -> bool:
        return False

    def has_delete_permission(self, request, obj=None) -> bool:
        return False

    def get_queryset(self, request):
        return demandes_de_l_agent(request.user).avec_jours().prefetch_related("famille__responsables")

    # --- the list -----------------------------------------------------------------------------------

    @admin.display(description="demande")
    def quoi(self, demande: Demande) -> str:
        return titre(demande)

    @admin.display(description="famille")
    def pour(self, demande: Demande) -> str:
        titulaire = demande.famille.titulaire()
        return str(titulaire) if titulaire else str(demande.famille)

    @admin.display(description="en bref")
    def en_bref(self, demande: Demande) -> str:
        enfant = (
            f"{demande.enfant.prenom}\N{NO-BREAK SPACE}: "
            if demande.enfant and not demande.genre.planning
            else ""
        )
        return enfant + resume(demande, precise=not demande.permission)

    @admin.display(description="envoyée", ordering="envoyee_le")
    def envoyee(self, demande: Demande) -> str:
        jours = (timezone.localdate() - timezone.localdate(demande.envoyee_le)).days
        age = {0: "aujourd’hui", 1: "hier"}.get(jours, f"il y a {jours} jours")
        return format_html("{} ({})", f"{timezone.localtime(demande.envoyee_le):%d/%m/%Y}", age)

    @admin.display(description="état")
    def situation(self, demande: Demande) -> str:
        return demande.etat_en_mots

    @admin.action(description="Accepter les demandes choisies")
    def accepter_plusieurs(self, request, queryset) -> None:
        """One verb each: what cannot be accepted blindly stays, and is named."""
        acceptees, laissees = 0, []
        structures = structures_de(request.user)
        for demande in queryset:
            if not demande.genre.en_masse or not self.lisible(request, demande):
                laissees.append(f"{demande.numero} (à ouvrir une par une)")
                continue
            parmi = None if structures is None else Decision(demande=demande, structures=structures).parmi
            try:
                demande.accepter(request.user, timezone.now(), parmi=parmi)
                acceptees += 1
            except ValidationError as erreur:
                laissees.append(f"{demande.numero} ({' '.join(erreur.messages)})")
        if acceptees:
            pluriel = "s" if acceptees > 1 else ""
            messages.success(request, f"{acceptees} demande{pluriel} acceptée{pluriel}.")
        if laissees:
            messages.warning(request, f"À voir une par une\N{NO-BREAK SPACE}: {', '.join(laissees)}")

    def changelist_view(self, request, extra_context=None):
        return super().changelist_view(request, {"title": "Demandes"} | (extra_context or {}))

    # --- one demande --------------------------------------------------------------------------------

    def lisible(self, request, demande: Demande) -> bool:
        """Health and bank details are for those who need them."""
        return not demande.permission or request.user.has_perm(demande.permission)

    def change_view(self, request: HttpRequest, object_id, form_url="", extra_context=None) -> HttpResponse:
        demande = self.get_object(request, unquote(object_id))
        if demande is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        if not self.has_change_permission(request, demande):
            raise PermissionDenied
        lisible = self.lisible(request, demande)
        structures = structures_de(request.user)
        decision = Decision(
            demande=demande, structures=structures, initial={"vu": self._vu(demande, lisible)}
        )
        if request.method == "POST":
            if not lisible:
                raise PermissionDenied
            decision = Decision(request.POST, demande=demande, structures=structures)
            if decision.is_valid() and self._decider(request, demande, decision):
                return redirect(reverse("admin:demandes_demande_changelist"))
            demande = self.get_object(request, unquote(object_id))
            decision.data = decision.data.copy()
            decision.data["vu"] = self._vu(demande, lisible)
        elif lisible and demande.permission:
            tracer(request.user, demande.permission.split(".")[1], demande, famille=demande.famille)
        return TemplateResponse(
            request, "admin/demandes/demande.html", self._contexte(request, demande, decision, lisible)
        )

    @staticmethod
    def _vu(demande: Demande, lisible: bool) -> str:
        if demande.genre.planning or not lisible:
            return ""
        return demande.formulaire(timezone.localdate()).empreinte()

    @staticmethod
    def _decider(request, demande: Demande, decision: Decision) -> bool:
        """Whether the page is done with; otherwise the sentence is on the form, what was typed stays."""
        try:
            decision.decider(demande, request.user, timezone.now())
        except DejaTraitee as erreur:
            messages.warning(request, " ".join(erreur.messages))
            return True
        except AChange as erreur:
            decision.add_error(None, erreur)
        except ValidationError as erreur:
            decision.add_error(None, ValidationError(erreur.messages))
        else:
            messages.success(
                request, f"Demande {demande.numero}\N{NO-BREAK SPACE}: {demande.etat_en_mots.lower()}."
            )
            return True
        return False

    def _contexte(self, request, demande: Demande, decision: Decision, lisible: bool) -> dict:
        lignes = []
        if lisible and not demande.genre.planning:
            formulaire = demande.formulaire(timezone.localdate())
            actuelles = formulaire.valeurs if demande.est_en_cours else None
            lignes = avant_apres(formulaire, demande.avant, demande.donnees, actuelles, en_clair=True)
        famille = None
        if self.admin_site.is_registered(Famille):
            famille = reverse("admin:familles_famille_change", args=[demande.famille_id])
        choisis = {str(v) for v in decision["jours"].value() or []}
        return {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": f"{titre(demande)}\N{NO-BREAK SPACE}: demande {demande.numero}",
            "subtitle": None,
            "demande": demande,
            "decision": decision,
            "lisible": lisible,
            "en_cours": demande.est_en_cours,
            "lignes": lignes,
            "a_change": any(ligne.a_change for ligne in lignes),
            "jours": [
                (j, j.reservation_id in decision.parmi, str(j.reservation_id) in choisis)
                for j in demande.jours.all()
            ],
            "reste": bool(jours_ouverts(demande)),
            "raison": demande.genre.texte(demande.donnees) if demande.type == "absences" and lisible else "",
            "famille_url": famille,
            "evenements": demande.evenements.select_related("par"),
            "autres": demandes_de_l_agent(request.user)
            .filter(famille=demande.famille)
            .exclude(pk=demande.pk)
            .order_by("-envoyee_le")[:5],
            "semblables": decision.fields["existant"].queryset,
        }
