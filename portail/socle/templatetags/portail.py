"""Filters every template may use."""

import datetime
import re
from functools import lru_cache

from django import template
from django.templatetags.static import static
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString

from portail.socle.argent import INSECABLE, euros

register = template.Library()


@register.simple_tag
@lru_cache(maxsize=256)
def icone(nom: str) -> SafeString:
    """The same markup as includes/icone.html, without an include: a page holds forty of them."""
    return format_html(
        '<svg class="icone" aria-hidden="true"><use href="{}#{}"/></svg>',
        static("img/icones.svg"),
        nom,
    )


@register.filter
def elision(phrase: str) -> str:
    """« Ajout d’inscription » for the admin's « Ajout de inscription »."""
    return re.sub(r"\bde (?=[aeiouyàâéèêîôû])", "d’", str(phrase), flags=re.IGNORECASE)


@register.filter(name="euros")
def filtre_euros(centimes: int) -> str:
    """« 120,60 € » for 12060."""
    return euros(centimes)


def _jour(valeur: datetime.date | datetime.datetime) -> datetime.date:
    return timezone.localdate(valeur) if isinstance(valeur, datetime.datetime) else valeur


@register.filter
@lru_cache(maxsize=512)
def jour_long(valeur) -> str:
    """« lundi 23 novembre 2026 », « dimanche 1er mars 2026 », kept together by no-break spaces around numbers."""
    jour = _jour(valeur)
    numero = "1er" if jour.day == 1 else str(jour.day)
    return f"{date_format(jour, 'l')} {numero}{INSECABLE}{date_format(jour, 'F')}{INSECABLE}{jour.year}"


@register.filter
@lru_cache(maxsize=512)
def jour_moyen(valeur) -> str:
    """« jeudi 26 novembre »."""
    jour = _jour(valeur)
    numero = "1er" if jour.day == 1 else str(jour.day)
    return f"{date_format(jour, 'l')} {numero}{INSECABLE}{date_format(jour, 'F')}"


@register.filter
def jour_court(valeur) -> str:
    """« 08/11/2026 »."""
    return date_format(_jour(valeur), "d/m/Y")


@register.filter
@lru_cache(maxsize=512)
def mois_long(valeur) -> str:
    """« novembre 2026 »."""
    return date_format(_jour(valeur), "F") + INSECABLE + str(valeur.year)
