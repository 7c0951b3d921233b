"""A medical absence and its attestation: until when, sent from where, and what happens without it."""

import uuid
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.urls import reverse

from demandes.envoi import envoyer_absences
from demandes.models import Demande, Depot
from demandes.travail import facturer_sans_attestation
from enfants import places
from enfants.models import Etat, Reservation
from portail.socle.models import Collectivite, Courriel, Fichier
from tests.demandes.fabrique import titulaire
from tests.demandes.test_planning import case
from tests.messagerie.fabrique import televerse

PARIS = ZoneInfo("Europe/Paris")
MAINTENANT = datetime(2026, 11, 23, 9, 0, tzinfo=PARIS)
LENDEMAIN = date(2026, 11, 24)


@pytest.fixture
def maintenant():
    with time_machine.travel(MAINTENANT, tick=False) as horloge:
        yield horloge


def reserver(inscription, jour: date, le: datetime = MAINTENANT) -> Reservation:
    (issue,) = places.reserver([places.Souhait(inscription, jour)], None, le, au_nom_de_la_mairie=True)
    return issue.reservation


def absence(monde, jour: date = LENDEMAIN, le: datetime = MAINTENANT, raison: str = "medicale") -> Demande:
    """Declared the day before: too late to cost nothing, whatever the reason."""
    reservee = reserver(monde.inscriptions["lea"], jour, le - timedelta(days=9))
    compte = titulaire(monde.jean).utilisateur
    donnees = {"raison": raison, "precision": ""}
    faite, _ = envoyer_absences(monde.jean, [reservee], donnees, compte, le, uuid.uuid4())
    return faite


def etat_du_jour(demande: Demande) -> str:
    return demande.jours.get().reservation.etat


# --- with the recap -----------------------------------------------------------------------------------------


def confirmer(client, reservation, jeton, *pieces, raison="medicale", **champs):
    return client.post(
        "/enfants/planning/demande/",
        {
            "c": case(reservation.inscription, reservation.jour, reservation.version),
            "action": "absence",
            "jeton": jeton,
            "confirmer": "1",
            "raison": raison,
            "pieces": list(pieces),
        }
        | champs,
    )


@pytest.fixture
def reservee(monde, maintenant) -> Reservation:
    return reserver(monde.inscriptions["lea"], LENDEMAIN)


def test_jointe_au_recap(monde, reservee):
    client = monde.client(monde.jean)
    recu = confirmer(client, reservee, str(uuid.uuid4()), televerse("certificat.pdf"))
    faite = Demande.objects.get()
    assert recu.url == reverse("demande", args=[faite.pk])
    assert [p.fichier.nom for p in faite.pieces.all()] == ["certificat.pdf"]
    assert not faite.attend_attestation
    assert Depot.objects.count() == 0


def test_la_raison_manque_le_document_reste(monde, reservee):
    client, jeton = monde.client(monde.jean), str(uuid.uuid4())
    page = confirmer(client, reservee, jeton, televerse("certificat.pdf"), raison="")
    assert page.status_code == 200
    assert "certificat.pdf" in page.text
    assert "inutile de les choisir de nouveau" in page.text
    confirmer(client, reservee, jeton, pieces_vues="1")
    assert Demande.objects.get().pieces.count() == 1


def test_retirer_au_recap_nenvoie_pas(monde, reservee):
    client, jeton = monde.client(monde.jean), str(uuid.uuid4())
    confirmer(client, reservee, jeton, televerse("certificat.pdf"), raison="")
    page = confirmer(client, reservee, jeton, retirer_piece=Depot.objects.get().pk, pieces_vues="1")
    assert page.status_code == 200
    assert (Demande.objects.count(), Depot.objects.count(), Fichier.objects.count()) == (0, 0, 0)
    assert 'value="medicale" selected' in page.text


def test_une_attestation_pour_une_autre_raison_est_refusee(monde, reservee):
    """Otherwise agents without the right to read health data would read it."""
    page = confirmer(
        monde.client(monde.jean), reservee, str(uuid.uuid4()), televerse("certificat.pdf"), raison="vacances"
    )
    assert page.context["raison"].errors["raison"] == [
        "Une attestation accompagne une raison médicale. Choisissez cette raison, ou retirez le document."
    ]
    assert Demande.objects.count() == 0


# --- later --------------------------------------------------------------------------------------------------


def test_la_phrase_dit_jusqua_quand(monde, maintenant):
    faite = absence(monde)
    assert faite.phrase_attestation == (
        "La mairie attend l’attestation du médecin jusqu’au jeudi 26\xa0novembre. "
        "Sans elle, l’absence sera facturée."
    )
    client = monde.client(monde.jean)
    for url in ("/demandes/enfants/", reverse("demande", args=[faite.pk])):
        page = client.get(url).text
        assert faite.phrase_attestation in page
        assert "Envoyer l’attestation" in page


