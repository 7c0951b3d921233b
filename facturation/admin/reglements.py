"""Règlements: who pays, how much, on which invoices; and giving money back."""

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import path, reverse

from facturation.encaissement import annuler, encaisser
from facturation.models import Imputation, Regie, Reglement
from facturation.releve import soldes_par_regie
from familles.models import Famille
from portail.socle.argent import INSECABLE, euros

from .champs import DatePassee, EurosField, FormulaireUnique, LectureSeule, PageAdmin, SansAgentLimite

MODES = [(valeur, mot) for valeur, mot in Reglement.Mode.choices if valeur != Reglement.Mode.CARTE]
TROUVEES_MAX = 20


class PayeurForm(forms.Form):
    """Which family pays."""

    q = forms.CharField(label="N° famille ou nom d’un parent", max_length=100, required=False)

    def familles(self):
        texte = self.cleaned_data["q"].strip() if self.is_valid() else ""
        if not texte:
            return Famille.objects.none()
        familles = Famille.objects.prefetch_related("responsables").order_by("numero")
        return familles.filter(
            Q(numero=texte)
            | Q(pk__in=Famille.objects.filter(responsables__nom__icontains=texte).values("pk"))
        )[:TROUVEES_MAX]


class ReglementForm(FormulaireUnique):
    """Money of one family for one régie; `sur_‹pk›`: what goes to an invoice, empty = the oldest first."""

    mode = forms.ChoiceField(
        label="Mode", choices=[*MODES, (Reglement.Mode.CARTE, "Carte bancaire (au guichet)")]
    )
    centimes = EurosField(label="Montant (€)")
    date = DatePassee(label="Date")
    precision = forms.CharField(
        label="Précision", max_length=100, required=False, help_text="Banque et n° du chèque, par exemple."
    )

    def __init__(self, *args, factures, **options):
        super().__init__(*args, **options)
        self.factures = factures
        for facture in factures:
            self.fields[f"sur_{facture.pk}"] = EurosField(
                label=f"Sur {facture.reference} du {facture.date:%d/%m/%Y}",
                required=False,
                help_text=f"Reste {euros(facture.reste)}. Vide{INSECABLE}: les plus anciennes d’abord.",
            )

    def sur(self) -> list:
        choisies = [(facture, self.cleaned_data.get(f"sur_{facture.pk}")) for facture in self.factures]
        return [(facture, centimes) for facture, centimes in choisies if centimes]

    def clean_centimes(self) -> int:
        if self.cleaned_data["centimes"] <= 0:
            raise ValidationError("Le montant doit être positif.")
        return self.cleaned_data["centimes"]

    def clean(self) -> dict:
        donnees = super().clean()
        voulu = 0
        for facture in self.factures:
            centimes = donnees.get(f"sur_{facture.pk}") or 0
            voulu += centimes
            if centimes > facture.reste:
                self.add_error(f"sur_{facture.pk}", f"Il ne reste que {euros(facture.reste)} à payer.")
        if voulu > donnees.get("centimes", voulu):
            raise ValidationError(f"Vous répartissez {euros(voulu)}, plus que le montant reçu.")
        return donnees


class AnnulationForm(FormulaireUnique):
    """Why money is given back, and when."""

    motif = forms.CharField(label="Motif", max_length=100, help_text="Lu par la famille sur son relevé.")
    date = DatePassee(label="Date")
    centimes = EurosField(
        label="Montant rendu (€)", required=False, help_text=f"Vide{INSECABLE}: tout le règlement."
    )


class ImputationInline(LectureSeule, admin.TabularInline):
    model = Imputation
    extra = 0
    fields = ("facture", "montant", "faite_le")
    readonly_fields = fields

    @admin.display(description="montant")
    def montant(self, imputation: Imputation) -> str:
        return euros(imputation.centimes)


