"""The month grid is joined strings: whatever a name, a motif or a sentence holds, it stays text."""

from datetime import date, datetime
from html.parser import HTMLParser

import pytest
import time_machine
from django.urls import reverse

from enfants import places, planning_rendu
from enfants.models import GroupeExclusif
from tests import factories
from tests.enfants.fabrique import JEUDI, LUNDI, MAINTENANT, automatique, demander, reserver

pytestmark = pytest.mark.django_db
HOSTILE = "<u>x\"'&amp;"


class Lecture(HTMLParser):
    """Tags that are not the grid's, attributes nobody wrote, and the values of those that hold words."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.intrus, self.valeurs, self.textes = [], [], []

    def handle_starttag(self, tag, attrs):
        self.intrus += [tag] if tag == "u" else [nom for nom, _ in attrs if nom.startswith("x")]
        self.valeurs += [valeur for nom, valeur in attrs if nom in ("aria-label", "title")]

    def handle_data(self, data):
        self.textes.append(data)


def lire(monde) -> Lecture:
    """Jean's month: two children, a structure, two services, a payer and a reason of refusal with the same bad name."""
    for objet, nom in ((monde.lea, "prenom"), (monde.cantine, "nom"), (monde.cantine.structure, "nom")):
        setattr(objet, nom, HOSTILE)
        objet.save()
    monde.jean.responsables.update(nom=HOSTILE)
    (refusee,) = demander(monde.inscriptions["lea"], JEUDI)
    places.decider([refusee.reservation.pk], False, None, MAINTENANT, HOSTILE)
    rivale = automatique(factories.prestation(f"Pique-nique {HOSTILE}"))
    GroupeExclusif.objects.create(nom="Midi").prestations.set([monde.cantine, rivale])
    reserver(factories.inscription(monde.lea, rivale, monde.jean), LUNDI)
    client = monde.client(monde.jean)
    with time_machine.travel(datetime(2026, 11, 23, 9, tzinfo=MAINTENANT.tzinfo), tick=False):
        page = client.get(reverse("planning_famille", kwargs={"mois": "2026-11"})).text
    lecture = Lecture()
    lecture.feed(page[page.index("<tbody>") : page.index("</tbody>")])
    return lecture


def test_un_nom_hostile_reste_du_texte(monde):
    lecture = lire(monde)
    assert lecture.intrus == []
    assert HOSTILE in lecture.textes  # the child, the structure, the service: as they are, escaped once
    assert any(valeur.startswith(f"{HOSTILE}, {HOSTILE}, ") for valeur in lecture.valeurs)
    assert any(f"«\u00a0Pique-nique {HOSTILE}\u00a0»" in valeur for valeur in lecture.valeurs)


def test_temoin_sans_echappement_il_n_en_est_plus(monde, monkeypatch):
    monkeypatch.setattr(planning_rendu, "escape", str)
    assert "u" in lire(monde).intrus


@pytest.mark.parametrize(("aujourdhui", "etroites"), [(26, 9), (28, 8)])
def test_aujourdhui_nest_jamais_une_colonne_etroite(aujourdhui, etroites):
    """« auj. » does not hold in the column of a Saturday. November 2026 has nine days of week-end."""
    jours = [date(2026, 11, n) for n in range(1, 31)]
    assert planning_rendu.entete(jours, date(2026, 11, aujourdhui)).count('class="cw"') == etroites
