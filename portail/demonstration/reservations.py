"""The bookings of the town: everybody's habits, and Jean's, which give exactly the guide's invoices."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import product

from enfants import regles
from enfants.models import Inscription, Prestation
from portail.socle.dates import decaler_mois, premier_du_mois

from .carnet import Carnet
from .guide import Gens
from .population import Ville

AL12, AL36 = 24320, 12060
# Prices of Jean's band (quotient 845): what the solver below adds up. The month's real price is computed by
# `facturation`, and a test checks that the invoices do come to these amounts.
CANTINE, GARDERIE, JOURNEE, APRES_MIDI = 345, 160, 1150, 720
AVENIR = timedelta(days=45)


@dataclass(frozen=True)
class Periodes:
    """The two billed periods of the guide: two months (AL-12), then one (AL-36)."""

    premiere: tuple[date, date]
    seconde: tuple[date, date]
    compte_premiere: "Compte"
    compte_seconde: "Compte"


@dataclass(frozen=True)
class Compte:
    """How many of each service, both children together."""

    cantine: int
    garderie: int
    mercredi_journee: int
    mercredi_apres_midi: int
    vacances_journee: int


@dataclass(frozen=True)
class Ouvertures:
    """Which day each service opens."""

    calendrier: regles.Calendrier

    def jours(self, prestation: Prestation, du: date, au: date) -> list[date]:
        return [
            jour
            for jour in (du + timedelta(days=n) for n in range((au - du).days + 1))
            if regles.fond(prestation, jour, self.calendrier) == regles.OUVERT
        ]


def choisir_periodes(ville: Ville, ouvertures: Ouvertures) -> Periodes:
    """The latest past month, then the latest two months before it, whose open days can make the guide's amounts.

    In summer nothing of the school year opens: the search goes back month by month until it can.
    """
    fin = premier_du_mois(ville.aujourdhui)
    seconde, compte_seconde = _chercher(ville, ouvertures, fin, 1, AL36)
    premiere, compte_premiere = _chercher(ville, ouvertures, seconde[0], 2, AL12)
    return Periodes(premiere, seconde, compte_premiere, compte_seconde)


def _chercher(ville: Ville, ouvertures: Ouvertures, fin: date, mois: int, montant: int):
    for recul in range(8):
        au = decaler_mois(fin, -recul) - timedelta(days=1)
        du = decaler_mois(fin, -recul - mois)
        compte = resoudre(montant, *(_places(ville, ouvertures, nom, du, au) for nom in _NOMS))
        if compte:
            return (du, au), compte
    raise ValueError("no past month can make the guide's invoices")


_NOMS = ("Restauration scolaire", "Garderie matin", "Mercredi journée", "Vacances journée")


def _places(ville: Ville, ouvertures: Ouvertures, nom: str, du: date, au: date) -> int:
    return 2 * len(ouvertures.jours(ville.offre[nom], du, au))


def resoudre(montant: int, cantines: int, garderies: int, mercredis: int, vacances: int) -> Compte | None:
    """Counts of services, within what opens, whose prices add up to `montant` cents; None when there are none."""
    mieux, trouve = None, None
    for j, a, v in product(range(mercredis + 1), range(mercredis // 2 + 1), range(min(vacances, 8) + 1)):
        if j + a > mercredis:
            continue
        reste = montant - j * JOURNEE - a * APRES_MIDI - v * JOURNEE
        for c in range(min(cantines, reste // CANTINE) + 1) if reste >= 0 else ():
            g, impair = divmod(reste - c * CANTINE, GARDERIE)
            if impair or not 0 <= g <= garderies:
                continue
            # The most ordinary life: as many meals as mornings, some of every service.
            ecart = abs(c - g) + (0 if j and a else 6) + v
            if mieux is None or ecart < mieux:
                mieux, trouve = ecart, Compte(c, g, j, a, v)
    return trouve


def reserver_le_guide(
    ville: Ville, gens: Gens, periodes: Periodes, ouvertures: Ouvertures, carnet: Carnet
) -> None:
    """Jean's billed months, then his present: booked, present, excused, billed absences, what comes."""
    for (du, au), compte in (
        (periodes.premiere, periodes.compte_premiere),
        (periodes.seconde, periodes.compte_seconde),
    ):
        _mois_facture(ville, gens, (du, au), compte, ouvertures, carnet)
    depuis = periodes.seconde[1] + timedelta(days=1)
    _mois_en_cours(ville, gens, depuis, ouvertures, carnet)
    _autres(ville, gens.autres, depuis, ouvertures, carnet)


