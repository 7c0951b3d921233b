"""What the town chooses kind by kind: automatic acceptance, groups, agents of a structure, motifs."""

import uuid
from datetime import datetime, timedelta
from itertools import product
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError

from demandes.envoi import envoyer
from demandes.models import Demande, MotifRefus, ReglageDemande, automatisable
from demandes.types import PAR_CODE, TYPES
from enfants.models import AffectationAgent
from portail.socle.models import Courriel, Trace
from tests import factories
from tests.demandes.fabrique import demande, formulaire, reservations, titulaire

MAINTENANT = datetime(2026, 11, 23, 9, 0, tzinfo=ZoneInfo("Europe/Paris"))
ADRESSE = {"civilite": "M", "adresse": "4 avenue du Verger", "code_postal": "84510", "ville": "Belrive"}
IBAN = {"titulaire": "DUPONT Jean", "iban": "FR7630006000011234567890189", "bic": "AGRIFRPP"}
SANTE = {"regime": "sans_porc", "allergies": "Arachide"}
LISTE = "/admin/demandes/demande/"
REGLAGES = "/admin/demandes/reglagedemande/"


@pytest.fixture(autouse=True)
def maintenant():
    with time_machine.travel(MAINTENANT, tick=False):
        yield


def automatique(code: str) -> ReglageDemande:
    return ReglageDemande.objects.update_or_create(type=code, defaults={"automatique": True})[0]


# --- automatic acceptance -----------------------------------------------------------------------------------------


def test_acceptee_a_lenvoi(monde):
    automatique("infos-responsable")
    faite = demande("infos-responsable", monde.jean, ADRESSE, le=MAINTENANT)
    faite.refresh_from_db()
    assert (faite.etat, faite.decidee_par, faite.decidee_le) == ("acceptee", None, MAINTENANT)
    assert titulaire(monde.jean).adresse == "4 avenue du Verger"
    assert [(e.genre, e.par, e.texte) for e in faite.evenements.all()] == [
        ("envoyee", faite.envoyee_par, ""),
        ("acceptee", None, "Acceptation automatique"),
    ]
    assert list(Trace.objects.filter(action="demande_acceptee").values_list("qui", flat=True)) == ["portail"]
    # The mail of any acceptance, and no receipt beside it.
    assert [c.objet for c in Courriel.objects.all()] == [f"Votre demande {faite.numero} est acceptée"]


def test_les_autres_types_attendent(monde):
    automatique("infos-responsable")
    assert demande("caf", monde.jean, {"numero": "1"}, le=MAINTENANT).etat == "envoyee"


def test_double_clic_sur_une_acceptation_automatique(monde):
    automatique("infos-responsable")
    jeton = uuid.uuid4()
    for _ in range(2):
        form = formulaire("infos-responsable", monde.jean, ADRESSE)
        assert form.is_valid()
        envoyer(form, titulaire(monde.jean).utilisateur, MAINTENANT, jeton)
    assert (Demande.objects.count(), Courriel.objects.count()) == (1, 1)


def test_ce_qui_ne_sapplique_pas_attend_un_agent(monde, monkeypatch):
    """The database's last word, said after the form's: the family is not blocked, an agent looks."""
    automatique("infos-responsable")

    def refuser(self, par, maintenant):
        raise ValidationError("Non.")

    monkeypatch.setattr(PAR_CODE["infos-responsable"], "appliquer", refuser)
    faite = demande("infos-responsable", monde.jean, ADRESSE, le=MAINTENANT)
    faite.refresh_from_db()
    assert (faite.etat, [e.genre for e in faite.evenements.all()]) == ("envoyee", ["envoyee"])
    assert [c.objet for c in Courriel.objects.all()] == [f"Nous avons bien reçu votre demande {faite.numero}"]


@pytest.mark.parametrize(("code", "saisie"), [("bancaires", IBAN), ("donnees-sanitaires", SANTE)])
def test_jamais_la_banque_ni_la_sante(monde, code, saisie):
    """A row written by hand changes nothing, and the form refuses it."""
    reglage = automatique(code)
    with pytest.raises(ValidationError, match="toujours décidé par un agent"):
        reglage.full_clean()
    enfant = monde.lea if PAR_CODE[code].categorie == "enfant" else None
    assert demande(code, monde.jean, saisie, enfant, MAINTENANT).etat == "envoyee"


def test_aucun_type_sensible_nest_automatisable():
    assert [
        t.code for t in TYPES if automatisable(t) and (t.permission or t.planning or not t.en_masse)
    ] == []
    assert automatisable(PAR_CODE["infos-responsable"])


# --- groups × structures × kinds ----------------------------------------------------------------------------------


@pytest.fixture
def offre(monde) -> dict[str, Demande]:
    """One demande a kind of thing: an account, a child, days; each seen or not by the four agents below."""
    alsh = factories.structure("Accueil de Loisirs ALSH", genre="loisirs")
    club = factories.inscription(monde.lea, factories.prestation("Mercredi", structure=alsh), monde.jean)
    return {
        "compte": demande("infos-responsable", monde.jean, ADRESSE, le=MAINTENANT),
        "enfant": demande("autorisations", monde.jean, {"baignade": True}, monde.lea, MAINTENANT),
        "jours": reservations(club, MAINTENANT.date() + timedelta(9), le=MAINTENANT),
        "ailleurs": demande("infos-responsable", monde.claire, ADRESSE, le=MAINTENANT),
    }


