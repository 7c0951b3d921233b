"""A day already invoiced is the town's: neither booked nor cancelled from the planning."""

from datetime import date, datetime, timedelta

import pytest
import time_machine
from django.urls import reverse
from django.utils import timezone

from enfants.models import Reservation
from facturation.cloture import jours_clos
from facturation.models import Campagne
from tests.facturation import fabrique

JOUR = date(2026, 12, 7)


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

    assert "Ce jour est déjà facturé" in texte
    assert f'value="{inscription.pk}:{JOUR.isoformat()}' not in texte
    assert list(Reservation.objects.values_list("pk", "etat")) == avant
