"""Chromium really opens the portal: the base every journey of tests/parcours stands on."""

import pytest
from playwright.sync_api import Page

pytestmark = [pytest.mark.navigateur, pytest.mark.django_db(transaction=True)]


def test_sante_repond_au_navigateur(page: Page, live_server):
    reponse = page.goto(f"{live_server.url}/sante/")

    assert reponse.status == 200
    assert page.inner_text("body").strip() == "ok"
