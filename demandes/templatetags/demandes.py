"""The block « À traiter » of the admin's first page."""

from django import template

from demandes.admin import demandes_de_l_agent, peut_traiter
from demandes.types import PAR_CODE

register = template.Library()


@register.simple_tag
def demandes_a_traiter(agent) -> list[dict] | None:
    """How many demandes of each kind wait for this agent, most first; None when it is not their work."""
    if not peut_traiter(agent):
        return None
    comptes: dict[str, int] = {}
    for code in demandes_de_l_agent(agent).a_traiter().order_by().values_list("type", flat=True):
        comptes[code] = comptes.get(code, 0) + 1
    return [
        {"code": code, "libelle": PAR_CODE[code].libelle, "nombre": nombre}
        for code, nombre in sorted(comptes.items(), key=lambda c: -c[1])
    ]