def _mois_facture(ville, gens, periode, compte, ouvertures, carnet) -> None:
    def cases(nom: str) -> Iterator[tuple[Inscription, date]]:
        for jour in ouvertures.jours(ville.offre[nom], *periode):
            for prenom in ("Léa", "Tom"):
                yield gens.inscriptions[prenom, nom], jour

    def prendre(nom: str, combien: int, pris: Iterable[tuple] = ()) -> set[tuple]:
        interdits = set(pris)
        libres = [c for c in cases(nom) if (c[0].enfant_id, c[1]) not in interdits]
        # Spread over the month rather than crowded at its start.
        choisies = [libres[rang * len(libres) // combien] for rang in range(combien)]
        for inscription, jour in choisies:
            carnet.poser(inscription, jour, present=True)
        return interdits | {(i.enfant_id, jour) for i, jour in choisies}

    prendre("Restauration scolaire", compte.cantine)
    prendre("Garderie matin", compte.garderie)
    journees = prendre("Mercredi journée", compte.mercredi_journee)
    prendre("Mercredi après-midi", compte.mercredi_apres_midi, journees)
    prendre("Vacances journée", compte.vacances_journee)


def _mois_en_cours(ville, gens, depuis, ouvertures, carnet) -> None:
    """From the end of the billed months to six weeks ahead: one of each usual state."""
    fin = ville.aujourdhui + AVENIR
    for prenom, nom, rythme in (
        ("Léa", "Restauration scolaire", 1),
        ("Léa", "Garderie matin", 2),
        ("Tom", "Restauration scolaire", 1),
        ("Tom", "Garderie matin", 3),
    ):
        inscription = gens.inscriptions[prenom, nom]
        jours = ouvertures.jours(ville.offre[nom], depuis, fin)
        passes = [j for j in jours if j < ville.aujourdhui]
        excuse = passes[-3:-2] if prenom == "Léa" else []
        facture = passes[-6:-5] if (prenom, nom) == ("Léa", "Garderie matin") else []
        for rang, jour in enumerate(jours):
            # Ahead, some days stay free: they are what one comes to the planning for.
            if rang % rythme and jour not in excuse + facture:
                continue
            if jour > ville.aujourdhui + timedelta(days=9) and rang % 3:
                continue
            _poser(ville, carnet, inscription, jour, jour in excuse, jour in facture)
    for prenom in ("Léa", "Tom"):
        journee, apres_midi = (
            gens.inscriptions[prenom, n] for n in ("Mercredi journée", "Mercredi après-midi")
        )
        mercredis = ouvertures.jours(journee.prestation, depuis, fin)
        passes = [j for j in mercredis if j < ville.aujourdhui]
        for jour in passes[:-1]:
            carnet.poser(journee, jour, present=True)
        for jour in passes[-1:]:
            # Came without having booked.
            carnet.pointer(apres_midi, jour, True)
        a_venir = [j for j in mercredis if j >= ville.aujourdhui]
        for jour in a_venir[1:2]:
            carnet.poser(apres_midi if prenom == "Léa" else journee, jour)


def _poser(ville, carnet, inscription, jour, excuse=False, facture=False) -> None:
    passe = jour < ville.aujourdhui
    if excuse:
        carnet.poser(inscription, jour, "absent_excuse")
    elif facture and passe:  # who is missing is known the day itself
        carnet.poser(inscription, jour, "absent_facture", present=False)
    else:
        carnet.poser(inscription, jour, present=True if passe else None)


def _autres(ville, inscriptions: list[Inscription], depuis, ouvertures, carnet) -> None:
    """Jeanne, Claire and the new family: every other open day, except where Jean already booked his child."""
    prises = {(r.enfant_id, r.prestation_id, r.jour) for r in carnet.reservations}
    # Booked, or there without a booking: a child is in one place at a time.
    exclues = {
        (x.enfant_id, x.jour)
        for x in (*carnet.reservations, *carnet.pointages)
        if x.prestation.nom.startswith("Mercredi")
    }
    for inscription in inscriptions:
        jours = ouvertures.jours(inscription.prestation, depuis, ville.aujourdhui + AVENIR)
        for jour in jours[::2]:
            cle = (inscription.enfant_id, inscription.prestation_id, jour)
            mercredi = inscription.prestation.nom.startswith("Mercredi")
            if cle in prises or (mercredi and (inscription.enfant_id, jour) in exclues):
                continue
            _poser(ville, carnet, inscription, jour)


def reserver_la_ville(
    ville: Ville,
    inscriptions: list[Inscription],
    en_premiere: int,
    periodes: Periodes,
    ouvertures: Ouvertures,
    carnet: Carnet,
    barre,
) -> None:
    """Habits of the generated families; only the first `en_premiere` of them come in the first billed period."""
    h = ville.hasard
    fin = ville.aujourdhui + AVENIR
    jours = {
        nom: ouvertures.jours(prestation, periodes.premiere[0], fin)
        for nom, prestation in ville.offre.items()
    }
    rangs: dict[int, int] = {}
    for inscription in inscriptions:
        rang = rangs.setdefault(inscription.famille_id, len(rangs))
        depuis = periodes.premiere[0] if rang < en_premiere else periodes.seconde[0]
        semaine = {j for j in (0, 1, 3, 4) if h.random() < 0.6} or {1}
        vacances = inscription.prestation.nom.startswith("Vacances")
        for jour in jours[inscription.prestation.nom]:
            if jour < depuis or (jour.weekday() not in semaine and not vacances and jour.weekday() != 2):
                continue
            hasard = h.random()
            if vacances and hasard < 0.5:
                continue
            _poser(ville, carnet, inscription, jour, excuse=hasard > 0.97, facture=0.955 < hasard < 0.97)
        barre.update(1)
