"""Campagnes: compute the draft, look at it, issue."""

from datetime import timedelta
from typing import ClassVar

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.paginator import Paginator
from django.db.models import Max
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import path, reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views.decorators.http import require_POST

from enfants.regles import mois_en_mots
from facturation import emission
from facturation.complements import a_facturer, completer
from facturation.models import Brouillon, Campagne, Regie
from facturation.suivi import EN_LIGNE_MAX, PAR_PAGE, Suivi, a_regarder, suivre
from portail.socle.admin import Tracee
from portail.socle.argent import INSECABLE
from portail.socle.dates import dernier_du_mois, premier_du_mois
from portail.socle.periodes import chevauchent
from portail.socle.verrous import verrouiller

from .champs import PageAdmin, verifier_date

UN_AN = 366
DELAI_DE_PAIEMENT = timedelta(days=30)
RAFRAICHIR = 5  # seconds


class CampagneForm(forms.ModelForm):
    """One campagne a day for a régie, those that complete it apart: checked under the régie's lock."""

    def clean(self) -> dict:
        donnees = super().clean()
        for nom in ("du", "au", "date_facture", "echeance"):
            if donnees.get(nom):
                try:
                    verifier_date(donnees[nom])
                except ValidationError as erreur:
                    self.add_error(nom, erreur)
        regie, du, au = donnees.get("regie"), donnees.get("du"), donnees.get("au")
        if not (regie and du and au) or self.instance.complete_id:
            return donnees
        if (au - du).days > UN_AN:
            self.add_error("au", "Une campagne ne couvre pas plus d’un an.")
            return donnees
        verrouiller(Regie.objects.filter(pk=regie.pk))
        for autre in regie.campagnes.filter(complete=None).exclude(pk=self.instance.pk):
            if chevauchent(du, au, autre.du, autre.au):
                raise ValidationError(
                    f"La campagne «{INSECABLE}{autre}{INSECABLE}» couvre déjà des jours de cette période. Pour "
                    "facturer ceux qu’elle n’a pas pris, créez sa campagne complémentaire depuis son brouillon."
                )
        return donnees


