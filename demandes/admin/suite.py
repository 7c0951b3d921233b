"""The next demande to treat: the agent goes from one to the other without coming back to the list."""

from copy import copy
from dataclasses import dataclass

from django.contrib.admin.exceptions import DisallowedModelAdminLookup
from django.contrib.admin.options import IncorrectLookupParameters
from django.http import QueryDict

from demandes.models import Demande

from .droits import lisible


@dataclass(frozen=True)
class File:
    """What waits in the list the agent came from: `suivante` after the one at hand, how many in all."""

    suivante: Demande | None
    restantes: int


def file(gestion, request, apres: Demande | None = None, filtres: str = "") -> File:
    """The demandes this agent can decide, in the order and with the filters of their list.

    The next one is the first that came after `apres`, else the oldest one left.
    """
    try:
        liste = gestion.get_changelist_instance(_avec(request, filtres))
    except (IncorrectLookupParameters, DisallowedModelAdminLookup):
        liste = gestion.get_changelist_instance(_avec(request, ""))
    attendent = liste.queryset.a_traiter()
    lignes = (
        attendent.prefetch_related(None).select_related(None).only("type", "donnees", "envoyee_le", "numero")
    )
    mienne = [d for d in lignes if lisible(request.user, d) and (apres is None or d.pk != apres.pk)]
    plus_tard = (
        d for d in mienne if apres is not None and (d.envoyee_le, d.numero) > (apres.envoyee_le, apres.numero)
    )
    return File(next(plus_tard, None) or next(iter(mienne), None), len(mienne))


def _avec(request, filtres: str):
    """The request as the list would receive it: its filters only."""
    copie = copy(request)
    copie.GET = QueryDict(filtres)
    return copie
