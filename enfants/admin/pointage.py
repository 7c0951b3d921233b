"""Attendance: the sheet of a day, one tap a child, without JavaScript."""

from datetime import timedelta
from uuid import UUID

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode

from enfants import regles
from enfants.admin.commun import ParStructure, prestations_de
from enfants.calendrier import calendrier_du
from enfants.models import Enfant, Etat, Pointage
from enfants.planning_case import MOTS
from enfants.pointage import chercher, feuille, pointer
from portail.socle.admin import Tracee

REPONSES = {"present": True, "absent": False, "effacer": None}


@admin.register(Pointage)
class PointageAdmin(Tracee, ParStructure):
    chemin = "prestation__structure"
    list_display = ("jour", "enfant", "service", "present", "arrivee", "depart", "agent")
    list_filter = ("present", "prestation__structure")
    list_select_related = ("enfant", "prestation__structure", "agent")
    search_fields = ("enfant__nom", "enfant__prenom")
    date_hierarchy = "jour"
    autocomplete_fields = ("enfant",)
    fields = (("enfant", "prestation", "jour"), "present", ("arrivee", "depart"))
    change_list_template = "admin/enfants/pointage/change_list.html"

    def save_model(self, request, obj, form, change):
        """Through the same door as the sheet, then the hours."""
        obj.agent = request.user
        super().save_model(request, obj, form, change)
        pointer(obj.enfant, obj.prestation, obj.jour, obj.present, request.user, timezone.now())


class FeuilleForm(forms.Form):
    """Which sheet: a day near today, a service of the agent."""

    jour = forms.DateField(label="Jour", widget=forms.DateInput({"type": "date"}, format="%Y-%m-%d"))
    prestation = forms.ModelChoiceField(label="Prestation", queryset=None, empty_label=None)
    nom = forms.CharField(label="Nom ou prénom", max_length=60, required=False)

    def __init__(self, donnees, utilisateur, jour):
        super().__init__(donnees)
        self.aujourdhui = jour
        self.fields["prestation"].queryset = prestations_de(utilisateur).proposees(jour)
        self.fields["prestation"].label_from_instance = lambda p: f"{p.structure.nom} – {p.nom}"

    def clean_jour(self):
        jour = self.cleaned_data["jour"]
        if abs(jour - self.aujourdhui) > timedelta(days=400):
            raise forms.ValidationError("Ce jour est trop loin.")
        return jour


def _defaut(utilisateur, jour, demande) -> dict:
    """What was asked, completed: today, and the first service open that day."""
    donnees = {nom: demande.get(nom, "") for nom in ("jour", "prestation", "nom")}
    donnees["jour"] = donnees["jour"] or jour.isoformat()
    if not donnees["prestation"]:
        calendrier = calendrier_du(jour, jour)
        possibles = list(
            prestations_de(utilisateur).proposees(jour).order_by("structure__ordre", "ordre", "pk")
        )
        ouvertes = [p for p in possibles if regles.fond(p, jour, calendrier) == regles.OUVERT]
        premiere = next(iter(ouvertes or possibles), None)
        donnees["prestation"] = premiere.pk if premiere else ""
    return donnees


def feuille_de_pointage(request: HttpRequest) -> HttpResponse:
    """GET: the sheet; POST: one tap, then back to the sheet at that child."""
    if not request.user.has_perm("enfants.change_pointage"):
        raise PermissionDenied
    jour = timezone.localdate()
    form = FeuilleForm(_defaut(request.user, jour, request.GET), request.user, jour)
    valide = form.is_valid()
    if request.method == "POST":
        return _pointer(request, form) if valide else redirect("pointage")
    contexte = admin.site.each_context(request) | {
        "title": "Feuille de pointage",
        "form": form,
        "lignes": [],
        "trouves": [],
        "prestation": None,
    }
    if valide:
        valeurs = form.cleaned_data
        lignes = feuille(valeurs["prestation"], valeurs["jour"])
        deja = {a.enfant.pk for a in lignes}
        contexte |= {
            "prestation": valeurs["prestation"],
            "jour": valeurs["jour"],
            "lignes": [(a, MOTS[a.etat] if a.etat else "non réservé") for a in lignes],
            "attendus": sum(a.etat in (Etat.RESERVEE, Etat.DEMANDEE) for a in lignes),
            "presents": sum(a.present is True for a in lignes),
            "a_pointer": sum(a.present is None for a in lignes),
            "veille": _adresse(valeurs, valeurs["jour"] - timedelta(1)),
            "lendemain": _adresse(valeurs, valeurs["jour"] + timedelta(1)),
            "trouves": [e for e in chercher(valeurs["nom"]) if e.pk not in deja] if valeurs["nom"] else [],
        }
    return TemplateResponse(request, "admin/enfants/pointage/feuille.html", contexte)


def _adresse(valeurs: dict, jour) -> str:
    return f"{reverse('pointage')}?{urlencode({'jour': jour.isoformat(), 'prestation': valeurs['prestation'].pk})}"


def _pointer(request: HttpRequest, form: FeuilleForm) -> HttpResponse:
    valeurs = form.cleaned_data
    geste = next((nom for nom in REPONSES if nom in request.POST), None)
    adresse = _adresse(valeurs, valeurs["jour"])
    if geste is None:
        return redirect(adresse)
    try:
        pk = UUID(request.POST[geste])
    except ValueError:
        return redirect(adresse)
    enfant = get_object_or_404(Enfant, pk=pk)
    pointer(enfant, valeurs["prestation"], valeurs["jour"], REPONSES[geste], request.user, timezone.now())
    return redirect(f"{adresse}#e-{enfant.pk}")
