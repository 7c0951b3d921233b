"""Places: who gets one, who waits, what is said; every row through the verbs."""

from datetime import date, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from enfants import places, regles
from enfants.models import Etat, Fermeture, GroupeExclusif, Jauge, JourFerie, Rattachement, Reservation
from enfants.models.reservation import OCCUPANTS
from portail.socle.models import Collectivite, Courriel
from tests import factories
from tests.enfants.fabrique import JEUDI, LUNDI, MAINTENANT, automatique, demander, paris, pris, reserver

pytestmark = pytest.mark.django_db
INSECABLE = "\N{NO-BREAK SPACE}"


def verdicts(issues):
    return [issue.verdict for issue in issues]


def test_the_town_decides_by_default(monde):
    (issue,) = demander(monde.inscriptions["lea"], LUNDI)
    assert issue.verdict == "demandee"
    assert issue.phrase == "La mairie vous répondra."
    assert issue.reservation.payeur == monde.jean
    assert issue.regle == f"Réservation possible jusqu’à 2 jours ouvrés avant, 12{INSECABLE}h"
    assert [(e.de, e.vers) for e in issue.reservation.evenements.all()] == [("", "demandee")]


def test_automatic_service_books_at_once(monde):
    automatique(monde.cantine)
    assert verdicts(demander(monde.inscriptions["lea"], JEUDI, LUNDI)) == ["reservee", "reservee"]


def test_examiner_says_the_same_and_writes_nothing(monde):
    souhaits = [places.Souhait(monde.inscriptions["lea"], jour) for jour in (date(2026, 11, 24), LUNDI)]
    avant = places.examiner(souhaits, MAINTENANT)
    assert not Reservation.objects.exists()
    apres = places.reserver(souhaits, None, MAINTENANT)
    assert [(i.verdict, i.phrase) for i in avant] == [(i.verdict, i.phrase) for i in apres]
    assert verdicts(avant) == ["refus", "demandee"]
    assert avant[0].phrase == (
        f"Trop tard{INSECABLE}: il fallait réserver avant vendredi{INSECABLE}20, 12{INSECABLE}h."
    )


@pytest.mark.parametrize(
    ("regle", "verdict", "tard"),
    [("refus", "refus", True), ("mairie", "demandee", True), ("majoration", "reservee", True)],
)
def test_past_the_limit_the_service_says_what_happens(monde, regle, verdict, tard):
    automatique(monde.cantine, hors_delai=regle)
    (issue,) = demander(monde.inscriptions["lea"], date(2026, 11, 24))
    assert (issue.verdict, issue.hors_delai) == (verdict, tard)


def test_a_day_no_planning_shows_is_refused_to_a_family(monde):
    """A year typed wrong would hold a place where nobody looks; the town knows what it does."""
    automatique(monde.cantine)
    loin = date(2029, 1, 8)
    (issue,) = demander(monde.inscriptions["lea"], loin)
    assert (issue.verdict, issue.phrase) == (
        "refus",
        "Les réservations de cette année-là ne sont pas encore ouvertes.",
    )
    assert verdicts(demander(monde.inscriptions["lea"], date(2028, 12, 4))) == ["reservee"]
    assert verdicts(demander(monde.inscriptions["lea"], loin, au_nom_de_la_mairie=True)) == ["reservee"]


def test_a_day_past_or_begun_is_refused(monde):
    automatique(monde.cantine, hors_delai="majoration")
    passe, commence = demander(
        monde.inscriptions["lea"], date(2026, 11, 20), date(2026, 11, 23), maintenant=paris(2026, 11, 23, 12)
    )
    assert passe.phrase == "Ce jour est passé."
    assert commence.phrase == "Ce service a déjà commencé."


def test_the_town_books_whatever_the_limit_but_not_beyond_the_places(monde):
    jauge = Jauge.objects.create(structure=monde.cantine.structure, libelle="Places", capacite=1)
    jauge.prestations.add(monde.cantine)
    jour = date(2026, 11, 24)
    assert verdicts(demander(monde.inscriptions["lea"], jour, au_nom_de_la_mairie=True)) == ["reservee"]
    assert verdicts(demander(monde.inscriptions["zoe"], jour, au_nom_de_la_mairie=True)) == ["refus"]


