"""Days whose invoices are already issued: a family changes them no more, the town does by an avoir (DOMAIN.md)."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import date
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet

from enfants.models import Reservation
from facturation.bareme import FACTURABLES
from facturation.brouillons import deja_facturees, lignes_vives
from facturation.journees import Cle
from facturation.models import Campagne, Facture
from portail.socle.argent import INSECABLE
from portail.socle.dates import premier_du_mois
from portail.socle.lecture import Preparee

Jour = tuple[int, date]  # prestation, day
Journee = tuple[int, UUID, int, date]  # paying family, child, prestation, day
REFERENCES_MAX = 5


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
FACTURE = f"La période de ce jour est déjà facturée{INSECABLE}: écrivez à la mairie, elle seule peut corriger la facture."


def jours_clos(jours: Iterable[Jour]) -> dict[Jour, str]:
    """Of these days, those inside a campagne issued or being issued, with the sentence for the parent. One query.

    One invoice is enough: a campagne stopped half-way is closed for everybody. Read under the family's lock, the
    answer holds until the commit, for its invoice takes that lock first.
    """
    jours = set(jours)
    if not jours:
        return {}
    dates = {jour for _, jour in jours}
    du, au = min(dates), max(dates)
    periodes = defaultdict(list)
    for prestation, debut, fin, lien_du, lien_au in CLOSES.lignes(au, du):
        periodes[prestation].append((max(debut, lien_du), min(fin, lien_au or fin)))
    return {
        (prestation, jour): FACTURE
        for prestation, jour in (jours if periodes else ())
        if any(du <= jour <= au for du, au in periodes[prestation])
    }


def avertir(retires: Iterable[Reservation] = (), ajoutes: Iterable[Journee] = ()) -> list[str]:
    """What an agent must know before these bookings are taken back, and these days become due. Two queries at most."""
    retires = {(r.enfant_id, r.prestation_id, r.jour) for r in retires if r.etat in FACTURABLES}
    ajoutes = set(ajoutes)
    clos = jours_clos((prestation, jour) for *_, prestation, jour in (*retires, *ajoutes))
    retires, ajoutes = ({cle for cle in cles if cle[-2:] in clos} for cles in (retires, ajoutes))
    if not (retires or ajoutes):
        return []
    facturees, mois = _references(retires | {cle[1:] for cle in ajoutes})
    a_reprendre = [facturees[cle] for cle in retires if cle in facturees]
    # Billed to the other household, a day is still to be billed to this one.
    en_plus = [
        (famille, *cle, jour)
        for famille, *cle, jour in ajoutes
        if all(famille != facturee for facturee, _ in facturees.get((*cle, jour), ()))
        and (famille, *cle, premier_du_mois(jour)) not in mois
    ]
    phrases = []
    if nombre := len(a_reprendre):
        references = sorted({reference for siennes in a_reprendre for _, reference in siennes})
        quoi = "1 jour est déjà facturé" if nombre == 1 else f"{nombre} jours sont déjà facturés"
        phrases.append(f"{quoi} ({_factures(references)}){INSECABLE}: le régisseur devra faire un avoir.")
    if nombre := len(en_plus):
        quoi, les = ("1 jour tombe", "le") if nombre == 1 else (f"{nombre} jours tombent", "les")
        phrases.append(
            f"{quoi} dans une période déjà facturée{INSECABLE}: le régisseur devra {les} facturer en plus."
        )
    return phrases


def _references(cles: set[Cle]) -> tuple[dict[Cle, set[tuple[int, str]]], set[Journee]]:
    """Of these days, the live invoices that bill them by the day, with their family; and the months billed at one price."""
    jours = [jour for _, _, jour in cles]
    lignes = lignes_vives(min(jours), max(jours)).filter(
        enfant__in={enfant for enfant, _, _ in cles},
        prestation__in={p for _, p, _ in cles},
        total_centimes__gt=0,
    )
    facturees: dict[Cle, set[tuple[int, str]]] = defaultdict(set)
    mois: set[Journee] = set()
    for enfant, prestation, unite, textes, famille, reference in lignes.values_list(
        "enfant", "prestation", "unite", "jours", "facture__famille", "facture__reference"
    ):
        for jour in map(date.fromisoformat, textes):
            if unite == "mois":
                mois.add((famille, enfant, prestation, premier_du_mois(jour)))
            elif (enfant, prestation, jour) in cles:
                facturees[enfant, prestation, jour].add((famille, reference))
    return facturees, mois


def _factures(references: list[str]) -> str:
    """« factures AL-12, AL-36 et 4 autres »."""
    reste = len(references) - REFERENCES_MAX
    suite = f" et {reste} autre{'s' if reste > 1 else ''}" if reste > 0 else ""
    return f"facture{'s' if len(references) > 1 else ''} {', '.join(references[:REFERENCES_MAX])}{suite}"


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
