"""What a person types for the second factor."""

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone

from familles import assaut, double


class CodeForm(forms.Form):
    """Six digits of the telephone, or a recovery code. Spaces and hyphens do not matter."""

    code = forms.CharField(
        label="Code",
        max_length=20,
        error_messages={"required": "Écrivez le code."},
        widget=forms.TextInput(
            attrs={"autocomplete": "one-time-code", "autocapitalize": "characters", "spellcheck": "false"}
        ),
    )


class SecondePorteForm(CodeForm):
    """The code asked after the password: each try is counted before it is looked at."""

    def __init__(self, utilisateur, adresse: str, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.utilisateur, self.adresse = utilisateur, adresse
        self.appareil = None

    def clean_code(self) -> str:
        """Raises AdresseBloquee through the form."""
        saisi, maintenant = self.cleaned_data["code"], timezone.now()
        try:
            essai = assaut.commencer(assaut.cle_de(self.utilisateur, "code"), self.adresse, maintenant)
        except assaut.CompteBloque as bloque:
            raise ValidationError(assaut.phrase_attente(bloque.jusqua, maintenant), code="attente") from None
        self.appareil = double.verifier(self.utilisateur, saisi, maintenant)
        if self.appareil:
            assaut.reussi(essai)
            return saisi
        jusqua = assaut.echoue(essai, maintenant)
        if jusqua:
            raise ValidationError(assaut.phrase_attente(jusqua, maintenant), code="attente")
        raise ValidationError(
            "Ce code n’est pas le bon, ou il a déjà servi. Attendez le suivant, puis réessayez."
            + assaut.phrase_restants(essai.restants),
            code="faux",
        )


class MotDePasseForm(forms.Form):
    """The password asked again before the second factor is touched: an unattended screen is not enough."""

    mot_de_passe = forms.CharField(
        label="Votre mot de passe",
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
        error_messages={"required": "Écrivez votre mot de passe."},
    )

    def __init__(self, utilisateur, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.utilisateur = utilisateur

    def clean_mot_de_passe(self) -> str:
        saisi = self.cleaned_data["mot_de_passe"]
        assaut.verifier_mot_de_passe(
            self.utilisateur, saisi, "Ce n’est pas votre mot de passe.", timezone.now()
        )
        return saisi
