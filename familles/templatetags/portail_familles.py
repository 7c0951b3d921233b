"""Filters of the door and of « Mon compte »."""

from django import template

register = template.Library()


@register.filter
def composer(telephone: str) -> str:
    """A phone number as a `tel:` address wants it: digits, and the + of a foreign one."""
    return "".join(c for c in telephone if c.isdigit() or c == "+")
