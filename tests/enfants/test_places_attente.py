"""The waiting list: who is served, what the mail says, what a failure leaves, what scheduled work catches up."""

from datetime import date, timedelta

import pytest
import time_machine

from enfants import places, places_attente
from enfants.models import Creneau, Etat, Inscription, Jauge, Reservation
from portail.socle.models import Courriel
from tests import factories
from tests.enfants.fabrique import JEUDI, LUNDI, MAINTENANT, automatique, demander, paris, pris, reserver

pytestmark = pytest.mark.django_db
INSECABLE = "\N{NO-BREAK SPACE}"
PLUS_TARD = MAINTENANT + timedelta(hours=1)


@pytest.fixture
def plein(monde):
    """Zoé has the only place of Thursday; Léa then Tom wait for it."""
    club = automatique(factories.prestation("Club", places=1))
    noms = {"zoe": monde.claire, "lea": monde.jean, "tom": monde.jean}
    inscriptions = {n: factories.inscription(getattr(monde, n), club, f) for n, f in noms.items()}
    (prise,) = reserver(inscriptions["zoe"], JEUDI)
    attentes = {
        nom: demander(inscriptions[nom], JEUDI, maintenant=MAINTENANT + timedelta(minutes=n))[0].reservation
        for n, nom in enumerate(("lea", "tom"), 1)
    }
    return {"club": club, "prise": prise, "inscriptions": inscriptions, **attentes}


def etats() -> dict:
    return dict(Reservation.objects.order_by("pk").values_list("enfant__prenom", "etat"))


def test_the_mail_says_until_when_it_is_free_to_decline(plein):
    """Cancelling is possible until Tuesday noon; the promotion of Monday 9:30 gives until Tuesday 9:30: the later."""
    places.annuler([plein["prise"].pk], None, MAINTENANT, "Fermeture")
    texte = Courriel.objects.get(cle__startswith="place_liberee").texte
    assert f"renoncer jusqu’au mardi{INSECABLE}24{INSECABLE}novembre, 12{INSECABLE}h" in texte


def test_past_the_cancel_limit_the_notice_gives_a_day(plein):
    """Cancelling limit passed while booking is still open: 24 hours from the notice."""
    tot = factories.limite("Une semaine avant", nombre=10)
    club = automatique(plein["club"], limite_annulation=tot)
    places.annuler([plein["prise"].pk], None, MAINTENANT, "Fermeture")
    texte = Courriel.objects.get(cle__startswith="place_liberee").texte
    assert f"renoncer jusqu’au mardi{INSECABLE}24{INSECABLE}novembre, 9{INSECABLE}h{INSECABLE}30" in texte
    promue = Reservation.objects.get(pk=plein["lea"].pk)
    for heures, verdict in ((23.9, "excusee"), (24.1, "facturee")):
        (issue,) = places.examiner_absences([promue], MAINTENANT + timedelta(hours=heures))
        assert issue.verdict == verdict
    assert club.absence_hors_delai == "facturee"


def test_the_grace_never_passes_the_start(plein):
    """Promoted on Thursday at 8:00 for 11:30: free until 11:30, not until Friday."""
    automatique(plein["club"], limite_reservation=factories.limite("Le jour même", nombre=0, heure="11:00"))
    promotion = paris(2026, 11, 26, 8)
    places.annuler([plein["prise"].pk], None, promotion, "Malade")
    promue = Reservation.objects.get(pk=plein["lea"].pk)
    assert promue.etat == "reservee"
    ((_, limite),) = places.limites_pour_decliner([promue], promotion)
    assert limite == paris(2026, 11, 26, 11, 30)
    assert places.limites_pour_decliner([promue], limite) == []


def test_declining_serves_the_next_one(plein):
    places.annuler([plein["prise"].pk], None, MAINTENANT, "Fermeture")
    promue = Reservation.objects.get(pk=plein["lea"].pk)
    places.declarer_absences([promue], None, MAINTENANT, "Déclinée", medicale=False)
    assert etats() == {"Zoé": "annulee", "Léa": "absent_excuse", "Tom": "reservee"}
    assert pris(plein["club"], JEUDI) == 1