def test_envoyee_depuis_la_page_de_la_demande(monde, maintenant):
    faite = absence(monde)
    client, url = monde.client(monde.jean), reverse("demande", args=[faite.pk])
    jeton = str(uuid.uuid4())
    page = client.post(url, {"joindre": "1", "jeton": jeton})
    assert "Joignez ce document" in page.text
    page = client.post(url, {"joindre": "1", "jeton": jeton, "pieces": televerse("certificat.pdf")})
    assert page.url == url
    assert [p.fichier.nom for p in faite.pieces.all()] == ["certificat.pdf"]
    assert [e.genre for e in faite.evenements.all()] == ["envoyee", "pieces"]
    # A second click joins nothing more.
    client.post(url, {"joindre": "1", "jeton": jeton, "pieces": televerse("certificat.pdf")})
    assert (faite.pieces.count(), Fichier.objects.count(), Depot.objects.count()) == (1, 1, 0)
    assert "La mairie attend l’attestation" not in client.get("/demandes/enfants/").text


def test_apres_une_absence_prise_en_compte_elle_sajoute_jusquau_terme(monde, maintenant):
    """Told in time, nothing waits for it; the guide asks for it all the same."""
    faite = absence(monde, date(2026, 12, 4))
    assert (faite.etat, etat_du_jour(faite)) == ("acceptee", "absent_excuse")
    url = reverse("demande", args=[faite.pk])
    assert "Vous pouvez le faire jusqu’au jeudi 26\xa0novembre." in monde.client(monde.jean).get(url).text
    maintenant.move_to(MAINTENANT + timedelta(days=4))
    assert "Envoyer l’attestation" not in monde.client(monde.jean).get(url).text
    monde.client(monde.jean).post(url, {"joindre": "1", "pieces": televerse("certificat.pdf")})
    assert faite.pieces.count() == 0
    maintenant.move_to(MAINTENANT + timedelta(days=3))
    envoi = {"joindre": "1", "jeton": str(uuid.uuid4()), "pieces": televerse("certificat.pdf")}
    monde.client(monde.jean).post(url, envoi)
    assert [p.fichier.nom for p in faite.pieces.all()] == ["certificat.pdf"]
    assert (Demande.objects.get().etat, etat_du_jour(faite)) == ("acceptee", "absent_excuse")


def test_ce_que_lagent_a_accepte_nattend_plus_de_document(monde, maintenant):
    faite = absence(monde)
    url = reverse("demande", args=[faite.pk])
    envoi = {"joindre": "1", "jeton": str(uuid.uuid4()), "pieces": televerse("certificat.pdf")}
    monde.client(monde.jean).post(url, envoi)
    faite.accepter(monde.agent, MAINTENANT)
    page = monde.client(monde.jean).get(url).text
    assert "Ajouter un document" not in page and 'name="pieces"' not in page


def test_lattestation_envoyee_rien_nest_plus_demande(monde, maintenant):
    faite = absence(monde, date(2026, 12, 4))
    url = reverse("demande", args=[faite.pk])
    envoi = {"joindre": "1", "jeton": str(uuid.uuid4()), "pieces": televerse("certificat.pdf")}
    monde.client(monde.jean).post(url, envoi)
    assert faite.pieces.count() == 1
    assert 'name="pieces"' not in monde.client(monde.jean).get(url).text


def test_une_absence_sans_raison_medicale_ne_recoit_rien(monde, maintenant):
    faite = absence(monde, date(2026, 12, 4), raison="familiale")
    page = monde.client(monde.jean).get(reverse("demande", args=[faite.pk])).text
    assert "Envoyer l’attestation" not in page


def test_la_page_ne_dit_pas_quil_ny_a_rien_a_faire_quand_lattestation_manque(monde, maintenant):
    page = monde.client(monde.jean).get(reverse("demande", args=[absence(monde).pk])).text
    assert "Vous n’avez rien d’autre à faire" not in page
    assert "au plus tard le jeudi 26\xa0novembre" in page


def test_un_etranger_ne_joint_rien(monde, maintenant):
    url = reverse("demande", args=[absence(monde).pk])
    for qui in (monde.jeanne, monde.claire):
        page = monde.client(qui).post(url, {"joindre": "1", "pieces": televerse("certificat.pdf")})
        assert page.status_code == 404
    assert Fichier.objects.count() == 0


def test_une_demande_close_ne_recoit_plus_rien(monde, maintenant):
    faite = absence(monde)
    faite.refuser(monde.agent, "Trop tard.", MAINTENANT)
    url = reverse("demande", args=[faite.pk])
    client = monde.client(monde.jean)
    assert 'name="pieces"' not in client.get(url).text
    page = client.post(url, {"joindre": "1", "pieces": televerse("certificat.pdf")}, follow=True)
    assert "déjà traitée" in page.text
    assert Fichier.objects.count() == 0


