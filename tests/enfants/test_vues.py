"""The pages of the children: owner, other parent, stranger; addresses that make no sense; counts of queries."""

from datetime import date, time, timedelta
from uuid import uuid4

import pytest
import time_machine
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from enfants import places
from enfants.models import (
    AnneeScolaire,
    Autorisations,
    Enfant,
    Etat,
    FicheSanitaire,
    PersonneAutorisee,
    Rattachement,
    Scolarite,
)
from familles.models import Responsable
from portail.socle.models import Trace
from tests import factories
from tests.enfants.fabrique import JEUDI, LUNDI, MAINTENANT, demander, reserver

pytestmark = pytest.mark.django_db
MOIS = "2026-11"


@pytest.fixture(autouse=True)
def horloge():
    with time_machine.travel(MAINTENANT, tick=False):
        yield


def page(client, nom: str, **kwargs):
    suite = kwargs.pop("suite", "")
    return client.get(reverse(nom, kwargs=kwargs) + suite)


def texte(reponse) -> str:
    assert reponse.status_code == 200
    return reponse.content.decode()


# ── Three people ─────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("nom", ["enfant", "planning_enfant"])
def test_owner_other_parent_stranger(monde, nom):
    options = {"pk": monde.lea.pk} | ({"mois": MOIS} if nom == "planning_enfant" else {})
    assert page(monde.client(monde.jean), nom, **options).status_code == 200
    assert page(monde.client(monde.jeanne), nom, **options).status_code == 200
    etrangere = page(monde.client(monde.claire), nom, **options)
    inconnu = page(monde.client(monde.claire), nom, **(options | {"pk": uuid4()}))
    assert (etrangere.status_code, inconnu.status_code) == (404, 404)
    # Tom is only in Jean's household.
    assert page(monde.client(monde.jeanne), nom, **(options | {"pk": monde.tom.pk})).status_code == 404
    anonyme = page(Client(), nom, **options)
    assert (anonyme.status_code, anonyme.url.split("?")[0]) == (302, reverse("connexion"))


def test_months_of_a_child_whose_identifier_looks_like_one(monde):
    nina = Enfant.objects.create(
        id="12340000-00ab-4cde-8abc-0123456789ab", prenom="Nina", nom="DUPONT", naissance=date(2018, 3, 14)
    )
    Rattachement.objects.create(enfant=nina, famille=monde.jean, du=date(2026, 9, 1))
    html = texte(page(monde.client(monde.jean), "planning_enfant", pk=nina.pk, mois=MOIS))
    assert reverse("planning_enfant", kwargs={"pk": nina.pk, "mois": "2026-12"}) in html


def test_an_ended_attachment_is_404_at_once(monde):
    navigateur = monde.client(monde.jeanne)
    assert "Léa" in texte(page(navigateur, "enfants"))
    Rattachement.objects.filter(enfant=monde.lea, famille=monde.jeanne).update(au=date(2026, 11, 22))
    for nom, options in (("enfant", {}), ("planning_enfant", {"mois": MOIS})):
        assert page(navigateur, nom, pk=monde.lea.pk, **options).status_code == 404
    assert "Léa" not in texte(page(navigateur, "enfants"))
    assert "Léa" not in texte(page(navigateur, "planning_famille", mois=MOIS))


def test_the_other_household_s_bookings_show_the_payer_and_nothing_else(monde):
    chez_jeanne = factories.inscription(monde.lea, monde.cantine, monde.jeanne)
    reserver(chez_jeanne, LUNDI)
    monde.jeanne.responsables.update(adresse="Lotissement secret", email="jeanne@secret.example")
    html = texte(page(monde.client(monde.jean), "planning_enfant", pk=monde.lea.pk, mois=MOIS))
    assert "DUPONT Jeanne" in html and "secret" not in html
    assert f"{chez_jeanne.pk}:2026-11-30" not in html
    semaine = texte(
        page(
            monde.client(monde.jean),
            "planning_enfant",
            pk=monde.lea.pk,
            mois=MOIS,
            suite="?vue=semaine&du=2026-11-30",
        )
    )
    assert "(DUPONT Jeanne)" in semaine


