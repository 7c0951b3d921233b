"""Until when each box may still change, for the menu of a day: each rule written once on the table, whatever the rows.

Pure. A rule reads « 26=mardi 24, 12 h|27=!mercredi 25, 12 h »: day of the month, then the instant, « ! » when passed.
"""

from collections.abc import Sequence
from datetime import date, datetime

from enfants import regles
from enfants.models import Limite, Prestation
from enfants.planning import Entrees, Ligne, PlanningEnfant
from enfants.planning_case import ANNULABLES


class Echeances:
    """`regles`: the rules, in the order of their numbers; `numeros(ligne)`: the row's own, to book and to cancel."""

    def __init__(self, plannings: Sequence[PlanningEnfant], entrees: Entrees):
        self._entrees = entrees
        self._jours: dict[tuple, dict[date, datetime]] = {}
        for p in plannings:
            for ligne in p.lignes:
                if ligne.a_soi:
                    self._relever(ligne)
        self._jours = {cle: jours for cle, jours in self._jours.items() if jours}
        self._rangs = {cle: n for n, cle in enumerate(self._jours)}

    def _relever(self, ligne: Ligne) -> None:
        prestation, calendrier = ligne.prestation, self._entrees.calendrier
        reserver, annuler = (self._jours.setdefault(cle, {}) for cle in _cles(ligne))
        for case in ligne.cases:
            if not case.valeur:
                continue
            if case.etat not in ANNULABLES:
                reserver[case.jour] = case.limite
            elif case.jour not in annuler:
                annuler[case.jour] = regles.limite_pour(
                    prestation.limite_annulation, case.jour, prestation.heure_debut, calendrier
                )

    @property
    def regles(self) -> list[str]:
        return [
            "|".join(self._mots(jour, limite) for jour, limite in jours.items())
            for jours in self._jours.values()
        ]

    def numeros(self, ligne: Ligne) -> tuple[int | None, int | None]:
        if not ligne.a_soi:
            return None, None
        reserver, annuler = _cles(ligne)
        return self._rangs.get(reserver), self._rangs.get(annuler)

    def _mots(self, jour: date, limite: datetime) -> str:
        passee = "!" if regles.est_passe(limite, self._entrees.maintenant) else ""
        return f"{jour.day}={passee}{regles.instant_en_mots(limite, jour)}"


def _cles(ligne: Ligne) -> tuple[tuple, tuple]:
    p = ligne.prestation
    return _cle(p.limite_reservation, p), _cle(p.limite_annulation, p)


def _cle(limite: Limite, prestation: Prestation) -> tuple:
    """The start of the service only matters to a limit that may fall that very day, or at that very hour."""
    genres = Limite.Genre
    a_l_heure = limite.heure is None or limite.genre in (genres.AUCUNE, genres.JOUR_PAR_JOUR)
    meme_jour = limite.genre == genres.JOURS_AVANT and not limite.nombre
    return limite.pk, prestation.heure_debut if a_l_heure or meme_jour else None
