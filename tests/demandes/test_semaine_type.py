"""The typical week: the same days for several children at once, until the holidays, without JavaScript."""

import uuid
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from demandes.envoi import envoyer_absences, envoyer_reservations
from demandes.models import Demande
from demandes.semaine_type import bornes, conflits, deplier
from enfants import semaine
from enfants.annee_suivante import dupliquer
from enfants.archives import solder
from enfants.models import GroupeExclusif, Inscription, PeriodeVacances, Reservation
from enfants.places import Souhait
from enfants.regles import Calendrier, Vacances
from portail.socle.models import Collectivite
from tests import factories
from tests.demandes.fabrique import reservations
from tests.enfants.fabrique import automatique, reserver

MAINTENANT = datetime(2026, 11, 23, 9, 0, tzinfo=ZoneInfo("Europe/Paris"))
LUNDI, JEUDI = date(2026, 11, 30), date(2026, 12, 3)
URL = "/enfants/planning/semaine-type/"
N = "\N{NO-BREAK SPACE}"


@pytest.fixture(autouse=True)
def maintenant():
    with time_machine.travel(MAINTENANT, tick=False):
        yield


@pytest.fixture
def noel(db):
    zone = Collectivite.actuelle().zone
    PeriodeVacances.objects.create(
        zone=zone, nom="Noël", nature="petites", du=date(2026, 12, 19), au=date(2027, 1, 3)
    )
    PeriodeVacances.objects.create(
        zone=zone, nom="Été", nature="grandes", du=date(2027, 7, 3), au=date(2027, 8, 31)
    )


def saisie(monde, *jours: str, **champs) -> dict:
    return {
        "action": "reserver",
        "enfant": [str(monde.lea.pk), str(monde.tom.pk)],
        "j": list(jours),
        "semaines": "toutes",
        "du": "2026-11-30",
        "periode": "vacances",
    } | champs


def tous(monde, *jours: int) -> list[str]:
    return [f"t{monde.cantine.pk}-{n}" for n in jours]


def poster(monde, *jours: str, qui=None, **champs):
    return monde.client(qui or monde.jean).post(URL, saisie(monde, *jours, **champs))


def lignes(page, groupe: int = 0) -> list[tuple[str, str]]:
    return [(ligne.qui, ligne.jours) for ligne in page.context["recap"].groupes[groupe].lignes]


# --- pure -------------------------------------------------------------------------------------------------------

CALENDRIER = Calendrier(
    vacances=(
        Vacances("Noël", "petites", date(2026, 12, 19), date(2027, 1, 3)),
        Vacances("Été", "grandes", date(2027, 7, 3), date(2027, 8, 31)),
    )
)


def test_les_bornes_sont_des_jours_douvrir():
    assert [(b.code, b.libelle) for b in bornes(CALENDRIER, date(2026, 11, 23))] == [
        ("vacances", f"Jusqu’aux prochaines vacances (vendredi{N}18{N}décembre)"),
        (
            "pendant",
            f"Pendant les prochaines vacances (du samedi{N}19{N}décembre au dimanche{N}3{N}janvier{N}2027)",
        ),
        ("annee", f"Jusqu’à la fin de l’année scolaire (vendredi{N}2{N}juillet{N}2027)"),
    ]
    assert [b.code for b in bornes(CALENDRIER, date(2027, 5, 3))] == ["vacances", "pendant"]
    assert bornes(Calendrier(), date(2026, 11, 23)) == []
    # In the holidays, those that run; the weekend before them is no day of school.
    assert [(b.code, b.jour, b.du) for b in bornes(CALENDRIER, date(2026, 12, 22))] == [
        ("vacances", date(2027, 7, 2), None),
        ("pendant", date(2027, 1, 3), None),
    ]
    assert bornes(CALENDRIER, date(2026, 12, 19))[0].jour == date(2027, 7, 2)


