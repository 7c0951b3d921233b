"""The counter where a family leaves documents while it fills in a form: received at once, sent with the demande.

Without JavaScript a browser forgets the chosen files at each page: they are stored at the first step, bound to the
person, the household and the form (`jeton`), and shown until they are sent or removed.
"""

import uuid
from collections.abc import Sequence
from datetime import datetime

from django import forms
from django.core.exceptions import ValidationError
from django.db import transaction
from django.forms.utils import ErrorDict

from demandes.models import PIECES_MAX, Demande, Depot
from demandes.models.pieces import TROP
from familles.models import Famille
from portail.socle.argent import INSECABLE
from portail.socle.fichiers import AIDE, ChampPieces, Piece, deposer, effacer
from portail.socle.models import Fichier
from portail.socle.verrous import verrouiller_un

# Past this number of documents not sent yet, the oldest of the same person go: a disk has an end.
DEPOTS_MAX = 30
PERDUS = (
    "Un document n’est plus là (nous les gardons un jour avant l’envoi, ou vous l’avez retiré). "
    "Vérifiez la liste, puis envoyez."
)


def taire(formulaire: forms.BaseForm) -> None:
    """Show what is typed without judging it: the person only removed a document."""
    formulaire._errors = ErrorDict(renderer=formulaire.renderer)
    formulaire.cleaned_data = {}


class ChampDepots(ChampPieces):
    """The good files of a lot are kept even when others are refused."""

    def clean(self, data, initial=None):
        return self.trier(data)


class SaisiePieces(forms.Form):
    """The documents of one form: those that arrive, the one to remove, those taken again from another demande."""

    pieces = ChampDepots()
    reprises = forms.MultipleChoiceField(
        label="Documents à reprendre",
        required=False,
        widget=forms.CheckboxSelectMultiple(attrs={"class": "form-check-input"}),
    )
    retirer_piece = forms.IntegerField(required=False, widget=forms.HiddenInput)
    pieces_vues = forms.IntegerField(required=False, min_value=0, widget=forms.HiddenInput)

    def __init__(
        self, data=None, files=None, *, quoi: str, place: int, reprenables: Sequence[Fichier]
    ) -> None:
        super().__init__(data, files, label_suffix="")
        self.fields["pieces"].label = quoi
        self.recues: list[Piece] = []
        self.offrir(place, reprenables)

    def offrir(self, place: int, reprenables: Sequence[Fichier]) -> None:
        """`place`: how many documents may still come; `reprenables`: those of the demande it replaces."""
        champ = self.fields["pieces"]
        champ.maximum = place
        champ.help_text = AIDE if place == 1 else f"{place} documents au plus. {AIDE}"
        self["pieces"].help_text = champ.help_text  # a bound field keeps the first it saw
        self.fields["reprises"].choices = [(str(f.pk), f.nom) for f in reprenables]
        self.fields["reprises"].initial = [str(f.pk) for f in reprenables]

    def clean_pieces(self) -> list[Piece]:
        self.recues, erreurs = self.cleaned_data["pieces"]
        if len(self.files.getlist("pieces")) > self.fields["pieces"].maximum:
            erreurs = [ValidationError(self._trop())]
        if erreurs:
            raise ValidationError(erreurs)
        return self.recues

    def clean(self) -> dict:
        lu = super().clean()
        if len(self.recues) + len(lu.get("reprises", ())) > self.fields["pieces"].maximum:
            lu["reprises"] = []
            self.add_error("pieces", f"{TROP} Décochez ceux dont la mairie n’a plus besoin.")
        return lu

    def _trop(self) -> str:
        reste = self.fields["pieces"].maximum
        if reste == PIECES_MAX:
            return f"Joignez {PIECES_MAX} documents au plus."
        if not reste:
            return f"{TROP} Retirez-en un pour en joindre un autre."
        return f"{TROP} Vous pouvez encore en joindre {reste}."


