"""What a person types to come in, and to change or recover a password."""

from django import forms
from django.contrib.auth.forms import AuthenticationForm, SetPasswordForm
from django.core.exceptions import ValidationError

from familles.mots_de_passe import longueur_minimale
from familles.recuperation import envoyer_lien


class ConnexionForm(AuthenticationForm):
    """Identifiant or e-mail. The sentence is the same for an unknown account and a wrong password."""

    error_messages = {
        "invalid_login": "Identifiant ou mot de passe incorrect. Vérifiez les deux, puis réessayez.",
        "inactive": "Identifiant ou mot de passe incorrect. Vérifiez les deux, puis réessayez.",
    }

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        identifiant = self.fields["username"]
        identifiant.label = "Identifiant"
        # AuthenticationForm takes the length of the column; an e-mail may be longer.
        identifiant.max_length = identifiant.widget.attrs["maxlength"] = 254
        identifiant.widget.attrs |= {"spellcheck": "false", "autocorrect": "off"}
        identifiant.error_messages["required"] = "Écrivez votre identifiant."
        self.fields["password"].label = "Mot de passe"
        self.fields["password"].error_messages["required"] = "Écrivez votre mot de passe."


class OublieForm(forms.Form):
    """Who asks for a link. Always valid when something is typed: the answer must not say who exists."""

    identifiant = forms.CharField(
        label="Identifiant ou courriel",
        max_length=254,
        error_messages={"required": "Écrivez votre identifiant ou votre courriel."},
        widget=forms.TextInput(
            attrs={"autocomplete": "username", "autocapitalize": "none", "spellcheck": "false"}
        ),
    )

    def envoyer(self, maintenant) -> None:
        envoyer_lien(self.cleaned_data["identifiant"], maintenant)


class NouveauMotDePasseForm(SetPasswordForm):
    """A new password, twice; it lifts the obligation to change it."""

    error_messages = {"password_mismatch": "Les deux mots de passe ne sont pas les mêmes."}

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        premier, second = self.fields["new_password1"], self.fields["new_password2"]
        premier.label, premier.help_text = "Nouveau mot de passe", ""
        second.label, second.help_text = "Le même, une seconde fois", ""
        premier.error_messages["required"] = "Choisissez un mot de passe."
        second.error_messages["required"] = "Écrivez une seconde fois le mot de passe choisi."
        self.longueur = longueur_minimale()

    def clean_new_password1(self):
        choisi = self.cleaned_data["new_password1"]
        if self.user.check_password(choisi):
            raise ValidationError("Choisissez un mot de passe différent de l’actuel.", code="identique")
        return choisi

    def save(self, commit=True):
        self.user.doit_changer_mot_de_passe = False
        return super().save(commit)


class ModifierMotDePasseForm(NouveauMotDePasseForm):
    """The padlock: the current password first, so that an unattended screen is not enough."""

    ancien = forms.CharField(
        label="Mot de passe actuel",
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
        error_messages={"required": "Écrivez votre mot de passe actuel."},
    )
    field_order = ["ancien", "new_password1", "new_password2"]

    def clean_ancien(self):
        saisi = self.cleaned_data["ancien"]
        if not self.user.check_password(saisi):
            raise ValidationError("Ce n’est pas votre mot de passe actuel.", code="ancien")
        return saisi
