"""The crèche: one child of Claire's with a contract, its attendance by the hour, a leave, a day beyond the contract.

Its régie bills the hours noted, by the half-hour begun, at an effort rate of the quotient (not the PSU: out of scope).
"""

import uuid
from datetime import date, time, timedelta
from decimal import Decimal

from enfants import semaine
from enfants.models import (
    Autorisations,
    Enfant,
    FicheSanitaire,
    Inscription,
    Jauge,
    Limite,
    Prestation,
    Rattachement,
    Structure,
)
from facturation.models import Compteur, Regie, RegiePrestation, Tarif
from familles.models import Famille
from portail.socle.dates import premier_du_mois

from . import argent
from .carnet import Carnet
from .guide import Gens
from .population import Ville
from .reservations import Ouvertures

JOURS = semaine.masque((0, 1, 3, 4))
# Four days of nine hours: exactly the contract, so that one late evening goes beyond it.
HEURES, HABITUDE, TARD = Decimal(36), (time(8, 15), time(17, 15)), (time(8, 15), time(18, 20))
AVANT, APRES = timedelta(weeks=4), timedelta(weeks=6)
# Of the quotient, for a half-hour, and its bounds in cents: about 1 € an hour for a quotient of 850.
TAUX, PLANCHER, PLAFOND = Decimal("0.06"), 15, 120


def batir(ville: Ville, claire: Famille, ordre: int) -> Inscription:
    """The crèche, its places, the child and the contract."""
    creche = Structure.objects.create(
        nom="Crèche des Galets",
        genre="creche",
        adresse="5 quai des Lavandières",
        telephone="04 65 71 54 64",
        ordre=ordre,
    )
    veille = Limite.objects.get(nom="La veille ouvrée 10 h")
    accueil = Prestation.objects.create(
        structure=creche,
        nom="Accueil en crèche",
        icone="ballon",
        jours=semaine.OUVRES,
        petites_vacances=True,
        grandes_vacances=True,
        heure_debut=time(7, 30),
        heure_fin=time(18, 30),
        age_max=3,
        limite_reservation=veille,
        limite_annulation=veille,
    )
    Jauge.objects.create(structure=creche, libelle="Berceaux", capacite=20).prestations.add(accueil)
    return Inscription.objects.create(
        enfant=_enfant(ville, claire),
        prestation=accueil,
        famille=claire,
        du=ville.depuis,
        mode="regulier",
        semaine_type=JOURS,
        heures_semaine=HEURES,
        conges_jours=15,
    )


def _enfant(ville: Ville, claire: Famille) -> Enfant:
    enfant = Enfant.objects.create(
        id=uuid.uuid5(uuid.NAMESPACE_URL, "demonstration:enfant:creche"),
        nom="MARTIN",
        prenom="Noé",
        sexe="G",
        naissance=date(ville.annee.debut.year - 2, 10, 6),
        lieu_naissance="Belrive-sur-Durance",
    )
    Rattachement.objects.create(enfant=enfant, famille=claire, du=ville.depuis)
    FicheSanitaire.objects.create(enfant=enfant, vaccins_a_jour=True, medecin="Docteur ROUMANEL")
    Autorisations.objects.create(enfant=enfant, soins_urgence=True)
    return enfant


def reserver(ville: Ville, contrat: Inscription, ouvertures: Ouvertures, carnet: Carnet) -> None:
    """The last whole month and four weeks behind, six ahead: one long day, leave at the start and in a fortnight."""
    aujourdhui = ville.aujourdhui
    debut = min(_dernier_mois(aujourdhui)[0], aujourdhui - AVANT)
    ouverts = ouvertures.jours(contrat.prestation, debut, aujourdhui + APRES)
    jours = [j for j in ouverts if semaine.contient(JOURS, j)]
    passes = [j for j in jours if j < aujourdhui]
    lundi = aujourdhui - timedelta(days=aujourdhui.weekday())
    # The last day of a whole past week: the hours of the days before it are there.
    long = next((j for j in reversed(passes) if j < lundi and j.weekday() == 4), None)
    conges = {
        *passes[:1],
        *[j for j in jours if lundi + timedelta(weeks=2) <= j < lundi + timedelta(weeks=3)],
    }
    for jour in jours:
        if jour in conges:
            carnet.poser(contrat, jour, "conge", motif="Congé du contrat", reguliere=True)
            continue
        carnet.poser(contrat, jour, reguliere=True)
        if jour < aujourdhui:
            carnet.pointer(contrat, jour, True, TARD if jour == long else HABITUDE)


def batir_regie(contrat: Inscription, depuis: date) -> Regie:
    """« Régie petite enfance », prefix PE: the hours noted, by the half-hour begun."""
    regie = Regie.objects.create(
        nom="Régie petite enfance",
        prefixe="PE",
        adresse="5 quai des Lavandières",
        code_postal="84990",
        ville="Belrive-sur-Durance",
        telephone="04 65 71 54 64",
        courriel="creche@belrive.example",
        ordre_cheque="Régie petite enfance",
        horaires="Du lundi au vendredi, de 8 h à 18 h",
        tresorerie="Service de gestion comptable de Belrive",
    )
    Compteur.objects.bulk_create(Compteur(regie=regie, nature=n) for n in ("facture", "avoir", "reglement"))
    lien = RegiePrestation.objects.create(regie=regie, prestation=contrat.prestation, du=depuis)
    Tarif.objects.create(
        lien=lien,
        du=depuis,
        mode="taux_effort",
        unite="demi_heure",
        taux=TAUX,
        plancher_centimes=PLANCHER,
        plafond_centimes=PLAFOND,
    )
    return regie


def facturer(ville: Ville, regie: Regie, gens: Gens, barre) -> None:
    """The last whole month, due in a month: Claire has something to pay, in a régie of its own."""
    aujourdhui = ville.aujourdhui
    date_facture = max(premier_du_mois(aujourdhui), aujourdhui - timedelta(days=10))
    argent.emettre(
        argent.ouvrir(regie, _dernier_mois(aujourdhui), date_facture, date_facture + timedelta(days=30)),
        gens,
        barre,
    )


def _dernier_mois(jour: date) -> tuple[date, date]:
    fin = premier_du_mois(jour) - timedelta(days=1)
    return premier_du_mois(fin), fin
