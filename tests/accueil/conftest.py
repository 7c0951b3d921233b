"""The town, fresh in the cache for each test of this app."""

import pytest

from tests.familles.fabrique import commune_de_test


@pytest.fixture(autouse=True)
def commune(db):
    yield from commune_de_test()
