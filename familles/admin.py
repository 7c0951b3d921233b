"""Households and accounts, for the town hall."""

from datetime import timedelta

from django.conf import settings
from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.forms import (
    AdminPasswordChangeForm,
    BaseUserCreationForm,
    ReadOnlyPasswordHashField,
    ReadOnlyPasswordHashWidget,
    UserChangeForm,
)
from django.contrib.auth.hashers import is_password_usable
from django.core.exceptions import ValidationError
from django.db.models import Prefetch, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join

from familles import recherche
from familles.admin_acces import PageAcces
from familles.double_admin import AuthentificateurAdmin  # noqa: F401 (registers itself)
from familles.models import (
    Allocataire,
    CoordonneesBancaires,
    Famille,
    MandatSepa,
    QuotientFamilial,
    Residence,
    Responsable,
    SituationFiscale,
    Utilisateur,
)
from portail.socle.admin import Tracee
from portail.socle.periodes import PeriodesFormSet
from portail.socle.traces import tracer

PREMIER_NUMERO = "1001001000001"


class ResponsableInline(admin.StackedInline):
    model = Responsable
    max_num = 2
    autocomplete_fields = ("utilisateur",)
    fieldsets = (
        (None, {"fields": ("rang", "utilisateur", ("civilite", "nom", "prenom"), ("qualite", "situation"))}),
        ("Coordonnées", {"fields": ("adresse", ("code_postal", "ville"))}),
        (
            "Joindre",
            {
                "fields": (
                    ("telephone_domicile", "telephone_mobile", "telephone_professionnel"),
                    "email",
                    ("autorisation_sms", "autorisation_courriel"),
                )
            },
        ),
        ("Travail", {"fields": ("csp", "profession", "employeur", "adresse_employeur")}),
    )

    def get_extra(self, request, obj=None, **kwargs) -> int:
        """A new household opens on its first adult."""
        return 0 if obj else 1

    def get_formset(self, request, obj=None, **kwargs):
        formset = super().get_formset(request, obj, **kwargs)
        if obj is None:
            formset.form.base_fields["rang"].initial = Responsable.Rang.TITULAIRE
        return formset


class QuotientsFormSet(PeriodesFormSet):
    phrase = "Deux quotients se chevauchent\N{NO-BREAK SPACE}: terminez d’abord l’ancien, la veille du premier jour du nouveau."


class QuotientInline(admin.TabularInline):
    model = QuotientFamilial
    formset = QuotientsFormSet
    extra = 0
    fields = ("valeur", "du", "au", "saisi_le")
    readonly_fields = ("saisi_le",)


class ResidencesFormSet(PeriodesFormSet):
    phrase = "Deux résidences se chevauchent\N{NO-BREAK SPACE}: la seconde commence après le dernier jour de la première."


class ResidenceInline(admin.TabularInline):
    model = Residence
    formset = ResidencesFormSet
    extra = 0


class AllocataireInline(admin.TabularInline):
    model = Allocataire
    extra = 0


class SituationFiscaleInline(admin.TabularInline):
    model = SituationFiscale
    extra = 0


class CoordonneesBancairesInline(admin.StackedInline):
    model = CoordonneesBancaires
    extra = 0
    fields = (("titulaire", "banque"), ("iban", "bic"))


class MandatInline(admin.StackedInline):
    """Revoked, never deleted: it proves what was debited."""

    model = MandatSepa
    extra = 0
    can_delete = False
    fields = (
        ("rum", "etat"),
        ("titulaire", "titulaire_adresse"),
        ("iban", "bic"),
        ("creancier", "creancier_adresse", "ics"),
        ("signe_le", "revoque_le", "recurrent"),
        "anciens_comptes",
    )
    readonly_fields = ("anciens_comptes",)

    @admin.display(description="anciens comptes", empty_value="Aucun")
    def anciens_comptes(self, mandat: MandatSepa) -> str:
        lignes = mandat.modifications.all() if mandat.pk else ()
        return ", ".join(f"•••• {m.iban[-4:]} jusqu’au {m.le:%d/%m/%Y}" for m in lignes)


