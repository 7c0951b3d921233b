"""Counters of places put back in step with the bookings: after a Jauge changed, or rows were inserted in bulk."""

from collections import Counter
from collections.abc import Iterable
from datetime import date

from django.db import transaction
from django.db.models import Max

from enfants.models import Creneau, Jauge, Reservation
from enfants.models.reservation import OCCUPANTS
from enfants.places_chargement import niveaux_par_enfant, prestations_par_jauge
from enfants.places_examen import Cle, cles_de
from enfants.places_verrous import ouvrir_creneaux
from portail.socle.verrous import verrouiller

RECOMPTE = "Jauge modifiée alors que ces places étaient prises"


@transaction.atomic
def recompter(jauges: Iterable[Jauge], du: date | None = None) -> list[Creneau]:
    """Set `pris` of every Creneau of these Jauge from the bookings (from that day on).

    No booking is lost: where they exceed the capacity, `surnombre` says so; those rows are returned.
    """
    jauges = list(jauges)
    prestations = prestations_par_jauge(j.pk for j in jauges)
    reservations = Reservation.objects.filter(
        prestation__in=set().union(*prestations.values()), etat__in=OCCUPANTS
    ).select_related("enfant")
    if du is not None:
        reservations = reservations.filter(jour__gte=du)
    comptes = _compter(jauges, prestations, reservations.order_by("pk"))
    ouvrir_creneaux(comptes)
    lignes = Creneau.objects.filter(jauge__in=jauges)
    lignes = verrouiller(lignes if du is None else lignes.filter(jour__gte=du))
    depassees, changees = [], []
    for creneau in lignes:
        pris = comptes[Cle(creneau.jauge_id, creneau.jour)]
        if pris > creneau.capacite + creneau.surnombre:
            creneau.surnombre = pris - creneau.capacite
            creneau.motif_surnombre = creneau.motif_surnombre or RECOMPTE
            depassees.append(creneau)
        if pris != creneau.pris or creneau in depassees:
            creneau.pris = pris
            changees.append(creneau)
    Creneau.objects.bulk_update(changees, ["pris", "surnombre", "motif_surnombre"], batch_size=200)
    return depassees


def _compter(jauges: list[Jauge], prestations: dict, reservations: Iterable[Reservation]) -> Counter:
    reservations = list(reservations)
    niveaux = niveaux_par_enfant({r.enfant_id for r in reservations})
    comptes: Counter = Counter()
    for r in reservations:
        siennes = [j for j in jauges if r.prestation_id in prestations[j.pk]]
        niveau = next((n for du, au, n in niveaux.get(r.enfant_id, ()) if du <= r.jour <= au), "")
        comptes.update(cles_de(siennes, r.enfant, r.jour, niveau))
    return comptes


def plus_pris(jauge: Jauge, du: date) -> int:
    """The most places taken on one coming day: a capacity may not go below it."""
    return jauge.creneaux.filter(jour__gte=du).aggregate(maximum=Max("pris"))["maximum"] or 0
