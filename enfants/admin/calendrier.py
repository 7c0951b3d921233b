"""The calendar: holidays, bank holidays, closures (which cancel what was booked, and say so)."""

from django import forms
from django.contrib import admin, messages
from django.db.models import Q
from django.utils import timezone

from enfants import places
from enfants.admin.commun import ParStructure, prestations_de, structures_de
from enfants.models import Fermeture, JourFerie, PeriodeVacances, Reservation
from portail.socle.admin import Tracee
from portail.socle.courriels import poster


@admin.register(PeriodeVacances)
class PeriodeVacancesAdmin(Tracee, admin.ModelAdmin):
    list_display = ("nom", "zone", "nature", "du", "au", "modifiee")
    list_filter = ("zone", "nature")
    date_hierarchy = "du"

    def save_model(self, request, obj, form, change):
        # From now on `manage.py calendrier` leaves this row alone.
        obj.modifiee = obj.modifiee or (change and form.has_changed())
        super().save_model(request, obj, form, change)


@admin.register(JourFerie)
class JourFerieAdmin(Tracee, admin.ModelAdmin):
    list_display = ("jour", "nom")
    date_hierarchy = "jour"


def reservations_fermees(fermeture: Fermeture):
    """Bookings a Fermeture cancels, from today on."""
    du = max(fermeture.du, timezone.localdate())
    lieu = (
        Q(prestation__structure=fermeture.structure_id)
        if fermeture.structure_id
        else Q(prestation=fermeture.prestation_id)
    )
    return Reservation.objects.filter(lieu, jour__range=(du, fermeture.au), etat__in=places.ANNULABLES)


class FermetureForm(forms.ModelForm):
    annuler = forms.BooleanField(
        label="Annuler les réservations de ces jours et prévenir les familles", required=False
    )

    class Meta:
        model = Fermeture
        fields = ("structure", "prestation", "du", "au", "motif")

    def clean(self):
        valeurs = super().clean()
        if (
            valeurs.get("du")
            and valeurs.get("au")
            and (valeurs.get("structure") or valeurs.get("prestation"))
        ):
            essai = Fermeture(**{n: valeurs[n] for n in ("structure", "prestation", "du", "au")})
            nombre = reservations_fermees(essai).count() if valeurs["au"] >= valeurs["du"] else 0
            if nombre and not valeurs["annuler"]:
                self.add_error(
                    "annuler",
                    f"{nombre} réservation(s) existent sur ces jours. Cochez pour les annuler et prévenir.",
                )
        return valeurs


@admin.register(Fermeture)
class FermetureAdmin(Tracee, ParStructure):
    chemin = ""
    form = FermetureForm
    list_display = ("motif", "structure", "prestation", "du", "au")
    list_select_related = ("structure", "prestation__structure")
    date_hierarchy = "du"
    fields = (("structure", "prestation"), ("du", "au"), "motif", "annuler")

    def get_queryset(self, request):
        siennes = Q(structure__in=structures_de(request.user)) | Q(
            prestation__in=prestations_de(request.user)
        )
        return super().get_queryset(request).filter(siennes)

    def save_model(self, request, obj, form, change):
        super().save_model(request, obj, form, change)
        if not form.cleaned_data["annuler"]:
            return
        motif = f"Fermeture : {obj.motif}"
        ids = reservations_fermees(obj).values_list("pk", flat=True)
        annulees = places.annuler(ids, request.user, timezone.now(), motif)
        par_famille: dict = {}
        for r in annulees:
            par_famille.setdefault(r.payeur, []).append(r)
        for famille, lignes in par_famille.items():
            for rang, adresse in enumerate(famille.adresses_courriel()):
                poster(
                    f"fermeture:{obj.pk}:{lignes[0].pk}:{rang}",
                    adresse,
                    "courriels/fermeture.txt",
                    {"fermeture": obj, "reservations": lignes},
                )
        if annulees:
            messages.success(request, f"Réservations annulées : {len(annulees)}.")
