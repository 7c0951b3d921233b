"""Filters of the door and of « Mon compte »."""

from django import template
from django.conf import settings

from familles.connexions import marque

register = template.Library()


@register.filter
def composer(telephone: str) -> str:
    """A phone number as a `tel:` address wants it: digits, and the + of a foreign one."""
    return "".join(c for c in telephone if c.isdigit() or c == "+")


@register.simple_tag
def duree_de_session() -> int:
    """Seconds without action after which the session ends."""
    return settings.SESSION_COOKIE_AGE


@register.simple_tag
def marque_de(utilisateur) -> str:
    """Who the page is made for (veille.js)."""
    return marque(utilisateur)