def test_une_semaine_sur_deux(monde):
    """ISO weeks: 49 is odd, 50 even."""
    i = monde.inscriptions["lea"]
    periode = (LUNDI, date(2026, 12, 18))
    jours = {
        s: [c.jour for c in deplier({i.pk: {0}}, [i], [], CALENDRIER, periode, s, False).cases]
        for s in ("toutes", "paires", "impaires")
    }
    assert jours == {
        "toutes": [LUNDI, date(2026, 12, 7), date(2026, 12, 14)],
        "paires": [date(2026, 12, 7)],
        "impaires": [LUNDI, date(2026, 12, 14)],
    }


def test_deux_services_exclusifs_nommes_enfant_par_enfant(monde):
    club = factories.prestation("Aide aux devoirs")
    i, k = monde.inscriptions["lea"], factories.inscription(monde.lea, club, monde.jean)
    groupe = {monde.cantine.pk: monde.cantine.nom, club.pk: club.nom}
    assert conflits({i.pk: {0, 3}, k.pk: {3, 4}}, [i, k], [groupe]) == [
        f"Léa, jeudi{N}: un seul choix par jour entre «{N}Restauration scolaire{N}» et «{N}Aide aux devoirs{N}»."
    ]
    assert conflits({i.pk: {0}, k.pk: {3}}, [i, k], [groupe]) == []


# --- the page ---------------------------------------------------------------------------------------------------


def test_la_page_propose_les_services_de_chaque_enfant(monde, noel):
    club = factories.prestation("Club", jours=semaine.MERCREDI)
    seule = factories.inscription(monde.lea, club, monde.jean)
    factories.inscription(monde.lea, factories.prestation("Chez Jeanne"), monde.jeanne)
    page = monde.client(monde.jean).get(URL)
    assert [(s["prestation"].nom, [e.prenom for e, _ in s["enfants"]]) for s in page.context["services"]] == [
        ("Club", ["Léa"]),
        ("Restauration scolaire", ["Léa", "Tom"]),
    ]
    assert page.text.count(f'value="i{seule.pk}-') == 1
    assert page.text.count(f'value="t{monde.cantine.pk}-') == 5
    assert 'value="2026-11-30"' in page.text
    assert f"Jusqu’aux prochaines vacances (vendredi{N}18{N}décembre)" in page.text


def test_les_memes_jours_pour_deux_enfants_jusquaux_vacances(monde, noel):
    page = poster(monde, *tous(monde, 0, 3))
    assert lignes(page) == [
        (
            "Léa, Restauration scolaire",
            f"Lundi{N}30{N}novembre, jeudi{N}3, lundi{N}7, jeudi{N}10, lundi{N}14 et jeudi{N}17{N}décembre",
        ),
        (
            "Tom, Restauration scolaire",
            f"Lundi{N}30{N}novembre, jeudi{N}3, lundi{N}7, jeudi{N}10, lundi{N}14 et jeudi{N}17{N}décembre",
        ),
    ]
    assert not Reservation.objects.exists()
    # The recap's own form books, as from the grid.
    cases = [str(c) for c in page.context["cases"]]
    monde.client(monde.jean).post(
        reverse("demande_planning"), {"c": cases, "action": "reserver", "confirmer": "1"}
    )
    assert (Demande.objects.count(), Reservation.objects.count()) == (1, 12)


def test_un_enfant_peut_avoir_ses_propres_jours(monde, noel):
    page = poster(
        monde, *tous(monde, 0), f"i{monde.inscriptions['tom'].pk}-1", periode="dates", au="2026-12-04"
    )
    assert lignes(page) == [
        ("Léa, Restauration scolaire", f"Lundi{N}30{N}novembre"),
        ("Tom, Restauration scolaire", f"Lundi{N}30{N}novembre et mardi{N}1er{N}décembre"),
    ]


