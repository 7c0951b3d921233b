"""The deadline of the week: a day a child usually has, not booked yet, whose limit comes soon. Pure but for `lire`."""

from collections import Counter
from collections.abc import Container, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.urls import reverse
from django.utils import timezone

from enfants import regles
from enfants.models import Enfant, Etat, Inscription, Reservation
from enfants.regles import Calendrier
from facturation.cloture import Jour, jours_clos
from familles.models import Famille
from portail.socle.argent import INSECABLE

# A limit further than this can wait; a day is looked for this far ahead.
DELAI = timedelta(days=7)
HORIZON = 21
# « Usually »: that weekday, at least so many times in the last open ones.
SEMAINES, HABITUDE = 4, 2
RECUL = 70
SANS_SUITE = (Etat.REFUSEE,)


@dataclass(frozen=True)
class Rappel:
    """A child, a service, the days to book before `limite`."""

    enfant: Enfant
    prestation: str
    jours: tuple[date, ...]
    limite: datetime
    aujourdhui: date

    @property
    def titre(self) -> str:
        jours = " et ".join(filter(None, [", ".join(self._noms[:-1]), self._noms[-1]]))
        return f"{self.enfant.prenom} n’a pas «{INSECABLE}{self.prestation}{INSECABLE}» {jours}"

    @property
    def detail(self) -> str:
        return f"Réservez avant {regles.instant_en_mots(self.limite, self.aujourdhui)}."

    @property
    def url(self) -> str:
        return reverse("planning_enfant", kwargs={"pk": self.enfant.pk, "mois": f"{self.jours[0]:%Y-%m}"})

    @property
    def _noms(self) -> list[str]:
        # « mercredi 2 décembre » in one piece is wider than a narrow phone's line: the weekday may stay above.
        return [regles.jour_en_mots(j, self.aujourdhui).replace(INSECABLE, " ", 1) for j in self.jours]


def lire(
    famille: Famille, enfants: list[Enfant], jour: date
) -> tuple[list[Inscription], list[tuple[object, int, date, int, str]], Container[Jour]]:
    """This household's running inscriptions, every booking of these children around that day, the invoiced days."""
    inscriptions = list(
        Inscription.objects.en_cours(jour, jour + timedelta(days=HORIZON))
        .filter(famille=famille, enfant__in=enfants)
        .select_related("enfant", "prestation__limite_reservation")
        .prefetch_related("prestation__groupes_exclusifs__prestations")
    )
    reservations = Reservation.objects.filter(
        enfant__in=enfants,
        jour__range=(jour - timedelta(days=RECUL), jour + timedelta(days=HORIZON)),
    )
    colonnes = ("enfant_id", "prestation_id", "jour", "payeur_id", "etat")
    horizon = [jour + timedelta(n) for n in range(HORIZON)]
    clos = jours_clos(
        (prestation, j) for prestation in {i.prestation_id for i in inscriptions} for j in horizon
    )
    return inscriptions, list(reservations.order_by("pk").values_list(*colonnes)), clos


def rappels(
    inscriptions: Iterable[Inscription],
    reservations: Iterable[tuple],
    clos: Container[Jour],
    calendrier: Calendrier,
    maintenant: datetime,
) -> list[Rappel]:
    """What to book this week, the most pressing first."""
    aujourdhui = timezone.localdate(maintenant)
    pris: set[tuple] = set()
    habitudes: Counter = Counter()
    for enfant, prestation, jour, payeur, etat in reservations:
        if etat in SANS_SUITE:
            continue
        # Cancelled or excused, the family has already said what it wanted of that day.
        pris.add((enfant, prestation, jour))
        if jour < aujourdhui and etat != Etat.ANNULEE:
            habitudes[enfant, prestation, payeur, jour] += 1
    trouves = []
    for inscription in inscriptions:
        choix = _choix(inscription)
        a_reserver = [
            (jour, limite)
            for jour in (aujourdhui + timedelta(n) for n in range(HORIZON))
            if not any((inscription.enfant_id, prestation, jour) in pris for prestation in choix)
            and (inscription.prestation_id, jour) not in clos
            and inscription.vaut(jour)
            and (limite := _limite(inscription, jour, calendrier, maintenant))
            and _habituel(inscription, jour, aujourdhui, calendrier, habitudes)
        ]
        if a_reserver:
            jours = tuple(jour for jour, _ in a_reserver)
            proche = regles.plus_tot(*(limite for _, limite in a_reserver))
            trouves.append(Rappel(inscription.enfant, inscription.prestation.nom, jours, proche, aujourdhui))
    return sorted(trouves, key=lambda r: (r.limite, r.jours, r.enfant.prenom, r.prestation))


def _choix(inscription: Inscription) -> set[int]:
    """That service and those of which a child has only one a day: booked there, it has nothing left to book."""
    groupes = inscription.prestation.groupes_exclusifs.all()
    return {inscription.prestation_id, *(p.pk for groupe in groupes for p in groupe.prestations.all())}


def _limite(
    inscription: Inscription, jour: date, calendrier: Calendrier, maintenant: datetime
) -> datetime | None:
    """The instant before which to book that day, when it comes within the week."""
    prestation = inscription.prestation
    if regles.fond(prestation, jour, calendrier) != regles.OUVERT:
        return None
    limite = regles.limite_pour(prestation.limite_reservation, jour, prestation.heure_debut, calendrier)
    return limite if not regles.est_passe(limite, maintenant) and limite <= maintenant + DELAI else None


def _habituel(
    inscription: Inscription, jour: date, aujourdhui: date, calendrier: Calendrier, habitudes: Counter
) -> bool:
    """This household booked that weekday at least twice in the last four open ones."""
    prestation, vus, fois = inscription.prestation, 0, 0
    avant = jour - timedelta(days=7)
    while vus < SEMAINES and avant >= aujourdhui - timedelta(days=RECUL):
        if avant < aujourdhui and regles.fond(prestation, avant, calendrier) == regles.OUVERT:
            vus += 1
            fois += bool(habitudes[inscription.enfant_id, prestation.pk, inscription.famille_id, avant])
        avant -= timedelta(days=7)
    return fois >= HABITUDE
