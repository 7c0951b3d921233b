"""The town hall's pages: all open, in French, limited to the agent's structures, and safe for places."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
import time_machine
from django.contrib import admin
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from enfants import places, semaine
from enfants.admin.reservation import CONFIRMEES_MAX
from enfants.models import (
    AffectationAgent,
    AnneeScolaire,
    Creneau,
    Enfant,
    Etat,
    Fermeture,
    FicheSanitaire,
    Inscription,
    Jauge,
    Limite,
    PeriodeVacances,
    Pointage,
    Prestation,
    Rattachement,
    Reservation,
    Structure,
)
from enfants.places_comptage import recompter
from portail.socle.argent import INSECABLE
from portail.socle.models import Courriel, Trace
from tests import factories
from tests.enfants.fabrique import JEUDI, LUNDI, MAINTENANT, automatique, demander, pris, reserver

N = "\N{NO-BREAK SPACE}"
pytestmark = pytest.mark.django_db
MODELES = [m for m in admin.site._registry if m._meta.app_label == "enfants"]


@pytest.fixture(autouse=True)
def horloge():
    with time_machine.travel(MAINTENANT, tick=False):
        yield


@pytest.fixture
def mairie(monde):
    return monde.client(monde.agent)


def adresse(modele, action: str, *args) -> str:
    return reverse(f"admin:enfants_{modele._meta.model_name}_{action}", args=args)


def valeurs(formulaire, **changements) -> dict:
    """What the browser would post of an admin form, inlines included."""
    donnees = {}
    for form in [
        formulaire["adminform"].form,
        *(f for fs in formulaire["inline_admin_formsets"] for f in fs.formset),
    ]:
        for champ in form:
            valeur = champ.value()
            if valeur is not None and valeur is not False:
                donnees[champ.html_name] = valeur
    for fs in formulaire["inline_admin_formsets"]:
        for champ in fs.formset.management_form:
            donnees[champ.html_name] = champ.value()
    return donnees | changements


@pytest.mark.parametrize("modele", MODELES, ids=lambda m: m.__name__)
def test_every_list_and_form_opens(monde, mairie, modele):
    reserver(monde.inscriptions["lea"], LUNDI)
    assert mairie.get(adresse(modele, "changelist")).status_code == 200
    assert mairie.get(adresse(modele, "changelist") + "?q=a").status_code in (200, 302)
    assert mairie.get(adresse(modele, "add")).status_code == 200
    objet = modele.objects.order_by("pk").first()
    if objet is not None:
        assert mairie.get(adresse(modele, "change", objet.pk)).status_code == 200


def test_a_weekday_mask_is_ticked_as_days(monde, mairie):
    page = mairie.get(adresse(Prestation, "change", monde.cantine.pk))
    html = page.content.decode()
    assert (
        "Mercredi" in html
        and "Ce qu’un parent verra" in html
        and "Lundi, mardi, mercredi, jeudi et vendredi" in html
    )
    reponse = mairie.post(
        adresse(Prestation, "change", monde.cantine.pk),
        valeurs(page.context, jours=["0", "3"], niveaux=["CP"], icone="couverts"),
    )
    assert reponse.status_code == 302
    monde.cantine.refresh_from_db()
    assert (monde.cantine.jours, monde.cantine.niveaux) == (semaine.masque([0, 3]), ["CP"])


def test_bad_service_is_told_in_french(monde, mairie):
    page = mairie.get(adresse(Prestation, "change", monde.cantine.pk))
    donnees = valeurs(
        page.context, icone="couverts", age_min=8, age_max=3, heure_debut="12:00", heure_fin="11:00"
    )
    donnees.pop("periode_scolaire")
    reponse = mairie.post(adresse(Prestation, "change", monde.cantine.pk), donnees)
    html = reponse.content.decode()
    for phrase in (
        "Choisissez au moins une période.",
        "L’âge maximum ne peut pas être inférieur",
        "L’heure de fin doit suivre l’heure de début.",
    ):
        assert phrase in html


def test_services_and_structures_are_archived_never_deleted(monde, mairie):
    for modele, pk in ((Prestation, monde.cantine.pk), (Structure, monde.cantine.structure_id)):
        assert mairie.post(adresse(modele, "delete", pk), {"post": "yes"}).status_code == 403
    mene = mairie.post(
        adresse(Prestation, "changelist"), {"action": "archiver", "_selected_action": [monde.cantine.pk]}
    )
    # The page that shows what still depends on it (tests/enfants/test_offre.py).
    assert mene.url == f"{reverse('prestations_archiver')}?prestations={monde.cantine.pk}"


def test_an_agent_sees_their_structures_only(monde):
    ailleurs = factories.structure("Crèche des Lilas", genre="creche")
    factories.prestation("Accueil du matin", structure=ailleurs)
    agent = factories.agent(
        "cantine",
        "enfants.view_prestation",
        "enfants.change_prestation",
        "enfants.view_enfant",
        "enfants.change_pointage",
    )
    AffectationAgent.objects.create(utilisateur=agent, structure=ailleurs)
    navigateur = monde.client(agent)
    html = navigateur.get(adresse(Prestation, "changelist")).content.decode()
    assert "Accueil du matin" in html and "Restauration scolaire" not in html
    etrangere = navigateur.get(adresse(Prestation, "change", monde.cantine.pk))
    assert etrangere.status_code == 302  # « n’existe pas »
    assert "Léa" not in navigateur.get(adresse(Enfant, "changelist")).content.decode()
    assert (
        navigateur.get(f"{reverse('pointage')}?prestation={monde.cantine.pk}").context["prestation"] is None
    )


def test_an_agent_books_in_their_structures_only(monde, django_assert_num_queries):
    """The form that adds a booking searches the inscriptions; another structure's is refused, and nothing is listed."""
    ailleurs = factories.structure("Crèche des Lilas", genre="creche")
    matin = automatique(factories.prestation("Accueil du matin", structure=ailleurs))
    automatique(monde.cantine)
    mienne = factories.inscription(monde.lea, matin, monde.jean)
    agent = factories.agent("lilas", "enfants.view_reservation", "enfants.add_reservation")
    AffectationAgent.objects.create(utilisateur=agent, structure=ailleurs)
    navigateur = monde.client(agent)
    ajouter = adresse(Reservation, "add")
    navigateur.get(ajouter)
    with django_assert_num_queries(10):
        page = navigateur.get(ajouter).content.decode()
    assert "Léa" not in page and "admin-autocomplete" in page
    refusee = navigateur.post(ajouter, {"inscription": monde.inscriptions["lea"].pk, "jour": LUNDI})
    assert refusee.status_code == 200 and not Reservation.objects.exists()
    faite = navigateur.post(ajouter, {"inscription": mienne.pk, "jour": LUNDI}, follow=True)
    assert Reservation.objects.get().prestation == matin
    assert f"C’est enregistré{INSECABLE}: réservation «{INSECABLE}" in faite.text
    assert "avec succès" not in faite.text


