"""Agents read and answer: what waits for an answer first, within their structures."""

from collections import defaultdict

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Exists, OuterRef, Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone
from django.utils.html import format_html

from enfants import agents
from enfants.models import Prestation, Structure
from familles.models import Famille
from messagerie.envoi import Envoi, ouvrir, repondre
from messagerie.forms import GroupeForm, NouveauAgentForm, ReponseForm, destinataires
from messagerie.groupe import Cible, ecrire_a_toutes
from messagerie.groupe import familles_de as familles_de_la_cible
from messagerie.models import Conversation, Message


def structures_de(utilisateur) -> dict[str, Structure | None]:
    """In whose name this agent may write: their structures, or every one and the town's service."""
    affectees = agents.structures_de(utilisateur)
    if affectees is None:
        return destinataires(Structure.objects.all())
    return {str(s.pk): s for s in Structure.objects.filter(pk__in=affectees, archivee_le=None)}


def familles_de(utilisateur):
    """The households this agent may write to: those their structures welcome, or all of them."""
    familles = Famille.objects.filter(archivee_le=None)
    structures = agents.structures_de(utilisateur)
    if structures is None:
        return familles
    inscrites = familles.filter(inscriptions__prestation__structure__in=structures).values("pk")
    connues = familles.filter(conversations__structure__in=structures).values("pk")
    return familles.filter(Q(pk__in=inscrites) | Q(pk__in=connues))


def cibles_de(utilisateur) -> list[Cible]:
    """Whom this agent may write to all at once: their structures, each followed by its services."""
    structures = [s for s in structures_de(utilisateur).values() if s]
    services = Prestation.objects.filter(structure__in=structures).proposees(timezone.localdate())
    par_structure = defaultdict(list)
    for service in services.select_related("structure").order_by("ordre", "nom", "pk"):
        par_structure[service.structure_id].append(service)
    return [Cible(s, service) for s in structures for service in (None, *par_structure[s.pk])]


class AReponse(admin.BooleanFieldListFilter):
    """« Par réponse à donner »: the field's own words make no title."""

    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        self.title = "réponse à donner"


class FamilleAEcrit(admin.SimpleListFilter):
    """Without what was written to every family and got no answer."""

    title, parameter_name = "échange", "ecrit"

    def lookups(self, request, model_admin):
        return [("oui", "La famille a écrit")]

    def queryset(self, request, queryset):
        siens = Message.objects.filter(conversation=OuterRef("pk"), de_la_mairie=False)
        return queryset.filter(Exists(siens)) if self.value() == "oui" else queryset


