"""Builders and the three people of every test: the owner, the other parent of one child, a stranger."""

from dataclasses import dataclass, field
from datetime import date, time
from decimal import Decimal
from itertools import count

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from enfants import semaine
from enfants.models import Enfant, Inscription, Jauge, Limite, Prestation, Rattachement, Structure
from familles.models import Famille, QuotientFamilial, Responsable, Utilisateur

MOT_DE_PASSE = "Portail2026"
_suite = count(1)
DEBUT = date(2014, 9, 1)


def utilisateur(identifiant: str, **champs) -> Utilisateur:
    return Utilisateur.objects.create_user(identifiant, MOT_DE_PASSE, **champs)


def agent(identifiant: str = "agent", *permissions: str, **champs) -> Utilisateur:
    """An agent; a superuser unless permissions (« app.codename ») are named."""
    champs.setdefault("is_superuser", not permissions)
    cree = utilisateur(identifiant, is_staff=True, **champs)
    for nom in permissions:
        app, code = nom.split(".")
        cree.user_permissions.add(Permission.objects.get(content_type__app_label=app, codename=code))
    return cree


def famille(prenom: str, nom: str, identifiant: str = "", quotient: int | None = 845, **champs) -> Famille:
    """A household with its titulaire, a log-in when `identifiant` is given, a quotient since ever."""
    creee = Famille.objects.create(numero=f"10010018{next(_suite):05d}")
    Responsable.objects.create(
        famille=creee,
        rang="titulaire",
        prenom=prenom,
        nom=nom,
        civilite=champs.pop("civilite", "M"),
        email=f"{prenom.lower()}.{nom.lower()}@exemple.fr",
        autorisation_courriel=True,
        utilisateur=utilisateur(identifiant, prenom=prenom, nom=nom) if identifiant else None,
        **champs,
    )
    if quotient is not None:
        QuotientFamilial.objects.create(famille=creee, valeur=Decimal(quotient), du=DEBUT)
    return creee


def enfant(
    prenom: str, *familles: Famille, naissance: date = date(2018, 3, 14), nom: str = "DUPONT"
) -> Enfant:
    cree = Enfant.objects.create(prenom=prenom, nom=nom, sexe="F", naissance=naissance)
    for f in familles:
        Rattachement.objects.create(enfant=cree, famille=f, du=DEBUT)
    return cree


def limite(nom: str = "Deux jours ouvrés avant 12 h", **champs) -> Limite:
    defaut = {"genre": "jours_avant", "nombre": 2, "compte": "ouvres", "heure": time(12)}
    return Limite.objects.get_or_create(nom=nom, defaults=defaut | champs)[0]


def structure(nom: str = "Garderie périscolaire", **champs) -> Structure:
    return Structure.objects.get_or_create(nom=nom, defaults={"genre": "periscolaire"} | champs)[0]


def prestation(nom: str = "Restauration scolaire", places: int | None = None, **champs) -> Prestation:
    """A term-time weekday service, decided by the town unless said; `places` gives it a Jauge."""
    regle = limite()
    lieu = champs.pop("structure", None) or structure()
    defaut = {
        "jours": semaine.OUVRES,
        "heure_debut": time(11, 30),
        "heure_fin": time(13, 30),
        "limite_reservation": regle,
        "limite_annulation": regle,
    }
    creee = Prestation.objects.create(structure=lieu, nom=nom, **(defaut | champs))
    if places is not None:
        jauge = Jauge.objects.create(structure=lieu, libelle=f"Places {nom}", capacite=places)
        jauge.prestations.add(creee)
    return creee


def inscription(enfant: Enfant, prestation: Prestation, famille: Famille, **champs) -> Inscription:
    return Inscription.objects.create(
        enfant=enfant, prestation=prestation, famille=famille, **({"du": DEBUT} | champs)
    )


@dataclass
class Monde:
    """Jean (two children), Jeanne (the other household of Léa), Claire the stranger, an agent."""

    jean: Famille
    jeanne: Famille
    claire: Famille
    lea: Enfant
    tom: Enfant
    zoe: Enfant
    agent: Utilisateur
    cantine: Prestation
    inscriptions: dict[str, Inscription] = field(default_factory=dict)

    def client(self, qui: Famille | Utilisateur) -> Client:
        """A browser logged in as the titulaire of that family, or as that agent."""
        compte = qui if isinstance(qui, Utilisateur) else qui.responsables.get(rang="titulaire").utilisateur
        navigateur = Client()
        navigateur.force_login(compte)
        return navigateur


@pytest.fixture
def monde(db) -> Monde:
    """The three people of every test."""
    jean = famille("Jean", "DUPONT", "jean.dupont", situation="separe", qualite="pere")
    jeanne = famille("Jeanne", "DUPONT", "jeanne.dupont", civilite="Mme", qualite="mere")
    claire = famille("Claire", "MARTIN", "claire.martin", civilite="Mme")
    lea = enfant("Léa", jean, jeanne)
    tom = enfant("Tom", jean, naissance=date(2021, 6, 2))
    zoe = enfant("Zoé", claire, nom="MARTIN")
    cantine = prestation()
    return Monde(
        jean=jean,
        jeanne=jeanne,
        claire=claire,
        lea=lea,
        tom=tom,
        zoe=zoe,
        agent=agent(),
        cantine=cantine,
        inscriptions={
            "lea": inscription(lea, cantine, jean),
            "tom": inscription(tom, cantine, jean),
            "zoe": inscription(zoe, cantine, claire),
        },
    )
