"""Instants as a person says them."""

from datetime import date, datetime, timedelta

from django import template
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import conditional_escape, format_html
from django.utils.safestring import SafeString, mark_safe

from portail.socle.argent import INSECABLE
from portail.socle.templatetags.portail import jour_court, jour_long

register = template.Library()
MAIRIE = "écrivez à la mairie"


def _heure(instant: datetime) -> str:
    local = timezone.localtime(instant)
    return f"{local.hour}{INSECABLE}h{INSECABLE}{local.minute:02d}"


def _proche(instant: datetime, aujourdhui: date) -> str:
    jour = timezone.localdate(instant)
    return {aujourdhui: "Aujourd’hui", aujourdhui - timedelta(days=1): "Hier"}.get(jour, "")


@register.filter
def quand(instant: datetime, aujourdhui: date) -> str:
    """« Aujourd’hui, 8 h 12 », « Hier, 17 h 05 », else « 19/11/2026 »."""
    proche = _proche(instant, aujourdhui)
    return f"{proche}, {_heure(instant)}" if proche else jour_court(instant)


@register.filter
def quand_long(instant: datetime, aujourdhui: date) -> str:
    """The same, else « Jeudi 19 novembre 2026, 8 h 12 »."""
    jour = _proche(instant, aujourdhui) or jour_long(instant).capitalize()
    return f"{jour}, {_heure(instant)}"


@register.filter
def iso(instant: datetime) -> str:
    """For the `datetime` attribute of <time>."""
    return date_format(timezone.localtime(instant), "c")


@register.filter
def lien_mairie(phrase: str) -> SafeString:
    """The sentence of a page, where « écrivez à la mairie » leads to the form (an e-mail says it without a link)."""
    sure = conditional_escape(phrase)
    if MAIRIE not in sure:
        return sure
    lien = format_html('<a href="{}">{}</a>', reverse("messagerie_nouveau"), MAIRIE)
    return mark_safe(sure.replace(MAIRIE, lien))
