"""What pages of lower apps show of demandes: the block « À traiter » of the admin, what waits on a child's page."""

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from django import template
from django.urls import reverse
from django.utils import timezone

from demandes.admin import demandes_de_l_agent, lisible, peut_traiter
from demandes.liste import PRECISION
from demandes.models import Demande, Etat
from demandes.types import COMPTE as CATEGORIE_COMPTE
from demandes.types import ENFANT as CATEGORIE_ENFANT
from demandes.types import PAR_CODE, AjouterEnfant, de_la_categorie

register = template.Library()


@register.simple_tag
def demandes_a_traiter(agent) -> list[dict] | None:
    """How many demandes of each kind wait for this agent, the longest wait first; None when it is not their work.
    Those whose details they may not read (bank, health) are left out: they could not answer.
    """
    if not peut_traiter(agent):
        return None
    plus_anciennes: dict[str, date] = {}
    comptes: Counter = Counter()
    for demande in demandes_de_l_agent(agent).a_traiter().only("type", "donnees", "envoyee_le"):
        if lisible(agent, demande):
            comptes[demande.type] += 1
            plus_anciennes.setdefault(demande.type, timezone.localdate(demande.envoyee_le))
    return [
        {
            "code": code,
            "libelle": PAR_CODE[code].libelle,
            "nombre": comptes[code],
            "jours": (timezone.localdate() - jour).days,
        }
        for code, jour in plus_anciennes.items()
    ]


@dataclass(frozen=True)
class Attente:
    """What waits for the town, or for the family, about a subject: where to read it, in words."""

    url: str
    mots: str


@dataclass(frozen=True)
class Lien:
    """An entry of a menu; `attente`: what waits of this kind, if anything does."""

    url: str
    libelle: str
    icone: str
    attente: Attente | None


@register.simple_tag
def menu_du_compte(famille) -> list[Lien]:
    """What may be asked about the household, each kind with what waits of it. One query."""
    attendues = _par_genre(famille.demandes.en_cours().filter(enfant=None))
    return [
        Lien(
            reverse("demande_compte", args=[genre.code]),
            genre.libelle,
            genre.icone,
            _attente(attendues[genre.code]),
        )
        for genre in de_la_categorie(CATEGORIE_COMPTE)
    ]


@register.simple_tag
def menu_de_l_enfant(famille, enfant) -> list[Lien]:
    """What may be asked about this child, each kind with what waits of it. One query."""
    attendues = _par_genre(famille.demandes.en_cours().filter(enfant=enfant))
    return [
        Lien(
            reverse("demande_enfant", args=[enfant.pk, genre.code]),
            genre.menu or genre.libelle,
            genre.icone,
            _attente(attendues[genre.code]),
        )
        for genre in de_la_categorie(CATEGORIE_ENFANT)
        if not genre.planning and genre is not AjouterEnfant
    ]


def _par_genre(demandes) -> dict[str, list[Demande]]:
    trouvees: dict[str, list[Demande]] = defaultdict(list)
    for demande in demandes.only("type", "etat", "famille").order_by("envoyee_le", "numero"):
        trouvees[demande.type].append(demande)
    return trouvees


def _attente(demandes: list[Demande]) -> Attente | None:
    """One is read at once; several (a kind with a key) are in the list."""
    if not demandes:
        return None
    if len(demandes) > 1:
        adresse = f"{reverse('demandes_enfants')}?type={demandes[0].type}"
        return Attente(adresse, f"{len(demandes)} demandes en cours")
    (demande,) = demandes
    mots = PRECISION if demande.etat == Etat.COMPLEMENT else "Demande en cours"
    return Attente(reverse("demande", args=[demande.pk]), mots)


@dataclass(frozen=True)
class EnCours:
    """What waits on « Mes enfants »: children asked for and not yet known of the town, last first; and sheets."""

    nouveaux: list[dict]
    par_enfant: dict[UUID, list[dict]]


@register.simple_tag
def demandes_des_enfants(famille) -> EnCours:
    """Every demande about a child that waits, the days apart (each says its state itself). One query."""
    codes = [genre.code for genre in de_la_categorie(CATEGORIE_ENFANT) if not genre.planning]
    en_cours = EnCours([], defaultdict(list))
    for demande in famille.demandes.en_cours().filter(type__in=codes).order_by("-envoyee_le", "-numero"):
        if demande.type == AjouterEnfant.code:
            en_cours.nouveaux.append({"demande": demande, "nom": AjouterEnfant.en_bref(demande)})
        elif demande.enfant_id:
            mots = demande.genre.menu or demande.genre.libelle
            precision = PRECISION if demande.etat == Etat.COMPLEMENT else ""
            en_cours.par_enfant[demande.enfant_id].append(
                {"demande": demande, "nom": mots, "precision": precision}
            )
    return en_cours


@register.filter
def pour(par_enfant: dict, enfant) -> list[dict]:
    """`en_cours.par_enfant|pour:enfant`."""
    return par_enfant.get(enfant.pk, [])
