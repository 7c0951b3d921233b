"""The deadline of the week: a day a child usually has, not booked yet, whose limit comes soon. Pure but for `lire`."""

from collections import Counter, defaultdict
from collections.abc import Container, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.urls import reverse
from django.utils import timezone

from enfants import regles
from enfants.models import Enfant, Etat, GroupeExclusif, Inscription, Prestation, Reservation
from enfants.regles import Calendrier
from facturation.cloture import Jour, jours_clos
from familles.models import Famille
from portail.socle.argent import INSECABLE
from portail.socle.lecture import Preparee

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
    def url_semaine(self) -> str:
        """The list of that week, for a narrow screen."""
        return f"{self.url}?vue=semaine&du={self.jours[0].isoformat()}"

    @property
    def _noms(self) -> list[str]:
        # « mercredi 2 décembre » in one piece is wider than a narrow phone's line: the weekday may stay above.
        return [regles.jour_en_mots(j, self.aujourdhui).replace(INSECABLE, " ", 1) for j in self.jours]


def _inscriptions(famille: int, jour: date, au: date):
    return (
        Inscription.objects.en_cours(jour, au)
        .filter(famille=famille, enfant__in=Enfant.objects.de_la_famille(famille, jour))
        .select_related("enfant", "prestation__limite_reservation")
        .order_by("pk")
    )


def _reservations(famille: int, jour: date, du: date, au: date):
    siennes = Reservation.objects.filter(
        enfant__in=Enfant.objects.de_la_famille(famille, jour), jour__gte=du, jour__lte=au
    )
    return siennes.order_by("pk").values_list("enfant", "prestation", "jour", "payeur", "etat")


def _exclusives(famille: int):
    """(service of this household, service of which a child has only one of both a day)."""
    membres = GroupeExclusif.prestations.through.objects.filter(prestation__inscriptions__famille=famille)
    return membres.order_by().distinct().values_list("prestation", "groupeexclusif__prestations")


_FAMILLE = Famille._meta.pk
_JOUR = Reservation._meta.get_field("jour")
INSCRIPTIONS = Preparee(_inscriptions, _FAMILLE, _JOUR, _JOUR)
RESERVATIONS = Preparee(_reservations, _FAMILLE, _JOUR, _JOUR, _JOUR)
EXCLUSIVES = Preparee(_exclusives, _FAMILLE)


@dataclass(frozen=True)
class Lues:
    """This household's running inscriptions, every booking of its children around that day as (child, service, day,
    payer, state), the invoiced days, and by service those of which a child has only one a day with it.
    """

    inscriptions: list[Inscription]
    reservations: list[list]
    clos: Container[Jour]
    choix: Mapping[int, set[int]]


def lire(famille: Famille, jour: date) -> Lues:
    """In four queries."""
    au = jour + timedelta(days=HORIZON)
    inscriptions = INSCRIPTIONS.objets(famille.pk, jour, au)
    choix: dict[int, set[int]] = defaultdict(set)
    for prestation, autre in EXCLUSIVES.lignes(famille.pk):
        choix[prestation].add(autre)
    horizon = [jour + timedelta(n) for n in range(HORIZON)]
    clos = jours_clos(
        (prestation, j) for prestation in {i.prestation_id for i in inscriptions} for j in horizon
    )
    reservations = RESERVATIONS.lignes(famille.pk, jour, jour - timedelta(days=RECUL), au)
    return Lues(inscriptions, reservations, clos, choix)


def rappels(lues: Lues, calendrier: Calendrier, maintenant: datetime) -> list[Rappel]:
    """What to book this week, the most pressing first."""
    aujourdhui = timezone.localdate(maintenant)
    pris: set[tuple] = set()
    habitudes: set[tuple] = set()
    for enfant, prestation, jour, payeur, etat in lues.reservations:
        if etat in SANS_SUITE:
            continue
        # Cancelled or excused, the family has already said what it wanted of that day.
        pris.add((enfant, prestation, jour))
        if jour < aujourdhui and etat != Etat.ANNULEE:
            habitudes.add((enfant, prestation, payeur, jour))
    # A weekday hardly ever booked is no habit: most days are settled here.
    frequents = Counter((*qui, jour.weekday()) for *qui, jour in habitudes)
    trouves = []
    for inscription in lues.inscriptions:
        sienne = (inscription.enfant_id, inscription.prestation_id, inscription.famille_id)
        # Booked in one of those of which a child has only one a day, it has nothing left to book.
        choix = {inscription.prestation_id, *lues.choix.get(inscription.prestation_id, ())}
        a_reserver = [
            (jour, limite)
            for jour in (aujourdhui + timedelta(n) for n in range(HORIZON))
            if frequents[*sienne, jour.weekday()] >= HABITUDE
            and not any((inscription.enfant_id, prestation, jour) in pris for prestation in choix)
            and (inscription.prestation_id, jour) not in lues.clos
            and inscription.vaut(jour)
            and (limite := _limite(inscription, jour, calendrier, maintenant))
            and _habituel(inscription.prestation, sienne, jour, aujourdhui, calendrier, habitudes)
        ]
        if a_reserver:
            jours = tuple(jour for jour, _ in a_reserver)
            proche = regles.plus_tot(*(limite for _, limite in a_reserver))
            trouves.append(Rappel(inscription.enfant, inscription.prestation.nom, jours, proche, aujourdhui))
    return sorted(trouves, key=lambda r: (r.limite, r.jours, r.enfant.prenom, r.prestation))


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
    prestation: Prestation,
    sienne: tuple,
    jour: date,
    aujourdhui: date,
    calendrier: Calendrier,
    habitudes: set[tuple],
) -> bool:
    """That weekday was booked at least twice in the last four open ones. `sienne`: child, service, paying household."""
    vus = fois = 0
    avant = jour - timedelta(days=7)
    while vus < SEMAINES and avant >= aujourdhui - timedelta(days=RECUL):
        if avant < aujourdhui and regles.fond(prestation, avant, calendrier) == regles.OUVERT:
            vus += 1
            fois += (*sienne, avant) in habitudes
        avant -= timedelta(days=7)
    return fois >= HABITUDE
