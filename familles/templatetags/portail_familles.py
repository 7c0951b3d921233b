"""Filters of the door and of « Mon compte »."""

from django import template
from django.conf import settings

register = template.Library()


@register.filter
def composer(telephone: str) -> str:
    """A phone number as a `tel:` address wants it: digits, and the + of a foreign one."""
    return "".join(c for c in telephone if c.isdigit() or c == "+")


@register.simple_tag
def duree_de_session() -> int:
    """Seconds without action after which the session ends."""
    return settings.SESSION_COOKIE_AGE
