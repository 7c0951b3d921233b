"""From the boxes ticked on the planning to a demande: recap, then confirmation."""

import re

from django.contrib import messages
from django.db.models import QuerySet, prefetch_related_objects
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode

from demandes.annonce import Annonce, lire, sceller
from demandes.depots import Guichet, Joints, taire
from demandes.envoi import envoyer_absences, envoyer_reservations
from demandes.forms import Selection
from demandes.models import Demande
from demandes.recap import Recap, empreinte, recap_absences, recap_reservations
from demandes.selection import Choix, Etrangere, retrouver
from demandes.textes import jours_en_mots
from demandes.types import Absences
from enfants import places
from enfants.planning_lecture import enfants_de
from enfants.planning_rendu import COCHES_MAX
from facturation.estimation import estimer
from familles.acces import famille_de
from familles.models import Famille
from portail.socle.lecture import Preparee

# Tells the page that what the planning keeps ticked was sent (`portail.js`); the typical week and a day's own page
# send something else.
PANIER_ENVOYE = "panier-envoye"
EST_PLANNING = re.compile(r"/enfants/([0-9a-f-]{36}/)?planning/\d{4}-\d{2}/")
SANS_RAISON = {"raison": "autre", "precision": ""}
RIEN = "Ce jour n’est pas réservé."
PAS_MEDICALE = (
    "Une attestation accompagne une raison médicale. Choisissez cette raison, ou retirez le document."
)


def _envoyees(famille: int, jeton) -> QuerySet:
    return Demande.objects.filter(famille=famille, jeton=jeton).order_by().values_list("pk")


# Prepared: in a rush, it is asked for each click that finds everything taken.
ENVOYEES = Preparee(_envoyees, Demande._meta.get_field("famille"), Demande._meta.get_field("jeton"))


def demande_planning(request: HttpRequest) -> HttpResponse:
    """POST from the planning: the recap; POST with `confirmer`: the demande, then its receipt."""
    famille = famille_de(request)
    jour = timezone.localdate()
    planning = reverse("planning_famille", args=[f"{jour:%Y-%m}"])
    if request.method != "POST":
        return redirect(planning)
    selection = Selection(_corps(request))
    if not selection.is_valid():
        messages.error(request, " ".join(e for liste in selection.errors.values() for e in liste))
        return redirect(planning)
    choisi = selection.cleaned_data
    retour = choisi["retour"] or planning
    if not choisi["c"]:
        messages.warning(request, "Aucun jour n’est choisi. Cochez un ou plusieurs jours, puis recommencez.")
        return redirect(retour)
    try:
        choix = retrouver(famille, choisi["c"], enfants_de(famille, jour))
    except Etrangere:
        raise Http404 from None
    return recapituler(request, famille, choix, choisi | {"retour": retour})


def recapituler(request, famille: Famille, choix: Choix, choisi: dict, notes=()) -> HttpResponse:
    """The recap of these days, or their receipt when it was confirmed. `notes`: what the recap says besides."""
    suite = _reserver if choisi["action"] == Selection.RESERVER else _absences
    return suite(request, famille, choix, choisi, notes)


def _corps(request: HttpRequest):
    """The planning's button says « reservation », the contract « reserver »: both are understood."""
    corps = request.POST.copy()
    if corps.get("action") == "reservation":
        corps["action"] = Selection.RESERVER
    return corps


def _deja(famille: Famille, choisi: dict) -> HttpResponse | None:
    """The receipt of a second click. To be asked after the days were read and examined: what these found changed, the
    first click may have changed.
    """
    deja = ENVOYEES.lignes(famille.pk, choisi["jeton"]) if choisi["confirmer"] else []
    return redirect("demande", pk=deja[0][0]) if deja else None


def _reserver(request, famille: Famille, choix: Choix, choisi: dict, notes) -> HttpResponse:
    maintenant = timezone.now()
    issues = places.examiner(choix.souhaits, maintenant)
    if deja := _deja(famille, choisi):
        return deja
    if choisi["confirmer"] and not choix.conflits and _comme_annonce(request, choisi, issues):
        demande, issues = _envoyer(famille, choix, issues, request.user, maintenant, choisi)
        if demande is None:
            return _rien(request, famille, choisi, recap_reservations(issues, [None] * len(issues)), notes)
        refusees = [
            (i.souhait.inscription.enfant, i.souhait.inscription.prestation, i.souhait.jour, i.phrase)
            for i in issues
            if i.verdict == "refus"
        ]
        return _recu(request, demande, refusees, choisi["retour"])
    choisi = choisi | {"vu": empreinte(issues)}
    issues += [places.Issue(souhait, "refus", phrase) for souhait, phrase in choix.clos]
    recap = recap_reservations(issues, _prix(famille, issues), choix.conflits)
    return _page(request, famille, choix, choisi, recap, range(len(choix.cases)), notes)


