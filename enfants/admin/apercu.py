"""« Voir sans enregistrer »: a form that shows what it would give, then stays open with everything typed."""

from django import forms
from django.contrib import admin

BOUTON = "_apercu"


class FormulaireAvecApercu(forms.ModelForm):
    """`instance` holds what was typed (ModelForm), so that read-only fields preview it."""

    sans_erreur = False

    def clean(self):
        valeurs = super().clean()
        self.apercu_seul = BOUTON in self.data
        return valeurs

    def _post_clean(self):
        super()._post_clean()
        if self.apercu_seul:
            # After the instance was built and every other error found: refuses to be saved, and says so. Alone, it is
            # no error: the page shows it as an information.
            self.sans_erreur = not self.errors
            self.add_error(None, "Aperçu\N{NO-BREAK SPACE}: rien n’est encore enregistré.")


class AvecApercu(admin.ModelAdmin):
    """One more button in the row."""

    change_form_template = "admin/enfants/avec_apercu.html"
