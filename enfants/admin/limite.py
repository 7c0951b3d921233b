"""Limits, as a règlement intérieur writes them: the page shows the sentence and next week's deadlines, saved or not."""

from datetime import timedelta

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.template.loader import render_to_string
from django.utils import timezone

from enfants import apercu, regles, semaine
from enfants.admin.apercu import AvecApercu, FormulaireAvecApercu
from enfants.calendrier import calendrier_du
from enfants.models import Limite, Prestation
from portail.socle.admin import Tracee

POUR = tuple(f"pour_{nom}" for nom in semaine.NOMS)
CHOIX = [("-", "–"), *((str(n), nom) for n, nom in enumerate(semaine.NOMS))]
# What each kind needs; the rest is emptied, so that a change of kind leaves nothing behind.
SERVENT = {
    "jours_avant": {"nombre", "compte", "heure"},
    "semaine_avant": {"nombre", "jour_semaine", "heure"},
    "jour_par_jour": {"heure", *POUR},
    "mois_avant": {"nombre", "jour_mois", "heure"},
    "veille_vacances": {"heure"},
    "aucune": set(),
}


class LimiteForm(FormulaireAvecApercu):
    class Meta:
        model = Limite
        fields = (
            "nom",
            "genre",
            "nombre",
            "compte",
            "jour_semaine",
            "jour_mois",
            "heure",
            "avance_si_ferie",
            "avance_si_vacances",
        )
        labels = {
            "nom": "Nom (pour vous)",
            "genre": "Quelle sorte de limite",
            "nombre": "Combien (de jours, de semaines, de mois)",
        }
        help_texts = {
            "heure": "Vide\N{NO-BREAK SPACE}: l’heure du début du service («\N{NO-BREAK SPACE}48 h avant\N{NO-BREAK SPACE}»).",
            "avance_si_vacances": "Le jour de la rentrée se réserve alors avant les vacances.",
        }

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        table = self.instance.table.ljust(7, "-")
        for n, nom in enumerate(semaine.NOMS):
            self.fields[POUR[n]] = forms.ChoiceField(
                label=f"Pour le {nom}", choices=CHOIX, required=False, initial=table[n]
            )

    def clean(self):
        valeurs = super().clean()
        genre = valeurs.get("genre")
        table = "".join(valeurs.get(nom) or "-" for nom in POUR)
        self.instance.table = table if genre == "jour_par_jour" and table != "-------" else ""
        if genre == Limite.Genre.JOUR_PAR_JOUR and not self.instance.table:
            self.add_error(POUR[0], "Indiquez le jour limite d’au moins un jour de la semaine.")
        servent = SERVENT.get(genre, set())
        for nom in {"jour_semaine", "jour_mois", "heure"} - servent:
            valeurs[nom] = None
        if "nombre" not in servent:
            valeurs["nombre"] = 0
        if "compte" not in servent:
            valeurs["compte"] = Limite.Compte.CALENDAIRES
        return valeurs


def panneau(limite: Limite) -> str:
    """The sentence and next week's deadlines; what is missing when they cannot be computed."""
    try:
        limite.validate_constraints()
        limite.clean_fields(exclude=("nom",))
    except ValidationError:
        return "Complétez les champs pour voir la phrase."
    jour = timezone.localdate()
    return render_to_string(
        "admin/enfants/limite/apercu.html",
        {
            "phrase": regles.phrase_limite(limite) + ".",
            "annuler": regles.phrase_limite(limite, "Absence sans frais") + ".",
            "exemples": apercu.exemples(limite, calendrier_du(jour, jour + timedelta(40)), jour),
        },
    )


@admin.register(Limite)
class LimiteAdmin(Tracee, AvecApercu):
    form = LimiteForm
    list_display = ("nom", "phrase")
    search_fields = ("nom",)
    readonly_fields = ("panneau", "services")
    fieldsets = (
        (None, {"fields": ("nom", "genre")}),
        (
            "Combien de temps avant",
            {"fields": (("nombre", "compte"), ("jour_semaine", "jour_mois"), "heure")},
        ),
        (
            "Jour par jour",
            {
                "fields": (POUR,),
                "description": "Pour chaque jour de la semaine, le dernier jour pour réserver, avant lui. «\N{NO-BREAK SPACE}–"
                "\N{NO-BREAK SPACE}»\N{NO-BREAK SPACE}: jusqu’au début du service.",
            },
        ),
        ("Quand elle tombe mal", {"fields": ("avance_si_ferie", "avance_si_vacances")}),
        ("Ce qu’un parent verra", {"fields": ("panneau", "services")}),
    )

    class Media:
        css = {"all": ["css/enfants-admin.css"]}

    def get_form(self, request, obj=None, change=False, **kwargs):
        # The seven selects are the form's own: the admin would look for them on the model.
        return LimiteForm

    @admin.display(description="ce qu’un parent verra")
    def phrase(self, limite: Limite) -> str:
        return regles.phrase_limite(limite) if limite.pk else "–"

    @admin.display(description="phrase et exemples")
    def panneau(self, limite: Limite) -> str:
        return panneau(limite)

    @admin.display(description="sert à")
    def services(self, limite: Limite) -> str:
        noms = ", ".join(self._services(limite)) if limite.pk else ""
        return (
            f"{noms}. Ce que vous changez ici change pour elles toutes."
            if noms
            else "Aucune prestation encore."
        )

    def _services(self, limite: Limite) -> list[str]:
        lignes = Prestation.objects.filter(archivee_le=None).order_by("structure__ordre", "ordre", "pk")
        toutes = lignes.values_list("nom", "limite_reservation", "limite_annulation")
        return [nom for nom, *limites in toutes if limite.pk in limites]
