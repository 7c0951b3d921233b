from .jour import planning_jour
from .planning import demande_planning
from .saisie import demande_compte, demande_enfant, enfant_ajouter
from .semaine_type import semaine_type_page
from .suivi import conversation, demande, demandes, demandes_enfants

__all__ = [
    "conversation",
    "demande",
    "demande_compte",
    "demande_enfant",
    "demande_planning",
    "demandes",
    "demandes_enfants",
    "enfant_ajouter",
    "planning_jour",
    "semaine_type_page",
]
