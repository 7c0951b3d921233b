"""Limits on the real examples of RULES.md §2, at the instants of PROOF T15; openings; who may come."""

from datetime import UTC, date, datetime, time, timedelta
from types import SimpleNamespace

import pytest

from enfants import regles, semaine
from enfants.models import Enfant, Etat, Limite, Prestation
from enfants.regles import PARIS, Calendrier, Fermee, Vacances
from tests.enfants.fabrique import paris

N = "\N{NO-BREAK SPACE}"
VIDE = Calendrier()
# School year 2026-2027, zone B, as far as these tests need.
CALENDRIER = Calendrier(
    feries={
        date(2026, 11, 11): "Armistice",
        date(2026, 12, 25): "Noël",
        date(2027, 1, 1): "Jour de l’an",
        date(2026, 4, 6): "Lundi de Pâques",
        date(2026, 5, 1): "Fête du travail",
        date(2026, 7, 14): "Fête nationale",
    },
    vacances=(
        Vacances("Toussaint", "petites", date(2026, 10, 17), date(2026, 11, 1)),
        Vacances("Noël", "petites", date(2026, 12, 19), date(2027, 1, 3)),
        Vacances("Été", "grandes", date(2026, 7, 4), date(2026, 8, 31)),
    ),
    fermetures=(Fermee(date(2026, 11, 13), date(2026, 11, 13), "Grève", structure_id=1),),
)
MIDI = time(12)


def jours_avant(nombre, heure=MIDI, compte="calendaires", **champs) -> Limite:
    return Limite(genre="jours_avant", nombre=nombre, heure=heure, compte=compte, **champs)


def semaine_avant(jour, heure, nombre=1, **champs) -> Limite:
    return Limite(genre="semaine_avant", nombre=nombre, jour_semaine=jour, heure=heure, **champs)


def jour_par_jour(table, heure, **champs) -> Limite:
    return Limite(genre="jour_par_jour", table=table, heure=heure, **champs)


def limite(regle, jour, debut=time(11, 30), calendrier=CALENDRIER) -> datetime:
    return regles.limite_pour(regle, jour, debut, calendrier)


LUNDI, MERCREDI, JEUDI = date(2026, 11, 23), date(2026, 11, 25), date(2026, 11, 26)


@pytest.mark.parametrize(
    ("ville", "regle", "jour", "attendu"),
    [
        ("Cruas, J-2 ouvrés 12 h", jours_avant(2, MIDI, "ouvres"), LUNDI, paris(2026, 11, 19, 12)),
        ("La Tessoualle, 48 h 23 h 59", jours_avant(2, time(23, 59)), LUNDI, paris(2026, 11, 21, 23, 59)),
        (
            "Éragny, 15 jours francs",
            jours_avant(15, time(23, 59), "francs"),
            date(2026, 12, 21),
            paris(2026, 12, 5, 23, 59),
        ),
        ("Veyras, mardi 23 h 59", semaine_avant(1, time(23, 59)), LUNDI, paris(2026, 11, 17, 23, 59)),
        ("St-Romain-d’Ay, jeudi 9 h", semaine_avant(3, time(9)), JEUDI, paris(2026, 11, 19, 9)),
        ("Jacob-Bellecombette", semaine_avant(3, time(10)), MERCREDI, paris(2026, 11, 19, 10)),
        ("la veille ouvrée 10 h", jours_avant(1, time(10), "ouvres"), LUNDI, paris(2026, 11, 20, 10)),
        ("Andancette, vendredi 12 h", semaine_avant(4, MIDI), LUNDI, paris(2026, 11, 20, 12)),
        ("Lons, le matin même 8 h 30", jours_avant(0, time(8, 30)), JEUDI, paris(2026, 11, 26, 8, 30)),
        ("deux semaines avant", semaine_avant(0, time(20), 2), JEUDI, paris(2026, 11, 9, 20)),
        (
            "Lons, dates mensuelles",
            Limite(genre="mois_avant", nombre=1, jour_mois=20, heure=MIDI),
            date(2027, 1, 12),
            paris(2026, 12, 20, 12),
        ),
        ("sans limite", Limite(genre="aucune"), JEUDI, paris(2026, 11, 26, 11, 30)),
    ],
)
def test_limits_of_real_towns(ville, regle, jour, attendu):
    assert limite(regle, jour) == attendu


