"""The week as cards, pure: what each shows, and until when it may change."""

from datetime import date, time, timedelta

import pytest

from enfants import planning, planning_semaine, semaine
from enfants.models import Etat, Limite
from enfants.regles import Calendrier
from tests.enfants.test_planning import ALSH, CANTINE, GARDERIE, entrees, inscrire, reservation, service

N = "\N{NO-BREAK SPACE}"
VEILLE = Limite(pk=2, nom="J-1", genre="jours_avant", nombre=1, compte="ouvres", heure=time(10))
SOUPLE = service(7, "Restauration scolaire", GARDERIE, limite_annulation=VEILLE)


def cartes(inscriptions, reservations=(), calendrier=None):
    e = entrees(
        inscriptions, reservations, calendrier=calendrier, jours=planning.semaine_du(date(2026, 11, 25))
    )
    return planning_semaine.semaine_de(planning.planning(e), e)


def test_week_cards_say_the_deadline():
    i = inscrire(31, CANTINE)
    semaine_cartes = cartes([i], [reservation(1, i, date(2026, 11, 24))])
    assert [c.jour.day for c in semaine_cartes] == [23, 24, 25, 26, 27]
    assert [c.aujourdhui for c in semaine_cartes] == [True, False, False, False, False]
    assert [(c.ouvert, c.delai) for c in semaine_cartes] == [
        (False, f"Délai passé depuis jeudi{N}19, 12{N}h"),
        (False, f"Délai passé depuis vendredi{N}20, 12{N}h"),
        (False, ""),
        (True, f"Réservable jusqu’à mardi{N}24, 12{N}h"),
        (True, f"Réservable jusqu’à mercredi{N}25, 12{N}h"),
    ]
    etats = [[case.etat for _, case in c.enfants[0].lignes] for c in semaine_cartes]
    assert etats == [[], ["reservee"], [], ["libre"], ["libre"]]


@pytest.mark.parametrize(
    ("etat", "attendu"),
    [
        (None, (True, f"Réservable jusqu’à mardi{N}24, 12{N}h")),
        (Etat.RESERVEE, (True, f"Absence sans frais jusqu’à mercredi{N}25, 10{N}h")),
        (Etat.REFUSEE, (True, f"Réservable jusqu’à mardi{N}24, 12{N}h")),
        # Withdrawn at any time; nothing is left to ask.
        (Etat.DEMANDEE, (False, "")),
        (Etat.EN_ATTENTE, (False, "")),
        (Etat.ABSENCE_DEMANDEE, (False, "")),
    ],
)
def test_a_card_says_the_limit_of_what_may_be_done(etat, attendu):
    i = inscrire(31, SOUPLE)
    jeudi = cartes([i], [reservation(1, i, date(2026, 11, 26), etat)] if etat else [])[3]
    assert (jeudi.ouvert, jeudi.delai) == attendu


def test_a_card_of_several_services_says_the_nearest_limit_that_matters():
    """Tuesday, one is booked and the other may no longer be; Thursday, the other still may, and its limit is first."""
    midi, soir = inscrire(31, SOUPLE), inscrire(32, service(8, "Garderie soir", GARDERIE))
    reservee = [reservation(1, midi, date(2026, 11, 24)), reservation(2, midi, date(2026, 11, 26))]
    semaine_cartes = cartes([midi, soir], reservee)
    assert semaine_cartes[1].delai == f"Absence sans frais jusqu’à lundi{N}23, 10{N}h"
    assert semaine_cartes[3].delai == f"Réservable jusqu’à mardi{N}24, 12{N}h"


def test_a_card_whose_limits_to_book_and_to_cancel_are_one_says_both():
    midi, soir = inscrire(31, CANTINE), inscrire(32, service(8, "Garderie soir", GARDERIE))
    jeudi = cartes([midi, soir], [reservation(1, midi, date(2026, 11, 26))])[3]
    assert jeudi.delai == f"Modifiable jusqu’à mardi{N}24, 12{N}h"


def test_a_saturday_with_something_is_shown():
    samedi = service(9, "Sortie", ALSH, jours=semaine.TOUS)
    assert [c.jour.weekday() for c in cartes([inscrire(31, samedi)])] == list(range(7))


def test_a_bank_holiday_is_named_on_its_card():
    calendrier = Calendrier(feries={date(2026, 11, 26): "Fête du village"})
    jeudi = cartes([inscrire(31, CANTINE)], calendrier=calendrier)[3]
    assert (jeudi.fond, jeudi.enfants[0].lignes, jeudi.delai) == ("Fête du village", [], "")


def test_deadlines_are_grouped_by_rule():
    autre = service(8, "Garderie matin", GARDERIE)
    (p,) = planning.planning(entrees([inscrire(31, CANTINE), inscrire(32, autre)]))
    assert planning_semaine.delais([p]) == [
        f"Restauration scolaire, Garderie matin{N}: réservation possible jusqu’à 2 jours ouvrés avant, 12{N}h{N}; "
        f"absence sans frais jusqu’à 2 jours ouvrés avant, 12{N}h."
    ]


def test_months_and_weeks():
    assert len(planning.mois_de(date(2028, 2, 29))) == 29
    assert planning.semaine_du(date(2027, 1, 1))[0] == date(2026, 12, 28)
    assert planning.semaine_du(date(2026, 11, 29))[-1] - timedelta(6) == date(2026, 11, 23)


@pytest.mark.parametrize(
    ("jour", "jours_ouverts", "attendu"),
    [
        (27, semaine.ECOLE, date(2026, 11, 27)),
        (28, semaine.ECOLE, date(2026, 11, 30)),
        (29, semaine.ECOLE, date(2026, 11, 30)),
        (29, semaine.TOUS, date(2026, 11, 29)),
    ],
)
def test_on_a_weekend_without_service_the_week_to_come_is_opened(jour, jours_ouverts, attendu):
    i = inscrire(31, service(7, "Restauration scolaire", GARDERIE, jours=jours_ouverts))
    plannings = planning.planning(entrees([i]))
    assert planning_semaine.semaine_utile(plannings, date(2026, 11, jour)) == attendu
