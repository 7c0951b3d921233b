"""An agent who moves a day already invoiced is told before, with the invoices, and may go on."""

from datetime import date, datetime, timedelta

import pytest
import time_machine
from django.urls import reverse
from django.utils import timezone

from enfants import cloture, places
from enfants.models import Etat, Fermeture, Inscription, Rattachement, Reservation
from facturation import emission
from facturation.models import Facture
from tests.enfants.test_admin import adresse, valeurs
from tests.facturation import fabrique
from tests.facturation.test_admin import texte

AVANT = datetime(2026, 11, 25, 9)
LUNDI = date(2026, 12, 7)
MARDI = LUNDI + timedelta(1)
N = "\N{NO-BREAK SPACE}"
LISTE = "admin:enfants_reservation_changelist"


@pytest.fixture
def decembre(monde):
    """December is billed before it begins: Léa, Tom (AL-1) and Zoé (AL-2) on Monday. A day goes by."""
    with time_machine.travel(AVANT, tick=False) as horloge:
        regie = fabrique.regie()
        fabrique.tarif(fabrique.lien(monde.cantine, regie))
        for nom in monde.inscriptions:
            reserver(monde, nom, LUNDI)
        horloge.shift(timedelta(hours=1))
        campagne = fabrique.campagne(
            regie, du=date(2026, 12, 1), au=date(2026, 12, 31), date_facture=AVANT.date(), echeance=LUNDI
        )
        emission.calculer(campagne)
        emission.emettre(campagne, None)
        horloge.shift(timedelta(days=1))
        yield campagne


def reserver(monde, nom: str, jour: date, etat: str = Etat.RESERVEE) -> Reservation:
    souhait = places.Souhait(monde.inscriptions[nom], jour)
    (issue,) = places.reserver([souhait], None, timezone.now(), au_nom_de_la_mairie=True)
    if etat != Etat.RESERVEE:
        return places.changer(issue.reservation, etat, None, timezone.now())
    return issue.reservation


def cle(monde, nom: str, jour: date) -> tuple:
    i = monde.inscriptions[nom]
    return i.famille_id, i.enfant_id, i.prestation_id, jour


AL_1_ET_2 = f"3 jours sont déjà facturés (factures AL-1, AL-2){N}: le régisseur devra faire un avoir."


# --- the sentences ----------------------------------------------------------------------------------------------


def test_what_is_said(monde, decembre, django_assert_num_queries):
    lundis = list(Reservation.objects.order_by("pk"))
    with django_assert_num_queries(2):
        assert cloture.avertir(lundis) == [AL_1_ET_2]
    with django_assert_num_queries(2):
        assert cloture.avertir(lundis[2:], [cle(monde, "lea", MARDI), cle(monde, "tom", MARDI)]) == [
            f"1 jour est déjà facturé (facture AL-2){N}: le régisseur devra faire un avoir.",
            f"2 jours tombent dans une période déjà facturée{N}: le régisseur devra les facturer en plus.",
        ]
    with django_assert_num_queries(0):
        assert cloture.avertir() == []


def test_what_needs_no_word(monde, decembre):
    janvier = reserver(monde, "lea", date(2027, 1, 4))
    en_plus = reserver(monde, "lea", MARDI)  # due, on no invoice yet
    excusee = reserver(monde, "tom", MARDI, Etat.ABSENT_EXCUSE)
    assert cloture.avertir([janvier, en_plus, excusee], [cle(monde, "lea", LUNDI)]) == []
    emission.avoir(monde.claire.factures.get(), None, "À refaire")
    assert cloture.avertir(monde.inscriptions["zoe"].reservations.all()) == []


def test_a_month_at_one_price_does_not_hang_on_a_day(monde):
    with time_machine.travel(AVANT, tick=False) as horloge:
        fabrique.tarif(fabrique.lien(monde.cantine), unite="mois", forfait_centimes=5900)
        reservation = reserver(monde, "lea", LUNDI)
        horloge.shift(timedelta(hours=1))
        campagne = fabrique.campagne(
            du=date(2026, 12, 1), au=date(2026, 12, 31), date_facture=AVANT.date(), echeance=LUNDI
        )
        emission.calculer(campagne)
        emission.emettre(campagne, None)
        assert Facture.objects.count() == 1
        assert cloture.avertir([reservation], [cle(monde, "lea", MARDI)]) == []
        assert len(cloture.avertir((), [cle(monde, "zoe", MARDI)])) == 1


def test_many_invoices_are_summed_up(monde, decembre):
    (reservation,) = monde.inscriptions["lea"].reservations.all()
    ligne = monde.jean.factures.get().lignes.first()
    for n in range(7):
        ligne.pk, ligne._state.adding = None, True
        ligne.facture = fabrique.facture(monde.jean, 345 + n)
        ligne.save(force_insert=True)
    assert "(factures AL-1, AL-3, AL-4, AL-5, AL-6 et 3 autres)" in cloture.avertir([reservation])[0]


