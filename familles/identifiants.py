"""Identifiants proposed from names: « prenom.nom », then a number."""

import re
from collections.abc import Sequence
from itertools import chain, count

from django.db.models import Q

from familles.models import Utilisateur, normaliser

# NFKC leaves ligatures alone; « Œ » is casefolded before it comes here.
LIGATURES = str.maketrans({"œ": "oe", "æ": "ae"})
LONGUEUR = 100


def racine(prenom: str, nom: str) -> str:
    """« Hélène », « DE LA TOUR » → « helene.de-la-tour »; never an « @ » (at log-in it means an e-mail)."""
    simples = (normaliser(x).translate(LIGATURES) for x in (prenom, nom))
    morceaux = [re.sub(r"[^a-z0-9]+", "-", x).strip("-") for x in simples]
    return ".".join(filter(None, morceaux))[:LONGUEUR] or "famille"


def proposer(personnes: Sequence[tuple[str, str]]) -> list[str]:
    """A free identifiant for each (prénom, nom), all different; one query. Free now: the unique index decides."""
    racines = [racine(prenom, nom) for prenom, nom in personnes]
    if not racines:
        return []
    debuts = Q()
    for debut in sorted(set(racines)):
        debuts |= Q(identifiant__startswith=debut)
    pris = set(Utilisateur.objects.filter(debuts).values_list("identifiant", flat=True))
    libres = []
    for debut in racines:
        libre = next(x for x in chain([debut], (f"{debut}{n}" for n in count(2))) if x not in pris)
        pris.add(libre)
        libres.append(libre)
    return libres
