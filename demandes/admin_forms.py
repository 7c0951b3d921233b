"""What an agent posts about one demande."""

from django import forms
from django.core.exceptions import ValidationError

from demandes.models import ATTEND_LA_MAIRIE, Demande
from demandes.models.etats import ATTENDENT
from demandes.types import AjouterEnfant
from enfants.models import Enfant

MOTIFS = (
    "C’est complet ce jour-là.",
    "La demande arrive trop tard.",
    "Une information est incomplète ou inexacte.",
    "Il manque un justificatif.",
    "Votre enfant n’est pas inscrit à ce service.",
    "Cette demande fait double emploi avec une autre.",
)


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
    motif_pret = forms.ChoiceField(
        label="Motif tout prêt", required=False, choices=[("", "Aucun"), *((m, m) for m in MOTIFS)]
    )
    message = forms.CharField(
        label="Motif du refus, ou précision demandée",
        max_length=300,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3, "cols": 60}),
        help_text="La famille lit ce texte.",
    )
    vu = forms.CharField(required=False, max_length=16, widget=forms.HiddenInput)

    def __init__(self, data=None, *, demande: Demande, structures: list[int] | None, **kwargs) -> None:
        super().__init__(data, label_suffix="", **kwargs)
        ouverts = [j for j in jours_ouverts(demande) if a_decider(j, structures)]
        self.fields["jours"].choices = [(j.reservation_id, str(j.reservation_id)) for j in ouverts]
        self.fields["jours"].initial = [
            j.reservation_id for j in ouverts if j.reservation.etat in ATTEND_LA_MAIRIE
        ]
        self.parmi = [j.reservation_id for j in ouverts]
        if demande.type == AjouterEnfant.code:
            self.fields["existant"].queryset = semblables(demande)

    def clean(self) -> dict:
        d = super().clean()
        d["texte"] = ((d.get("message") or "").strip() or d.get("motif_pret") or "").strip()
        if d.get("action") == self.REFUSER and not d["texte"]:
            raise ValidationError("Donnez le motif du refus.")
        if d.get("action") == self.COMPLEMENT and not (d.get("message") or "").strip():
            raise ValidationError("Écrivez ce que la famille doit préciser.")
        return d

    def decider(self, demande: Demande, par, maintenant) -> None:
        """Call the verb of the button. Raises what it raises."""
        d = self.cleaned_data
        if d["action"] == self.COMPLEMENT:
            demande.demander_complement(par, d["message"], maintenant)
        elif d["action"] == self.REFUSER:
            # None would be every day: an agent whose structures have none left here refuses none.
            jours = self.parmi if demande.genre.planning else None
            demande.refuser(par, d["texte"], maintenant, jours=jours)
        elif demande.genre.planning:
            demande.accepter(par, maintenant, jours=d["jours"], parmi=self.parmi, motif=d["texte"])
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
