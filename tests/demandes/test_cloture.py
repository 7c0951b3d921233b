"""A day already invoiced: neither booked nor cancelled from the planning; an agent is told an avoir follows."""

import uuid
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.core.exceptions import ValidationError
from django.urls import reverse
from django.utils import timezone

from demandes.envoi import envoyer_absences, envoyer_reservations
from demandes.models import Demande
from enfants.models import Reservation
from enfants.places import Souhait
from facturation import emission
from facturation.cloture import jours_clos
from facturation.emission import avoir
from facturation.models import Campagne, Facture, LigneFacture
from portail.socle.models import Courriel
from tests.demandes.fabrique import reservations, titulaire
from tests.facturation import fabrique

JOUR = date(2026, 12, 7)
LE = datetime(2026, 11, 23, 9, tzinfo=ZoneInfo("Europe/Paris"))

LIEN = '<a href="/messagerie/nouveau/">écrivez à la mairie</a>'


@pytest.fixture
def decembre(monde):
    regie = fabrique.regie()
    fabrique.tarif(fabrique.lien(monde.cantine, regie))
    return Campagne.objects.create(
        regie=regie,
        libelle="Décembre",
        du=date(2026, 12, 1),
        au=date(2026, 12, 31),
        date_facture=date(2026, 11, 23),
        echeance=date(2026, 12, 31),
    )


def emettre(campagne: Campagne, **champs) -> None:
    Campagne.objects.filter(pk=campagne.pk).update(
        **(champs or {"etat": "emise", "emise_le": timezone.now()})
    )


def test_un_jour_est_clos_quand_sa_campagne_part(monde, decembre, django_assert_num_queries):
    jours = {(monde.cantine.pk, JOUR), (monde.cantine.pk, date(2027, 1, 4)), (monde.cantine.pk + 1, JOUR)}
    assert jours_clos(jours) == {}
    emettre(decembre, emission_demandee_le=timezone.now())
    assert list(jours_clos(jours)) == [(monde.cantine.pk, JOUR)]
    emettre(decembre, emission_demandee_le=None, etat="emise")
    with django_assert_num_queries(1):
        assert list(jours_clos(jours)) == [(monde.cantine.pk, JOUR)]
    with django_assert_num_queries(0):
        assert jours_clos([]) == {}


@pytest.mark.parametrize("action", ["reserver", "absence"])
def test_la_famille_ne_change_plus_un_jour_facture(monde, decembre, action):
    inscription = monde.inscriptions["lea"]
    if action == "absence":
        fabrique.reservation(inscription, JOUR)
    emettre(decembre)
    avant = list(Reservation.objects.values_list("pk", "etat"))
    libre = JOUR + timedelta(days=35)
    with time_machine.travel(datetime(2026, 11, 23, 9), tick=False):
        reponse = monde.client(monde.jean).post(
            reverse("demande_planning"),
            {
                "c": [
                    f"{inscription.pk}:{JOUR.isoformat()}:{1 if action == 'absence' else 0}",
                    f"{inscription.pk}:{libre.isoformat()}:0",
                ],
                "action": action,
            },
        )
    texte = reponse.content.decode()

    assert "La période de ce jour est déjà facturée" in texte
    assert f'value="{inscription.pk}:{JOUR.isoformat()}' not in texte
    assert list(Reservation.objects.values_list("pk", "etat")) == avant


@pytest.mark.parametrize("suite", ["", "?vue=semaine&du=2026-12-07"])
def test_le_planning_ne_propose_pas_un_jour_facture(monde, decembre, suite):
    """Each day says why, and leads to the sentence; Claire's rows and January stay as they were."""
    lea, tom = monde.inscriptions["lea"], monde.inscriptions["tom"]
    fabrique.reservation(lea, JOUR)
    with time_machine.travel(LE, tick=False):
        jean, claire = monde.client(monde.jean), monde.client(monde.claire)
        planning = reverse("planning_famille", args=["2026-12"]) + suite
        assert f'value="{lea.pk}:{JOUR}:1"' in jean.get(planning).text
        emettre(decembre)
        page = jean.get(planning).text
        assert f'value="{lea.pk}:{JOUR}' not in page
        assert f'value="{tom.pk}:{JOUR}' not in page
        assert "éservé, période déjà facturée" in page
        assert 'class="g g-clos"' in page
        for inscription in (lea, tom):
            adresse = reverse("planning_jour", args=[inscription.pk, JOUR.isoformat()])
            assert adresse in page
            detail = jean.get(adresse).text
            assert f"La période de ce jour est déjà facturée\N{NO-BREAK SPACE}: {LIEN}" in detail
            assert 'name="c"' not in detail
            assert "Délais de ce jour" not in detail
            assert claire.get(adresse).status_code == 404
        janvier = jean.get(reverse("planning_famille", args=["2027-01"])).text
        assert f'value="{lea.pk}:2027-01-11:0"' in janvier