@admin.register(Conversation)
class ConversationAdmin(admin.ModelAdmin):
    list_display = ("sujet", "de_famille", "interlocuteur", "etat", "dernier")
    list_filter = (
        ("attend_reponse", AReponse),
        FamilleAEcrit,
        ("structure", admin.RelatedOnlyFieldListFilter),
    )
    search_fields = ("objet", "famille__numero", "famille__responsables__nom")
    search_help_text = "Objet, n° famille ou nom d’un parent"
    ordering = ("-attend_reponse", "-dernier_le", "pk")
    list_per_page = 50
    actions = ("classer",)
    change_list_template = "messagerie/admin/liste.html"

    def get_queryset(self, request: HttpRequest):
        return (
            super()
            .get_queryset(request)
            .pour_agent(request.user)
            .select_related("famille", "structure")
            .prefetch_related("famille__responsables")
        )

    def changelist_view(self, request: HttpRequest, extra_context=None) -> HttpResponse:
        return super().changelist_view(request, {"title": "Conversations", **(extra_context or {})})

    def has_delete_permission(self, request: HttpRequest, obj=None) -> bool:
        return False

    @admin.display(description="objet", ordering="objet")
    def sujet(self, conversation: Conversation) -> str:
        if conversation.attend_reponse:
            return format_html("<strong>{}</strong>", conversation.objet)
        return conversation.objet

    @admin.display(description="famille", ordering="famille__numero")
    def de_famille(self, conversation: Conversation) -> str:
        return famille_affichee(conversation.famille)

    @admin.display(description="structure", ordering="structure__nom")
    def interlocuteur(self, conversation: Conversation) -> str:
        return conversation.interlocuteur

    @admin.display(description="état", ordering="attend_reponse")
    def etat(self, conversation: Conversation) -> str:
        return "À répondre" if conversation.attend_reponse else "—"

    @admin.display(description="dernier message", ordering="dernier_le")
    def dernier(self, conversation: Conversation):
        return conversation.dernier_le

    @admin.action(description="Classer sans réponse", permissions=["change"])
    def classer(self, request: HttpRequest, queryset) -> None:
        nombre = queryset.order_by().update(attend_reponse=False)
        pluriel = "s" if nombre > 1 else ""
        messages.success(request, f"{nombre} conversation{pluriel} classée{pluriel}.")

    def change_view(
        self, request: HttpRequest, object_id: str, form_url="", extra_context=None
    ) -> HttpResponse:
        conversation = self.get_object(request, object_id)
        if conversation is None:
            raise Http404
        if not self.has_view_permission(request, conversation):
            raise PermissionDenied
        peut_repondre = self.has_change_permission(request, conversation)
        form = ReponseForm(request.POST or None, request.FILES or None)
        if request.method == "POST":
            if not peut_repondre:
                raise PermissionDenied
            if form.is_valid():
                repondre(conversation, _envoi(request, form), timezone.now())
                self.log_change(request, conversation, "Réponse envoyée.")
                messages.success(request, "Réponse envoyée à la famille.")
                return redirect(_adresse(conversation))
        contexte = {
            "title": conversation.objet,
            "conversation": conversation,
            "famille": famille_affichee(conversation.famille),
            "fil": list(conversation.messages.select_related("auteur").prefetch_related("pieces__fichier")),
            "form": form,
            "peut_repondre": peut_repondre,
        }
        return self._page(request, "messagerie/admin/conversation.html", contexte)

    def add_view(self, request: HttpRequest, form_url="", extra_context=None) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = NouveauAgentForm(
            request.POST or None,
            request.FILES or None,
            initial={"famille": request.GET.get("famille", "")[:13]},
            familles=familles_de(request.user),
            structures=structures_de(request.user),
        )
        if request.method == "POST" and form.is_valid():
            saisie = form.cleaned_data
            message = ouvrir(
                saisie["famille"], saisie["structure"], saisie["objet"], _envoi(request, form), timezone.now()
            )
            self.log_addition(request, message.conversation, "Message envoyé.")
            messages.success(request, "Message envoyé à la famille.")
            return redirect(_adresse(message.conversation))
        return self._page(
            request, "messagerie/admin/nouveau.html", {"title": "Écrire à une famille", "form": form}
        )

    def get_urls(self) -> list:
        vue = self.admin_site.admin_view(self.groupe_view)
        return [path("groupe/", vue, name="messagerie_conversation_groupe"), *super().get_urls()]

    def groupe_view(self, request: HttpRequest) -> HttpResponse:
        """One message to every family of a structure: how many is said first, sent only if it is still as many."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = GroupeForm(request.POST or None, cibles=cibles_de(request.user))
        contexte = {"title": "Écrire à toutes les familles d’une structure", "form": form, "nombre": None}
        if request.method == "POST" and form.is_valid():
            cible = form.cleaned_data["cible"]
            familles = familles_de_la_cible(cible, timezone.localdate())
            familles = list(familles.prefetch_related("responsables"))
            vu = f"{cible.cle}:{len(familles)}"
            if familles and request.POST.get("envoyer") == vu:
                return self._envoyer_a_toutes(request, form, familles)
            muettes = sum(not f.adresses_courriel() for f in familles)
            contexte |= {"nombre": len(familles), "cible": cible, "muettes": muettes, "vu": vu}
        return self._page(request, "messagerie/admin/groupe.html", contexte)

    def _envoyer_a_toutes(self, request: HttpRequest, form: GroupeForm, familles: list[Famille]):
        saisie = form.cleaned_data
        faite = ecrire_a_toutes(
            saisie["cible"], familles, saisie["objet"], _envoi(request, form), timezone.now()
        )
        pluriel = "s" if len(familles) > 1 else ""
        if faite:
            messages.success(request, f"Message envoyé à {len(familles)} famille{pluriel}.")
        else:
            messages.info(request, "Ce message était déjà envoyé.")
        return redirect("admin:messagerie_conversation_changelist")

    def _page(self, request: HttpRequest, gabarit: str, contexte: dict) -> TemplateResponse:
        request.current_app = self.admin_site.name
        return TemplateResponse(
            request, gabarit, {**self.admin_site.each_context(request), "opts": self.opts, **contexte}
        )


def famille_affichee(famille: Famille) -> str:
    """« DUPONT Jean (1001001818331) »."""
    titulaire = famille.titulaire()
    return f"{titulaire.payeur_affiche if titulaire else 'Sans titulaire'} ({famille.numero})"


def _adresse(conversation: Conversation) -> str:
    return reverse("admin:messagerie_conversation_change", args=[conversation.pk])


def _envoi(request: HttpRequest, form: ReponseForm) -> Envoi:
    return Envoi(
        par=request.user,
        texte=form.cleaned_data["texte"],
        pieces=form.cleaned_data.get("pieces", ()),
        de_la_mairie=True,
        jeton=form.cleaned_data["jeton"],
    )
