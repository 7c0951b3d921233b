"""The generated families of the town: adults, children, school, quotient, accounts. Written with bulk inserts."""

import uuid
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from random import Random

from django.contrib.auth.hashers import make_password

from enfants.models import (
    AnneeScolaire,
    Autorisations,
    Enfant,
    FicheSanitaire,
    Inscription,
    Prestation,
    Rattachement,
    Scolarite,
    Structure,
)
from familles.models import Allocataire, Famille, QuotientFamilial, Residence, Responsable, Utilisateur

from . import noms

GRAINE = 1001001818331
MOT_DE_PASSE = "Portail2026"
NIVEAUX = {3: "PS", 4: "MS", 5: "GS", 6: "CP", 7: "CE1", 8: "CE2", 9: "CM1", 10: "CM2"}
PREMIER_NUMERO = 1001001900000


@dataclass
class Ville:
    """What every builder needs: the day, the school year, the offer, one seeded generator."""

    aujourdhui: date
    annee: AnneeScolaire
    offre: dict[str, Prestation]
    ecoles: list[Structure]
    hasard: Random = field(default_factory=lambda: Random(GRAINE))

    @property
    def depuis(self) -> date:
        """Since when everything is open: the start of the school year before."""
        return date(self.annee.debut.year - 1, 9, 1)

    def niveau(self, naissance: date) -> str:
        """School level of a child for this year: three years old in the calendar year = petite section."""
        return NIVEAUX.get(self.annee.debut.year - naissance.year, "CM2")


def peupler(ville: Ville, combien: int, barre) -> list[Inscription]:
    """Create `combien` families with their children; the inscriptions come back, in a stable order."""
    h = ville.hasard
    # One hash for all: argon2 costs 20 ms, and these accounts share the demonstration's password.
    empreinte = make_password(MOT_DE_PASSE)
    comptes = Utilisateur.objects.bulk_create(
        [
            Utilisateur(identifiant=f"famille{i:05d}", password=empreinte, prenom="Famille", nom=f"{i:05d}")
            for i in range(1, combien + 1)
        ],
        batch_size=1000,
    )
    familles = Famille.objects.bulk_create(
        [Famille(numero=str(PREMIER_NUMERO + i)) for i in range(1, combien + 1)], batch_size=1000
    )
    lots = Lots()
    for famille, compte in zip(familles, comptes, strict=True):
        _une_famille(ville, h, famille, compte, lots)
        barre.update(1)
    return lots.ecrire()


@dataclass
class Lots:
    """Rows waiting for their bulk insert, in the order their foreign keys need."""

    responsables: list = field(default_factory=list)
    quotients: list = field(default_factory=list)
    allocataires: list = field(default_factory=list)
    residences: list = field(default_factory=list)
    enfants: list = field(default_factory=list)
    rattachements: list = field(default_factory=list)
    scolarites: list = field(default_factory=list)
    fiches: list = field(default_factory=list)
    autorisations: list = field(default_factory=list)
    inscriptions: list = field(default_factory=list)

    def ecrire(self) -> list[Inscription]:
        for modele, lignes in (
            (Responsable, self.responsables),
            (QuotientFamilial, self.quotients),
            (Allocataire, self.allocataires),
            (Residence, self.residences),
            (Enfant, self.enfants),
            (Rattachement, self.rattachements),
            (Scolarite, self.scolarites),
            (FicheSanitaire, self.fiches),
            (Autorisations, self.autorisations),
        ):
            modele.objects.bulk_create(lignes, batch_size=1000)
        return Inscription.objects.bulk_create(self.inscriptions, batch_size=1000)