def test_lautre_foyer_lit_toujours_la_ligne_sans_y_toucher(monde, decembre):
    fabrique.reservation(monde.inscriptions["lea"], JOUR)
    emettre(decembre)
    with time_machine.travel(LE, tick=False):
        page = monde.client(monde.jeanne).get(reverse("planning_famille", args=["2026-12"])).text
    assert "DUPONT Jean" in page
    assert "déjà facturé" not in page.partition("<tbody>")[2].partition("</tbody>")[0]


def test_une_seule_facture_emise_clot_la_campagne(monde, decembre):
    """Stopped half-way, it stays a draft: whose invoice is out must not change its days meanwhile."""
    jours = {(monde.cantine.pk, JOUR)}
    fabrique.facture(monde.claire, 345, decembre.regie)
    assert jours_clos(jours) == {}
    fabrique.facture(monde.claire, 345, decembre.regie, campagne=decembre)
    assert list(jours_clos(jours)) == [(monde.cantine.pk, JOUR)]


def test_facture_entre_le_recapitulatif_et_lenvoi(monde, decembre):
    """The recap was shown, the campagne went, the parent confirms: nothing moves, and it is said."""
    inscription = monde.inscriptions["lea"]
    fabrique.reservation(inscription, JOUR)
    libre = JOUR + timedelta(days=1)
    emettre(decembre)
    for action, jour, version in (("absence", JOUR, 1), ("reserver", libre, 0)):
        with time_machine.travel(datetime(2026, 11, 23, 9), tick=False):
            page = monde.client(monde.jean).post(
                reverse("demande_planning"),
                {
                    "c": f"{inscription.pk}:{jour.isoformat()}:{version}",
                    "action": action,
                    "confirmer": "1",
                    "raison": "familiale",
                },
                follow=True,
            )
        assert f"La période de ce jour est déjà facturée\N{NO-BREAK SPACE}: {LIEN}" in page.text
    assert list(Reservation.objects.values_list("jour", "etat")) == [(JOUR, "reservee")]


def test_relu_sous_le_verrou_de_la_famille(monde, decembre):
    inscription = monde.inscriptions["lea"]
    reservee = fabrique.reservation(inscription, JOUR)
    emettre(decembre)
    with time_machine.travel(datetime(2026, 11, 23, 9), tick=False):
        args = monde.jean.responsables.first().utilisateur, timezone.now(), uuid.uuid4()
        demande, issues = envoyer_reservations(
            monde.jean, [Souhait(inscription, JOUR + timedelta(days=1))], *args
        )
        assert (demande, [i.verdict for i in issues]) == (None, ["refus"])
        raison = {"raison": "familiale", "precision": ""}
        demande, issues = envoyer_absences(monde.jean, [reservee], raison, *args)
        assert (demande, [i.verdict for i in issues]) == (None, ["refus"])
    assert not Demande.objects.exists()


def test_un_brouillon_perime_nest_pas_emis(monde, decembre):
    """What the family cancelled after the draft was computed must not be billed."""
    inscription = monde.inscriptions["lea"]
    with time_machine.travel(datetime(2026, 11, 23, 9), tick=False) as horloge:
        reservee = fabrique.reservation(inscription, JOUR)
        fabrique.reservation(inscription, JOUR + timedelta(days=1))
        emission.calculer(decembre)
        horloge.shift(timedelta(hours=1))
        par = monde.jean.responsables.first().utilisateur
        raison = {"raison": "familiale", "precision": ""}
        envoyer_absences(monde.jean, [reservee], raison, par, timezone.now(), uuid.uuid4())
        bilan = emission.emettre(decembre, monde.agent)
        assert (bilan.emises, [n for n, _ in bilan.echecs]) == ([], [monde.jean.numero])
        assert "recalculez le brouillon" in bilan.echecs[0][1]
        emission.calculer(decembre)
        emission.emettre(decembre, monde.agent)
    assert monde.jean.factures.get().total_centimes == 345


