"""What a parent or an agent may type."""

from collections.abc import Sequence
from itertools import groupby
from uuid import UUID, uuid4

from django import forms
from django.core.exceptions import ValidationError

from enfants.models import Structure
from familles.models import Famille, Responsable
from messagerie.groupe import Cible
from messagerie.models import SERVICE
from portail.socle.argent import INSECABLE
from portail.socle.fichiers import ChampPieces

MAIRIE = "mairie"
TEXTE_MAX = 5000


class PageForm(forms.Form):
    """`?page=`: anything unreadable is the first page."""

    page = forms.IntegerField(min_value=1, max_value=100_000, required=False)

    def numero(self) -> int:
        return (self.cleaned_data["page"] if self.is_valid() else None) or 1


class Jeton(forms.UUIDField):
    """The hidden mark of one form: a missing or altered one is simply a new one."""

    widget = forms.HiddenInput

    def __init__(self):
        super().__init__(required=False, initial=uuid4)

    def clean(self, value) -> UUID:
        try:
            return super().clean(value) or uuid4()
        except ValidationError:
            return uuid4()


class ReponseForm(forms.Form):
    """An answer in a conversation."""

    texte = forms.CharField(
        label="Votre réponse",
        max_length=TEXTE_MAX,
        widget=forms.Textarea(attrs={"rows": 6}),
        error_messages={"required": "Écrivez votre message."},
    )
    pieces = ChampPieces()
    jeton = Jeton()

    def clean_texte(self) -> str:
        return self.cleaned_data["texte"].replace("\r\n", "\n").replace("\r", "\n")

    @property
    def pieces_a_choisir_encore(self) -> bool:
        """The browser forgets the chosen files when the page comes back with an error: say so."""
        return bool(self.errors and self.files)


def destinataires(queryset) -> dict[str, Structure | None]:
    """The structures a message may be addressed to, by the value of their choice; the town's service last."""
    return {str(s.pk): s for s in queryset.filter(archivee_le=None)} | {MAIRIE: None}


class DestinataireMixin:
    """The field `structure` as a choice: « Choisissez… », the structures, the town's service."""

    def _offrir(self, possibles: dict[str, Structure | None]) -> None:
        self.possibles = possibles
        champ = self.fields["structure"]
        choix = [(cle, s.nom if s else SERVICE) for cle, s in possibles.items()]
        champ.choices = [("", "Choisissez…"), *choix] if len(choix) > 1 else choix

    def clean_structure(self) -> Structure | None:
        return self.possibles[self.cleaned_data["structure"]]


class ObjetForm(forms.Form):
    """`?objet=`: the subject a page proposes; anything unreadable is none."""

    objet = forms.CharField(max_length=120, required=False)

    def objet_propose(self) -> str:
        return self.cleaned_data["objet"] if self.is_valid() else ""


class NouveauForm(DestinataireMixin, ReponseForm):
    """A parent writes to a structure that accepts messages, or to the town's service."""

    structure = forms.ChoiceField(
        label="À qui écrivez-vous\N{NO-BREAK SPACE}?",
        error_messages={"required": "Choisissez à qui vous écrivez."},
    )
    objet = forms.CharField(
        label="Objet",
        max_length=120,
        help_text="En quelques mots.",
        error_messages={"required": "Donnez un objet à votre message."},
    )

    field_order = ("structure", "objet", "texte", "pieces", "jeton")

    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        self.fields["texte"].label = "Votre message"
        self._offrir(destinataires(Structure.objects.filter(recoit_messages=True)))

    def clean_objet(self) -> str:
        return " ".join(self.cleaned_data["objet"].split())


class NouveauAgentForm(DestinataireMixin, ReponseForm):
    """An agent writes to one family, in the name of one of their structures."""

    famille = forms.CharField(
        label="Famille", max_length=120, help_text="N° famille, ou nom et prénom d’un parent."
    )
    structure = forms.ChoiceField(label="De la part de")
    objet = forms.CharField(label="Objet", max_length=120)

    field_order = ("famille", "structure", "objet", "texte", "pieces", "jeton")
    MONTREES = 8

    def __init__(self, *args, familles, structures: dict[str, Structure | None], **options):
        super().__init__(*args, **options)
        self.familles = familles
        self.fields["texte"].label = "Message"
        self._offrir(structures)

    def clean_objet(self) -> str:
        return " ".join(self.cleaned_data["objet"].split())

    def clean_famille(self) -> Famille:
        saisi = " ".join(self.cleaned_data["famille"].split())
        if saisi.replace(" ", "").isdigit():
            trouvees = list(self.familles.filter(numero=saisi.replace(" ", ""))[:1])
        else:
            trouvees = self._par_nom(saisi)
        if not trouvees:
            raise ValidationError("Aucune famille de ce numéro ou de ce nom parmi celles que vous suivez.")
        if len(trouvees) > 1:
            raise ValidationError(
                f"Plusieurs familles répondent à ce nom. Écrivez le n° de la bonne{INSECABLE}: "
                + self._liste(trouvees)
            )
        return trouvees[0]

    def _par_nom(self, saisi: str) -> list[Famille]:
        responsables = Responsable.objects.all()
        for mot in saisi.split()[:4]:
            responsables = responsables.filter(nom__icontains=mot) | responsables.filter(
                prenom__icontains=mot
            )
        familles = self.familles.filter(pk__in=responsables.values("famille")).order_by("numero")
        return list(familles.prefetch_related("responsables")[: self.MONTREES + 1])

    def _liste(self, familles: list[Famille]) -> str:
        noms = [
            f"{f.numero} ({', '.join(str(r) for r in f.responsables.all())})"
            for f in familles[: self.MONTREES]
        ]
        return ", ".join(noms) + ("…" if len(familles) > self.MONTREES else ".")


class GroupeForm(ReponseForm):
    """An agent writes to every family of one of their structures, or of one of its services."""

    cible = forms.ChoiceField(
        label="Familles", error_messages={"required": "Choisissez à quelles familles vous écrivez."}
    )
    objet = forms.CharField(label="Objet", max_length=120)
    pieces = None  # a document for everybody is a Formulaire: one file, not a copy a family

    field_order = ("cible", "objet", "texte", "jeton")

    def __init__(self, *args, cibles: Sequence[Cible], **options):
        super().__init__(*args, **options)
        self.fields["texte"].label = "Message"
        self.cibles = {cible.cle: cible for cible in cibles}
        groupes = groupby(cibles, key=lambda cible: cible.structure.nom)
        self.fields["cible"].choices = [
            ("", "Choisissez…"),
            *(
                (nom, [(c.cle, str(c) if c.prestation else f"{nom}, toutes les familles") for c in siennes])
                for nom, siennes in groupes
            ),
        ]

    def clean_cible(self) -> Cible:
        return self.cibles[self.cleaned_data["cible"]]

    def clean_objet(self) -> str:
        return " ".join(self.cleaned_data["objet"].split())
