"""The town's side: what waits first, permissions, structures, three versions, many at once."""

import uuid
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext

from demandes.envoi import envoyer_absences, envoyer_reservations
from demandes.models import Demande
from enfants import places
from enfants.models import AffectationAgent, FicheSanitaire, Reservation, ReservationEvenement
from familles.models import Responsable
from portail.socle.models import Trace
from tests import factories
from tests.demandes.fabrique import demande, reservations, titulaire

MAINTENANT = datetime(2026, 11, 23, 9, 0, tzinfo=ZoneInfo("Europe/Paris"))
JOUR = MAINTENANT.date()
ADRESSE = {"civilite": "M", "adresse": "4 avenue du Verger", "code_postal": "84510", "ville": "Belrive"}
SANTE = {"regime": "sans_porc", "allergies": "Arachide"}
LISTE = "/admin/demandes/demande/"


@pytest.fixture(autouse=True)
def maintenant():
    with time_machine.travel(MAINTENANT, tick=False):
        yield


@pytest.fixture
def enfance(monde):
    """An agent who treats demandes, without health nor bank."""
    return factories.agent("enfance", "demandes.traiter_demande")


def adresse(faite: Demande) -> str:
    return f"{LISTE}{faite.pk}/change/"


def voir(monde, qui, faite: Demande):
    return monde.client(qui).get(adresse(faite))


def decider(monde, qui, faite: Demande, action: str, **champs):
    vu = formulaire_vu(faite)
    return monde.client(qui).post(adresse(faite), {"action": action, "vu": vu} | champs, follow=True)


def formulaire_vu(faite: Demande) -> str:
    return "" if faite.genre.planning else Demande.objects.get(pk=faite.pk).formulaire(JOUR).empreinte()


def test_a_traiter_dabord_la_plus_ancienne_dabord(monde, enfance):
    recente = demande("infos-responsable", monde.jean, ADRESSE, le=MAINTENANT)
    ancienne = demande("caf", monde.claire, {"numero": "1"}, le=MAINTENANT - timedelta(days=3))
    faite = demande("conjoint", monde.jean, {"nom": "A", "prenom": "B"}, le=MAINTENANT)
    faite.accepter(monde.agent, MAINTENANT)
    page = monde.client(enfance).get(LISTE)
    assert [d.numero for d in page.context["cl"].result_list] == [ancienne.numero, recente.numero]
    page = monde.client(enfance).get(f"{LISTE}?situation=acceptees")
    assert [d.numero for d in page.context["cl"].result_list] == [faite.numero]


def test_laccueil_compte_ce_qui_attend(monde, enfance):
    demande("infos-responsable", monde.jean, ADRESSE, le=MAINTENANT)
    demande("infos-responsable", monde.claire, ADRESSE, le=MAINTENANT)
    page = monde.client(enfance).get("/admin/")
    assert "À traiter" in page.text
    assert "2 demandes" in page.text
    sans_droit = factories.agent("compta", "socle.view_trace")
    assert "a-traiter" not in monde.client(sans_droit).get("/admin/").text


def test_accepter_depuis_la_page(monde, enfance):
    faite = demande("infos-responsable", monde.jean, ADRESSE, le=MAINTENANT)
    page = voir(monde, enfance, faite)
    assert "4 avenue du Verger" in page.text
    decider(monde, enfance, faite, "accepter")
    faite.refresh_from_db()
    assert (faite.etat, faite.decidee_par) == ("acceptee", enfance)
    assert titulaire(monde.jean).adresse == "4 avenue du Verger"


def test_refuser_veut_un_motif(monde, enfance):
    faite = demande("infos-responsable", monde.jean, ADRESSE, le=MAINTENANT)
    page = decider(monde, enfance, faite, "refuser")
    assert "Donnez le motif du refus." in page.text
    decider(monde, enfance, faite, "refuser", motif_pret="Il manque un justificatif.")
    faite.refresh_from_db()
    assert (faite.etat, faite.motif) == ("refusee", "Il manque un justificatif.")


