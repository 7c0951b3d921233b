"""The crèche contract: leave counted against its allowance, hours of the week against those it gives."""

from datetime import date, time
from decimal import Decimal

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from enfants import contrat, planning, planning_lecture
from enfants.models import Etat, Inscription, Pointage, Rattachement, Reservation
from tests import factories
from tests.enfants.fabrique import JEUDI, LUNDI, MAINTENANT, pris, reserver
from tests.enfants.test_admin import adresse

pytestmark = pytest.mark.django_db
MARDI, N = date(2026, 12, 1), "\N{NO-BREAK SPACE}"


@pytest.fixture(autouse=True)
def horloge():
    with time_machine.travel(MAINTENANT, tick=False):
        yield


@pytest.fixture
def mairie(monde):
    return monde.client(monde.agent)


@pytest.fixture
def inscription(monde) -> Inscription:
    creche = factories.prestation(
        "Accueil du jour", places=4, structure=factories.structure("Crèche", genre="creche")
    )
    return factories.inscription(monde.tom, creche, monde.jean, heures_semaine=Decimal("20"), conges_jours=2)


def page(inscription) -> str:
    return reverse("contrat_de_creche", args=[inscription.pk])


def test_un_conge_prend_les_jours_reserves_et_se_compte(monde, mairie, inscription):
    reserver(inscription, JEUDI, LUNDI, MARDI)
    assert mairie.post(page(inscription), {"du": "2026-11-26", "au": "2026-11-30"}).status_code == 302
    assert contrat.conges_de(inscription) == contrat.Conges(2, 2)
    assert pris(inscription.prestation, LUNDI) == 0
    html = mairie.get(page(inscription)).content.decode()
    assert "Restants : <b>0</b>" in html
    refus = mairie.post(page(inscription), {"du": "2026-12-01", "au": "2026-12-01"})
    assert f"Jours réservés de cette période{N}: 1. Restants au contrat{N}: 0." in refus.content.decode()
    assert (
        mairie.post(page(inscription), {"du": "2026-12-01", "au": "2026-12-01", "au_dela": "on"}).status_code
        == 302
    )
    assert contrat.conges_de(inscription).restants == -1


def test_un_jour_de_conge_se_rend(monde, mairie, inscription):
    (ligne,) = reserver(inscription, LUNDI, etat=Etat.CONGE)
    mairie.post(page(inscription), {"rendre": ligne.pk})
    assert Reservation.objects.get().etat == "reservee"
    encore = mairie.post(page(inscription), {"rendre": ligne.pk}, follow=True)
    assert "Ce jour n’est plus en congé." in encore.content.decode()


@pytest.mark.parametrize(
    ("envoi", "phrase"),
    [
        ({"du": "2026-11-20", "au": "2026-11-30"}, "Un congé se pose à partir d’aujourd’hui."),
        ({"du": "2026-11-30", "au": "2026-11-26"}, "La fin ne peut pas précéder le début."),
        ({"du": "2026-12-20", "au": "2026-12-24"}, "Aucun jour réservé sur cette période."),
        ({"du": "hier", "au": ""}, "Saisissez une date valide."),
    ],
)
def test_une_periode_fausse_est_dite(mairie, inscription, envoi, phrase):
    assert phrase in mairie.post(page(inscription), envoi).content.decode()
    assert mairie.post(page(inscription), {"rendre": "abc"}).status_code == 302


def test_qui_voit_le_contrat(monde, inscription):
    assert monde.client(monde.jean).get(page(inscription)).status_code == 302
    ailleurs = factories.agent("cantine", "enfants.change_inscription", "enfants.view_inscription")
    monde.cantine.structure.affectations.create(utilisateur=ailleurs)
    assert monde.client(ailleurs).get(page(inscription)).status_code == 404
    sans = factories.agent("accueil", "enfants.view_inscription")
    assert monde.client(sans).get(page(inscription)).status_code == 403


def pointer(
    inscription, jour: date, arrivee: int | None, depart: int | None, present: bool = True
) -> Pointage:
    heures = {"arrivee": arrivee and time(arrivee), "depart": depart and time(depart, 30)}
    return Pointage(
        enfant=inscription.enfant, prestation=inscription.prestation, jour=jour, present=present, **heures
    )


def test_les_heures_de_la_semaine_et_celles_hors_contrat(monde, mairie, inscription):
    Pointage.objects.bulk_create(
        [
            pointer(inscription, date(2026, 11, 16), 8, 17),
            pointer(inscription, date(2026, 11, 17), 8, 17),
            pointer(inscription, date(2026, 11, 19), 8, 12),
            pointer(inscription, date(2026, 11, 20), 8, None),
            pointer(inscription, date(2026, 11, 23), None, None, present=False),
        ]
    )
    (semaine,) = contrat.semaines(Pointage.objects.order_by("jour"), Decimal("20"))
    assert (semaine.lundi, semaine.minutes, semaine.hors_contrat, semaine.incompletes) == (
        date(2026, 11, 16),
        23 * 60 + 30,
        210,
        1,
    )
    html = mairie.get(page(inscription)).content.decode()
    assert f"23{N}h{N}30" in html and f"3{N}h{N}30" in html and "1 jour sans heure" in html
    assert contrat.semaines(Pointage.objects.order_by("jour"), None)[0].hors_contrat == 0