# --- the delay ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("envoyee", "dernier_instant"),
    [
        (datetime(2026, 11, 23, 9, 0), datetime(2026, 11, 26, 23, 59, 59)),
        (datetime(2026, 11, 23, 23, 59), datetime(2026, 11, 26, 23, 59, 59)),
        (datetime(2026, 11, 24, 0, 1), datetime(2026, 11, 27, 23, 59, 59)),
        # The clocks go back on 25 October, forward on 29 March: the days are Paris days all the same.
        (datetime(2026, 10, 22, 23, 30), datetime(2026, 10, 25, 23, 59, 59)),
        (datetime(2027, 3, 25, 23, 30), datetime(2027, 3, 28, 23, 59, 59)),
        (datetime(2026, 12, 29, 23, 30), datetime(2027, 1, 1, 23, 59, 59)),
    ],
    ids=["matin", "avant minuit", "après minuit", "heure d’hiver", "heure d’été", "fin d’année"],
)
def test_des_deux_cotes_du_delai(monde, envoyee, dernier_instant):
    envoyee, fin = envoyee.replace(tzinfo=PARIS), dernier_instant.replace(tzinfo=PARIS)
    jour = envoyee.date() + timedelta(days=1)
    while jour.weekday() > 4:
        jour += timedelta(days=1)
    faite = absence(monde, jour, envoyee)
    assert facturer_sans_attestation(fin) == "0 demandes sans attestation"
    assert etat_du_jour(faite) == Etat.ABSENCE_DEMANDEE
    assert facturer_sans_attestation(fin + timedelta(seconds=1)) == "1 demandes sans attestation"
    assert etat_du_jour(faite) == Etat.ABSENT_FACTURE
    assert facturer_sans_attestation(fin + timedelta(seconds=1)) == "0 demandes sans attestation"


def test_le_delai_de_la_commune(monde, maintenant):
    Collectivite.objects.create(pk=1, delai_attestation_jours=0)
    Collectivite.oublier()
    faite = absence(monde)
    assert faite.limite_attestation == MAINTENANT.date()
    assert facturer_sans_attestation(MAINTENANT + timedelta(days=1)) == "1 demandes sans attestation"


def test_la_famille_est_prevenue_et_lagent_peut_excuser(monde, maintenant):
    faite = absence(monde)
    Courriel.objects.all().delete()
    facturer_sans_attestation(MAINTENANT + timedelta(days=4))
    faite.refresh_from_db()
    motif = "L’attestation attendue jusqu’au jeudi 26\xa0novembre n’est pas arrivée. L’absence est facturée."
    assert (faite.etat, faite.motif, faite.decidee_par) == ("refusee", motif, None)
    courriel = Courriel.objects.get()
    assert courriel.destinataire == "jean.dupont@exemple.fr"
    assert motif in courriel.texte
    reservation = faite.jours.get().reservation
    places.trancher_absences([reservation.pk], True, monde.agent, MAINTENANT + timedelta(days=5))
    assert etat_du_jour(faite) == Etat.ABSENT_EXCUSE


def test_un_document_arrive_larret(monde, maintenant):
    faite = absence(monde)
    url = reverse("demande", args=[faite.pk])
    monde.client(monde.jean).post(url, {"joindre": "1", "pieces": televerse("certificat.pdf")})
    facturer_sans_attestation(MAINTENANT + timedelta(days=9))
    assert etat_du_jour(faite) == Etat.ABSENCE_DEMANDEE


def test_ce_que_la_mairie_a_en_main_nest_pas_decide_pour_elle(monde, maintenant):
    """Asked for something, the family may have answered in the inbox: an agent decides."""
    faite = absence(monde)
    faite.demander_complement(monde.agent, "Une copie plus nette ?", MAINTENANT)
    facturer_sans_attestation(MAINTENANT + timedelta(days=9))
    faite.repondre(titulaire(monde.jean).utilisateur, "La voici.", MAINTENANT)
    facturer_sans_attestation(MAINTENANT + timedelta(days=9))
    assert etat_du_jour(faite) == Etat.ABSENCE_DEMANDEE


def test_les_autres_raisons_ne_sont_pas_concernees(monde, maintenant):
    monde.cantine.absence_hors_delai = "mairie"
    monde.cantine.save()
    faite = absence(monde, raison="familiale")
    assert etat_du_jour(faite) == Etat.ABSENCE_DEMANDEE
    assert not faite.attend_attestation
    facturer_sans_attestation(MAINTENANT + timedelta(days=9))
    assert etat_du_jour(faite) == Etat.ABSENCE_DEMANDEE