# Mon ← Wed, Tue ← Thu, Wed ← Fri, Thu ← Mon, Fri ← Tue.
VILLES_SOEURS = "23401--"


@pytest.mark.parametrize(
    ("ville", "reserver", "annuler", "jour", "attendus"),
    [
        # RULES.md §2, « Deadline forms », one line a form: booking and cancelling apart. 23-27 November 2026 is an
        # ordinary week; services start at 11:30.
        (
            "Cruas",
            jours_avant(2, MIDI, "ouvres"),
            jours_avant(2, MIDI, "ouvres"),
            LUNDI,
            ("19/11 12:00", "19/11 12:00"),
        ),
        (
            "Cœur de Garonne",
            jours_avant(2, None, "ouvres"),
            jours_avant(2, None, "ouvres"),
            LUNDI,
            ("19/11 11:30",) * 2,
        ),
        (
            "La Tessoualle",
            jours_avant(2, time(23, 59)),
            jours_avant(2, time(23, 59)),
            JEUDI,
            ("24/11 23:59",) * 2,
        ),
        ("Éragny, 72 h", jours_avant(3, None), jours_avant(3, None), JEUDI, ("23/11 11:30",) * 2),
        (
            "Veyras",
            semaine_avant(1, time(23, 59)),
            semaine_avant(1, time(23, 59)),
            LUNDI,
            ("17/11 23:59",) * 2,
        ),
        ("St-Romain-d’Ay", semaine_avant(3, time(9)), semaine_avant(3, time(9)), JEUDI, ("19/11 09:00",) * 2),
        (
            "Jacob-Bellecombette",
            semaine_avant(3, time(10)),
            jours_avant(1, time(10), "ouvres"),
            LUNDI,
            ("19/11 10:00", "20/11 10:00"),
        ),
        ("Andancette", semaine_avant(4, MIDI), jours_avant(1, MIDI), LUNDI, ("20/11 12:00", "22/11 12:00")),
        (
            "Espondeilhan",
            semaine_avant(0, time(23, 59)),
            jours_avant(1, MIDI),
            JEUDI,
            ("16/11 23:59", "25/11 12:00"),
        ),
        (
            "Lons, le matin même",
            jours_avant(1, MIDI),
            jours_avant(0, time(8, 30)),
            JEUDI,
            ("25/11 12:00", "26/11 08:30"),
        ),
        (
            "St-Romain, garderie",
            jours_avant(1, MIDI),
            jours_avant(0, time(7)),
            JEUDI,
            ("25/11 12:00", "26/11 07:00"),
        ),
        (
            "Illkirch, 16 jours ouvrés",
            jours_avant(1),
            jours_avant(16, MIDI, "ouvres"),
            JEUDI,
            ("25/11 12:00", "03/11 12:00"),
        ),
    ],
)
def test_booking_and_cancelling_apart(ville, reserver, annuler, jour, attendus):
    obtenus = tuple(f"{limite(regle, jour):%d/%m %H:%M}" for regle in (reserver, annuler))
    assert obtenus == attendus


@pytest.mark.parametrize(
    ("jour", "attendu"),
    [
        (date(2026, 11, 23), paris(2026, 11, 18, 18)),
        (date(2026, 11, 24), paris(2026, 11, 19, 18)),
        (date(2026, 11, 25), paris(2026, 11, 20, 18)),
        (date(2026, 11, 26), paris(2026, 11, 23, 18)),
        (date(2026, 11, 27), paris(2026, 11, 24, 18)),
        # The table leaves Saturday out: until the service starts.
        (date(2026, 11, 28), paris(2026, 11, 28, 11, 30)),
        # Monday 16: Wednesday 11 is férié, the limit moves to Tuesday 10 (VHB).
        (date(2026, 11, 16), paris(2026, 11, 10, 18)),
    ],
)
def test_villes_soeurs_a_limit_for_each_weekday(jour, attendu):
    assert limite(jour_par_jour(VILLES_SOEURS, time(18)), jour) == attendu