def test_une_semaine_a_cheval_compte_ses_heures_du_mois_davant(monde, inscription):
    """30 November to 4 December: the planning of December counts Monday's hours too."""
    Inscription.objects.filter(pk=inscription.pk).update(heures_semaine=20)
    jours = [date(2026, 11, 30), date(2026, 12, 1), date(2026, 12, 2)]
    Pointage.objects.bulk_create(pointer(inscription, jour, 8, 16) for jour in jours)
    enfant = inscription.enfant
    decembre = planning.mois_de(date(2026, 12, 1))
    lues = planning_lecture.lire([enfant], inscription.famille, decembre, MAINTENANT)
    (ligne,) = [li for li in planning.planning(lues)[0].lignes if li.inscription.pk == inscription.pk]
    assert {c.jour: c.etat for c in ligne.cases if c.etat in ("present", "hors_contrat")} == {
        date(2026, 12, 1): "present",
        date(2026, 12, 2): "hors_contrat",
    }
    dits = [c.mots for c in ligne.cases if c.etat == "hors_contrat"]
    assert dits == ["heure hors contrat\N{NO-BREAK SPACE}: 5\N{NO-BREAK SPACE}h\N{NO-BREAK SPACE}30"]


def hors_contrat(inscription, mois: date) -> dict[int, set]:
    """By inscription of the child: the days of that month shown as beyond the contract."""
    lues = planning_lecture.lire(
        [inscription.enfant], inscription.famille, planning.mois_de(mois), MAINTENANT
    )
    return {
        li.inscription.pk: {c.jour.day for c in li.cases if c.etat == "hors_contrat"}
        for li in planning.planning(lues)[0].lignes
        if li.inscription.heures_semaine
    }


def minutes(inscription) -> dict[date, tuple[int, int]]:
    lus = contrat.pointages_de(inscription, date(2026, 10, 1))
    return {s.lundi: (s.minutes, s.hors_contrat) for s in contrat.semaines(lus, inscription.heures_semaine)}


def test_deux_contrats_qui_se_suivent_comptent_chacun_leurs_jours(monde, mairie, inscription):
    """20 hours until Tuesday 17 November, 20 others from the 18th: five long days that week, on two contracts."""
    lundi, heures = date(2026, 11, 16), [date(2026, 11, n) for n in range(16, 21)]
    Inscription.objects.filter(pk=inscription.pk).update(au=date(2026, 11, 17))
    suivant = factories.inscription(
        monde.tom, inscription.prestation, monde.jean, du=date(2026, 11, 18), heures_semaine=Decimal("20")
    )
    Pointage.objects.bulk_create(pointer(inscription, jour, 8, 16) for jour in heures)
    assert hors_contrat(inscription, lundi) == {inscription.pk: set(), suivant.pk: {20}}
    inscription.refresh_from_db()
    assert minutes(inscription) == {lundi: (17 * 60, 0)}
    assert minutes(suivant) == {lundi: (25 * 60 + 30, 5 * 60 + 30)}
    assert f"25{N}h{N}30" in mairie.get(page(suivant)).content.decode()


def test_le_contrat_du_mois_davant_ne_compte_pas_dans_la_semaine_a_cheval(monde, inscription):
    """A contract that ended on Monday 30 November: December's counts its own days only."""
    Inscription.objects.filter(pk=inscription.pk).update(au=date(2026, 11, 30))
    suivant = factories.inscription(
        monde.tom, inscription.prestation, monde.jean, du=date(2026, 12, 1), heures_semaine=Decimal("20")
    )
    jours = [date(2026, 11, 30), date(2026, 12, 1), date(2026, 12, 2)]
    Pointage.objects.bulk_create(pointer(inscription, jour, 8, 17) for jour in jours)
    assert hors_contrat(suivant, date(2026, 12, 1)) == {suivant.pk: set()}


def test_un_contrat_par_foyer_compte_ce_quil_a_reserve(monde, inscription):
    """Both cover the day: who booked bears it, on both households' plannings and in both accounts."""
    Rattachement.objects.create(enfant=monde.tom, famille=monde.jeanne, du=date(2026, 9, 1))
    autre = factories.inscription(
        monde.tom, inscription.prestation, monde.jeanne, heures_semaine=Decimal("20")
    )
    reserver(autre, JEUDI)
    Pointage.objects.bulk_create(pointer(inscription, jour, 8, 16) for jour in (JEUDI, date(2026, 11, 27)))
    lundi = date(2026, 11, 23)
    assert minutes(inscription) == {lundi: (8 * 60 + 30, 0)}
    # Nobody booked Friday: each household reads it on its own row.
    assert minutes(autre) == {lundi: (17 * 60, 0)}


def test_le_lien_se_montre_sur_l_inscription_a_contrat(mairie, monde, inscription):
    assert page(inscription) in mairie.get(adresse(Inscription, "change", inscription.pk)).content.decode()
    simple = monde.inscriptions["lea"].pk
    assert "Pour un contrat de crèche" in mairie.get(adresse(Inscription, "change", simple)).content.decode()


def test_autant_de_requetes_avec_un_conge_et_trois(mairie, inscription):
    comptes = []
    for jours in ((JEUDI,), (LUNDI, MARDI)):
        reserver(inscription, *jours, etat=Etat.CONGE)
        mairie.get(page(inscription))
        with CaptureQueriesContext(connection) as requetes:
            mairie.get(page(inscription))
        comptes.append(len(requetes))
    assert comptes[0] == comptes[1] <= 12
