"""What every kind of demande is: a form that knows the current values and how to apply the new ones."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from hashlib import sha256
from typing import Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from django.utils.formats import date_format
from django.utils.functional import cached_property

from enfants.models import Enfant, Rattachement
from familles.models import Famille

COMPTE, ENFANT = "compte", "enfant"
PLUS_RATTACHE = "Cet enfant n’est plus rattaché à cette famille."
SANS_AUTORITE = "Seul un parent qui exerce l’autorité parentale peut demander ce changement."


Valeur = bool | str | list[str]


def en_json(valeur: Any) -> Valeur:
    """A form value as it is stored and compared: booleans stay, the rest is the text one would post.

    Several choices are a list, none is an empty text: what was never answered and what was emptied are the same.
    """
    if valeur is None:
        return ""
    if isinstance(valeur, list | tuple | QuerySet):
        return [en_json(v) for v in valeur] or ""
    if isinstance(valeur, bool):
        return valeur
    if isinstance(valeur, date):
        return valeur.isoformat()
    if isinstance(valeur, Decimal):
        return format(valeur.normalize(), "f")
    if hasattr(valeur, "pk"):
        return str(valeur.pk)
    return str(valeur).strip()


@dataclass(frozen=True)
class Ligne:
    """A value that changes: what stood there, what is asked, and what stands now when that moved since."""

    nom: str
    libelle: str
    avant: str
    apres: str
    actuel: str = ""
    a_change: bool = False
    efface: bool = False  # emptied since: only its name is kept
    sans_avant: bool = False  # of something new: there was nothing to fill in


@dataclass(frozen=True)
class Section:
    """A group of fields of the page; `depliant`: folded under its title, unless `ouverte`."""

    titre: str
    champs: list[forms.BoundField]
    aide: str = ""
    depliant: bool = False
    ouverte: bool = False
    larges: frozenset[str] = field(default_factory=frozenset)


def champs_du_modele(modele, noms: Iterable[str]) -> dict[str, forms.Field]:
    """Form fields of these columns, with everything the model checks."""
    champs = forms.fields_for_model(modele, noms)
    for nom, champ in champs.items():
        # Django leaves the model's validators to full_clean: here they must speak when the family sends.
        siens = modele._meta.get_field(nom).validators
        # localflavor's __eq__ fails on a validator of another class.
        champ.validators += [
            v for v in siens if not any(type(v) is type(d) and v == d for d in champ.validators)
        ]
        if isinstance(champ, forms.ChoiceField) and not isinstance(champ, forms.ModelChoiceField):
            vide = "Choisissez" if champ.required else "Non renseigné"
            champ.choices = [(v, t if v else vide) for v, t in champ.choices]
    return champs


class ChampDate(forms.DateField):
    """The browser's own date picker; what is typed may also be « 08/11/2026 »."""

    widget = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")


