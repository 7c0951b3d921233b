"""The agent's list of demandes, and the page of one."""

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.http import urlencode

from demandes.models import AChange, DejaTraitee, Demande
from demandes.textes import resume, titre
from enfants.agents import structures_de
from enfants.places_examen import COMPLET
from portail.socle.traces import tracer

from . import fiche
from .droits import demandes_de_l_agent, lisible, peut_traiter
from .filtres import Age, Genre, ParStructure, Situation
from .forms import DEPASSER, Decision
from .suite import file

FILTRES = "_changelist_filters"
EN_BREF = 90


@admin.register(Demande)
class DemandeAdmin(admin.ModelAdmin):
    list_display = ("quoi", "pour", "en_bref", "envoyee", "situation")
    list_display_links = ("quoi",)
    list_filter = (Situation, Genre, ParStructure, Age)
    search_fields = (
        "numero",
        "famille__numero",
        "famille__responsables__nom",
        "famille__responsables__prenom",
        "enfant__nom",
        "enfant__prenom",
    )
    search_help_text = "N° de la demande, n° famille, nom d’un parent ou d’un enfant"
    ordering = ("envoyee_le", "numero")
    actions = ("accepter_plusieurs",)
    list_per_page = 50
    change_list_template = "admin/demandes/liste.html"

    # --- who may ------------------------------------------------------------------------------------

    def has_view_permission(self, request, obj=None) -> bool:
        return peut_traiter(request.user)

    has_module_permission = has_view_permission
    has_change_permission = has_view_permission

    def has_add_permission(self, request) -> bool:
        return False

    def has_delete_permission(self, request, obj=None) -> bool:
        return False

    def lookup_allowed(self, lookup, value, request=None) -> bool:
        """Only the filters shown: `?donnees__iban__startswith=` would answer whoever may not read the bank."""
        return lookup in {filtre.parameter_name for filtre in self.list_filter}

    def get_queryset(self, request):
        return demandes_de_l_agent(request.user).avec_jours().prefetch_related("famille__responsables")

    # --- the list -----------------------------------------------------------------------------------

    def get_list_display(self, request):
        """What is to treat is « en cours », every line of it: the state is said elsewhere only."""
        a_traiter = Situation.parameter_name not in request.GET
        return [c for c in self.list_display if c != "situation" or not a_traiter]

    @admin.display(description="demande", ordering="numero")
    def quoi(self, demande: Demande) -> str:
        return format_html("{} <small>{}</small>", titre(demande), demande.numero)

    @admin.display(description="famille")
    def pour(self, demande: Demande) -> str:
        titulaire = demande.famille.titulaire()
        return str(titulaire) if titulaire else str(demande.famille)

    @admin.display(description="en bref")
    def en_bref(self, demande: Demande) -> str:
        return resume(demande, precise=not demande.permission)

    @admin.display(description="envoyée", ordering="envoyee_le")
    def envoyee(self, demande: Demande) -> str:
        return format_html(
            "{} ({})", f"{timezone.localtime(demande.envoyee_le):%d/%m/%Y}", fiche.age(demande.envoyee_le)
        )

    @admin.display(description="état")
    def situation(self, demande: Demande) -> str:
        return demande.etat_en_mots

    @admin.action(description="Accepter les demandes choisies")
    def accepter_plusieurs(self, request, queryset) -> None:
        """One verb each: what cannot be accepted blindly stays, and is named."""
        acceptees, laissees = 0, []
        structures = structures_de(request.user)
        for demande in queryset:
            if not demande.genre.en_masse or demande.permission:
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

    def get_urls(self):
        suivante = path(
            "suivante/", self.admin_site.admin_view(self.suivante), name="demandes_demande_suivante"
        )
        return [suivante, *super().get_urls()]

    def suivante(self, request: HttpRequest) -> HttpResponse:
        """Straight to the oldest one this agent can decide (`?type__exact=caf`… narrow it, as in the list)."""
        if not self.has_change_permission(request):
            raise PermissionDenied
        filtres = request.GET.urlencode()
        return redirect(self._ensuite(request, file(self, request, None, filtres).suivante, filtres))

    def _ensuite(self, request, suivante: Demande | None, filtres: str) -> str:
        """The page of that demande, or the list when nothing is left; the filters of the list are kept."""
        if suivante is None:
            liste = reverse("admin:demandes_demande_changelist")
            return f"{liste}?{filtres}" if filtres else liste
        page = reverse("admin:demandes_demande_change", args=[suivante.pk])
        return f"{page}?{urlencode({FILTRES: filtres})}" if filtres else page

    def change_view(self, request: HttpRequest, object_id, form_url="", extra_context=None) -> HttpResponse:
        demande = self.get_object(request, unquote(object_id))
        if demande is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        if not self.has_change_permission(request, demande):
            raise PermissionDenied
        permis = lisible(request.user, demande)
        decision = fiche.decision(demande, request.user, permis)
        if request.method == "POST":
            if not permis:
                raise PermissionDenied
            decision = fiche.decision(demande, request.user, permis, request.POST)
            if decision.is_valid() and (niveau_mot := self._decider(request, demande, decision)):
                filtres = request.GET.get(FILTRES, "")
                reste = file(self, request, demande, filtres)
                niveau, mot = niveau_mot
                messages.add_message(request, niveau, f"{mot} {restantes(reste.restantes)}")
                return redirect(self._ensuite(request, reste.suivante, filtres))
            demande = self.get_object(request, unquote(object_id))
            decision = fiche.reprendre(decision, demande, request.user)
        elif permis and demande.permission:
            tracer(request.user, demande.permission.split(".")[1], demande, famille=demande.famille)
        filtres = request.GET.get(FILTRES, "")
        reste = file(self, request, demande, filtres)
        contexte = fiche.contexte(request.user, demande, decision, permis) | {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "reste": reste,
            "suivante_url": self._ensuite(request, reste.suivante, filtres) if reste.suivante else "",
            "liste_url": self._ensuite(request, None, filtres),
        }
        return TemplateResponse(request, "admin/demandes/demande.html", contexte)

    @staticmethod
    def _decider(request, demande: Demande, decision: Decision) -> tuple[int, str] | None:
        """What to say once the page is done with; None: the sentence is on the form, what was typed stays."""
        try:
            decision.decider(demande, request.user, timezone.now())
        except DejaTraitee as erreur:
            return messages.WARNING, f"{demande.numero}\N{NO-BREAK SPACE}: {' '.join(erreur.messages)}"
        except AChange as erreur:
            decision.add_error(None, erreur)
        except ValidationError as erreur:
            if COMPLET in erreur.messages and request.user.has_perm(DEPASSER):
                decision.add_error("surnombre", f"{COMPLET} Pour accepter quand même, écrivez le motif.")
            else:
                decision.add_error(None, ValidationError(erreur.messages))
        else:
            mot = demande.etat_en_mots.lower()
            return messages.SUCCESS, f"Demande {demande.numero}\N{NO-BREAK SPACE}: {mot}."
        return None


def restantes(nombre: int) -> str:
    """How many are left in the agent's list, the one they are led to included."""
    if not nombre:
        return "Rien d’autre n’attend ici."
    return f"{nombre} restante{'s' if nombre > 1 else ''}."
