"""The planning, pure: cells, rows, the guide's screen of April 2015."""

from dataclasses import replace
from datetime import date, datetime, time
from decimal import Decimal

import pytest

from enfants import planning, regles, semaine
from enfants.models import Enfant, Etat, Inscription, Limite, Pointage, Prestation, Structure
from enfants.planning import Entrees
from enfants.planning_case import MOTS, Reservee, est_anomalie, etat_de_la_case, jours_hors_contrat
from enfants.planning_places import Disponibilites
from enfants.regles import Calendrier, Vacances
from tests.enfants.fabrique import paris

N = "\N{NO-BREAK SPACE}"
DEUX_JOURS = Limite(pk=1, nom="J-2", genre="jours_avant", nombre=2, compte="ouvres", heure=time(12))
LEA = Enfant(prenom="Léa", nom="DUPONT", naissance=date(2008, 3, 14))
JEAN, JEANNE = 1, 2


@pytest.mark.parametrize("etat", ["", *Etat.values])
@pytest.mark.parametrize("present", [None, True, False])
@pytest.mark.parametrize(
    "fond", ["ouvert", "ferme", "ferie", "petites_vacances", "grandes_vacances", "fermeture"]
)
def test_every_cell_is_in_the_legend(etat, present, fond):
    anomalie = est_anomalie(etat, present, fond)
    for hors_contrat in (True, False):
        assert etat_de_la_case(etat, present, hors_contrat, anomalie, fond) in MOTS


@pytest.mark.parametrize(
    ("etat", "present", "hors", "fond", "attendu"),
    [
        ("", None, False, "ouvert", ""),
        ("", None, False, "ferie", "ferie"),
        ("reservee", None, False, "ouvert", "reservee"),
        ("reservee", True, False, "ouvert", "present-reserve"),
        ("reservee", True, True, "ouvert", "hors_contrat"),
        ("", True, False, "ouvert", "present"),
        ("demandee", True, False, "ouvert", "present"),
        ("refusee", True, False, "ouvert", "present"),
        ("reservee", False, False, "ouvert", "reservee"),
        ("absent_facture", False, False, "ouvert", "absent_facture"),
        ("absent_excuse", True, False, "ouvert", "erreur"),
        ("conge", True, False, "ouvert", "erreur"),
        ("reservee", None, False, "fermeture", "erreur"),
        ("reservee", True, False, "ferie", "present-reserve"),
        ("refusee", None, False, "ferie", "refusee"),
        ("annulee", None, False, "fermeture", "fermeture"),
        ("annulee", None, False, "ouvert", ""),
    ],
)
def test_a_cell(etat, present, hors, fond, attendu):
    assert etat_de_la_case(etat, present, hors, est_anomalie(etat, present, fond), fond) == attendu


def test_hours_beyond_the_contract_of_the_week():
    def garde(jour, arrivee, depart):
        return Pointage(jour=date(2026, 11, jour), present=True, arrivee=time(arrivee), depart=time(depart))

    pointages = [garde(23, 8, 18), garde(24, 8, 18), garde(25, 8, 13), garde(30, 8, 18)]
    assert jours_hors_contrat(pointages, Decimal("20")) == {date(2026, 11, 25): 300}
    assert jours_hors_contrat(pointages, Decimal("17.5")) == {
        date(2026, 11, 24): 150,
        date(2026, 11, 25): 300,
    }
    assert jours_hors_contrat(pointages, Decimal("25")) == {}
    assert jours_hors_contrat(pointages, None) == {}


# ── Rows ─────────────────────────────────────────────────────────────────────────────────────────────────────


def service(pk: int, nom: str, structure: Structure, **champs) -> Prestation:
    defaut = {
        "jours": semaine.ECOLE,
        "heure_debut": time(8),
        "heure_fin": time(18),
        "limite_reservation": DEUX_JOURS,
        "limite_annulation": DEUX_JOURS,
    }
    return Prestation(pk=pk, nom=nom, structure=structure, **(defaut | champs))


