from django.apps import AppConfig


class Messagerie(AppConfig):
    name = "messagerie"
    label = "messagerie"
    verbose_name = "Messagerie"
