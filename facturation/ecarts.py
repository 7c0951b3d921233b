"""Days billed and no longer due: a closure, an agent or an attestation cancelled or excused them after the invoice.

The régisseur is told on the admin's home page, and answers by an avoir. Computed from the rows, never stored.
"""

from collections import defaultdict
from datetime import date, timedelta

from django.db.models import Exists, Min, OuterRef, Q, QuerySet

from enfants.models import Etat, Inscription, Reservation
from enfants.models.reservation import presences
from facturation.models import Campagne, Facture, LigneFacture
from facturation.tarification import VOTRE_PART
from portail.socle.dates import decaler_mois, premier_du_mois

# How long after the end of its period an invoice is watched.
SUIVIE = timedelta(days=366)
# A row bears the instant its verb began, maybe before the invoice whose lock, or whose lines, it did not see.
MARGE = timedelta(minutes=10)
DUS = (Etat.RESERVEE, Etat.ABSENCE_DEMANDEE, Etat.ABSENT_FACTURE)
NON_DUS = (Etat.ANNULEE, Etat.ABSENT_EXCUSE, Etat.CONGE)


def a_corriger(aujourdhui: date, factures: QuerySet[Facture] | None = None) -> dict[int, list[Reservation]]:
    """By live invoice (among `factures`: all), its days that are not due any more. Six queries at most."""
    emises = Campagne.objects.filter(factures__nature=Facture.Nature.FACTURE, au__gte=aujourdhui - SUIVIE)
    if factures is not None:
        emises = emises.filter(factures__in=factures)
    # The first of its invoices, or its draft: what was cancelled or excused before is in none of them.
    emises = emises.annotate(premiere=Min("factures__emise_le"))
    campagnes = list(emises.prefetch_related("regie__liens_prestations"))
    non_dus = _non_dus(campagnes)
    if not non_dus:
        return {}
    lignes = LigneFacture.objects.filter(
        facture__in=(Facture.objects if factures is None else factures).vives(),
        facture__campagne__in=campagnes,
        enfant__in={enfant for enfant, _, _ in non_dus},
        total_centimes__gt=0,
    ).select_related("facture")
    trouvees: dict[int, list[Reservation]] = defaultdict(list)
    mensuelles: list[tuple[LigneFacture, list[Reservation]]] = []
    for ligne in lignes.order_by("facture", "pk"):
        cles = [(ligne.enfant_id, ligne.prestation_id, date.fromisoformat(jour)) for jour in ligne.jours]
        siennes = [non_dus[cle] for cle in cles if cle in non_dus]
        siennes = [r for r in siennes if not r.ailleurs or r.payeur_id == ligne.facture.famille_id]
        if siennes and ligne.unite != "mois":
            trouvees[ligne.facture_id] += siennes
        elif siennes and len(siennes) == len(cles):
            mensuelles.append((ligne, siennes))
    # A month at one price is due as long as one of its days is, on its line or booked since.
    encore = _mois_dus([ligne for ligne, _ in mensuelles])
    for ligne, siennes in mensuelles:
        payeur = None if ligne.explication.startswith(VOTRE_PART) else ligne.facture.famille_id
        mois = premier_du_mois(siennes[0].jour)
        if (payeur, ligne.enfant_id, ligne.prestation_id, mois) not in encore:
            trouvees[ligne.facture_id] += siennes
    return dict(trouvees)


def _mois_dus(lignes: list[LigneFacture]) -> set[tuple]:
    """(payer, None standing for any of them; child; service; first of the month) of the months still due."""
    if not lignes:
        return set()
    jours = [date.fromisoformat(jour) for ligne in lignes for jour in ligne.jours]
    dus = Reservation.objects.filter(
        etat__in=DUS,
        enfant__in={ligne.enfant_id for ligne in lignes},
        prestation__in={ligne.prestation_id for ligne in lignes},
        jour__range=(
            premier_du_mois(min(jours)),
            decaler_mois(premier_du_mois(max(jours)), 1) - timedelta(1),
        ),
    )
    return {
        (qui, enfant, prestation, premier_du_mois(jour))
        for payeur, enfant, prestation, jour in dus.order_by().values_list(
            "payeur", "enfant", "prestation", "jour"
        )
        for qui in (payeur, None)
    }


def _non_dus(campagnes: list[Campagne]) -> dict[tuple, Reservation]:
    """By child, service and day: the booking that fell, where nothing else makes the day due; `ailleurs`: the other
    household booked the day instead, and owes it alone.
    """
    if not campagnes:
        return {}
    periodes = Q()
    for c in campagnes:
        prestations = {lien.prestation_id for lien in c.regie.liens_prestations.all()}
        depuis = min(c.calculee_le or c.premiere, c.premiere) - MARGE
        periodes |= Q(prestation__in=prestations, jour__range=(c.du, c.au), modifiee_le__gt=depuis)
    meme_jour = {nom: OuterRef(nom) for nom in ("enfant", "prestation", "jour")}
    dus = Reservation.objects.filter(etat__in=DUS, **meme_jour)
    jour = OuterRef("jour")
    parts = Inscription.objects.filter(
        Q(au=None) | Q(au__gte=jour),
        enfant=OuterRef("enfant"),
        prestation=OuterRef("prestation"),
        repartition=Inscription.Repartition.PART,
        du__lte=jour,
    )
    ailleurs = Exists(dus.exclude(payeur=OuterRef("payeur"))) & ~Exists(parts)
    lignes = (
        Reservation.objects.filter(periodes, etat__in=NON_DUS)
        .annotate(ailleurs=ailleurs)
        .filter(Q(ailleurs=True) | Q(~Exists(dus), ~Exists(presences())))
        .select_related("enfant", "prestation")
        .order_by("jour", "prestation__ordre", "pk")
    )
    return {(r.enfant_id, r.prestation_id, r.jour): r for r in lignes}