def _une_famille(ville: Ville, h: Random, famille: Famille, compte: Utilisateur, lots: Lots) -> None:
    nom = h.choice(noms.NOMS).upper()
    adresse, telephone = noms.adresse(h), noms.telephone_fixe(h)
    adultes = h.sample(noms.ADULTES, 2 if h.random() < 0.72 else 1)
    for rang, prenom in zip(("titulaire", "conjoint"), adultes, strict=False):
        femme = prenom in noms.FEMMES
        lots.responsables.append(
            Responsable(
                famille=famille,
                rang=rang,
                utilisateur=compte if rang == "titulaire" else None,
                civilite="Mme" if femme else "M",
                nom=nom,
                prenom=prenom,
                qualite="mere" if femme else "pere",
                situation="marie" if len(adultes) == 2 else "separe",
                adresse=adresse,
                code_postal="84990",
                ville="Belrive-sur-Durance",
                telephone_domicile=telephone,
                telephone_mobile=noms.telephone_mobile(h),
                email=f"famille{compte.identifiant[7:]}.{rang}@exemple.fr",
                autorisation_courriel=h.random() < 0.8,
            )
        )
    if h.random() < 0.9:
        quotient = Decimal(h.randrange(18000, 190000)) / 100
        lots.quotients.append(QuotientFamilial(famille=famille, valeur=quotient, du=ville.depuis))
        lots.allocataires.append(
            Allocataire(
                famille=famille, organisme="caf", regime="general", numero=f"{h.randrange(10**6, 10**7)}"
            )
        )
    if h.random() < 0.08:
        lots.residences.append(Residence(famille=famille, residente=False, du=ville.depuis))
    for rang in range(h.choice((1, 1, 2, 2, 2, 3))):
        enfant = _un_enfant(ville, h, nom, famille, lots)
        # Every family's first child eats at school: each family has something to be billed for.
        for service in dict.fromkeys([*(["Restauration scolaire"] if rang == 0 else []), *_services(h)]):
            lots.inscriptions.append(
                Inscription(enfant=enfant, prestation=ville.offre[service], famille=famille, du=ville.depuis)
            )


def _un_enfant(ville: Ville, h: Random, nom: str, famille: Famille, lots: Lots) -> Enfant:
    prenom = h.choice(noms.PRENOMS)
    annee = ville.annee.debut.year - h.randrange(3, 11)
    enfant = Enfant(
        # Not uuid4: the town must be the same every time.
        id=uuid.UUID(int=h.getrandbits(128), version=4),
        nom=nom,
        prenom=prenom,
        sexe="F" if prenom in noms.FILLES else "G",
        naissance=date(annee, 1, 1) + timedelta(days=h.randrange(365)),
        lieu_naissance="Belrive-sur-Durance",
    )
    lots.enfants.append(enfant)
    lots.rattachements.append(Rattachement(enfant=enfant, famille=famille, du=ville.depuis))
    lots.scolarites.append(
        Scolarite(
            enfant=enfant,
            annee=ville.annee,
            ecole=h.choice(ville.ecoles),
            niveau=ville.niveau(enfant.naissance),
        )
    )
    regime = h.choices(("aucun", "sans_porc", "sans_viande", "vegetarien"), (82, 8, 5, 5))[0]
    lots.fiches.append(
        FicheSanitaire(enfant=enfant, regime=regime, vaccins_a_jour=True, lunettes=h.random() < 0.2)
    )
    lots.autorisations.append(
        Autorisations(
            enfant=enfant, droit_image=h.random() < 0.8, soins_urgence=True, transport=True, baignade=True
        )
    )
    return enfant


def _services(h: Random) -> list[str]:
    """A plausible set of services, never two that exclude each other."""
    choisis = ["Restauration scolaire"] if h.random() < 0.9 else []
    if h.random() < 0.5:
        choisis.append("Garderie matin")
    if h.random() < 0.4:
        choisis.append("Garderie soir")
    if h.random() < 0.45:
        choisis.append(h.choice(("Mercredi journée", "Mercredi après-midi")))
    if h.random() < 0.35:
        choisis.append(h.choice(("Vacances journée", "Vacances après-midi")))
    return choisis or ["Restauration scolaire"]
