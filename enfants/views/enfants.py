"""Mes enfants: the cards, and the page of a child."""

from datetime import date

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone

from enfants.models import Enfant, Inscription, Reservation, Scolarite
from enfants.models.reservation import OCCUPANTS
from enfants.planning_case import MOTS
from familles.acces import famille_de
from portail.socle.traces import tracer

PROCHAINES = 3


def scolarites_du(enfants, jour: date) -> dict:
    """School of each child that day, or of the next school year when none is running."""
    lignes = Scolarite.objects.filter(enfant__in=enfants, annee__fin__gte=jour).select_related(
        "ecole", "annee"
    )
    trouvees = {}
    for ligne in lignes.order_by("-annee__debut"):
        trouvees[ligne.enfant_id] = ligne
    return trouvees


def enfants(request: HttpRequest) -> HttpResponse:
    """The tab: one card a child."""
    famille = famille_de(request)
    jour = timezone.localdate()
    lignes = list(Enfant.objects.de_la_famille(famille, jour))
    scolarites = scolarites_du(lignes, jour)
    prochaines: dict = {e.pk: [] for e in lignes}
    a_venir = Reservation.objects.filter(
        enfant__in=lignes, payeur=famille, jour__gte=jour, etat__in=(*OCCUPANTS, "en_attente")
    ).select_related("prestation")
    for r in a_venir.order_by("jour", "prestation__heure_debut", "pk")[:200]:
        if len(prochaines[r.enfant_id]) < PROCHAINES:
            prochaines[r.enfant_id].append(r)
    cartes = [
        {
            "enfant": e,
            "age": e.age(jour),
            "scolarite": scolarites.get(e.pk),
            "prochaines": [(r, MOTS[r.etat]) for r in prochaines[e.pk]],
        }
        for e in lignes
    ]
    contexte = {"famille": famille, "cartes": cartes, "jour": jour, "mois": f"{jour:%Y-%m}"}
    return render(request, "enfants/enfants.html", contexte)


@transaction.atomic
def enfant(request: HttpRequest, pk) -> HttpResponse:
    """One child: identity, school, authorisations, health (its reading is traced), persons, services."""
    famille = famille_de(request)
    jour = timezone.localdate()
    trouve = get_object_or_404(
        Enfant.objects.de_la_famille(famille, jour).select_related("fiche_sanitaire", "autorisations"), pk=pk
    )
    fiche = getattr(trouve, "fiche_sanitaire", None)
    autorisations = getattr(trouve, "autorisations", None)
    if fiche is not None:
        tracer(request.user, "consultation", fiche, famille=famille, enfant=str(trouve.pk))
    inscriptions = (
        Inscription.objects.filter(enfant=trouve, famille=famille)
        .en_cours(jour, date.max)
        .select_related("prestation__structure")
        .order_by("prestation__structure__ordre", "prestation__structure__nom", "prestation__ordre", "pk")
    )
    contexte = {
        "famille": famille,
        "enfant": trouve,
        "age": trouve.age(jour),
        "scolarite": scolarites_du([trouve], jour).get(trouve.pk),
        "fiche": fiche,
        "autorisations": _autorisations(autorisations),
        "personnes": trouve.personnes_autorisees.filter(famille=famille),
        "inscriptions": inscriptions,
        "mois": f"{jour:%Y-%m}",
    }
    return render(request, "enfants/enfant.html", contexte)


def _autorisations(autorisations) -> list[tuple[str, bool]]:
    """(label, allowed) pairs; empty when the family never answered."""
    if autorisations is None:
        return []
    noms = ("droit_image", "sortie_seul", "soins_urgence", "transport", "baignade")
    return [
        (autorisations._meta.get_field(nom).verbose_name.capitalize(), getattr(autorisations, nom))
        for nom in noms
    ]