def test_demander_un_complement(monde, enfance):
    faite = demande("infos-responsable", monde.jean, ADRESSE, le=MAINTENANT)
    assert "Écrivez ce que la famille doit préciser." in decider(monde, enfance, faite, "complement").text
    decider(monde, enfance, faite, "complement", message="Quelle entrée ?")
    faite.refresh_from_db()
    assert faite.etat == "complement"


def test_le_second_agent_est_prevenu(monde, enfance):
    faite = demande("infos-responsable", monde.jean, ADRESSE, le=MAINTENANT)
    vu = formulaire_vu(faite)
    decider(monde, monde.agent, faite, "accepter")
    page = monde.client(enfance).post(
        adresse(faite), {"action": "refuser", "vu": vu, "message": "Non"}, follow=True
    )
    assert f"déjà traitée par {monde.agent}" in page.text
    faite.refresh_from_db()
    assert faite.etat == "acceptee"


def test_trois_versions_si_cela_a_change(monde, enfance):
    faite = demande("infos-responsable", monde.jean, ADRESSE, le=MAINTENANT)
    vu = formulaire_vu(faite)
    Responsable.objects.filter(famille=monde.jean).update(adresse="1 place Neuve")
    client = monde.client(enfance)
    page = client.post(adresse(faite), {"action": "accepter", "vu": vu})
    assert "ont changé depuis la demande" in page.text
    assert "1 place Neuve" in page.text
    assert titulaire(monde.jean).adresse == "1 place Neuve"
    # Having seen the three, the agent says so, and accepts.
    corps = {"action": "accepter", "vu": page.context["decision"]["vu"].value()}
    assert "cochez la case" in client.post(adresse(faite), corps).text
    assert titulaire(monde.jean).adresse == "1 place Neuve"
    client.post(adresse(faite), corps | {"confirme": "on"})
    assert titulaire(monde.jean).adresse == "4 avenue du Verger"


def test_accepter_plusieurs(monde, enfance):
    une = demande("infos-responsable", monde.jean, ADRESSE, le=MAINTENANT)
    deux = demande("infos-responsable", monde.claire, ADRESSE, le=MAINTENANT)
    banque = demande(
        "bancaires", monde.jean, {"titulaire": "X", "iban": "FR7630006000011234567890189"}, le=MAINTENANT
    )
    corps = {"action": "accepter_plusieurs", "_selected_action": [str(d.pk) for d in (une, deux, banque)]}
    page = monde.client(enfance).post(LISTE, corps, follow=True)
    assert "2 demandes acceptées." in page.text
    assert f"{banque.numero} (à ouvrir une par une)" in page.text
    assert list(Demande.objects.en_cours()) == [banque]


# --- days -------------------------------------------------------------------------------------------------------


def test_accepter_quelques_jours(monde, enfance):
    faite = reservations(monde.inscriptions["lea"], JOUR + timedelta(3), JOUR + timedelta(4), le=MAINTENANT)
    premier = faite.jours.first().reservation_id
    page = decider(monde, enfance, faite, "accepter", jours=[premier])
    assert "Donnez le motif du refus." in page.text
    decider(monde, enfance, faite, "accepter", jours=[premier], message="Complet vendredi.")
    faite.refresh_from_db()
    assert faite.etat == "acceptee_partie"
    assert sorted(Reservation.objects.values_list("etat", flat=True)) == ["refusee", "reservee"]


def test_jours_deja_decides_par_un_autre(monde, enfance):
    faite = reservations(monde.inscriptions["lea"], JOUR + timedelta(3), le=MAINTENANT)
    jour = faite.jours.get().reservation_id
    faite.accepter(monde.agent, MAINTENANT)
    assert "déjà traitée" in decider(monde, enfance, faite, "accepter", jours=[jour]).text


@pytest.mark.parametrize("jours", [["abc"], ["9" * 50], ["-1"]])
def test_des_jours_inventes_ne_decident_rien(monde, enfance, jours):
    faite = reservations(monde.inscriptions["lea"], JOUR + timedelta(3), le=MAINTENANT)
    assert decider(monde, enfance, faite, "accepter", jours=jours).status_code == 200
    assert Reservation.objects.get().etat == "demandee"


