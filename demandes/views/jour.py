"""A day of the planning in detail: its state, the rules, its history, its demande; and what may be asked."""

from datetime import date, datetime

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from demandes.forms import ANNEE_MAX, ANNEE_MIN
from demandes.histoire import raconter
from demandes.models import Demande
from enfants import regles
from enfants.models import Etat, Inscription, Prestation, Reservation, ReservationEvenement
from enfants.planning import DEMANDABLES, planning
from enfants.planning_case import ANNULABLES, REDEMANDABLES, Case
from enfants.planning_lecture import enfants_de, lire
from enfants.regles import Calendrier
from familles.acces import famille_de


def planning_jour(request: HttpRequest, inscription: int, jour: str) -> HttpResponse:
    """Only of the family's own inscriptions; the other household's are shown by the planning, no further."""
    famille = famille_de(request)
    quand = _jour(jour)
    maintenant = timezone.now()
    enfants = enfants_de(famille, timezone.localdate(maintenant))
    trouvee = Inscription.objects.filter(pk=inscription, famille=famille, enfant__in=enfants).first()
    if quand is None or trouvee is None:
        raise Http404
    enfant = next(e for e in enfants if e.pk == trouvee.enfant_id)
    entrees = lire([enfant], famille, [quand], maintenant, toutes=True)
    (p,) = planning(entrees)
    ligne = next(li for li in p.lignes if li.inscription and li.inscription.pk == inscription)
    case = ligne.cases[0]
    ferme = regles.phrase_fermee(ligne.prestation, quand, entrees.calendrier)
    reservations = list(Reservation.objects.filter(inscription=trouvee, jour=quand).order_by("pk"))
    evenements = ReservationEvenement.objects.filter(reservation__in=reservations).order_by("le", "pk")
    demandes = Demande.objects.filter(famille=famille, jours__reservation__in=reservations).distinct()
    adultes = set(famille.responsables.exclude(utilisateur=None).values_list("utilisateur_id", flat=True))
    contexte = {
        "enfant": enfant,
        "prestation": ligne.prestation,
        "inscription": trouvee,
        "jour": quand,
        "case": case,
        "phrase": ferme or ligne.phrase,
        "clos": entrees.clos.get((trouvee.prestation_id, quand), ""),
        # A cancelled one no longer says anything of the day: the story below tells it.
        "reservation": next((r for r in reservations[-1:] if r.etat != Etat.ANNULEE), None),
        "etapes": raconter(evenements, request.user, adultes),
        "demandes": demandes.order_by("-envoyee_le"),
        "echeances": [] if ferme else _echeances(ligne.prestation, case, entrees.calendrier, maintenant),
        "reservable": bool(case.valeur) and case.etat not in ANNULABLES,
        "annulable": bool(case.valeur) and case.etat in ANNULABLES,
        "attend": case.etat in (Etat.DEMANDEE, Etat.EN_ATTENTE),
        "retour": request.path,
    }
    return render(request, "demandes/jour.html", contexte)


def _jour(texte: str) -> date | None:
    try:
        jour = date.fromisoformat(texte)
    except ValueError:
        return None
    return jour if ANNEE_MIN <= jour.year <= ANNEE_MAX and texte == jour.isoformat() else None


def _echeances(
    prestation: Prestation, case: Case, calendrier: Calendrier, maintenant: datetime
) -> list[tuple[str, str, bool]]:
    """(what, until when, passed): booking, absence; only what still says something of that day."""
    if case.jour < timezone.localdate(maintenant):
        return []
    trouvees = []
    for quoi, limite, etats in (
        # A day without a state is one that may no longer be booked: this limit is why.
        ("Réserver", prestation.limite_reservation, ("", *DEMANDABLES, *REDEMANDABLES)),
        ("Prévenir d’une absence, sans frais", prestation.limite_annulation, (*DEMANDABLES, Etat.RESERVEE)),
    ):
        if case.etat in etats:
            instant = regles.limite_pour(limite, case.jour, prestation.heure_debut, calendrier)
            passe = regles.est_passe(instant, maintenant)
            trouvees.append((quoi, regles.instant_en_mots(instant, case.jour), passe))
    return trouvees
