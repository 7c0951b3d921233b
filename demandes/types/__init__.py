"""Every kind of demande. A new kind is a class and a line here: no migration, no template, no admin."""

from .banque import Bancaires
from .base import COMPTE, ENFANT, SANS_AUTORITE, Ligne, Section, TypeDemande
from .compte import Caf, Conjoint, Fiscales, InfosResponsable
from .enfant import AjouterEnfant, AutorisationsEnfant, DonneesSanitaires, Identite
from .inscription import InscriptionService
from .personnes import PersonnesAutorisees
from .planning import Absences, Reservations

TYPES: tuple[type[TypeDemande], ...] = (
    InfosResponsable,
    Conjoint,
    Fiscales,
    Caf,
    Bancaires,
    AjouterEnfant,
    Identite,
    AutorisationsEnfant,
    DonneesSanitaires,
    PersonnesAutorisees,
    InscriptionService,
    Reservations,
    Absences,
)
PAR_CODE: dict[str, type[TypeDemande]] = {t.code: t for t in TYPES}

__all__ = [
    "COMPTE",
    "ENFANT",
    "PAR_CODE",
    "SANS_AUTORITE",
    "TYPES",
    "Absences",
    "AjouterEnfant",
    "Ligne",
    "Reservations",
    "Section",
    "TypeDemande",
    "choix_des_types",
    "de_la_categorie",
]


def choix_des_types() -> list[tuple[str, str]]:
    """Choices of `Demande.type`; a callable, so that a new kind makes no migration."""
    return [(t.code, t.libelle) for t in TYPES]


def de_la_categorie(categorie: str) -> list[type[TypeDemande]]:
    return [t for t in TYPES if t.categorie == categorie]
