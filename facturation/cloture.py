"""Days whose invoices are already issued: a family changes them no more, the town does by an avoir (DOMAIN.md)."""

from collections.abc import Iterable
from datetime import date

from django.db.models import Q

from facturation.models import Campagne
from portail.socle.argent import INSECABLE

Jour = tuple[int, date]  # prestation, day


def jours_clos(jours: Iterable[Jour]) -> dict[Jour, str]:
    """Of these days, those inside a campagne issued or being issued, with the sentence for the parent. One query."""
    jours = set(jours)
    if not jours:
        return {}
    closes = Campagne.objects.filter(
        Q(etat=Campagne.Etat.EMISE) | Q(emission_demandee_le__isnull=False),
        du__lte=max(jour for _, jour in jours),
        au__gte=min(jour for _, jour in jours),
        regie__liens_prestations__prestation__in={prestation for prestation, _ in jours},
    )
    periodes = list(
        closes.order_by("pk").values_list(
            "regie__liens_prestations__prestation",
            "du",
            "au",
            "regie__liens_prestations__du",
            "regie__liens_prestations__au",
        )
    )
    phrase = f"Ce jour est déjà facturé{INSECABLE}: écrivez à la mairie, elle seule peut corriger la facture."
    return {
        (prestation, jour): phrase
        for prestation, jour in jours
        if any(
            p == prestation and max(du, debut) <= jour <= min(au, fin or au)
            for p, du, au, debut, fin in periodes
        )
    }
