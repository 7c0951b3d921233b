"""The demonstration bank of the payment tests."""

from collections.abc import Iterator

import pytest

from tests.facturation.guichet import Guichet, ouvrir_guichet


@pytest.fixture
def guichet(settings, tmp_path) -> Iterator[Guichet]:
    """A bank that notifies nobody by itself: the test delivers, doubles, forges."""
    with ouvrir_guichet(settings, tmp_path / "banque.sqlite3") as guichet:
        yield guichet
