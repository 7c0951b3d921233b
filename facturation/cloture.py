"""Days whose invoices are already issued: a family changes them no more, the town does by an avoir (DOMAIN.md)."""

from collections.abc import Iterable
from datetime import date

from django.db.models import Exists, OuterRef, Q

from enfants.models import Reservation
from facturation.bareme import premier_du_mois
from facturation.brouillons import deja_facturees
from facturation.models import Campagne, Facture
from portail.socle.argent import INSECABLE

Jour = tuple[int, date]  # prestation, day
FACTURE = f"Ce jour est déjà facturé{INSECABLE}: écrivez à la mairie, elle seule peut corriger la facture."


def jours_clos(jours: Iterable[Jour]) -> dict[Jour, str]:
    """Of these days, those inside a campagne issued or being issued, with the sentence for the parent. One query.

    One invoice is enough: a campagne stopped half-way is closed for everybody. Read under the family's lock, the
    answer holds until the commit, for its invoice takes that lock first.
    """
    jours = set(jours)
    if not jours:
        return {}
    closes = Campagne.objects.filter(
        Q(etat=Campagne.Etat.EMISE)
        | Q(emission_demandee_le__isnull=False)
        | Exists(Facture.objects.filter(campagne=OuterRef("pk"))),
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
    return {
        (prestation, jour): FACTURE
        for prestation, jour in jours
        if any(
            p == prestation and max(du, debut) <= jour <= min(au, fin or au)
            for p, du, au, debut, fin in periodes
        )
    }


def deja_factures(reservations: Iterable[Reservation]) -> list[Reservation]:
    """Of these bookings, those a live invoice bills to their payer by the day: to excuse one makes an avoir necessary
    (`ecarts` tells the régisseur). A month at one price does not depend on a day.
    """
    reservations = list(reservations)
    if not reservations:
        return []
    jours = [r.jour for r in reservations]
    facturees = deja_facturees({r.payeur_id for r in reservations}, min(jours), max(jours))

    def facture(r: Reservation) -> bool:
        cle = (r.payeur_id, r.enfant_id, r.prestation_id)
        return (*cle, r.jour, False) in facturees and (*cle, premier_du_mois(r.jour), True) not in facturees

    return [r for r in reservations if facture(r)]
