from .agenda import LienAgenda
from .calendrier import Fermeture, JourFerie, PeriodeVacances
from .enfant import (
    AnneeScolaire,
    Autorisations,
    Enfant,
    FicheSanitaire,
    Niveau,
    PersonneAutorisee,
    Rattachement,
    Scolarite,
)
from .inscription import Inscription
from .offre import AffectationAgent, Creneau, GroupeExclusif, Jauge, Limite, Prestation, Structure
from .reservation import OCCUPANTS, VIVANTS, Etat, Pointage, Reservation, ReservationEvenement

__all__ = [
    "OCCUPANTS",
    "VIVANTS",
    "AffectationAgent",
    "AnneeScolaire",
    "Autorisations",
    "Creneau",
    "Enfant",
    "Etat",
    "Fermeture",
    "FicheSanitaire",
    "GroupeExclusif",
    "Inscription",
    "Jauge",
    "JourFerie",
    "LienAgenda",
    "Limite",
    "Niveau",
    "PeriodeVacances",
    "PersonneAutorisee",
    "Pointage",
    "Prestation",
    "Rattachement",
    "Reservation",
    "ReservationEvenement",
    "Scolarite",
    "Structure",
]
