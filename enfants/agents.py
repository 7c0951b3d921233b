"""Which structures an agent works for: one rule for the admin, the messages, the demandes and their documents."""

from enfants.models import AffectationAgent


def structures_de(agent) -> list[int] | None:
    """Primary keys of the structures this agent is attached to; None = every structure (no AffectationAgent row,
    or a superuser, whatever their rows).
    """
    if agent.is_superuser:
        return None
    liees = AffectationAgent.objects.filter(utilisateur=agent)
    return list(liees.order_by("structure").values_list("structure", flat=True)) or None