def test_rontalon_the_days_of_return_close_on_the_last_school_day():
    regle = jour_par_jour(VILLES_SOEURS, time(18), avance_si_vacances=True)
    assert limite(regle, date(2026, 11, 2)) == paris(2026, 10, 16, 18)
    assert limite(regle, date(2026, 11, 3)) == paris(2026, 10, 16, 18)
    # Thursday of the return week: its Monday is a school day again.
    assert limite(regle, date(2026, 11, 5)) == paris(2026, 11, 2, 18)
    assert limite(jour_par_jour(VILLES_SOEURS, time(18)), date(2026, 11, 2)) == paris(2026, 10, 28, 18)


def test_a_table_jumps_a_whole_week_to_its_own_weekday():
    assert limite(jour_par_jour("0------", MIDI), LUNDI) == paris(2026, 11, 16, 12)


@pytest.mark.parametrize(
    ("jour", "attendu_utc"),
    [
        # Monday 30 March: its Saturday limit is before the spring change; Monday 26 October after the autumn one.
        (date(2026, 3, 30), datetime(2026, 3, 28, 11, tzinfo=UTC)),
        (date(2026, 10, 26), datetime(2026, 10, 24, 10, tzinfo=UTC)),
        (date(2026, 11, 2), datetime(2026, 10, 31, 11, tzinfo=UTC)),
    ],
)
def test_a_table_is_wall_time_across_clock_changes(jour, attendu_utc):
    assert limite(jour_par_jour("5------", MIDI), jour, calendrier=VIDE).astimezone(UTC) == attendu_utc


def test_monday_limit_when_friday_is_ferie():
    # Friday 1 May 2026: Monday 4 by working days, by « vendredi 12 h », by the eve.
    lundi = date(2026, 5, 4)
    assert limite(jours_avant(1, time(10), "ouvres"), lundi) == paris(2026, 4, 30, 10)
    assert limite(jours_avant(2, MIDI, "ouvres"), lundi) == paris(2026, 4, 29, 12)
    assert limite(semaine_avant(4, MIDI), lundi) == paris(2026, 4, 30, 12)
    assert limite(jour_par_jour("4------", MIDI), lundi) == paris(2026, 4, 30, 12)


def test_monday_itself_ferie_is_not_counted():
    # Easter Monday, 6 April 2026.
    assert limite(jours_avant(1, time(10), "ouvres"), date(2026, 4, 7)) == paris(2026, 4, 3, 10)
    assert limite(jours_avant(2, MIDI, "ouvres"), date(2026, 4, 8)) == paris(2026, 4, 3, 12)
    assert limite(jour_par_jour("-0-----", MIDI), date(2026, 4, 7)) == paris(2026, 4, 3, 12)


def test_working_days_jump_over_bank_holidays():
    # Thursday 12 November: Wednesday 11 is férié, so two working days before is Monday 9.
    assert limite(jours_avant(2, MIDI, "ouvres"), date(2026, 11, 12)) == paris(2026, 11, 9, 12)
    # Easter Monday: Tuesday's « la veille ouvrée » is Friday… which is a working day outside Alsace-Moselle.
    assert limite(jours_avant(1, time(10), "ouvres"), date(2026, 4, 7)) == paris(2026, 4, 3, 10)


def test_a_limit_on_a_bank_holiday_moves_to_the_working_day_before():
    mercredi_d_avant = semaine_avant(2, time(10))
    assert limite(mercredi_d_avant, date(2026, 11, 17)) == paris(2026, 11, 10, 10)
    mercredi_d_avant.avance_si_ferie = False
    assert limite(mercredi_d_avant, date(2026, 11, 17)) == paris(2026, 11, 11, 10)
    # Friday 1 May: limits of the week after move to Thursday 30 April.
    assert limite(semaine_avant(4, MIDI), date(2026, 5, 4)) == paris(2026, 4, 30, 12)


