"""The calendar: holidays, bank holidays, closures (which cancel what was booked, and say so)."""

from copy import copy
from datetime import date

from django.contrib import admin, messages
from django.db.models import Q
from django.utils import timezone
from django.utils.html import format_html, format_html_join

from enfants import cloture, fermetures, regles
from enfants.admin.commun import ParStructure, prestations_de, structures_de
from enfants.admin.confirmation import AConfirmer, Effets, FormulaireAConfirmer
from enfants.calendrier import calendrier_du
from enfants.models import OCCUPANTS, Fermeture, JourFerie, PeriodeVacances, Reservation
from portail.socle.admin import Tracee
from portail.socle.argent import INSECABLE


@admin.register(PeriodeVacances)
class PeriodeVacancesAdmin(Tracee, admin.ModelAdmin):
    list_display = ("nom", "zone", "nature", "du", "au", "modifiee")
    list_filter = ("zone", "nature")
    date_hierarchy = "du"

    def save_model(self, request, obj, form, change):
        # From now on `manage.py calendrier` leaves this row alone.
        obj.modifiee = obj.modifiee or (change and form.has_changed())
        super().save_model(request, obj, form, change)
        _avertir(request, obj.du, obj.au)


@admin.register(JourFerie)
class JourFerieAdmin(Tracee, admin.ModelAdmin):
    list_display = ("jour", "nom")
    date_hierarchy = "jour"

    def save_model(self, request, obj, form, change):
        super().save_model(request, obj, form, change)
        _avertir(request, obj.jour, obj.jour)


def _avertir(request, du, au) -> None:
    """Bookings to come that these days now contradict (the planning calls them errors)."""
    du = max(du, timezone.localdate())
    if au < du:
        return
    calendrier = calendrier_du(du, au)
    lignes = Reservation.objects.filter(jour__range=(du, au), etat__in=OCCUPANTS).select_related("prestation")
    nombre = sum(regles.fond(r.prestation, r.jour, calendrier) != regles.OUVERT for r in lignes)
    if nombre:
        messages.warning(
            request,
            f"Réservations sur des jours qui ne sont plus ouverts{INSECABLE}: {nombre}. Elles restent\N{NO-BREAK SPACE}: "
            "enregistrez une fermeture pour les annuler et prévenir les familles.",
        )


class FermetureForm(FormulaireAConfirmer):
    class Meta:
        model = Fermeture
        fields = ("structure", "prestation", "du", "au", "motif")
        help_texts = {
            "structure": "Toute la structure ferme…",
            "prestation": "… ou une seule prestation.",
            "au": "Dernier jour compris.",
            "motif": "Les familles le lisent\N{NO-BREAK SPACE}: grève, travaux, pont de l’Ascension…",
        }

    def clean(self):
        valeurs = super().clean()
        du, au = valeurs.get("du"), valeurs.get("au")
        if not (du and au and valeurs.get("motif")) or au < du:
            return valeurs
        if bool(valeurs.get("structure")) == bool(valeurs.get("prestation")):
            return valeurs  # the constraint says it
        projet = copy(self.instance)
        for nom, valeur in valeurs.items():
            setattr(projet, nom, valeur)
        avant = Fermeture.objects.filter(pk=self.instance.pk).first()
        self.prevision = fermetures.prevoir(projet, avant, timezone.localdate())
        if not self.prevision.vide and not self.errors:
            self.confirmer(effets_de(self.prevision, timezone.localdate()))
        return valeurs


def effets_de(prevision: fermetures.Prevision, aujourdhui: date) -> Effets:
    """The panel before closing, widening, shortening or deleting."""
    faits = []
    annulees, muettes = len(prevision.reservations), prevision.sans_courriel
    if annulees:
        faits.append(
            f"Réservations annulées{INSECABLE}: {annulees} (enfants{INSECABLE}: {prevision.enfants}, "
            f"jours{INSECABLE}: {prevision.jours}). Leurs places sont rendues."
        )
        if passes := len({r.jour for r in prevision.reservations if r.jour < aujourdhui}):
            faits.append(
                f"Dont jours passés{INSECABLE}: {passes}. Les enfants qui ne sont pas venus n’y sont pas facturés."
            )
        faits += cloture.avertir(retires=prevision.reservations)
    if prevision.rouvertes:
        faits.append(
            f"Réservations annulées sur des jours qui rouvrent{INSECABLE}: {len(prevision.rouvertes)}. Elles ne "
            "reviennent pas d’elles-mêmes\N{NO-BREAK SPACE}: les familles apprennent qu’elles peuvent les redemander."
        )
    faits.append(f"Familles prévenues par courriel{INSECABLE}: {len(prevision.familles) - len(muettes)}.")
    if muettes:
        faits.append(f"Familles sans courriel, à appeler{INSECABLE}: {len(muettes)}.")
    if prevision.venus:
        faits.append(
            f"Journées d’enfants notés présents{INSECABLE}: {prevision.venus}. Elles ne changent pas\N{NO-BREAK SPACE}: elles "
            "restent réservées, et facturées."
        )
    groupes = (
        ("Réservations annulées", tuple(_ligne(r) for r in prevision.reservations)),
        ("Réservations à redemander", tuple(_ligne(r) for r in prevision.rouvertes)),
        ("Familles à appeler", tuple(_joindre(famille) for famille in muettes)),
    )
    bouton = "Fermer, annuler et prévenir" if annulees else "Confirmer et prévenir"
    return Effets("Voici ce qui va changer", bouton, tuple(faits), groupes)


