"""Inscriptions: which household pays which service for which child."""

from copy import copy

from django.contrib import admin, messages
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html

from enfants import cloture, inscriptions, regles
from enfants.admin.commun import AvecStructure, JoursField, ParStructure
from enfants.admin.confirmation import AConfirmer, Effets, FormulaireAConfirmer
from enfants.inscriptions import Prevision, Remplissage
from enfants.models import Inscription, Rattachement
from portail.socle.admin import Tracee
from portail.socle.argent import INSECABLE

# What these decide of the days to come: the rest of the form changes none.
DES_JOURS = {"du", "au", "mode", "semaine_type", "repartition", "derogation"}
IDENTITE = ("enfant", "prestation", "famille")


class InscriptionForm(FormulaireAConfirmer):
    semaine_type = JoursField(label="Semaine type", required=False)

    class Meta:
        model = Inscription
        fields = (
            *IDENTITE,
            "du",
            "au",
            "mode",
            "semaine_type",
            "repartition",
            "part",
            "heures_semaine",
            "conges_jours",
            "derogation",
        )

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        if "famille" in self.fields:  # read-only once saved
            self.fields["famille"].required = False
            self.fields[
                "famille"
            ].help_text = "Vide\N{NO-BREAK SPACE}: la famille de l’enfant, s’il n’en a qu’une."

    def clean(self):
        valeurs = super().clean()
        if "famille" in self.fields and not valeurs.get("famille") and "famille" not in self.errors:
            self._famille_seule(valeurs)
        if not self.instance.pk and not all(valeurs.get(nom) for nom in IDENTITE):
            return valeurs
        if valeurs.get("mode") == Inscription.Mode.REGULIER and not valeurs.get("semaine_type"):
            self.add_error("semaine_type", "Une inscription régulière a une semaine type.")
        projet = copy(self.instance)
        for nom, valeur in valeurs.items():
            setattr(projet, nom, valeur)
        if not projet.du or not projet.part:
            return valeurs
        self._verifier_l_enfant(projet)
        self._verifier_les_autres(projet)
        if self.instance.pk and not self.errors and DES_JOURS & set(self.changed_data):
            effets = effets_de(projet, inscriptions.prevoir(projet, timezone.now()))
            if effets:
                self.confirmer(effets)
        return valeurs

    def _famille_seule(self, valeurs: dict) -> None:
        """The household left empty: the only one of the child that day, or a choice to make."""
        if not valeurs.get("enfant"):
            self.add_error("famille", "Choisissez l’enfant, ou la famille.")
            return
        jour = max(valeurs.get("du") or timezone.localdate(), timezone.localdate())
        liens = Rattachement.objects.filter(Rattachement.en_cours("", jour), enfant=valeurs["enfant"])
        familles = {lien.famille for lien in liens.select_related("famille").order_by("pk")}
        if len(familles) == 1:
            (valeurs["famille"],) = familles
        elif familles:
            self.add_error(
                "famille", "Cet enfant a deux foyers\N{NO-BREAK SPACE}: choisissez celui qui paie."
            )
        else:
            self.add_error("famille", "Cet enfant n’est rattaché à aucune famille.")

    def _verifier_l_enfant(self, projet: Inscription) -> None:
        if not projet.enfant.rattachements.filter(famille=projet.famille_id).exists():
            self.add_error("famille", "Cet enfant n’est pas rattaché à cette famille.")
        jour = max(projet.du, timezone.localdate()) if self.instance.pk else projet.du
        raison = inscriptions.phrase_eligible(projet.enfant, projet.prestation, jour)
        if raison and not projet.derogation:
            self.add_error("derogation", f"{raison} Pour l’inscrire quand même, écrivez ici pourquoi.")

    def _verifier_les_autres(self, projet: Inscription) -> None:
        autres = inscriptions.autres_inscriptions(projet)
        if any(i.famille_id == projet.famille_id for i in autres):
            self.add_error("du", "Cette période recouvre une autre inscription au même service.")
        genre = Inscription.Repartition
        tour = projet.repartition in (genre.PAIRES, genre.IMPAIRES)
        if tour and any(i.repartition == projet.repartition for i in autres):
            nom = projet.get_repartition_display().lower()
            self.add_error("repartition", f"L’autre foyer a déjà les {nom}.")
        au_dela, phrase = inscriptions.phrase_des_parts(projet, autres)
        if au_dela:
            self.add_error("part", phrase)


def effets_de(projet: Inscription, prevision: Prevision) -> Effets | None:
    """The panel of a change; None when no day moves."""
    if prevision.vide:
        return None
    annulees, ajouts = len(prevision.a_annuler), len(prevision.a_reserver)
    faits = []
    if annulees:
        faits.append(f"Réservations à venir annulées{INSECABLE}: {annulees}. Leurs places sont rendues.")
    if ajouts:
        faits.append(f"Jours à réserver{INSECABLE}: {ajouts}, s’il reste de la place.")
    if prevision.gardes:
        faits.append(f"Jours gardés parce que la famille les a changés{INSECABLE}: {len(prevision.gardes)}.")
    if prevision.impossible:
        faits.append(prevision.impossible)
    qui = (projet.famille_id, projet.enfant_id, projet.prestation_id)
    ajoutes = [(*qui, jour) for jour in prevision.a_reserver]
    faits += cloture.avertir(prevision.a_annuler, ajoutes)
    faits.append("Les jours passés ne changent pas.")
    bouton = "Confirmer et annuler ces jours" if annulees else "Confirmer et réserver ces jours"
    groupes = (
        (
            "Jours annulés",
            tuple(
                f"{regles.jour_en_mots(r.jour)} ({r.get_etat_display().lower()})" for r in prevision.a_annuler
            ),
        ),
        ("Jours à réserver", tuple(regles.jour_en_mots(j) for j in prevision.a_reserver)),
        ("Jours gardés", tuple(regles.jour_en_mots(r.jour) for r in prevision.gardes)),
    )
    return Effets("Voici ce qui va changer", bouton, tuple(faits), groupes)


