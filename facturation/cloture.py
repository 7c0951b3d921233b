"""Days whose invoices are already issued: a family changes them no more, the town does by an avoir (DOMAIN.md)."""

from collections.abc import Iterable
from datetime import date

from django.db.models import F, Q

from facturation.models import RegiePrestation
from portail.socle.argent import INSECABLE

Jour = tuple[int, date]  # prestation, day


def jours_clos(jours: Iterable[Jour]) -> dict[Jour, str]:
    """Of these days, those inside a campagne issued or being issued, with the sentence for the parent. One query."""
    jours = set(jours)
    if not jours:
        return {}
    liens = RegiePrestation.objects.filter(
        Q(au__isnull=True) | Q(au__gte=F("regie__campagnes__du")),
        prestation__in={prestation for prestation, _ in jours},
        du__lte=F("regie__campagnes__au"),
        regie__campagnes__du__lte=max(jour for _, jour in jours),
        regie__campagnes__au__gte=min(jour for _, jour in jours),
        regie__campagnes__emission_demandee_le__isnull=False,
    )
    periodes = list(
        liens.order_by("pk").values_list("prestation", "regie__campagnes__du", "regie__campagnes__au")
    )
    phrase = f"Ce jour est déjà facturé{INSECABLE}: écrivez à la mairie, elle seule peut corriger la facture."
    return {
        (prestation, jour): phrase
        for prestation, jour in jours
        if any(p == prestation and du <= jour <= au for p, du, au in periodes)
    }