def test_un_agent_ne_voit_que_ses_structures(monde, enfance):
    alsh = factories.structure("Accueil de Loisirs ALSH", genre="loisirs")
    club = factories.prestation("Mercredi", structure=alsh)
    sienne = reservations(
        factories.inscription(monde.lea, club, monde.jean), JOUR + timedelta(9), le=MAINTENANT
    )
    autre = reservations(monde.inscriptions["zoe"], JOUR + timedelta(3), le=MAINTENANT)
    compte = demande("infos-responsable", monde.jean, ADRESSE, le=MAINTENANT)
    de_lea = demande("autorisations", monde.jean, {"baignade": True}, monde.lea, MAINTENANT)
    AffectationAgent.objects.create(utilisateur=enfance, structure=alsh)
    page = monde.client(enfance).get(LISTE)
    assert {d.numero for d in page.context["cl"].result_list} == {sienne.numero, de_lea.numero}
    for cachee in (autre, compte):
        assert voir(monde, enfance, cachee).status_code == 302
        decider(monde, enfance, cachee, "refuser", message="Non")
        cachee.refresh_from_db()
        assert cachee.etat == "envoyee"


# --- health, bank -----------------------------------------------------------------------------------------------


def test_la_sante_est_reservee_et_tracee(monde, enfance):
    faite = demande("donnees-sanitaires", monde.jean, SANTE, monde.lea, MAINTENANT)
    page = voir(monde, enfance, faite)
    assert "réservé aux agents habilités" in page.text
    assert "Arachide" not in page.text
    assert monde.client(enfance).post(adresse(faite), {"action": "accepter"}).status_code == 403
    infirmiere = factories.agent("sante", "demandes.traiter_demande", "demandes.voir_sante")
    assert not Trace.objects.filter(action="voir_sante").exists()
    assert "Arachide" in voir(monde, infirmiere, faite).text
    assert Trace.objects.get(action="voir_sante").qui == "sante"


def test_la_banque_est_reservee(monde, enfance):
    faite = demande(
        "bancaires", monde.jean, {"titulaire": "X", "iban": "FR7630006000011234567890189"}, le=MAINTENANT
    )
    assert "FR7630006000011234567890189" not in voir(monde, enfance, faite).text
    regie = factories.agent("regie", "demandes.traiter_demande", "demandes.voir_banque")
    assert "FR7630006000011234567890189" in voir(monde, regie, faite).text


def test_qui_nest_pas_agent_nentre_pas(monde):
    faite = demande("infos-responsable", monde.jean, ADRESSE, le=MAINTENANT)
    compta = factories.agent("compta", "socle.view_trace")
    assert voir(monde, compta, faite).status_code == 403
    for qui in (monde.jean, monde.claire):
        assert voir(monde, qui, faite).status_code == 302


@pytest.mark.parametrize("cle", ["x", "00000000-0000-0000-0000-000000000000", "1"])
def test_une_demande_inconnue(monde, enfance, cle):
    assert monde.client(enfance).get(f"{LISTE}{cle}/change/").status_code == 302


def test_rien_ne_sajoute_ni_ne_seffac(monde):
    faite = demande("infos-responsable", monde.jean, ADRESSE, le=MAINTENANT)
    client = monde.client(monde.agent)
    assert client.get(f"{LISTE}add/").status_code == 403
    assert client.post(f"{LISTE}{faite.pk}/delete/", {"post": "yes"}).status_code == 403


def test_un_enfant_qui_ressemble_est_propose(monde):
    saisie = {"nom": "MARTIN", "prenom": "Zoé", "sexe": "F", "naissance": "2018-03-14"}
    faite = demande("ajouter-enfant", monde.jean, saisie, le=MAINTENANT)
    assert "est-ce lui" in voir(monde, monde.agent, faite).text
    decider(monde, monde.agent, faite, "accepter", existant=str(monde.zoe.pk))
    assert monde.jean.rattachements.filter(enfant=monde.zoe).exists()


def test_lhistorique_ne_se_recrit_pas(monde):
    faite = demande("infos-responsable", monde.jean, ADRESSE, le=MAINTENANT)
    with pytest.raises(Exception, match="figée"):
        faite.evenements.update(texte="autre")