def test_last_school_day_before_the_holidays():
    regle = Limite(genre="veille_vacances", heure=MIDI)
    assert limite(regle, date(2026, 11, 2)) == paris(2026, 10, 16, 12)  # day of return (Rontalon)
    assert limite(regle, date(2026, 10, 21)) == paris(2026, 10, 16, 12)  # a day of the holidays
    assert limite(regle, date(2026, 8, 31)) == paris(2026, 7, 3, 12)  # two months back
    assert limite(regle, JEUDI) == paris(2026, 11, 24, 12)  # term time: no school on Wednesday


def test_school_days_do_not_count_wednesday_nor_holidays():
    assert limite(jours_avant(2, MIDI, "ecole"), date(2026, 11, 3)) == paris(2026, 10, 16, 12)


def test_a_short_month_ends_the_31():
    regle = Limite(genre="mois_avant", nombre=1, jour_mois=31, heure=MIDI)
    assert limite(regle, date(2028, 3, 10)) == paris(2028, 2, 29, 12)
    regle.nombre = 14
    assert limite(regle, date(2028, 3, 10)) == paris(2027, 1, 31, 12)


def test_never_after_the_start():
    assert limite(jours_avant(0, time(8, 30)), JEUDI, time(7, 30)) == paris(2026, 11, 26, 7, 30)


# ── T15: the clock ───────────────────────────────────────────────────────────────────────────────────────────

VEILLE_2_H_30 = jours_avant(0, time(2, 30))


@pytest.mark.parametrize(
    ("jour", "instant", "passe"),
    [
        # 29 March 2026: 2:30 does not exist; the limit is 3:30 of the summer.
        (date(2026, 3, 29), datetime(2026, 3, 29, 0, 59, tzinfo=UTC), False),  # 1:59
        (date(2026, 3, 29), datetime(2026, 3, 29, 1, 1, tzinfo=UTC), False),  # 3:01
        (date(2026, 3, 29), datetime(2026, 3, 29, 1, 30, tzinfo=UTC), True),  # 3:30
        # 25 October 2026: 2:30 comes twice; it is too late at the second one only.
        (date(2026, 10, 25), datetime(2026, 10, 25, 0, 30, tzinfo=UTC), False),
        (date(2026, 10, 25), datetime(2026, 10, 25, 1, 29, 59, tzinfo=UTC), False),
        (date(2026, 10, 25), datetime(2026, 10, 25, 1, 30, tzinfo=UTC), True),
        (date(2026, 10, 25), datetime(2026, 10, 25, 2, 30, fold=0, tzinfo=PARIS), False),
        (date(2026, 10, 25), datetime(2026, 10, 25, 2, 30, fold=1, tzinfo=PARIS), True),
    ],
)
def test_both_clock_changes(jour, instant, passe):
    assert regles.est_passe(limite(VEILLE_2_H_30, jour), instant) is passe


@pytest.mark.parametrize(
    ("jour", "regle", "attendu_utc"),
    [
        # The wall clock rules: 12 h the day before a change is not 24 h before.
        (date(2026, 3, 30), jours_avant(1), datetime(2026, 3, 29, 10, tzinfo=UTC)),
        (date(2026, 3, 29), jours_avant(1), datetime(2026, 3, 28, 11, tzinfo=UTC)),
        (date(2026, 10, 26), jours_avant(1), datetime(2026, 10, 25, 11, tzinfo=UTC)),
        (date(2026, 10, 25), jours_avant(1), datetime(2026, 10, 24, 10, tzinfo=UTC)),
        (date(2027, 1, 4), jours_avant(4, time(23, 30)), datetime(2026, 12, 31, 22, 30, tzinfo=UTC)),
        (date(2028, 3, 1), jours_avant(1), datetime(2028, 2, 29, 11, tzinfo=UTC)),
        # 00:30 on the 1st in Paris is still the 31st in UTC.
        (date(2026, 8, 1), jours_avant(0, time(0, 30)), datetime(2026, 7, 31, 22, 30, tzinfo=UTC)),
    ],
)
def test_limits_are_wall_time_in_paris(jour, regle, attendu_utc):
    obtenu = limite(regle, jour, time(23, 59), VIDE)
    assert obtenu.astimezone(UTC) == attendu_utc
    assert not regles.est_passe(obtenu, attendu_utc - timedelta(seconds=1))
    assert regles.est_passe(obtenu, attendu_utc)


