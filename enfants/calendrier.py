"""The calendar of a period, read in one query; and what the maintained packages say of it."""

from collections.abc import Iterable
from datetime import date

from django.db.models import CharField, DateField, F, IntegerField, Value
from django.db.models.functions import Cast

from enfants.models import Fermeture, JourFerie, PeriodeVacances
from enfants.regles import RECUL, Calendrier, Fermee, Vacances
from portail.socle.models import Collectivite


def _colonnes(genre: str, du: str, au: str, texte: str, nature=None, structure=None, prestation=None) -> dict:
    """Seven columns of the same types for the union: SQL pairs columns by position."""
    # Cast: PostgreSQL takes a bare NULL for text.
    vide = Cast(Value(None), IntegerField())
    return {
        "c_genre": Value(genre, output_field=CharField()),
        "c_du": Cast(F(du), DateField()),
        "c_au": Cast(F(au), DateField()),
        "c_texte": Cast(F(texte), CharField()),
        "c_nature": Cast(F(nature), CharField()) if nature else Value("", output_field=CharField()),
        "c_structure": Cast(F(structure), IntegerField()) if structure else vide,
        "c_prestation": Cast(F(prestation), IntegerField()) if prestation else vide,
    }


def calendrier_du(du: date, au: date) -> Calendrier:
    """Holidays, bank holidays and closures of the town's zone from `du` to `au`, in one query.

    Reaches back RECUL, so that a limit counted in school days before the summer can be computed.
    """
    debut = du - RECUL
    champs = list(_colonnes("", "du", "au", "nom"))
    feries = JourFerie.objects.filter(jour__range=(debut, au)).order_by()
    vacances = PeriodeVacances.objects.filter(
        zone=Collectivite.actuelle().zone, du__lte=au, au__gte=debut
    ).order_by()
    fermetures = Fermeture.objects.filter(du__lte=au, au__gte=debut).order_by()
    lignes = (
        feries.annotate(**_colonnes("ferie", "jour", "jour", "nom"))
        .values_list(*champs)
        .union(
            vacances.annotate(**_colonnes("vacances", "du", "au", "nom", nature="nature")).values_list(
                *champs
            ),
            fermetures.annotate(
                **_colonnes(
                    "fermeture", "du", "au", "motif", structure="structure_id", prestation="prestation_id"
                )
            ).values_list(*champs),
            all=True,
        )
    )
    return _assembler(lignes)


def _assembler(lignes: Iterable[tuple]) -> Calendrier:
    feries: dict[date, str] = {}
    vacances: list[Vacances] = []
    fermetures: list[Fermee] = []
    for genre, du, au, texte, nature, structure, prestation in lignes:
        if genre == "ferie":
            feries[du] = texte
        elif genre == "vacances":
            vacances.append(Vacances(texte, nature, du, au))
        else:
            fermetures.append(Fermee(du, au, texte, structure, prestation))
    return Calendrier(feries, tuple(vacances), tuple(fermetures))
