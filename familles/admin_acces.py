"""« Accès au portail »: the page of a household where an agent opens its accounts."""

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone

from familles import acces_mairie
from familles.acces_mairie import Acces, AccesRefuse, comptes_homonymes
from familles.lettres import adresse_postale, pdf_lettres
from familles.models import Famille, Responsable
from portail.socle import pdf

PERMISSION = "familles.creer_acces"


class AccesForm(forms.Form):
    """What to do for one adult. The choices depend on what they already have."""

    def __init__(self, responsable: Responsable, maintenant, donnees=None):
        super().__init__(donnees, prefix=f"r{responsable.pk}")
        self.responsable = responsable
        self.homonymes = [] if responsable.utilisateur_id else comptes_homonymes(responsable)
        self.etat = etat(responsable, maintenant)
        self.adresse = adresse_postale(responsable)
        choix = [("", "Ne rien faire"), *self._gestes()]
        self.fields["geste"] = forms.ChoiceField(
            label=f"Pour {responsable}", choices=choix, required=False, widget=forms.RadioSelect
        )

    def _gestes(self) -> list[tuple[str, str]]:
        compte = self.responsable.utilisateur
        if compte is not None and (compte.is_staff or not compte.is_active):
            return []
        gestes = [
            (f"compte:{u.pk}", f"Ouvrir avec le compte {u.identifiant} (autre famille)")
            for u in self.homonymes
        ]
        if compte is None:
            gestes.append(("lettre", "Créer l’accès et imprimer la lettre"))
        else:
            gestes.append(("nouvelle", "Imprimer une nouvelle lettre (nouveau mot de passe)"))
        if self.responsable.email and self.responsable.autorisation_courriel:
            debut = "Créer l’accès et envoyer" if compte is None else "Envoyer"
            gestes.append(("lien", f"{debut} un lien à {self.responsable.email}"))
        return gestes


def etat(responsable: Responsable, maintenant) -> str:
    """Where this adult's access stands, in words."""
    compte = responsable.utilisateur
    if compte is None:
        return "Aucun accès."
    if not compte.is_active:
        return "Compte désactivé."
    if not compte.has_usable_password():
        return "Lien d’activation envoyé, mot de passe pas encore choisi."
    if compte.provisoire_expire(maintenant):
        return "Mot de passe provisoire expiré."
    if compte.doit_changer_mot_de_passe and compte.mot_de_passe_expire_le:
        fin = timezone.localdate(compte.mot_de_passe_expire_le)
        return f"Mot de passe provisoire, valable jusqu’au {fin:%d/%m/%Y}."
    if compte.doit_changer_mot_de_passe:
        return "Mot de passe provisoire."
    return "Accès actif."


def appliquer(formulaires: list[AccesForm], par, maintenant) -> tuple[list[Acces], list[str]]:
    """Do what was chosen; the letters to print, and a sentence for the rest. Raises AccesRefuse: nothing done."""
    gestes = {f.responsable.pk: f.cleaned_data["geste"] for f in formulaires}
    lettres = acces_mairie.ouvrir([pk for pk, g in gestes.items() if g == "lettre"], par, maintenant)
    phrases = []
    for pk, geste in gestes.items():
        if geste == "nouvelle":
            lettres.append(acces_mairie.renouveler(pk, par, maintenant))
        elif geste == "lien":
            adulte = acces_mairie.inviter(pk, par, maintenant)
            phrases.append(f"Lien d’activation envoyé à {adulte.email}.")
        elif geste.startswith("compte:"):
            adulte = acces_mairie.rattacher_compte(pk, int(geste.removeprefix("compte:")), par)
            phrases.append(f"{adulte} ouvre cette famille avec le compte {adulte.utilisateur.identifiant}.")
    return lettres, phrases


def telecharger(lettres: list[Acces], maintenant, nom: str) -> HttpResponse:
    """The letters as a download: the page stays, and reloading it does not post again."""
    response = pdf.reponse(pdf_lettres(lettres, maintenant), nom)
    response["Content-Disposition"] = f'attachment; filename="{nom}"'
    return response


class PageAcces:
    """Mixin of FamilleAdmin: `<famille>/acces/`."""

    change_form_template = "admin/familles/famille/change_form.html"

    def get_urls(self):
        adresse = path(
            "<int:pk>/acces/", self.admin_site.admin_view(self.acces_view), name="familles_famille_acces"
        )
        return [adresse, *super().get_urls()]

    def acces_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        if not request.user.has_perm(PERMISSION):
            raise PermissionDenied
        famille = get_object_or_404(Famille.objects.filter(archivee_le=None), pk=pk)
        maintenant = timezone.now()
        donnees = request.POST if request.method == "POST" else None
        adultes = famille.responsables.select_related("utilisateur", "famille").order_by("-rang")
        formulaires = [AccesForm(adulte, maintenant, donnees) for adulte in adultes]
        valides = [formulaire.is_valid() for formulaire in formulaires]
        if donnees is not None and all(valides):
            return self._faire(request, famille, formulaires, maintenant)
        contexte = self.admin_site.each_context(request) | {
            "title": f"Accès au portail – {famille}",
            "opts": self.model._meta,
            "famille": famille,
            "formulaires": formulaires,
        }
        return TemplateResponse(request, "admin/familles/famille/acces.html", contexte)

    def _faire(self, request, famille, formulaires, maintenant) -> HttpResponse:
        retour = redirect(reverse("admin:familles_famille_acces", args=[famille.pk]))
        try:
            with transaction.atomic():
                lettres, phrases = appliquer(formulaires, request.user, maintenant)
                # Inside: a letter that cannot be printed must not leave a password nobody knows.
                reponse = (
                    telecharger(lettres, maintenant, f"acces-{famille.numero}.pdf") if lettres else retour
                )
        except AccesRefuse as refus:
            messages.error(request, " ".join(refus.messages))
            return retour
        for phrase in phrases:
            messages.success(request, phrase)
        if not lettres and not phrases:
            messages.info(request, "Rien à faire\N{NO-BREAK SPACE}: aucun accès n’a été créé ni changé.")
        return reponse
