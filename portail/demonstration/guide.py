"""The people of the guide: Jean Dupont, Jeanne, a stranger family, a first connection, the agents."""

import uuid
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from django.contrib.auth.models import Group

from enfants.models import (
    Autorisations,
    Enfant,
    FicheSanitaire,
    Inscription,
    PersonneAutorisee,
    Rattachement,
    Scolarite,
)
from familles.models import (
    Allocataire,
    CoordonneesBancaires,
    Famille,
    QuotientFamilial,
    Responsable,
    SituationFiscale,
    Utilisateur,
)

from .population import MOT_DE_PASSE, Ville
from .ville import DU_GUIDE

NUMERO_JEAN = "1001001818331"
MOT_DE_PASSE_AGENTS = "Mairie2026"
COMMUNE = {"code_postal": "84990", "ville": "Belrive-sur-Durance"}


@dataclass
class Gens:
    """The people the other builders write about."""

    jean: Famille
    jeanne: Famille
    claire: Famille
    agent: Utilisateur
    regisseur: Utilisateur
    lea: Enfant
    tom: Enfant
    inscriptions: dict[tuple[str, str], Inscription] = field(default_factory=dict)  # (child, service), Jean's
    autres: list[Inscription] = field(default_factory=list)  # Jeanne's, Claire's


def batir_agents() -> dict[str, Utilisateur]:
    """The three agents; their groups were made by the `groupes` command."""
    groupes = {g.name: g for g in Group.objects.all()}
    agents = {}
    for identifiant, prenom, groupe, superuser in (
        ("agent", "Camille", "Agents enfance", False),
        ("regisseur", "Dominique", "Régisseurs", False),
        ("admin", "Administration", "Administrateurs", True),
    ):
        agents[identifiant] = Utilisateur.objects.create_user(
            identifiant, MOT_DE_PASSE_AGENTS, prenom=prenom, is_staff=True, is_superuser=superuser
        )
        agents[identifiant].groups.add(groupes[groupe])
    return agents


def batir_gens(ville: Ville, agents: dict[str, Utilisateur]) -> Gens:
    """Families, children and inscriptions of the guide."""
    jean = _jean(ville)
    jeanne, claire, nouvelle = _autres_familles(ville)
    an = ville.annee.debut.year
    lea = _enfant(ville, 1, "Léa", "DUPONT", "F", date(an - 8, 3, 14), "CE2", 0, (jean, jeanne))
    tom = _enfant(ville, 2, "Tom", "DUPONT", "G", date(an - 5, 6, 2), "GS", 0, (jean,))
    zoe = _enfant(ville, 3, "Zoé", "MARTIN", "F", date(an - 7, 11, 30), "CE1", 1, (claire,))
    hugo = _enfant(ville, 4, "Hugo", "VALLON", "G", date(an - 4, 1, 9), "MS", 1, (nouvelle,))
    gens = Gens(jean, jeanne, claire, agents["agent"], agents["regisseur"], lea, tom)
    for enfant in (lea, tom):
        for nom in DU_GUIDE:
            gens.inscriptions[enfant.prenom, nom] = Inscription.objects.create(
                enfant=enfant, prestation=ville.offre[nom], famille=jean, du=ville.depuis
            )
    for enfant, famille, noms in (
        (lea, jeanne, ("Restauration scolaire", "Mercredi journée")),
        (zoe, claire, ("Restauration scolaire", "Garderie soir")),
        (hugo, nouvelle, ("Restauration scolaire",)),
    ):
        for nom in noms:
            gens.autres.append(
                Inscription.objects.create(
                    enfant=enfant, prestation=ville.offre[nom], famille=famille, du=ville.depuis
                )
            )
    return gens


def _autres_familles(ville: Ville) -> tuple[Famille, Famille, Famille]:
    """The other household of Léa, a stranger, and who connects for the first time."""
    jeanne = _famille(
        "1001001818332",
        "Jeanne",
        "DUPONT",
        "jeanne.dupont",
        adresse="8 allée des Tilleuls",
        telephone_mobile="06 39 98 41 07",
        qualite="mere",
        situation="separe",
    )
    QuotientFamilial.objects.create(famille=jeanne, valeur=Decimal("512.40"), du=ville.depuis)
    claire = _famille(
        "1001001818333",
        "Claire",
        "MARTIN",
        "claire.martin",
        adresse="27 rue des Cerisiers",
        telephone_mobile="06 39 98 55 21",
        qualite="mere",
        situation="marie",
    )
    QuotientFamilial.objects.create(famille=claire, valeur=Decimal("1320"), du=ville.depuis)
    nouvelle = _famille(
        "1001001818334",
        "Sarah",
        "VALLON",
        "nouvelle.famille",
        "Bienvenue1",
        adresse="3 impasse du Lavoir",
        telephone_mobile="06 39 98 30 12",
        qualite="mere",
    )
    return jeanne, claire, nouvelle