def test_un_enfant_decoche_nest_pas_demande(monde, noel):
    page = poster(monde, *tous(monde, 0), enfant=[str(monde.tom.pk)], periode="dates", au="2026-12-04")
    assert [qui for qui, _ in lignes(page)] == ["Tom, Restauration scolaire"]


def test_beaucoup_de_jours_se_lisent_dun_coup_doeil(monde, noel):
    page = poster(monde, *tous(monde, 0, 1, 3, 4), enfant=[str(monde.lea.pk)], periode="annee")
    (ligne,) = page.context["recap"].groupes[0].lignes
    assert ligne.jours == f"116{N}jours, du lundi{N}30{N}novembre au vendredi{N}2{N}juillet"
    assert ligne.mois[0] == (f"Novembre{N}2026", f"lundi{N}30")
    assert "<summary>Voir les jours</summary>" in page.text
    (note,) = page.context["notes"]
    assert note.texte == f"8 jours sautés{N}: service fermé (vacances, jours fériés, fermetures)."


def test_pendant_les_vacances(monde, noel):
    """A holiday service is asked for the holidays, whatever first day was left on the page."""
    stage = factories.prestation("Vacances", periode_scolaire=False, petites_vacances=True)
    i = factories.inscription(monde.lea, stage, monde.jean)
    page = poster(monde, f"i{i.pk}-0", f"i{i.pk}-1", periode="pendant")
    assert lignes(page) == [("Léa, Vacances", f"Lundi{N}21, mardi{N}22, lundi{N}28 et mardi{N}29{N}décembre")]


def test_ce_qui_est_deja_reserve_ne_change_pas(monde, noel):
    reservations(monde.inscriptions["lea"], LUNDI, le=MAINTENANT)
    page = poster(monde, *tous(monde, 0), periode="dates", au="2026-12-04")
    assert lignes(page) == [("Tom, Restauration scolaire", f"Lundi{N}30{N}novembre")]
    (note,) = page.context["notes"]
    assert (note.texte, note.lignes) == (
        f"1 jour est déjà demandé ou réservé{N}: rien ne change.",
        [("Léa, Restauration scolaire", f"lundi{N}30{N}novembre")],
    )
    assert f"<dt>Léa, Restauration scolaire</dt><dd>Lundi{N}30{N}novembre</dd>" in page.text


def test_une_absence_ne_prend_que_les_jours_reserves(monde, noel):
    reservations(monde.inscriptions["lea"], LUNDI, JEUDI, le=MAINTENANT)
    page = poster(monde, *tous(monde, 0, 3), action="absence", periode="dates", au="2026-12-04")
    assert [str(c) for c in page.context["cases"]] == [
        f"{monde.inscriptions['lea'].pk}:{jour}:1" for jour in (LUNDI, JEUDI)
    ]
    (note,) = page.context["notes"]
    assert (note.texte, note.lignes) == (
        f"2 jours sans réservation{N}: rien à déclarer.",
        [("Tom, Restauration scolaire", f"lundi{N}30{N}novembre et jeudi{N}3{N}décembre")],
    )


def test_repeter_la_semaine(monde, noel):
    reservations(monde.inscriptions["lea"], LUNDI, JEUDI, le=MAINTENANT)
    page = monde.client(monde.jean).get(URL, {"semaine": "2026-12-02", "enfant": str(monde.lea.pk)})
    pk = monde.inscriptions["lea"].pk
    assert [v for v in (f"i{pk}-{n}" for n in range(5)) if f'value="{v}" aria-label' in page.text] == [
        f"i{pk}-{n}" for n in range(5)
    ]
    assert sorted(page.context["formulaire"].data.getlist("j")) == [f"i{pk}-0", f"i{pk}-3"]
    assert page.text.count(" checked><span") == 2
    assert 'name="du" value="2026-12-07"' in page.text
    assert f'value="{monde.tom.pk}" checked' not in page.text