@admin.register(Campagne)
class CampagneAdmin(Tracee, PageAdmin):
    form = CampagneForm
    list_display = ("libelle", "regie", "echeance", "etat")
    list_filter = ("regie", "etat")
    fields = ("regie", "libelle", ("du", "au"), ("date_facture", "echeance"))
    change_form_template = "facturation/admin/campagne.html"

    class Media:
        css: ClassVar = {"all": ["css/facturation-admin.css"]}

    def has_delete_permission(self, request: HttpRequest, obj=None) -> bool:
        return super().has_delete_permission(request, obj) and not (obj and obj.factures.exists())

    def get_changeform_initial_data(self, request: HttpRequest) -> dict:
        """The régie most behind, its next month to bill, invoices of today payable in a month; the address may say
        otherwise.
        """
        aujourdhui = timezone.localdate()
        derniers = dict(
            Campagne.objects.filter(complete=None).order_by().values_list("regie").annotate(dernier=Max("au"))
        )
        # Last month, for a régie that never billed any.
        avant = premier_du_mois(premier_du_mois(aujourdhui) - timedelta(days=1))
        suites = [
            (derniers[pk] + timedelta(days=1) if pk in derniers else avant, pk)
            for pk in Regie.objects.order_by("pk").values_list("pk", flat=True)
        ]
        du, regie = min(suites, default=(avant, None))
        valeurs = {
            "regie": regie,
            "libelle": mois_en_mots(du).replace(INSECABLE, " "),
            "du": du,
            "au": dernier_du_mois(du),
            "date_facture": aujourdhui,
            "echeance": aujourdhui + DELAI_DE_PAIEMENT,
        }
        return valeurs | super().get_changeform_initial_data(request)

    def get_readonly_fields(self, request: HttpRequest, obj=None):
        """What the draft was computed for stays until it is erased; once issued, for good."""
        if obj is None or (obj.complete_id is None and obj.calculee_le is None and not obj.factures.exists()):
            return ()
        calcul = ("regie", "du", "au")
        return (*calcul, "date_facture", "echeance") if obj.factures.exists() else calcul

    def get_urls(self) -> list:
        def adresse(chemin: str, vue, nom: str):
            return path(
                f"<int:pk>/{chemin}/", self.admin_site.admin_view(vue), name=f"facturation_campagne_{nom}"
            )

        return [
            adresse("calculer", self.calculer, "calculer"),
            adresse("brouillon", self.brouillon, "brouillon"),
            adresse("effacer", self.effacer, "effacer"),
            adresse("emettre", self.emettre, "emettre"),
            adresse("completer", self.completer, "completer"),
            path("en-plus/", self.admin_site.admin_view(self.en_plus), name="facturation_campagne_en_plus"),
            *super().get_urls(),
        ]

    def response_add(self, request: HttpRequest, obj: Campagne, post_url_continue=None) -> HttpResponse:
        messages.success(request, f"Campagne créée{INSECABLE}: calculez maintenant son brouillon.")
        return redirect(_brouillon(obj))

    @method_decorator(require_POST)
    def calculer(self, request: HttpRequest, pk: int) -> HttpResponse:
        self.exiger(request, "facturation.calculer_campagne")
        campagne = self.trouver(request, str(pk))
        try:
            brouillons = emission.calculer(campagne)
        except ValidationError as erreur:
            messages.error(request, erreur.messages[0])
            return redirect(_brouillon(campagne))
        self.log_change(request, campagne, "Brouillon calculé.")
        messages.success(request, f"Brouillon calculé{INSECABLE}: {_familles(len(brouillons))}.")
        return redirect(_brouillon(campagne))

    @method_decorator(require_POST)
    def effacer(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Back to a campagne whose régie and dates may be changed."""
        self.exiger(request, "facturation.calculer_campagne")
        campagne = self.trouver(request, str(pk))
        try:
            emission.effacer(campagne, request.user)
        except ValidationError as erreur:
            messages.error(request, erreur.messages[0])
            return redirect(_brouillon(campagne))
        messages.success(request, f"Brouillon effacé{INSECABLE}: la régie et les dates peuvent changer.")
        return redirect("admin:facturation_campagne_change", campagne.pk)

    def brouillon(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The drafts, those that need attention first."""
        campagne = self.trouver(request, str(pk))
        lignes = Brouillon.objects.filter(campagne=campagne).prefetch_related("famille__responsables")
        page = Paginator(
            lignes.select_related("famille").order_by("-bloque", "-erreur", "famille__numero"), PAR_PAGE
        ).get_page(request.GET.get("page"))
        references = dict(
            campagne.factures.vives()
            .filter(famille__in=[b.famille_id for b in page])
            .values_list("famille", "reference")
        )
        suivi = suivre(campagne)
        contexte = {
            "title": f"{_ce_que_c_est(suivi)}, {campagne.dans_la_phrase}",
            "campagne": campagne,
            "suivi": suivi,
            "page": page,
            "lignes": [(b, references.get(b.famille_id, "")) for b in page],
            "peut_calculer": request.user.has_perm("facturation.calculer_campagne"),
            "peut_effacer": campagne.calculee_le and request.user.has_perm("facturation.calculer_campagne"),
            "peut_emettre": request.user.has_perm("facturation.emettre_campagne"),
            "peut_completer": self._peut_completer(request) and campagne.etat == Campagne.Etat.EMISE,
        }
        reponse = self.page(request, "facturation/admin/brouillon.html", contexte)
        if suivi.en_cours:
            # The browser asks again by itself, without a script; no more once it is ended or stopped.
            reponse["Refresh"] = RAFRAICHIR
        return reponse

    def _peut_completer(self, request: HttpRequest) -> bool:
        return self.has_add_permission(request) and request.user.has_perm("facturation.calculer_campagne")

    def en_plus(self, request: HttpRequest) -> HttpResponse:
        """The days due that no invoice holds, though their campagne is issued."""
        self.exiger(request, "facturation.emettre_campagne")
        trouves = a_facturer(timezone.localdate())
        contexte = {
            "title": "Jours à facturer en plus",
            "trouves": trouves,
            "peut_completer": self._peut_completer(request),
        }
        return self.page(request, "facturation/admin/en_plus.html", contexte)

    @method_decorator(require_POST)
    def completer(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The complementary campagne and its draft, ready to be read then issued."""
        if not self._peut_completer(request):
            raise PermissionDenied
        campagne = self.trouver(request, str(pk))
        try:
            complement = completer(campagne, request.user, timezone.localdate())
            brouillons = emission.calculer(complement)
        except ValidationError as erreur:
            messages.error(request, erreur.messages[0])
            return redirect(_brouillon(campagne))
        if brouillons:
            messages.success(
                request, f"Campagne complémentaire prête à relire{INSECABLE}: {_familles(len(brouillons))}."
            )
        else:
            messages.info(
                request,
                f"Rien à facturer en plus pour l’instant{INSECABLE}: cette campagne complémentaire reste en préparation.",
            )
        return redirect(_brouillon(complement))

    def emettre(self, request: HttpRequest, pk: int) -> HttpResponse:
        """GET asks for confirmation with the figures, POST issues."""
        self.exiger(request, "facturation.emettre_campagne")
        campagne = self.trouver(request, str(pk))
        if raison := emission.empechement(campagne):
            messages.error(request, raison)
            return redirect(_brouillon(campagne))
        suivi = suivre(campagne)
        if request.method != "POST":
            titre = f"Émettre les factures, {campagne.dans_la_phrase}"
            avertis = a_regarder(campagne)[:PAR_PAGE] if suivi.avertis_a_emettre else []
            contexte = {"title": titre, "campagne": campagne, "suivi": suivi, "avertis": avertis}
            return self.page(request, "facturation/admin/emettre.html", contexte)
        if suivi.a_emettre > EN_LIGNE_MAX:
            emission.demander(campagne, request.user)
            messages.info(request, "L’émission est en route. Cette page en montre l’avancement.")
        else:
            _dire(request, emission.emettre(campagne, request.user))
        self.log_change(request, campagne, "Émission demandée.")
        return redirect(_brouillon(campagne))


def _ce_que_c_est(suivi: Suivi) -> str:
    if suivi.en_cours:
        return "Émission des factures"
    if not suivi.emises:
        return "Brouillon"
    return "Brouillon et factures émises" if suivi.a_emettre else "Factures émises"


def _dire(request: HttpRequest, bilan: emission.Bilan) -> None:
    nombre = len(bilan.emises)
    messages.success(
        request, f"{nombre} facture{'s' if nombre > 1 else ''} émise{'s' if nombre > 1 else ''}."
    )
    if bilan.bloquees:
        messages.warning(request, f"{_familles(bilan.bloquees)} à régler d’abord, voyez les anomalies.")
    if bilan.echecs:
        messages.error(request, f"{_familles(len(bilan.echecs))} en échec, voyez la liste puis relancez.")


def _familles(nombre: int) -> str:
    return f"{nombre} famille{'s' if nombre > 1 else ''}"


def _brouillon(campagne: Campagne) -> str:
    return reverse("admin:facturation_campagne_brouillon", args=[campagne.pk])
