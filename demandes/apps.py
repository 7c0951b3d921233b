from django.apps import AppConfig


class Demandes(AppConfig):
    name = "demandes"
    label = "demandes"
    verbose_name = "Demandes"
