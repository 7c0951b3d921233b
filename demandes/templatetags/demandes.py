"""What pages of lower apps show of demandes: the block « À traiter » of the admin, what waits on a child's page."""

from collections import Counter
from dataclasses import dataclass
from datetime import date

from django import template
from django.urls import reverse
from django.utils import timezone

from demandes.admin import demandes_de_l_agent, lisible, peut_traiter
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
class Lien:
    """An entry of a child's menu; `attente` says what waits there."""

    url: str
    libelle: str
    icone: str
    attente: str


@register.simple_tag
def menu_de_l_enfant(famille, enfant) -> list[Lien]:
    """What may be asked about this child, each kind with what waits of it. One query."""
    attendus = Counter(famille.demandes.en_cours().filter(enfant=enfant).values_list("type", flat=True))
    liens = []
    for genre in de_la_categorie(CATEGORIE_ENFANT):
        if genre.planning or genre is AjouterEnfant:
            continue
        nombre = attendus[genre.code]
        liens.append(
            Lien(
                reverse("demande_enfant", args=[enfant.pk, genre.code]),
                genre.menu or genre.libelle,
                genre.icone,
                (f"{nombre} en attente" if genre.cle else "Modification en attente") if nombre else "",
            )
        )
    return liens


@register.simple_tag
def enfants_en_attente(famille) -> list[dict]:
    """Children asked for and not yet known of the town, last first."""
    demandes = famille.demandes.en_cours().filter(type=AjouterEnfant.code).order_by("-envoyee_le")
    return [{"demande": d, "nom": AjouterEnfant.en_bref(d)} for d in demandes]