def test_window_opens_later_outside_the_town(monde):
    ouverture, hors_commune = paris(2026, 11, 20, 7), paris(2026, 11, 27, 7)
    automatique(monde.cantine, ouverture=ouverture, ouverture_hors_commune=hors_commune)
    monde.claire.residences.create(residente=False, du=date(2020, 1, 1))
    assert verdicts(demander(monde.inscriptions["lea"], LUNDI)) == ["reservee"]
    (refusee,) = demander(monde.inscriptions["zoe"], LUNDI)
    assert (
        refusee.phrase
        == f"Les réservations ouvrent le vendredi{INSECABLE}27{INSECABLE}novembre, 7{INSECABLE}h."
    )
    automatique(monde.cantine, fermeture=paris(2026, 11, 23, 9))
    assert demander(monde.inscriptions["tom"], LUNDI)[0].phrase.startswith("Les réservations sont closes")


def test_closed_days_are_refused_with_their_reason(monde):
    JourFerie.objects.create(jour=LUNDI, nom="Fête du village")
    Fermeture.objects.create(prestation=monde.cantine, du=JEUDI, au=JEUDI, motif="Travaux")
    samedi = date(2026, 11, 28)
    phrases = [i.phrase for i in demander(monde.inscriptions["lea"], JEUDI, samedi, LUNDI)]
    assert phrases == [
        f"Fermé{INSECABLE}: Travaux.",
        "Ce service n’ouvre pas ce jour-là.",
        f"Fermé{INSECABLE}: Fête du village.",
    ]


def test_who_may_come(monde):
    automatique(monde.cantine, age_min=6)
    assert demander(monde.inscriptions["tom"], LUNDI)[0].phrase == "Tom n’aura pas encore 6 ans ce jour-là."
    Rattachement.objects.filter(enfant=monde.lea, famille=monde.jean).update(au=JEUDI)
    jeudi, lundi = demander(monde.inscriptions["lea"], JEUDI, LUNDI)
    assert (jeudi.verdict, lundi.verdict) == ("reservee", "refus")
    monde.inscriptions["zoe"].au = JEUDI
    monde.inscriptions["zoe"].save()
    assert demander(monde.inscriptions["zoe"], LUNDI)[0].phrase.startswith("L’inscription à ce service")


def test_exclusive_services_across_households_name_the_other(monde):
    temps_libre = factories.prestation("Temps libre", validation="automatique")
    devoirs = factories.prestation("Aide aux devoirs", validation="automatique")
    groupe = GroupeExclusif.objects.create(nom="Soir")
    groupe.prestations.add(temps_libre, devoirs)
    chez_jean = factories.inscription(monde.lea, temps_libre, monde.jean)
    chez_jeanne = factories.inscription(monde.lea, devoirs, monde.jeanne)
    aussi_jean = factories.inscription(monde.lea, devoirs, monde.jean)
    assert verdicts(demander(chez_jean, LUNDI)) == ["reservee"]
    nom = f"«{INSECABLE}Temps libre{INSECABLE}»"
    assert demander(aussi_jean, LUNDI)[0].phrase == (
        f"Un seul choix par jour{INSECABLE}: vous avez déjà {nom}."
    )
    assert demander(chez_jeanne, LUNDI)[0].phrase == f"Un seul choix par jour{INSECABLE}: Léa a déjà {nom}."


def test_two_exclusive_asks_of_one_batch_book_one(monde):
    autre = factories.prestation("Aide aux devoirs")
    GroupeExclusif.objects.create(nom="Midi").prestations.add(monde.cantine, autre)
    inscription = factories.inscription(monde.lea, autre, monde.jean)
    souhaits = [places.Souhait(monde.inscriptions["lea"], LUNDI), places.Souhait(inscription, LUNDI)]
    assert verdicts(places.reserver(souhaits, None, MAINTENANT)) == ["demandee", "refus"]


def test_asking_twice_is_once(monde):
    demander(monde.inscriptions["lea"], LUNDI)
    double = demander(monde.inscriptions["lea"], LUNDI, LUNDI)
    assert [i.phrase for i in double] == ["Ce jour est déjà demandé ou réservé."] * 2
    chez_jeanne = factories.inscription(monde.lea, monde.cantine, monde.jeanne)
    assert demander(chez_jeanne, LUNDI)[0].phrase == "Ce jour est déjà demandé ou réservé par l’autre foyer."


