from django.apps import AppConfig


class Enfants(AppConfig):
    name = "enfants"
    label = "enfants"
    verbose_name = "Enfants et offre"
