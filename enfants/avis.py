"""What the town changes on a family's planning is told to it: one e-mail an act, however many days."""

from collections import defaultdict
from collections.abc import Iterable

from enfants.accord import enumerer
from enfants.models import Etat, Reservation
from familles.models import Famille
from portail.socle.courriels import Lettre, poster_ensemble

# What became of the days: one, several, and whether they cost nothing any more.
MOTS = {
    Etat.RESERVEE: ("jour réservé", "jours réservés", False),
    Etat.CONGE: ("jour de congé", "jours de congé", True),
    Etat.ABSENT_EXCUSE: ("absence excusée", "absences excusées", True),
    Etat.ABSENT_FACTURE: ("absence facturée", "absences facturées", False),
    Etat.REFUSEE: ("demande refusée", "demandes refusées", False),
    Etat.ANNULEE: ("réservation annulée", "réservations annulées", True),
}


def prevenir(reservations: Iterable[Reservation], motif: str = "") -> None:
    """Tell the households that pay for these rows, just put in one same state by an agent. `motif`: what the agent
    wrote, left out of an e-mail about a medical absence. Twice is once: a row that did not move has its version.
    """
    versions = {r.pk: r.version for r in reservations}
    lignes = (
        Reservation.objects.filter(pk__in=versions)
        .select_related("enfant", "prestation", "payeur")
        .prefetch_related("payeur__responsables")
        .order_by("jour", "enfant__prenom", "pk")
    )
    par_famille: dict[Famille, list[Reservation]] = defaultdict(list)
    for r in lignes:
        if r.etat in MOTS:
            par_famille[r.payeur].append(r)
    poster_ensemble(
        lettre for famille, siennes in par_famille.items() for lettre in _lettres(famille, siennes, motif)
    )


def _lettres(famille: Famille, lignes: list[Reservation], motif: str) -> Iterable[Lettre]:
    un, plusieurs, gratuit = MOTS[lignes[0].etat]
    contexte = {
        "prenoms": enumerer(dict.fromkeys(r.enfant.prenom for r in lignes)),
        "quoi": un if len(lignes) == 1 else plusieurs,
        "gratuit": gratuit,
        "motif": "" if any(r.absence_medicale for r in lignes) else motif,
        "reservations": lignes,
    }
    cause = f"planning:{lignes[0].pk}:{lignes[0].version}:{lignes[-1].pk}:{lignes[-1].version}:{len(lignes)}"
    for rang, adresse in enumerate(famille.adresses_courriel()):
        yield Lettre(f"{cause}:{rang}", adresse, "courriels/planning.txt", contexte)
