"""What a person types to come in, and to change or recover a password."""

from django import forms
from django.contrib.auth.forms import AuthenticationForm, SetPasswordForm
from django.core.exceptions import ValidationError
from django.utils import timezone

from familles import assaut
from familles.mots_de_passe import longueur_minimale
from familles.recuperation import envoyer_lien
from portail.socle.models import Collectivite


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
        # Set when the account must wait: the page then says whom to call.
        self.attente = ""

    def clean(self):
        """The try is counted before the password is looked at. Raises AdresseBloquee through the form."""
        saisi, mot_de_passe = self.cleaned_data.get("username"), self.cleaned_data.get("password")
        if not saisi or not mot_de_passe:
            return super().clean()
        maintenant = timezone.now()
        try:
            essai = assaut.commencer(
                assaut.cle_du_compte(saisi), assaut.cle_de_l_adresse(self.request), maintenant
            )
        except assaut.CompteBloque as bloque:
            raise self._attendre(bloque.jusqua, maintenant) from None
        try:
            propres = super().clean()
        except ValidationError as refus:
            if refus.code == "expire":
                assaut.reussi(essai)
                raise
            jusqua = assaut.echoue(essai, maintenant)
            if jusqua:
                raise self._attendre(jusqua, maintenant) from None
            refus.message += assaut.phrase_restants(essai.restants)
            raise
        assaut.reussi(essai)
        return propres

    def confirm_login_allowed(self, user) -> None:
        """Asked once the password is right: whoever guesses does not learn that an account waits."""
        super().confirm_login_allowed(user)
        if user.provisoire_expire(timezone.now()):
            raise ValidationError(phrase_expire(user), code="expire")

    def _attendre(self, jusqua, maintenant) -> ValidationError:
        self.attente = assaut.phrase_attente(jusqua, maintenant)
        return ValidationError(self.attente, code="attente")


def phrase_expire(utilisateur) -> str:
    """The letter's password has run out: what to do, which depends on whether a link can be mailed."""
    telephone = Collectivite.actuelle().telephone
    appel = f"appelez le service enfance ({telephone})" if telephone else "adressez-vous à la mairie"
    seul = (
        "utilisez «\N{NO-BREAK SPACE}Mot de passe oublié\N{NO-BREAK SPACE}?\N{NO-BREAK SPACE}», ou "
        if utilisateur.courriel
        else ""
    )
    return f"Votre mot de passe provisoire a expiré. Pour en recevoir un autre, {seul}{appel}."


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

    def validate_password_for_user(self, user, password_field_name="new_password1", **autres):
        """Django says what a password lacks under the second one: it is the first that must change."""
        super().validate_password_for_user(user, "new_password1", **autres)

    def save(self, commit=True):
        self.user.doit_changer_mot_de_passe = False
        self.user.mot_de_passe_expire_le = None
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
        assaut.verifier_mot_de_passe(
            self.user, saisi, "Ce n’est pas votre mot de passe actuel.", timezone.now()
        )
        return saisi


class ChoixFamilleForm(forms.Form):
    """One of the households of a person who belongs to several."""

    famille = forms.TypedChoiceField(
        coerce=int,
        error_messages={"required": "Choisissez une famille.", "invalid_choice": "Choisissez une famille."},
    )

    def __init__(self, miennes, donnees=None):
        super().__init__(donnees)
        self.fields["famille"].choices = [(r.famille_id, r.famille.numero) for r in miennes]