def _ligne(r: Reservation) -> str:
    return f"{regles.jour_en_mots(r.jour)}{INSECABLE}: {r.enfant}, {r.prestation.nom}"


def _joindre(famille) -> str:
    titulaire = famille.titulaire()
    if titulaire is None:
        return str(famille)
    numeros = [titulaire.telephone_mobile, titulaire.telephone_domicile, titulaire.telephone_professionnel]
    telephone = next(filter(None, numeros), "pas de téléphone")
    return f"{titulaire}, n° {famille.numero}{INSECABLE}: {telephone}"


@admin.register(Fermeture)
class FermetureAdmin(Tracee, ParStructure, AConfirmer):
    chemin = ""
    form = FermetureForm
    list_display = ("motif", "structure", "prestation", "du", "au")
    list_select_related = ("structure", "prestation__structure")
    date_hierarchy = "du"
    fields = (("structure", "prestation"), ("du", "au"), "motif")
    delete_confirmation_template = "admin/enfants/fermeture/supprimer.html"

    def get_fields(self, request, obj=None):
        if obj is None or not self.has_change_permission(request, obj):
            return self.fields
        return (*self.fields, "a_appeler")

    def get_readonly_fields(self, request, obj=None):
        return ("a_appeler",)

    @admin.display(description="familles à appeler")
    def a_appeler(self, fermeture: Fermeture) -> str:
        """Those whose days it cancelled and whom no e-mail reaches, for as long as they must be called."""
        lignes = [(_joindre(famille),) for famille in fermetures.a_appeler(fermeture)]
        return (
            format_html("<ul>{}</ul>", format_html_join("", "<li>{}</li>", lignes)) if lignes else "Aucune."
        )

    def get_queryset(self, request):
        siennes = Q(structure__in=structures_de(request.user)) | Q(
            prestation__in=prestations_de(request.user)
        )
        return super().get_queryset(request).filter(siennes)

    def get_actions(self, request):
        # Each deletion shows what it reopens: never several at once.
        return {
            nom: action for nom, action in super().get_actions(request).items() if nom != "delete_selected"
        }

    def save_model(self, request, obj, form, change):
        fermetures.enregistrer(obj)
        if form.prevision.rouvertes:
            fermetures.prevenir_de_la_reouverture(obj, form.prevision.rouvertes)
        request.fermeture = obj

    def changeform_view(self, request, object_id=None, form_url="", extra_context=None):
        """The days are closed when super() has committed; then what was booked is cancelled."""
        request.fermeture = None
        reponse = super().changeform_view(request, object_id, form_url, extra_context)
        if request.fermeture is not None:
            fait = fermetures.balayer(request.fermeture, request.user, timezone.now())
            if fait.reservations:
                muettes = len(fait.sans_courriel)
                reste = (
                    f" Familles à appeler{INSECABLE}: {muettes}, la liste reste sur la page de la fermeture."
                    if muettes
                    else ""
                )
                messages.success(
                    request,
                    f"Réservations annulées{INSECABLE}: {len(fait.reservations)}. Familles prévenues.{reste}",
                )
        return reponse

    def delete_view(self, request, object_id, extra_context=None):
        fermeture = self.get_object(request, object_id)
        if fermeture is not None and self.has_delete_permission(request, fermeture):
            prevision = fermetures.prevoir(None, fermeture, timezone.localdate())
            extra_context = {
                "effets": None if prevision.vide else effets_de(prevision, timezone.localdate()),
                **(extra_context or {}),
            }
        return super().delete_view(request, object_id, extra_context)

    def delete_model(self, request, obj):
        prevision = fermetures.prevoir(None, obj, timezone.localdate())
        fermetures.prevenir_de_la_reouverture(obj, prevision.rouvertes)
        super().delete_model(request, obj)
