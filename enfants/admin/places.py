"""Places: Jauge and Creneau. A capacity below what is taken is a form error with the figures."""

from datetime import date
from itertools import groupby

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.db import transaction
from django.db.models import F
from django.shortcuts import redirect
from django.utils import timezone

from enfants import places, regles
from enfants.admin.commun import AvecStructure, NiveauxField, ParStructure, Periode, prestations_de
from enfants.calendrier import calendrier_du
from enfants.models import Creneau, Jauge, Reservation
from enfants.places_comptage import recompter
from enfants.places_examen import PASSE, TROP_LOIN, Cle
from enfants.places_occupation import attendent, tiennent
from enfants.places_verrous import ouvrir_creneaux
from portail.socle.admin import Tracee
from portail.socle.argent import INSECABLE
from portail.socle.verrous import CALENDRIER, tenir_ensemble, tenir_seul, verrouiller


class JaugeForm(forms.ModelForm):
    niveaux = NiveauxField(label="Niveaux scolaires", help_text="Aucun coché : tous.")

    class Meta:
        model = Jauge
        fields = ("structure", "libelle", "capacite", "age_min", "age_max", "niveaux", "prestations")

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        if "prestations" in self.fields:  # read-only for some agents
            champ = self.fields["prestations"]
            toutes = champ.queryset.order_by("structure__ordre", "structure__nom", "ordre", "nom", "pk")
            groupes = groupby(toutes.select_related("structure"), key=lambda p: p.structure.nom)
            champ.choices = [(nom, [(p.pk, p.nom_date) for p in lignes]) for nom, lignes in groupes]

    def clean(self):
        """Places are those of one structure."""
        valeurs = super().clean()
        structure, choisies = valeurs.get("structure"), valeurs.get("prestations") or ()
        ailleurs = [p.nom_date for p in choisies if structure and p.structure_id != structure.pk]
        if ailleurs:
            verbe = "dépendent" if len(ailleurs) > 1 else "dépend"
            self.add_error(
                "prestations",
                f"{', '.join(ailleurs)} {verbe} d’une autre structure que {structure.nom}{INSECABLE}: décochez, ou "
                "créez une jauge dans cette structure.",
            )
        return valeurs

    def clean_capacite(self):
        capacite = self.cleaned_data["capacite"]
        # Under lock until the page is saved (the admin opens the transaction): nobody takes a place in between, nor
        # opens a day at the former capacity, nor books what a new Jauge does not count (whoever books holds the
        # calendar together, before its rows).
        tenir_seul(CALENDRIER)
        if self.instance.pk:
            lignes = verrouiller(self.instance.creneaux.filter(jour__gte=timezone.localdate()))
            pleins = [c for c in lignes if c.capacite == self.initial["capacite"]]
            trop = [c for c in pleins if c.pris > capacite + c.surnombre]
            if trop:
                pire = max(trop, key=lambda c: c.pris)
                raise forms.ValidationError(
                    f"{pire.pris} places sont déjà prises le {pire.jour:%d/%m/%Y} "
                    f"({len(trop)} {'jours dépasseraient' if len(trop) > 1 else 'jour dépasserait'} {capacite} places)."
                )
        return capacite