GROUPE, STRUCTURE = (False, True), (False, True)


@pytest.mark.parametrize(("du_groupe", "rattache"), list(product(GROUPE, STRUCTURE)))
@pytest.mark.parametrize("reserve", [None, "infos-responsable", "autorisations", "reservations"])
@pytest.mark.parametrize("ouvert", [False, True])
def test_type_par_structure_par_groupe(monde, offre, du_groupe, rattache, reserve, ouvert):
    """Every combination of: the kind is reserved to a group, the agent is in it, the agent is attached to a structure,
    account kinds are open to attached agents.
    """
    agent = factories.agent("enfance", "demandes.traiter_demande")
    groupe = Group.objects.create(name="Accueil")
    if du_groupe:
        agent.groups.add(groupe)
    if rattache:
        alsh = offre["jours"].jours.get().reservation.prestation.structure
        AffectationAgent.objects.create(utilisateur=agent, structure=alsh)
    if reserve:
        ReglageDemande.objects.create(type=reserve).groupes.add(groupe)
    ReglageDemande.objects.update_or_create(type="infos-responsable", defaults={"agents_rattaches": ouvert})
    attendues = set()
    for nom, faite in offre.items():
        du_type = reserve != faite.type or du_groupe
        du_lieu = not rattache or nom in ("enfant", "jours") or (nom == "compte" and ouvert)
        if du_type and du_lieu:
            attendues.add(nom)
    vues = set(Demande.objects.pour_agent(agent))
    assert {nom for nom, faite in offre.items() if faite in vues} == attendues
    client = monde.client(agent)
    for nom, faite in offre.items():
        attendu = 200 if nom in attendues else 302
        assert client.get(f"{LISTE}{faite.pk}/change/").status_code == attendu


def test_le_super_utilisateur_voit_tout(monde, offre):
    ReglageDemande.objects.create(type="autorisations").groupes.add(Group.objects.create(name="Accueil"))
    assert set(Demande.objects.pour_agent(monde.agent)) == set(offre.values())


def test_un_type_reserve_ne_se_decide_pas(monde, offre):
    ReglageDemande.objects.create(type="autorisations").groupes.add(Group.objects.create(name="Accueil"))
    agent = factories.agent("enfance", "demandes.traiter_demande")
    faite, client = offre["enfant"], monde.client(agent)
    client.post(f"{LISTE}{faite.pk}/change/", {"action": "refuser", "message": "Non"})
    client.post(LISTE, {"action": "accepter_plusieurs", "_selected_action": [str(faite.pk)]})
    faite.refresh_from_db()
    assert faite.etat == "envoyee"
    assert "Autorisations" not in [a["libelle"] for a in client.get("/admin/").context["a_traiter"]]


# --- the admin of it ----------------------------------------------------------------------------------------------


def test_chaque_type_a_sa_ligne_sans_migration(monde):
    page = monde.client(monde.agent).get(REGLAGES)
    assert {r.type for r in page.context["cl"].result_list} == {t.code for t in TYPES}
    monde.client(monde.agent).get(REGLAGES)
    assert ReglageDemande.objects.count() == len(TYPES)


def test_choisir_lacceptation_automatique(monde):
    client = monde.client(monde.agent)
    client.get(REGLAGES)
    reglage = ReglageDemande.objects.get(type="infos-responsable")
    client.post(f"{REGLAGES}{reglage.pk}/change/", {"automatique": "on"})
    reglage.refresh_from_db()
    assert reglage.automatique
    banque = ReglageDemande.objects.get(type="bancaires")
    client.post(f"{REGLAGES}{banque.pk}/change/", {"automatique": "on"})
    banque.refresh_from_db()
    assert not banque.automatique


def test_seul_ladministrateur_regle(monde):
    agent = factories.agent("enfance", "demandes.traiter_demande", "demandes.view_reglagedemande")
    client = monde.client(agent)
    assert client.get(REGLAGES).status_code == 200
    reglage = ReglageDemande.objects.get(type="caf")
    assert client.post(f"{REGLAGES}{reglage.pk}/change/", {"automatique": "on"}).status_code == 403
    for qui in (monde.jean, monde.jeanne, monde.claire):
        assert monde.client(qui).get(REGLAGES).status_code == 302


def test_les_motifs_sont_des_lignes(monde):
    """Those of the kind first, then those of every kind; the portal comes with some."""
    assert MotifRefus.objects.filter(type="").count() == 3
    MotifRefus.objects.create(type="caf", texte="Un motif à nous.", ordre=0)
    faite = demande("caf", monde.jean, {"numero": "1"}, le=MAINTENANT)
    page = monde.client(monde.agent).get(f"{LISTE}{faite.pk}/change/")
    choix = [texte for valeur, texte in page.context["decision"].fields["motif_pret"].choices if valeur]
    assert (choix[0], choix[-1]) == (
        "Un motif à nous.",
        "Cette demande fait double emploi avec une autre.",
    )
    assert "L’absence est déclarée trop tard." not in choix
