"""« Accès par école »: the letters of a school or a class, in one document. Again and again: only who has none."""

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode

from enfants.admin.commun import structures_de
from enfants.models import Niveau, Rattachement, Scolarite, Structure
from familles import acces_mairie
from familles.admin_acces import PERMISSION, telecharger
from familles.models import Responsable

# A document of fifty pages takes a few seconds to make: the next fifty are the next click.
LOT = 50
SEPARES = (Responsable.Situation.SEPARE, Responsable.Situation.DIVORCE)


class EcoleForm(forms.Form):
    ecole = forms.ModelChoiceField(label="École", queryset=None, empty_label=None)
    niveau = forms.ChoiceField(
        label="Niveau", choices=[("", "Tous les niveaux"), *Niveau.choices], required=False
    )
    classe = forms.CharField(label="Classe", max_length=60, required=False)

    def __init__(self, utilisateur, donnees=None):
        super().__init__(donnees)
        ecoles = structures_de(utilisateur).filter(genre=Structure.Genre.ECOLE)
        self.fields["ecole"].queryset = ecoles.order_by("nom", "pk")


def adultes_sans_acces(jour, ecole: Structure, niveau: str = "", classe: str = "") -> QuerySet[Responsable]:
    """Adults without account, of the households a child of that school belongs to that day."""
    scolarites = Scolarite.objects.filter(annee__debut__lte=jour, annee__fin__gte=jour, ecole=ecole)
    if niveau:
        scolarites = scolarites.filter(niveau=niveau)
    if classe:
        scolarites = scolarites.filter(classe__iexact=classe.strip())
    liens = Rattachement.objects.filter(
        Rattachement.en_cours("", jour), enfant__in=scolarites.values("enfant")
    )
    adultes = Responsable.objects.filter(
        famille__in=liens.values("famille"), famille__archivee_le=None, utilisateur=None
    )
    # A « conjoint » who has a household elsewhere is often the separated parent: an access would show them this
    # one's money and messages. Only an agent decides, on the family's own page.
    ailleurs = Responsable.objects.filter(nom__iexact=OuterRef("nom"), prenom__iexact=OuterRef("prenom"))
    separes = Responsable.objects.filter(famille=OuterRef("famille"), situation__in=SEPARES)
    douteux = Q(rang=Responsable.Rang.CONJOINT) & (
        Q(Exists(ailleurs.exclude(famille=OuterRef("famille")))) | Q(Exists(separes))
    )
    return adultes.exclude(douteux).order_by("famille__numero", "-rang")


def acces_par_ecole(request: HttpRequest) -> HttpResponse:
    """GET: how many; POST: the next letters, as one download."""
    if not request.user.has_perm(PERMISSION):
        raise PermissionDenied
    maintenant, jour = timezone.now(), timezone.localdate()
    envoye = request.POST if request.method == "POST" else request.GET if "ecole" in request.GET else None
    form = EcoleForm(request.user, envoye)
    sans_acces = None
    if form.is_valid():
        sans_acces = adultes_sans_acces(jour, **form.cleaned_data)
        if request.method == "POST":
            return _imprimer(request, form, sans_acces, maintenant)
    total = None if sans_acces is None else sans_acces.count()
    contexte = admin.site.each_context(request) | {
        "title": "Accès par école",
        "form": form,
        "total": total,
        "familles": None if total is None else sans_acces.order_by().values("famille").distinct().count(),
        "sans_adresse": None if total is None else sans_acces.filter(adresse="", rang="titulaire").count(),
        "lot": LOT,
    }
    return TemplateResponse(request, "admin/enfants/acces/ecole.html", contexte)


def _imprimer(request: HttpRequest, form: EcoleForm, sans_acces, maintenant) -> HttpResponse:
    with transaction.atomic():
        suivants = list(sans_acces.values_list("pk", flat=True)[:LOT])
        acces = acces_mairie.ouvrir(suivants, request.user, maintenant)
        if acces:
            # Inside: letters that cannot be printed must not leave passwords nobody knows.
            return telecharger(
                acces, maintenant, f"acces-{form.cleaned_data['ecole'].pk}-{maintenant:%H%M%S}.pdf"
            )
    messages.info(request, "Tous les adultes de ces familles ont déjà leur accès.")
    choix = {nom: form.data.get(nom, "") for nom in form.fields}
    return redirect(f"{reverse('acces_par_ecole')}?{urlencode(choix)}")
