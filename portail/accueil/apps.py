from django.apps import AppConfig


class Accueil(AppConfig):
    name = "portail.accueil"
    label = "accueil"
    verbose_name = "Accueil et informations"