@admin.register(Jauge)
class JaugeAdmin(Tracee, ParStructure):
    form = JaugeForm
    list_display = ("libelle", "structure", "services", "capacite", "age_min", "age_max")
    list_filter = ("structure",)
    list_select_related = ("structure",)
    search_fields = ("libelle",)
    fields = (("structure", "libelle"), "capacite", ("age_min", "age_max"), "niveaux", "prestations")

    class Media:
        css = {"all": ["css/enfants-admin.css"]}

    def get_queryset(self, request):
        return super().get_queryset(request).prefetch_related("prestations")

    @admin.display(description="prestations")
    def services(self, jauge: Jauge) -> str:
        return f"{INSECABLE}; ".join(p.nom_date for p in jauge.prestations.all())

    def save_related(self, request, form, formsets, change):
        """New capacity on the coming days, counters in step with the services, freed places offered."""
        super().save_related(request, form, formsets, change)
        jauge, jour = form.instance, timezone.localdate()
        if change and "capacite" in form.changed_data:
            a_venir = jauge.creneaux.filter(jour__gte=jour, capacite=form.initial["capacite"])
            a_venir.update(capacite=jauge.capacite)
        if {"prestations", "age_min", "age_max", "niveaux"} & set(form.changed_data):
            depassees = recompter([jauge], jour)
            if depassees:
                jours = ", ".join(f"{c.jour:%d/%m/%Y}" for c in depassees[:10])
                messages.warning(request, f"Plus d’enfants que de places, en surnombre : {jours}.")
        libres = jauge.creneaux.filter(jour__gte=jour, pris__lt=F("capacite") + F("surnombre"))
        _promouvoir(request, jauge, libres.values_list("jour", flat=True))

    def has_delete_permission(self, request, obj=None) -> bool:
        return bool(obj and not obj.creneaux.exists()) and super().has_delete_permission(request, obj)


def _promouvoir(request, jauge: Jauge, jours) -> None:
    """After the commit: the form holds creneaux, and those who wait are locked before them. What fails is logged,
    and offered again by the scheduled work.
    """
    jauges_jours = [(jauge, jour) for jour in jours]

    def offrir() -> None:
        promues = places.promouvoir(jauges_jours, timezone.now())
        if promues:
            messages.success(request, f"Sortis de la liste d’attente : {len(promues)}.")

    transaction.on_commit(offrir, robust=True)


class CreneauForm(forms.ModelForm):
    class Meta:
        model = Creneau
        fields = ("jauge", "jour", "capacite", "surnombre", "motif_surnombre")

    def clean(self):
        valeurs = super().clean()
        if self.instance.pk and "capacite" in valeurs:
            (creneau,) = verrouiller(Creneau.objects.filter(pk=self.instance.pk))
            self.instance.pris = creneau.pris  # what stands now, not what the page was opened with
            # Read-only, hence absent, for who may not go beyond.
            total = valeurs["capacite"] + valeurs.get("surnombre", creneau.surnombre)
            if creneau.pris > total:
                surnombre = total - valeurs["capacite"]
                self.add_error("capacite", _trop_peu(creneau.pris, valeurs["capacite"], surnombre))
        return valeurs


class OuvrirForm(forms.ModelForm):
    """A day nobody booked yet has no row of its own: this makes it, so that its places may be changed."""

    class Meta:
        model = Creneau
        fields = ("jauge", "jour")
        help_texts = {
            "jour": "Ses places sont d’abord celles de la jauge\N{NO-BREAK SPACE}: la page suivante les change pour ce jour."
        }

    def clean_jour(self):
        jour, aujourdhui = self.cleaned_data["jour"], timezone.localdate()
        if jour < aujourdhui:
            raise forms.ValidationError(PASSE)
        if jour.year > aujourdhui.year + regles.ANNEES_APRES:
            raise forms.ValidationError(TROP_LOIN)
        return jour

    def clean(self):
        valeurs = super().clean()
        jauge, jour = valeurs.get("jauge"), valeurs.get("jour")
        if jauge and jour and not jauge.creneaux.filter(jour=jour).exists():
            calendrier = calendrier_du(jour, jour)
            raisons = {regles.phrase_fermee(p, jour, calendrier) for p in jauge.prestations.all()}
            if raisons and "" not in raisons:
                self.add_error("jour", _aucun_service(jour, raisons))
        return valeurs

    def _get_validation_exclusions(self):
        # A day already open is shown, not refused.
        return {f.name for f in Creneau._meta.fields}


