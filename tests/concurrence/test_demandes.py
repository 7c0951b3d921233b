"""Two agents on one demande at the same instant; numbers given to many families at once."""

import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest
from django.db import OperationalError, connection

from demandes.envoi import envoyer
from demandes.models import DejaTraitee, Demande, ReglageDemande
from demandes.types import InfosResponsable
from enfants import places
from enfants.models import Creneau, Enfant
from messagerie.models import Conversation
from portail.socle import verrous
from portail.socle.models import Courriel
from tests import factories
from tests.demandes.fabrique import demande, formulaire, reservations, titulaire

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db(transaction=True)]
MAINTENANT = datetime(2026, 11, 23, 9, 0, tzinfo=ZoneInfo("Europe/Paris"))
ADRESSE = {"civilite": "M", "adresse": "4 avenue du Verger", "code_postal": "84510", "ville": "Belrive"}


def ensemble(*actions) -> list:
    """Run these at the same time, each on its own connection; what each returned, or its DejaTraitee."""

    def faire(action):
        try:
            return action()
        except DejaTraitee as erreur:
            return erreur
        finally:
            connection.close()

    with ThreadPoolExecutor(len(actions)) as fils:
        return list(fils.map(faire, actions))


@pytest.fixture
def rendez_vous(monkeypatch):
    """Both agents reach the writing together if nothing holds one of them back."""
    barriere = threading.Barrier(2)
    appliquer = InfosResponsable.appliquer

    def attendre(self, par, maintenant):
        with suppress(threading.BrokenBarrierError):
            barriere.wait(timeout=1.5)
        return appliquer(self, par, maintenant)

    monkeypatch.setattr(InfosResponsable, "appliquer", attendre)


def _deux_agents(prenom: str) -> tuple[Demande, list]:
    famille = factories.famille(prenom, "DUPONT", f"{prenom.lower()}.dupont")
    agents = [factories.agent(f"agent{n}") for n in (1, 2)]
    faite = demande("infos-responsable", famille, ADRESSE, le=MAINTENANT)
    reponses = ensemble(
        *(lambda a=a: Demande.objects.get(pk=faite.pk).accepter(a, MAINTENANT) for a in agents)
    )
    return faite, reponses


def test_deux_agents_un_seul_decide(rendez_vous):
    faite, reponses = _deux_agents("Jean")
    assert sum(isinstance(r, DejaTraitee) for r in reponses) == 1
    assert faite.evenements.filter(genre="acceptee").count() == 1
    assert Courriel.objects.filter(objet=f"Votre demande {faite.numero} est acceptée").count() == 1


def test_sans_verrou_les_deux_decident(rendez_vous, monkeypatch):
    """Negative control: the test above proves the lock, not luck."""
    monkeypatch.setattr(verrous, "ACTIF", False)
    faite, reponses = _deux_agents("Jean")
    assert not any(isinstance(r, DejaTraitee) for r in reponses)
    assert faite.evenements.filter(genre="acceptee").count() == 2


def test_accepter_et_retirer_en_meme_temps():
    """One of the two wins, and the end is coherent, whichever it is."""
    for n in range(5):
        famille = factories.famille("Jean", "DUPONT", f"jean{n}")
        agent = factories.agent(f"agent{n}")
        faite = demande("infos-responsable", famille, ADRESSE, le=MAINTENANT)
        reponses = ensemble(
            lambda faite=faite, agent=agent: Demande.objects.get(pk=faite.pk).accepter(agent, MAINTENANT),
            lambda faite=faite, famille=famille: Demande.objects.get(pk=faite.pk).retirer(
                titulaire(famille).utilisateur, MAINTENANT
            ),
        )
        assert sum(isinstance(r, DejaTraitee) for r in reponses) == 1
        faite.refresh_from_db()
        change = titulaire(famille).adresse == "4 avenue du Verger"
        assert change is (faite.etat == "acceptee")


def test_complement_et_reponse_de_la_famille_en_meme_temps_que_la_decision():
    """The agent decides while the family answers: one order or the other, never a decided demande back to the town."""
    for n in range(5):
        famille = factories.famille("Jean", "DUPONT", f"jean{n}")
        agent, compte = factories.agent(f"agent{n}"), titulaire(famille).utilisateur
        faite = demande("infos-responsable", famille, ADRESSE, le=MAINTENANT)
        faite.demander_complement(agent, "Quelle entrée ?", MAINTENANT)
        ensemble(
            lambda faite=faite, agent=agent: Demande.objects.get(pk=faite.pk).refuser(
                agent, "Non.", MAINTENANT
            ),
            lambda faite=faite, compte=compte: Demande.objects.get(pk=faite.pk).repondre(
                compte, "Entrée B", MAINTENANT
            ),
        )
        faite.refresh_from_db()
        assert faite.etat == "refusee"
        assert faite.evenements.last().genre == "refusee"
        assert faite.conversation.messages.count() == 2  # the words are kept in any case


def test_deux_agents_demandent_un_complement_un_seul_fil():
    famille = factories.famille("Jean", "DUPONT", "jean.dupont")
    agents = [factories.agent(f"agent{n}") for n in (1, 2)]
    faite = demande("infos-responsable", famille, ADRESSE, le=MAINTENANT)
    ensemble(
        *(
            lambda a=a: Demande.objects.get(pk=faite.pk).demander_complement(a, f"De {a}", MAINTENANT)
            for a in agents
        )
    )
    assert Conversation.objects.count() == 1
    assert Conversation.objects.get().messages.count() == 2