# ── Places ───────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def jauge(monde):
    automatique(monde.cantine)
    creee = Jauge.objects.create(structure=monde.cantine.structure, libelle="Cantine", capacite=2)
    creee.prestations.add(monde.cantine)
    return creee


def test_a_capacity_below_what_is_taken_is_an_error_with_the_figures(monde, mairie, jauge):
    for qui in ("lea", "tom"):
        demander(monde.inscriptions[qui], LUNDI)
    page = mairie.get(adresse(Jauge, "change", jauge.pk))
    reponse = mairie.post(adresse(Jauge, "change", jauge.pk), valeurs(page.context, capacite=1))
    assert "2 places sont déjà prises le 30/11/2026" in reponse.content.decode()
    creneau = Creneau.objects.get()
    page = mairie.get(adresse(Creneau, "change", creneau.pk))
    reponse = mairie.post(adresse(Creneau, "change", creneau.pk), valeurs(page.context, capacite=1))
    assert f"1 place ne suffit pas{INSECABLE}: 2 sont prises." in reponse.content.decode()
    # What goes beyond is said apart: nobody reads a number they did not type.
    Creneau.objects.update(surnombre=1, motif_surnombre="Fratrie", pris=3)
    page = mairie.get(adresse(Creneau, "change", creneau.pk))
    reponse = mairie.post(adresse(Creneau, "change", creneau.pk), valeurs(page.context, capacite=1))
    assert f"1 place et 1 en surnombre ne suffisent pas{INSECABLE}: 3 sont prises." in reponse.text
    Creneau.objects.update(surnombre=0, motif_surnombre="", pris=2)
    assert pris(monde.cantine, LUNDI) == 2


