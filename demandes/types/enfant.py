"""Kinds of « Mes enfants »: a new child, what the parents allow, the health sheet."""

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Q

from enfants import regles
from enfants.models import (
    AnneeScolaire,
    Autorisations,
    Enfant,
    FicheSanitaire,
    Niveau,
    Prestation,
    Rattachement,
    Scolarite,
    Structure,
)

from .base import ENFANT, ChampDate, TypeDemande
from .inscription import NOM, OCCASIONNEL, InscriptionService


class EtatCivil(TypeDemande):
    """Who a child is: the fields a new child and a known one share."""

    categorie = ENFANT
    du_demandeur = False
    modele = Enfant
    champs = ("nom", "prenom", "sexe", "naissance", "lieu_naissance")
    duos = frozenset({"nom", "prenom", "sexe", "naissance"})
    AGE_MAX = 20

    def preparer(self) -> None:
        self.fields["naissance"] = ChampDate(label="Date de naissance")

    def clean_naissance(self):
        naissance = self.cleaned_data["naissance"]
        if naissance.year < self.jour.year - self.AGE_MAX:
            raise ValidationError("Vérifiez l’année de naissance.")
        if naissance > self.jour:
            raise ValidationError("La date de naissance ne peut pas être dans le futur.")
        return naissance


class Identite(EtatCivil):
    """Both households read the same name: the parent who asks exercises the authority."""

    code = "identite"
    libelle = "Identité"
    filtre = "Identité"
    icone = "personne"
    chapo = "Une faute dans un nom, une date à corriger\N{NO-BREAK SPACE}? Écrivez ce qui figure sur le livret de famille."
    pieces = "Livret de famille, ou acte de naissance"
    pieces_ephemeres = True
    autorite_parentale = True

    def ligne(self) -> Enfant | None:
        return Enfant.objects.filter(pk=self.enfant.pk).first()


class ChampServices(forms.ModelMultipleChoiceField):
    """One of these services or none: Django asks the database for whatever number was posted, and SQLite overflows."""

    def clean(self, value):
        connus = {str(pk) for pk in self.queryset.values_list("pk", flat=True)}
        if isinstance(value, list | tuple) and (inconnus := {str(v) for v in value} - connus):
            raise ValidationError(
                self.error_messages["invalid_choice"],
                code="invalid_choice",
                params={"value": inconnus.pop()[:20]},
            )
        return super().clean(value)

    def label_from_instance(self, prestation: Prestation) -> str:
        return str(prestation)