# ── Words ────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("regle", "phrase"),
    [
        (semaine_avant(3, time(10)), f"Réservation possible jusqu’au jeudi 10{N}h de la semaine précédente"),
        (semaine_avant(3, time(10), 2), f"Réservation possible jusqu’au jeudi 10{N}h, 2 semaines avant"),
        (jours_avant(2, MIDI, "ouvres"), f"Réservation possible jusqu’à 2 jours ouvrés avant, 12{N}h"),
        (jours_avant(2, time(23, 59)), f"Réservation possible jusqu’à 2 jours avant, 23{N}h{N}59"),
        (jours_avant(3, MIDI, "ecole"), f"Réservation possible jusqu’à 3 jours d’école avant, 12{N}h"),
        (jours_avant(1, time(10), "ouvres"), f"Réservation possible jusqu’au jour ouvré précédent, 10{N}h"),
        (jours_avant(1, time(10)), f"Réservation possible jusqu’à la veille, 10{N}h"),
        (jours_avant(0, time(8, 30)), f"Réservation possible jusqu’au jour même, 8{N}h{N}30"),
        (
            Limite(genre="mois_avant", nombre=1, jour_mois=20, heure=MIDI),
            f"Réservation possible jusqu’au 20 du mois précédent, 12{N}h",
        ),
        (
            Limite(genre="mois_avant", nombre=2, jour_mois=1, heure=MIDI),
            f"Réservation possible jusqu’au 1er, 2 mois avant, 12{N}h",
        ),
        (
            Limite(genre="veille_vacances", heure=MIDI),
            f"Réservation possible jusqu’au dernier jour d’école avant, 12{N}h",
        ),
        (Limite(genre="aucune"), "Réservation possible jusqu’au début du service"),
        (jours_avant(3, None), f"Réservation possible jusqu’à 72{N}h avant le début du service"),
        (
            jours_avant(2, None, "ouvres"),
            "Réservation possible jusqu’à 2 jours ouvrés avant, à l’heure du service",
        ),
        (
            jours_avant(15, time(23, 59), "francs"),
            f"Réservation possible jusqu’à 15 jours francs avant, 23{N}h{N}59",
        ),
        (jours_avant(1, MIDI, "francs"), f"Réservation possible jusqu’à 1 jour franc avant, 12{N}h"),
        (
            jour_par_jour("23401--", time(18)),
            f"Réservation possible jusqu’à 18{N}h{N}: le mercredi pour le lundi, le jeudi pour le mardi, "
            "le vendredi pour le mercredi, le lundi pour le jeudi, le mardi pour le vendredi",
        ),
        (
            semaine_avant(4, MIDI, 1, avance_si_vacances=True),
            f"Réservation possible jusqu’au vendredi 12{N}h de la semaine précédente "
            "(avant les vacances, jusqu’au dernier jour d’école)",
        ),
    ],
)
def test_a_limit_is_a_sentence(regle, phrase):
    assert regles.phrase_limite(regle) == phrase


def test_too_late_says_until_when():
    quand = limite(semaine_avant(4, MIDI), LUNDI)
    assert regles.phrase_trop_tard(quand, LUNDI) == (
        f"Trop tard{N}: il fallait réserver avant vendredi{N}20, 12{N}h."
    )
    octobre = limite(semaine_avant(4, MIDI), date(2026, 11, 2))
    assert "vendredi\N{NO-BREAK SPACE}30\N{NO-BREAK SPACE}octobre, 12" in regles.phrase_trop_tard(
        octobre, date(2026, 11, 2)
    )


# ── Openings ─────────────────────────────────────────────────────────────────────────────────────────────────


