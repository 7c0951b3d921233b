"""« Coordonnées bancaires »: the account, and the direct debit: its mandate signed, moved to another account, ended."""

from dataclasses import dataclass
from datetime import date

from django import forms
from django.core.exceptions import ValidationError
from django.utils.functional import cached_property
from localflavor.generic.countries.sepa import IBAN_SEPA_COUNTRIES
from localflavor.generic.forms import BICFormField, IBANFormField

from facturation.models import Regie
from familles.models import CoordonneesBancaires, MandatSepa
from familles.models.mandat import iban_lisible
from portail.socle.models import Collectivite

from .base import Ligne, Section, TypeDemande, Valeur

RUM = "rum"


@dataclass(frozen=True)
class Creancier:
    """Who takes the money: the town's régie that has a creditor identifier (ICS)."""

    nom: str
    adresse: str
    ics: str

    @classmethod
    def actuel(cls) -> "Creancier":
        ville = Collectivite.actuelle()
        regie = Regie.objects.exclude(ics="").order_by("nom").first()
        lieu = regie if regie and regie.adresse else ville
        nom = f"{ville.nom}, {regie.nom}" if regie else ville.nom
        return cls(nom, adresse_en_mots(lieu), regie.ics if regie else "")


@dataclass(frozen=True)
class TexteMandat:
    """The mandate as the family reads it before signing."""

    rum: str
    creancier: Creancier
    titulaire: str
    titulaire_adresse: str
    iban: str
    bic: str
    jour: date

    @property
    def iban_lisible(self) -> str:
        return iban_lisible(self.iban)


def adresse_en_mots(lieu) -> str:
    """« 12 rue des Bonbons, 84990 Belrive-sur-Durance »."""
    return ", ".join(filter(None, [lieu.adresse, f"{lieu.code_postal} {lieu.ville}".strip()]))


class ChampIban(IBANFormField):
    """localflavor's checks, our sentences (« Les IBANs de FR doivent contenir… »)."""

    FRANCAIS = 27

    def run_validators(self, value) -> None:
        try:
            super().run_validators(value)
        except ValidationError:
            if value.startswith("FR") and len(value) != self.FRANCAIS:
                phrase = f"Un IBAN français a {self.FRANCAIS} caractères."
            else:
                phrase = "Cet IBAN n’est pas correct\N{NO-BREAK SPACE}: recopiez-le depuis votre RIB."
            raise ValidationError(phrase, code="invalid") from None


class ChampBic(BICFormField):
    def run_validators(self, value) -> None:
        try:
            super().run_validators(value)
        except ValidationError:
            raise ValidationError(
                "Ce BIC n’est pas correct\N{NO-BREAK SPACE}: il a 8 ou 11 caractères et figure sur votre RIB.",
                code="invalid",
            ) from None


