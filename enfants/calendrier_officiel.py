"""The official calendar, from the maintained packages into rows an agent may edit.

Source: `holidays` (category `school`), the only one with the pont de l'Ascension. `vacances-scolaires-france` is a
second opinion up to 31 August 2028, where it stops; beyond, `holidays` guesses (RULES.md §5): said, never hidden.
"""

from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cache

import holidays
from django.db import transaction
from vacances_scolaires_france import SchoolHolidayDates

from enfants.models import AnneeScolaire, JourFerie, PeriodeVacances
from portail.socle.argent import INSECABLE
from portail.socle.dates import RENTREE, annee_scolaire, bornes_scolaires, libelle_annee
from portail.socle.models import Collectivite

VERIFIE_JUSQU_AU = date(2028, 8, 31)
UN_JOUR = timedelta(days=1)
# From March on, towns prepare the next school year.
RAPPEL = 3


@dataclass
class Bilan:
    """What filling did, for the command's output."""

    ajoutes: int = 0
    corriges: int = 0
    gardes: int = 0
    remarques: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Periode:
    """Official holidays of a zone, both days included; `cle` names them for ever."""

    nom: str
    nature: str
    du: date
    au: date

    @property
    def cle(self) -> str:
        return f"{libelle_annee(annee_scolaire(self.du))} {self.nom}"


def periodes(zone: str, du: date, au: date) -> list[Periode]:
    """School holidays that begin between these days."""
    # A year more on each side: Noël would be cut at 31 December.
    annees = range(du.year - 1, au.year + 2)
    jours = holidays.country_holidays(
        "FR", subdiv=f"Zone {zone}", categories=("school",), years=annees, language="fr"
    )
    suites: list[list] = []
    for jour, nom in sorted(jours.items()):
        if suites and suites[-1][0] == nom and suites[-1][2] == jour - UN_JOUR:
            suites[-1][2] = jour
        else:
            suites.append([nom, jour, jour])
    return [
        Periode(nom.replace("'", "’"), "grandes" if "été" in nom else "petites", debut, fin)
        for nom, debut, fin in suites
        if du <= debut <= au
    ]


@cache
def _autre_source() -> SchoolHolidayDates:
    """The other package reads 14,000 lines each time one makes it."""
    return SchoolHolidayDates()


def _second_avis(zone: str, trouvee: Periode) -> str:
    """A sentence when the other package does not agree, or when nobody can check."""
    if trouvee.du > VERIFIE_JUSQU_AU:
        return f"{trouvee.nom} {trouvee.du.year}{INSECABLE}: dates non encore vérifiables, à relire."
    if "Ascension" in trouvee.nom:  # the other package does not know it
        return ""
    # The departure is after class of the day shown: the two packages may differ by that day.
    avis = _autre_source()
    milieu = trouvee.du + (trouvee.au - trouvee.du) / 2
    if any(not avis.is_holiday_for_zone(jour, zone) for jour in (trouvee.du + UN_JOUR, milieu)):
        return f"{trouvee.nom} {trouvee.du.year}{INSECABLE}: les deux sources ne sont pas d’accord, à relire."
    return ""


def annee_manquante(jour: date) -> str:
    """« 2026-2027 » when the calendar of that day's school year is missing, « 2027-2028 » from March on when it is
    next year's; else an empty string.
    """
    zone = Collectivite.actuelle().zone
    debut = annee_scolaire(jour)
    annees = [debut] if jour.month >= RENTREE or jour.month < RAPPEL else [debut, debut + 1]
    for annee in annees:
        du, au = bornes_scolaires(annee)
        connue = AnneeScolaire.objects.filter(debut=du).exists()
        if not connue or not PeriodeVacances.objects.filter(zone=zone, du__range=(du, au)).exists():
            return libelle_annee(annee)
    return ""


@transaction.atomic
def remplir(debut: int, nombre: int) -> Bilan:
    """Fill school years from September `debut`. Idempotent; a row the town edited is never touched again."""
    ville = Collectivite.actuelle()
    bilan = Bilan()
    du, au = bornes_scolaires(debut, nombre)
    for annee in range(debut, debut + nombre):
        premier, dernier = bornes_scolaires(annee)
        _, cree = AnneeScolaire.objects.get_or_create(debut=premier, defaults={"fin": dernier})
        bilan.ajoutes += cree
    for trouvee in periodes(ville.zone, du, au):
        _ecrire(ville.zone, trouvee, bilan)
        if remarque := _second_avis(ville.zone, trouvee):
            bilan.remarques.append(remarque)
    subdivision = "57" if ville.alsace_moselle else None  # Moselle: 13 days
    feries = holidays.country_holidays(
        "FR", subdiv=subdivision, years=range(du.year, au.year + 1), language="fr"
    )
    for jour, nom in sorted(feries.items()):
        if du <= jour <= au:
            _, cree = JourFerie.objects.get_or_create(jour=jour, defaults={"nom": nom.replace("'", "’")})
            bilan.ajoutes += cree
    return bilan


def _ecrire(zone: str, trouvee: Periode, bilan: Bilan) -> None:
    ligne = PeriodeVacances.objects.filter(zone=zone, cle=trouvee.cle).first()
    valeurs = {"nom": trouvee.nom, "nature": trouvee.nature, "du": trouvee.du, "au": trouvee.au}
    if ligne is None:
        # A row the town typed itself, starting the same day, is the same holidays.
        _, cree = PeriodeVacances.objects.get_or_create(
            zone=zone, du=trouvee.du, defaults=valeurs | {"cle": trouvee.cle}
        )
        bilan.ajoutes += cree
        bilan.gardes += not cree
    elif ligne.modifiee:
        bilan.gardes += 1
    elif any(getattr(ligne, nom) != valeur for nom, valeur in valeurs.items()):
        PeriodeVacances.objects.filter(pk=ligne.pk).update(**valeurs)
        bilan.corriges += 1