class TypeDemande(forms.Form):
    """One kind: a class here and a line in TYPES. The same form validates on sending and on accepting.

    A kind over one row sets `modele`, `champs` and `ligne()`; the others write `lire()` and `appliquer()`.
    """

    do_not_call_in_templates = True  # a template reads `demande.genre.libelle`: the class, not an instance
    code: ClassVar[str] = ""
    fait = ""  # a sentence of `appliquer` for the family, when the values do not say all it did
    libelle: ClassVar[str] = ""
    etape: ClassVar[str] = "Modifier"  # what one does first
    filtre: ClassVar[str] = ""  # the guide's name of the filter
    menu: ClassVar[str] = ""  # in the menu of a child's page, when it is not `libelle`
    categorie: ClassVar[str] = COMPTE
    icone: ClassVar[str] = "crayon"
    chapo: ClassVar[str] = ""
    permission: ClassVar[str] = ""  # what an agent needs to read the values
    pieces: ClassVar[str] = ""  # the documents to join, in words; empty: none
    pieces_obligatoires: ClassVar[bool] = False
    sensible: ClassVar[bool] = False  # bank, health: emptied some days after the decision, but for `gardes`
    gardes: ClassVar[frozenset[str]] = frozenset()
    pieces_ephemeres: ClassVar[bool] = (
        False  # identity papers: the copies go with the same delay, the values stay
    )
    masques: ClassVar[frozenset[str]] = frozenset()  # never prefilled, shown by their last characters
    d_un_bloc: ClassVar[bool] = False  # one change stores every field: they only make sense together
    en_masse: ClassVar[bool] = True  # an agent may accept many at once
    remplace: ClassVar[bool] = True  # a new demande takes the place of the one waiting on the same subject
    planning: ClassVar[bool] = False  # made of days
    prend_des_places: ClassVar[bool] = (
        False  # accepting moves places: `enfants.places` locks the children itself
    )
    autorite_parentale: ClassVar[bool] = False
    modele: ClassVar[type | None] = None
    champs: ClassVar[tuple[str, ...]] = ()
    obligatoires: ClassVar[tuple[str, ...]] = ()
    completions: ClassVar[dict[str, str]] = {}  # autocomplete tokens
    du_demandeur: ClassVar[bool] = True  # about the person who types: the browser may help
    # What makes two waiting demandes the same subject, besides the kind and the child.
    cle: ClassVar[tuple[str, ...]] = ()
    annexes: ClassVar[frozenset[str]] = frozenset()  # no change by themselves: a consent
    groupes: ClassVar[tuple[tuple[str, tuple[str, ...]], ...]] = ()  # fieldsets; fields of none come last
    duos: ClassVar[frozenset[str]] = frozenset()  # short fields: two on a line where there is room
    # Columns of the list that are there even when nobody asked them (the guide's), in order; none: every field.
    colonnes: ClassVar[tuple[str, ...]] = ()
    complement: ClassVar[str] = ""  # template of what the page shows besides the fields

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
            self.fields = champs_du_modele(self.modele, self.champs) | self.fields
        for nom in self.obligatoires:
            self.fields[nom].required = True
        for nom, jeton in self.completions.items():
            self.fields[nom].widget.attrs["autocomplete"] = jeton
        self.propose = propose or {}
        self.preparer()
        if not self.du_demandeur:
            for champ in self.fields.values():
                # Somebody else's name, phone, address: the browser must not offer those of the person who types.
                champ.widget.attrs.setdefault("autocomplete", "off")

    @classmethod
    def permission_pour(cls, donnees: dict) -> str:
        """What an agent needs to read a demande of this kind with these values."""
        return cls.permission

    @classmethod
    def pieces_pour(cls, donnees: dict) -> str:
        """The documents to join to a demande of this kind with these values; empty: none."""
        return cls.pieces

    @classmethod
    def sensibles(cls) -> Q:
        """Which demandes of a `sensible` kind hold bank or health values."""
        return Q(type=cls.code)

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

    @property
    def titre(self) -> str:
        return self.libelle

    @property
    def accroche(self) -> str:
        return self.chapo

    def sections(self) -> list[Section]:
        """The fields as the page groups them."""
        absents = self.absents()
        ranges = {n for _, noms in self.groupes for n in noms}
        groupes = [*self.groupes, ("", tuple(n for n in self.fields if n not in ranges | absents))]
        larges = frozenset(n for n in self.fields if n not in self.duos)
        return [Section(titre, [self[n] for n in noms], larges=larges) for titre, noms in groupes if noms]

    def absents(self) -> set[str]:
        """Fields of no group that make no sense for this family now."""
        return set()

    def montre_complement(self) -> bool:
        """Whether the recap shows `complement` again. Needs a valid form."""
        return False

    def phrases(self) -> list[str]:
        """What the family should know before sending, once the form is valid."""
        return []

    # --- current values ---------------------------------------------------------------------------

    def ligne(self):
        """The row this kind changes, or None when there is none yet."""
        return None

    def lire(self) -> dict[str, Any]:
        """Current values of the fields."""
        ligne = self.ligne() or self.modele()
        return {nom: getattr(ligne, nom) for nom in self.champs}

    @cached_property
    def valeurs(self) -> dict[str, Valeur]:
        """Current values, as they are stored and compared."""
        lues = {nom: en_json(valeur) for nom, valeur in self.lire().items()}
        return {nom: lues.get(nom, "") for nom in self.fields}

    def empreinte(self) -> str:
        """Fingerprint of the current values: an agent accepts over what they saw, nothing else."""
        return sha256(repr(sorted(self.valeurs.items())).encode()).hexdigest()[:16]

    def a_change(self, avant: dict) -> bool:
        """Whether the current values are no longer those that stood there when it was sent."""
        return any(self.valeurs[n] != v for n, v in avant.items() if n in self.valeurs)

    # --- what is asked ----------------------------------------------------------------------------

    def proposees(self) -> dict[str, Valeur]:
        """Values asked, once the form is valid. A masked field left blank keeps the value it stood for: that of
        the demande it replaces, or the current one.
        """
        saisies = {nom: en_json(self.cleaned_data.get(nom)) for nom in self.fields}
        vides = {n for n in self.masques if n in saisies and not saisies[n]}
        return saisies | {n: self.propose.get(n) or self.valeurs[n] for n in vides}

    def changements(self) -> dict[str, Valeur]:
        """What differs from the current values; every field for a kind in one block."""
        proposees = self.proposees()
        changees = {n: v for n, v in proposees.items() if n not in self.annexes and v != self.valeurs[n]}
        return proposees if changees and self.d_un_bloc else changees

    def appliquer(self, par, maintenant: datetime) -> Enfant | None:
        """Write the accepted values, inside the transaction of the decision, family and child locked.

        Returns the child it created, if any. Raises ValidationError when the database would refuse.
        """
        ligne = self.ligne() or self.modele(**self.proprietaire())
        for nom in self.champs:
            setattr(ligne, nom, self.cleaned_data[nom])
        ligne.full_clean()
        # Only its columns: what the demande does not speak of may have changed under another form.
        ligne.save(update_fields=None if ligne._state.adding else self.champs)
        return None

    def suites(self, enfant: Enfant | None) -> list[tuple[str, dict]]:
        """Demandes this one opens once applied: (kind, values), about that child."""
        return []

    def proprietaire(self) -> dict[str, Any]:
        """Whose row it is, when it must be created."""
        return {"enfant": self.enfant} if self.categorie == ENFANT else {"famille": self.famille}

    # --- in words ---------------------------------------------------------------------------------

    def lignes(
        self, avant: dict, donnees: dict, actuelles: dict | None = None, en_clair: bool = False
    ) -> list[Ligne]:
        """Rows of the « avant → après » table. `actuelles`: what stands now, for an agent only."""
        lignes = []
        for nom in (n for n in self.fields if n in donnees):
            ancienne, nouvelle = avant.get(nom, ""), donnees[nom]
            actuelle = ancienne if actuelles is None else actuelles.get(nom, "")
            if ancienne == nouvelle and actuelle == ancienne:
                continue
            mots = [self.afficher(nom, v, en_clair) for v in (ancienne, nouvelle, actuelle)]
            lignes.append(Ligne(nom, self.etiquette(nom), *mots, a_change=actuelle != ancienne))
        return lignes

    def afficher(self, nom: str, valeur: Valeur, en_clair: bool = False) -> str:
        """A stored value for a person; an empty string when there is none."""
        champ = self.fields.get(nom)
        if isinstance(valeur, list):
            return ", ".join(filter(None, (self._afficher_choix(champ, v) for v in valeur)))
        if isinstance(valeur, bool) or isinstance(champ, forms.BooleanField):
            return "Oui" if valeur else "Non"
        if valeur == "":
            return ""
        if nom in self.masques and not en_clair:
            return f"•••• {valeur[-4:]}"
        if isinstance(champ, forms.ChoiceField):
            return self._afficher_choix(champ, valeur)
        if isinstance(champ, forms.DateField):
            return date_format(date.fromisoformat(valeur), "d/m/Y")
        if isinstance(champ, forms.DecimalField):
            return valeur.replace(".", ",")
        return valeur

    @staticmethod
    def _afficher_choix(champ: forms.Field | None, valeur: str) -> str:
        if isinstance(champ, forms.ModelChoiceField):
            return next((champ.label_from_instance(o) for o in champ.queryset if str(o.pk) == valeur), valeur)
        return str(dict(champ.choices).get(valeur, valeur)) if champ else valeur

    def etiquette(self, nom: str) -> str:
        champ = self.fields.get(nom)
        texte = str(champ.label or nom) if champ else nom
        return texte[:1].upper() + texte[1:]

    @classmethod
    def en_bref(cls, demande) -> str:
        """One line for a list, without a query: « Léa, droit à l’image »."""
        vide = cls(famille=demande.famille, jour=demande.envoyee_le.date())
        return cls.pour(demande.enfant, vide.resume(demande.donnees or dict.fromkeys(demande.effaces, "")))

    @staticmethod
    def pour(enfant: Enfant | None, texte: str) -> str:
        """The child's first name before what is asked, whose own capital goes."""
        if enfant is None or not texte:
            return texte or (enfant.prenom if enfant else "")
        return f"{enfant.prenom}, {texte if texte[1:2].isupper() else texte[:1].lower() + texte[1:]}"

    def resume(self, donnees: dict) -> str:
        """One line for a list: which informations, never their values (they may be masked)."""
        mots = [self.etiquette(nom) for nom in self.fields if nom in donnees]
        # « Adresse, ville, IBAN »: acronyms keep their capitals.
        return ", ".join(
            m if n == 0 or m[1:2].isupper() else m[:1].lower() + m[1:] for n, m in enumerate(mots)
        )