@admin.register(Reglement)
class ReglementAdmin(SansAgentLimite, LectureSeule, PageAdmin):
    list_display = ("reference", "famille", "regie", "date", "mode", "montant", "libelle_complementaire")
    list_filter = ("regie", "mode")
    list_select_related = ("regie", "famille")
    search_fields = ("=reference", "famille__numero", "famille__responsables__nom")
    search_help_text = "N° d’opération, n° famille ou nom d’un parent"
    date_hierarchy = "date"
    inlines = (ImputationInline,)
    fields = (
        "reference",
        "famille",
        "regie",
        ("date", "mode", "montant"),
        "libelle_complementaire",
        "annule",
        ("saisi_par", "saisi_le"),
    )
    readonly_fields = ("montant",)
    change_form_template = "facturation/admin/reglement.html"

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("facturation.add_reglement")

    def get_urls(self) -> list:
        vue = self.admin_site.admin_view
        return [
            path("saisir/<int:famille>/<int:regie>/", vue(self.saisir), name="facturation_reglement_saisir"),
            path("<int:pk>/annuler/", vue(self.annuler), name="facturation_reglement_annuler"),
            *super().get_urls(),
        ]

    @admin.display(description="montant", ordering="centimes")
    def montant(self, reglement: Reglement) -> str:
        return euros(reglement.centimes)

    def add_view(self, request: HttpRequest, form_url="", extra_context=None) -> HttpResponse:
        """First who pays, and to which régie; the amount comes on the next page."""
        self.exiger(request, "facturation.add_reglement")
        form = PayeurForm(request.GET)
        regies = list(Regie.objects.all())
        trouvees = []
        for famille in form.familles():
            soldes = soldes_par_regie(famille)
            trouvees.append((famille, famille.titulaire(), [(r, soldes.get(r.pk, 0)) for r in regies]))
        cherche = bool(form.is_valid() and form.cleaned_data["q"])
        contexte = {"title": "Saisir un règlement", "form": form, "trouvees": trouvees, "cherche": cherche}
        return self.page(request, "facturation/admin/payeur.html", contexte)

    def saisir(self, request: HttpRequest, famille: int, regie: int) -> HttpResponse:
        self.exiger(request, "facturation.add_reglement")
        payeur = get_object_or_404(Famille.objects.prefetch_related("responsables"), pk=famille)
        de = get_object_or_404(Regie, pk=regie)
        dues = list(payeur.factures.impayees().filter(regie=de))
        du = sum(facture.reste for facture in dues)
        form = ReglementForm(request.POST or None, factures=dues, initial={"centimes": du or None})
        valide = request.method == "POST" and form.is_valid()
        if deja := _deja(request, form, famille=payeur, regie=de, annule=None):
            return deja
        if valide:
            try:
                reglement = _encaisser(payeur, de, form, request.user)
            except ValidationError as erreur:
                form.add_error(None, erreur)
            else:
                messages.success(request, f"Règlement {reglement.reference} enregistré.")
                return redirect("admin:facturation_reglement_change", reglement.pk)
        contexte = {
            "title": f"Saisir un règlement, {payeur.titulaire() or payeur}",
            "form": form,
            "famille": payeur,
            "regie": de,
            "du": du,
        }
        return self.page(request, "facturation/admin/saisir.html", contexte)

    def annuler(self, request: HttpRequest, pk: int) -> HttpResponse:
        """A bounced cheque, a refund: a negative row."""
        self.exiger(request, "facturation.annuler_reglement")
        reglement = self.trouver(request, str(pk))
        form = AnnulationForm(request.POST or None)
        valide = request.method == "POST" and form.is_valid()
        if deja := _deja(request, form, annule=reglement):
            return deja
        if valide:
            donnees = form.cleaned_data
            try:
                contraire = annuler(
                    reglement,
                    request.user,
                    donnees["motif"],
                    donnees["date"],
                    centimes=donnees["centimes"],
                    jeton=donnees["jeton"],
                )
            except ValidationError as erreur:
                form.add_error(None, erreur)
            else:
                messages.success(request, f"{contraire.reference} annule {reglement.reference}.")
                return redirect(reverse("admin:facturation_reglement_change", args=[contraire.pk]))
        contexte = {"title": f"Annuler {reglement.reference}", "reglement": reglement, "form": form}
        return self.page(request, "facturation/admin/annuler.html", contexte)


def _encaisser(payeur: Famille, de: Regie, form: ReglementForm, par) -> Reglement:
    donnees = form.cleaned_data
    return encaisser(
        payeur,
        de,
        donnees["mode"],
        donnees["centimes"],
        donnees["date"],
        par,
        libelle=donnees["precision"],
        sur=form.sur(),
        jeton=donnees["jeton"],
    )


def _deja(request: HttpRequest, form: forms.Form, **quoi) -> HttpResponse | None:
    """The answer to a page sent twice. Its other fields may no longer be valid: what it paid is paid."""
    jeton = form.is_bound and form.cleaned_data.get("jeton")
    ecrit = Reglement.objects.filter(jeton=jeton, **quoi).first() if jeton else None
    if ecrit is None:
        return None
    messages.info(
        request,
        f"Cette saisie est déjà enregistrée{INSECABLE}: {ecrit.reference}. Elle n’a pas été comptée deux fois.",
    )
    return redirect("admin:facturation_reglement_change", ecrit.pk)