def test_the_town_s_service_promotes_to_an_ask(plein):
    automatique(plein["club"], validation="mairie")
    places.annuler([plein["prise"].pk], None, MAINTENANT, "Fermeture")
    assert etats() == {"Zoé": "annulee", "Léa": "demandee", "Tom": "en_attente"}
    assert (
        "passée de la liste d’attente à la mairie"
        in Courriel.objects.get(cle__startswith="place_liberee").texte
    )


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("quoi", ["capacite", "surnombre"])
def test_an_agent_adds_a_place_and_the_first_gets_it(monde, plein, quoi):
    creneau = Creneau.objects.get()
    valeurs = {
        "capacite": 1,
        "surnombre": 0,
        "motif_surnombre": "Sortie",
        quoi: 2 if quoi == "capacite" else 1,
    }
    with time_machine.travel(MAINTENANT, tick=False):
        reponse = monde.client(monde.agent).post(
            f"/admin/enfants/creneau/{creneau.pk}/change/", valeurs, follow=True
        )
    assert "Sortis de la liste d’attente : 1." in reponse.text
    assert etats() == {"Zoé": "reservee", "Léa": "reservee", "Tom": "en_attente"}


def test_rank_counts_those_who_wait_for_the_same_places(monde):
    """-6 and +6 are apart: who waits among the little ones is not before a big one."""
    automatique(monde.cantine)
    for libelle, champs in (("-6", {"age_max": 5}), ("+6", {"age_min": 6})):
        Jauge.objects.create(
            structure=monde.cantine.structure, libelle=libelle, capacite=1, **champs
        ).prestations.add(monde.cantine)
    petit = factories.enfant("Noé", monde.claire, naissance=date(2021, 1, 5))
    demander(monde.inscriptions["lea"], LUNDI)
    demander(monde.inscriptions["tom"], LUNDI)
    (petit_attend,) = demander(factories.inscription(petit, monde.cantine, monde.claire), LUNDI)
    (grande_attend,) = demander(monde.inscriptions["zoe"], LUNDI)
    assert (petit_attend.rang, grande_attend.rang) == (1, 1)


def test_ranks_of_those_who_wait(plein):
    lignes = list(Reservation.objects.order_by("pk"))
    assert places.rangs(lignes) == {plein["lea"].pk: 1, plein["tom"].pk: 2}
    assert places.rangs(lignes[2:]) == {plein["tom"].pk: 2}
    assert places.rangs([plein["prise"]]) == {}


@pytest.fixture
def panne(monkeypatch):
    """The mail of the promotion fails for Léa."""
    poster = places_attente.poster_ensemble

    def refuser(lettres):
        if any(lettre.contexte["enfant"].prenom == "Léa" for lettre in lettres):
            raise RuntimeError("panne")
        poster(lettres)

    monkeypatch.setattr(places_attente, "poster_ensemble", refuser)
    return monkeypatch


def test_an_offer_that_fails_does_not_undo_the_cancellation(plein, panne, caplog):
    """The next one is served; who could not be is logged, without a name, and keeps its rank."""
    places.annuler([plein["prise"].pk], None, MAINTENANT, "Fermeture")
    assert etats() == {"Zoé": "annulee", "Léa": "en_attente", "Tom": "reservee"}
    assert pris(plein["club"], JEUDI) == 1
    message = f"Réservation {plein['lea'].pk} non sortie de la liste d’attente : RuntimeError"
    assert message in caplog.text and "panne" not in caplog.text


def test_scheduled_work_offers_again_what_failed(plein, panne):
    Reservation.objects.filter(pk=plein["tom"].pk).update(etat=Etat.ANNULEE)
    places.annuler([plein["prise"].pk], None, MAINTENANT, "Fermeture")
    assert (etats()["Léa"], pris(plein["club"], JEUDI)) == ("en_attente", 0)
    assert places.rattraper(MAINTENANT) == "0 sortis de la liste d’attente"
    panne.undo()
    assert places.rattraper(MAINTENANT) == "1 sortis de la liste d’attente"
    assert places.rattraper(MAINTENANT) == "0 sortis de la liste d’attente"
    assert (etats()["Léa"], pris(plein["club"], JEUDI)) == ("reservee", 1)
    assert Courriel.objects.filter(cle__startswith="place_liberee").count() == 1


def test_who_waits_comes_before_a_newcomer_even_when_the_offer_failed(plein, panne, monde):
    """The place stays theirs until the offer is tried again; the newcomer waits behind, and is told so."""
    Reservation.objects.filter(pk=plein["tom"].pk).update(etat=Etat.ANNULEE)
    places.annuler([plein["prise"].pk], None, MAINTENANT, "Fermeture")
    assert (etats()["Léa"], pris(plein["club"], JEUDI)) == ("en_attente", 0)
    noe = factories.inscription(factories.enfant("Noé", monde.claire), plein["club"], monde.claire)
    souhait = places.Souhait(noe, JEUDI)
    prevue = places.examiner([souhait], PLUS_TARD)[0]
    (issue,) = places.reserver([souhait], None, PLUS_TARD)
    assert [(i.verdict, i.rang) for i in (prevue, issue)] == [("en_attente", 2)] * 2
    panne.undo()
    places.rattraper(PLUS_TARD)
    assert etats() == {"Zoé": "annulee", "Léa": "reservee", "Tom": "annulee", "Noé": "en_attente"}


