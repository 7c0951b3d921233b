"""Days whose invoices are already issued: a family changes them no more, the town does by an avoir (DOMAIN.md)."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import date

from django.db.models import Exists, OuterRef, Q, QuerySet

from enfants.models import Reservation
from facturation.bareme import premier_du_mois
from facturation.brouillons import deja_facturees
from facturation.models import Campagne, Facture
from portail.socle.argent import INSECABLE
from portail.socle.lecture import Preparee

Jour = tuple[int, date]  # prestation, day


def _closes(au: date, du: date) -> QuerySet:
    """Services and periods of the campagnes issued, or being issued, that touch these days."""
    lien = "regie__liens_prestations__"
    closes = Campagne.objects.filter(
        Q(etat=Campagne.Etat.EMISE)
        | Q(emission_demandee_le__isnull=False)
        | Exists(Facture.objects.filter(campagne=OuterRef("pk"))),
        du__lte=au,
        au__gte=du,
        regie__liens_prestations__isnull=False,
    )
    return closes.order_by("pk").values_list(f"{lien}prestation", "du", "au", f"{lien}du", f"{lien}au")


# Prepared: it is on every planning.
CLOSES = Preparee(_closes, Campagne._meta.get_field("du"), Campagne._meta.get_field("au"))
FACTURE = f"Ce jour est déjà facturé{INSECABLE}: écrivez à la mairie, elle seule peut corriger la facture."


def jours_clos(jours: Iterable[Jour]) -> dict[Jour, str]:
    """Of these days, those inside a campagne issued or being issued, with the sentence for the parent. One query.

    One invoice is enough: a campagne stopped half-way is closed for everybody. Read under the family's lock, the
    answer holds until the commit, for its invoice takes that lock first.
    """
    jours = set(jours)
    if not jours:
        return {}
    du, au = min(jour for _, jour in jours), max(jour for _, jour in jours)
    periodes = defaultdict(list)
    for prestation, debut, fin, lien_du, lien_au in CLOSES.lignes(au, du):
        periodes[prestation].append((max(debut, lien_du), min(fin, lien_au or fin)))
    return {
        (prestation, jour): FACTURE
        for prestation, jour in (jours if periodes else ())
        if any(du <= jour <= au for du, au in periodes[prestation])
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
