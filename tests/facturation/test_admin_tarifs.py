"""The tarif form as the régisseur really posts it: untouched, closed, with another price."""

from decimal import Decimal

import pytest
from django.urls import reverse

from facturation.models import Tarif
from tests.facturation import fabrique


def poste(reponse) -> dict[str, str]:
    """Everything the page would send back if one only pressed « Enregistrer »."""
    formulaires = [reponse.context["adminform"].form]
    for groupe in reponse.context["inline_admin_formsets"]:
        formulaires += [groupe.formset.management_form, *groupe.formset.forms]
    donnees = {}
    for formulaire in formulaires:
        for champ in formulaire:
            valeur = champ.value()
            if isinstance(valeur, Decimal):
                valeur = str(valeur).replace(".", ",")
            if valeur is not None and valeur is not False:
                donnees[champ.html_name] = "on" if valeur is True else str(valeur)
    return donnees


@pytest.fixture
def bureau(monde):
    tarif = fabrique.tarif(fabrique.lien(monde.cantine), ("0", "800", 225), ("800.01", None, 345))
    adresse = reverse("admin:facturation_tarif_change", args=[tarif.pk])
    client = monde.client(monde.agent)
    return tarif, adresse, client, poste(client.get(adresse))


def tranches(tarif: Tarif) -> list[tuple]:
    return list(tarif.tranches.values_list("qf_max", "centimes"))


def test_enregistrer_sans_rien_changer(bureau):
    tarif, adresse, client, donnees = bureau

    assert client.post(adresse, donnees).status_code == 302
    assert tranches(tarif) == [(Decimal("800.00"), 225), (None, 345)]


def test_changer_un_prix_et_fermer(bureau):
    tarif, adresse, client, donnees = bureau
    prix = next(nom for nom, valeur in donnees.items() if valeur == "3,45")

    assert client.post(adresse, donnees | {prix: "3,60", "au": "31/08/2030"}).status_code == 302
    tarif.refresh_from_db()
    assert (tranches(tarif)[1][1], tarif.au.year) == (360, 2030)


def test_un_prix_qui_n_en_est_pas_un_se_dit_au_champ(bureau):
    tarif, adresse, client, donnees = bureau
    prix = next(nom for nom, valeur in donnees.items() if valeur == "3,45")
    reponse = client.post(adresse, donnees | {prix: "abc"})

    assert reponse.status_code == 200
    assert tranches(tarif)[1][1] == 345