def test_repeter_une_semaine_lointaine_propose_des_fins_qui_la_suivent(monde, noel):
    """Start and end are offered together: sent as they are, they give days."""
    reservations(monde.inscriptions["lea"], date(2027, 1, 4), le=MAINTENANT)
    page = monde.client(monde.jean).get(URL, {"semaine": "2027-01-06"})
    formulaire = page.context["formulaire"]
    assert (formulaire["du"].value(), formulaire["periode"].value()) == ("2027-01-11", "vacances")
    assert f"Jusqu’aux prochaines vacances (vendredi{N}2{N}juillet)" in page.text
    envoi = {nom: formulaire.data.getlist(nom) for nom in formulaire.data if nom != "semaine"}
    recap = monde.client(monde.jean).post(URL, envoi)
    assert [c.jour for c in recap.context["cases"]][:2] == [date(2027, 1, 11), date(2027, 1, 18)]


def test_la_fin_se_calcule_du_premier_jour_envoye(monde, noel):
    """Without JavaScript: « prochaines vacances » are those that follow the day typed."""
    page = poster(monde, *tous(monde, 0), enfant=[str(monde.tom.pk)], du="2027-06-21", periode="vacances")
    assert [c.jour for c in page.context["cases"]] == [date(2027, 6, 21), date(2027, 6, 28)]
    # The end of the school year was offered for another first day: it is then the next holidays.
    page = poster(monde, *tous(monde, 0), enfant=[str(monde.tom.pk)], du="2027-06-21", periode="annee")
    assert [c.jour for c in page.context["cases"]] == [date(2027, 6, 21), date(2027, 6, 28)]


def test_pendant_des_vacances_commencees(monde, noel):
    stage = factories.prestation("Vacances", periode_scolaire=False, petites_vacances=True)
    i = factories.inscription(monde.lea, stage, monde.jean)
    page = poster(monde, f"i{i.pk}-0", du="2026-12-22", periode="pendant")
    assert lignes(page) == [("Léa, Vacances", f"Lundi{N}28{N}décembre")]


def test_une_seule_case_ouvre_les_jours_de_chaque_enfant(monde, noel):
    club = factories.prestation("Club", validation="automatique")
    for enfant in (monde.lea, monde.tom):
        factories.inscription(enfant, club, monde.jean)
    page = monde.client(monde.jean).get(URL)
    assert page.text.count("Des jours différents selon l’enfant") == 1
    assert not page.context["a_part"]
    i = monde.inscriptions["tom"].pk
    assert monde.client(monde.jean).get(URL, {"j": f"i{i}-1"}).context["a_part"]
    # A family with one child has nothing to tell apart.
    assert "Des jours différents selon l’enfant" not in monde.client(monde.claire).get(URL).text


def test_les_services_des_vacances_sont_a_part(monde, noel):
    """Folded while the period chosen has no holidays: ticked there, they gave no day."""
    stage = factories.prestation("Vacances", periode_scolaire=False, petites_vacances=True)
    i = factories.inscription(monde.lea, stage, monde.jean)
    page = monde.client(monde.jean).get(URL)
    assert [s["prestation"] for s in page.context["vacances"]] == [stage]
    assert [s["prestation"] for s in page.context["scolaires"]] == [monde.cantine]
    assert '<details class="st-vacances"><summary>Services des vacances (1)</summary>' in page.text
    for ouvert in ({"periode": "pendant"}, {"j": f"i{i.pk}-1"}):
        assert '<details class="st-vacances" open>' in monde.client(monde.jean).get(URL, ouvert).text


def test_modifier_mon_choix_retrouve_tout(monde, noel):
    page = poster(monde, *tous(monde, 0, 3), semaines="paires")
    retour = page.context["retour"]
    assert retour.startswith(URL + "?")
    encore = monde.client(monde.jean).get(retour)
    assert sorted(encore.context["formulaire"].data.getlist("j")) == sorted(tous(monde, 0, 3))
    assert encore.context["formulaire"].data["semaines"] == "paires"
    # The address survives the second step.
    cases = [str(c) for c in page.context["cases"]]
    second = monde.client(monde.jean).post(
        reverse("demande_planning"), {"c": cases, "action": "reserver", "retour": retour}
    )
    assert second.context["retour"] == retour


