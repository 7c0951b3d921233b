"""Invoices: read, print, cancel by a credit note, hand over to the trésorerie."""

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import path, reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join

from enfants.models import Reservation
from facturation.documents import pdf_facture
from facturation.ecarts import a_corriger
from facturation.emission import avoir
from facturation.encaissement import confier_au_tresor
from facturation.models import Facture, LigneFacture, PriseEnChargeTresor
from facturation.releve import etat
from portail.socle.argent import INSECABLE, euros
from portail.socle.pdf import reponse

from .champs import DateSensee, LectureSeule, PageAdmin, SansAgentLimite

ETATS = {
    "a_payer": "À payer",
    "en_partie": "En partie",
    "payee": "Payée",
    "annulee": "Annulée",
    "tresor": "À la trésorerie",
}


class AvoirForm(forms.Form):
    """Why an invoice is cancelled; printed on the credit note."""

    motif = forms.CharField(
        label="Motif", max_length=200, help_text="Imprimé sur l’avoir, lu par la famille."
    )


# They travel in an address, which servers cut at four thousand characters.
CONFIEES_MAX = 400


class OrmcForm(forms.Form):
    """Which collective title takes the invoices over."""

    ormc = forms.CharField(label="N° ORMC", max_length=20)
    date = DateSensee(label="Date")


class ACorriger(admin.SimpleListFilter):
    """Invoices whose days were cancelled or excused since they were issued."""

    title = "à corriger"
    parameter_name = "a_corriger"

    def lookups(self, request: HttpRequest, model_admin) -> list[tuple[str, str]]:
        return [("oui", "Jours annulés ou excusés depuis")]

    def queryset(self, request: HttpRequest, queryset):
        return queryset.filter(pk__in=a_corriger(timezone.localdate())) if self.value() else queryset


class LigneInline(LectureSeule, admin.TabularInline):
    model = LigneFacture
    extra = 0
    fields = ("enfant_nom", "libelle", "quantite", "prix", "montant", "explication")
    readonly_fields = fields

    @admin.display(description="prix")
    def prix(self, ligne: LigneFacture) -> str:
        return euros(ligne.unite_centimes)

    @admin.display(description="montant")
    def montant(self, ligne: LigneFacture) -> str:
        return euros(ligne.total_centimes)


def _motif(reservation: Reservation) -> str:
    return f" ({reservation.motif})" if reservation.motif else ""


