"""Filters of the régie's pages, and its reminder on the admin's home page."""

from django import template
from django.db.models import Q
from django.utils import timezone

from facturation.complements import AFacturer, a_facturer
from facturation.ecarts import a_corriger
from facturation.models import Tarif

register = template.Library()


@register.filter
def oppose(centimes: int) -> int:
    """An avoir is shown as a positive amount."""
    return -centimes


@register.filter
def adresse_courte(url: str) -> str:
    """« portail.example » for « https://portail.example »: what one types."""
    return url.partition("://")[2] or url


@register.simple_tag
def factures_a_corriger(agent) -> int:
    """How many invoices hold days that are not due any more, for who may cancel them; else 0."""
    return len(a_corriger(timezone.localdate())) if agent.has_perm("facturation.creer_avoir") else 0


@register.simple_tag
def jours_a_facturer(agent) -> AFacturer:
    """Days due that no invoice holds although their campagne is issued, for who issues; else none."""
    return a_facturer(timezone.localdate()) if agent.has_perm("facturation.emettre_campagne") else AFacturer()


@register.simple_tag
def sans_majoration(prestation) -> bool:
    """Whether late asks are « au prix majoré » while no tarif of the service, now or to come, has a surcharge."""
    if prestation.hors_delai != prestation.HorsDelai.MAJORATION:
        return False
    jour = timezone.localdate()
    tarifs = Tarif.objects.filter(lien__prestation=prestation.pk).filter(Q(au=None) | Q(au__gte=jour))
    return not tarifs.filter(Q(hors_delai_centimes__gt=0) | Q(hors_delai_pourcent__gt=0)).exists()
