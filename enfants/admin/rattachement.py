"""Ending a Rattachement: one page that lists what it cancels, and asks to confirm."""

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html

from enfants import cloture, rattachements
from enfants.models import Enfant, Rattachement
from enfants.rattachements import FinImpossible


class LienTerminer:
    """Mixin of the inline of a child's page: a link to the page below."""

    readonly_fields = ("terminer",)

    @admin.display(description="fin")
    def terminer(self, rattachement: Rattachement) -> str:
        if not rattachement.pk or rattachement.au:
            return "–"
        adresse = reverse("rattachement_terminer", args=[rattachement.pk])
        return format_html('<a href="{}">Terminer…</a>', adresse)


class FinForm(forms.Form):
    """The last day. « Voir » shows what it cancels, « Confirmer » does it."""

    jour = forms.DateField(
        label="Dernier jour",
        widget=forms.DateInput({"type": "date"}, format="%Y-%m-%d"),
        help_text="Hier : la famille ne voit plus l’enfant dès sa prochaine page.",
    )

    def __init__(self, rattachement: Rattachement, aujourdhui, donnees=None):
        super().__init__(donnees, initial={"jour": rattachements.veille(aujourdhui)})
        self.rattachement, self.aujourdhui = rattachement, aujourdhui

    def clean_jour(self):
        jour = self.cleaned_data["jour"]
        rattachements.verifier(self.rattachement, jour, self.aujourdhui)
        return jour


def terminer(request: HttpRequest, numero: int) -> HttpResponse:
    """GET: the day and the bookings it cancels. POST: the same day confirmed."""
    if not request.user.has_perm("enfants.change_rattachement"):
        raise PermissionDenied
    visibles = admin.site.get_model_admin(Enfant).get_queryset(request).order_by().values("pk")
    rattachement = get_object_or_404(
        Rattachement.objects.filter(enfant__in=visibles).select_related("enfant", "famille"), pk=numero
    )
    maintenant, aujourdhui = timezone.now(), timezone.localdate()
    envoye = request.POST if request.method == "POST" else request.GET if "jour" in request.GET else None
    form = FinForm(rattachement, aujourdhui, envoye)
    jour = form.cleaned_data["jour"] if form.is_valid() else None
    if jour and request.method == "POST":
        try:
            annulees = rattachements.terminer(rattachement, jour, request.user, maintenant)
        except FinImpossible as refus:
            form.add_error("jour", refus)
        else:
            messages.success(
                request,
                f"Rattachement terminé le {jour:%d/%m/%Y}. Réservations annulées\N{NO-BREAK SPACE}: {len(annulees)}.",
            )
            return redirect(reverse("admin:enfants_enfant_change", args=[rattachement.enfant_id]))
    if envoye is None:
        jour = form.initial["jour"]
    lignes = list(rattachements.reservations_apres(rattachement, jour, aujourdhui)) if jour else []
    contexte = admin.site.each_context(request) | {
        "title": f"Terminer le rattachement de {rattachement.enfant}",
        "rattachement": rattachement,
        "form": form,
        "jour": jour,
        "lignes": lignes,
        "factures": cloture.avertir(lignes),
        "immediat": jour is not None and jour < aujourdhui,
    }
    return TemplateResponse(request, "admin/enfants/rattachement/terminer.html", contexte)