@admin.register(Inscription)
class InscriptionAdmin(Tracee, ParStructure, AConfirmer):
    chemin = "prestation__structure"
    form = InscriptionForm
    list_display = ("enfant", "service", "payeur", "periode")
    list_per_page = 50
    ordering = (
        "enfant__nom",
        "enfant__prenom",
        "prestation__structure__ordre",
        "prestation__ordre",
        "-du",
        "pk",
    )
    list_filter = ("mode", "prestation__structure", ("prestation", AvecStructure))
    list_select_related = ("enfant", "prestation__structure", "famille")
    search_fields = ("enfant__nom", "enfant__prenom", "famille__numero", "prestation__nom")
    search_help_text = "Nom ou prénom de l’enfant, n° famille, prestation"
    autocomplete_fields = ("enfant", "famille")
    actions = ("remplir",)
    fieldsets = (
        (None, {"fields": (("enfant", "famille"), "prestation", ("du", "au"), "derogation")}),
        (
            "Jours",
            {
                "fields": ("mode", "semaine_type"),
                "description": "Régulier\N{NO-BREAK SPACE}: les jours de la semaine type sont réservés jusqu’à la fin "
                "de l’année scolaire. Occasionnel\N{NO-BREAK SPACE}: la famille demande les jours qu’elle veut.",
            },
        ),
        ("Deux foyers", {"fields": (("repartition", "part"),)}),
        ("Contrat de crèche", {"fields": (("heures_semaine", "conges_jours"), "contrat")}),
    )

    class Media:
        css = {"all": ["css/enfants-admin.css"]}

    def famille_de(self, objet):
        return objet.famille

    def get_readonly_fields(self, request, obj=None):
        # Its bookings carry child, service and payer: another one is another inscription.
        return (*IDENTITE, "contrat") if obj else ("contrat",)

    @admin.display(description="congés et heures")
    def contrat(self, inscription: Inscription) -> str:
        if inscription.pk is None or inscription.heures_semaine is None:
            return "Pour un contrat de crèche, indiquez ses heures par semaine et enregistrez."
        adresse = reverse("contrat_de_creche", args=[inscription.pk])
        return format_html('<a href="{}">Poser un congé, voir les heures</a>', adresse)

    @admin.display(description="jours et période", ordering="du")
    def periode(self, inscription: Inscription) -> str:
        regulier = inscription.mode == Inscription.Mode.REGULIER
        jours = inscription.jours_en_mots if regulier else "occasionnel"
        if inscription.au:
            return f"{jours}, du {inscription.du:%d/%m/%Y} au {inscription.au:%d/%m/%Y}"
        return f"{jours}, depuis le {inscription.du:%d/%m/%Y}"

    @admin.display(description="responsable", ordering="famille")
    def payeur(self, inscription: Inscription) -> str:
        return str(inscription.famille.titulaire() or inscription.famille)

    def libelle_de_choix(self, inscription: Inscription) -> str:
        """Two households may enrol the same child to the same service: who pays."""
        return f"{inscription.enfant}, {inscription.prestation.nom}, payé par {self.payeur(inscription)}, {self.periode(inscription)}"

    def get_queryset(self, request):
        return super().get_queryset(request).prefetch_related("famille__responsables")

    def save_model(self, request, obj, form, change):
        super().save_model(request, obj, form, change)
        _, phrase = inscriptions.phrase_des_parts(obj, inscriptions.autres_inscriptions(obj))
        if phrase:
            messages.warning(
                request, f"{phrase} Inscrivez l’autre foyer ou corrigez sa part avant de facturer."
            )
        if not change or DES_JOURS & set(form.changed_data):
            request.inscription = obj

    def changeform_view(self, request, object_id=None, form_url="", extra_context=None):
        """Its days move once super() has committed: each verb of `places` in its own transaction."""
        request.inscription = None
        reponse = super().changeform_view(request, object_id, form_url, extra_context)
        if request.inscription is not None:
            self._remplir(request, request.inscription, nouvelle=object_id is None)
        return reponse

    def _remplir(self, request, inscription: Inscription, devant: str = "", nouvelle: bool = False) -> None:
        fait = inscriptions.remplir(inscription, request.user, timezone.now())
        inscriptions.prevenir(inscription, fait, nouvelle)
        _dire(request, fait, devant)

    @admin.action(
        description="Réserver la semaine type jusqu’à la fin de l’année scolaire", permissions=["change"]
    )
    def remplir(self, request, queryset):
        """Only regular ones; what is left aside is said by day and reason."""
        regulieres = queryset.filter(mode=Inscription.Mode.REGULIER).select_related(
            "enfant", "prestation__structure", "famille"
        )
        for inscription in regulieres:
            self._remplir(
                request, inscription, f"{inscription.enfant}, {inscription.prestation.nom}{INSECABLE}: "
            )
        if not regulieres:
            messages.warning(request, "Aucune inscription régulière parmi celles choisies.")

    def has_delete_permission(self, request, obj=None) -> bool:
        return bool(obj and not obj.reservations.exists()) and super().has_delete_permission(request, obj)


def _dire(request, fait: Remplissage, devant: str = "") -> None:
    reste = fait.prevision.refuses or fait.prevision.impossible
    if fait.phrases:
        (messages.warning if reste else messages.success)(request, devant + " ".join(fait.phrases))
    elif devant:
        messages.info(request, f"{devant}rien à changer.")
