"""The reminder of the admin's home page: a school year without calendar."""

from django import template
from django.utils import timezone

from enfants.calendrier_officiel import annee_manquante

register = template.Library()


@register.simple_tag
def calendrier_manquant(agent) -> str:
    """« 2027-2028 » for who may fill it, else an empty string."""
    return annee_manquante(timezone.localdate()) if agent.has_perm("enfants.add_periodevacances") else ""