@pytest.mark.parametrize("nombre", [1, 3])
def test_the_lists_read_their_filters_once(monde, mairie, jauge, django_assert_num_queries, nombre):
    """A Jauge and a service are named after their structure: not a query for each choice."""
    for n in range(nombre):
        service = factories.prestation(f"Atelier {n}", places=5)
        factories.inscription(monde.tom, service, monde.jean)
    for modele, requetes in ((Creneau, 10), (Inscription, 9)):
        liste = adresse(modele, "changelist")
        mairie.get(liste)
        with django_assert_num_queries(requetes):
            page = mairie.get(liste).content.decode()
        assert f"Atelier {nombre - 1} (Garderie périscolaire)" in page


def test_an_agent_filters_by_their_own_jauges(monde, jauge):
    ailleurs = factories.structure("Crèche des Lilas", genre="creche")
    for libelle in ("Bébés", "Grands"):
        Jauge.objects.create(structure=ailleurs, libelle=libelle, capacite=3)
    agent = factories.agent("lilas", "enfants.view_creneau")
    AffectationAgent.objects.create(utilisateur=agent, structure=ailleurs)
    page = monde.client(agent).get(adresse(Creneau, "changelist")).content.decode()
    assert "Bébés" in page and "Grands" in page and "Cantine" not in page


def test_more_places_promote_those_who_wait(monde, mairie, jauge, django_capture_on_commit_callbacks):
    for qui in ("lea", "tom", "zoe"):
        demander(monde.inscriptions[qui], LUNDI)
    page = mairie.get(adresse(Jauge, "change", jauge.pk))
    with django_capture_on_commit_callbacks(execute=True):
        envoi = valeurs(page.context, capacite=3)
        assert mairie.post(adresse(Jauge, "change", jauge.pk), envoi).status_code == 302
    assert Reservation.objects.get(enfant=monde.zoe).etat == "reservee"
    assert (Creneau.objects.get().capacite, pris(monde.cantine, LUNDI)) == (3, 3)
    assert Courriel.objects.count() == 1


def test_a_place_over_needs_its_motif(monde, mairie, jauge, django_capture_on_commit_callbacks):
    for qui in ("lea", "tom", "zoe"):
        demander(monde.inscriptions[qui], LUNDI)
    creneau = Creneau.objects.get()
    page = mairie.get(adresse(Creneau, "change", creneau.pk))
    sans = mairie.post(adresse(Creneau, "change", creneau.pk), valeurs(page.context, surnombre=1))
    assert "Donnez le motif du surnombre." in sans.content.decode()
    with django_capture_on_commit_callbacks(execute=True):
        envoi = valeurs(page.context, surnombre=1, motif_surnombre="Fratrie")
        avec = mairie.post(adresse(Creneau, "change", creneau.pk), envoi)
    assert avec.status_code == 302
    assert Reservation.objects.get(enfant=monde.zoe).etat == "reservee"


def test_counters_follow_a_jauge_that_changes(monde, jauge):
    """A service joins a Jauge, or rows were inserted in bulk: nothing is lost, what exceeds is said."""
    autre = automatique(factories.prestation("Goûter"))
    for enfant, famille in ((monde.lea, monde.jean), (monde.tom, monde.jean), (monde.zoe, monde.claire)):
        reserver(factories.inscription(enfant, autre, famille), LUNDI)
    reserver(monde.inscriptions["lea"], JEUDI)
    jauge.prestations.add(autre)
    (depasse,) = recompter([jauge])
    assert (depasse.jour, depasse.pris, depasse.surnombre, bool(depasse.motif_surnombre)) == (
        LUNDI,
        3,
        1,
        True,
    )
    assert pris(monde.cantine, JEUDI) == 1
    assert recompter([jauge], date(2026, 11, 23)) == []


# ── Bookings ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_deciding_from_the_list(monde, mairie):
    accepte, refuse = (demander(monde.inscriptions[q], LUNDI)[0].reservation for q in ("lea", "tom"))
    liste = adresse(Reservation, "changelist")
    mairie.post(liste, {"action": "accepter", "_selected_action": [accepte.pk]})
    page = mairie.post(liste, {"action": "refuser", "_selected_action": [refuse.pk]})
    assert "Motif" in page.content.decode() and Reservation.objects.get(pk=refuse.pk).etat == "demandee"
    envoi = {"action": "refuser", "_selected_action": [refuse.pk], "confirmer": "Confirmer"}
    assert mairie.post(liste, envoi).status_code == 200  # no motif: asked again
    mairie.post(liste, envoi | {"motif": "Complet"})
    etats = dict(Reservation.objects.values_list("pk", "etat"))
    assert etats == {accepte.pk: "reservee", refuse.pk: "refusee"}
    evenement = Reservation.objects.get(pk=refuse.pk).evenements.last()
    assert (evenement.par, evenement.motif) == (monde.agent, "Complet")