# ── Capacity and waiting list ────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def une_place(monde):
    automatique(monde.cantine)
    jauge = Jauge.objects.create(structure=monde.cantine.structure, libelle="Cantine", capacite=1)
    jauge.prestations.add(monde.cantine)
    return monde


def test_full_waits_in_order_then_the_first_who_may_is_promoted(une_place):
    m = une_place
    (prise,) = demander(m.inscriptions["lea"], LUNDI)
    (premier,) = demander(m.inscriptions["tom"], LUNDI, maintenant=MAINTENANT + timedelta(minutes=1))
    (second,) = demander(m.inscriptions["zoe"], LUNDI, maintenant=MAINTENANT + timedelta(minutes=2))
    assert [(i.verdict, i.rang) for i in (prise, premier, second)] == [
        ("reservee", None),
        ("en_attente", 1),
        ("en_attente", 2),
    ]
    # Tom's enrolment ends meanwhile: he is skipped, Zoé gets the place and her family is told.
    m.inscriptions["tom"].au = JEUDI
    m.inscriptions["tom"].save()
    (issue,) = places.declarer_absences([prise.reservation], None, MAINTENANT, "Malade", medicale=False)
    assert issue.verdict == "excusee"
    etats = {r.enfant.prenom: r.etat for r in Reservation.objects.select_related("enfant")}
    assert etats == {"Léa": "absent_excuse", "Tom": "en_attente", "Zoé": "reservee"}
    assert pris(m.cantine, LUNDI) == 1
    courriel = Courriel.objects.get()
    assert courriel.destinataire == "claire.martin@exemple.fr"
    assert courriel.objet == f"Une place est disponible pour Zoé, lundi 30{INSECABLE}novembre"
    assert "La place est réservée." in courriel.texte
    assert courriel.texte.count("/demandes/enfants/") == 1


def test_nobody_is_promoted_past_the_limit(une_place):
    m = une_place
    (prise,) = demander(m.inscriptions["lea"], LUNDI)
    demander(m.inscriptions["zoe"], LUNDI)
    tard = paris(2026, 11, 27, 8)
    places.changer(prise.reservation, Etat.ANNULEE, None, tard)
    assert Reservation.objects.get(enfant=m.zoe).etat == "en_attente"
    assert pris(m.cantine, LUNDI) == 0


def test_a_promoted_place_is_declined_for_free_within_a_day(une_place):
    m = une_place
    (prise,) = demander(m.inscriptions["lea"], LUNDI)
    (attente,) = demander(m.inscriptions["zoe"], LUNDI)
    juste_avant = paris(2026, 11, 26, 11, 59)
    places.changer(prise.reservation, Etat.ANNULEE, None, juste_avant)
    promue = Reservation.objects.get(pk=attente.reservation.pk)
    assert promue.etat == "reservee"
    (issue,) = places.examiner_absences([promue], juste_avant + timedelta(hours=23))
    assert (issue.verdict, issue.hors_delai) == ("excusee", False)
    (issue,) = places.examiner_absences([promue], juste_avant + timedelta(hours=25))
    assert (issue.verdict, issue.hors_delai) == ("facturee", True)


def test_without_waiting_list_full_is_refused(une_place):
    m = une_place
    automatique(m.cantine, liste_attente=False)
    demander(m.inscriptions["lea"], LUNDI)
    (issue,) = demander(m.inscriptions["zoe"], LUNDI)
    assert (issue.verdict, issue.phrase) == ("refus", "C’est complet.")


def test_a_journee_takes_a_morning_and_an_afternoon(monde):
    lieu = monde.cantine.structure
    noms = ("Matin", "Après-midi", "Journée")
    services = {nom: factories.prestation(nom, validation="automatique") for nom in noms}
    for nom in ("Matin", "Après-midi"):
        jauge = Jauge.objects.create(structure=lieu, libelle=nom, capacite=1)
        jauge.prestations.add(services[nom], services["Journée"])
    matin = factories.inscription(monde.tom, services["Matin"], monde.jean)
    journee = factories.inscription(monde.zoe, services["Journée"], monde.claire)
    apres_midi = factories.inscription(monde.lea, services["Après-midi"], monde.jean)
    (prise,) = demander(matin, LUNDI)
    assert verdicts(demander(journee, LUNDI)) == ["en_attente"]
    assert verdicts(demander(apres_midi, LUNDI)) == ["reservee"]
    # The morning alone is not enough for the « journée ».
    places.changer(prise.reservation, Etat.ANNULEE, None, MAINTENANT)
    assert Reservation.objects.get(enfant=monde.zoe).etat == "en_attente"
    places.changer(Reservation.objects.get(enfant=monde.lea), Etat.ANNULEE, None, MAINTENANT)
    assert Reservation.objects.get(enfant=monde.zoe).etat == "reservee"


