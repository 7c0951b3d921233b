"""The inbox: three boxes, one conversation, a new message."""

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from familles.acces import famille_de, responsable_de
from messagerie import boites
from messagerie.boites import BOITES, Boite
from messagerie.envoi import Envoi, ouvrir, repondre
from messagerie.forms import NouveauForm, ObjetForm, PageForm, ReponseForm
from messagerie.models import Conversation

LIRE_ECRIRE = require_http_methods(["GET", "HEAD", "POST"])


@require_safe
def boite(request: HttpRequest, boite: Boite) -> HttpResponse:
    famille = famille_de(request)
    page, lignes = boites.page_de(boite, famille, request.user, PageForm(request.GET).numero())
    contexte = {
        "boites": BOITES,
        "boite": boite,
        "page": page,
        "lignes": lignes,
        "aujourdhui": timezone.localdate(),
    }
    return render(request, "messagerie/boite.html", contexte)


@LIRE_ECRIRE
def nouveau(request: HttpRequest) -> HttpResponse:
    famille = famille_de(request)
    initial = {"objet": ObjetForm(request.GET).objet_propose()}
    form = NouveauForm(request.POST or None, request.FILES or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        saisie = form.cleaned_data
        message = ouvrir(
            famille, saisie["structure"], saisie["objet"], envoi_de(request, form), timezone.now()
        )
        messages.success(request, "Message envoyé. La réponse arrivera dans vos messages reçus.")
        return redirect("conversation", pk=message.conversation_id)
    return render(request, "messagerie/nouveau.html", {"boites": BOITES, "boite": None, "form": form})


@LIRE_ECRIRE
def conversation(request: HttpRequest, pk, ecrire=repondre, sujet=None) -> HttpResponse:
    """`sujet`: what the conversation is about (a demande), which has its own verb `ecrire` for the answer."""
    famille = famille_de(request)
    trouvee = get_object_or_404(famille.conversations.select_related("structure"), pk=pk)
    action = request.POST.get("action")
    if action == "supprimer":
        boites.supprimer(trouvee, request.user)
        messages.success(
            request,
            "Message supprimé. Vous le retrouvez dans «\N{NO-BREAK SPACE}Supprimés\N{NO-BREAK SPACE}».",
        )
        return redirect("messagerie")
    if action == "restaurer":
        boites.restaurer(trouvee, request.user)
        messages.success(request, "Message restauré.")
        return redirect("conversation", pk=pk)
    form = ReponseForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        try:
            ecrire(trouvee, envoi_de(request, form), timezone.now())
        except ValidationError as refus:
            form.add_error("pieces", refus)  # the demande has all the documents it may have
        else:
            messages.success(request, "Réponse envoyée.")
            return redirect("conversation", pk=pk)
    return _montrer(request, trouvee, form, sujet)


def _montrer(request: HttpRequest, trouvee: Conversation, form: ReponseForm, sujet) -> HttpResponse:
    fil = list(trouvee.messages.prefetch_related("pieces__fichier"))
    if request.method == "GET" and fil:
        boites.marquer_lue(trouvee, request.user, fil[-1].envoye_le)
    contexte = {
        "boites": BOITES,
        "boite": None,
        "conversation": trouvee,
        "sujet": sujet,
        "fil": fil,
        "supprimee": boites.est_supprimee(trouvee, request.user),
        "form": form,
        "aujourdhui": timezone.localdate(),
    }
    return render(request, "messagerie/conversation.html", contexte)


def envoi_de(request: HttpRequest, form: ReponseForm) -> Envoi:
    """What a parent's form sends, signed with their name."""
    responsable = responsable_de(request)
    return Envoi(
        par=request.user,
        signature=f"{responsable.prenom} {responsable.nom}",
        texte=form.cleaned_data["texte"],
        pieces=form.cleaned_data.get("pieces", ()),
        jeton=form.cleaned_data["jeton"],
    )