def test_what_was_already_so_is_not_counted_as_done(monde, mairie):
    (reservee,) = reserver(monde.inscriptions["lea"], LUNDI, etat=Etat.RESERVEE)
    (annulee,) = reserver(monde.inscriptions["zoe"], LUNDI, etat=Etat.ANNULEE)
    attend = demander(monde.inscriptions["tom"], LUNDI)[0].reservation
    liste = adresse(Reservation, "changelist")

    def accepter(*choisies) -> str:
        envoi = {"action": "accepter", "_selected_action": [r.pk for r in choisies]}
        return mairie.post(liste, envoi, follow=True).content.decode()

    assert (
        f"Réservations traitées{N}: 1 sur 3. Déjà réservées{N}: 1. Les autres ne pouvaient pas l’être."
        in accepter(reservee, annulee, attend)
    )
    assert f"Réservations traitées{N}: 0 sur 2. Déjà réservées{N}: 2.</li>" in accepter(reservee, attend)


def dans_l_etat(inscription, etat: str) -> Reservation:
    if etat != Etat.REFUSEE:
        return reserver(inscription, LUNDI, etat=etat)[0]
    demandee = demander(inscription, LUNDI)[0].reservation
    return places.decider([demandee.pk], False, None, MAINTENANT, "Complet")[0]


@pytest.mark.parametrize(("action", "mot"), [("refuser", "refusée"), ("annuler", "annulée")])
def test_no_motif_is_asked_when_nothing_can_be_done(monde, mairie, action, mot):
    etats = {"refuser": (Etat.RESERVEE, Etat.REFUSEE), "annuler": (Etat.REFUSEE, Etat.ANNULEE)}[action]
    lignes = [
        dans_l_etat(monde.inscriptions[nom], etat) for nom, etat in zip(("lea", "tom"), etats, strict=True)
    ]
    envoi = {"action": action, "_selected_action": [r.pk for r in lignes]}
    page = mairie.post(adresse(Reservation, "changelist"), envoi, follow=True).content.decode()
    assert f"Aucune des réservations choisies ne peut être {mot}. Déjà {mot}s{N}: 1." in page
    assert 'name="motif"' not in page


def test_a_leave_is_for_the_booked_days_of_a_contract(monde, mairie):
    """Not the canteen's, nor a day when the child was there; and a leave is not cancelled."""
    contrat = monde.inscriptions["tom"]
    contrat.heures_semaine = Decimal("20")
    contrat.save()
    (cantine,) = reserver(monde.inscriptions["lea"], LUNDI, etat=Etat.RESERVEE)
    (conge,) = reserver(contrat, LUNDI, etat=Etat.RESERVEE)
    (present,) = reserver(contrat, JEUDI, etat=Etat.RESERVEE)
    Pointage.objects.create(enfant=present.enfant, prestation=present.prestation, jour=JEUDI, present=True)
    liste = adresse(Reservation, "changelist")
    choisies = {"_selected_action": [cantine.pk, conge.pk, present.pk], "confirmer": "1", "motif": "Fin"}
    page = mairie.post(liste, {"action": "mettre_en_conge", **choisies}, follow=True).content.decode()
    assert "1 sur 3. Les autres ne pouvaient pas l’être." in page
    for action in ("mettre_en_conge", "annuler"):
        mairie.post(liste, {"action": action, **choisies, "_selected_action": [conge.pk]})
        assert Reservation.objects.get(pk=conge.pk).etat == "conge"
    assert {r.etat for r in Reservation.objects.exclude(pk=conge.pk)} == {"reservee"}


def test_excusing_and_billing_from_the_list(monde, mairie):
    (ligne,) = reserver(monde.inscriptions["lea"], LUNDI, etat=Etat.ABSENCE_DEMANDEE)
    liste = adresse(Reservation, "changelist")
    for action, etat in (("facturer", "absent_facture"), ("excuser", "absent_excuse")):
        mairie.post(liste, {"action": action, "_selected_action": [ligne.pk]})
        assert Reservation.objects.get(pk=ligne.pk).etat == etat


