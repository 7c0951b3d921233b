from django.apps import AppConfig


class Facturation(AppConfig):
    name = "facturation"
    label = "facturation"
    verbose_name = "Facturation"
