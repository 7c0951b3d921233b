"""Bookings: read here with their history, changed only through the verbs of `places`."""

from typing import NamedTuple

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db import transaction
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils import timezone

from enfants import avis, cloture, places
from enfants.admin.commun import ParStructure, Periode
from enfants.admin.confirmation import GABARIT, Effets, FormulaireAConfirmer
from enfants.forms import ANNEES_AVANT
from enfants.models import Etat, Inscription, Reservation, ReservationEvenement
from enfants.places_examen import COMPLET
from enfants.regles import ANNEES_APRES
from portail.socle.admin import LectureSeule, SansObjet
from portail.socle.argent import INSECABLE

DEPASSER = "enfants.depasser_places"


class EvenementInline(LectureSeule, admin.TabularInline):
    model = ReservationEvenement
    extra = 0
    fields = ("le", "de_lisible", "vers", "par", "motif")
    readonly_fields = fields
    verbose_name_plural = "historique"

    @admin.display(description="de")
    def de_lisible(self, evenement: ReservationEvenement) -> str:
        return Etat(evenement.de).label if evenement.de else "–"


class AjoutForm(FormulaireAConfirmer):
    """A booking by the town: at once, whatever the limit; exclusivity still holds, and places, unless an agent allowed
    to go beyond says why.
    """

    surnombre = forms.CharField(
        label="Motif du surnombre",
        max_length=200,
        required=False,
        help_text="Seulement si le jour est complet\N{NO-BREAK SPACE}: une place y est ajoutée pour cet enfant, avec ce motif.",
    )

    class Meta:
        model = Reservation
        fields = ("inscription", "jour")

    def clean_jour(self):
        """Of a year the planning shows: any other is a slip of the keyboard."""
        jour, annee = self.cleaned_data["jour"], timezone.localdate().year
        if not annee - ANNEES_AVANT <= jour.year <= annee + ANNEES_APRES:
            raise forms.ValidationError(f"Ce jour est trop loin{INSECABLE}: vérifiez l’année.")
        return jour

    def clean(self):
        valeurs = super().clean()
        if valeurs.get("inscription") and valeurs.get("jour"):
            souhait = places.Souhait(valeurs["inscription"], valeurs["jour"])
            (issue,) = places.examiner([souhait], timezone.now(), au_nom_de_la_mairie=True)
            if issue.verdict == "refus" and issue.phrase == COMPLET:
                self._completer()
            elif issue.verdict == "refus":
                raise forms.ValidationError(issue.phrase)
            inscription = valeurs["inscription"]
            qui = (inscription.famille_id, inscription.enfant_id, inscription.prestation_id)
            if phrases := cloture.avertir(ajoutes=[(*qui, valeurs["jour"])]):
                self.confirmer(
                    Effets("Cette période est déjà facturée", "Réserver quand même", tuple(phrases))
                )
        return valeurs

    def _completer(self) -> None:
        """A full day: the agent goes beyond with a motif, in the field below, or not at all."""
        if "surnombre" not in self.fields:
            raise forms.ValidationError(f"{COMPLET} Seul un agent autorisé peut réserver en surnombre.")
        if not self.cleaned_data.get("surnombre"):
            self.add_error(
                "surnombre", f"{COMPLET} Pour réserver quand même, en surnombre, écrivez le motif."
            )

    def _get_validation_exclusions(self):
        # The constraints speak of columns the verb fills: it answers for them.
        return {f.name for f in Reservation._meta.fields} - {"jour"}


class Geste(NamedTuple):
    """An action of the list: from which states to which one, in words (« refusées »). Bookings in the states `retire`
    are no longer due after it, those of `ajoute` become so.
    """

    action: str
    titre: str
    depuis: tuple[str, ...]
    vers: str
    mot: str
    retire: tuple[str, ...] = ()
    ajoute: tuple[str, ...] = ()

    def deja(self, avant: dict[int, str]) -> str:
        """« Déjà refusées : 2. », of those it changes no more; `avant`: states by booking."""
        nombre = sum(etat == self.vers for etat in avant.values())
        return f" Déjà {self.mot}{INSECABLE}: {nombre}." if nombre else ""

    def avertir(self, reservations) -> list[str]:
        """What it does to the invoices, in sentences."""
        return cloture.avertir(
            [r for r in reservations if r.etat in self.retire],
            [
                (r.payeur_id, r.enfant_id, r.prestation_id, r.jour)
                for r in reservations
                if r.etat in self.ajoute
            ],
        )


# Named one by one on the page that confirms; far under DATA_UPLOAD_MAX_NUMBER_FIELDS, past which Django answers 400.
CONFIRMEES_MAX = 1000
ATTENDENT = (Etat.DEMANDEE, Etat.EN_ATTENTE)