@admin.register(Famille)
class FamilleAdmin(PageAcces, Tracee, admin.ModelAdmin):
    """A household: archived, never deleted (its invoices name it)."""

    list_display = ("numero", "noms", "ville", "comptes", "archivee_le")
    list_filter = (("archivee_le", admin.EmptyFieldListFilter),)
    search_fields = (
        "numero",
        "responsables__nom",
        "responsables__prenom",
        "responsables__utilisateur__identifiant",
    )
    search_help_text = "N° de famille, nom ou prénom d’un responsable ou d’un enfant, téléphone, identifiant."
    recherche_enfants = ("enfants__nom", "enfants__prenom")
    fields = ("numero", "archivee_le")
    inlines = (
        ResponsableInline,
        QuotientInline,
        AllocataireInline,
        SituationFiscaleInline,
        ResidenceInline,
        CoordonneesBancairesInline,
        MandatInline,
    )

    def famille_de(self, objet: Famille) -> Famille:
        return objet

    def get_changeform_initial_data(self, request: HttpRequest) -> dict:
        """The number after the highest one: nobody has to invent thirteen digits."""
        dernier = Famille.objects.order_by("-numero").values_list("numero", flat=True).first()
        numero = f"{int(dernier) + 1:013d}" if dernier and dernier.isdecimal() else PREMIER_NUMERO
        return {"numero": numero[-13:]} | super().get_changeform_initial_data(request)

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        adultes = Responsable.objects.select_related("utilisateur")
        return super().get_queryset(request).prefetch_related(Prefetch("responsables", adultes))

    def get_search_results(self, request: HttpRequest, queryset: QuerySet, search_term: str):
        """Its own: the children, a telephone in any spelling, accents or not."""
        if not search_term.strip():
            return queryset, False
        champs = self.search_fields
        if request.user.has_perm("enfants.view_enfant"):
            champs += self.recherche_enfants
        trouvees = self.model.objects.filter(recherche.filtre(search_term, champs)).order_by().values("pk")
        return queryset.filter(pk__in=trouvees), False

    @staticmethod
    def libelle_de_choix(famille: Famille) -> str:
        """Separated parents bear the same name: the adults and the number."""
        adultes = " et ".join(str(r) for r in famille.responsables.all())
        return f"{adultes or 'Sans adulte'}, n°\N{NO-BREAK SPACE}{famille.numero}"

    def get_readonly_fields(self, request, obj=None):
        return ("numero",) if obj else ()

    def has_delete_permission(self, request, obj=None) -> bool:
        return False

    def change_view(self, request, object_id, form_url="", extra_context=None):
        """Reading a bank account is traced, as a health sheet is."""
        if request.method == "GET" and request.user.has_perm("familles.view_coordonneesbancaires"):
            famille = self.get_object(request, unquote(object_id))
            banque = CoordonneesBancaires.objects.filter(famille=famille).first() if famille else None
            if banque:
                tracer(request.user, "voir_banque", banque, famille=famille)
        return super().change_view(request, object_id, form_url, extra_context)

    @admin.display(description="responsables")
    def noms(self, famille: Famille) -> str:
        return ", ".join(f"{r.nom} {r.prenom}" for r in famille.responsables.all())

    @admin.display(description="ville")
    def ville(self, famille: Famille) -> str:
        titulaire = famille.titulaire()
        return titulaire.ville if titulaire else ""

    @admin.display(description="comptes")
    def comptes(self, famille: Famille) -> str:
        avec = [r.utilisateur for r in famille.responsables.all() if r.utilisateur]
        return format_html_join(
            ", ",
            '<a href="{}">{}</a>',
            ((reverse("admin:familles_utilisateur_change", args=[u.pk]), u.identifiant) for u in avec),
        )


class CreationForm(BaseUserCreationForm):
    """A new account with a temporary password, to be changed at the first connection."""

    class Meta:
        model = Utilisateur
        fields = ("identifiant",)
        field_classes = {}

    def clean_identifiant(self):
        identifiant = self.cleaned_data["identifiant"]
        # « @ » at log-in means an e-mail.
        if "@" in identifiant:
            raise ValidationError(
                "Un identifiant ne contient pas «\N{NO-BREAK SPACE}@ »\N{NO-BREAK SPACE}: l’adresse va dans «\N{NO-BREAK SPACE}courriel de connexion\N{NO-BREAK SPACE}»."
            )
        return identifiant