def test_the_town_books_for_a_family(monde, mairie, jauge):
    ajouter = adresse(Reservation, "add")
    envoi = {"inscription": monde.inscriptions["lea"].pk, "jour": "2026-11-24"}
    assert mairie.post(ajouter, envoi).status_code == 302
    ligne = Reservation.objects.get()
    assert (ligne.etat, ligne.payeur, ligne.evenements.get().par) == ("reservee", monde.jean, monde.agent)
    assert pris(monde.cantine, ligne.jour) == 1
    assert "déjà demandé ou réservé" in mairie.post(ajouter, envoi).content.decode()
    assert mairie.post(ajouter, {"inscription": "", "jour": "hier"}).status_code == 200
    assert mairie.post(adresse(Reservation, "change", ligne.pk), {"etat": "annulee"}).status_code == 403


def test_a_closure_counts_then_cancels_and_tells(monde, mairie, jauge):
    demander(monde.inscriptions["lea"], LUNDI)
    reserver(monde.inscriptions["zoe"], LUNDI, etat=Etat.ABSENCE_DEMANDEE)
    envoi = {
        "structure": monde.cantine.structure_id,
        "du": "2026-11-30",
        "au": "2026-12-01",
        "motif": "Grève",
    }
    montre = mairie.post(adresse(Fermeture, "add"), envoi)
    assert "Réservations annulées\N{NO-BREAK SPACE}: 2 (enfants" in montre.content.decode()
    assert not Fermeture.objects.exists()
    effets = montre.context["adminform"].form.a_confirmer
    # One button: nothing else saves what is not confirmed.
    assert (
        montre.text.count("Rien n’est encore enregistré. Vérifiez") == 2
    )  # hidden by the style sheet, the second one
    assert 'name="_save"' not in montre.text and 'name="confirmer"' in montre.text
    confirme = envoi | {"confirmer": effets.empreinte}
    assert mairie.post(adresse(Fermeture, "add"), confirme).status_code == 302
    assert set(Reservation.objects.values_list("etat", flat=True)) == {"annulee"}
    assert pris(monde.cantine, LUNDI) == 0
    assert sorted(Courriel.objects.values_list("destinataire", flat=True)) == [
        "claire.martin@exemple.fr",
        "jean.dupont@exemple.fr",
    ]
    vide = mairie.post(adresse(Fermeture, "add"), envoi | {"prestation": monde.cantine.pk})
    assert "pas les deux" in vide.content.decode()


def test_ending_an_attachment_cancels_that_household_s_bookings(monde, mairie):
    reserver(factories.inscription(monde.lea, monde.cantine, monde.jeanne), JEUDI, LUNDI)
    reserver(monde.inscriptions["lea"], date(2026, 12, 1))
    page = mairie.get(adresse(Enfant, "change", monde.lea.pk))
    donnees = valeurs(page.context)
    rang = next(n for n in range(2) if str(donnees[f"rattachements-{n}-famille"]) == str(monde.jeanne.pk))
    reponse = mairie.post(
        adresse(Enfant, "change", monde.lea.pk),
        donnees | {f"rattachements-{rang}-au": "26/11/2026"},
        follow=True,
    )
    assert "Restauration scolaire le 30/11/2026" in reponse.content.decode()
    etats = {r.jour.day: r.etat for r in Reservation.objects.filter(enfant=monde.lea)}
    assert etats == {26: "reservee", 30: "annulee", 1: "reservee"}
    assert Rattachement.objects.get(enfant=monde.lea, famille=monde.jeanne).au == JEUDI


def test_reading_a_health_sheet_is_traced_and_needs_its_permission(monde, mairie):
    FicheSanitaire.objects.create(enfant=monde.lea, allergies="Arachide")
    assert "Arachide" in mairie.get(adresse(Enfant, "change", monde.lea.pk)).content.decode()
    assert Trace.objects.filter(action="consultation", qui="agent").count() == 1
    sans = monde.client(factories.agent("accueil", "enfants.view_enfant"))
    assert "Arachide" not in sans.get(adresse(Enfant, "change", monde.lea.pk)).content.decode()
    assert sans.get(adresse(Enfant, "change", "abc")).status_code == 302


