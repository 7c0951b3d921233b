"""Attendance: the sheet of a day, one tap a child, without JavaScript."""

from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode

from enfants import cloture, pointage, regles
from enfants.admin.commun import ParStructure, prestations_de
from enfants.calendrier import calendrier_du
from enfants.models import Enfant, Pointage, Structure
from enfants.planning_case import MOTS
from enfants.pointage import Attendu, chercher, feuille, noter_heures, pointer, tenir
from portail.socle import pdf
from portail.socle.admin import Tracee
from portail.socle.models import Collectivite

REPONSES = {"present": True, "absent": False, "effacer": None}
GESTES = (*REPONSES, "arrivee", "depart", "heures")
HEURE = forms.TimeInput({"type": "time"}, format="%H:%M")
# On paper, for the children nobody expected.
LIGNES_VIDES = 4
LOIN = timedelta(days=400)


class PointageForm(forms.ModelForm):
    def clean_jour(self):
        jour = self.cleaned_data["jour"]
        if jour > timezone.localdate():
            raise forms.ValidationError(
                "Ce jour n’est pas encore arrivé\N{NO-BREAK SPACE}: il se pointera le jour même. Une absence "
                "annoncée se déclare sur la réservation."
            )
        return jour


@admin.register(Pointage)
class PointageAdmin(Tracee, ParStructure):
    chemin = "prestation__structure"
    form = PointageForm
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
        tenir(obj.enfant, obj.prestation, obj.jour)
        super().save_model(request, obj, form, change)
        pointer(obj.enfant, obj.prestation, obj.jour, obj.present, request.user, timezone.now())


class FeuilleForm(forms.Form):
    """Which sheet: a day near today, a service of the agent; those open that day first."""

    jour = forms.DateField(label="Jour", widget=forms.DateInput({"type": "date"}, format="%Y-%m-%d"))
    prestation = forms.ModelChoiceField(label="Prestation", queryset=None, empty_label=None, required=False)
    nom = forms.CharField(label="Nom ou prénom", max_length=60, required=False)

    def __init__(self, demande, utilisateur, aujourdhui):
        """`demande`: what was asked; completed by today, and by the first service where children are expected."""
        donnees = {nom: demande.get(nom, "") for nom in ("jour", "prestation", "nom")}
        donnees["jour"] = donnees["jour"] or aujourdhui.isoformat()
        super().__init__(donnees)
        self.aujourdhui = aujourdhui
        self.toutes = list(prestations_de(utilisateur).order_by("structure__ordre", "ordre", "pk"))
        champ = self.fields["prestation"]
        champ.queryset = prestations_de(utilisateur)
        jour = self._jour()
        calendrier = calendrier_du(jour, jour)
        ouvertes = [p for p in self.toutes if regles.fond(p, jour, calendrier) == regles.OUVERT]
        if donnees["prestation"]:
            donnees["prestation"] = self._de_ce_jour(donnees["prestation"], jour)
        elif ouvertes:
            attendues = pointage.attendues(jour)
            donnees["prestation"] = next((p for p in ouvertes if p.pk in attendues), ouvertes[0]).pk
        choisie = str(donnees["prestation"])
        fermees = [p for p in self.toutes if p not in ouvertes]
        fermees = [p for p in fermees if regles.en_service(p, jour) or str(p.pk) == choisie]
        champ.choices = [
            *([] if ouvertes and choisie else [("", "Choisissez une prestation")]),
            *_groupe("Ouvertes ce jour", ouvertes),
            *_groupe("Fermées ce jour", fermees),
        ]

    def _jour(self) -> date:
        try:
            jour = self.fields["jour"].clean(self.data["jour"])
        except forms.ValidationError:
            return self.aujourdhui
        return jour if abs(jour - self.aujourdhui) <= LOIN else self.aujourdhui

    def _de_ce_jour(self, choisie: str, jour: date) -> str:
        """The service asked; on a day it does not run, the one of the same name that does: last year's, next year's."""
        demandee = next((p for p in self.toutes if str(p.pk) == choisie), None)
        if demandee is None or regles.en_service(demandee, jour):
            return choisie
        meme = (demandee.structure_id, demandee.nom)
        trouvees = [p for p in self.toutes if (p.structure_id, p.nom) == meme and regles.en_service(p, jour)]
        return str(trouvees[0].pk) if trouvees else choisie

    def clean_jour(self):
        jour = self.cleaned_data["jour"]
        if abs(jour - self.aujourdhui) > LOIN:
            raise forms.ValidationError("Ce jour est trop loin.")
        return jour


def _groupe(titre: str, prestations: list) -> list[tuple]:
    lignes = [(str(p.pk), f"{p.structure.nom} – {p.nom}") for p in prestations]
    return [(titre, lignes)] if lignes else []


class HeuresForm(forms.Form):
    """Arrival and departure of one child, corrected by hand."""

    arrivee = forms.TimeField(label="Arrivée", required=False, widget=HEURE)
    depart = forms.TimeField(label="Départ", required=False, widget=HEURE)

    def clean(self):
        valeurs = super().clean()
        arrivee, depart = valeurs.get("arrivee"), valeurs.get("depart")
        if arrivee and depart and depart < arrivee:
            self.add_error("depart", "Le départ ne peut pas précéder l’arrivée.")
        return valeurs


@dataclass(frozen=True)
class Ligne:
    """A child of the page, with the hours to correct."""

    attendu: Attendu
    mots: str
    heures: HeuresForm