class MotifForm(forms.Form):
    motif = forms.CharField(label="Motif", max_length=300, widget=forms.Textarea(attrs={"rows": 3}))


@admin.register(Reservation)
class ReservationAdmin(SansObjet, ParStructure):
    chemin = "prestation__structure"
    list_display = ("jour", "enfant", "service", "etat", "payeur_affiche", "hors_delai")
    list_filter = (Periode, "etat", "hors_delai", "prestation__structure")
    list_select_related = ("enfant", "prestation__structure", "payeur")
    search_fields = ("enfant__nom", "enfant__prenom", "payeur__numero")
    date_hierarchy = "jour"
    list_per_page = 50
    inlines = (EvenementInline,)
    add_form_template = GABARIT
    actions = ("accepter", "refuser", "excuser", "facturer", "mettre_en_conge", "annuler")

    def get_queryset(self, request):
        return super().get_queryset(request).prefetch_related("payeur__responsables")

    @admin.display(description="payeur", ordering="payeur")
    def payeur_affiche(self, reservation: Reservation) -> str:
        return str(reservation.payeur.titulaire() or reservation.payeur)

    def get_form(self, request, obj=None, **kwargs):
        # Through the admin's own fields: searched instead of listed, and only of the structures this agent holds.
        if obj is None:
            kwargs["form"] = AjoutForm
        form = super().get_form(request, obj, **kwargs)
        if obj is None and not request.user.has_perm(DEPASSER):
            form.base_fields.pop("surnombre", None)
        return form

    def get_autocomplete_fields(self, request):
        return ("inscription",)

    def get_inlines(self, request, obj):
        return self.inlines if obj else ()

    def get_fields(self, request, obj=None):
        if obj is None:
            return ("inscription", "jour", *(["surnombre"] if request.user.has_perm(DEPASSER) else ()))
        return (
            ("enfant", "prestation", "jour"),
            ("etat", "payeur", "inscription"),
            ("demandee_le", "modifiee_le", "version"),
            ("reguliere", "hors_delai", "absence_medicale"),
            "regle",
            "motif",
        )

    def formfield_for_foreignkey(self, db_field, request, **kwargs):
        if db_field.name == "inscription":
            kwargs["queryset"] = Inscription.objects.filter(
                prestation__in=self.choix("prestation", request)
            ).select_related("enfant", "prestation__structure")
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def has_change_permission(self, request, obj=None) -> bool:
        return obj is None and super().has_change_permission(request, obj)

    def has_delete_permission(self, request, obj=None) -> bool:
        return False

    def add_view(self, request, form_url="", extra_context=None):
        try:
            return super().add_view(request, form_url, extra_context)
        except places.TransitionInterdite as refus:
            messages.error(request, " ".join(refus.messages))
            return redirect("admin:enfants_reservation_add")

    def save_model(self, request, obj, form, change):
        souhait = places.Souhait(obj.inscription, obj.jour)
        (issue,) = places.reserver(
            [souhait],
            request.user,
            timezone.now(),
            au_nom_de_la_mairie=True,
            surnombre=form.cleaned_data.get("surnombre", ""),
        )
        if issue.reservation is None:
            # Taken between the form and the verb: said, and nothing was written.
            raise places.TransitionInterdite(issue.phrase)
        obj.__dict__.update(issue.reservation.__dict__)
        avis.prevenir([obj])

    def _faire(self, request, geste: Geste, verbe, avant: dict[int, str], motif: str = "") -> None:
        """`verbe` on these bookings, and the families told. What was already so comes back as it is: it is not counted
        as done.
        """
        try:
            with transaction.atomic():
                faites = [r for r in verbe(list(avant)) if r.etat != avant[r.pk]]
                avis.prevenir(faites, motif)
        except places.TransitionInterdite as refus:
            messages.error(request, " ".join(refus.messages))
            return
        suite, deja = geste.deja(avant), sum(etat == geste.vers for etat in avant.values())
        if len(faites) + deja < len(avant):
            suite += " Les autres ne pouvaient pas l’être."
        niveau = messages.success if faites else messages.warning
        niveau(request, f"Réservations traitées{INSECABLE}: {len(faites)} sur {len(avant)}.{suite}")

    @admin.action(description="Accepter les demandes choisies", permissions=["change"])
    def accepter(self, request, queryset):
        return self._sans_motif(
            request,
            queryset,
            Geste(
                "accepter", "Accepter ces demandes", ATTENDENT, Etat.RESERVEE, "réservées", ajoute=ATTENDENT
            ),
            lambda ids: places.decider(ids, True, request.user, timezone.now()),
        )

    @admin.action(description="Excuser les absences choisies", permissions=["change"])
    def excuser(self, request, queryset):
        return self._sans_motif(
            request,
            queryset,
            Geste(
                "excuser",
                "Excuser ces absences",
                (Etat.ABSENCE_DEMANDEE, Etat.ABSENT_FACTURE),
                Etat.ABSENT_EXCUSE,
                "excusées",
                retire=(Etat.ABSENCE_DEMANDEE, Etat.ABSENT_FACTURE),
            ),
            lambda ids: places.trancher_absences(ids, True, request.user, timezone.now()),
        )

    @admin.action(description="Facturer les absences choisies", permissions=["change"])
    def facturer(self, request, queryset):
        return self._sans_motif(
            request,
            queryset,
            Geste(
                "facturer",
                "Facturer ces absences",
                (Etat.ABSENCE_DEMANDEE, Etat.ABSENT_EXCUSE),
                Etat.ABSENT_FACTURE,
                "facturées",
                ajoute=(Etat.ABSENT_EXCUSE,),
            ),
            lambda ids: places.trancher_absences(ids, False, request.user, timezone.now()),
        )

    @admin.action(description="Mettre en congé (contrat de crèche)", permissions=["change"])
    def mettre_en_conge(self, request, queryset):
        return self._sans_motif(
            request,
            queryset,
            Geste(
                "mettre_en_conge",
                "Mettre ces jours en congé",
                (Etat.RESERVEE,),
                Etat.CONGE,
                "en congé",
                retire=(Etat.RESERVEE,),
            ),
            lambda ids: places.mettre_en_conge(ids, request.user, timezone.now()),
        )

    @admin.action(description="Refuser les demandes choisies…", permissions=["change"])
    def refuser(self, request, queryset):
        return self._avec_motif(
            request,
            queryset,
            Geste("refuser", "Refuser ces demandes", ATTENDENT, Etat.REFUSEE, "refusées"),
            lambda ids, motif: places.decider(ids, False, request.user, timezone.now(), motif),
        )

    @admin.action(description="Annuler les réservations choisies…", permissions=["change"])
    def annuler(self, request, queryset):
        return self._avec_motif(
            request,
            queryset,
            Geste(
                "annuler",
                "Annuler ces réservations",
                places.ANNULABLES,
                Etat.ANNULEE,
                "annulées",
                retire=places.ANNULABLES,
            ),
            lambda ids, motif: places.annuler(ids, request.user, timezone.now(), motif),
        )

    def _sans_motif(self, request, queryset, geste: Geste, verbe):
        """At once; where an invoice would no longer say the truth, ask first."""
        phrases = [] if "confirmer" in request.POST else geste.avertir(queryset)
        if phrases:
            return self._demander(request, queryset, geste, phrases)
        self._faire(request, geste, verbe, dict(queryset.values_list("pk", "etat")))
        return None

    def _avec_motif(self, request, queryset, geste: Geste, verbe):
        """Ask the motif first, unless there is nothing to do; None once done (back to the list)."""
        avant = dict(queryset.values_list("pk", "etat"))
        if not set(avant.values()) & set(geste.depuis):
            messages.warning(
                request, f"Aucune des réservations choisies ne peut être {geste.mot[:-1]}.{geste.deja(avant)}"
            )
            return None
        form = MotifForm(request.POST if "confirmer" in request.POST else None)
        if form.is_valid():
            motif = form.cleaned_data["motif"]
            self._faire(request, geste, lambda ids: verbe(ids, motif), avant, motif)
            return None
        return self._demander(request, queryset, geste, geste.avertir(queryset), form)

    def _demander(
        self, request, queryset, geste: Geste, phrases: list[str], form=None
    ) -> TemplateResponse | None:
        """The page that names each booking before it is touched; None when they are more than it can hold."""
        if (nombre := queryset.count()) > CONFIRMEES_MAX:
            messages.error(
                request,
                f"{nombre} réservations sont choisies{INSECABLE}: pas plus de {CONFIRMEES_MAX} à la fois. "
                "Resserrez la liste avec les filtres (période, état, structure), puis recommencez.",
            )
            return None
        contexte = self.admin_site.each_context(request) | {
            "title": geste.titre,
            "opts": self.model._meta,
            "form": form,
            "phrases": phrases,
            "lignes": queryset.select_related("enfant", "prestation"),
            "action": geste.action,
            "champ": ACTION_CHECKBOX_NAME,
        }
        return TemplateResponse(request, "admin/enfants/reservation/motif.html", contexte)