def test_who_waits_and_may_no_longer_book_is_before_nobody(plein, panne, monde):
    """Léa's inscription ends: the place that freed is anybody's."""
    Reservation.objects.filter(pk=plein["tom"].pk).update(etat=Etat.ANNULEE)
    places.annuler([plein["prise"].pk], None, MAINTENANT, "Fermeture")
    Inscription.objects.filter(pk=plein["inscriptions"]["lea"].pk).update(au=JEUDI - timedelta(1))
    noe = factories.inscription(factories.enfant("Noé", monde.claire), plein["club"], monde.claire)
    (issue,) = places.reserver([places.Souhait(noe, JEUDI)], None, PLUS_TARD)
    assert (issue.verdict, pris(plein["club"], JEUDI)) == ("reservee", 1)


def test_a_place_kept_for_who_waits_is_one_place(plein, panne, monde):
    """Two places free, one person waits: the second place is the newcomer's."""
    Reservation.objects.filter(pk=plein["tom"].pk).update(etat=Etat.ANNULEE)
    Creneau.objects.update(capacite=2)
    places.annuler([plein["prise"].pk], None, MAINTENANT, "Fermeture")
    noe, mia = (
        factories.inscription(factories.enfant(nom, monde.claire), plein["club"], monde.claire)
        for nom in ("Noé", "Mia")
    )
    issues = places.reserver([places.Souhait(i, JEUDI) for i in (noe, mia)], None, PLUS_TARD)
    assert [(i.verdict, i.rang) for i in issues] == [("reservee", None), ("en_attente", 2)]


def test_scheduled_work_offers_a_service_that_no_longer_counts(plein):
    Jauge.objects.get().prestations.clear()
    assert places.rattraper(MAINTENANT) == "2 sortis de la liste d’attente"
    assert etats() == {"Zoé": "reservee", "Léa": "reservee", "Tom": "reservee"}


def test_scheduled_work_promotes_nobody_where_it_is_full_or_too_late(plein):
    assert places.rattraper(MAINTENANT) == "0 sortis de la liste d’attente"
    Creneau.objects.update(capacite=3)
    assert places.rattraper(paris(2026, 11, 24, 12)) == "0 sortis de la liste d’attente"


def test_who_waits_past_the_limit_waits_for_nothing(plein):
    assert places.perdues(paris(2026, 11, 24, 11, 59)) == []
    assert places.perdues(paris(2026, 11, 24, 12)) == [plein["lea"].pk, plein["tom"].pk]


def test_of_those_who_wait_only_who_the_place_reaches_is_read(plein, monkeypatch):
    """Léa first, alone; when she may no longer come, Tom behind her too."""
    lues, charger = [], places_attente.charger

    def noter(inscriptions, *autres, **options):
        lues.append(sorted(inscriptions))
        return charger(lues[-1], *autres, **options)

    monkeypatch.setattr(places_attente, "charger", noter)
    lea, tom = (plein["inscriptions"][nom].pk for nom in ("lea", "tom"))
    places.annuler([plein["prise"].pk], None, MAINTENANT, "Fermeture")
    assert (etats()["Léa"], lues) == ("reservee", [[lea]])
    Reservation.objects.filter(pk=plein["lea"].pk).update(etat=Etat.EN_ATTENTE, places=[])
    Creneau.objects.update(pris=0)
    Inscription.objects.filter(pk=lea).update(au=JEUDI - timedelta(1))
    places.rattraper(PLUS_TARD)
    assert (etats()["Léa"], etats()["Tom"]) == ("en_attente", "reservee")
    assert lues[1:] == [[lea], sorted([lea, tom])]


def test_queries_do_not_grow_with_those_who_wait(plein, monde, django_assert_num_queries):
    lignes = list(Reservation.objects.select_related("enfant").order_by("pk"))
    with django_assert_num_queries(2) as une:
        places.rangs(lignes[1:2])
    club = plein["club"]
    for n in range(4):
        autre = factories.enfant(f"Autre {n}", monde.claire)
        demander(factories.inscription(autre, club, monde.claire), JEUDI)
    lignes = list(Reservation.objects.select_related("enfant").order_by("pk"))
    with django_assert_num_queries(len(une)):
        assert len(places.rangs(lignes)) == 6
