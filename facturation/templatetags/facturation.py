"""Filters of the régie's pages."""

from django import template

register = template.Library()


@register.filter
def oppose(centimes: int) -> int:
    """An avoir is shown as a positive amount."""
    return -centimes


@register.filter
def adresse_courte(url: str) -> str:
    """« portail.example » for « https://portail.example »: what one types."""
    return url.partition("://")[2] or url
