"""What an agent looks at before deciding: places left, rank in the waiting list; and the extra places of an agent who
goes beyond.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from enfants.models import Creneau, Jauge, Reservation
from enfants.models.reservation import OCCUPANTS
from enfants.places_attente import rangs
from enfants.places_chargement import attentes_sur, cles_par_reservation
from enfants.places_examen import Cle
from enfants.places_verrous import prises
from portail.socle.traces import tracer


@dataclass(frozen=True)
class Occupation:
    """The tightest places of a booking's day. `tenue`: it holds one of them already; `creneau`: its row, if any."""

    libres: int
    total: int
    tenue: bool
    rang: int | None
    creneau: int | None

    @property
    def complet(self) -> bool:
        return self.libres <= 0

    @property
    def en_mots(self) -> str:
        """« 3 places libres sur 40 », « complet (40 places), 2e sur la liste d’attente », « sa place est tenue, 3 autres… »."""
        if self.tenue:
            reste = f"aucune autre libre sur {self.total}" if self.complet else self._libres("autre")
            return f"sa place est tenue, {reste}"
        libres = f"complet ({self.total} places)" if self.complet else self._libres()
        if not self.rang:
            return libres
        # The family's own words.
        return f"{libres}, {'1er' if self.rang == 1 else f'{self.rang}e'} sur la liste d’attente"

    def _libres(self, mot: str = "") -> str:
        pluriel = "s" if self.libres > 1 else ""
        autre = f"{mot}{pluriel} " if mot else ""
        return f"{self.libres} {autre}place{pluriel} libre{pluriel} sur {self.total}"


def occupations(reservations: Iterable[Reservation]) -> dict[int, Occupation]:
    """By booking (its `enfant` loaded), where places are counted. A constant number of queries."""
    reservations = list(reservations)
    cles = {
        pk: prises(r) if r.etat in OCCUPANTS else calculees
        for r, (pk, calculees) in zip(reservations, cles_par_reservation(reservations).items(), strict=True)
    }
    toutes = {cle for siennes in cles.values() for cle in siennes}
    if not toutes:
        return {}
    capacites = dict(
        Jauge.objects.filter(pk__in={c.jauge_id for c in toutes}).order_by().values_list("pk", "capacite")
    )
    lignes = Creneau.objects.filter(
        jauge__in={c.jauge_id for c in toutes}, jour__in={c.jour for c in toutes}
    ).order_by("pk")
    creneaux = {Cle(c.jauge_id, c.jour): c for c in lignes}
    rang_de = rangs(reservations)

    def occupation(r: Reservation) -> Occupation:
        def places(cle: Cle) -> tuple[int, int, int | None]:
            c = creneaux.get(cle)
            plein = capacites[cle.jauge_id]
            return (c.libres, c.capacite + c.surnombre, c.pk) if c else (plein, plein, None)

        libres, total, creneau = min(map(places, cles[r.pk]), key=lambda p: p[0])
        return Occupation(max(libres, 0), total, r.etat in OCCUPANTS, rang_de.get(r.pk), creneau)

    return {r.pk: occupation(r) for r in reservations if cles[r.pk]}


def tiennent(creneau: Creneau) -> list[Reservation]:
    """Bookings that hold a place of that day, by name. One query."""
    lignes = Reservation.objects.filter(jour=creneau.jour, etat__in=OCCUPANTS)
    lignes = lignes.select_related("enfant", "prestation").order_by("enfant__nom", "enfant__prenom", "pk")
    return [r for r in lignes if creneau.jauge_id in r.places]


def attendent(creneau: Creneau) -> list[Reservation]:
    """Those who wait for one, in order. A constant number of queries."""
    cle = Cle(creneau.jauge_id, creneau.jour)
    attentes = attentes_sur({cle})
    cles = cles_par_reservation(attentes)
    ordre = [attente.pk for attente in attentes if cle in cles[attente.pk]]
    lignes = Reservation.objects.select_related("enfant", "prestation").in_bulk(ordre)
    return [lignes[pk] for pk in ordre if pk in lignes]


def elargir(creneaux: dict[Cle, Creneau], manques: Counter, motif: str, par) -> None:
    """As many extra places as are missing, with the agent's motif, in the transaction that takes them. The rows of
    `creneaux` are locked.
    """
    for cle, manque in sorted(manques.items()):
        if manque <= 0:
            continue
        creneau = creneaux[cle]
        creneau.surnombre += manque
        creneau.motif_surnombre = motif[: Creneau._meta.get_field("motif_surnombre").max_length]
        creneau.save(update_fields=["surnombre", "motif_surnombre"])
        tracer(par, "surnombre", creneau, places=manque, surnombre=creneau.surnombre, motif=motif)
