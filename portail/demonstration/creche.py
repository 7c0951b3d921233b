"""The crèche: one child of Claire's with a contract, its attendance by the hour, a leave, a day beyond the contract."""

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
from familles.models import Famille

from .carnet import Carnet
from .population import Ville
from .reservations import Ouvertures

JOURS = semaine.masque((0, 1, 3, 4))
# Four days of nine hours: exactly the contract, so that one late evening goes beyond it.
HEURES, HABITUDE, TARD = Decimal(36), (time(8, 15), time(17, 15)), (time(8, 15), time(18, 20))
AVANT, APRES = timedelta(weeks=4), timedelta(weeks=6)


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
    """Four weeks behind, six ahead: the last day before today is long, leave two weeks ago and in a fortnight."""
    aujourdhui = ville.aujourdhui
    ouverts = ouvertures.jours(contrat.prestation, aujourdhui - AVANT, aujourdhui + APRES)
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
