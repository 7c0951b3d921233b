"""What every kind of demande is: a form that knows the current values and how to apply the new ones."""

from datetime import date
from decimal import Decimal
from hashlib import sha256
from typing import Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError
from django.utils.formats import date_format
from django.utils.functional import cached_property

from enfants.models import Enfant, Rattachement
from familles.models import Famille

COMPTE, ENFANT = "compte", "enfant"
PLUS_RATTACHE = "Cet enfant n’est plus rattaché à cette famille."
SANS_AUTORITE = "Seul un parent qui exerce l’autorité parentale peut demander ce changement."


def en_json(valeur: Any) -> bool | str:
    """A form value as it is stored and compared: booleans stay, the rest is the text one would post."""
    if valeur is None:
        return ""
    if isinstance(valeur, bool):
        return valeur
    if isinstance(valeur, date):
        return valeur.isoformat()
    if isinstance(valeur, Decimal):
        return format(valeur.normalize(), "f")
    if hasattr(valeur, "pk"):
        return str(valeur.pk)
    return str(valeur).strip()


class ChampDate(forms.DateField):
    """The browser's own date picker; what is typed may also be « 08/11/2026 »."""

    widget = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")


class TypeDemande(forms.Form):
    """One kind: a class here and a line in TYPES. The same form validates on sending and on accepting.

    A kind over one row sets `modele`, `champs` and `ligne()`; the others write `lire()` and `appliquer()`.
    """

    do_not_call_in_templates = True  # a template reads `demande.genre.libelle`: the class, not an instance
    code: ClassVar[str] = ""
    libelle: ClassVar[str] = ""
    filtre: ClassVar[str] = ""  # the guide's name of the filter
    categorie: ClassVar[str] = COMPTE
    icone: ClassVar[str] = "crayon"
    chapo: ClassVar[str] = ""
    permission: ClassVar[str] = ""  # what an agent needs to read the values
    masques: ClassVar[frozenset[str]] = frozenset()  # never prefilled, shown by their last characters
    d_un_bloc: ClassVar[bool] = False  # one change stores every field: they only make sense together
    en_masse: ClassVar[bool] = True  # an agent may accept many at once
    remplace: ClassVar[bool] = True  # a new demande takes the place of the one waiting on the same subject
    planning: ClassVar[bool] = False  # made of days
    autorite_parentale: ClassVar[bool] = False
    modele: ClassVar[type | None] = None
    champs: ClassVar[tuple[str, ...]] = ()
    obligatoires: ClassVar[tuple[str, ...]] = ()
    completions: ClassVar[dict[str, str]] = {}  # autocomplete tokens

    def __init__(
        self,
        data=None,
        *,
        famille: Famille,
        enfant: Enfant | None = None,
        jour: date,
        depuis: date | None = None,
        propose: dict | None = None,
    ) -> None:
        """`depuis`: the day it was sent, `jour` when it is being sent. `propose`: values of the demande still
        waiting, shown instead of the current ones.
        """
        super().__init__(data, label_suffix="")
        self.famille, self.enfant, self.jour, self.depuis = famille, enfant, jour, depuis or jour
        if self.modele:
            self.fields = forms.fields_for_model(self.modele, self.champs) | self.fields
            for nom in self.champs:
                # Django leaves the model's validators to full_clean: here they must speak when the family sends.
                deja = self.fields[nom].validators
                siens = self.modele._meta.get_field(nom).validators
                # localflavor's __eq__ fails on a validator of another class.
                deja += [v for v in siens if not any(type(v) is type(d) and v == d for d in deja)]
                self._dire_le_vide(self.fields[nom])
        for nom in self.obligatoires:
            self.fields[nom].required = True
        for nom, jeton in self.completions.items():
            self.fields[nom].widget.attrs["autocomplete"] = jeton
        self.propose = propose or {}
        self.preparer()

    @staticmethod
    def _dire_le_vide(champ: forms.Field) -> None:
        if isinstance(champ, forms.ChoiceField) and not isinstance(champ, forms.ModelChoiceField):
            champ.choices = [(v, t if v else "Non renseigné") for v, t in champ.choices]

    @classmethod
    def permission_pour(cls, donnees: dict) -> str:
        """What an agent needs to read a demande of this kind with these values."""
        return cls.permission

    def preparer(self) -> None:
        """Last touches to the fields of this instance."""

    def get_initial_for_field(self, field, field_name):
        if field_name in self.masques:
            return ""
        valeur = self.propose.get(field_name, self.valeurs[field_name])
        return valeur.replace(".", ",") if isinstance(field, forms.DecimalField) else valeur

    def clean(self) -> dict:
        """When it is sent and when it is accepted: the household still holds the child, with the authority asked."""
        donnees = super().clean()
        if self.enfant is not None and not self.planning:
            liens = Rattachement.objects.filter(
                Rattachement.en_cours("", self.jour), enfant=self.enfant, famille=self.famille
            )
            autorites = list(liens.order_by("pk").values_list("autorite_parentale", flat=True))
            if not autorites:
                raise ValidationError(PLUS_RATTACHE)
            if self.autorite_parentale and not any(autorites):
                raise ValidationError(SANS_AUTORITE)
        return donnees

    # --- current values ---------------------------------------------------------------------------

    def ligne(self):
        """The row this kind changes, or None when there is none yet."""
        return None

    def lire(self) -> dict[str, Any]:
        """Current values of the fields."""
        ligne = self.ligne() or self.modele()
        return {nom: getattr(ligne, nom) for nom in self.champs}

    @cached_property
    def valeurs(self) -> dict[str, bool | str]:
        """Current values, as they are stored and compared."""
        lues = {nom: en_json(valeur) for nom, valeur in self.lire().items()}
        return {nom: lues.get(nom, "") for nom in self.fields}

    def empreinte(self) -> str:
        """Fingerprint of the current values: an agent accepts over what they saw, nothing else."""
        return sha256(repr(sorted(self.valeurs.items())).encode()).hexdigest()[:16]

    # --- what is asked ----------------------------------------------------------------------------

    def proposees(self) -> dict[str, bool | str]:
        """Values asked, once the form is valid. A masked field left blank keeps its current value."""
        saisies = {nom: en_json(self.cleaned_data.get(nom)) for nom in self.fields}
        return saisies | {n: self.valeurs[n] for n in self.masques if n in saisies and not saisies[n]}

    def changements(self) -> dict[str, bool | str]:
        """What differs from the current values; every field for a kind in one block."""
        proposees = self.proposees()
        changees = {nom: v for nom, v in proposees.items() if v != self.valeurs[nom]}
        return proposees if changees and self.d_un_bloc else changees

    def appliquer(self) -> Enfant | None:
        """Write the accepted values, inside the transaction of the decision, family and child locked.

        Returns the child it created, if any. Raises ValidationError when the database would refuse.
        """
        ligne = self.ligne() or self.modele(**self.proprietaire())
        for nom in self.champs:
            setattr(ligne, nom, self.cleaned_data[nom])
        ligne.full_clean()
        ligne.save()
        return None

    def proprietaire(self) -> dict[str, Any]:
        """Whose row it is, when it must be created."""
        return {"enfant": self.enfant} if self.categorie == ENFANT else {"famille": self.famille}

    # --- in words ---------------------------------------------------------------------------------

    def afficher(self, nom: str, valeur: bool | str, en_clair: bool = False) -> str:
        """A stored value for a person; an empty string when there is none."""
        champ = self.fields.get(nom)
        if isinstance(valeur, bool) or isinstance(champ, forms.BooleanField):
            return "Oui" if valeur else "Non"
        if valeur == "":
            return ""
        if nom in self.masques and not en_clair:
            return f"•••• {valeur[-4:]}"
        if isinstance(champ, forms.ModelChoiceField):
            return next((str(o) for o in champ.queryset if str(o.pk) == valeur), valeur)
        if isinstance(champ, forms.ChoiceField):
            return str(dict(champ.choices).get(valeur, valeur))
        if isinstance(champ, forms.DateField):
            return date_format(date.fromisoformat(valeur), "d/m/Y")
        if isinstance(champ, forms.DecimalField):
            return valeur.replace(".", ",")
        return valeur

    def etiquette(self, nom: str) -> str:
        champ = self.fields.get(nom)
        texte = str(champ.label or nom) if champ else nom
        return texte[:1].upper() + texte[1:]

    def resume(self, donnees: dict) -> str:
        """One line for a list: which informations, never their values (they may be masked)."""
        mots = [self.etiquette(nom) for nom in self.fields if nom in donnees]
        # « Adresse, ville, IBAN »: acronyms keep their capitals.
        return ", ".join(
            m if n == 0 or m[1:2].isupper() else m[:1].lower() + m[1:] for n, m in enumerate(mots)
        )
