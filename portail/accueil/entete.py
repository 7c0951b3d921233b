"""The header of every page: who is connected, what is new, where one is."""

from dataclasses import dataclass
from datetime import date

from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import SimpleLazyObject

from messagerie import boites
from portail.socle.models import Collectivite


@dataclass(frozen=True)
class Onglet:
    """One of the six tabs."""

    libelle: str
    url: str
    icone: str
    courant: bool
    pastille: int = 0


@dataclass(frozen=True)
class Entete:
    """« Bienvenue JEAN DUPONT, vous avez 1 nouveau message », the date, the tabs."""

    nom_complet: str
    nouveaux_messages: int
    aujourdhui: date
    onglets: tuple[Onglet, ...]


# (label, name of the address, icon, paths that belong to the tab)
ONGLETS = (
    ("Accueil", "accueil", "maison", ()),
    ("Mon compte", "compte", "personne", ("/compte/", "/mot-de-passe/")),
    ("Mes enfants", "enfants", "enfants", ("/enfants/",)),
    ("Relevé de compte", "releve", "facture", ("/releve/", "/factures/", "/paiement/", "/attestations/")),
    ("Boîte de réception", "messagerie", "enveloppe", ("/messagerie/",)),
    ("Liste des demandes", "demandes", "liste", ("/demandes/",)),
)


def nouveaux_messages(request: HttpRequest) -> int:
    """New messages of the person who asks; one query a request, whoever asks first."""
    if not hasattr(request, "nouveaux_messages"):
        request.nouveaux_messages = boites.nouveaux(request.responsable.famille, request.user)
    return request.nouveaux_messages


def _entete(request: HttpRequest) -> Entete | None:
    responsable = getattr(request, "responsable", None)
    if responsable is None:
        return None
    nouveaux = nouveaux_messages(request)
    onglets = tuple(
        Onglet(
            libelle=libelle,
            url=reverse(nom),
            icone=icone,
            courant=request.path.startswith(chemins) if chemins else request.path == reverse(nom),
            pastille=nouveaux if nom == "messagerie" else 0,
        )
        for libelle, nom, icone, chemins in ONGLETS
    )
    return Entete(responsable.nom_affiche, nouveaux, timezone.localdate(), onglets)


def contexte(request: HttpRequest) -> dict:
    """Context processor: `collectivite` everywhere, `entete` for a family (None otherwise)."""
    return {"collectivite": Collectivite.actuelle(), "entete": SimpleLazyObject(lambda: _entete(request))}
