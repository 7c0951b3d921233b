"""Counters of places put back in step with the bookings: after a Jauge changed, or rows were inserted in bulk."""

from collections import Counter
from collections.abc import Iterable
from datetime import date

from django.db import transaction
from django.db.models import Max, Q

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
    ouvrir_creneaux(cle for _, cles in _tenues(jauges, du) for cle in cles)
    creneaux = Creneau.objects.filter(jauge__in=jauges)
    creneaux = verrouiller(creneaux if du is None else creneaux.filter(jour__gte=du))
    # Read again: nobody takes or frees one of these places any more.
    comptes = _reprendre(jauges, _tenues(jauges, du), {Cle(c.jauge_id, c.jour) for c in creneaux})
    depassees, changees = [], []
    for creneau in creneaux:
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


def _tenues(jauges: list[Jauge], du: date | None) -> list[tuple[Reservation, list[Cle]]]:
    """Bookings that draw on these Jauge, or hold one of their places, with the places they should hold of them."""
    prestations = prestations_par_jauge(j.pk for j in jauges)
    concernees = set().union(*prestations.values())
    lignes = Reservation.objects.filter(
        Q(prestation__in=concernees) | ~Q(places=[]), etat__in=OCCUPANTS
    ).select_related("enfant")
    ids = {j.pk for j in jauges}
    reservations = [
        r
        for r in (lignes if du is None else lignes.filter(jour__gte=du)).order_by("pk")
        if r.prestation_id in concernees or ids & set(r.places)
    ]
    niveaux = niveaux_par_enfant({r.enfant_id for r in reservations})
    trouvees = []
    for r in reservations:
        siennes = [j for j in jauges if r.prestation_id in prestations[j.pk]]
        niveau = next((n for du, au, n in niveaux.get(r.enfant_id, ()) if du <= r.jour <= au), "")
        trouvees.append((r, cles_de(siennes, r.enfant, r.jour, niveau)))
    return trouvees


def _reprendre(
    jauges: list[Jauge], tenues: list[tuple[Reservation, list[Cle]]], verrouillees: set
) -> Counter:
    """Write the places each booking holds from now on; how many are taken of each."""
    ids = {j.pk for j in jauges}
    comptes: Counter = Counter()
    changees = []
    for r, cles in tenues:
        cles = [cle for cle in cles if cle in verrouillees]
        comptes.update(cles)
        places = sorted(set(r.places) - ids | {cle.jauge_id for cle in cles})
        if places != sorted(r.places):
            r.places = places
            changees.append(r)
    Reservation.objects.bulk_update(changees, ["places"], batch_size=200)
    return comptes


def plus_pris(jauge: Jauge, du: date) -> int:
    """The most places taken on one coming day: a capacity may not go below it."""
    return jauge.creneaux.filter(jour__gte=du).aggregate(maximum=Max("pris"))["maximum"] or 0