# --- the agent's pages ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("action", "avant", "apres"),
    [
        ("annuler", Etat.RESERVEE, Etat.ANNULEE),
        ("excuser", Etat.ABSENCE_DEMANDEE, Etat.ABSENT_EXCUSE),
        ("mettre_en_conge", Etat.RESERVEE, Etat.CONGE),
    ],
)
def test_days_taken_back_from_the_list(monde, decembre, action, avant, apres):
    (reservation,) = monde.inscriptions["zoe"].reservations.all()
    Inscription.objects.filter(pk=reservation.inscription_id).update(
        heures_semaine=20
    )  # only a contract has leaves
    if avant != reservation.etat:
        places.changer(reservation, avant, None, timezone.now())
    mairie = monde.client(monde.agent)
    envoi = {"action": action, "_selected_action": [reservation.pk]}
    page = mairie.post(reverse(LISTE), envoi)
    assert f"1 jour est déjà facturé (facture AL-2){N}: le régisseur devra faire un avoir." in texte(page)
    assert etat(reservation) == avant
    mairie.post(reverse(LISTE), envoi | {"confirmer": "Confirmer", "motif": "Grève"})
    assert etat(reservation) == apres


@pytest.mark.parametrize(("action", "avant"), [("accepter", Etat.DEMANDEE), ("facturer", Etat.ABSENT_EXCUSE)])
def test_days_that_become_due_from_the_list(monde, decembre, action, avant):
    if avant == Etat.DEMANDEE:
        (issue,) = places.reserver([places.Souhait(monde.inscriptions["zoe"], MARDI)], None, timezone.now())
        reservation = issue.reservation
    else:
        reservation = reserver(monde, "zoe", MARDI, avant)
    mairie = monde.client(monde.agent)
    envoi = {"action": action, "_selected_action": [reservation.pk]}
    assert "le régisseur devra le facturer en plus" in texte(mairie.post(reverse(LISTE), envoi))
    assert etat(reservation) == avant
    mairie.post(reverse(LISTE), envoi | {"confirmer": "Confirmer"})
    assert etat(reservation) in (Etat.RESERVEE, Etat.ABSENT_FACTURE)


def test_elsewhere_nothing_more_is_asked(monde, decembre):
    """Outside issued periods an action of the list is done at once, as before."""
    (issue,) = places.reserver(
        [places.Souhait(monde.inscriptions["zoe"], date(2027, 1, 4))], None, timezone.now()
    )
    mairie = monde.client(monde.agent)
    mairie.post(reverse(LISTE), {"action": "accepter", "_selected_action": [issue.reservation.pk]})
    assert etat(issue.reservation) == Etat.RESERVEE


def test_a_day_added_by_hand(monde, decembre):
    mairie = monde.client(monde.agent)
    envoi = {"inscription": monde.inscriptions["zoe"].pk, "jour": MARDI.isoformat()}
    page = mairie.post(adresse(Reservation, "add"), envoi)
    assert "le régisseur devra le facturer en plus" in texte(page)
    assert not monde.inscriptions["zoe"].reservations.filter(jour=MARDI).exists()
    empreinte = page.context["adminform"].form.a_confirmer.empreinte
    assert mairie.post(adresse(Reservation, "add"), envoi | {"confirmer": empreinte}).status_code == 302
    reservation = monde.inscriptions["zoe"].reservations.get(jour=MARDI)
    assert mairie.get(adresse(Reservation, "change", reservation.pk)).status_code == 200


def test_closing_a_day(monde, decembre):
    envoi = {"prestation": monde.cantine.pk, "du": LUNDI, "au": LUNDI, "motif": "Grève"}
    page = texte(monde.client(monde.agent).post(adresse(Fermeture, "add"), envoi))
    assert AL_1_ET_2 in page
    assert Reservation.objects.filter(etat=Etat.RESERVEE).count() == 3


def test_ending_an_inscription_an_attachment_or_a_service(monde, decembre):
    mairie = monde.client(monde.agent)
    al_1 = f"1 jour est déjà facturé (facture AL-1){N}"
    rattachement = Rattachement.objects.get(enfant=monde.lea, famille=monde.jean)
    terminer = reverse("rattachement_terminer", args=[rattachement.pk])
    assert al_1 in texte(mairie.get(terminer, {"jour": "2026-12-01"}))
    modifier = adresse(type(monde.inscriptions["lea"]), "change", monde.inscriptions["lea"].pk)
    envoi = valeurs(mairie.get(modifier).context, au="2026-12-01")
    assert al_1 in texte(mairie.post(modifier, envoi))
    archiver = {"prestations": [monde.cantine.pk], "jour": "2026-12-01"}
    assert AL_1_ET_2 in texte(mairie.get(reverse("prestations_archiver"), archiver))


def test_the_sheet_of_an_invoiced_day(monde, decembre):
    mairie = monde.client(monde.agent)
    feuille = {"prestation": monde.cantine.pk}
    phrase = "Les factures de ce jour sont déjà émises."
    assert phrase in texte(mairie.get(reverse("pointage"), feuille | {"jour": LUNDI.isoformat()}))
    assert phrase not in texte(mairie.get(reverse("pointage"), feuille | {"jour": "2027-01-04"}))


def etat(reservation: Reservation) -> str:
    return Reservation.objects.get(pk=reservation.pk).etat
