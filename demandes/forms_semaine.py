"""What may be typed on the page of the typical week."""

import re
from datetime import date, timedelta

from django import forms
from django.core.exceptions import ValidationError

from demandes import semaine_type
from demandes.forms import Selection
from demandes.semaine_type import Service
from enfants.regles import Calendrier

JOURS = re.compile(r"([ti])([0-9]{1,15})-([0-6])")
MOIS_MAX = 18


class JoursField(forms.Field):
    """« t<prestation>-<weekday> » for all the children, « i<inscription>-<weekday> » for one, named by the first of
    the row; repeated.
    """

    widget = forms.MultipleHiddenInput

    def to_python(self, valeurs) -> set[tuple[str, int, int]]:
        trouves = (JOURS.fullmatch(str(v)) for v in valeurs or ())
        return {(m[1], int(m[2]), int(m[3])) for m in trouves if m}


class SemaineType(forms.Form):
    """Children, days of each service, weeks, period, what to do."""

    DATES = "dates"
    action = forms.ChoiceField(
        label="Que voulez-vous faire ?",
        choices=[(Selection.RESERVER, "Réserver"), (Selection.ABSENCE, "Déclarer des absences")],
    )
    enfant = forms.MultipleChoiceField(
        label="Pour qui ?", error_messages={"required": "Cochez au moins un enfant."}
    )
    j = JoursField(required=False)
    semaines = forms.ChoiceField(
        label="Quelles semaines ?",
        choices=[
            (semaine_type.TOUTES, "Toutes les semaines"),
            (semaine_type.PAIRES, "Semaines paires"),
            (semaine_type.IMPAIRES, "Semaines impaires"),
        ],
    )
    du = forms.DateField(
        label="À partir du",
        input_formats=["%Y-%m-%d", "%d/%m/%Y"],
        error_messages={
            "required": "Indiquez le premier jour.",
            "invalid": "Cette date n’existe pas. Exemple\N{NO-BREAK SPACE}: 30/11/2026.",
        },
    )
    periode = forms.ChoiceField(label="Jusqu’à quand ?")
    au = forms.DateField(
        label="Jusqu’au",
        required=False,
        input_formats=["%Y-%m-%d", "%d/%m/%Y"],
        error_messages={"invalid": "Cette date n’existe pas. Exemple\N{NO-BREAK SPACE}: 18/12/2026."},
    )

    def __init__(
        self,
        data,
        *,
        enfants: list,
        services: list[Service],
        calendrier: Calendrier,
        groupes: list[dict],
        jour: date,
    ) -> None:
        super().__init__(data)
        self.jour, self.groupes, self.services = jour, groupes, services
        bornes = semaine_type.bornes(calendrier, self.premier_jour())
        self.bornes = {b.code: b for b in bornes}
        if data.get("periode") == "annee" and "annee" not in self.bornes and "vacances" in self.bornes:
            # The first day was moved into the last weeks of school: the next holidays are the end of the year.
            self.data = data.copy()
            self.data["periode"] = "vacances"
        self.fields["enfant"].choices = [(str(e.pk), e.prenom) for e in enfants]
        self.fields["periode"].choices = [
            *((b.code, b.libelle) for b in bornes),
            (self.DATES, "Jusqu’au jour de mon choix"),
        ]

    def premier_jour(self) -> date:
        """The first day typed, when it can be read: the ends to choose from follow it. Otherwise today."""
        try:
            return max(self.fields["du"].clean(self.data.get("du")), self.jour)
        except ValidationError:
            return self.jour

    def clean_du(self) -> date:
        """A day gone by is brought back to today: nothing can be asked before."""
        return max(self.cleaned_data["du"], self.jour)

    def clean(self) -> dict:
        propres = super().clean()
        du = propres.get("du")
        if du and "periode" in propres:
            self._fin(propres, du)
        if "enfant" in propres:
            propres["choix"] = choix = self.choix(propres["j"], propres["enfant"])
            siennes = [i for s in self.services for i in s.inscriptions]
            if not choix:
                self.add_error("j", "Cochez au moins un jour.")
            for phrase in semaine_type.conflits(choix, siennes, self.groupes):
                self.add_error("j", phrase)
        return propres

    def _fin(self, propres: dict, du: date) -> None:
        if propres["periode"] == self.DATES:
            fin = propres.get("au")
            if fin is None:
                if "au" not in self.errors:
                    self.add_error("au", "Indiquez le dernier jour.")
                return
        else:
            borne = self.bornes[propres["periode"]]
            fin = borne.jour
            propres["du"] = du = borne.du or du
        if fin < du:
            champ = "au" if propres["periode"] == self.DATES else "du"
            self.add_error(champ, "Le dernier jour ne peut pas précéder le premier.")
        elif fin - du > timedelta(days=31 * MOIS_MAX):
            self.add_error("au", f"Pas plus de {MOIS_MAX} mois à la fois.")
        else:
            propres["fin"] = fin

    def choix(self, jours: set[tuple[str, int, int]], enfants: list[str]) -> dict[int, set[int]]:
        """Weekdays by inscription: the row for all, and each child's own."""
        choix: dict[int, set[int]] = {}
        for service in self.services:
            lignes = service.enfants
            for i in service.inscriptions:
                if str(i.enfant_id) in enfants:
                    pour_tous = {n for g, pk, n in jours if g == "t" and pk == service.prestation.pk}
                    pour_lui = {n for g, pk, n in jours if g == "i" and pk == lignes[i.enfant]}
                    ouverts = {n for n in pour_tous | pour_lui if i.prestation.jours >> n & 1}
                    if ouverts:
                        choix[i.pk] = ouverts
        return choix