# --- this year's service and its copy of next year --------------------------------------------------------------

RENTREE = date(2027, 9, 1)


@pytest.fixture
def dupliquee(monde, noel):
    """« Restauration scolaire » carried over to next year, in an exclusive group with the aide aux devoirs."""
    club = factories.prestation("Aide aux devoirs")
    factories.inscription(monde.lea, club, monde.jean)
    GroupeExclusif.objects.create(nom="Soir").prestations.add(club, monde.cantine)
    factories.inscription(monde.lea, monde.cantine, monde.jeanne)
    copie = dupliquer(monde.cantine, RENTREE, True, monde.agent, MAINTENANT)
    solder(monde.cantine, monde.agent, MAINTENANT)
    return copie


def postees(page) -> list[tuple]:
    """(first name, service, day) of the boxes of a recap."""
    inscriptions = Inscription.objects.select_related("enfant").in_bulk(
        [c.inscription for c in page.context["cases"]]
    )
    return [
        (inscriptions[c.inscription].enfant.prenom, inscriptions[c.inscription].prestation_id, c.jour)
        for c in page.context["cases"]
    ]


@pytest.mark.parametrize("qui", ["jean", "jeanne"])
def test_dupliquee_pour_lan_prochain_elle_reste_celle_de_cette_annee(monde, dupliquee, qui):
    """One row for both, and this year's days go to this year's service: the owner's as the other parent's."""
    famille = getattr(monde, qui)
    siens = {"jean": ["Léa", "Tom"], "jeanne": ["Léa"]}[qui]
    rangee = next(
        s
        for s in monde.client(famille).get(URL).context["services"]
        if s["prestation"].nom == monde.cantine.nom
    )
    assert (rangee["nom"], [e.prenom for e, _ in rangee["enfants"]]) == (monde.cantine.nom, siens)
    jour = rangee["jours"][0]["valeur"]
    enfants = [str(e.pk) for e, _ in rangee["enfants"]]
    page = poster(monde, jour, qui=famille, enfant=enfants, periode="dates", au="2026-12-04")
    assert postees(page) == [(prenom, monde.cantine.pk, LUNDI) for prenom in siens]


def test_linconnue_ne_nomme_pas_la_copie(monde, dupliquee):
    sienne = dupliquee.nouvelle.inscriptions.get(enfant=monde.lea, famille=monde.jean)
    page = poster(monde, f"t{dupliquee.nouvelle.pk}-0", f"i{sienne.pk}-0", qui=monde.claire)
    assert "enfant" in page.context["formulaire"].errors


def test_une_periode_a_cheval_donne_chaque_jour_a_son_annee(monde, dupliquee):
    jour = f"t{monde.cantine.pk}-4"
    page = poster(monde, jour, enfant=[str(monde.tom.pk)], du="2027-06-28", periode="dates", au="2027-09-10")
    assert postees(page) == [
        ("Tom", monde.cantine.pk, date(2027, 7, 2)),
        ("Tom", dupliquee.nouvelle.pk, date(2027, 9, 3)),
        ("Tom", dupliquee.nouvelle.pk, date(2027, 9, 10)),
    ]


def test_les_deux_annees_ne_sexcluent_pas(monde, dupliquee):
    """They are in the same exclusive group, but never on the same day; another service of the group still is."""
    seul = poster(monde, f"t{monde.cantine.pk}-0", periode="annee")
    assert seul.context["cases"]
    club = Inscription.objects.get(prestation__nom="Aide aux devoirs")
    page = poster(monde, f"t{monde.cantine.pk}-0", f"i{club.pk}-0", periode="annee")
    assert page.context["formulaire"].errors["j"] == [
        f"Léa, lundi{N}: un seul choix par jour entre «{N}Aide aux devoirs{N}» et «{N}Restauration scolaire{N}»."
    ]


