"""Kinds of « Mon compte »: the adults, taxes, benefits, bank."""

from decimal import Decimal

from django import forms
from django.core.exceptions import ValidationError
from django.utils.functional import cached_property

from familles.models import (
    Allocataire,
    Responsable,
    SituationFiscale,
)

from .base import ChampDate, TypeDemande, en_json

ADULTE = (
    "civilite",
    "nom",
    "prenom",
    "qualite",
    "situation",
    "adresse",
    "code_postal",
    "ville",
    "telephone_domicile",
    "telephone_mobile",
    "telephone_professionnel",
    "email",
    "csp",
    "profession",
    "employeur",
    "adresse_employeur",
    "autorisation_sms",
    "autorisation_courriel",
)


class Adulte(TypeDemande):
    """An adult of the family."""

    modele = Responsable
    champs = ADULTE
    obligatoires = ("nom", "prenom")
    rang = Responsable.Rang.TITULAIRE
    icone = "personne"
    colonnes = (
        "qualite",
        "adresse",
        "telephone_domicile",
        "telephone_professionnel",
        "telephone_mobile",
        "email",
        "profession",
        "employeur",
        "adresse_employeur",
    )
    groupes = (
        ("Identité", ("civilite", "nom", "prenom", "qualite", "situation")),
        ("Adresse", ("adresse", "code_postal", "ville")),
        (
            "Téléphones et courriel",
            ("telephone_domicile", "telephone_mobile", "telephone_professionnel", "email"),
        ),
        ("Travail", ("csp", "profession", "employeur", "adresse_employeur")),
        ("Préférences", ("autorisation_sms", "autorisation_courriel")),
    )
    duos = (
        frozenset(ADULTE)
        - {"adresse", "csp", "adresse_employeur"}
        - {"autorisation_sms", "autorisation_courriel"}
    )

    def ligne(self) -> Responsable | None:
        return self.famille.responsables.filter(rang=self.rang).first()

    def proprietaire(self) -> dict:
        return {"famille": self.famille, "rang": self.rang}

    def preparer(self) -> None:
        for nom in ("telephone_domicile", "telephone_mobile", "telephone_professionnel"):
            self.fields[nom].widget.input_type = "tel"
        self.fields["code_postal"].widget.attrs["inputmode"] = "numeric"
        self.fields["adresse"].help_text = "Numéro et rue, bâtiment, appartement."
        self.fields["csp"].help_text = "Votre catégorie socioprofessionnelle. Facultatif."
        self.fields["autorisation_sms"].help_text = "La mairie peut m’envoyer des SMS."
        self.fields["autorisation_courriel"].help_text = "La mairie peut m’écrire par courriel."


class InfosResponsable(Adulte):
    code = "infos-responsable"
    pieces = "Justificatif de domicile, si votre adresse change"
    libelle = "Infos responsable"
    filtre = "Informations responsable"
    chapo = "Votre adresse, vos téléphones, votre situation\N{NO-BREAK SPACE}: corrigez ce qui a changé."
    obligatoires = ("civilite", "nom", "prenom", "adresse", "code_postal", "ville")
    completions = {
        "nom": "family-name",
        "prenom": "given-name",
        "adresse": "street-address",
        "code_postal": "postal-code",
        "ville": "address-level2",
        "telephone_domicile": "home tel",
        "telephone_mobile": "mobile tel",
        "telephone_professionnel": "work tel",
        "email": "email",
        "employeur": "organization",
    }


class Conjoint(Adulte):
    code = "conjoint"
    pieces = "Justificatif de domicile, si son adresse change"
    libelle = "Informations conjoint"
    filtre = "Informations conjoint"
    icone = "enfants"
    rang = Responsable.Rang.CONJOINT
    du_demandeur = False
    chapo = "Corrigez ce qui a changé pour votre conjoint."

    @cached_property
    def declare(self) -> bool:
        return self.ligne() is not None

    @property
    def titre(self) -> str:
        return self.libelle if self.declare else "Déclarer mon conjoint"

    @property
    def accroche(self) -> str:
        if self.declare:
            return self.chapo
        return (
            "Aucun conjoint n’est déclaré dans votre famille. Son nom et son prénom suffisent\N{NO-BREAK SPACE}; "
            "un téléphone permet de le joindre si vous ne répondez pas."
        )

    def preparer(self) -> None:
        super().preparer()
        self.fields["csp"].help_text = "Sa catégorie socioprofessionnelle. Facultatif."
        self.fields["autorisation_sms"].help_text = "La mairie peut lui envoyer des SMS."
        self.fields["autorisation_courriel"].help_text = "La mairie peut lui écrire par courriel."


