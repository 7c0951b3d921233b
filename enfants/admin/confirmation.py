"""« Voici ce qui va changer »: a form that cancels something shows it first, then asks to confirm exactly that."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from django import forms
from django.contrib import admin

GABARIT = "admin/enfants/a_confirmer.html"


@dataclass(frozen=True)
class Effets:
    """What saving does: facts in a few sentences, then every row under its heading. `bouton` confirms."""

    titre: str
    bouton: str
    faits: Sequence[str] = ()
    groupes: Sequence[tuple[str, Sequence[str]]] = field(default_factory=tuple)

    @property
    def empreinte(self) -> str:
        """What was shown: if a booking came in between, the page shows the new list instead of doing it."""
        return sha256(repr((self.titre, self.faits, self.groupes)).encode()).hexdigest()[:20]


class FormulaireAConfirmer(forms.ModelForm):
    """`confirmer(effets)` from `clean`: refuses once, with the list in the page; nothing typed is lost."""

    a_confirmer: Effets | None = None

    def confirmer(self, effets: Effets) -> None:
        if self.data.get("confirmer") != effets.empreinte:
            self.a_confirmer = effets
            self.add_error(None, "Rien n’est encore enregistré. Vérifiez ce qui change, puis confirmez.")


class AConfirmer(admin.ModelAdmin):
    """Shows the panel of such a form above its fields."""

    change_form_template = GABARIT
