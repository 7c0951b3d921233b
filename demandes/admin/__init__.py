"""The town's side: what waits, one demande, the choices per kind. Every decision is a verb of Demande."""

from .demande import DemandeAdmin
from .droits import demandes_de_l_agent, lisible, peut_traiter
from .reglages import MotifRefusAdmin, ReglageDemandeAdmin

__all__ = [
    "DemandeAdmin",
    "MotifRefusAdmin",
    "ReglageDemandeAdmin",
    "demandes_de_l_agent",
    "lisible",
    "peut_traiter",
]