def test_health_is_shown_and_its_reading_traced(monde):
    FicheSanitaire.objects.create(enfant=monde.lea, allergies="Arachide")
    Autorisations.objects.create(enfant=monde.lea, droit_image=True)
    PersonneAutorisee.objects.create(enfant=monde.lea, famille=monde.jean, nom="DUPONT", prenom="Lucette")
    PersonneAutorisee.objects.create(enfant=monde.lea, famille=monde.jeanne, nom="AUTRE", prenom="Marc")
    html = texte(page(monde.client(monde.jean), "enfant", pk=monde.lea.pk))
    assert "Arachide" in html and "Lucette DUPONT" in html and "AUTRE" not in html
    trace = Trace.objects.get(action="consultation")
    assert (trace.qui, trace.famille, trace.detail["enfant"]) == (
        "jean.dupont",
        monde.jean.numero,
        str(monde.lea.pk),
    )
    page(monde.client(monde.claire), "enfant", pk=monde.lea.pk)
    assert Trace.objects.count() == 1


def test_the_page_of_a_child_about_whom_nothing_is_known(monde):
    html = texte(page(monde.client(monde.jean), "enfant", pk=monde.tom.pk))
    assert "Non renseigné" in html and "Vous n’avez pas encore rempli sa fiche sanitaire." in html
    assert not Trace.objects.exists()


def test_cards(monde):
    annee = AnneeScolaire.objects.create(debut=date(2026, 9, 1), fin=date(2027, 8, 31))
    ecole = factories.structure("École des Platanes", genre="ecole")
    Scolarite.objects.create(enfant=monde.lea, annee=annee, ecole=ecole, niveau="CE2")
    reserver(monde.inscriptions["lea"], JEUDI, LUNDI)
    html = texte(page(monde.client(monde.jean), "enfants"))
    assert "8\N{NO-BREAK SPACE}ans, CE2, École des Platanes" in html
    assert "Jeudi 26\N{NO-BREAK SPACE}novembre, Restauration scolaire" in html
    assert reverse("fiche_inscription_enfant", kwargs={"pk": monde.lea.pk}) in html
    assert reverse("enfant_ajouter") in html


def test_a_family_without_child_is_told_what_to_do(monde):
    Rattachement.objects.filter(famille=monde.claire).update(au=date(2026, 1, 1))
    assert "Aucun enfant pour l’instant." in texte(page(monde.client(monde.claire), "enfants"))
    assert "Aucune inscription ce mois-ci." in texte(
        page(monde.client(monde.claire), "planning_famille", mois=MOIS)
    )


# ── The two views ────────────────────────────────────────────────────────────────────────────────────────────


def test_month_and_week_show_the_same_boxes_never_both(monde):
    reserver(monde.inscriptions["lea"], JEUDI)
    navigateur = monde.client(monde.jean)
    mois = texte(page(navigateur, "planning_enfant", pk=monde.lea.pk, mois=MOIS))
    semaine = texte(
        page(navigateur, "planning_enfant", pk=monde.lea.pk, mois=MOIS, suite="?vue=semaine&du=2026-11-26")
    )
    for html, present, absent in (
        (mois, 'class="grille"', 'class="semaine"'),
        (semaine, 'class="semaine"', 'class="grille"'),
    ):
        assert present in html and absent not in html
        assert html.count(f'value="{monde.inscriptions["lea"].pk}:2026-11-26:1"') == 1
        assert f'action="{reverse("demande_planning")}"' in html
        assert 'name="action" value="reserver"' in html and 'name="action" value="absence"' in html
    assert (
        f'name="retour" value="{reverse("planning_enfant", kwargs={"pk": monde.lea.pk, "mois": MOIS})}"'
        in mois
    )


def test_a_day_one_may_tick_in_the_week_leads_to_its_detail_beside_the_label(monde):
    reserver(monde.inscriptions["lea"], JEUDI)
    suite = "?vue=semaine&du=2026-11-26"
    html = texte(page(monde.client(monde.jean), "planning_enfant", pk=monde.lea.pk, mois=MOIS, suite=suite))
    lignes = html.split('<li class="choix">')[1:]
    assert len(lignes) == html.count('name="c"') > 0
    detail = reverse("planning_jour", args=[monde.inscriptions["lea"].pk, "2026-11-26"])
    (ligne,) = [li.split("</li>")[0] for li in lignes if ":2026-11-26:1" in li]
    etiquette, lien = ligne.split("</label>")
    assert "<a " not in etiquette
    assert f'href="{detail}"' in lien
    assert 'aria-label="Détail\N{NO-BREAK SPACE}: Léa, Restauration scolaire, jeudi 26"' in lien