# --- what the town decides afterwards ---------------------------------------------------------------------------


def facturee(reservation: Reservation, unite: str = "jour") -> Facture:
    """An issued invoice that bills this day."""
    faite = fabrique.facture(reservation.payeur, 345)
    LigneFacture.objects.create(
        facture=faite,
        enfant=reservation.enfant,
        prestation=reservation.prestation,
        libelle="Restauration scolaire",
        unite=unite,
        nature_fiscale="repas",
        unite_centimes=345,
        total_centimes=345,
        jours=[reservation.jour.isoformat()],
    )
    return faite


@pytest.fixture
def absence(monde) -> Demande:
    """A medical absence declared late, whose day was billed in advance as booked."""
    reservation = fabrique.reservation(monde.inscriptions["lea"], JOUR)
    le = datetime(2026, 12, 4, 18, tzinfo=ZoneInfo("Europe/Paris"))
    raison = {"raison": "medicale", "precision": ""}
    compte = titulaire(monde.jean).utilisateur
    faite, _ = envoyer_absences(monde.jean, [reservation], raison, compte, le, uuid.uuid4())
    assert faite.etat == "envoyee"
    return faite


def page(monde, faite: Demande) -> str:
    return monde.client(monde.agent).get(reverse("admin:demandes_demande_change", args=[faite.pk])).text


def test_lagent_sait_quun_jour_est_facture(monde, absence):
    facture = facturee(absence.jours.get().reservation)
    assert "Déjà facturé : lundi\xa07\xa0décembre." in page(monde, absence)
    avoir(facture, monde.agent, "Absence excusée")
    assert "Déjà facturé" not in page(monde, absence)


@pytest.mark.parametrize("suite", ["facturé", "au mois", "avoir", "pas facturé"])
def test_lexcuse_dun_jour_facture_dit_que_la_facture_sera_corrigee(monde, absence, suite):
    """« Absence sans frais » alone would be false: the family holds an invoice that says the contrary."""
    if suite != "pas facturé":
        facture = facturee(absence.jours.get().reservation, unite="mois" if suite == "au mois" else "jour")
    if suite == "avoir":
        avoir(facture, monde.agent, "Absence excusée")
    Demande.objects.get(pk=absence.pk).accepter(monde.agent, LE)
    texte = Courriel.objects.order_by("pk").last().texte
    ligne = "- Absence sans frais\xa0: lundi\xa07\xa0décembre"
    if suite == "facturé":
        assert f"{ligne}. Ce jour est déjà facturé\xa0: la mairie corrigera la facture.\n" in texte
    else:
        assert f"{ligne}\n" in texte


def test_la_facture_dun_autre_ou_dun_mois_entier_nimporte_pas(monde, absence):
    facturee(fabrique.reservation(monde.inscriptions["zoe"], JOUR))
    facturee(absence.jours.get().reservation, unite="mois")
    assert "Déjà facturé" not in page(monde, absence)


def test_lagent_sait_quun_jour_accepte_sera_a_facturer_en_plus(monde, decembre):
    faite = reservations(monde.inscriptions["lea"], JOUR, le=LE)
    assert "facturer en plus" not in page(monde, faite)
    emettre(decembre)
    assert "1 jour tombe dans une période déjà facturée" in page(monde, faite)


def test_une_place_liberee_deja_facturee_ne_se_decline_pas(monde):
    faite = reservations(monde.inscriptions["lea"], JOUR, le=LE)
    faite.accepter(monde.agent, LE)
    reservation = faite.jours.get().reservation
    facturee(reservation)
    with pytest.raises(ValidationError, match="écrivez à la mairie"):
        faite.decliner(reservation, "", titulaire(monde.jean).utilisateur, LE)
    reservation.refresh_from_db()
    assert reservation.etat == "reservee"
