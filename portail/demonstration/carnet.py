"""The bookings of the demonstration, gathered then written in bulk, with places counted as the portal counts them."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta

from django.utils import timezone

from enfants.models import Creneau, Inscription, Jauge, Pointage, Reservation, ReservationEvenement
from enfants.models.reservation import OCCUPANTS

LOT = 2000


@dataclass
class Carnet:
    """Rows to come. A booking that finds no place is not written: the town is never overbooked."""

    jauges: dict[int, list[Jauge]]  # by primary key of the prestation
    agent: object = None
    reservations: list[Reservation] = field(default_factory=list)
    pointages: list[Pointage] = field(default_factory=list)
    pris: Counter = field(default_factory=Counter)  # (jauge pk, day) → places
    vivantes: set = field(default_factory=set)

    @classmethod
    def ouvrir(cls, agent=None) -> "Carnet":
        par_prestation: dict[int, list[Jauge]] = {}
        for jauge in Jauge.objects.prefetch_related("prestations"):
            for prestation in jauge.prestations.all():
                par_prestation.setdefault(prestation.pk, []).append(jauge)
        return cls(jauges=par_prestation, agent=agent)

    def poser(
        self,
        inscription: Inscription,
        jour: date,
        etat: str = "reservee",
        *,
        present: bool | None = None,
        motif: str = "",
        demandee: date | None = None,
        reguliere: bool = False,
    ) -> Reservation | None:
        """One booking, with its attendance when `present` is said; None when there is no place left."""
        jauges = self.jauges.get(inscription.prestation_id, [])
        if etat in OCCUPANTS:
            if any(self.pris[j.pk, jour] >= j.capacite for j in jauges):
                return None
            for j in jauges:
                self.pris[j.pk, jour] += 1
        # Never asked in the future: a campagne calls its draft out of date when a booking moved after it.
        hier = timezone.localdate() - timedelta(days=1)
        quand = _matin(demandee or min(jour - timedelta(days=25), hier))
        reservation = Reservation(
            enfant_id=inscription.enfant_id,
            prestation_id=inscription.prestation_id,
            jour=jour,
            inscription=inscription,
            payeur_id=inscription.famille_id,
            etat=etat,
            demandee_le=quand,
            modifiee_le=quand,
            motif=motif,
            reguliere=reguliere,
            places=[j.pk for j in jauges] if etat in OCCUPANTS else [],
        )
        self.reservations.append(reservation)
        if present is not None:
            self.pointer(inscription, jour, present)
        return reservation

    def pointer(
        self,
        inscription: Inscription,
        jour: date,
        present: bool,
        heures: tuple[time | None, time | None] = (None, None),
    ) -> None:
        """What happened that day, with or without a booking; `heures`: arrival and departure."""
        self.pointages.append(
            Pointage(
                enfant_id=inscription.enfant_id,
                prestation_id=inscription.prestation_id,
                jour=jour,
                present=present,
                arrivee=heures[0],
                depart=heures[1],
                agent=self.agent,
                pointe_le=_matin(jour),
            )
        )

    def ecrire(self) -> None:
        """Everything gathered, in bulk."""
        Reservation.objects.bulk_create(self.reservations, batch_size=LOT)
        ReservationEvenement.objects.bulk_create(
            (
                ReservationEvenement(reservation=r, vers=r.etat, le=r.demandee_le, motif=r.motif)
                for r in self.reservations
            ),
            batch_size=LOT,
        )
        Pointage.objects.bulk_create(self.pointages, batch_size=LOT)
        capacites = {j.pk: j.capacite for jauges in self.jauges.values() for j in jauges}
        Creneau.objects.bulk_create(
            (
                Creneau(jauge_id=pk, jour=jour, capacite=capacites[pk], pris=pris)
                for (pk, jour), pris in sorted(self.pris.items())
            ),
            batch_size=LOT,
        )


def _matin(jour: date) -> datetime:
    """Nine in the morning that day, in Paris."""
    return timezone.make_aware(datetime.combine(jour, time(9)))
