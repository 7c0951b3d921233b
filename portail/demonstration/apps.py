from django.apps import AppConfig


class Demonstration(AppConfig):
    name = "portail.demonstration"
    label = "demonstration"
    verbose_name = "Démonstration"
