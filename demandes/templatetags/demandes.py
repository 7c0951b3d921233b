"""The block « À traiter » of the admin's first page."""

from django import template

from demandes.admin import demandes_de_l_agent, peut_traiter
from demandes.types import PAR_CODE

register = template.Library()


@register.simple_tag
def demandes_a_traiter(agent) -> list[dict] | None:
    """How many demandes of each kind wait for this agent, most first; None when it is not their work. Those whose
    details they may not read (bank, health) are left out: they could not answer.
    """
    if not peut_traiter(agent):
        return None
    comptes: dict[str, int] = {}
    attendent = demandes_de_l_agent(agent).a_traiter().order_by().only("type", "donnees")
    for demande in attendent:
        if not demande.permission or agent.has_perm(demande.permission):
            comptes[demande.type] = comptes.get(demande.type, 0) + 1
    return [
        {"code": code, "libelle": PAR_CODE[code].libelle, "nombre": nombre}
        for code, nombre in sorted(comptes.items(), key=lambda c: -c[1])
    ]
