"""Filling the calendar of a school year from the official one, from the admin as from `manage.py calendrier`."""

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils import timezone

from enfants.calendrier_officiel import annee_manquante, remplir
from portail.socle.argent import INSECABLE
from portail.socle.dates import annee_scolaire, libelle_annee
from portail.socle.models import Collectivite

ANNEES = 3


class AnneeForm(forms.Form):
    """This school year or one of the next two."""

    annee = forms.TypedChoiceField(label="Année scolaire", coerce=int)

    def __init__(self, jour, donnees=None):
        super().__init__(donnees)
        debut = annee_scolaire(jour)
        annees = range(debut, debut + ANNEES)
        self.fields["annee"].choices = [(str(a), libelle_annee(a)) for a in annees]
        manquante = annee_manquante(jour)
        self.fields["annee"].initial = manquante[:4] if manquante else str(debut + 1)


def remplir_le_calendrier(request: HttpRequest) -> HttpResponse:
    """GET: which year, for which zone; POST: fill it, and say what was read twice."""
    if not request.user.has_perm("enfants.add_periodevacances"):
        raise PermissionDenied
    jour = timezone.localdate()
    form = AnneeForm(jour, request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        bilan = remplir(form.cleaned_data["annee"], 1)
        messages.success(
            request,
            f"Lignes ajoutées{INSECABLE}: {bilan.ajoutes}, corrigées{INSECABLE}: {bilan.corriges}, gardées telles que "
            f"vous les avez écrites{INSECABLE}: {bilan.gardes}.",
        )
        for remarque in bilan.remarques:
            messages.warning(request, remarque)
        return redirect("admin:enfants_periodevacances_changelist")
    contexte = admin.site.each_context(request) | {
        "title": "Remplir le calendrier",
        "form": form,
        "ville": Collectivite.actuelle(),
    }
    return TemplateResponse(request, "admin/enfants/periodevacances/remplir.html", contexte)
