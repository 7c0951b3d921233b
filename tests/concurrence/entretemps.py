"""A booking already written and not committed, while the town changes something: two connections, one order."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread

from django.db import connections, transaction

from enfants import places
from enfants.models import Inscription
from tests.enfants.fabrique import LUNDI, MAINTENANT


@contextmanager
def reservation_en_cours(inscription: Inscription) -> Iterator[None]:
    """A parent's booking of LUNDI. It commits at the end of the block, or after a second if the town waits for it."""
    ecrite, partir = Event(), Event()

    def parent():
        try:
            with transaction.atomic():
                places.reserver([places.Souhait(inscription, LUNDI)], None, MAINTENANT)
                ecrite.set()
                partir.wait(timeout=1)
        finally:
            connections.close_all()

    fil = Thread(target=parent)
    fil.start()
    try:
        assert ecrite.wait(timeout=10)
        yield
    finally:
        partir.set()
        fil.join()
