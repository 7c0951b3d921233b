"""Two pages on chosen services: stop them (with what still depends on them), carry them over to next year."""

from datetime import date, timedelta

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode

from enfants import annee_suivante, archives, cloture
from enfants.admin.commun import prestations_de
from enfants.models import Prestation
from portail.socle.argent import INSECABLE

LISTE = "admin:enfants_prestation_changelist"


class ChoixForm(forms.Form):
    """The services: those of the agent, not archived yet."""

    prestations = forms.MultipleChoiceField(widget=forms.MultipleHiddenInput)

    def __init__(self, utilisateur, donnees):
        super().__init__(donnees)
        lignes = prestations_de(utilisateur).filter(archivee_le=None)
        lignes = lignes.select_related("structure", "limite_reservation", "limite_annulation")
        self.connues = {str(p.pk): p for p in lignes.order_by("structure__ordre", "ordre", "pk")}
        self.fields["prestations"].choices = [(pk, p.nom) for pk, p in self.connues.items()]

    def clean_prestations(self) -> list[Prestation]:
        choisies = set(self.cleaned_data["prestations"])
        return [p for pk, p in self.connues.items() if pk in choisies]


class ArchiverForm(ChoixForm):
    jour = forms.DateField(
        label="Premier jour fermé",
        widget=forms.DateInput({"type": "date"}, format="%Y-%m-%d"),
        help_text="La prestation reste dans l’historique, les factures et les plannings passés.",
    )

    def clean_jour(self):
        jour = self.cleaned_data["jour"]
        if jour < timezone.localdate():
            raise forms.ValidationError("Choisissez aujourd’hui ou un jour à venir.")
        return jour


class DupliquerForm(ChoixForm):
    debut = forms.DateField(
        label="Premier jour de la nouvelle année", widget=forms.DateInput({"type": "date"}, format="%Y-%m-%d")
    )
    reconduire = forms.BooleanField(
        label="Reconduire les inscriptions",
        required=False,
        help_text="Celles de la fin de l’année, pour les enfants toujours rattachés et de l’âge admis. Les semaines "
        "types sont réservées si le calendrier de l’année est rempli.",
    )

    def clean_debut(self):
        debut = self.cleaned_data["debut"]
        aujourdhui = timezone.localdate()
        if not aujourdhui < debut <= aujourdhui + timedelta(days=730):
            raise forms.ValidationError("Choisissez un jour à venir, dans les deux ans.")
        return debut

    def clean(self):
        valeurs = super().clean()
        if valeurs.get("debut"):
            for prestation in valeurs.get("prestations") or ():
                if refus := annee_suivante.phrase_impossible(prestation, valeurs["debut"]):
                    self.add_error(None, refus)
        return valeurs


def choisir(request: HttpRequest, queryset, adresse: str) -> HttpResponse:
    """The action of the list: leads to the page with the chosen services."""
    choisies = queryset.order_by("pk").values_list("pk", flat=True)
    return redirect(f"{reverse(adresse)}?{urlencode({'prestations': list(choisies)}, doseq=True)}")


def _donnees(request: HttpRequest, defauts: dict[str, date | str]):
    """What was sent, completed by the defaults on the first view."""
    donnees = (request.POST if request.method == "POST" else request.GET).copy()
    if request.method == "GET":
        for nom, valeur in defauts.items():
            donnees.setdefault(nom, valeur)
    return donnees


def _autoriser(request: HttpRequest) -> None:
    if not request.user.has_perm("enfants.change_prestation"):
        raise PermissionDenied


