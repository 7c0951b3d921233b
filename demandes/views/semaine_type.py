"""The typical week: choose, then the same recap as the grid."""

from datetime import date, timedelta

from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone

from demandes import semaine_type
from demandes.forms import CASES_MAX, Repetition, Selection
from demandes.forms_semaine import MOIS_MAX, SemaineType
from demandes.selection import retrouver
from demandes.views.planning import recapituler
from enfants import semaine
from enfants.calendrier import calendrier_du
from enfants.models import GroupeExclusif, Inscription, Prestation, Reservation
from enfants.models.reservation import VIVANTS
from enfants.planning import semaine_du
from enfants.planning_case import ANNULABLES, Reservee
from enfants.planning_lecture import enfants_de
from familles.acces import famille_de
from familles.models import Famille

_COLONNES = [nom for nom in Reservee._fields if nom not in ("motif", "rang")]


def semaine_type_page(request: HttpRequest) -> HttpResponse:
    """GET: the page, filled from a week to repeat or from what a recap sends back; POST: the recap."""
    famille = famille_de(request)
    jour = timezone.localdate()
    enfants = enfants_de(famille, jour)
    services = semaine_type.services(_inscriptions(famille, enfants, jour))
    calendrier = calendrier_du(jour, jour + timedelta(days=31 * (MOIS_MAX + 1)))
    donnees = (
        request.POST
        if request.method == "POST"
        else _initiales(request, famille, enfants, services, calendrier, jour)
    )
    formulaire = SemaineType(
        donnees,
        enfants=enfants,
        services=services,
        calendrier=calendrier,
        groupes=_groupes(services),
        jour=jour,
    )
    if request.method == "POST" and formulaire.is_valid():
        depli = _deplier(famille, formulaire.cleaned_data, services, calendrier)
        if not depli.cases:
            formulaire.add_error(None, _rien(depli, formulaire.cleaned_data))
        elif len(depli.cases) > CASES_MAX:
            trop = f"Cela fait {len(depli.cases)} jours, et {CASES_MAX} au plus à la fois. Choisissez une période plus courte."
            formulaire.add_error("periode", trop)
        else:
            return _recap(request, famille, enfants, depli, formulaire.cleaned_data)
    contexte = _contexte(formulaire, services, enfants, jour)
    contexte["montrer_erreurs"] = request.method == "POST"
    return render(request, "demandes/semaine_type.html", contexte)


def _contexte(formulaire: SemaineType, services: list, enfants: list, jour: date) -> dict:
    lignes = _lignes(services, enfants, formulaire, jour)
    vacances = [s for s in lignes if s["vacances"]]
    return {
        "formulaire": formulaire,
        "services": lignes,
        "scolaires": [s for s in lignes if not s["vacances"]],
        "vacances": vacances,
        "vacances_ouvertes": formulaire["periode"].value() == "pendant" or any(s["coche"] for s in vacances),
        "plusieurs": any(s["chacun"] for s in lignes),
        "a_part": "chacun" in formulaire.data or any(s["a_part"] for s in lignes),
        "enfants": enfants,
        "jour": jour,
        "mois": f"{jour:%Y-%m}",
    }


def _inscriptions(famille: Famille, enfants: list, jour: date) -> list[Inscription]:
    """Of today and to come, in the order of the planning, then of the children; a service that stops next summer
    runs until then.
    """
    rangs = {e.pk: rang for rang, e in enumerate(enfants)}
    lignes = (
        Inscription.objects.filter(famille=famille, enfant__in=enfants)
        .filter(prestation__in=Prestation.objects.proposees(jour))
        .en_cours(jour, date.max)
        .select_related("enfant", "prestation__structure")
        .order_by("pk")
    )

    def place(i: Inscription) -> tuple:
        p, s = i.prestation, i.prestation.structure
        return s.ordre, s.nom, p.ordre, p.nom, rangs[i.enfant_id], i.du

    return sorted(lignes, key=place)


def _groupes(services: list) -> list[dict]:
    """Exclusive groups that hold two of these services: prestation → nom."""
    noms = {i.prestation_id: i.prestation.nom for s in services for i in s.inscriptions}
    return [{pk: nom for pk, nom in noms.items() if pk in g} for g in GroupeExclusif.entre(noms)]


def _reservations(famille: Famille, inscriptions, du: date, au: date) -> list[Reservee]:
    lignes = Reservation.objects.filter(
        payeur=famille, inscription__in=inscriptions, jour__range=(du, au), etat__in=VIVANTS
    )
    return [Reservee(*ligne) for ligne in lignes.order_by("pk").values_list(*_COLONNES)]


