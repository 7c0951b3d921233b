"""The first line of every family view: query and permission at once."""

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

from familles.models import Famille, Responsable


class SansFamille(PermissionDenied):
    """The account is not attached to any family: an agent, or a parent whose access was withdrawn."""


def responsable_de(request: HttpRequest) -> Responsable:
    """The adult who asks, with their active family. Raises SansFamille."""
    responsable = request.responsable
    if responsable is None:
        raise SansFamille
    return responsable


def famille_de(request: HttpRequest) -> Famille:
    """The active family of the person who asks, rechecked at each request. Raises SansFamille."""
    return responsable_de(request).famille
