"""Going from one page to the next in a real browser (tests/conftest.py starts it)."""

from playwright.sync_api import Locator, expect

# Milliseconds: a machine that does something else besides is slow, not wrong.
ATTENTE = 20_000
expect.set_options(timeout=ATTENTE)


def suivre(cible: Locator) -> None:
    """Click what leads to another page, and come back when that page is loaded.

    A click alone comes back while the next page is on its way: an `evaluate`, a `count` or the address read then
    is of the page one leaves, or of one that has no body yet. Waiting afterwards for a load, or for an address
    that the page one leaves has too, waits for nothing.
    """
    with cible.page.expect_navigation():
        cible.click()
