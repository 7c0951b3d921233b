"""The header of every page: who is connected, what is new, where one is."""

from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache

from django.db.models import Count, OuterRef, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.middleware import csrf
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import SimpleLazyObject

from demandes.models import Demande
from demandes.models.requetes import NOUVELLES
from enfants.models import Rattachement
from familles.models import Famille, Utilisateur
from messagerie.models import Message
from portail.socle.lecture import Preparee
from portail.socle.models import Collectivite


@dataclass(frozen=True)
class Onglet:
    """One of the six tabs."""

    libelle: str
    url: str
    icone: str
    courant: bool
    pastille: int = 0
    mots: str = ""  # what the figure counts, for a screen reader


@dataclass(frozen=True)
class Entete:
    """« Bienvenue JEAN DUPONT, vous avez 1 nouveau message », the date, the tabs."""

    nom_complet: str
    nouveaux_messages: int
    aujourdhui: date
    onglets: tuple[Onglet, ...]
    menu: str  # the tabs as HTML: on every page twice, worked out once


# (label, name of the address, icon, paths that belong to the tab)
ONGLETS = (
    ("Accueil", "accueil", "maison", ()),
    ("Mon compte", "compte", "personne", ("/compte/", "/mot-de-passe/")),
    ("Mes enfants", "enfants", "enfants", ("/enfants/",)),
    ("Relevé de compte", "releve", "facture", ("/releve/", "/factures/", "/paiement/", "/attestations/")),
    ("Boîte de réception", "messagerie", "enveloppe", ("/messagerie/",)),
    ("Liste des demandes", "demandes", "liste", ("/demandes/",)),
)


@dataclass(frozen=True)
class Nouveautes:
    """What the person who asks has not seen: the town's messages, its answers to demandes."""

    messages: int
    demandes: int


def nouveautes(request: HttpRequest) -> Nouveautes:
    """One query a request, whoever asks first: it is on every page."""
    if not hasattr(request, "nouveautes"):
        maintenant = timezone.now()
        ((messages, demandes),) = NOUVEAUTES.lignes(
            request.responsable.famille_id,
            request.user.pk,
            timezone.localdate(maintenant),
            maintenant - NOUVELLES,
        )
        request.nouveautes = Nouveautes(messages, demandes)
    return request.nouveautes


def _comptes(famille: int, compte: int, jour: date, depuis: datetime):
    messages = Message.objects.filter(conversation__famille=OuterRef("pk")).nouveaux(compte)
    demandes = Demande.objects.filter(famille=OuterRef("pk")).visibles(jour)
    demandes = demandes.nouvelles(compte, depuis + NOUVELLES)
    return Famille.objects.filter(pk=famille).values_list(
        _nombre(messages, "conversation__famille"), _nombre(demandes, "famille")
    )


# Prepared: written anew at each request, it took the ORM longer than the rest of the header.
NOUVEAUTES = Preparee(
    _comptes,
    Famille._meta.pk,
    Utilisateur._meta.pk,
    Rattachement._meta.get_field("du"),
    Demande._meta.get_field("decidee_le"),
)


def _nombre(lignes, famille: str) -> Coalesce:
    """How many of these rows the household of the outer query has."""
    comptes = lignes.order_by().values(famille).annotate(n=Count("pk")).values("n")
    return Coalesce(Subquery(comptes), 0)


def nouveaux_messages(request: HttpRequest) -> int:
    return nouveautes(request).messages


def _mots(nom: str, nombre: int) -> str:
    pluriel = "s" if nombre > 1 else ""
    return f"non lu{pluriel}" if nom == "messagerie" else f"nouvelle{pluriel} réponse{pluriel}"


def _entete(request: HttpRequest) -> Entete | None:
    responsable = getattr(request, "responsable", None)
    if responsable is None:
        return None
    vues = nouveautes(request)
    adresses = _adresses()
    pastilles = {"messagerie": vues.messages, "demandes": vues.demandes}
    onglets = tuple(
        Onglet(
            libelle=libelle,
            url=adresses[nom],
            icone=icone,
            courant=request.path.startswith(chemins) if chemins else request.path == adresses[nom],
            pastille=pastilles.get(nom, 0),
            mots=_mots(nom, pastilles.get(nom, 0)),
        )
        for libelle, nom, icone, chemins in ONGLETS
    )
    menu = render_to_string(
        "includes/onglets.html", {"onglets": onglets, "csrf_token": csrf.get_token(request)}
    )
    return Entete(responsable.nom_affiche, vues.messages, timezone.localdate(), onglets, menu)


@lru_cache(maxsize=1)
def _adresses() -> dict[str, str]:
    return {nom: reverse(nom) for _, nom, _, _ in ONGLETS}


def contexte(request: HttpRequest) -> dict:
    """Context processor: `collectivite` everywhere, `entete` for a family (None otherwise)."""
    return {"collectivite": Collectivite.actuelle(), "entete": SimpleLazyObject(lambda: _entete(request))}
