"""The one way to lock rows. Lock order everywhere: famille, enfant, facture, creneaux (by pk), compteur (last)."""

from django.db import connection
from django.db.models import QuerySet
from django.db.transaction import TransactionManagementError

# Negative controls switch it off: a test of concurrency that still passes then proves nothing.
ACTIF = True
DELAI_MS = 3000


def verrouiller(queryset: QuerySet) -> list:
    """Rows of `queryset` locked until the transaction ends, always in order of primary key.

    Raises TransactionManagementError outside a transaction, OperationalError after three seconds of waiting
    (PostgreSQL). On SQLite the immediate transaction already is the lock.
    """
    if not connection.in_atomic_block:
        raise TransactionManagementError("verrouiller() works inside a transaction only")
    if connection.vendor == "postgresql":
        with connection.cursor() as curseur:
            curseur.execute(f"SET LOCAL lock_timeout = {int(DELAI_MS)}")
    queryset = queryset.order_by("pk")
    if ACTIF:
        queryset = queryset.select_for_update(of=("self",), no_key=True)
    return list(queryset)


def verrouiller_un(queryset: QuerySet):
    """The single row of `queryset`, locked. Raises DoesNotExist when there is none."""
    lignes = verrouiller(queryset)
    if not lignes:
        raise queryset.model.DoesNotExist
    return lignes[0]
