"""Measure: how many clicks and page loads twenty address changes cost an agent who starts from the admin's home page."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from html.parser import HTMLParser
from zoneinfo import ZoneInfo

import pytest
import time_machine

from demandes.models import Demande
from familles.models import Responsable
from tests import factories
from tests.demandes.fabrique import demande

MAINTENANT = datetime(2026, 11, 23, 9, 0, tzinfo=ZoneInfo("Europe/Paris"))
VINGT = 20
CLICS_MAX, PAGES_MAX = 40, 21


@pytest.fixture(autouse=True)
def maintenant():
    with time_machine.travel(MAINTENANT, tick=False):
        yield


@dataclass
class Page(HTMLParser):
    """What an agent may click: links by their words, buttons, and the fields their form carries."""

    texte: str
    liens: dict[str, str] = field(default_factory=dict)
    boutons: dict[str, tuple[str, str]] = field(default_factory=dict)
    champs: dict[str, str] = field(default_factory=dict)

    def __post_init__(self):
        super().__init__()
        self._ouvert, self._mots = None, ""
        self.feed(self.texte)

    def handle_starttag(self, tag, attrs):
        a = dict(attrs)
        if tag in ("a", "button"):
            self._ouvert, self._mots = (tag, a), ""
        elif tag == "input" and a.get("type") == "hidden" and a.get("name"):
            self.champs[a["name"]] = a.get("value") or ""

    def handle_data(self, data):
        self._mots += data

    def handle_endtag(self, tag):
        if self._ouvert and tag == self._ouvert[0]:
            a, mots = self._ouvert[1], " ".join(self._mots.split())
            if tag == "a":
                self.liens[mots] = a.get("href", "")
            else:
                self.boutons[mots] = (a.get("name", ""), a.get("value", ""))
            self._ouvert = None


@dataclass
class Agent:
    """A browser that counts; a redirect followed is one page."""

    client: object
    clics: int = 0
    pages: int = 0
    ici: str = ""
    page: Page | None = None

    def aller(self, adresse: str) -> None:
        self._montrer(self.client.get(adresse, follow=True), adresse)

    def lien(self, mots: str) -> None:
        self.clics += 1
        self.aller(self.page.liens[mots])

    def bouton(self, mots: str, **corps) -> None:
        self.clics += 1
        nom, valeur = self.page.boutons[mots]
        corps = self.page.champs | {nom: valeur} | corps
        self._montrer(self.client.post(self.ici, corps, follow=True), self.ici)

    def _montrer(self, reponse, adresse: str) -> None:
        assert reponse.status_code == 200
        self.pages += 1
        self.ici = reponse.redirect_chain[-1][0] if reponse.redirect_chain else adresse
        self.page = Page(reponse.text)


@pytest.fixture
def vingt(monde) -> list[Demande]:
    faites = []
    for n in range(VINGT):
        famille = factories.famille("Camille", f"NOM{n:02d}", f"camille{n:02d}")
        adresse = {
            "civilite": "Mme",
            "adresse": f"{n + 1} rue du Verger",
            "code_postal": "84510",
            "ville": "Belrive",
        }
        faites.append(
            demande("infos-responsable", famille, adresse, le=MAINTENANT - timedelta(hours=VINGT - n))
        )
    return faites


@pytest.fixture
def agent(monde) -> Agent:
    return Agent(monde.client(factories.agent("enfance", "demandes.traiter_demande")))


def acceptees() -> int:
    return Responsable.objects.filter(adresse__endswith="rue du Verger").count()


def test_vingt_changements_dadresse_un_par_un(vingt, agent, capsys):
    agent.aller("/admin/")
    agent.pages = 0  # where the agent already is
    agent.lien("Traiter la plus ancienne")
    for rang, faite in enumerate(vingt):
        assert faite.numero in agent.page.texte  # oldest first
        assert f"{rang + 1} rue du Verger" in agent.page.texte
        dernier = rang == VINGT - 1
        agent.bouton("Accepter" if dernier else "Accepter et passer à la suivante")
    with capsys.disabled():
        print(f" un par un : {agent.clics} clics, {agent.pages} pages ")
    assert acceptees() == VINGT
    assert (agent.clics, agent.pages) == (VINGT + 1, VINGT + 1)
    assert agent.clics <= CLICS_MAX
    assert agent.pages <= PAGES_MAX


def test_vingt_changements_dadresse_en_une_fois(vingt, agent, capsys):
    agent.aller("/admin/")
    agent.pages = 0
    agent.lien("Infos responsable")
    agent.clics += 2  # the box that ticks every line, and the action in its list
    choisies = [str(d.pk) for d in vingt]
    agent.bouton("Envoyer", action="accepter_plusieurs", _selected_action=choisies)
    with capsys.disabled():
        print(f" en une fois : {agent.clics} clics, {agent.pages} pages ")
    assert acceptees() == VINGT
    assert (agent.clics, agent.pages) == (4, 2)


def test_apres_la_derniere_la_liste(vingt, agent):
    """Who comes from a filtered list goes on in it, and comes back to it."""
    for faite in vingt[2:]:
        faite.retirer(faite.envoyee_par, MAINTENANT)
    demande("caf", vingt[2].famille, {"numero": "1"}, le=MAINTENANT - timedelta(days=3))
    agent.aller("/admin/demandes/demande/?type__exact=infos-responsable")
    agent.lien("Traiter la plus ancienne")
    agent.bouton("Accepter et passer à la suivante")
    assert "1 restante." in agent.page.texte
    agent.bouton("Accepter")
    assert "Rien d’autre n’attend ici." in agent.page.texte
    assert agent.ici == "/admin/demandes/demande/?type__exact=infos-responsable"


def test_passer_sans_decider(vingt, agent):
    agent.aller("/admin/demandes/demande/suivante/")
    agent.lien("passer à la suivante")
    assert vingt[1].numero in agent.page.texte
    agent.bouton("Accepter et passer à la suivante")
    assert f"demande {vingt[2].numero}" in agent.page.texte


def test_un_filtre_absurde_ne_casse_rien(vingt, agent):
    for filtres in ("zzz=1", "type__exact=%F0%9F", "age=x&structure=y", "famille__numero__regex=("):
        agent.aller(f"/admin/demandes/demande/suivante/?{filtres}")
        assert vingt[0].numero in agent.page.texte
