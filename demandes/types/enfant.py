"""Kinds of « Mes enfants »: a new child, what the parents allow, the health sheet."""

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Q

from enfants.models import (
    AnneeScolaire,
    Autorisations,
    Enfant,
    FicheSanitaire,
    Niveau,
    Rattachement,
    Scolarite,
    Structure,
)

from .base import ENFANT, ChampDate, TypeDemande


class AjouterEnfant(TypeDemande):
    """A child the town does not know yet, or knows in its other household: the agent says which."""

    code = "ajouter-enfant"
    libelle = "Ajouter un enfant"
    filtre = "Nouvel enfant"
    categorie = ENFANT
    icone = "personne-plus"
    chapo = "La mairie vérifie ces informations, puis l’enfant apparaît dans «\N{NO-BREAK SPACE}Mes enfants\N{NO-BREAK SPACE}»."
    en_masse = False
    remplace = False
    modele = Enfant
    champs = ("nom", "prenom", "sexe", "naissance", "lieu_naissance")
    ecole = forms.ModelChoiceField(
        label="École souhaitée",
        queryset=Structure.objects.none(),
        required=False,
        empty_label="Non scolarisé",
    )
    niveau = forms.ChoiceField(
        label="Niveau souhaité", choices=[("", "Non scolarisé"), *Niveau.choices], required=False
    )

    def preparer(self) -> None:
        self.fields["naissance"] = ChampDate(label="Date de naissance")
        self.fields["ecole"].queryset = Structure.objects.filter(
            Q(archivee_le=None) | Q(archivee_le__gt=self.jour), genre=Structure.Genre.ECOLE
        )
        self.existant = None  # the child of another household the agent recognised

    def lire(self) -> dict:
        return {}

    def clean_naissance(self):
        naissance = self.cleaned_data["naissance"]
        if naissance.year < self.jour.year - 20:
            raise ValidationError("Vérifiez l’année de naissance.")
        if naissance > self.jour:
            raise ValidationError("La date de naissance ne peut pas être dans le futur.")
        return naissance

    def clean(self) -> dict:
        donnees = super().clean()
        if bool(donnees.get("ecole")) != bool(donnees.get("niveau")) and not self.errors:
            self.add_error("niveau", "Indiquez l’école et le niveau, ou ni l’un ni l’autre.")
        if not self.errors and self.semblables().de_la_famille(self.famille, self.jour).exists():
            self.add_error("prenom", "Cet enfant est déjà dans votre famille.")
        return donnees

    def semblables(self):
        """Children of the same name and birth date, whichever their household. Needs a valid form."""
        d = self.cleaned_data
        return Enfant.objects.filter(
            nom__iexact=d["nom"], prenom__iexact=d["prenom"], naissance=d["naissance"]
        )

    def appliquer(self) -> Enfant:
        d = self.cleaned_data
        enfant = self.existant or Enfant(**{nom: d[nom] for nom in self.champs})
        if self.existant is None:
            enfant.full_clean()
            enfant.save()
        Rattachement.objects.create(enfant=enfant, famille=self.famille, du=self.jour)
        annee = AnneeScolaire.objects.filter(fin__gte=self.jour).order_by("debut").first()
        if d["ecole"] and annee:
            Scolarite.objects.get_or_create(
                enfant=enfant, annee=annee, defaults={"ecole": d["ecole"], "niveau": d["niveau"]}
            )
        return enfant

    def resume(self, donnees: dict) -> str:
        return f"{donnees.get('prenom', '')} {donnees.get('nom', '')}".strip()


class AutorisationsEnfant(TypeDemande):
    code = "autorisations"
    libelle = "Autorisations"
    filtre = "Autorisations"
    categorie = ENFANT
    icone = "bouclier"
    chapo = "Cochez ce que vous autorisez."
    autorite_parentale = True
    modele = Autorisations
    champs = ("droit_image", "sortie_seul", "soins_urgence", "transport", "baignade")

    def ligne(self) -> Autorisations | None:
        return Autorisations.objects.filter(enfant=self.enfant).first()


class DonneesSanitaires(TypeDemande):
    code = "donnees-sanitaires"
    libelle = "Données sanitaires"
    filtre = "Données sanitaires"
    categorie = ENFANT
    icone = "plus"
    chapo = "Ce que les équipes doivent savoir pour s’occuper de votre enfant. Elles seules le lisent."
    permission = "demandes.voir_sante"
    en_masse = False
    autorite_parentale = True
    modele = FicheSanitaire
    champs = (
        "regime",
        "allergies",
        "pai",
        "panier_repas",
        "lunettes",
        "appareils",
        "medecin",
        "telephone_medecin",
        "vaccins_a_jour",
        "observations",
    )

    def preparer(self) -> None:
        for nom in ("allergies", "observations"):
            self.fields[nom].widget.attrs["rows"] = 3
            self.fields[nom].max_length = 2000
        self.fields["telephone_medecin"].widget.input_type = "tel"

    def ligne(self) -> FicheSanitaire | None:
        return FicheSanitaire.objects.filter(enfant=self.enfant).first()