def _prix(famille: Famille, issues: list) -> list:
    """The price of each day that would be sent; a refused one has none."""
    voulues = [i for i in issues if i.verdict != "refus"]
    prix = iter(
        estimer(
            famille,
            [
                (i.souhait.inscription.enfant, i.souhait.inscription.prestation, i.souhait.jour, i.hors_delai)
                for i in voulues
            ],
        )
    )
    return [None if i.verdict == "refus" else next(prix) for i in issues]


def _envoyer(famille: Famille, choix: Choix, issues: list, par, maintenant, choisi: dict) -> tuple:
    """Send, unless it is no for every day: that was true a moment ago, and waiting for the lock of whoever takes the
    last place would not make it a yes. (Of fifty who ask for ten places, forty are answered so.)
    """
    if all(i.verdict == "refus" for i in issues):
        return None, issues + [places.Issue(souhait, "refus", phrase) for souhait, phrase in choix.clos]
    # Invoiced since the recap: said with the other refusals.
    souhaits = [*choix.souhaits, *(souhait for souhait, _ in choix.clos)]
    annonce: Annonce = lire(famille, choisi["vu"], choisi["cout"])
    return envoyer_reservations(famille, souhaits, par, maintenant, choisi["jeton"], annonce)


def _absences(request, famille: Famille, choix: Choix, choisi: dict, notes) -> HttpResponse:
    """The reason is asked with the recap, and confirmed with it; to take back a demande, none is asked."""
    maintenant = timezone.now()
    reservees = [n for n, r in enumerate(choix.reservations) if r is not None]
    impossibles = [(choix.souhaits[n], RIEN) for n, r in enumerate(choix.reservations) if r is None]
    impossibles += choix.clos
    reservations = [choix.reservations[n] for n in reservees]
    issues = places.examiner_absences(reservations, maintenant)
    if deja := _deja(famille, choisi):
        return deja
    joints = Joints(Guichet(famille, request.user, choisi["jeton"]), Absences.pieces)
    joints.recevoir(request, maintenant)
    retrait = {i.verdict for i in issues} - {"refus"} == {"annulee"}
    raison = Absences(
        request.POST if choisi["confirmer"] or joints.retrait else None,
        famille=famille,
        jour=timezone.localdate(maintenant),
    )
    if joints.retrait:
        taire(raison)
    elif (
        choisi["confirmer"]
        and reservations
        and not choix.conflits
        and (retrait or _complete(raison, joints))
        and _comme_annonce(request, choisi, issues)
    ):
        donnees = SANS_RAISON if retrait else raison.proposees()
        return _declarees(request, famille, choix, reservations, donnees, choisi, notes)
    choisi = choisi | {"vu": empreinte(issues)}
    recap = recap_absences(issues, choix.conflits, impossibles, _prix_des_absences(famille, issues))
    if retrait:
        raison = joints = None
    return _page(request, famille, choix, choisi, recap, reservees, notes, raison, joints)


def _prix_des_absences(famille: Famille, issues: list) -> dict:
    """Reservation → price, of the days told too late. A day of a month billed as a whole has none of its own."""
    tardives = [i.reservation for i in issues if i.verdict == "facturee"]
    lignes = [(r.enfant, r.prestation, r.jour, r.hors_delai) for r in tardives]
    prix = estimer(famille, lignes, absence=True)
    return {r.pk: p for r, p in zip(tardives, prix, strict=True) if p and p.centimes}


