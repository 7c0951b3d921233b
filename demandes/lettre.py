"""The days of a demande in an e-mail: a receipt line by line. For each child and service, what became of which days."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import date

from demandes.models import Demande, DemandeJour
from demandes.models.etats import REFUSEE
from demandes.recap import JOURS_MAX, par_mois, quand
from demandes.retard import retards
from demandes.textes import noms
from demandes.types import Absences
from enfants import accord
from enfants.models import Etat
from facturation.cloture import deja_factures
from portail.socle.argent import INSECABLE

# In the order they are told: what is sure, what waits, what is not to be. A mail has no legend beside it.
MOTS = {
    Etat.RESERVEE: "Réservé",
    Etat.ABSENT_EXCUSE: "Absence sans frais",
    Etat.CONGE: "Congé",
    Etat.ABSENT_FACTURE: "Absence facturée",
    Etat.DEMANDEE: "À valider par la mairie",
    Etat.ABSENCE_DEMANDEE: "Absence à valider par la mairie",
    Etat.EN_ATTENTE: "Complet, sur la liste d’attente",
    Etat.REFUSEE: "Refusé",
    Etat.ANNULEE: "Annulé",
}
A_CORRIGER = f"Ce jour est déjà facturé{INSECABLE}: la mairie corrigera la facture."
ORDRE = {etat: rang for rang, etat in enumerate(MOTS)}


def recu(demande: Demande, rangs: dict[int, int]) -> str:
    """« Léa, Garderie matin », then « - Réservé : jeudi 26 et vendredi 27 novembre »… `rangs`: reservation → rank on
    the waiting list.
    """
    lignes = list(demande.jours.all())
    tard = retards(demande)
    factures = _factures(demande, lignes)
    blocs: dict[tuple, dict[tuple, list[date]]] = defaultdict(lambda: defaultdict(list))
    for ligne in lignes:
        r = ligne.reservation
        pourquoi = tard.get(r.pk, "") or _motif(demande, ligne) or (A_CORRIGER if r.pk in factures else "")
        mots = _mots(r.etat, rangs.get(r.pk))
        blocs[r.enfant_id, r.prestation_id][ORDRE[r.etat], mots, pourquoi].append(r.jour)
    for enfant, prestation, jour, pourquoi in demande.refus_connus:
        blocs[enfant.pk, prestation.pk][len(ORDRE), "Non envoyé", pourquoi].append(jour)
    paires = [(ligne.reservation.enfant, ligne.reservation.prestation) for ligne in lignes]
    titres = noms([*paires, *(refuse[:2] for refuse in demande.refus_connus)])
    return "\n\n".join(
        "\n".join([titres[cle], *_lignes(blocs[cle])]) for cle in sorted(blocs, key=titres.get)
    )


def _mots(etat: str, rang: int | None) -> str:
    return f"Complet, {'1er' if rang == 1 else f'{rang}e'} sur la liste d’attente" if rang else MOTS[etat]


def _motif(demande: Demande, ligne: DemandeJour) -> str:
    """Why the town refused; not in an e-mail when the demande is about health."""
    return "" if demande.permission or ligne.decision_lue != REFUSEE else ligne.reservation.motif


def _factures(demande: Demande, lignes: Iterable[DemandeJour]) -> set[int]:
    """Bookings excused once they were billed: « sans frais », but the invoice stands until the régisseur's avoir. What
    is just sent is none of them (an invoiced day is refused), and its places are locked: nothing is read.
    """
    if demande.vient_de_les_porter or demande.type != Absences.code:
        return set()
    excuses = [ligne.reservation for ligne in lignes if ligne.reservation.etat == Etat.ABSENT_EXCUSE]
    return {r.pk for r in deja_factures(excuses)}


def _lignes(sorts: dict[tuple, list[date]]) -> Iterable[str]:
    for (_, mots, pourquoi), jours in sorted(sorts.items()):
        quels = quand(jours)
        fin = f". {accord.pour(len(jours), pourquoi)}" if pourquoi else ""
        yield f"- {mots}{INSECABLE}: {quels[:1].lower()}{quels[1:]}{fin}"
        if len(jours) > JOURS_MAX:
            yield from (f"  {mois}{INSECABLE}: {siens}" for mois, siens in par_mois(jours))