def _semaine(famille: Famille, lundi: date, enfant) -> list[tuple]:
    """Days the household booked in that week, last school year's included: what `de_la_semaine` reads."""
    lignes = Reservation.objects.filter(
        payeur=famille, jour__range=(lundi, lundi + timedelta(6)), etat__in=ANNULABLES
    )
    if enfant:
        lignes = lignes.filter(enfant=enfant)
    champs = "enfant_id", "prestation__structure_id", "prestation__nom", "jour"
    return list(lignes.order_by("pk").values_list(*champs))


def _initiales(request, famille, enfants, services, calendrier, jour: date) -> QueryDict:
    """What the page shows first: the address's own values (a recap sent back), a week to repeat, or all children."""
    donnees = request.GET.copy()
    repetition = Repetition(request.GET).valides()
    lundi = repetition["semaine"]
    if lundi:
        lundi = semaine_du(lundi)[0]
        choix = semaine_type.de_la_semaine(_semaine(famille, lundi, repetition["enfant"]), services)
        donnees.setlist("j", [f"i{pk}-{n}" for pk, jours in choix.items() for n in sorted(jours)])
        donnees.setlist("enfant", [str(repetition["enfant"])] if repetition["enfant"] else [])
    suivant = jour + timedelta(days=7 - jour.weekday())
    if lundi and lundi >= jour:
        suivant = lundi + timedelta(7)
    bornes = semaine_type.bornes(calendrier, suivant)
    for nom, valeur in (
        ("action", Selection.RESERVER),
        ("semaines", semaine_type.TOUTES),
        ("du", suivant.isoformat()),
        ("periode", bornes[0].code if bornes else SemaineType.DATES),
    ):
        donnees.setdefault(nom, valeur)
    if not donnees.getlist("enfant"):
        donnees.setlist("enfant", [str(e.pk) for e in enfants])
    return donnees


def _deplier(famille: Famille, choisi: dict, services: list, calendrier) -> semaine_type.Depli:
    inscriptions = [i for s in services for i in s.inscriptions if i.pk in choisi["choix"]]
    periode = choisi["du"], choisi["fin"]
    reservations = _reservations(famille, inscriptions, *periode)
    absence = choisi["action"] == Selection.ABSENCE
    return semaine_type.deplier(
        choisi["choix"], inscriptions, reservations, calendrier, periode, choisi["semaines"], absence
    )


def _rien(depli: semaine_type.Depli, choisi: dict) -> str:
    phrases = semaine_type.notes(depli, choisi["action"] == Selection.ABSENCE)
    return " ".join(["Aucun jour à envoyer dans cette période.", *(note.texte for note in phrases)])


def _recap(request, famille: Famille, enfants: list, depli: semaine_type.Depli, choisi: dict) -> HttpResponse:
    suite = request.POST.copy()
    suite.pop("csrfmiddlewaretoken", None)
    retour = f"{reverse('semaine_type')}?{suite.urlencode()}"
    choix = retrouver(famille, depli.cases, enfants)
    selection = Selection({"action": choisi["action"], "retour": retour})
    selection.is_valid()
    notes = semaine_type.notes(depli, choisi["action"] == Selection.ABSENCE)
    return recapituler(request, famille, choix, selection.cleaned_data, notes)


def _lignes(services: list, enfants: list, formulaire: SemaineType, jour: date) -> list[dict]:
    """For each service: the row of days for all its children, and a row a child when there are several."""
    coches = set(formulaire.data.getlist("j"))
    rangs = {e.pk: rang for rang, e in enumerate(enfants, 1)}

    def jours(service, genre: str, pk: int) -> list[dict]:
        valeurs = [(n, f"{genre}{pk}-{n}") for n in service.jours]
        return [
            {"nom": semaine.NOMS[n], "court": semaine.NOMS[n][:3], "valeur": v, "coche": v in coches}
            for n, v in valeurs
        ]

    lignes = []
    for s in services:
        siens = [(enfant, rangs[enfant.pk], pk) for enfant, pk in s.enfants.items()]
        seul = siens[0][2] if len(siens) == 1 else None
        chacun = [] if seul else [(e, rang, jours(s, "i", pk)) for e, rang, pk in siens]
        pour_tous = jours(s, "i", seul) if seul else jours(s, "t", s.prestation.pk)
        coche = any(j["coche"] for j in pour_tous)
        coche_a_part = any(j["coche"] for _, _, ligne in chacun for j in ligne)
        lignes.append(
            {
                "prestation": s.prestation,
                "nom": s.nom(jour),
                "enfants": [(e, rang) for e, rang, _ in siens],
                "vacances": s.de_vacances,
                "jours": pour_tous,
                "chacun": chacun,
                "coche": coche or coche_a_part,
                "a_part": coche_a_part,
            }
        )
    return lignes
