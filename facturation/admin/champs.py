"""Pieces the pages of this admin share: euros typed, cents stored; rows that may only be read."""

import uuid
from datetime import date, timedelta
from decimal import Decimal
from typing import ClassVar

from django import forms
from django.contrib import admin
from django.contrib.admin.sites import AdminSite
from django.core.exceptions import PermissionDenied
from django.db import models
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone

from enfants.admin.commun import limitee
from portail.socle.argent import INSECABLE, en_centimes

PREMIER_JOUR = date(2000, 1, 1)


class EurosField(forms.DecimalField):
    """« 1,60 » on the screen, 160 in the row."""

    def __init__(self, **options):
        defaut = {"max_digits": 9, "decimal_places": 2, "min_value": Decimal(0), "localize": True}
        super().__init__(**(defaut | options))
        self.widget.attrs.update(inputmode="decimal", size=8)

    def prepare_value(self, value):
        return Decimal(value).scaleb(-2) if isinstance(value, int) else value

    def clean(self, value):
        montant = super().clean(value)
        return None if montant is None else en_centimes(montant)

    def has_changed(self, initial, data) -> bool:
        if data in self.empty_values:
            # The blank row under a list: cleaning it would raise « obligatoire » and count as a change.
            return initial is not None
        try:
            saisi = self.clean(data)
        except forms.ValidationError:
            return True
        return saisi != initial


class EnEuros:
    """Admin mixin: columns in `centimes` are typed in euros, decimals with a comma."""

    def formfield_for_dbfield(self, db_field, request, **options):
        if isinstance(db_field, models.IntegerField) and "centimes" in db_field.name:
            champ = EurosField(
                label=f"{db_field.verbose_name[:1].upper()}{db_field.verbose_name[1:]} (€)",
                required=not db_field.blank and not db_field.has_default(),
                help_text=db_field.help_text,
            )
            if db_field.has_default():
                champ.initial = db_field.get_default()
                champ.required = True
            return champ
        if isinstance(db_field, models.DecimalField):
            options["localize"] = True
        return super().formfield_for_dbfield(db_field, request, **options)

    class Media:
        css: ClassVar = {"all": ["css/facturation-admin.css"]}


class DateSensee(forms.DateField):
    """A day nobody mistyped: since 2000, at most a year ahead (`jours_a_venir`; 0 = a day that has been)."""

    jours_a_venir = 366

    def validate(self, value: date | None) -> None:
        super().validate(value)
        if value is not None:
            verifier_date(value, self.jours_a_venir)


class DatePassee(DateSensee):
    jours_a_venir = 0


def verifier_date(valeur: date, jours_a_venir: int = 366) -> None:
    """Raises ValidationError: the year 9999 in an account would stay there for ever."""
    dernier = timezone.localdate() + timedelta(days=jours_a_venir)
    if PREMIER_JOUR <= valeur <= dernier:
        return
    if jours_a_venir:
        phrase = f"Vérifiez l’année{INSECABLE}: donnez une date entre le {PREMIER_JOUR:%d/%m/%Y} et le {dernier:%d/%m/%Y}."
    else:
        phrase = f"Donnez une date entre le {PREMIER_JOUR:%d/%m/%Y} et aujourd’hui."
    raise forms.ValidationError(phrase)


class FormulaireUnique(forms.Form):
    """A form that counts once: `jeton` is drawn with the page, and known again if the page is sent twice."""

    jeton = forms.UUIDField(widget=forms.HiddenInput, required=False)

    def __init__(self, data=None, **options):
        options["initial"] = {"jeton": uuid.uuid4(), "date": timezone.localdate()} | options.get(
            "initial", {}
        )
        super().__init__(data, **options)

    def clean(self) -> dict:
        donnees = super().clean()
        if not donnees.get("jeton"):
            # Shown again with a token of its own: what was typed stays.
            self.data = self.data.copy()
            self.data["jeton"] = str(uuid.uuid4())
            self._errors.pop("jeton", None)
            raise forms.ValidationError(
                f"La page était incomplète{INSECABLE}: vérifiez-la, puis envoyez-la de nouveau."
            )
        return donnees


class SansAgentLimite:
    """Admin mixin: the money of families is not shown to an agent of some structures, régisseurs apart."""

    def get_queryset(self, request: HttpRequest):
        lignes = super().get_queryset(request)
        cachees = limitee(request.user) and not request.user.has_perm("facturation.emettre_campagne")
        return lignes.none() if cachees else lignes


class LectureSeule:
    """Admin mixin: rows written by verbs, never by a form."""

    class Media:
        css: ClassVar = {"all": ["css/facturation-admin.css"]}

    def has_add_permission(self, request: HttpRequest, *objet) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj=None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj=None) -> bool:
        return False


class PageAdmin(admin.ModelAdmin):
    """Custom pages inside the admin's frame."""

    admin_site: AdminSite

    def page(self, request: HttpRequest, gabarit: str, contexte: dict) -> HttpResponse:
        communs = self.admin_site.each_context(request)
        return TemplateResponse(request, gabarit, communs | {"opts": self.opts} | contexte)

    def trouver(self, request: HttpRequest, pk: str):
        """The row, or 404. Raises PermissionDenied to those who may not see it."""
        objet = self.get_object(request, pk)
        if objet is None:
            raise Http404
        if not self.has_view_permission(request, objet):
            raise PermissionDenied
        return objet

    @staticmethod
    def exiger(request: HttpRequest, permission: str) -> None:
        if not request.user.has_perm(permission):
            raise PermissionDenied