class Bancaires(TypeDemande):
    """The account the household pays with. Asking for direct debits is signing a mandate: the consent box is the
    signature, the day it was sent its date. The town's answer makes it active.
    """

    code = "bancaires"
    pieces = "Votre RIB"
    sensible = True
    libelle = "Coordonnées bancaires"
    filtre = "Informations bancaires"
    icone = "banque"
    chapo = "Recopiez votre RIB. Vous pouvez aussi demander le prélèvement automatique de vos factures."
    permission = "demandes.voir_banque"
    masques = frozenset({"iban"})
    d_un_bloc = True
    en_masse = False
    annexes = frozenset({"consentement"})
    complement = "demandes/mandat.html"
    groupes = (("Votre compte", ("titulaire", "banque", "iban", "bic")),)
    duos = frozenset({"titulaire", "banque"})
    modele = CoordonneesBancaires
    champs = ("titulaire", "banque", "iban", "bic")
    prelevement = forms.BooleanField(
        label="Prélèvement automatique de mes factures",
        required=False,
        help_text="Vos factures sont payées à leur échéance. Vous pouvez y renoncer à tout moment.",
    )
    consentement = forms.BooleanField(
        label="J’ai lu le mandat de prélèvement SEPA ci-dessous et je le signe", required=False
    )

    def preparer(self) -> None:
        self.fields["iban"] = ChampIban(label="IBAN", required=False)
        self.fields["bic"] = ChampBic(
            label="BIC", required=False, help_text="Facultatif pour un compte en France."
        )
        for nom in ("iban", "bic"):
            self.fields[nom].widget.attrs |= {"autocomplete": "off", "spellcheck": "false"}
        self.fields["consentement"].help_text = "Seulement si vous demandez le prélèvement automatique."

    @cached_property
    def actif(self) -> MandatSepa | None:
        return self.famille.mandats.filter(etat=MandatSepa.Etat.ACTIF).first()

    def ligne(self) -> CoordonneesBancaires | None:
        return CoordonneesBancaires.objects.filter(famille=self.famille).first()

    def lire(self) -> dict:
        return super().lire() | {"prelevement": self.actif is not None, "consentement": False}

    def sections(self) -> list[Section]:
        """With the IBAN that a blank keeps."""
        if garde := self.propose.get("iban") or self.valeurs["iban"]:
            quel = "de votre demande en attente" if self.propose.get("iban") else "actuel"
            self.fields[
                "iban"
            ].help_text = f"IBAN {quel}\N{NO-BREAK SPACE}: •••• {garde[-4:]}. Laissez vide pour le garder."
        return super().sections()

    def absents(self) -> set[str]:
        return {"consentement"} if self.actif else set()

    def montre_complement(self) -> bool:
        return self.cleaned_data["prelevement"] and self.actif is None

    @cached_property
    def mandat(self) -> TexteMandat | None:
        """What is signed; None when a mandate already runs. Blank where the family has not typed yet."""
        if self.actif is not None:
            return None
        saisies = getattr(self, "cleaned_data", {})
        titulaire = self.famille.titulaire()
        return TexteMandat(
            # The reference the family read when it signed, on the way back from the database.
            rum=self.propose.get(RUM) or MandatSepa.a_signer(self.famille).rum,
            creancier=Creancier.actuel(),
            titulaire=saisies.get("titulaire") or str(self.valeurs["titulaire"]),
            titulaire_adresse=adresse_en_mots(titulaire) if titulaire else "",
            iban=saisies.get("iban") or self.propose.get("iban") or str(self.valeurs["iban"]),
            bic=saisies.get("bic") or "",
            jour=self.depuis,
        )

    def clean(self) -> dict:
        donnees = super().clean()
        iban = donnees.get("iban") or self.propose.get("iban") or self.valeurs["iban"]
        if not iban and "iban" not in self.errors:
            self.add_error("iban", "Indiquez votre IBAN.")
        if iban and not iban.startswith("FR") and not donnees.get("bic") and "bic" not in self.errors:
            self.add_error(
                "bic", "Indiquez le BIC\N{NO-BREAK SPACE}: il est demandé pour un compte hors de France."
            )
        if not donnees.get("prelevement"):
            donnees["consentement"] = False
            return donnees
        if iban and iban[:2] not in IBAN_SEPA_COUNTRIES and "iban" not in self.errors:
            self.add_error("iban", "Le prélèvement n’est possible que sur un compte de la zone SEPA.")
        if self.actif is None and not donnees.get("consentement"):
            self.add_error(
                "consentement",
                "Cochez cette case pour signer le mandat, ou décochez le prélèvement automatique.",
            )
        return donnees

    def changements(self) -> dict[str, Valeur]:
        """With the reference of the mandate signed: it is the one the paper said."""
        changees = super().changements()
        if changees and self.actif is None and self.cleaned_data["prelevement"]:
            changees[RUM] = self.mandat.rum
        return changees

    def phrases(self) -> list[str]:
        if self.actif and not self.cleaned_data["prelevement"]:
            return [
                f"Le mandat {self.actif.rum} sera révoqué\N{NO-BREAK SPACE}: vos factures ne seront plus prélevées."
            ]
        if self.actif:
            return [f"Votre mandat {self.actif.rum} continue avec ces coordonnées."]
        return []

    def lignes(
        self, avant: dict, donnees: dict, actuelles: dict | None = None, en_clair: bool = False
    ) -> list[Ligne]:
        lignes = super().lignes(avant, donnees, actuelles, en_clair)
        if RUM in donnees:
            lignes.append(Ligne(RUM, self.etiquette(RUM), "", str(donnees[RUM])))
        return lignes

    def etiquette(self, nom: str) -> str:
        propres = {"consentement": "Mandat de prélèvement signé", RUM: "Référence du mandat"}
        return propres.get(nom) or super().etiquette(nom)

    def appliquer(self, par, maintenant) -> None:
        super().appliquer(par, maintenant)
        compte = self.ligne()
        if self.actif and self.cleaned_data["prelevement"]:
            self.actif.amender(iban=compte.iban, bic=compte.bic, titulaire=compte.titulaire, le=self.jour)
        elif self.actif:
            self.actif.revoquer(self.jour)
        elif self.cleaned_data["prelevement"]:
            self._signer(compte)

    def _signer(self, compte: CoordonneesBancaires) -> None:
        texte = self.mandat
        mandat = MandatSepa.a_signer(self.famille)
        if mandat.rum != texte.rum:
            raise ValidationError(
                f"La référence {texte.rum} a servi à un autre mandat\N{NO-BREAK SPACE}: la famille doit signer de nouveau."
            )
        mandat.iban, mandat.bic, mandat.titulaire = compte.iban, compte.bic, compte.titulaire
        mandat.titulaire_adresse = texte.titulaire_adresse
        mandat.creancier, mandat.ics = texte.creancier.nom, texte.creancier.ics
        mandat.creancier_adresse = texte.creancier.adresse
        mandat.activer(self.depuis)
