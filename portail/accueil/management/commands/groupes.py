"""`manage.py groupes`: the town hall's groups, created or put right."""

from django.core.management.base import BaseCommand

from portail.accueil import groupes


class Command(BaseCommand):
    help = "Crée ou remet à jour les groupes de la mairie et leurs permissions."

    def handle(self, *args, **options) -> None:
        for nom, nombre in groupes.installer().items():
            self.stdout.write(f"{nom} : {nombre} permissions")