class Fiscales(TypeDemande):
    """A year's tax notice: a new year is a new row."""

    code = "fiscales"
    pieces = "Votre avis d’impôt"
    libelle = "Informations fiscales"
    filtre = "Informations fiscales"
    icone = "pieces"
    chapo = "Recopiez les chiffres de votre dernier avis d’impôt."
    d_un_bloc = True
    modele = SituationFiscale
    champs = ("annee", "revenu_fiscal_reference", "parts", "personnes_a_charge")

    def preparer(self) -> None:
        self.fields["annee"] = forms.IntegerField(
            label="Année de l’avis d’impôt", min_value=2000, max_value=self.jour.year
        )
        self.fields["parts"].localize = True
        self.fields["parts"].widget = forms.TextInput(attrs={"inputmode": "decimal"})

    def ligne(self) -> SituationFiscale | None:
        return self.famille.situations_fiscales.order_by("-annee").first()

    def lire(self) -> dict:
        ligne = self.ligne()
        return {nom: getattr(ligne, nom) if ligne else None for nom in self.champs}

    def clean_parts(self) -> Decimal:
        parts = self.cleaned_data["parts"]
        if parts <= 0:
            raise ValidationError("Le nombre de parts est plus grand que zéro.")
        return parts

    def appliquer(self, par, maintenant) -> None:
        valeurs = {nom: self.cleaned_data[nom] for nom in self.champs if nom != "annee"}
        self.famille.situations_fiscales.update_or_create(annee=self.cleaned_data["annee"], defaults=valeurs)


class Caf(TypeDemande):
    """Benefits office and quotient. A new quotient is a new row of the history, never a rewritten one."""

    code = "caf"
    pieces = "Votre attestation de quotient (CAF ou MSA)"
    libelle = "Informations CAF"
    filtre = "Informations CAF"
    icone = "coeur-maison"
    chapo = "Votre quotient familial fixe vos prix. Accepté par la mairie, il s’applique à partir du jour de votre demande, jamais avant."
    modele = Allocataire
    champs = ("regime", "organisme", "numero")
    quotient = forms.DecimalField(
        label="Quotient familial",
        max_digits=8,
        decimal_places=2,
        min_value=0,
        required=False,
        localize=True,
        widget=forms.TextInput(attrs={"inputmode": "decimal"}),
        help_text="Il figure sur votre attestation de paiement CAF ou MSA.",
    )
    quotient_du = ChampDate(label="Quotient valable du", required=False)
    quotient_au = ChampDate(label="Quotient valable jusqu’au", required=False)

    def ligne(self) -> Allocataire | None:
        return Allocataire.objects.filter(famille=self.famille).first()

    def preparer(self) -> None:
        self.fields["numero"].widget.attrs["inputmode"] = "numeric"

    def lire(self) -> dict:
        actuel = self.famille.quotient(self.jour)
        return super().lire() | {
            "quotient": actuel.valeur if actuel else None,
            "quotient_du": actuel.du if actuel else None,
            "quotient_au": actuel.au if actuel else None,
        }

    def changements(self) -> dict:
        """A quotient and its dates go together."""
        changees = super().changements()
        trio = {"quotient", "quotient_du", "quotient_au"}
        return changees | {n: self.proposees()[n] for n in trio} if trio & changees.keys() else changees

    def clean(self) -> dict:
        donnees = super().clean()
        valeur, du, au = (donnees.get(n) for n in ("quotient", "quotient_du", "quotient_au"))
        if valeur is None and (du or au) and "quotient" not in self.errors:
            self.add_error("quotient", "Indiquez le quotient qui correspond à ces dates.")
        if valeur is None and self.valeurs["quotient"] and "quotient" not in self.errors and not (du or au):
            self.add_error("quotient", "Un quotient ne s’efface pas\N{NO-BREAK SPACE}: indiquez le nouveau.")
        if valeur is not None and not du and "quotient_du" not in self.errors:
            self.add_error("quotient_du", "Indiquez à partir de quand ce quotient est valable.")
        if du and au and au < du:
            self.add_error("quotient_au", "La fin ne peut pas précéder le début.")
        if au and au < self.depuis and en_json(au) != self.valeurs["quotient_au"]:
            self.add_error("quotient_au", "Cette attestation n’est plus valable.")
        return donnees

    def appliquer(self, par, maintenant) -> None:
        super().appliquer(par, maintenant)
        d = self.cleaned_data
        actuel = self.famille.quotient(self.jour)
        if d["quotient"] is None or (
            actuel
            and (actuel.valeur, actuel.du, actuel.au) == (d["quotient"], d["quotient_du"], d["quotient_au"])
        ):
            return
        # Never retroactive: days before the demande keep the quotient they had.
        self.famille.donner_quotient(d["quotient"], max(d["quotient_du"], self.depuis), d["quotient_au"])