class AjouterEnfant(EtatCivil):
    """A child the town does not know yet, or knows in its other household: the agent says which."""

    code = "ajouter-enfant"
    pieces = "Livret de famille, ou acte de naissance"
    pieces_ephemeres = True
    libelle = "Ajouter un enfant"
    etape = "Remplir"
    filtre = "Nouvel enfant"
    icone = "personne-plus"
    chapo = "La mairie vérifie ces informations, puis l’enfant apparaît dans «\N{NO-BREAK SPACE}Mes enfants\N{NO-BREAK SPACE}»."
    en_masse = False
    cle = ("nom", "prenom", "naissance")
    ecole = forms.ModelChoiceField(
        label="École souhaitée",
        queryset=Structure.objects.none(),
        required=False,
        empty_label="Non scolarisé",
    )
    niveau = forms.ChoiceField(
        label="Classe souhaitée", choices=[("", "Non scolarisé"), *Niveau.choices], required=False
    )
    annee = forms.ModelChoiceField(
        label="Année scolaire", queryset=AnneeScolaire.objects.none(), required=False, empty_label=None
    )
    services = ChampServices(
        label="Services souhaités",
        queryset=Prestation.objects.none(),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="Cantine, garderie, mercredis… La mairie répond à chacun, une fois l’enfant enregistré.",
    )
    services_du = ChampDate(
        label="À partir du", required=False, help_text="À remplir si vous avez coché un service."
    )
    groupes = (
        ("Votre enfant", EtatCivil.champs),
        ("École", ("ecole", "niveau", "annee")),
        ("Services", ("services", "services_du")),
    )
    duos = EtatCivil.duos | {"niveau", "annee"}

    def preparer(self) -> None:
        super().preparer()
        self.fields["ecole"].queryset = Structure.objects.filter(
            Q(archivee_le=None) | Q(archivee_le__gt=self.jour), genre=Structure.Genre.ECOLE
        )
        self.fields["annee"].queryset = AnneeScolaire.objects.filter(fin__gte=self.jour).order_by("debut")
        self.fields["services"].queryset = Prestation.objects.proposees(self.jour).select_related("structure")
        self.existant = None  # the child of another household the agent recognised

    def lire(self) -> dict:
        return {}

    def clean(self) -> dict:
        donnees = super().clean()
        if bool(donnees.get("ecole")) != bool(donnees.get("niveau")) and not self.errors:
            self.add_error("niveau", "Indiquez l’école et la classe, ou ni l’une ni l’autre.")
        if not donnees.get("ecole"):
            donnees["annee"] = None
        if not self.errors:
            self._verifier_les_services(donnees)
        if not self.errors and self.semblables().de_la_famille(self.famille, self.jour).exists():
            self.add_error("prenom", "Cet enfant est déjà dans votre famille.")
        return donnees

    def _verifier_les_services(self, donnees: dict) -> None:
        """The child must be old enough on the first day asked."""
        if not donnees["services"]:
            donnees["services_du"] = None
            return
        du = donnees["services_du"]
        if du is None or du < self.depuis or du.year > self.jour.year + 2:
            self.add_error(
                "services_du",
                "Choisissez le premier jour\N{NO-BREAK SPACE}: il est à venir, dans moins de deux ans.",
            )
            return
        enfant = Enfant(**{nom: donnees[nom] for nom in self.champs})
        niveau = donnees["niveau"] if donnees["ecole"] else ""
        for prestation in donnees["services"]:
            if refus := regles.phrase_hors_dates(prestation, du):
                self.add_error("services_du", refus)
            elif refus := regles.phrase_ineligible(prestation, enfant, du, niveau):
                self.add_error("services", f"{prestation.nom}\N{NO-BREAK SPACE}: {refus}")

    def semblables(self):
        """Children of the same name and birth date, whichever their household. Needs a valid form."""
        d = self.cleaned_data
        return Enfant.objects.filter(
            nom__iexact=d["nom"], prenom__iexact=d["prenom"], naissance=d["naissance"]
        )

    def appliquer(self, par, maintenant) -> Enfant:
        d = self.cleaned_data
        enfant = self.existant or Enfant(**{nom: d[nom] for nom in self.champs})
        if self.existant is None:
            enfant.full_clean()
            enfant.save()
        Rattachement.objects.create(enfant=enfant, famille=self.famille, du=self.jour)
        annee = d["annee"] or AnneeScolaire.objects.filter(fin__gte=self.jour).order_by("debut").first()
        if d["ecole"] and annee:
            Scolarite.objects.get_or_create(
                enfant=enfant, annee=annee, defaults={"ecole": d["ecole"], "niveau": d["niveau"]}
            )
        return enfant

    def suites(self, enfant: Enfant | None) -> list[tuple[str, dict]]:
        """A demande « Inscription » for each service wished: each has its rules, its places, its own answer. To
        accept a child enrols nobody silently, and a full service does not hold the child back.
        """
        du = max(self.cleaned_data["services_du"] or self.jour, self.jour)
        return [
            (
                InscriptionService.code,
                {
                    "prestation": str(prestation.pk),
                    NOM: prestation.nom,
                    "mode": OCCASIONNEL,
                    "jours": "",
                    "du": du.isoformat(),
                },
            )
            for prestation in self.cleaned_data["services"]
        ]

    @classmethod
    def en_bref(cls, demande) -> str:
        """Its name: the child it created, if any, is the same."""
        d = demande.donnees
        return f"{d.get('prenom', '')} {d.get('nom', '')}".strip() or str(demande.enfant or "")


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
    pieces = "PAI, ordonnance, certificat, s’il y en a"
    sensible = True
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