def service(**champs) -> Prestation:
    defaut = {"pk": 7, "structure_id": 1, "jours": semaine.OUVRES}
    return Prestation(**(defaut | champs))


VACANCES = {"periode_scolaire": False, "petites_vacances": True, "grandes_vacances": True}


@pytest.mark.parametrize(
    ("champs", "jour", "attendu"),
    [
        ({}, JEUDI, "ouvert"),
        ({}, date(2026, 11, 28), "ferme"),
        ({}, date(2026, 11, 11), "ferie"),
        ({}, date(2026, 12, 21), "petites_vacances"),
        ({}, date(2026, 12, 26), "petites_vacances"),
        ({}, date(2026, 7, 8), "grandes_vacances"),
        ({}, date(2026, 7, 14), "ferie"),
        ({}, date(2026, 11, 13), "fermeture"),
        ({"structure_id": 2}, date(2026, 11, 13), "ouvert"),
        ({"jours": semaine.MERCREDI}, date(2026, 11, 13), "ferme"),
        (VACANCES, JEUDI, "ferme"),
        (VACANCES, date(2026, 12, 21), "ouvert"),
        (VACANCES, date(2026, 12, 25), "ferie"),
        (VACANCES, date(2026, 12, 26), "ferme"),
        (VACANCES | {"grandes_vacances": False}, date(2026, 7, 8), "ferme"),
        ({"petites_vacances": True}, date(2026, 12, 21), "ouvert"),
        ({"archivee_le": JEUDI}, JEUDI, "ferme"),
    ],
)
def test_which_service_opens_which_day(champs, jour, attendu):
    prestation = service(**champs)
    assert regles.fond(prestation, jour, CALENDRIER) == attendu
    assert bool(regles.phrase_fermee(prestation, jour, CALENDRIER)) is (attendu != "ouvert")


def test_closure_of_one_service():
    calendrier = Calendrier(fermetures=(Fermee(JEUDI, JEUDI, "Travaux", prestation_id=7),))
    assert regles.fond(service(), JEUDI, calendrier) == "fermeture"
    assert regles.fond(service(pk=8), JEUDI, calendrier) == "ouvert"


def test_next_opening_of_a_holiday_service():
    assert regles.prochaine_ouverture(service(**VACANCES), date(2026, 11, 30), CALENDRIER) == date(
        2026, 12, 21
    )
    assert regles.prochaine_ouverture(service(**VACANCES), date(2026, 11, 30), VIDE) is None


# ── Who may come ─────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("champs", "niveau", "admis"),
    [
        ({}, "", True),
        ({"age_min": 3}, "", True),
        ({"age_min": 9}, "", False),
        ({"age_max": 7}, "", False),
        ({"niveaux": ["CP", "CE1"]}, "CE2", False),
        ({"niveaux": ["CE2"]}, "CE2", True),
        ({"niveaux": ["CE2"]}, "", True),
    ],
)
def test_age_and_class(champs, niveau, admis):
    lea = Enfant(prenom="Léa", naissance=date(2018, 3, 14))
    prestation = service(**champs)
    assert (regles.phrase_ineligible(prestation, lea, JEUDI, niveau) == "") is admis
    assert regles.dans_les_bornes(lea.age(JEUDI), niveau, prestation) is admis


def test_rivals_of_several_groups():
    groupes = [frozenset({1, 2}), frozenset({1, 3}), frozenset({4, 5})]
    assert regles.rivales(1, groupes) == {2, 3}
    assert regles.rivales(3, groupes) == {1}
    assert regles.rivales(6, groupes) == frozenset()


def test_every_state_has_its_transitions():
    assert set(regles.TRANSITIONS) == {"", *Etat.values}
    assert {vers for suites in regles.TRANSITIONS.values() for vers in suites} == set(Etat.values)


def test_rows_are_read_by_attribute_only():
    """The rules are pure: anything with the attributes will do."""
    regle = SimpleNamespace(age_min=None, age_max=3, niveaux=[])
    assert regles.dans_les_bornes(3, "", regle) and not regles.dans_les_bornes(4, "", regle)
