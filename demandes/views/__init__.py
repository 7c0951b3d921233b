from .planning import demande_planning
from .saisie import demande_compte, demande_enfant, enfant_ajouter
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
]