@admin.register(Creneau)
class CreneauAdmin(Tracee, ParStructure):
    chemin = "jauge__structure"
    form = CreneauForm
    change_form_template = "admin/enfants/creneau/change_form.html"
    list_display = ("jour", "jauge", "capacite", "surnombre", "pris", "libres")
    list_filter = (Periode, "jauge__structure", ("jauge", AvecStructure))
    list_select_related = ("jauge__structure",)
    date_hierarchy = "jour"
    fields = (("jauge", "jour"), ("capacite", "surnombre"), "motif_surnombre", "pris")

    def get_form(self, request, obj=None, **kwargs):
        if obj is None:
            kwargs["form"] = OuvrirForm
        return super().get_form(request, obj, **kwargs)

    def get_fields(self, request, obj=None):
        return self.fields if obj else (("jauge", "jour"),)

    def get_readonly_fields(self, request, obj=None):
        if obj is None:
            return ()
        fixes = ("jauge", "jour", "pris")
        if request.user.has_perm("enfants.depasser_places"):
            return fixes
        return (*fixes, "surnombre", "motif_surnombre")

    def add_view(self, request, form_url="", extra_context=None):
        return super().add_view(request, form_url, {"title": "Ouvrir un jour"} | (extra_context or {}))

    def change_view(self, request, object_id, form_url="", extra_context=None):
        creneau = self.get_object(request, unquote(object_id))
        if creneau is not None and request.user.has_perm("enfants.view_reservation"):
            extra_context = {"listes": _listes(creneau, request.user)} | (extra_context or {})
        return super().change_view(request, object_id, form_url, extra_context)

    def save_model(self, request, obj, form, change):
        # `pris` is the verbs' business: never written from here.
        if change:
            obj.save(update_fields=["capacite", "surnombre", "motif_surnombre"])
            _promouvoir(request, obj.jauge, [obj.jour])
            return
        # Like who books: with the calendar held, no Jauge changes its capacity meanwhile.
        tenir_ensemble(CALENDRIER)
        (ouvert,) = ouvrir_creneaux([Cle(obj.jauge_id, obj.jour)]).values()
        obj.__dict__.update(ouvert.__dict__)

    def response_add(self, request, obj, post_url_continue=None):
        messages.success(
            request, f"{obj.jauge.libelle}, {regles.jour_en_mots(obj.jour)}{INSECABLE}: {_places(obj)}."
        )
        return redirect("admin:enfants_creneau_change", obj.pk)

    def has_delete_permission(self, request, obj=None) -> bool:
        return False


def _aucun_service(jour: date, raisons: set[str]) -> str:
    """The families' own reason follows, when it says more and is the same for every service of the Jauge."""
    phrase = f"Aucun service de cette jauge n’ouvre le {regles.jour_en_mots(jour)}{INSECABLE}{jour.year}."
    (raison,) = raisons if len(raisons) == 1 else ("",)
    return f"{phrase} {raison}" if raison.startswith("Fermé") else phrase


def _trop_peu(pris: int, capacite: int, surnombre: int) -> str:
    """« 10 places et 1 en surnombre ne suffisent pas : 12 sont prises. »"""
    places_dites = f"{capacite} place{'s' if capacite > 1 else ''}"
    if surnombre:
        places_dites += f" et {surnombre} en surnombre"
    verbe = "ne suffisent pas" if capacite + surnombre > 1 else "ne suffit pas"
    return f"{places_dites} {verbe}{INSECABLE}: {pris} {'sont prises' if pris > 1 else 'est prise'}."


def _places(creneau: Creneau) -> str:
    total = creneau.capacite + creneau.surnombre
    return f"{total} place{'s' if total > 1 else ''}, {creneau.pris} prise{'s' if creneau.pris > 1 else ''}"


def _listes(creneau: Creneau, agent) -> list[tuple]:
    """(heading, bookings of the agent's structures, sentence when none, how many of others, in order?)"""
    siennes = set(prestations_de(agent).order_by().values_list("pk", flat=True))

    def liste(titre: str, lignes: list[Reservation], vide: str, ordonnee: bool) -> tuple:
        visibles = [r for r in lignes if r.prestation_id in siennes]
        return titre, visibles, vide, len(lignes) - len(visibles), ordonnee

    return [
        liste("Enfants inscrits", tiennent(creneau), "Aucun enfant inscrit ce jour.", False),
        liste("Liste d’attente", attendent(creneau), "Personne n’attend.", True),
    ]