def test_a_typical_week_fills_the_school_year(monde, mairie):
    AnneeScolaire.objects.create(debut=date(2026, 9, 1), fin=date(2027, 8, 31))
    PeriodeVacances.objects.create(
        zone="B", nom="Longues", nature="grandes", du=date(2026, 12, 12), au=date(2027, 8, 31)
    )
    inscription = monde.inscriptions["lea"]
    Inscription.objects.filter(pk=inscription.pk).update(mode="regulier", semaine_type=semaine.masque([0]))
    for reservees in (3, 3):  # twice is once
        mairie.post(
            adresse(Inscription, "changelist"), {"action": "remplir", "_selected_action": [inscription.pk]}
        )
        lignes = Reservation.objects.filter(reguliere=True)
        assert lignes.count() == reservees
    assert [r.jour.day for r in lignes.order_by("jour")] == [23, 30, 7]


def test_an_inscription_for_a_stranger_or_twice_is_refused(monde, mairie):
    page = mairie.get(adresse(Inscription, "add"))
    envoi = valeurs(page.context, enfant=monde.lea.pk, prestation=monde.cantine.pk, du="01/09/2026")
    reponse = mairie.post(
        adresse(Inscription, "add"), envoi | {"famille": monde.claire.pk, "mode": "regulier"}
    )
    html = reponse.content.decode()
    assert "pas rattaché à cette famille" in html and "a une semaine type" in html
    reponse = mairie.post(adresse(Inscription, "add"), envoi | {"famille": monde.jean.pk})
    assert "recouvre une autre inscription" in reponse.content.decode()


def test_an_edited_holiday_is_marked(monde, mairie):
    ligne = PeriodeVacances.objects.create(
        zone="B",
        nom="Noël",
        nature="petites",
        du=date(2026, 12, 19),
        au=date(2027, 1, 3),
        cle="2026-2027 Noël",
    )
    page = mairie.get(adresse(PeriodeVacances, "change", ligne.pk))
    mairie.post(adresse(PeriodeVacances, "change", ligne.pk), valeurs(page.context, au="04/01/2027"))
    ligne.refresh_from_db()
    assert (ligne.modifiee, ligne.au) == (True, date(2027, 1, 4))


def test_a_limit_shows_its_sentence(monde, mairie):
    html = mairie.get(adresse(Limite, "changelist")).content.decode()
    assert "Réservation possible jusqu’à 2 jours ouvrés avant" in html


# ── The sheet of the day ─────────────────────────────────────────────────────────────────────────────────────


def taper(navigateur, prestation, geste: str, enfant, jour: str = "2026-11-23"):
    return navigateur.post(
        f"{reverse('pointage')}?jour={jour}&prestation={prestation.pk}", {geste: enfant.pk}
    )


def test_one_tap_a_child(monde, mairie):
    (ligne,) = reserver(monde.inscriptions["lea"], date(2026, 11, 23))
    page = mairie.get(reverse("pointage"))
    assert "1 attendu" in page.context["bilan"] and "DUPONT Léa" in page.content.decode()
    reponse = taper(mairie, monde.cantine, "present", monde.lea)
    assert (reponse.status_code, reponse.url.split("#")[1]) == (302, f"e-{monde.lea.pk}")
    pointage = Pointage.objects.get()
    assert (pointage.present, pointage.agent) == (True, monde.agent)
    taper(mairie, monde.cantine, "absent", monde.lea)
    assert Pointage.objects.get().present is False
    assert Reservation.objects.get(pk=ligne.pk).etat == "absent_facture"
    # A tap by mistake is undone.
    taper(mairie, monde.cantine, "effacer", monde.lea)
    assert not Pointage.objects.exists()
    assert Reservation.objects.get(pk=ligne.pk).etat == "reservee"


def test_an_excused_absence_stays_whatever_is_tapped(monde, mairie):
    (ligne,) = reserver(monde.inscriptions["lea"], date(2026, 11, 23), etat=Etat.ABSENT_EXCUSE)
    for geste in ("present", "absent", "effacer"):
        taper(mairie, monde.cantine, geste, monde.lea)
        assert Reservation.objects.get(pk=ligne.pk).etat == "absent_excuse"


def test_a_child_who_came_contradicts_a_declared_absence(monde, mairie):
    (ligne,) = reserver(monde.inscriptions["lea"], date(2026, 11, 23), etat=Etat.ABSENCE_DEMANDEE)
    taper(mairie, monde.cantine, "present", monde.lea)
    assert Reservation.objects.get(pk=ligne.pk).etat == "reservee"


