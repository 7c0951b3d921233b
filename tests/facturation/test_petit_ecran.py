"""The régisseur's lists on a phone: nothing slides sideways, nothing covers anything."""

from datetime import date

import pytest
from django.conf import settings
from django.db import transaction
from django.urls import reverse

from facturation.encaissement import encaisser
from tests.facturation import fabrique

pytestmark = [pytest.mark.navigateur, pytest.mark.django_db(transaction=True)]
LISTES = ("campagne", "facture", "reglement", "tarif", "regie")
DEBORDE = """[...document.querySelectorAll('html, .results, #header')]
  .filter(e => e.scrollWidth > e.clientWidth + 1 || (e.id === 'header' && e.scrollHeight > e.clientHeight + 1))
  .map(e => e.id || e.className || e.tagName)"""


def test_lists_at_390_px(page, live_server, monde):
    fabrique.tarif(fabrique.lien(monde.cantine))
    fabrique.campagne()
    with transaction.atomic():
        fabrique.facture(monde.jean, 1200)
    encaisser(monde.jean, fabrique.regie(), "cheque", 100, date(2026, 11, 10), monde.agent)
    cle = monde.client(monde.agent).cookies[settings.SESSION_COOKIE_NAME].value
    page.context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": cle, "url": live_server.url}])
    page.set_viewport_size({"width": 390, "height": 844})
    trop_larges = {}
    for modele in LISTES:
        page.goto(live_server.url + reverse(f"admin:facturation_{modele}_changelist"))
        assert page.locator("#result_list tbody tr").count() == 1
        trop_larges[modele] = page.evaluate(DEBORDE)
    assert trop_larges == {modele: [] for modele in LISTES}