def _reponses_simultanees(monkeypatch, actif: bool) -> Demande:
    """The two adults answer the same complément at the same instant."""
    famille = factories.famille("Jean", "DUPONT", "jean.dupont")
    compte = titulaire(famille).utilisateur
    faite = demande("infos-responsable", famille, ADRESSE, le=MAINTENANT)
    faite.demander_complement(factories.agent("agent1"), "Quelle entrée ?", MAINTENANT)
    monkeypatch.setattr(verrous, "ACTIF", actif)
    barriere = threading.Barrier(2)
    ecrire = Demande._ecrire

    def attendre(self, *args):
        with suppress(threading.BrokenBarrierError):
            barriere.wait(timeout=1.5)
        return ecrire(self, *args)

    monkeypatch.setattr(Demande, "_ecrire", attendre)
    ensemble(
        *(
            lambda t=t: Demande.objects.get(pk=faite.pk).repondre(compte, t, MAINTENANT)
            for t in ("Entrée B", "Entrée C")
        )
    )
    return faite


def test_deux_reponses_rendent_la_demande_une_fois(monkeypatch):
    faite = _reponses_simultanees(monkeypatch, actif=True)
    assert faite.evenements.filter(genre="reponse").count() == 1


def test_sans_verrou_elle_serait_rendue_deux_fois(monkeypatch):
    """Negative control of the lock the answer takes."""
    faite = _reponses_simultanees(monkeypatch, actif=False)
    assert faite.evenements.filter(genre="reponse").count() == 2


def test_six_clics_sur_une_acceptation_automatique():
    ReglageDemande.objects.create(type="infos-responsable", automatique=True)
    famille = factories.famille("Jean", "DUPONT", "jean.dupont")
    jeton, compte = uuid.uuid4(), titulaire(famille).utilisateur

    def cliquer():
        form = formulaire("infos-responsable", famille, ADRESSE, jour=MAINTENANT.date())
        assert form.is_valid()
        return envoyer(form, compte, MAINTENANT, jeton).pk

    assert len(set(ensemble(*[cliquer] * 6))) == 1
    faite = Demande.objects.get()
    assert (faite.etat, faite.evenements.count(), Courriel.objects.count()) == ("acceptee", 2, 1)


def test_les_numeros_se_suivent():
    familles = [factories.famille("F", f"N{n}", f"f{n}") for n in range(12)]
    ensemble(*(lambda f=f: demande("infos-responsable", f, ADRESSE, le=MAINTENANT) for f in familles))
    numeros = sorted(Demande.objects.values_list("numero", flat=True))
    assert numeros == [f"2026-{n:04d}" for n in range(1, 13)]


def test_double_clic_simultane():
    famille = factories.famille("Jean", "DUPONT", "jean.dupont")
    jeton, compte = uuid.uuid4(), titulaire(famille).utilisateur

    def cliquer():
        form = formulaire("infos-responsable", famille, ADRESSE, jour=MAINTENANT.date())
        assert form.is_valid()
        return envoyer(form, compte, MAINTENANT, jeton).pk

    assert len(set(ensemble(*[cliquer] * 6))) == 1
    assert Demande.objects.count() == 1


# --- two families, each waiting for the place of the other ------------------------------------------------------


def _croises(monkeypatch) -> list:
    """Each child holds the only place of a day and waits for the other's; both families withdraw at once."""
    club = factories.prestation("Club", places=1, liste_attente=True)
    jours = date(2026, 11, 30), date(2026, 12, 1)
    inscriptions = []
    for prenom in ("Jean", "Claire"):
        famille = factories.famille(prenom, "DUPONT", f"{prenom.lower()}.dupont")
        inscriptions.append(factories.inscription(factories.enfant(f"E{prenom}", famille), club, famille))
    tiennent = [reservations(i, j, le=MAINTENANT) for i, j in zip(inscriptions, jours, strict=True)]
    for i, j in zip(inscriptions, reversed(jours), strict=True):
        reservations(i, j, le=MAINTENANT)
    barriere = threading.Barrier(2)
    tenir = places.tenir

    def ensuite(ids, *cles):
        with suppress(threading.BrokenBarrierError):
            barriere.wait(timeout=1.5)
        return tenir(ids, *cles)

    monkeypatch.setattr(places, "tenir", ensuite)

    def retirer(faite: Demande):
        try:
            Demande.objects.get(pk=faite.pk).retirer(titulaire(faite.famille).utilisateur, MAINTENANT)
        except OperationalError as erreur:
            return erreur

    return ensemble(*(lambda f=f: retirer(f) for f in tiennent))


def test_deux_retraits_croises_se_suivent(monkeypatch):
    assert _croises(monkeypatch) == [None, None]
    # Each place went to the other child, who waited for it.
    assert list(Creneau.objects.order_by("jour").values_list("pris", flat=True)) == [1, 1]


def test_un_enfant_verrouille_avant_les_autres_serait_un_interblocage(monkeypatch):
    """Negative control: the lock `_verrouiller` took for planning demandes."""
    verrouiller = Demande._verrouiller

    def avec_lenfant(self):
        verrouiller(self)
        verrous.verrouiller(Enfant.objects.filter(pk=self.enfant_id))

    monkeypatch.setattr(Demande, "_verrouiller", avec_lenfant)
    assert sum(isinstance(r, OperationalError) for r in _croises(monkeypatch)) == 1