def test_an_unexpected_child_is_found_and_added(monde, mairie):
    page = mairie.get(f"{reverse('pointage')}?prestation={monde.cantine.pk}&nom=zoé mart")
    assert [e.prenom for e in page.context["trouves"]] == ["Zoé"]
    taper(mairie, monde.cantine, "present", monde.zoe)
    assert Pointage.objects.get().enfant == monde.zoe
    assert "non réservé" in mairie.get(reverse("pointage")).content.decode()


def test_who_may_tap(monde):
    assert monde.client(monde.jean).get(reverse("pointage")).status_code == 302
    sans = monde.client(factories.agent("accueil", "enfants.view_enfant"))
    assert sans.get(reverse("pointage")).status_code == 403


@pytest.mark.parametrize(
    "suite",
    [
        "?jour=2026-02-31",
        "?jour=9999-12-31",
        "?jour=0001-01-01",
        "?prestation=abc",
        "?prestation=999999999999999999999",
        "?nom=" + "z" * 99,
    ],
)
def test_bad_sheet_parameters_are_told(monde, mairie, suite):
    assert mairie.get(reverse("pointage") + suite).status_code == 200
    assert mairie.post(reverse("pointage") + suite, {"present": "abc"}).status_code == 302


def test_bad_taps_change_nothing(monde, mairie):
    base = f"{reverse('pointage')}?jour=2026-11-23&prestation={monde.cantine.pk}"
    assert mairie.post(base, {"present": "abc"}).status_code == 302
    assert mairie.post(base, {}).status_code == 302
    assert mairie.post(base, {"present": "00000000-0000-4000-8000-000000000000"}).status_code == 404
    assert not Pointage.objects.exists()


def test_queries_of_the_sheet(monde, mairie):
    """The same with one child and with three."""
    adresse_du_jour = f"{reverse('pointage')}?jour=2026-11-23&prestation={monde.cantine.pk}"
    comptes = []
    for attendus in (("lea",), ("tom", "zoe")):
        for qui in attendus:
            reserver(monde.inscriptions[qui], date(2026, 11, 23))
        mairie.get(adresse_du_jour)
        with CaptureQueriesContext(connection) as requetes:
            mairie.get(adresse_du_jour)
        comptes.append(len(requetes))
    assert comptes[0] == comptes[1] <= 10


def test_two_attachments_of_one_household_may_not_overlap(monde, mairie):
    lien = monde.lea.rattachements.get(famille=monde.jean)
    page = adresse(Enfant, "change", monde.lea.pk)
    formulaire = mairie.get(page).context
    neuf = {
        "rattachements-TOTAL_FORMS": "3",
        "rattachements-2-enfant": monde.lea.pk,
        "rattachements-2-famille": monde.jean.pk,
        "rattachements-2-garde": "complete",
    }
    rang = next(
        n for n, r in enumerate(monde.lea.rattachements.order_by("enfant", "du", "pk")) if r.pk == lien.pk
    )
    fini = {f"rattachements-{rang}-au": "2026-11-23"}
    refus = mairie.post(page, valeurs(formulaire, **neuf, **fini, **{"rattachements-2-du": "2026-11-23"}))
    assert refus.status_code == 200
    assert "se chevauchent" in refus.text
    assert monde.lea.rattachements.count() == 2
    suite = mairie.post(page, valeurs(formulaire, **neuf, **fini, **{"rattachements-2-du": "2026-11-24"}))
    assert suite.status_code == 302
    assert monde.lea.rattachements.filter(famille=monde.jean).count() == 2


def test_a_limit_counts_no_more_days_than_the_calendar_reaches(mairie):
    champs = {"nom": "Loin", "genre": "jours_avant", "nombre": "61", "compte": "ecole", "heure": "12:00"}
    page = mairie.post(adresse(Limite, "add"), champs)
    assert page.context["adminform"].form.errors.keys() == {"nombre"}


def test_only_who_may_go_beyond_the_places(monde, jauge):
    automatique(monde.cantine)
    demander(monde.inscriptions["lea"], LUNDI)
    creneau = Creneau.objects.get()
    sans = factories.agent("places", "enfants.change_creneau", "enfants.view_creneau")
    page = monde.client(sans).get(adresse(Creneau, "change", creneau.pk))
    assert set(page.context["adminform"].form.fields) == {"capacite"}
    envoi = {"capacite": 3, "surnombre": 9, "motif_surnombre": "Forcé"}
    assert monde.client(sans).post(adresse(Creneau, "change", creneau.pk), envoi).status_code == 302
    creneau.refresh_from_db()
    assert (creneau.capacite, creneau.surnombre) == (3, 0)
    refus = monde.client(sans).post(adresse(Creneau, "change", creneau.pk), {"capacite": 0})
    assert f"0 place ne suffit pas{INSECABLE}: 1 est prise." in refus.content.decode()