def _lignes(prestation, jour, saisie: HeuresForm | None = None) -> list[Ligne]:
    lignes = []
    for a in feuille(prestation, jour):
        prefixe = _prefixe(a.enfant)
        initiales = {"arrivee": a.arrivee, "depart": a.depart}
        form = (
            saisie if saisie and saisie.prefix == prefixe else HeuresForm(prefix=prefixe, initial=initiales)
        )
        lignes.append(Ligne(a, MOTS[a.etat] if a.etat else "non réservé", form))
    return lignes


def _prefixe(enfant: Enfant) -> str:
    return f"h-{enfant.pk.hex}"


def feuille_de_pointage(request: HttpRequest) -> HttpResponse:
    """GET: the sheet; POST: one tap, then back to the sheet at that child."""
    if not request.user.has_perm("enfants.change_pointage"):
        raise PermissionDenied
    jour = timezone.localdate()
    form = FeuilleForm(request.GET, request.user, jour)
    valide = form.is_valid()
    saisie = None
    if request.method == "POST":
        if not valide or form.cleaned_data["prestation"] is None:
            return redirect("pointage")
        saisie = _pointer(request, form)
        if not isinstance(saisie, HeuresForm):
            return saisie
    return TemplateResponse(
        request, "admin/enfants/pointage/feuille.html", _contexte(request, form, jour, saisie)
    )


def _contexte(request: HttpRequest, form: FeuilleForm, aujourdhui, saisie: HeuresForm | None) -> dict:
    contexte = admin.site.each_context(request) | {
        "title": "Feuille de pointage",
        "form": form,
        "lignes": [],
        "trouves": [],
        "prestation": None,
    }
    if not form.is_valid():
        return contexte
    valeurs = form.cleaned_data
    prestation, jour = valeurs["prestation"], valeurs["jour"]
    contexte |= {
        "jour": jour,
        "veille": _adresse(valeurs, jour - timedelta(1)),
        "lendemain": _adresse(valeurs, jour + timedelta(1)),
    }
    if prestation is None:
        return contexte
    lignes = _lignes(prestation, jour, saisie)
    deja = {ligne.attendu.enfant.pk for ligne in lignes}
    return contexte | {
        "prestation": prestation,
        "lignes": lignes,
        "aujourdhui": jour == aujourdhui,
        "facturee": bool(cloture.jours_clos([(prestation.pk, jour)])),
        "a_venir": jour > aujourdhui,
        "creche": prestation.structure.genre == Structure.Genre.CRECHE,
        "bilan": pointage.bilan(ligne.attendu for ligne in lignes).en_mots,
        "papier": _adresse(valeurs, jour, "pointage_papier"),
        "trouves": [e for e in chercher(valeurs["nom"]) if e.pk not in deja] if valeurs["nom"] else [],
    }


def feuille_papier(request: HttpRequest) -> HttpResponse:
    """The same sheet on paper: what was noted already, boxes and lines for the rest."""
    if not request.user.has_perm("enfants.change_pointage"):
        raise PermissionDenied
    jour = timezone.localdate()
    form = FeuilleForm(request.GET, request.user, jour)
    if not form.is_valid() or form.cleaned_data["prestation"] is None:
        return redirect("pointage")
    prestation, jour = form.cleaned_data["prestation"], form.cleaned_data["jour"]
    contexte = {
        "collectivite": Collectivite.actuelle(),
        "prestation": prestation,
        "jour": jour,
        "lignes": _lignes(prestation, jour),
        "vides": range(LIGNES_VIDES),
        "imprimee": timezone.now(),
    }
    return pdf.reponse(pdf.rendre("enfants/pointage_pdf.html", contexte), f"pointage-{jour:%Y-%m-%d}.pdf")


def _adresse(valeurs: dict, jour, page: str = "pointage") -> str:
    choix = {"jour": jour.isoformat()}
    if valeurs["prestation"]:
        choix["prestation"] = valeurs["prestation"].pk
    return f"{reverse(page)}?{urlencode(choix)}"


def _pointer(request: HttpRequest, form: FeuilleForm) -> HttpResponse | HeuresForm:
    """Back to the sheet; the hours as typed when they are refused."""
    valeurs = form.cleaned_data
    prestation, jour = valeurs["prestation"], valeurs["jour"]
    geste = next((nom for nom in GESTES if nom in request.POST), None)
    adresse = _adresse(valeurs, jour)
    if geste is None:
        return redirect(adresse)
    try:
        pk = UUID(request.POST[geste])
    except ValueError:
        return redirect(adresse)
    if jour > timezone.localdate():
        messages.error(request, "Ce jour n’est pas encore arrivé.")
        return redirect(adresse)
    enfant, maintenant = get_object_or_404(Enfant, pk=pk), timezone.now()
    if geste == "heures":
        saisie = HeuresForm(request.POST, prefix=_prefixe(enfant))
        if not saisie.is_valid():
            return saisie
        noter_heures(enfant, prestation, jour, saisie.cleaned_data, request.user, maintenant)
    elif geste in ("arrivee", "depart"):
        _a_l_instant(request, enfant, prestation, jour, geste)
    else:
        pointer(enfant, prestation, jour, REPONSES[geste], request.user, maintenant)
    return redirect(f"{adresse}#e-{enfant.pk}")


def _a_l_instant(request: HttpRequest, enfant: Enfant, prestation, jour, geste: str) -> None:
    """Arrival or departure now: today only."""
    maintenant = timezone.localtime()
    if jour != maintenant.date():
        messages.error(request, "Ce jour est passé\N{NO-BREAK SPACE}: saisissez l’heure.")
        return
    heure = {geste: maintenant.time().replace(second=0, microsecond=0)}
    try:
        noter_heures(enfant, prestation, jour, heure, request.user, maintenant)
    except ValidationError as refus:
        messages.error(request, f"{enfant.prenom}\N{NO-BREAK SPACE}: {' '.join(refus.messages)}")