class MotDePasseEnregistre(ReadOnlyPasswordHashWidget):
    """Whether there is one: neither its algorithm nor its salt is anybody's business."""

    def get_context(self, name, value, attrs):
        contexte = super().get_context(name, value, attrs)
        connu = bool(value) and is_password_usable(value)
        return contexte | {
            "summary": [{"label": "Un mot de passe est enregistré." if connu else "Pas de mot de passe."}]
        }


class ModificationForm(UserChangeForm):
    password = ReadOnlyPasswordHashField(label="Mot de passe", widget=MotDePasseEnregistre)

    class Meta:
        model = Utilisateur
        fields = "__all__"
        field_classes = {}

    clean_identifiant = CreationForm.clean_identifiant


class MotDePasseProvisoireForm(AdminPasswordChangeForm):
    """The town gives a password: the person must choose another one when they come in."""

    usable_password = None

    def save(self, commit=True):
        self.user.doit_changer_mot_de_passe = True
        self.user.mot_de_passe_expire_le = timezone.now() + timedelta(days=settings.ACCES_JOURS)
        return super().save(commit)


class FamillesInline(admin.TabularInline):
    """The households this account opens: shown, changed from the household's page."""

    model = Responsable
    fields = ("lien", "rang", "nom", "prenom")
    readonly_fields = fields
    extra = 0
    can_delete = False
    verbose_name_plural = "familles de ce compte"

    def has_add_permission(self, request, obj=None) -> bool:
        return False

    def has_change_permission(self, request, obj=None) -> bool:
        return False

    @admin.display(description="famille")
    def lien(self, responsable: Responsable) -> str:
        adresse = reverse("admin:familles_famille_change", args=[responsable.famille_id])
        return format_html('<a href="{}">{}</a>', adresse, responsable.famille)


@admin.register(Utilisateur)
class UtilisateurAdmin(Tracee, UserAdmin):
    """Accounts. Who may not give rights sees parents' accounts only: a password is a right."""

    add_form = CreationForm
    form = ModificationForm
    change_password_form = MotDePasseProvisoireForm
    list_display = (
        "identifiant",
        "nom",
        "prenom",
        "courriel",
        "is_staff",
        "is_active",
        "doit_changer_mot_de_passe",
        "last_login",
    )
    list_filter = ("is_staff", "is_active", "doit_changer_mot_de_passe", "groups")
    search_fields = ("identifiant", "courriel", "nom", "prenom", "responsables__nom", "responsables__prenom")
    ordering = ("identifiant",)
    filter_horizontal = ("groups",)
    readonly_fields = ("last_login", "cree_le")
    inlines = (FamillesInline,)
    personne = (None, {"fields": ("identifiant", "password", ("prenom", "nom"), "courriel")})
    acces = ("Accès", {"fields": ("is_active", "doit_changer_mot_de_passe", "last_login", "cree_le")})
    droits = ("Agent de la mairie", {"fields": ("is_staff", "groups")})
    creation = (
        None,
        {
            "fields": ("identifiant", ("prenom", "nom"), "courriel", "password1", "password2"),
            "description": "Le mot de passe est provisoire\N{NO-BREAK SPACE}: la personne en choisit un à sa première connexion.",
        },
    )

    @staticmethod
    def peut_donner_des_droits(request: HttpRequest) -> bool:
        return request.user.has_perm("auth.change_group")

    def get_fieldsets(self, request, obj=None):
        debut = (self.creation,) if obj is None else (self.personne, self.acces)
        return (*debut, self.droits) if self.peut_donner_des_droits(request) else debut

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        comptes = super().get_queryset(request)
        if request.user.is_superuser:
            return comptes
        comptes = comptes.filter(is_superuser=False)
        return comptes if self.peut_donner_des_droits(request) else comptes.filter(is_staff=False)

    def get_inlines(self, request, obj=None):
        return self.inlines if obj is not None and not obj.is_staff else ()

    def has_delete_permission(self, request, obj=None) -> bool:
        """An account is made inactive: what it did keeps its name."""
        return False

    def save_model(self, request, obj, form, change) -> None:
        if not change:
            obj.doit_changer_mot_de_passe = True
            obj.mot_de_passe_expire_le = timezone.now() + timedelta(days=settings.ACCES_JOURS)
        super().save_model(request, obj, form, change)