@pytest.mark.parametrize(("jour", "semaine"), [(27, "2026-11-27"), (28, "2026-11-30")])
def test_on_a_weekend_the_month_leads_to_the_week_to_come(monde, jour, semaine):
    with time_machine.travel(f"2026-11-{jour} 10:00 +0100", tick=False):
        reponse = page(monde.client(monde.jean), "planning_famille", mois="2026-11")
    assert f"?vue=semaine&amp;du={semaine}" in texte(reponse)


def test_labels_name_the_child_only_when_several(monde):
    navigateur = monde.client(monde.jean)
    assert 'aria-label="Restauration scolaire, jeudi 26\N{NO-BREAK SPACE}: libre"' in texte(
        page(navigateur, "planning_enfant", pk=monde.lea.pk, mois=MOIS)
    )
    assert 'aria-label="Tom, Restauration scolaire, jeudi 26\N{NO-BREAK SPACE}: libre"' in texte(
        page(navigateur, "planning_famille", mois=MOIS)
    )


def test_names_from_the_database_are_escaped(monde):
    monde.cantine.nom = "<b>Cantine</b>"
    monde.cantine.save()
    monde.lea.prenom = "<i>Léa"
    monde.lea.save()
    for suite in ("", "?vue=semaine"):
        html = texte(page(monde.client(monde.jean), "planning_famille", mois=MOIS, suite=suite))
        assert "<b>Cantine" not in html and "<i>Léa" not in html


def test_ended_inscriptions_on_request(monde):
    monde.inscriptions["tom"].au = date(2026, 6, 30)
    monde.inscriptions["tom"].save()
    navigateur = monde.client(monde.jean)
    assert "Aucune inscription" in texte(page(navigateur, "planning_enfant", pk=monde.tom.pk, mois=MOIS))
    toutes = texte(
        page(navigateur, "planning_enfant", pk=monde.tom.pk, mois=MOIS, suite="?inscriptions=toutes")
    )
    assert "Restauration scolaire" in toutes


def test_the_month_picker_leads_to_its_address(monde):
    reponse = page(monde.client(monde.jean), "planning_famille", mois=MOIS, suite="?mois=2027-01")
    assert (reponse.status_code, reponse.url) == (
        302,
        reverse("planning_famille", kwargs={"mois": "2027-01"}),
    )


@pytest.mark.parametrize(
    "mois",
    [
        "2026-13",
        "2026-00",
        "9999-12",
        "0000-01",
        "1900-01",
        "2030-01",
        "2026-1",
        "novembre",
        "２０２６-11",
        "-",
        "2026-11-01",
    ],
)
def test_bad_months_are_404(monde, mois):
    assert page(monde.client(monde.jean), "planning_famille", mois=mois).status_code == 404


@pytest.mark.parametrize(
    "suite",
    [
        "?vue=zzz",
        "?vue=semaine&du=",
        "?vue=semaine&du=2026-02-31",
        "?vue=semaine&du=9999-12-31",
        "?vue=semaine&du=0001-01-01",
        "?vue=semaine&du=abc",
        "?inscriptions=1'",
        "?mois=9999-12",
        "?mois=" + "9" * 400,
        "?vue=semaine&vue=mois",
    ],
)
def test_bad_options_fall_back(monde, suite):
    assert page(monde.client(monde.jean), "planning_famille", mois=MOIS, suite=suite).status_code == 200


def test_nul_is_refused(monde):
    assert monde.client(monde.jean).get(f"/enfants/planning/{MOIS}/?du=%00").status_code == 400
    assert monde.client(monde.jean).get("/enfants/planning/2026%00/").status_code == 400


@pytest.mark.parametrize("mois", ["2014-11", "2028-12", "2028-02"])
def test_months_at_the_edges(monde, mois):
    assert page(monde.client(monde.jean), "planning_famille", mois=mois).status_code == 200
    assert (
        page(monde.client(monde.jean), "planning_famille", mois=mois, suite="?vue=semaine").status_code == 200
    )


# ── Cost ─────────────────────────────────────────────────────────────────────────────────────────────────────


