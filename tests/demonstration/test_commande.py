"""The command that builds the demonstration town refuses a town too small, real families, a real portal."""

import pytest
from django.core.management import CommandError, call_command

from familles.models import Famille


def test_trop_petite_ou_dans_une_vraie_base(db):
    with pytest.raises(CommandError, match="au moins 27"):
        call_command("demonstration", familles=26)
    Famille.objects.create(numero="1000000000001")
    with pytest.raises(CommandError, match="vraies familles"):
        call_command("demonstration")


def test_jamais_hors_de_la_demonstration(db, settings):
    settings.DEMONSTRATION = False
    with pytest.raises(CommandError, match="Réservé à la démonstration"):
        call_command("demonstration")