def inscrire(pk: int, prestation: Prestation, famille: int = JEAN, **champs) -> Inscription:
    i = Inscription(
        pk=pk, enfant=LEA, prestation=prestation, famille_id=famille, **({"du": date(2014, 9, 1)} | champs)
    )
    i.payeur = "DUPONT Jean" if famille == JEAN else "DUPONT Jeanne"
    return i


def reservation(
    pk: int, i: Inscription, jour: date, etat: str = Etat.RESERVEE, version: int = 1, reguliere: bool = False
) -> Reservee:
    return Reservee(pk, LEA.pk, i.prestation.pk, i.pk, jour, str(etat), version, reguliere)


ALSH = Structure(pk=1, nom="Accueil de Loisirs ALSH")
GARDERIE = Structure(pk=2, nom="Garderie périscolaire")
CANTINE = service(7, "Restauration scolaire", GARDERIE)
MAINTENANT = paris(2026, 11, 23, 9, 30)


def entrees(
    inscriptions, reservations=(), pointages=(), calendrier=None, jours=None, maintenant=MAINTENANT, **autres
):
    return Entrees(
        enfants=[LEA],
        inscriptions=inscriptions,
        reservations=reservations,
        pointages=pointages,
        calendrier=calendrier or Calendrier(),
        jours=jours or planning.mois_de(date(2026, 11, 1)),
        maintenant=maintenant,
        famille_id=JEAN,
        **autres,
    )


def ligne(*args, **options):
    (p,) = planning.planning(entrees(*args, **options))
    return p.lignes[0]


def codes(ligne) -> dict[int, str]:
    return {c.jour.day: c.etat for c in ligne.cases if c.etat}


def test_the_guide_s_screen_of_april_2015():
    """RULES.md §4: zone A then, spring holidays 11 to 26 April, Easter Monday on the 6th."""
    vacances = {"periode_scolaire": False, "petites_vacances": True, "grandes_vacances": True}
    vacances["jours"] = semaine.OUVRES
    services = [
        service(1, "Mercredi après-midi", ALSH, jours=semaine.MERCREDI),
        service(2, "Mercredi journée", ALSH, jours=semaine.MERCREDI),
        service(3, "Vacances après-midi", ALSH, **vacances),
        service(4, "Vacances journée", ALSH, **vacances),
        service(5, "Vacances matin", ALSH, **vacances),
        service(6, "Garderie matin", GARDERIE),
        CANTINE,
    ]
    inscriptions = [inscrire(p.pk, p) for p in services]
    avril = lambda jour: date(2015, 4, jour)  # noqa: E731
    cantine_reservee = [2, 3, 9, 10, 27, 28, 30]
    jours = {1: [8, 29], 2: [8, 29], 4: [13, 14, 15, 16], 7: cantine_reservee}
    reservations = [
        reservation(100 * i + jour, inscriptions[i - 1], avril(jour))
        for i, js in jours.items()
        for jour in js
    ]
    reservations += [reservation(60 + i, inscriptions[i - 1], avril(7), Etat.ABSENT_EXCUSE) for i in (6, 7)]
    calendrier = Calendrier(
        feries={avril(6): "Lundi de Pâques"},
        vacances=(Vacances("Printemps", "petites", avril(11), avril(26)),),
    )
    (p,) = planning.planning(
        entrees(
            inscriptions,
            reservations,
            calendrier=calendrier,
            jours=planning.mois_de(avril(1)),
            maintenant=datetime(2015, 5, 4, 10, tzinfo=regles.PARIS),
        )
    )
    petites = dict.fromkeys(range(11, 27), "petites_vacances")
    ferie = {6: "ferie"}
    mercredis = petites | ferie | {8: "reservee", 29: "reservee"}
    attendu = {
        "Mercredi après-midi": mercredis,
        "Mercredi journée": mercredis,
        "Vacances après-midi": ferie,
        "Vacances journée": ferie | dict.fromkeys((13, 14, 15, 16), "reservee"),
        "Vacances matin": ferie,
        "Garderie matin": petites | ferie | {7: "absent_excuse"},
        "Restauration scolaire": petites
        | ferie
        | {7: "absent_excuse"}
        | dict.fromkeys(cantine_reservee, "reservee"),
    }
    assert {li.prestation.nom: codes(li) for li in p.lignes} == attendu
    assert {li.payeur for li in p.lignes} == {"DUPONT Jean"}
    assert not any(c.valeur for li in p.lignes for c in li.cases)  # the month is past: nothing to ask
    assert not any(li.phrase for li in p.lignes)