@admin.register(Facture)
class FactureAdmin(SansAgentLimite, LectureSeule, PageAdmin):
    list_display = ("reference", "destinataire", "regie", "date", "total", "reste", "etat", "pdf")
    list_filter = (ACorriger, "nature", "regie", "campagne")
    list_select_related = ("regie",)
    list_per_page = 50
    search_fields = ("=reference", "famille_numero", "destinataire")
    search_help_text = "N° de facture, n° famille ou nom"
    date_hierarchy = "date"
    inlines = (LigneInline,)
    actions = ("confier",)
    fields = (
        "reference",
        ("destinataire", "famille_numero"),
        "regie",
        ("date", "echeance"),
        ("periode_du", "periode_au"),
        ("total", "reste", "etat"),
        "corrige",
        "explications",
        ("emise_le", "emise_par"),
        "pdf",
    )
    readonly_fields = ("total", "reste", "etat", "pdf", "plus_dus")
    change_form_template = "facturation/admin/facture.html"

    def get_queryset(self, request: HttpRequest):
        return super().get_queryset(request).avec_reste().avec_complement()

    def get_fields(self, request: HttpRequest, obj: Facture | None = None):
        corriger = obj and self._plus_dus(obj)
        return ("plus_dus", *self.fields) if corriger else self.fields

    @staticmethod
    def _plus_dus(facture: Facture) -> list:
        return a_corriger(timezone.localdate(), Facture.objects.filter(pk=facture.pk)).get(facture.pk, [])

    @admin.display(description="à corriger")
    def plus_dus(self, facture: Facture) -> str:
        jours = format_html_join(
            "",
            "<li>{}, {}, {}\N{NO-BREAK SPACE}: {}{}</li>",
            (
                (
                    r.enfant.prenom,
                    r.prestation.nom,
                    f"{r.jour:%d/%m/%Y}",
                    r.get_etat_display().lower(),
                    _motif(r),
                )
                for r in self._plus_dus(facture)
            ),
        )
        phrase = "Ces jours ne sont plus dus depuis l’émission. Créez un avoir, puis recalculez la campagne."
        return format_html("{}<ul>{}</ul>", phrase, jours)

    def get_urls(self) -> list:
        vue = self.admin_site.admin_view
        return [
            path("<int:pk>/pdf/", vue(self.voir_pdf), name="facturation_facture_pdf"),
            path("<int:pk>/avoir/", vue(self.creer_avoir), name="facturation_facture_avoir"),
            path("tresorerie/", vue(self.tresorerie), name="facturation_facture_tresorerie"),
            *super().get_urls(),
        ]

    @admin.display(description="total", ordering="total_centimes")
    def total(self, facture: Facture) -> str:
        return euros(facture.total_centimes)

    @admin.display(description="reste à payer")
    def reste(self, facture: Facture) -> str:
        return euros(facture.reste) if facture.nature == Facture.Nature.FACTURE else ""

    @admin.display(description="état")
    def etat(self, facture: Facture) -> str:
        return ETATS[etat(facture)] if facture.nature == Facture.Nature.FACTURE else "Avoir"

    @admin.display(description="document")
    def pdf(self, facture: Facture) -> str:
        return format_html(
            '<a href="{}">PDF de {}</a>',
            reverse("admin:facturation_facture_pdf", args=[facture.pk]),
            facture.reference,
        )

    def voir_pdf(self, request: HttpRequest, pk: int) -> HttpResponse:
        facture = self.trouver(request, str(pk))
        return reponse(pdf_facture(facture), f"{facture.reference}.pdf")

    def creer_avoir(self, request: HttpRequest, pk: int) -> HttpResponse:
        self.exiger(request, "facturation.creer_avoir")
        facture = self.trouver(request, str(pk))
        if facture.nature != Facture.Nature.FACTURE:
            raise Http404
        form = AvoirForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            try:
                cree = avoir(facture, request.user, form.cleaned_data["motif"])
            except ValidationError as erreur:
                form.add_error(None, erreur)
            else:
                messages.success(request, f"Avoir {cree.reference} créé, il annule {facture.reference}.")
                return redirect("admin:facturation_facture_change", cree.pk)
        contexte = {"title": f"Créer un avoir sur {facture.reference}", "facture": facture, "form": form}
        return self.page(request, "facturation/admin/avoir.html", contexte)

    @admin.action(description="Confier à la trésorerie (ORMC)", permissions=["tresorerie"])
    def confier(self, request: HttpRequest, queryset) -> HttpResponse | None:
        if (nombre := queryset.count()) > CONFIEES_MAX:
            messages.error(
                request,
                f"{nombre} factures sont choisies{INSECABLE}: pas plus de {CONFIEES_MAX} à la fois. "
                "Resserrez la liste avec les filtres ou la recherche, puis recommencez.",
            )
            return None
        cles = ",".join(str(pk) for pk in queryset.order_by("pk").values_list("pk", flat=True))
        return redirect(f"{reverse('admin:facturation_facture_tresorerie')}?factures={cles}")

    def has_tresorerie_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("facturation.add_priseenchargetresor")

    def tresorerie(self, request: HttpRequest) -> HttpResponse:
        """Ask the ORMC number, then hand over what is left of each invoice."""
        self.exiger(request, "facturation.add_priseenchargetresor")
        cles = [c for c in request.GET.get("factures", "").split(",") if c.isascii() and c.isdigit()]
        factures = list(
            self.get_queryset(request)
            .factures()
            .filter(pk__in=[int(c) for c in cles[:1000] if len(c) < 19], reste__gt=0)
            .order_by("reference")
        )
        form = OrmcForm(request.POST or None, initial={"date": timezone.localdate()})
        if request.method == "POST" and form.is_valid():
            confiees = sum(self._confier(request, facture, form) for facture in factures)
            messages.success(request, f"{confiees} facture{'s' if confiees > 1 else ''} à la trésorerie.")
            return redirect("admin:facturation_facture_changelist")
        contexte = {"title": "Confier à la trésorerie", "factures": factures, "form": form}
        return self.page(request, "facturation/admin/tresorerie.html", contexte)

    @staticmethod
    def _confier(request: HttpRequest, facture: Facture, form: OrmcForm) -> int:
        donnees = form.cleaned_data
        try:
            confier_au_tresor(facture, donnees["ormc"], donnees["date"], request.user)
        except ValidationError as erreur:
            messages.warning(request, f"{facture.reference}{INSECABLE}: {erreur.messages[0]}")
            return 0
        return 1


@admin.register(PriseEnChargeTresor)
class PriseEnChargeAdmin(SansAgentLimite, LectureSeule, admin.ModelAdmin):
    list_display = ("ormc", "facture", "date", "montant")
    list_select_related = ("facture",)
    search_fields = ("=ormc", "=facture__reference")
    fields = ("ormc", "facture", "date", "montant", "saisie_le")
    readonly_fields = fields

    @admin.display(description="montant transmis", ordering="centimes")
    def montant(self, prise: PriseEnChargeTresor) -> str:
        return euros(prise.centimes)
