"""Builders of the tests of enfants: asks, states, days."""

from datetime import date, datetime, time

from enfants import places
from enfants.models import Creneau, Etat, Inscription, Prestation, Reservation
from enfants.regles import PARIS

# Monday 23 November 2026, the day of the look studies.
MAINTENANT = datetime(2026, 11, 23, 9, 30, tzinfo=PARIS)
JEUDI = date(2026, 11, 26)
LUNDI = date(2026, 11, 30)


def paris(*champs: int) -> datetime:
    return datetime(*champs, tzinfo=PARIS)


def demander(inscription: Inscription, *jours: date, maintenant: datetime = MAINTENANT, **options):
    """Ask these days; the list of Issue."""
    return places.reserver([places.Souhait(inscription, jour) for jour in jours], None, maintenant, **options)


def reserver(inscription: Inscription, *jours: date, etat: str = Etat.RESERVEE) -> list[Reservation]:
    """Rows in this state, through the verbs only."""
    crees = [issue.reservation for issue in demander(inscription, *jours, au_nom_de_la_mairie=True)]
    assert None not in crees, "the builder's day was refused"
    if etat != Etat.RESERVEE:
        crees = [places.changer(r, etat, None, MAINTENANT, motif="Essai") for r in crees]
    return crees


def automatique(prestation: Prestation, **champs) -> Prestation:
    """Booked at once."""
    for nom, valeur in ({"validation": Prestation.Validation.AUTOMATIQUE} | champs).items():
        setattr(prestation, nom, valeur)
    prestation.save()
    return prestation


def pris(prestation: Prestation, jour: date) -> int:
    return Creneau.objects.get(jauge__prestations=prestation, jour=jour).pris


def midi(jour: date) -> datetime:
    return datetime.combine(jour, time(12), tzinfo=PARIS)
