"""Which agent may do what with a demande: four questions, asked in this order.

Does their work include demandes (`traiter_demande`)? Is this kind open to one of their groups (ReglageDemande)? Does it
concern one of their structures, when they have some (AffectationAgent)? May they read what it holds (`voir_sante`,
`voir_banque`)?
"""

from demandes.models import Demande
from enfants.agents import structures_de
from enfants.models import Structure


def peut_traiter(agent) -> bool:
    return agent.is_active and agent.is_staff and agent.has_perm("demandes.traiter_demande")


def demandes_de_l_agent(agent):
    """Demandes this agent may treat."""
    return Demande.objects.pour_agent(agent)


def lisible(agent, demande: Demande) -> bool:
    """Health and bank details are for those who need them."""
    return not demande.permission or agent.has_perm(demande.permission)


def interlocuteur(agent, demande: Demande):
    """In whose name this agent writes to the family: their structure, that of the days first; None: the town."""
    miennes = structures_de(agent)
    if miennes is None:
        return None
    lieux = [j.reservation.prestation.structure for j in demande.jours.all()]
    return next((s for s in lieux if s.pk in miennes), None) or Structure.objects.get(pk=miennes[0])
