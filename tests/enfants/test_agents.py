"""An agent's structures."""

import pytest

from enfants.agents import structures_de
from enfants.models import AffectationAgent
from messagerie.admin import familles_de
from messagerie.models import Conversation
from tests import factories
from tests.messagerie.fabrique import de_la_famille

pytestmark = pytest.mark.django_db


def test_none_is_every_structure_and_a_superuser_has_no_limit(monde):
    lieu = factories.structure("Crèche")
    limite, libre = (
        factories.agent("limite", "enfants.view_enfant"),
        factories.agent("libre", "enfants.view_enfant"),
    )
    for qui in (limite, monde.agent):
        AffectationAgent.objects.create(utilisateur=qui, structure=lieu)
    assert (structures_de(limite), structures_de(libre), structures_de(monde.agent)) == (
        [lieu.pk],
        None,
        None,
    )


def test_a_superuser_reads_and_writes_every_message(monde):
    de_la_famille(monde.jean)
    AffectationAgent.objects.create(utilisateur=monde.agent, structure=factories.structure("Crèche"))
    assert Conversation.objects.pour_agent(monde.agent).count() == 1
    assert monde.jean in familles_de(monde.agent)
