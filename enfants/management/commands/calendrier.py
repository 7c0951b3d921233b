"""`manage.py calendrier`: school holidays of the town's zone, bank holidays, school years."""

from django.core.management.base import BaseCommand
from django.utils import timezone

from enfants.calendrier_officiel import remplir


class Command(BaseCommand):
    help = "Remplit les vacances scolaires et les jours fériés (les lignes modifiées par la mairie sont gardées)."

    def add_arguments(self, parser):
        parser.add_argument("--annees", type=int, default=2, choices=range(1, 6), help="années à venir")

    def handle(self, *args, annees: int, **options):
        actuelle = timezone.localdate().year
        vacances, feries = remplir(range(actuelle - 2, actuelle + annees + 1))
        self.stdout.write(f"{vacances} périodes de vacances et {feries} jours fériés connus.")