def test_ages_are_apart(monde):
    automatique(monde.cantine)
    for libelle, champs in (("-6", {"age_max": 5}), ("+6", {"age_min": 6})):
        jauge = Jauge.objects.create(structure=monde.cantine.structure, libelle=libelle, capacite=1, **champs)
        jauge.prestations.add(monde.cantine)
    issues = [demander(monde.inscriptions[qui], LUNDI)[0].verdict for qui in ("lea", "tom", "zoe")]
    assert issues == ["reservee", "reservee", "en_attente"]


# ── Decisions ────────────────────────────────────────────────────────────────────────────────────────────────


def test_deciding_twice_is_once(monde):
    ids = [i.reservation.pk for i in demander(monde.inscriptions["lea"], JEUDI, LUNDI)]
    for _ in range(2):
        assert [r.etat for r in places.decider(ids, True, monde.agent, MAINTENANT)] == ["reservee"] * 2
    ligne = Reservation.objects.get(pk=ids[0])
    assert (ligne.version, ligne.evenements.count()) == (2, 2)
    assert places.decider(ids, False, monde.agent, MAINTENANT, "Trop tard") == []


def test_refusing_needs_a_motif_and_frees_the_place(une_place):
    m = une_place
    automatique(m.cantine, validation="mairie")
    (issue,) = demander(m.inscriptions["lea"], LUNDI)
    with pytest.raises(places.TransitionInterdite, match="motif"):
        places.decider([issue.reservation.pk], False, m.agent, MAINTENANT)
    assert pris(m.cantine, LUNDI) == 1
    (refusee,) = places.decider([issue.reservation.pk], False, m.agent, MAINTENANT, "Dossier incomplet")
    assert (refusee.etat, refusee.motif, pris(m.cantine, LUNDI)) == ("refusee", "Dossier incomplet", 0)


def test_accepting_a_waiting_ask_needs_a_place(une_place):
    m = une_place
    demander(m.inscriptions["lea"], LUNDI)
    (attente,) = demander(m.inscriptions["zoe"], LUNDI)
    with pytest.raises(places.TransitionInterdite, match="complet"):
        places.decider([attente.reservation.pk], True, m.agent, MAINTENANT)
    assert Reservation.objects.get(pk=attente.reservation.pk).version == 1


@pytest.mark.parametrize(
    ("medicale", "regle", "verdict", "etat"),
    [
        (False, "facturee", "facturee", "absent_facture"),
        (False, "mairie", "demandee", "absence_demandee"),
        (True, "facturee", "demandee", "absence_demandee"),
    ],
)
def test_late_absence(monde, medicale, regle, verdict, etat):
    automatique(monde.cantine, absence_hors_delai=regle)
    (ligne,) = reserver(monde.inscriptions["lea"], date(2026, 11, 24))
    (issue,) = places.declarer_absences([ligne], None, MAINTENANT, "Grippe", medicale)
    assert (issue.verdict, issue.hors_delai) == (verdict, True)
    relue = Reservation.objects.get(pk=ligne.pk)
    assert (relue.etat, relue.motif, relue.absence_medicale) == (etat, "Grippe", medicale)


def test_an_attestation_excuses_or_not(monde):
    automatique(monde.cantine)
    (ligne,) = reserver(monde.inscriptions["lea"], date(2026, 11, 24))
    places.declarer_absences([ligne], None, MAINTENANT, "Grippe", medicale=True)
    (billed,) = places.trancher_absences([ligne.pk], False, monde.agent, MAINTENANT)
    assert billed.etat == "absent_facture"
    (excused,) = places.trancher_absences([ligne.pk], True, monde.agent, MAINTENANT)
    assert excused.etat == "absent_excuse"


