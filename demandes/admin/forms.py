"""What an agent posts about one demande."""

from django import forms
from django.core.exceptions import ValidationError

from demandes.models import ATTEND_LA_MAIRIE, Demande, MotifRefus
from demandes.models.etats import ATTENDENT
from demandes.types import AjouterEnfant
from enfants.models import Enfant

DEPASSER = "enfants.depasser_places"


class JoursField(forms.TypedMultipleChoiceField):
    """A day decided meanwhile is no typing error: the verb leaves it out, or says who was faster."""

    def valid_value(self, value) -> bool:
        return True


class Decision(forms.Form):
    """Accept, refuse, ask: one form, the button says which."""

    ACCEPTER, REFUSER, COMPLEMENT = "accepter", "refuser", "complement"
    action = forms.ChoiceField(
        choices=[(a, a) for a in (ACCEPTER, REFUSER, COMPLEMENT)], widget=forms.HiddenInput
    )
    jours = JoursField(
        label="Jours à accepter", coerce=int, required=False, widget=forms.CheckboxSelectMultiple
    )
    existant = forms.ModelChoiceField(
        label="Cet enfant",
        queryset=Enfant.objects.none(),
        required=False,
        empty_label="Créer un nouvel enfant",
        help_text="Un enfant de même nom et de même naissance existe déjà\N{NO-BREAK SPACE}: est-ce lui\N{NO-BREAK SPACE}?",
    )
    confirme = forms.BooleanField(
        label="J’ai comparé\N{NO-BREAK SPACE}: remplacer les valeurs d’aujourd’hui par celles de la demande",
        required=False,
    )
    motif_jours = forms.CharField(
        label="Motif pour les jours non cochés",
        max_length=300,
        required=False,
        widget=forms.TextInput(attrs={"list": "motifs-prets", "autocomplete": "off"}),
        help_text="La famille le lit. Inutile quand tous les jours sont cochés.",
    )
    surnombre = forms.CharField(
        label="Motif du surnombre",
        max_length=200,
        required=False,
        help_text="Pour accepter un jour complet\N{NO-BREAK SPACE}: cochez-le, une place y est ajoutée pour cet enfant, avec ce motif.",
    )
    motif_pret = forms.ChoiceField(label="Motif tout prêt", required=False)
    message = forms.CharField(
        label="Motif du refus, ou précision demandée",
        max_length=300,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3, "cols": 60}),
        help_text="La famille lit ce texte. S’il est rempli, il remplace le motif tout prêt.",
    )
    vu = forms.CharField(required=False, max_length=16, widget=forms.HiddenInput)

    def __init__(
        self,
        data=None,
        *,
        demande: Demande,
        structures: list[int] | None,
        a_change: bool = False,
        interlocuteur=None,
        **kwargs,
    ) -> None:
        """`a_change`: the family's values moved since, to accept over them is to be said. `interlocuteur`: in whose
        name a complément is asked.
        """
        super().__init__(data, label_suffix="", **kwargs)
        self.a_change, self.interlocuteur = a_change, interlocuteur
        prets = [(m, m) for m in MotifRefus.pour(demande.type)]
        self.fields["motif_pret"].choices = [("", "Choisissez…"), *prets]
        ouverts = [j for j in jours_ouverts(demande) if a_decider(j, structures)]
        self.fields["jours"].choices = [(j.reservation_id, str(j.reservation_id)) for j in ouverts]
        self.fields["jours"].initial = [
            j.reservation_id for j in ouverts if j.reservation.etat in ATTEND_LA_MAIRIE
        ]
        self.parmi = [j.reservation_id for j in ouverts]
        self.attendus = set(self.fields["jours"].initial)
        if demande.type == AjouterEnfant.code:
            self.fields["existant"].queryset = semblables(demande)

    def clean(self) -> dict:
        d = super().clean()
        d["texte"] = ((d.get("message") or "").strip() or d.get("motif_pret") or "").strip()
        if d.get("action") == self.ACCEPTER:
            d["texte"] = (d.get("motif_jours") or "").strip() or d["texte"]
            if self.attendus - set(d.get("jours") or ()) and not d["texte"]:
                self.add_error("motif_jours", "Donnez le motif du refus.")
        if d.get("action") == self.REFUSER and not d["texte"]:
            raise ValidationError("Donnez le motif du refus.")
        if d.get("action") == self.COMPLEMENT and not (d.get("message") or "").strip():
            raise ValidationError("Écrivez ce que la famille doit préciser.")
        if d.get("action") == self.ACCEPTER and self.a_change and not d.get("confirme"):
            raise ValidationError(
                "Ces informations ont changé depuis la demande\N{NO-BREAK SPACE}: comparez, puis cochez la case."
            )
        return d

    def decider(self, demande: Demande, par, maintenant) -> None:
        """Call the verb of the button. Raises what it raises."""
        d = self.cleaned_data
        if d["action"] == self.COMPLEMENT:
            demande.demander_complement(par, d["message"], maintenant, self.interlocuteur)
        elif d["action"] == self.REFUSER:
            # None would be every day: an agent whose structures have none left here refuses none.
            jours = self.parmi if demande.genre.planning else None
            demande.refuser(par, d["texte"], maintenant, jours=jours)
        elif demande.genre.planning:
            surnombre = d["surnombre"] if par.has_perm(DEPASSER) else ""
            demande.accepter(
                par, maintenant, jours=d["jours"], parmi=self.parmi, motif=d["texte"], surnombre=surnombre
            )
        else:
            demande.accepter(par, maintenant, vu=d["vu"], existant=d["existant"])


def jours_ouverts(demande: Demande) -> list:
    """Days the town, or the waiting list, has not answered."""
    return [j for j in demande.jours.all() if not j.decision and j.reservation.etat in ATTENDENT]


def a_decider(jour, structures: list[int] | None) -> bool:
    """Whether this agent's structures include that of the day (None: every structure)."""
    return structures is None or jour.reservation.prestation.structure_id in structures


def semblables(demande: Demande):
    """Children another household may already have: same name, same birth date."""
    d = demande.donnees
    return Enfant.objects.filter(
        nom__iexact=d.get("nom", ""), prenom__iexact=d.get("prenom", ""), naissance=d.get("naissance") or None
    )
