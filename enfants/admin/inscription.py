"""Inscriptions: which household pays which service for which child."""

from datetime import timedelta

from django import forms
from django.contrib import admin, messages
from django.db.models import Q
from django.utils import timezone

from enfants import places, regles, semaine
from enfants.admin.commun import JoursField, ParStructure
from enfants.calendrier import calendrier_du
from enfants.models import AnneeScolaire, Inscription
from portail.socle.admin import Tracee


class InscriptionForm(forms.ModelForm):
    semaine_type = JoursField(label="Semaine type", required=False)

    class Meta:
        model = Inscription
        fields = (
            "enfant",
            "prestation",
            "famille",
            "du",
            "au",
            "mode",
            "semaine_type",
            "repartition",
            "part",
            "heures_semaine",
            "conges_jours",
        )

    def clean(self):
        valeurs = super().clean()
        enfant, famille, prestation = (valeurs.get(n) for n in ("enfant", "famille", "prestation"))
        du, au = valeurs.get("du"), valeurs.get("au")
        if enfant and famille and not enfant.rattachements.filter(famille=famille).exists():
            self.add_error("famille", "Cet enfant n’est pas rattaché à cette famille.")
        if enfant and famille and prestation and du:
            autres = Inscription.objects.filter(enfant=enfant, famille=famille, prestation=prestation)
            autres = autres.exclude(pk=self.instance.pk).filter(Q(au=None) | Q(au__gte=du))
            if (autres.filter(du__lte=au) if au else autres).exists():
                self.add_error("du", "Cette période recouvre une autre inscription au même service.")
        if valeurs.get("mode") == Inscription.Mode.REGULIER and not valeurs.get("semaine_type"):
            self.add_error("semaine_type", "Une inscription régulière a une semaine type.")
        return valeurs


@admin.register(Inscription)
class InscriptionAdmin(Tracee, ParStructure):
    chemin = "prestation__structure"
    form = InscriptionForm
    list_display = ("enfant", "service", "famille", "du", "au", "mode", "jours")
    list_filter = ("mode", "prestation__structure")
    list_select_related = ("enfant", "prestation__structure", "famille")
    search_fields = ("enfant__nom", "enfant__prenom", "famille__numero", "prestation__nom")
    autocomplete_fields = ("enfant", "famille")
    actions = ("remplir",)
    fieldsets = (
        (None, {"fields": (("enfant", "famille"), "prestation", ("du", "au"))}),
        ("Jours", {"fields": ("mode", "semaine_type")}),
        ("Deux foyers", {"fields": (("repartition", "part"),)}),
        ("Contrat de crèche", {"fields": (("heures_semaine", "conges_jours"),)}),
    )

    class Media:
        css = {"all": ["css/enfants-admin.css"]}

    def famille_de(self, objet):
        return objet.famille

    @admin.display(description="semaine type")
    def jours(self, inscription: Inscription) -> str:
        return semaine.en_mots(inscription.semaine_type) if inscription.semaine_type else "–"

    @admin.action(
        description="Réserver la semaine type jusqu’à la fin de l’année scolaire", permissions=["change"]
    )
    def remplir(self, request, queryset):
        """Only regular ones; days already booked, full or closed are left as they are, and counted."""
        jour = timezone.localdate()
        annee = AnneeScolaire.objects.filter(debut__lte=jour, fin__gte=jour).first()
        if annee is None:
            messages.error(request, "L’année scolaire en cours n’est pas enregistrée.")
            return
        calendrier = calendrier_du(jour, annee.fin)
        reservees = refusees = 0
        for inscription in queryset.filter(mode=Inscription.Mode.REGULIER):
            issues = places.reserver(
                [places.Souhait(inscription, j) for j in _jours(inscription, jour, annee.fin, calendrier)],
                request.user,
                timezone.now(),
                au_nom_de_la_mairie=True,
                reguliere=True,
            )
            reservees += sum(i.verdict == "reservee" for i in issues)
            refusees += sum(i.verdict == "refus" for i in issues)
        messages.success(
            request,
            f"Jours réservés : {reservees}. Laissés de côté (déjà réservés ou complets) : {refusees}.",
        )

    def has_delete_permission(self, request, obj=None) -> bool:
        return bool(obj and not obj.reservations.exists()) and super().has_delete_permission(request, obj)


def _jours(inscription: Inscription, du, au, calendrier) -> list:
    debut, fin = max(du, inscription.du), min(au, inscription.au or au)
    jours = (debut + timedelta(n) for n in range((fin - debut).days + 1))
    return [
        j
        for j in jours
        if semaine.contient(inscription.semaine_type, j)
        and regles.fond(inscription.prestation, j, calendrier) == regles.OUVERT
    ]
