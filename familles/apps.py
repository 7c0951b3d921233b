from django.apps import AppConfig


class Familles(AppConfig):
    name = "familles"
    label = "familles"
    verbose_name = "Familles"