def test_repeter_une_semaine_coche_le_service_de_cette_annee(monde, dupliquee):
    reservations(monde.inscriptions["lea"], LUNDI, JEUDI, le=MAINTENANT)
    page = monde.client(monde.jean).get(URL, {"semaine": "2026-11-30"})
    pk = monde.inscriptions["lea"].pk
    assert sorted(page.context["formulaire"].data.getlist("j")) == [f"i{pk}-0", f"i{pk}-3"]
    assert page.text.count(" checked><span") == 2


def test_repeter_une_semaine_de_lan_dernier(monde, dupliquee):
    """In September, the last week of June is repeated in the new year's service."""
    reservations(monde.inscriptions["tom"], date(2027, 6, 28), le=MAINTENANT)
    sienne = dupliquee.nouvelle.inscriptions.get(enfant=monde.tom)
    with time_machine.travel(datetime(2027, 9, 2, 9, tzinfo=ZoneInfo("Europe/Paris")), tick=False):
        page = monde.client(monde.jean).get(URL, {"semaine": "2027-06-28"})
    assert page.context["formulaire"].data.getlist("j") == [f"i{sienne.pk}-0"]


def test_qui_nest_inscrit_quensuite_le_lit(monde, noel):
    """Not « aucun jour » alone: from when the child may come."""
    club = factories.prestation("Club")
    i = factories.inscription(monde.tom, club, monde.jean, du=RENTREE)
    page = poster(monde, f"i{i.pk}-0", periode="dates", au="2026-12-04")
    assert page.context["formulaire"].errors["__all__"] == [
        f"Aucun jour à envoyer dans cette période. Tom, Club{N}: l’inscription commence le 01/09/2027."
    ]
    assert next(s["nom"] for s in page.context["services"]) == "Club, à partir du 01/09/2027"


# --- refusals ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("champs", "champ", "phrase"),
    [
        ({"j": []}, "j", "Cochez au moins un jour."),
        ({"enfant": []}, "enfant", "Cochez au moins un enfant."),
        ({"du": ""}, "du", "Indiquez le premier jour."),
        ({"du": "31/02/2026"}, "du", f"Cette date n’existe pas. Exemple{N}: 30/11/2026."),
        ({"periode": "dates"}, "au", "Indiquez le dernier jour."),
        ({"periode": "dates", "au": "2026-11-01"}, "au", "Le dernier jour ne peut pas précéder le premier."),
        ({"periode": "dates", "au": "2036-11-01"}, "au", "Pas plus de 18 mois à la fois."),
        (
            {"periode": "dates", "du": "9999-12-30", "au": "2026-12-31"},
            "au",
            "Le dernier jour ne peut pas précéder le premier.",
        ),
    ],
)
def test_une_erreur_se_dit_au_champ_et_ne_perd_rien(monde, noel, champs, champ, phrase):
    jours = champs.pop("j", tous(monde, 0))
    page = poster(monde, *jours, **champs)
    assert page.status_code == 200
    assert page.context["formulaire"].errors == {champ: [phrase]}
    assert f'<a href="#st-{champ}">{phrase}</a>' in page.text
    assert page.text.count(" checked><span") == len(jours)


def test_deux_services_exclusifs_le_meme_jour(monde, noel):
    club = factories.prestation("Aide aux devoirs")
    factories.inscription(monde.lea, club, monde.jean)
    GroupeExclusif.objects.create(nom="Soir").prestations.add(club, monde.cantine)
    page = poster(monde, *tous(monde, 0), f"i{club.inscriptions.get().pk}-0")
    assert page.context["formulaire"].errors["j"] == [
        f"Léa, lundi{N}: un seul choix par jour entre «{N}Aide aux devoirs{N}» et «{N}Restauration scolaire{N}»."
    ]