@pytest.mark.parametrize(
    ("demande", "jours"),
    [
        ("", [LUNDI]),
        ("?periode=passes", [JEUDI]),
        ("?periode=tous", [JEUDI, LUNDI]),
        ("?jour__year=2026&jour__month=11", [JEUDI, LUNDI]),
    ],
)
def test_the_list_starts_today(monde, demande, jours):
    reserver(monde.inscriptions["lea"], JEUDI, LUNDI)
    with time_machine.travel(MAINTENANT + timedelta(days=4), tick=False):
        page = monde.client(monde.agent).get(adresse(Reservation, "changelist") + demande)
    assert [ligne.jour for ligne in page.context["cl"].result_list] == jours


def choix(mairie, modele: str, champ: str, terme: str) -> list[str]:
    demande = {"app_label": "enfants", "model_name": modele, "field_name": champ, "term": terme}
    return [ligne["text"] for ligne in mairie.get(reverse("admin:autocomplete"), demande).json()["results"]]


def test_a_choice_tells_homonyms_apart(monde, mairie):
    """The payer is chosen among people of the same name."""
    familles = [
        f"{' et '.join(str(r) for r in f.responsables.all())}, n°\N{NO-BREAK SPACE}{f.numero}"
        for f in (monde.jean, monde.jeanne)
    ]
    assert choix(mairie, "inscription", "famille", "dupont") == familles
    zoe = Enfant.objects.get(prenom="Zoé")
    assert choix(mairie, "inscription", "enfant", "zoé") == [f"Zoé MARTIN, née le {zoe.naissance:%d/%m/%Y}"]
    (ligne,) = choix(mairie, "reservation", "inscription", "zoé")
    assert ligne.startswith("Zoé MARTIN, Restauration scolaire, payé par MARTIN Claire, ")
    page = mairie.get(adresse(Inscription, "add"), {"famille": monde.claire.pk}).content.decode()
    assert f"MARTIN Claire, n°\N{NO-BREAK SPACE}{monde.claire.numero}" in page


def test_hours_and_days_are_written_as_people_do(monde, mairie):
    page = mairie.get(adresse(Prestation, "change", monde.inscriptions["lea"].prestation_id))
    heure = page.context["adminform"].form["heure_debut"]
    assert f'value="{heure.value():%H:%M}"' in str(heure)
    (r,) = reserver(monde.inscriptions["lea"], LUNDI)
    assert str(r).endswith(", 30/11/2026")


def test_more_bookings_than_a_page_can_name_are_refused_with_a_sentence(monde, mairie, monkeypatch):
    """« Tout sélectionner », then three thousand hidden fields: Django would answer 400."""
    monkeypatch.setattr("enfants.admin.reservation.CONFIRMEES_MAX", 1)
    lignes = [reserver(monde.inscriptions[nom], LUNDI)[0] for nom in ("lea", "tom")]
    envoi = {"action": "annuler", "_selected_action": [lignes[0].pk], "select_across": "1"}
    page = mairie.post(adresse(Reservation, "changelist"), envoi, follow=True).content.decode()
    assert f"2 réservations sont choisies{N}: pas plus de 1 à la fois." in page
    page = mairie.post(adresse(Reservation, "changelist"), envoi | {"select_across": "0"}, follow=True)
    assert 'name="motif"' in page.content.decode()


def test_a_page_of_confirmation_stays_under_the_limit_of_fields(settings):
    assert settings.DATA_UPLOAD_MAX_NUMBER_FIELDS > CONFIRMEES_MAX + 10


def test_too_many_fields_are_answered_in_french(monde, mairie, settings):
    trop = [str(n) for n in range(settings.DATA_UPLOAD_MAX_NUMBER_FIELDS)]
    reponse = mairie.post(
        adresse(Reservation, "changelist"),
        "&".join(["action=accepter", *(f"_selected_action={n}" for n in trop)]),
        content_type="application/x-www-form-urlencoded",
    )
    assert reponse.status_code == 400
    assert "Nous n’avons pas compris cette demande" in reponse.content.decode()