def test_la_liste_a_un_nombre_constant_de_requetes(monde):
    client = monde.client(monde.agent)

    def compter() -> int:
        with CaptureQueriesContext(connection) as requetes:
            client.get(LISTE)
        return len(requetes)

    demande("caf", monde.jean, {"numero": "1"}, le=MAINTENANT)
    client.get(LISTE)
    une = compter()
    demande("infos-responsable", monde.claire, ADRESSE, le=MAINTENANT)
    reservations(monde.inscriptions["zoe"], JOUR + timedelta(3), JOUR + timedelta(4), le=MAINTENANT)
    reservations(monde.inscriptions["lea"], JOUR + timedelta(3), le=MAINTENANT)
    assert compter() == une


def test_un_agent_rattache_ne_refuse_pas_les_jours_des_autres(monde, enfance):
    """A demande seen for one day of its structure, already decided: what remains belongs to others."""
    alsh = factories.structure("Accueil de Loisirs ALSH", genre="loisirs")
    club = factories.prestation("Mercredi", structure=alsh)
    sienne = factories.inscription(monde.lea, club, monde.jean)
    souhaits = [
        places.Souhait(monde.inscriptions["lea"], JOUR + timedelta(3)),
        places.Souhait(sienne, JOUR + timedelta(7)),
    ]
    compte = titulaire(monde.jean).utilisateur
    faite, _ = envoyer_reservations(monde.jean, souhaits, compte, MAINTENANT, uuid.uuid4())
    du_club = Reservation.objects.get(prestation=club)
    places.decider([du_club.pk], True, monde.agent, MAINTENANT)
    AffectationAgent.objects.create(utilisateur=enfance, structure=alsh)
    page = decider(monde, enfance, faite, "refuser", message="Non")
    assert "déjà décidés" in page.text
    decider(monde, enfance, faite, "accepter")
    assert Reservation.objects.get(prestation=monde.cantine).etat == "demandee"


def test_une_demande_de_sante_tombe_avec_le_rattachement(monde):
    faite = demande("donnees-sanitaires", monde.jean, SANTE, monde.lea, MAINTENANT)
    monde.lea.rattachements.filter(famille=monde.jean).update(au=JOUR - timedelta(1))
    page = decider(monde, monde.agent, faite, "accepter")
    assert "Cet enfant n’est plus rattaché à cette famille." in page.text
    assert not FicheSanitaire.objects.filter(enfant=monde.lea, allergies="Arachide").exists()
    faite.refresh_from_db()
    assert faite.etat == "envoyee"


def test_une_demande_de_sante_veut_encore_lautorite_parentale(monde):
    faite = demande("donnees-sanitaires", monde.jean, SANTE, monde.lea, MAINTENANT)
    monde.lea.rattachements.filter(famille=monde.jean).update(autorite_parentale=False)
    with pytest.raises(ValidationError, match="Seul un parent") as refus:
        faite.accepter(monde.agent, MAINTENANT)
    assert "__all__" not in str(refus.value)


def test_une_absence_medicale_est_une_donnee_de_sante(monde, enfance):
    (reservee,) = (
        i.reservation
        for i in places.reserver(
            [places.Souhait(monde.inscriptions["lea"], JOUR + timedelta(1))],
            None,
            MAINTENANT,
            au_nom_de_la_mairie=True,
        )
    )
    raison = {"raison": "medicale", "precision": "opération"}
    compte = titulaire(monde.jean).utilisateur
    faite, _ = envoyer_absences(monde.jean, [reservee], raison, compte, MAINTENANT, uuid.uuid4())
    assert {e.motif for e in ReservationEvenement.objects.all()} == {"", "raison médicale"}
    page = voir(monde, enfance, faite)
    assert "réservé aux agents habilités" in page.text
    assert "opération" not in page.text
    assert "opération" not in monde.client(enfance).get(LISTE).text
    infirmiere = factories.agent("sante", "demandes.traiter_demande", "demandes.voir_sante")
    assert "opération" in voir(monde, infirmiere, faite).text