def test_aucun_jour_dans_la_periode(monde, noel):
    page = poster(monde, *tous(monde, 0), periode="dates", du="2026-12-21", au="2026-12-22")
    assert page.context["formulaire"].errors["__all__"] == [
        f"Aucun jour à envoyer dans cette période. 2 jours sautés{N}: service fermé (vacances, jours fériés, fermetures)."
    ]


@pytest.mark.parametrize("jours", [["zzz"], ["t1-9"], ["i" + "9" * 30 + "-1"], ["i1-1'"]])
def test_des_jours_qui_nexistent_pas(monde, noel, jours):
    assert poster(monde, *jours).context["formulaire"].errors == {"j": ["Cochez au moins un jour."]}


@pytest.mark.parametrize("qui", ["jeanne", "claire"])
def test_linscription_dun_autre_est_ignoree(monde, noel, qui):
    """Neither the other parent nor a stranger can name Jean's inscription, nor a child that is not theirs."""
    page = poster(monde, f"i{monde.inscriptions['lea'].pk}-0", qui=getattr(monde, qui))
    assert page.status_code == 200
    assert "enfant" in page.context["formulaire"].errors
    assert not Reservation.objects.exists()


@pytest.mark.parametrize(
    "suite", ["?semaine=zzz", "?semaine=0001-01-01", "?enfant=zzz", "?j=zzz&du=%20&periode=x"]
)
def test_une_adresse_qui_na_pas_de_sens(monde, suite):
    assert monde.client(monde.jean).get(URL + suite).status_code == 200


def test_la_fin_des_temps_nest_pas_une_erreur_500(monde, noel):
    assert (
        poster(monde, *tous(monde, 0), periode="dates", du="9999-12-30", au="9999-12-31").status_code == 200
    )


def test_sans_vacances_au_calendrier(monde):
    page = poster(monde, *tous(monde, 0), periode="dates", au="2026-12-07")
    assert lignes(page)[0][1] == f"Lundi{N}30{N}novembre et lundi{N}7{N}décembre"


@pytest.mark.parametrize("nombre", [1, 3])
def test_les_requetes_ne_dependent_pas_du_nombre(monde, noel, django_assert_num_queries, nombre):
    for n in range(nombre):
        enfant = factories.enfant(f"Enfant {n}", monde.jean)
        factories.inscription(enfant, factories.prestation(f"Service {n}"), monde.jean)
    client = monde.client(monde.jean)
    client.get(URL)
    with django_assert_num_queries(8):
        client.get(URL)
    with django_assert_num_queries(9):
        client.get(URL, {"semaine": "2026-11-30"})


@pytest.mark.parametrize("genre", ["reservations", "absences"])
def test_envoyer_une_annee_ne_coute_pas_une_requete_par_jour(monde, genre):
    """Family, children and places are locked until the end: five days and fifty read and write as much."""
    club = automatique(factories.prestation("Club", places=9, jours=31))
    inscription = factories.inscription(monde.lea, club, monde.jean)
    jours = [j for j in (date(2026, 12, 1) + timedelta(n) for n in range(90)) if j.weekday() < 5]
    par = monde.jean.responsables.first().utilisateur
    comptes = []
    # The first of the year creates the counter.
    for lot in (jours[:1], jours[1:6], jours[6:56]):
        if genre == "absences":
            reserver(inscription, *lot)
            siennes = list(Reservation.objects.filter(jour__in=lot))
            raison = {"raison": "familiale", "precision": ""}
            args = envoyer_absences, monde.jean, siennes, raison
        else:
            args = envoyer_reservations, monde.jean, [Souhait(inscription, jour) for jour in lot]
        verbe, *reste = args
        with CaptureQueriesContext(connection) as requetes:
            demande, _ = verbe(*reste, par, MAINTENANT, uuid.uuid4())
        assert (demande.etat, demande.jours.count()) == ("acceptee", len(lot))
        comptes.append(len(requetes))
    assert comptes[1] == comptes[2]
