"""Periods of days, first and last included; no last day = for ever."""

from collections.abc import Iterable
from datetime import date
from itertools import combinations

from django import forms
from django.db.models import Model, QuerySet

from portail.socle.verrous import verrouiller


def chevauchent(a_du: date, a_au: date | None, b_du: date, b_au: date | None) -> bool:
    """Whether two periods share a day."""
    return (b_au is None or a_du <= b_au) and (a_au is None or b_du <= a_au)


class PeriodesFormSet(forms.BaseInlineFormSet):
    """Rows of one parent that must not share a day, `cle` apart (two households may hold a child on the same day).

    Checked under the parent's lock until the page is saved (the admin opens the transaction): the rows another page
    has just added count too. An overlap that was there already does not stop somebody from changing something else.
    """

    cle: tuple[str, ...] = ()
    phrase = "Deux périodes se chevauchent\N{NO-BREAK SPACE}: la seconde commence après le dernier jour de la première."

    def clean(self):
        super().clean()
        if self.instance.pk:
            verrouiller(type(self.instance).objects.filter(pk=self.instance.pk))
        periodes = [*self._saisies(), *self._autres()]
        for un, deux in combinations(periodes, 2):
            if (un[3] or deux[3]) and un[0] == deux[0] and chevauchent(*un[1:3], *deux[1:3]):
                raise forms.ValidationError(self.phrase)

    def _saisies(self) -> Iterable[tuple]:
        for f in self.forms:
            lus = getattr(f, "cleaned_data", {})
            if f not in self.deleted_forms and lus.get("du") and {*self.cle} <= lus.keys():
                yield tuple(lus[n].pk for n in self.cle), lus["du"], lus.get("au"), f.has_changed()

    def _autres(self) -> Iterable[tuple]:
        for ligne in self._en_base():
            yield tuple(getattr(ligne, f"{n}_id") for n in self.cle), ligne.du, ligne.au, False

    def _en_base(self) -> QuerySet[Model] | list:
        if not self.instance.pk:
            return []
        connues = [f.instance.pk for f in self.forms if f.instance.pk]
        return (
            self.model.objects.filter(**{self.fk.name: self.instance.pk})
            .exclude(pk__in=connues)
            .order_by("pk")
        )
