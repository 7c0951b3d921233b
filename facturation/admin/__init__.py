"""The régisseur's desk. No rule here: forms check what is typed, verbs act."""

from . import campagnes, factures, paiements, regies, reglements, tarifs

__all__ = ["campagnes", "factures", "paiements", "regies", "reglements", "tarifs"]