def _declarees(
    request, famille, choix: Choix, reservations, donnees: dict, choisi: dict, notes
) -> HttpResponse:
    demande, issues = envoyer_absences(
        famille, reservations, donnees, request.user, timezone.now(), choisi["jeton"]
    )
    refusees = [
        (i.reservation.enfant, i.reservation.prestation, i.reservation.jour, i.phrase)
        for i in issues
        if i.verdict == "refus"
    ]
    refusees += [(s.inscription.enfant, s.inscription.prestation, s.jour, phrase) for s, phrase in choix.clos]
    retirees = sum(i.verdict == "annulee" for i in issues)
    if demande is None and not retirees:
        return _rien(request, famille, choisi, recap_absences(issues, impossibles=choix.clos), notes)
    return _recu(request, demande, refusees, choisi["retour"], retirees)


def _comme_annonce(request, choisi: dict, issues: list) -> bool:
    """Whether sending now does what the recap said: a limit passed or a place taken since is read again first. When
    nothing is left to send, there is nothing to read again either.
    """
    if choisi["vu"] in ("", empreinte(issues)) or all(i.verdict == "refus" for i in issues):
        return True
    messages.warning(
        request,
        "Ce que nous annoncions a changé depuis tout à l’heure. Relisez ce récapitulatif avant d’envoyer.",
    )
    return False


def _complete(raison: Absences, joints: Joints) -> bool:
    """The reason is given, its documents are readable, and they are those of a medical reason."""
    valide = raison.is_valid()
    if valide and joints.depots and not raison.pieces_pour(raison.cleaned_data):
        raison.add_error("raison", PAS_MEDICALE)
    return joints.valides() and raison.is_valid()


def _rien(request, famille, choisi: dict, recap: Recap, notes) -> HttpResponse:
    """Nothing of what was confirmed could be sent: why, day by day, at once. Nothing was written: to load this page
    again asks again, and a rush for the last place does not send everybody to read the whole month.
    """
    return _page(request, famille, Choix(), choisi | {"vu": ""}, recap, (), notes)


def _page(
    request, famille, choix, choisi, recap: Recap, positions, notes, raison=None, joints=None
) -> HttpResponse:
    """`positions`: for each day the recap judged, its box."""
    contexte = {
        "recap": recap,
        "rien": choisi["confirmer"] and not recap.a_envoyer,
        "vu": choisi["vu"],
        "cout": sceller(famille, choisi["vu"], recap.cout),
        "cases": [choix.cases[positions[n]] for n in recap.a_envoyer],
        "absence": choisi["action"] != Selection.RESERVER,
        "raison": raison,
        "joints": joints,
        "action": choisi["action"],
        "jeton": choisi["jeton"],
        "retour": choisi["retour"],
        "modifier": _modifier(choisi),
        "notes": notes,
    }
    if recap.cout:
        contexte |= _quotient(famille, {case.jour for case in contexte["cases"]})
    return render(request, "demandes/recap.html", contexte)


def _modifier(choisi: dict) -> str:
    """Back to the planning with its boxes ticked, for whoever has no script to keep them: as many as an address holds."""
    retour, cases = choisi["retour"], choisi["c"]
    if not EST_PLANNING.match(retour) or not 0 < len(cases) <= COCHES_MAX:
        return retour
    return f"{retour}{'&' if '?' in retour else '?'}{urlencode({'c': cases}, doseq=True)}"


def _quotient(famille: Famille, jours: set) -> dict:
    """The quotient the prices are for. Days on both sides of a new one: none, each line already says its own."""
    prefetch_related_objects([famille], "quotients")
    quotients = {famille.quotient(jour) for jour in jours}
    quotient = quotients.pop() if len(quotients) == 1 else None
    return {"quotient": quotient.valeur if quotient else None, "plusieurs_quotients": bool(quotients)}


def _recu(request, demande, refusees: list[tuple], retour: str, retirees: int = 0) -> HttpResponse:
    """Lead to the receipt; without a demande (only days withdrawn), to where the parent came from."""
    for enfant, prestation, jour, phrase in refusees:
        messages.warning(
            request,
            f"Non envoyé\N{NO-BREAK SPACE}: {enfant.prenom}, {prestation.nom}, {jours_en_mots([jour])}. {phrase}",
        )
    marque = PANIER_ENVOYE if EST_PLANNING.match(retour) else ""
    if retirees:
        pluriel = "s" if retirees > 1 else ""
        messages.success(request, f"{retirees} demande{pluriel} retirée{pluriel}.", marque)
    if demande is None:
        return redirect(retour)
    messages.success(request, f"Demande envoyée. Son numéro\N{NO-BREAK SPACE}: {demande.numero}.", marque)
    return redirect("demande", pk=demande.pk)
