from django.apps import AppConfig


class Socle(AppConfig):
    name = "portail.socle"
    label = "socle"
    verbose_name = "Réglages et traces"