def offre(monde, enfants: list, prestations: int = 10) -> None:
    """Ten services for each child, the month half booked."""
    lieu = factories.structure("Accueil de Loisirs ALSH", genre="loisirs")
    for n in range(prestations):
        service = factories.prestation(f"Service {n} de la journée", structure=lieu, heure_debut=time(7, n))
        for enfant in enfants:
            inscription = factories.inscription(enfant, service, monde.jean)
            reserver(
                inscription,
                *(date(2026, 12, 1) + timedelta(d) for d in (n % 3, 7, 8, 14)),
                etat=Etat.RESERVEE,
            )


@pytest.mark.parametrize("nombre", [1, 3])
@pytest.mark.parametrize("suite", ["", "?vue=semaine&du=2026-12-07"])
def test_queries_of_the_planning(monde, django_assert_num_queries, nombre, suite):
    """session, user, responsable, children, inscriptions, bookings, calendar, places, invoiced days, unread messages."""
    Rattachement.objects.filter(famille=monde.jean, enfant=monde.tom).delete()
    enfants = [monde.lea, *(factories.enfant(f"Enfant {n}", monde.jean) for n in range(nombre - 1))]
    offre(monde, enfants, 3)
    navigateur = monde.client(monde.jean)
    page(navigateur, "enfants")
    with django_assert_num_queries(10):
        page(navigateur, "planning_famille", mois="2026-12", suite=suite)
    with django_assert_num_queries(10):
        page(navigateur, "planning_enfant", pk=monde.lea.pk, mois="2026-12", suite=suite)


@pytest.mark.parametrize("nombre", [1, 3])
def test_queries_of_the_cards(monde, django_assert_num_queries, nombre):
    for n in range(nombre - 1):
        enfant = factories.enfant(f"Enfant {n}", monde.jean)
        reserver(factories.inscription(enfant, monde.cantine, monde.jean), LUNDI)
    navigateur = monde.client(monde.jean)
    page(navigateur, "enfants")
    with django_assert_num_queries(8):  # the last one: new children the town has not answered yet
        page(navigateur, "enfants")


def test_weight_of_a_month_of_ten_services(monde):
    """31 days × 10 services, every working day editable: 60 kB at most, uncompressed."""
    Rattachement.objects.filter(famille=monde.jean, enfant=monde.tom).delete()
    offre(monde, [monde.lea])
    reponse = page(monde.client(monde.jean), "planning_enfant", pk=monde.lea.pk, mois="2026-12")
    assert reponse.content.count(b'name="c"') > 200
    assert len(reponse.content) <= 60_000


def test_two_attachments_that_overlap_show_the_child_once(monde):
    """The last day of one is the first of the next: a day of both, never an error."""
    jour = timezone.localdate()
    monde.lea.rattachements.filter(famille=monde.jean).update(au=jour)
    Rattachement.objects.create(enfant=monde.lea, famille=monde.jean, du=jour)
    client = monde.client(monde.jean)
    assert client.get(reverse("enfant", args=[monde.lea.pk])).status_code == 200
    assert [c["enfant"] for c in client.get(reverse("enfants")).context["cartes"]] == [monde.lea, monde.tom]


def test_the_other_household_s_refusals_are_not_shown(monde):
    """What it holds is shown, with its name in capitals, accents included; what it was refused is not."""
    Responsable.objects.filter(famille=monde.jeanne).update(nom="Lefèvre")
    chez_jeanne = factories.inscription(monde.lea, factories.prestation("Club"), monde.jeanne)
    (issue,) = demander(chez_jeanne, LUNDI)
    adresse = reverse("planning_famille", args=["2026-11"])
    client = monde.client(monde.jean)
    assert "LEFÈVRE Jeanne" in texte(client.get(adresse))
    places.decider([issue.reservation.pk], False, None, MAINTENANT, motif="Complet")
    assert "LEFÈVRE" not in texte(client.get(adresse))
    assert texte(monde.client(monde.jeanne).get(adresse)).count("réservation refusée") == 1


def test_a_family_without_titulaire_has_a_name_in_the_planning(monde):
    chez_jeanne = factories.inscription(monde.lea, factories.prestation("Club"), monde.jeanne)
    demander(chez_jeanne, LUNDI)
    Responsable.objects.filter(famille=monde.jeanne).update(rang="conjoint")
    contenu = texte(monde.client(monde.jean).get(reverse("planning_famille", args=["2026-11"])))
    assert str(monde.jeanne) in contenu
    assert "None" not in contenu
