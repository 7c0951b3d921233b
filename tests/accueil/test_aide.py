"""The help page: the typical week is told, except where the town wrote its own page."""

import re
from importlib import import_module

import pytest
from django.apps import apps

from portail.accueil.models import TEXTES, Page

pytestmark = pytest.mark.django_db
MIGRATION = import_module("portail.accueil.migrations.0006_textes_semaine_type")
ACTUEL = (TEXTES / "aide.txt").read_text(encoding="utf-8").partition("\n")[2].strip()
ANCIEN = re.sub(r"\*\*Les mêmes jours chaque semaine.*\n\n", "", ACTUEL)


def test_l_aide_dit_la_semaine_type(client):
    assert "« Semaine type »" in client.get("/aide/").text.replace("\N{NO-BREAK SPACE}", " ")


@pytest.mark.parametrize(
    ("avant", "apres"), [(ANCIEN, ACTUEL), (ANCIEN + "\nAppelez Mme Petit.", ANCIEN + "\nAppelez Mme Petit.")]
)
def test_un_texte_recrit_par_la_mairie_reste_le_sien(avant, apres):
    page = Page.lire("aide")
    page.texte = avant
    page.save()
    MIGRATION.ecrire(apps, None)
    assert Page.lire("aide").texte == apres
