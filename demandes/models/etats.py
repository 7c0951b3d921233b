"""States of a demande, and what its days make of it."""

from django.core.exceptions import ValidationError
from django.db import models

from enfants.models import Etat as EtatJour

ATTEND_LA_MAIRIE = (EtatJour.DEMANDEE, EtatJour.ABSENCE_DEMANDEE)
ATTENDENT = (*ATTEND_LA_MAIRIE, EtatJour.EN_ATTENTE)


class DejaTraitee(ValidationError):
    """Someone was faster, or the same person clicked twice. The sentence says who did what."""


class AChange(ValidationError):
    """The family's values are no longer those the agent saw."""


class Etat(models.TextChoices):
    ENVOYEE = "envoyee", "En cours"
    COMPLEMENT = "complement", "Complément demandé"
    ACCEPTEE = "acceptee", "Acceptée"
    ACCEPTEE_PARTIE = "acceptee_partie", "Acceptée en partie"
    REFUSEE = "refusee", "Refusée"
    RETIREE = "retiree", "Retirée"


EN_COURS = (Etat.ENVOYEE, Etat.COMPLEMENT)
ACCEPTEES = (Etat.ACCEPTEE, Etat.ACCEPTEE_PARTIE)
REPONDUES = (*ACCEPTEES, Etat.REFUSEE)


ACCEPTEE, REFUSEE, RETIREE = "acceptee", "refusee", "retiree"


def etat_des_jours(decisions: list[str]) -> str:
    """State of a planning demande from the decisions of its days; empty while one of them waits."""
    connues = set(decisions)
    if not connues or "" in connues:
        return ""
    if len(connues) == 1:
        return {ACCEPTEE: Etat.ACCEPTEE, REFUSEE: Etat.REFUSEE, RETIREE: Etat.RETIREE}[connues.pop()]
    return Etat.ACCEPTEE_PARTIE if ACCEPTEE in connues else Etat.REFUSEE


SAUF = "acceptee_sauf"  # said, never stored: all the town had to decide is accepted, the family withdrew the rest
MOTS = {**dict(Etat.choices), SAUF: "Acceptée, le reste retiré"}
# An absence is declared more than asked: « acceptée » would let one think it could have been forbidden.
MOTS_ABSENCE = {
    Etat.ACCEPTEE: "Prise en compte",
    Etat.ACCEPTEE_PARTIE: "Prise en compte en partie",
    SAUF: "Prise en compte, le reste retiré",
}


def en_mots(etat: str, decisions: set[str], absence: bool) -> str:
    """The state as a person reads it. `decisions`: those of its days."""
    if etat == Etat.ACCEPTEE_PARTIE and REFUSEE not in decisions and "" not in decisions:
        etat = SAUF
    return (MOTS_ABSENCE if absence else MOTS).get(etat) or MOTS[etat]
