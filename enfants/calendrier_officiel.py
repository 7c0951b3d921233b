"""Filling the calendar from a maintained package. The rows stay the town's: an edited one is never touched again."""

from datetime import date, timedelta

import holidays
from django.db import transaction
from django.utils.text import slugify

from enfants.models import AnneeScolaire, JourFerie, PeriodeVacances
from portail.socle.models import Collectivite

# What a stretch of school holidays longer than this can only be.
GRANDES = timedelta(days=40)


def periodes_officielles(zone: str, annees: range) -> list[tuple[str, str, date, date]]:
    """(name, nature, first day, last day) of the school holidays that start in these civil years.

    `holidays` gives days; a year is asked on each side, so that Christmas is not cut in two. It knows the pont de
    l’Ascension, which the other package lacks (compared day by day: RULES.md §5).
    """
    marge = range(annees.start - 1, annees.stop + 1)
    jours = holidays.France(subdiv=f"Zone {zone}", categories=("school",), years=marge, language="fr")
    suites: list[list] = []
    for jour, nom in sorted(jours.items()):
        nom = nom.replace("'", "’")
        if suites and suites[-1][0] == nom and jour - suites[-1][2] == timedelta(days=1):
            suites[-1][2] = jour
        else:
            suites.append([nom, jour, jour])
    return [
        (nom, "grandes" if au - du > GRANDES else "petites", du, au)
        for nom, du, au in suites
        if du.year in annees
    ]


@transaction.atomic
def remplir(annees: range) -> tuple[int, int]:
    """Create or refresh school years, holidays and bank holidays; (holidays, bank holidays) now known for them."""
    town = Collectivite.actuelle()
    for annee in annees:
        AnneeScolaire.objects.get_or_create(debut=date(annee, 9, 1), defaults={"fin": date(annee + 1, 8, 31)})
    periodes = periodes_officielles(town.zone, annees)
    for nom, nature, du, au in periodes:
        cle = f"{slugify(nom)}-{du.year}"
        existante = PeriodeVacances.objects.filter(zone=town.zone, cle=cle).first()
        if existante is not None and existante.modifiee:
            continue
        if existante is None and PeriodeVacances.objects.filter(zone=town.zone, du=du).exists():
            # The town wrote these holidays itself.
            continue
        PeriodeVacances.objects.update_or_create(
            zone=town.zone, cle=cle, defaults={"nom": nom, "nature": nature, "du": du, "au": au}
        )
    feries = holidays.France(years=annees, subdiv="57" if town.alsace_moselle else None, language="fr")
    JourFerie.objects.bulk_create(
        (JourFerie(jour=jour, nom=nom.replace("'", "’")) for jour, nom in sorted(feries.items())),
        ignore_conflicts=True,
    )
    return len(periodes), len(feries)
