"""The one way to lock rows. Lock order everywhere: famille, enfant, facture, creneaux (by pk), compteur (last)."""

import time

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


# Named locks (PostgreSQL, until the transaction ends; SQLite writes one at a time anyway).
CALENDRIER = 815_001  # whoever books holds it together, whoever closes days or changes places holds it alone
PAS = 0.02


def tenir_ensemble(cle: int) -> None:
    """Hold this named lock with others, until the transaction ends: nobody takes it alone meanwhile."""
    if connection.vendor == "postgresql" and ACTIF:
        with connection.cursor() as curseur:
            curseur.execute("SELECT pg_advisory_xact_lock_shared(%s)", [cle])


def tenir_seul(cle: int) -> None:
    """Wait until nobody else holds it, then hold it alone. To be taken before any row that whoever holds it together
    may lock, or last, just before the commit.

    By tries, not in the queue: those who hold it together must never wait behind who waits for them (a deadlock).
    Raises OperationalError when others hold it for longer than `verrouiller` would wait.
    """
    if connection.vendor != "postgresql" or not ACTIF:
        return
    fin = time.monotonic() + DELAI_MS / 1000
    with connection.cursor() as curseur:
        while time.monotonic() < fin:
            curseur.execute("SELECT pg_try_advisory_xact_lock(%s)", [cle])
            if curseur.fetchone()[0]:
                return
            time.sleep(PAS)
        curseur.execute(f"SET LOCAL lock_timeout = {int(DELAI_MS)}")
        curseur.execute("SELECT pg_advisory_xact_lock(%s)", [cle])