def test_what_may_be_asked_from_a_month():
    """Free days within the limit, own bookings until they start, nothing else."""
    i = inscrire(31, CANTINE)
    reservations = [
        reservation(1, i, date(2026, 11, 23)),
        reservation(2, i, date(2026, 11, 24), version=3),
        reservation(3, i, date(2026, 11, 27), Etat.ABSENCE_DEMANDEE),
        reservation(4, i, date(2026, 11, 30), Etat.REFUSEE),
    ]
    valeurs = {c.jour.day: c.valeur for c in ligne([i], reservations).cases if c.valeur}
    assert valeurs == {
        24: "31:2026-11-24:3",
        26: "31:2026-11-26:0",
        30: "31:2026-11-30:0",
    }


def test_an_invoiced_day_asks_nothing_and_says_why():
    """Only the days that could be asked otherwise; the others keep what they say."""
    i = inscrire(31, CANTINE)
    reservations = [
        reservation(1, i, date(2026, 11, 25)),
        reservation(2, i, date(2026, 11, 26), Etat.REFUSEE),
        reservation(3, i, date(2026, 11, 27), Etat.ANNULEE),
    ]
    factures = {(CANTINE.pk, date(2026, 11, n)): "Facturé" for n in (24, 25, 26, 27, 28)}
    cases = {c.jour.day: c for c in ligne([i], reservations, clos=factures).cases}
    dites = {n: (c.etat, c.mots, c.limite) for n, c in cases.items() if n > 24 and c.etat and not c.valeur}
    assert dites == {
        25: ("reservee", "réservé, période déjà facturée", None),
        26: ("refusee", "réservation refusée, période déjà facturée", None),
        27: ("clos", "période déjà facturée", None),
    }
    assert cases[24].etat == cases[28].etat == ""  # past its limit, a Saturday: nothing to ask anyway
    assert cases[30].valeur


def test_latest_live_row_wins_over_older_ones():
    i = inscrire(31, CANTINE)
    jour = date(2026, 11, 26)
    reservations = [reservation(5, i, jour, Etat.DEMANDEE), reservation(9, i, jour, Etat.REFUSEE)]
    assert codes(ligne([i], reservations))[26] == "demandee"
    reservations = [reservation(5, i, jour, Etat.REFUSEE), reservation(9, i, jour, Etat.ANNULEE)]
    assert codes(ligne([i], reservations))[26] == "libre"


@pytest.mark.parametrize(
    ("champs", "ouvert"),
    [
        ({}, True),
        ({"ouverture": paris(2026, 11, 24, 7)}, False),
        ({"fermeture": paris(2026, 11, 23, 7)}, False),
        ({"age_min": 30}, False),
    ],
)
def test_window_and_age_close_the_cells(champs, ouvert):
    i = inscrire(31, service(9, "Temps libre", GARDERIE, **champs))
    assert any(c.valeur for c in ligne([i]).cases) is ouvert


def test_past_the_limit_only_a_service_that_accepts_late_asks_stays_open():
    mardi = date(2026, 11, 24)
    for regle, ouvert in (("refus", False), ("mairie", True), ("majoration", True)):
        i = inscrire(31, service(9, "Temps libre", GARDERIE, hors_delai=regle))
        assert bool(next(c.valeur for c in ligne([i]).cases if c.jour == mardi)) is ouvert


def test_the_other_household_s_row_is_read_only_and_there_only_when_booked():
    sien, autre = inscrire(31, CANTINE), inscrire(32, CANTINE, JEANNE)
    assert [li.payeur for li in planning.planning(entrees([sien, autre]))[0].lignes] == ["DUPONT Jean"]
    jour = date(2026, 11, 30)
    (p,) = planning.planning(entrees([sien, autre], [reservation(1, autre, jour)]))
    assert [(li.payeur, li.a_soi) for li in p.lignes] == [("DUPONT Jean", True), ("DUPONT Jeanne", False)]
    assert codes(p.lignes[1]) == {30: "reservee"}
    assert not any(c.valeur for c in p.lignes[1].cases)


