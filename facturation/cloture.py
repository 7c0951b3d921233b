"""Days whose invoices are already issued: a family changes them no more, the town does by an avoir (DOMAIN.md)."""

from collections.abc import Iterable
from datetime import date

from django.db.models import Exists, OuterRef, Q

from enfants.models import Reservation
from enfants.regles import jour_en_mots
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


def phrase_deja_factures(reservations: Iterable[Reservation]) -> str:
    """For the agent about to change these bookings: which days need an avoir first; empty when none does."""
    factures = sorted(deja_factures(reservations), key=lambda r: (r.jour, r.pk))
    jours = ", ".join(dict.fromkeys(jour_en_mots(r.jour) for r in factures))
    return (
        f"Déjà facturé{INSECABLE}: {jours}. Faites d’abord un avoir de la facture, ou refusez."
        if jours
        else ""
    )


def deja_factures(reservations: Iterable[Reservation]) -> list[Reservation]:
    """Of these bookings, those a live invoice bills to their payer: to excuse or to grant them now would leave it wrong.

    By invoice and not by campagne: a family whose invoice is held back, or cancelled by an avoir, is still to decide.
    """
    reservations = list(reservations)
    if not reservations:
        return []
    jours = [r.jour for r in reservations]
    facturees = deja_facturees({r.payeur_id for r in reservations}, min(jours), max(jours))
    return [
        r for r in reservations if (r.payeur_id, r.enfant_id, r.prestation_id, r.jour, False) in facturees
    ]
