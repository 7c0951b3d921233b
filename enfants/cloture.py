"""Days whose invoices are issued. Invoices live upstairs (facturation) and stairs only go down: the settings name the
module that answers, as they do for what checks passwords.
"""

from collections.abc import Iterable
from datetime import date
from uuid import UUID

from django.conf import settings
from django.utils.module_loading import import_string

from enfants.models import Reservation

Jour = tuple[int, date]  # prestation, day
Journee = tuple[int, UUID, int, date]  # paying family, child, prestation, day


def jours_clos(jours: Iterable[Jour]) -> dict[Jour, str]:
    """Of these days, those a family may not change any more, with the sentence that says so. One query."""
    return import_string(f"{settings.CLOTURE}.jours_clos")(jours)


def avertir(retires: Iterable[Reservation] = (), ajoutes: Iterable[Journee] = ()) -> list[str]:
    """Sentences for the agent about to take back these bookings, or to make these days due:
    which invoices no longer say the truth. Nothing is forbidden.
    """
    return import_string(f"{settings.CLOTURE}.avertir")(retires, ajoutes)