def test_attendance_is_shown_once():
    """On the row that booked; without booking on the own row; without any enrolment on a row without payer."""
    sien, autre = inscrire(31, CANTINE), inscrire(32, CANTINE, JEANNE)
    jour = date(2026, 11, 19)
    present = Pointage(enfant=LEA, prestation=CANTINE, jour=jour, present=True)
    (p,) = planning.planning(entrees([sien, autre], [reservation(1, autre, jour)], [present]))
    assert [codes(li).get(19) for li in p.lignes] == [None, "present-reserve"]
    assert codes(ligne([autre, sien], (), [present]))[19] == "present"
    (p,) = planning.planning(entrees([], (), [present]))
    assert [(li.payeur, codes(li)) for li in p.lignes] == [("Non inscrit", {19: "present"})]


@pytest.mark.parametrize("vue_de", [JEAN, JEANNE])
def test_two_exclusive_services_attended_the_same_day_are_an_error(vue_de):
    """On both rows, in both households' planning; another service of that day, and a day apart, stay what they are."""
    journee, apres_midi = (
        service(11, "Mercredi journée", ALSH, jours=4),
        service(12, "Après-midi", ALSH, jours=4),
    )
    i, k, c = inscrire(1, journee, JEANNE), inscrire(2, apres_midi), inscrire(3, CANTINE)
    mercredi, suivant = date(2026, 11, 11), date(2026, 11, 18)

    def la(prestation, jour, present=True):
        return Pointage(enfant=LEA, prestation=prestation, jour=jour, present=present)

    pointages = [la(journee, mercredi), la(apres_midi, mercredi), la(CANTINE, mercredi)]
    pointages += [la(journee, suivant), la(apres_midi, suivant, present=False)]
    donnees = replace(
        entrees([i, k, c], [reservation(1, i, mercredi), reservation(2, i, suivant)], pointages),
        dispo=Disponibilites(groupes={5: {11: "Mercredi journée", 12: "Après-midi"}}),
        famille_id=vue_de,
    )
    (lea,) = planning.planning(donnees)
    assert {
        (ligne.prestation.nom, case.jour.day): case.etat
        for ligne in lea.lignes
        for case in ligne.cases
        if case.jour in (mercredi, suivant) and case.etat.startswith(("erreur", "present"))
    } == {
        ("Mercredi journée", 11): "erreur",
        ("Après-midi", 11): "erreur",
        ("Restauration scolaire", 11): "present",
        ("Mercredi journée", 18): "present-reserve",
    }
    # Not enrolled to the second: its row without payer says it too.
    (lea,) = planning.planning(replace(donnees, inscriptions=[i, c]))
    (seule,) = [ligne for ligne in lea.lignes if ligne.prestation == apres_midi]
    assert [case.jour for case in seule.cases if case.etat == "erreur"] == [mercredi]


def test_a_service_closed_all_month_is_one_sentence():
    vacances = service(
        3, "Vacances", ALSH, periode_scolaire=False, petites_vacances=True, jours=semaine.OUVRES
    )
    calendrier = Calendrier(
        feries={date(2026, 11, 11): "Armistice"},
        vacances=(Vacances("Noël", "petites", date(2026, 12, 19), date(2027, 1, 3)),),
    )
    trouvee = ligne([inscrire(31, vacances)], calendrier=calendrier)
    assert trouvee.phrase == (f"Ouvert pendant les vacances. Prochaine date{N}: lundi{N}21{N}décembre.")
    assert codes(trouvee) == {11: "ferie"}


def test_a_typical_week_s_day_carries_its_loop():
    i = inscrire(31, CANTINE)
    cases = ligne([i], [reservation(1, i, date(2026, 11, 26), reguliere=True)]).cases
    assert [c.jour.day for c in cases if c.regulier] == [26]
