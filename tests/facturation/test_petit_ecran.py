"""The town's lists and forms on a phone: nothing slides sideways, nothing covers anything."""

from datetime import date

import pytest
from django.conf import settings
from django.db import transaction
from django.urls import reverse

from facturation.encaissement import encaisser
from tests.facturation import fabrique

pytestmark = [pytest.mark.navigateur, pytest.mark.apparence, pytest.mark.django_db(transaction=True)]
LISTES = ("campagne", "facture", "reglement", "tarif", "regie")
DEBORDE = """[...document.querySelectorAll('html, .results, #header')]
  .filter(e => e.scrollWidth > e.clientWidth + 1 || (e.id === 'header' && e.scrollHeight > e.clientHeight + 1))
  .map(e => e.id || e.className || e.tagName)"""

# Frames that slide, fields without their column.
FICHES_FAUTIVES = """[
  ...[...document.querySelectorAll('html, .tabular')].filter(e => e.scrollWidth > e.clientWidth + 1),
  ...[...document.querySelectorAll('.tabular td[class^="field-"]')].filter(e => !e.dataset.l),
].map(e => e.className || e.tagName)"""


@pytest.fixture
def telephone(page, live_server, monde):
    """The agent, logged in, at 390 px."""
    cle = monde.client(monde.agent).cookies[settings.SESSION_COOKIE_NAME].value
    page.context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": cle, "url": live_server.url}])
    page.set_viewport_size({"width": 390, "height": 844})
    return page


def test_rows_of_a_form_are_cards_at_390_px(telephone, live_server, monde):
    """Bands of a tarif, quotients of a household: each field says its column, the row added too."""
    tarif = fabrique.tarif(fabrique.lien(monde.cantine))
    dits = {}
    for nom, cle in (("facturation_tarif", tarif.pk), ("familles_famille", monde.jean.pk)):
        telephone.goto(live_server.url + reverse(f"admin:{nom}_change", args=[cle]))
        telephone.get_by_role("button", name="Ajouter une ligne").first.click()
        dits[nom] = telephone.evaluate(FICHES_FAUTIVES)
        assert telephone.locator(".tabular-fiches td[data-l]:visible").count() > 3
    assert dits == {"facturation_tarif": [], "familles_famille": []}


def test_lists_at_390_px(telephone, live_server, monde):
    fabrique.tarif(fabrique.lien(monde.cantine))
    fabrique.campagne()
    with transaction.atomic():
        fabrique.facture(monde.jean, 1200)
    encaisser(monde.jean, fabrique.regie(), "cheque", 100, date(2026, 11, 10), monde.agent)
    trop_larges = {}
    for modele in LISTES:
        telephone.goto(live_server.url + reverse(f"admin:facturation_{modele}_changelist"))
        assert telephone.locator("#result_list tbody tr").count() == 1
        trop_larges[modele] = telephone.evaluate(DEBORDE)
    assert trop_larges == {modele: [] for modele in LISTES}
