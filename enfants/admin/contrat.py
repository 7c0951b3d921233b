"""The page of a crèche contract: leave allowance, leave to put, hours of the weeks."""

from datetime import timedelta

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.utils import timezone

from enfants import avis, contrat, places
from enfants.models import Etat, Inscription, Reservation
from enfants.planning_case import duree_en_mots
from portail.socle.argent import INSECABLE

SEMAINES = timedelta(weeks=8)
DATE = forms.DateInput({"type": "date"}, format="%Y-%m-%d")


class CongeForm(forms.Form):
    """A period of leave, from today on: past days may be invoiced."""

    du = forms.DateField(label="Du", widget=DATE)
    au = forms.DateField(label="Au", widget=DATE)
    au_dela = forms.BooleanField(label="Accorder aussi les jours au-delà du contrat", required=False)

    def __init__(self, inscription: Inscription, aujourdhui, donnees=None):
        super().__init__(donnees)
        self.inscription, self.aujourdhui = inscription, aujourdhui

    def clean_du(self):
        du = self.cleaned_data["du"]
        if du < self.aujourdhui:
            raise forms.ValidationError("Un congé se pose à partir d’aujourd’hui.")
        return du

    def clean(self):
        valeurs = super().clean()
        du, au = valeurs.get("du"), valeurs.get("au")
        if not du or not au:
            return valeurs
        if au < du:
            self.add_error("au", "La fin ne peut pas précéder le début.")
            return valeurs
        nombre = len(contrat.a_poser(self.inscription, du, au))
        restants = contrat.conges_de(self.inscription).restants
        if not nombre:
            self.add_error("du", "Aucun jour réservé sur cette période.")
        elif restants is not None and nombre > restants and not valeurs.get("au_dela"):
            self.add_error(
                "au_dela",
                f"Jours réservés de cette période{INSECABLE}: {nombre}. Restants au contrat{INSECABLE}: {max(restants, 0)}. "
                "Raccourcissez-la, ou cochez pour les accorder.",
            )
        return valeurs


class RendreForm(forms.Form):
    """One leave to give back."""

    rendre = forms.ModelChoiceField(queryset=None)

    def __init__(self, inscription: Inscription, aujourdhui, donnees):
        super().__init__(donnees)
        self.fields["rendre"].queryset = Reservation.objects.filter(
            inscription=inscription, etat=Etat.CONGE, jour__gte=aujourdhui
        )


def contrat_de_creche(request: HttpRequest, numero: int) -> HttpResponse:
    """GET: the account; POST: put a leave, or give a day back."""
    if not request.user.has_perm("enfants.change_inscription"):
        raise PermissionDenied
    visibles = admin.site.get_model_admin(Inscription).get_queryset(request)
    inscription = get_object_or_404(
        visibles.select_related("enfant", "prestation__structure", "famille"), pk=numero
    )
    aujourdhui = timezone.localdate()
    form = CongeForm(inscription, aujourdhui, request.POST if "du" in request.POST else None)
    if request.method == "POST" and "rendre" in request.POST:
        _rendre(request, RendreForm(inscription, aujourdhui, request.POST))
        return redirect("contrat_de_creche", numero=inscription.pk)
    if request.method == "POST" and form.is_valid():
        _poser(request, inscription, form.cleaned_data)
        return redirect("contrat_de_creche", numero=inscription.pk)
    pointages = contrat.pointages_de(inscription, aujourdhui - SEMAINES)
    contexte = admin.site.each_context(request) | {
        "title": f"Contrat de {inscription.enfant}",
        "inscription": inscription,
        "form": form,
        "conges": contrat.conges_de(inscription),
        "jours": list(
            Reservation.objects.filter(inscription=inscription, etat=Etat.CONGE).order_by("-jour", "pk")
        ),
        "aujourdhui": aujourdhui,
        "semaines": [
            (s, duree_en_mots(s.minutes), duree_en_mots(s.hors_contrat))
            for s in contrat.semaines(pointages, inscription.heures_semaine)
        ],
    }
    return TemplateResponse(request, "admin/enfants/inscription/contrat.html", contexte)


def _poser(request: HttpRequest, inscription: Inscription, valeurs: dict) -> None:
    faits, refus = contrat.poser(inscription, valeurs["du"], valeurs["au"], request.user, timezone.now())
    avis.prevenir(faits)
    messages.success(request, f"Jours de congé posés{INSECABLE}: {len(faits)}.")
    for phrase in refus:
        messages.error(request, phrase)


def _rendre(request: HttpRequest, form: RendreForm) -> None:
    if not form.is_valid():
        messages.error(request, "Ce jour n’est plus en congé.")
        return
    try:
        avis.prevenir([contrat.rendre(form.cleaned_data["rendre"], request.user, timezone.now())])
        messages.success(request, "Le jour est de nouveau réservé.")
    except places.TransitionInterdite as refus:
        messages.error(request, " ".join(refus.messages))