def test_absence_from_an_old_page_changes_nothing(monde):
    (ligne,) = reserver(monde.inscriptions["lea"], LUNDI)
    vue = Reservation.objects.get(pk=ligne.pk)
    places.changer(ligne, Etat.CONGE, None, MAINTENANT)
    places.changer(ligne, Etat.RESERVEE, None, MAINTENANT)
    (issue,) = places.declarer_absences([vue], None, MAINTENANT, "Voyage", medicale=False)
    assert (issue.verdict, issue.phrase[:17]) == ("refus", "Ce jour a changé ")
    assert Reservation.objects.get(pk=ligne.pk).etat == "reservee"


def test_withdrawing(monde):
    (demande,) = demander(monde.inscriptions["lea"], LUNDI)
    (absence,) = reserver(monde.inscriptions["tom"], LUNDI, etat=Etat.ABSENCE_DEMANDEE)
    rendues = places.retirer([demande.reservation.pk, absence.pk], None, MAINTENANT)
    assert {r.enfant.prenom: r.etat for r in rendues} == {"Léa": "annulee", "Tom": "reservee"}
    # A refused or withdrawn day may be asked again: a new row, the old one stays.
    assert verdicts(demander(monde.inscriptions["lea"], LUNDI)) == ["demandee"]
    assert Reservation.objects.filter(enfant=monde.lea).count() == 2


def test_a_booking_cannot_come_back_over_a_newer_one(monde):
    (ancienne,) = reserver(monde.inscriptions["lea"], LUNDI, etat=Etat.ABSENT_EXCUSE)
    demander(monde.inscriptions["lea"], LUNDI)
    with pytest.raises(places.TransitionInterdite, match="déjà demandé"):
        places.changer(ancienne, Etat.RESERVEE, None, MAINTENANT)


@pytest.mark.parametrize("vers", Etat.values)
@pytest.mark.parametrize("de", Etat.values)
def test_transitions_exhaustively(une_place, de, vers):
    """Every pair of states: allowed ones go, count places and version; the others are refused and change nothing."""
    m = une_place
    (ligne,) = reserver(m.inscriptions["lea"], LUNDI)
    if de != Etat.RESERVEE:
        depart = ligne.evenements.count()
        assert depart == 1
        Reservation.objects.filter(pk=ligne.pk).update(etat=de, motif="Essai")
        jauge = Jauge.objects.get()
        jauge.creneaux.update(pris=int(de in OCCUPANTS))
    if vers in regles.TRANSITIONS[de]:
        apres = places.changer(ligne, vers, m.agent, MAINTENANT, "Essai")
        assert (apres.etat, apres.version) == (vers, 2)
        evenement = apres.evenements.last()
        assert (evenement.de, evenement.vers, evenement.par) == (de, vers, m.agent)
        assert pris(m.cantine, LUNDI) == int(vers in OCCUPANTS)
    else:
        with pytest.raises(places.TransitionInterdite, match="ne peut pas devenir"):
            places.changer(ligne, vers, m.agent, MAINTENANT, "Essai")
        relue = Reservation.objects.get(pk=ligne.pk)
        assert (relue.etat, relue.version, pris(m.cantine, LUNDI)) == (de, 1, int(de in OCCUPANTS))


def test_queries_do_not_grow_with_the_days(monde):
    """One day or seven: the same number (PostgreSQL adds one SET LOCAL a lock, and the calendar's own lock)."""
    jauge = Jauge.objects.create(structure=monde.cantine.structure, libelle="Cantine", capacite=30)
    jauge.prestations.add(monde.cantine)
    Collectivite.actuelle()  # cached: read at most once a minute
    comptes = []
    for jours in ([LUNDI], [date(2026, 12, n) for n in (1, 3, 4, 7, 8, 10, 11)]):
        souhaits = [places.Souhait(monde.inscriptions["lea"], jour) for jour in jours]
        with CaptureQueriesContext(connection) as examen:
            places.examiner(souhaits, MAINTENANT)
        with CaptureQueriesContext(connection) as reservation:
            places.reserver(souhaits, None, MAINTENANT)
        comptes.append((len(examen), len(reservation)))
    assert comptes[0] == comptes[1]
    assert comptes[0][0] == 5 and comptes[0][1] <= 21
