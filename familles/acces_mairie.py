"""Accesses the town opens: one account for each adult, with a temporary password (letter) or a link (e-mail)."""

import secrets
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models.functions import Lower

from familles.activation import envoyer_activation
from familles.identifiants import proposer
from familles.models import Famille, Responsable, Utilisateur, normaliser
from familles.mots_de_passe import longueur_minimale
from portail.socle.traces import tracer, tracer_plusieurs
from portail.socle.verrous import verrouiller

# Signs a tired eye does not take one for another on paper (no 0 O 1 l I 2 Z 5 S 8 B, no c/C, v/V…).
MINUSCULES, MAJUSCULES, CHIFFRES = "abdefghjkmnqrty", "ADEFGHJKLMNQRTY", "34679"
GROUPE = 4
ESSAIS = 3


class AccesRefuse(ValidationError):
    """Why the town cannot do that, as a sentence for the agent."""


@dataclass(frozen=True)
class Acces:
    """An account just opened. `mot_de_passe` is in clear for the letter being made, and kept nowhere else."""

    responsable: Responsable
    utilisateur: Utilisateur
    mot_de_passe: str = ""


def mot_de_passe_provisoire(utilisateur: Utilisateur) -> str:
    """« Ka7m-Tr4n-Ey9h »: random (60 bits), and within the rules this account must obey."""
    alphabet = MINUSCULES + MAJUSCULES + CHIFFRES
    groupes = -(-max(12, longueur_minimale()) // GROUPE)
    while True:
        tires = ("".join(secrets.choice(alphabet) for _ in range(GROUPE)) for _ in range(groupes))
        choisi = "-".join(tires)
        try:
            validate_password(choisi, utilisateur)
        except ValidationError:
            continue
        return choisi


@transaction.atomic
def ouvrir(
    responsables: Iterable[int], par, maintenant: datetime, avec_mot_de_passe: bool = True
) -> list[Acces]:
    """Open an account for each of these adults who has none (pks); twice is once. Constant number of queries.

    Without password, the account waits for its activation link.
    """
    adultes = _tenir(responsables).filter(utilisateur=None)
    adultes = list(adultes)
    for essai in range(1, ESSAIS + 1):
        try:
            with transaction.atomic():
                acces = _creer(adultes, maintenant, avec_mot_de_passe)
            break
        except IntegrityError:
            # Somebody took that identifiant or e-mail since it was proposed, for another household.
            if essai == ESSAIS:
                raise
    Responsable.objects.bulk_update(adultes, ["utilisateur"])
    moyen = "lettre" if avec_mot_de_passe else "lien"
    tracer_plusieurs(
        par,
        "acces.creer",
        [
            (a.responsable, a.responsable.famille, {"identifiant": a.utilisateur.identifiant, "par": moyen})
            for a in acces
        ],
    )
    return acces


def _tenir(responsables: Iterable[int]):
    """The households of these adults, locked; the adults as they are now, with what a letter says of them."""
    demandes = list(responsables)
    siennes = Responsable.objects.filter(pk__in=demandes).values("famille")
    verrouiller(Famille.objects.filter(pk__in=siennes))
    return (
        Responsable.objects.filter(pk__in=demandes, famille__archivee_le=None)
        .select_related("famille", "utilisateur")
        .prefetch_related("famille__responsables")
        .order_by("famille__numero", "-rang")
    )


def _creer(adultes: list[Responsable], maintenant: datetime, avec_mot_de_passe: bool) -> list[Acces]:
    identifiants = proposer([(r.prenom, r.nom) for r in adultes])
    courriels = _courriels_libres(adultes)
    acces = []
    for responsable, identifiant in zip(adultes, identifiants, strict=True):
        compte = Utilisateur(
            identifiant=identifiant,
            courriel=courriels.get(responsable.pk, ""),
            prenom=responsable.prenom,
            nom=responsable.nom,
            doit_changer_mot_de_passe=True,
        )
        secret = _donner_mot_de_passe(compte, maintenant) if avec_mot_de_passe else ""
        if not secret:
            compte.set_unusable_password()
        acces.append(Acces(responsable, compte, secret))
    Utilisateur.objects.bulk_create([a.utilisateur for a in acces])
    for a in acces:
        a.responsable.utilisateur = a.utilisateur
    return acces


def _donner_mot_de_passe(compte: Utilisateur, maintenant: datetime) -> str:
    secret = mot_de_passe_provisoire(compte)
    compte.set_password(secret)
    compte.doit_changer_mot_de_passe = True
    compte.mot_de_passe_expire_le = maintenant + timedelta(days=settings.ACCES_JOURS)
    return secret


def _courriels_libres(adultes: list[Responsable]) -> dict[int, str]:
    """Contact e-mails that may also be the log-in's: one person's only (couples share), and no account's yet."""
    voulus = {r.email.lower() for r in adultes if r.email}
    if not voulus:
        return {}
    personnes = defaultdict(set)
    porteurs = Responsable.objects.annotate(bas=Lower("email")).filter(bas__in=voulus)
    for bas, prenom, nom in porteurs.values_list("bas", "prenom", "nom"):
        personnes[bas].add((normaliser(prenom), normaliser(nom)))
    pris = Utilisateur.objects.annotate(bas=Lower("courriel")).filter(bas__in=voulus)
    pris = set(pris.values_list("bas", flat=True))
    libres = {}
    for responsable in adultes:
        bas = responsable.email.lower()
        if bas and bas not in pris and len(personnes[bas]) == 1:
            libres[responsable.pk] = responsable.email
            pris.add(bas)
    return libres


@transaction.atomic
def renouveler(responsable: int, par, maintenant: datetime) -> Acces:
    """A new temporary password for a new letter: the old one, and the sessions it opened, are over.

    Raises AccesRefuse when there is nothing to renew.
    """
    adulte = _avec_compte(responsable)
    secret = _donner_mot_de_passe(adulte.utilisateur, maintenant)
    adulte.utilisateur.save(update_fields=["password", "doit_changer_mot_de_passe", "mot_de_passe_expire_le"])
    tracer(par, "acces.lettre", adulte.utilisateur, famille=adulte.famille)
    return Acces(adulte, adulte.utilisateur, secret)


def _avec_compte(responsable: int) -> Responsable:
    adulte = _tenir([responsable]).first()
    if adulte is None or adulte.utilisateur is None:
        raise AccesRefuse("Cette personne n’a plus de compte\N{NO-BREAK SPACE}: rechargez la page.")
    if adulte.utilisateur.is_staff or not adulte.utilisateur.is_active:
        raise AccesRefuse(
            f"Le compte {adulte.utilisateur.identifiant} est désactivé, ou celui d’un agent\N{NO-BREAK SPACE}: "
            "il ne se renouvelle pas ici."
        )
    return adulte


@transaction.atomic
def inviter(responsable: int, par, maintenant: datetime) -> Responsable:
    """Mail the activation link, opening the account if there is none. Raises AccesRefuse without an e-mail."""
    ouvrir([responsable], par, maintenant, avec_mot_de_passe=False)
    adulte = _avec_compte(responsable)
    if not (adulte.email and adulte.autorisation_courriel):
        raise AccesRefuse(f"{adulte} n’a pas d’adresse de courriel où la mairie peut écrire.")
    if envoyer_activation(adulte, maintenant) is not None:
        tracer(par, "acces.lien", adulte.utilisateur, famille=adulte.famille)
    return adulte


def comptes_homonymes(responsable: Responsable) -> list[Utilisateur]:
    """Parents' accounts of the same name in another household: maybe the same person."""
    memes = Responsable.objects.filter(
        nom__iexact=responsable.nom, prenom__iexact=responsable.prenom, utilisateur__is_staff=False
    )
    memes = memes.exclude(famille=responsable.famille_id).select_related("utilisateur").order_by("pk")
    return list({r.utilisateur_id: r.utilisateur for r in memes}.values())


@transaction.atomic
def rattacher_compte(responsable: int, utilisateur: int, par) -> Responsable:
    """The same person in a second household: one account opens both. Raises AccesRefuse."""
    adulte = _tenir([responsable]).filter(utilisateur=None).first()
    if adulte is None:
        raise AccesRefuse("Cette personne a déjà un compte, ou n’est plus dans la famille.")
    compte = next((u for u in comptes_homonymes(adulte) if u.pk == utilisateur), None)
    if compte is None or adulte.famille.responsables.filter(utilisateur=compte).exists():
        raise AccesRefuse("Ce compte n’est pas celui d’une personne du même nom dans une autre famille.")
    adulte.utilisateur = compte
    adulte.save(update_fields=["utilisateur"])
    tracer(par, "acces.rattacher", compte, famille=adulte.famille)
    return adulte