class Guichet:
    """What one person gave to one form."""

    def __init__(self, famille: Famille, par, jeton: uuid.UUID) -> None:
        self.famille, self.par, self.jeton = famille, par, jeton

    def depots(self) -> list[Depot]:
        return list(Depot.objects.du_formulaire(self.famille, self.par, self.jeton))

    def recevoir(
        self, saisie: SaisiePieces, reprenables: Sequence[Fichier], maintenant: datetime
    ) -> list[Depot]:
        """Store what `saisie` (bound, read) brings and takes away; what the form holds now."""
        if saisie.is_bound:
            retiree = saisie.cleaned_data.get("retirer_piece")
            reprises = set(saisie.cleaned_data.get("reprises", ()))
            voulus = [f for f in reprenables if str(f.pk) in reprises]
            if retiree or voulus or saisie.recues:
                return self._ecrire(saisie.recues, voulus, retiree, maintenant)
        return self.depots()

    @transaction.atomic
    def _ecrire(self, recues, reprises, retiree, maintenant) -> list[Depot]:
        # The household's row makes a double click, and the sending itself, wait for one another.
        verrouiller_un(Famille.objects.filter(pk=self.famille.pk))
        if retiree:
            supprimer(d for d in self.depots() if d.pk == retiree)
        tenus = {d.fichier.empreinte for d in self.depots()}
        for nouveau in (*recues, *reprises):
            if nouveau.empreinte not in tenus and len(tenus) < PIECES_MAX:
                fichier = deposer(nouveau, self.par) if isinstance(nouveau, Piece) else nouveau
                self._ajouter(fichier, maintenant)
                tenus.add(nouveau.empreinte)
        autres = Depot.objects.filter(par=self.par).exclude(jeton=self.jeton)
        supprimer(autres.select_related("fichier").order_by("-pk")[DEPOTS_MAX - PIECES_MAX :])
        return self.depots()

    def _ajouter(self, fichier: Fichier, maintenant: datetime) -> None:
        Depot.objects.create(
            famille=self.famille, par=self.par, jeton=self.jeton, fichier=fichier, depose_le=maintenant
        )

    def fichiers(self, attendus: int | None = None) -> list[Fichier]:
        """Inside the transaction that sends: the documents, whose rows here are over.

        Raises ValidationError when they are not as many as `attendus`: some went away since the page.
        """
        depots = self.depots()
        if attendus is not None and len(depots) != attendus:
            raise ValidationError(PERDUS)
        if depots:
            Depot.objects.filter(pk__in=[d.pk for d in depots]).delete()
        return [d.fichier for d in depots]


class Joints:
    """The documents of a page: what the form holds, what arrives with this request, what may be taken again."""

    def __init__(self, guichet: Guichet, quoi: str, attente: Demande | None = None, deja: int = 0) -> None:
        """`quoi`: the label, empty when nothing is to join. `deja`: documents the demande itself already has."""
        self.guichet, self.quoi, self.attente, self.deja = guichet, quoi, attente, deja
        self.depots = guichet.depots() if quoi else []
        self.reprenables = reprenables(attente, self.depots) if quoi else []
        self.saisie = self._saisie()
        self.retrait = self.recus = self.perdus = False

    def recevoir(self, request, maintenant: datetime) -> None:
        """Whatever else is wrong with the form, the documents that came with it are kept."""
        if request.method != "POST" or not self.quoi:
            return
        self.saisie = self._saisie(request.POST, request.FILES)
        self.saisie.is_valid()
        lu, avant = self.saisie.cleaned_data, len(self.depots)
        self.retrait = bool(lu.get("retirer_piece"))
        self.perdus = not self.retrait and avant < (lu.get("pieces_vues") or 0)
        self.depots = self.guichet.recevoir(self.saisie, self.reprenables, maintenant)
        self.recus = len(self.depots) > avant
        self.reprenables = reprenables(self.attente, self.depots)
        self.saisie.offrir(self.place, self.reprenables)

    def _saisie(self, data=None, files=None) -> SaisiePieces:
        return SaisiePieces(data, files, quoi=self.quoi, place=self.place, reprenables=self.reprenables)

    @property
    def place(self) -> int:
        """How many documents may still come."""
        return max(0, PIECES_MAX - self.deja - len(self.depots))

    def valides(self, obligatoires: bool = False) -> bool:
        """Nothing refused, nothing lost, nothing missing."""
        if self.saisie.is_bound:
            if self.perdus:
                self.saisie.add_error(None, PERDUS)
            if obligatoires and not self.depots and "pieces" not in self.saisie.errors:
                self.saisie.add_error("pieces", f"Joignez ce document{INSECABLE}: la mairie en a besoin.")
        return not self.saisie.errors


@transaction.atomic
def vider(famille_id: int, maintenant: datetime) -> int:
    """Delete what this household left in forms it never sent; how many documents."""
    verrouiller_un(Famille.objects.filter(pk=famille_id))
    oublies = Depot.objects.oublies(maintenant).filter(famille=famille_id)
    return supprimer(oublies.select_related("fichier").order_by("pk"))


def supprimer(depots) -> int:
    """Delete these rows, and their files when no demande holds them; how many."""
    depots = list(depots)
    for depot in depots:
        depot.delete()
        effacer(depot.fichier)
    return len(depots)


def reprenables(attente: Demande | None, tenus: Sequence[Depot]) -> list[Fichier]:
    """Documents of the demande about to be replaced that this form does not hold yet."""
    if attente is None:
        return []
    deja = {d.fichier_id for d in tenus}
    return [p.fichier for p in attente.pieces.select_related("fichier") if p.fichier_id not in deja]