def archiver(request: HttpRequest) -> HttpResponse:
    """GET: what still depends on these services from that day; POST: stop them, cancel, tell."""
    _autoriser(request)
    jour = timezone.localdate()
    form = ArchiverForm(request.user, _donnees(request, {"jour": jour.isoformat()}))
    valide = form.is_valid()
    choisies = form.cleaned_data.get("prestations")
    if not choisies:
        messages.warning(request, "Choisissez d’abord des prestations qui ne sont pas archivées.")
        return redirect(LISTE)
    if valide and request.method == "POST":
        annulees = 0
        for prestation in choisies:
            archives.fermer(prestation, form.cleaned_data["jour"], request.user)
            annulees += len(archives.solder(prestation, request.user, timezone.now()).reservations)
        messages.success(
            request,
            f"Prestations archivées{INSECABLE}: {len(choisies)}. Réservations annulées{INSECABLE}: {annulees}.",
        )
        return redirect(LISTE)
    restes = [archives.dependances(p, form.cleaned_data["jour"]) for p in choisies] if valide else []
    contexte = admin.site.each_context(request) | {
        "title": "Archiver",
        "form": form,
        "restes": restes,
        "factures": cloture.avertir([r for reste in restes for r in reste.reservations]),
    }
    return TemplateResponse(request, "admin/enfants/prestation/archiver.html", contexte)


def dupliquer(request: HttpRequest) -> HttpResponse:
    """GET: what would be carried over; POST: copy, stop the old ones on the eve, renew."""
    _autoriser(request)
    debut = annee_suivante.rentree(timezone.localdate())
    defauts = {"debut": debut.isoformat(), "reconduire": "" if "debut" in request.GET else "on"}
    form = DupliquerForm(request.user, _donnees(request, defauts))
    valide = form.is_valid()
    choisies = form.cleaned_data.get("prestations")
    if not choisies:
        messages.warning(request, "Choisissez d’abord des prestations qui ne sont pas archivées.")
        return redirect(LISTE)
    if valide and request.method == "POST":
        _dupliquer(request, choisies, form.cleaned_data)
        return redirect(LISTE)
    contexte = admin.site.each_context(request) | {
        "title": "Dupliquer pour l’année suivante",
        "form": form,
        "apercu": [_apercu(p, form.cleaned_data) for p in choisies] if valide else [],
    }
    return TemplateResponse(request, "admin/enfants/prestation/dupliquer.html", contexte)


def _apercu(prestation: Prestation, valeurs: dict) -> dict:
    lignes = annee_suivante.reconductibles(prestation, valeurs["debut"]) if valeurs["reconduire"] else []
    return {
        "prestation": prestation,
        "jauges": ", ".join(j.libelle for j in prestation.jauges.order_by("libelle")),
        "groupes": ", ".join(g.nom for g in prestation.groupes_exclusifs.order_by("nom")),
        "renouvelees": sum(not raison for _, raison in lignes),
        "laissees": [(i, raison) for i, raison in lignes if raison],
        "annulees": len(archives.dependances(prestation, valeurs["debut"]).reservations),
    }


def _dupliquer(request: HttpRequest, choisies: list[Prestation], valeurs: dict) -> None:
    copies = []
    for prestation in choisies:
        maintenant = timezone.now()
        copie = annee_suivante.dupliquer(
            prestation, valeurs["debut"], valeurs["reconduire"], request.user, maintenant
        )
        copies.append(copie)
    inscrits, jours = sum(len(c.renouvelees) for c in copies), sum(c.reservees for c in copies)
    messages.success(
        request,
        f"Prestations dupliquées{INSECABLE}: {len(copies)}. Inscriptions reconduites{INSECABLE}: {inscrits}. "
        f"Jours réservés{INSECABLE}: {jours}.",
    )
    if reprises := sum(c.a_reprendre for c in copies):
        messages.warning(
            request,
            f"Semaines types à reprendre{INSECABLE}: {reprises}. Des familles réservaient au même moment{INSECABLE}: "
            "choisissez ces inscriptions, puis «\N{NO-BREAK SPACE}Réserver la semaine type\N{NO-BREAK SPACE}».",
        )
    for phrase in {c.impossible for c in copies if c.impossible}:
        messages.warning(request, phrase)
    for phrase in annee_suivante.a_faire_ensuite(copies):
        messages.info(request, f"À faire ensuite{INSECABLE}: {phrase[0].lower()}{phrase[1:]}")