def _jean(ville: Ville) -> Famille:
    jean = _famille(
        NUMERO_JEAN,
        "Jean",
        "DUPONT",
        "jean.dupont",
        adresse="12 rue des Bonbons",
        civilite="M",
        qualite="pere",
        situation="separe",
        telephone_domicile="04 65 71 03 04",
        telephone_mobile="06 39 98 12 40",
        profession="Menuisier",
    )
    # What Jean's own household declared of the other parent: the guide's « Mon conjoint ».
    Responsable.objects.create(
        famille=jean,
        rang="conjoint",
        nom="DUPONT",
        prenom="Jeanne",
        adresse="Lotissement les Bons Bonbons",
        autorisation_courriel=True,
        **COMMUNE,
    )
    CoordonneesBancaires.objects.create(
        famille=jean, titulaire="DUPONT JEAN", iban="FR1420041010050500013M02606", bic="PSSTFRPPMAR"
    )
    Allocataire.objects.create(famille=jean, organisme="caf", regime="general", numero="1818331")
    QuotientFamilial.objects.create(famille=jean, valeur=Decimal(845), du=ville.depuis)
    SituationFiscale.objects.create(
        famille=jean,
        annee=ville.annee.debut.year - 1,
        revenu_fiscal_reference=21480,
        parts=Decimal("1.50"),
        personnes_a_charge=2,
    )
    return jean


def _famille(numero, prenom, nom, identifiant, mot_de_passe=MOT_DE_PASSE, **champs) -> Famille:
    famille = Famille.objects.create(numero=numero)
    compte = Utilisateur.objects.create_user(
        identifiant,
        mot_de_passe,
        prenom=prenom,
        nom=nom,
        courriel=f"{identifiant}@exemple.fr",
        doit_changer_mot_de_passe=mot_de_passe != MOT_DE_PASSE,
    )
    Responsable.objects.create(
        famille=famille,
        rang="titulaire",
        utilisateur=compte,
        nom=nom,
        prenom=prenom,
        email=f"{identifiant}@exemple.fr",
        autorisation_courriel=True,
        **({"civilite": "Mme"} | COMMUNE | champs),
    )
    return famille


def _enfant(ville, rang, prenom, nom, sexe, naissance, niveau, ecole, familles) -> Enfant:
    enfant = Enfant.objects.create(
        # A fixed address for the demonstration's children: bookmarks survive `--neuf`.
        id=uuid.uuid5(uuid.NAMESPACE_URL, f"demonstration:enfant:{rang}"),
        nom=nom,
        prenom=prenom,
        sexe=sexe,
        naissance=naissance,
        lieu_naissance="Belrive-sur-Durance",
    )
    for famille in familles:
        Rattachement.objects.create(
            enfant=enfant,
            famille=famille,
            du=ville.depuis,
            garde="alternee" if len(familles) > 1 else "complete",
        )
    Scolarite.objects.create(enfant=enfant, annee=ville.annee, ecole=ville.ecoles[ecole], niveau=niveau)
    FicheSanitaire.objects.create(
        enfant=enfant,
        vaccins_a_jour=True,
        lunettes=prenom == "Léa",
        medecin="Docteur ROUMANEL",
        telephone_medecin="04 65 71 33 18",
        allergies="Arachide" if prenom == "Tom" else "",
    )
    Autorisations.objects.create(enfant=enfant, droit_image=True, soins_urgence=True, transport=True)
    PersonneAutorisee.objects.create(
        enfant=enfant,
        famille=familles[0],
        civilite="Mme",
        nom=nom,
        prenom="Odile",
        lien="Grand-mère",
        telephone="04 65 71 08 26",
        a_prevenir=True,
    )
    return enfant
