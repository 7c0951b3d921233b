"""manage.py calendrier: school years, holidays of the town's zone, bank holidays."""

from django.core.management.base import BaseCommand
from django.utils import timezone

from enfants.calendrier_officiel import remplir
from portail.socle.dates import annee_scolaire


class Command(BaseCommand):
    help = "Remplit les années scolaires, les vacances de la zone et les jours fériés. Peut être relancée."

    def add_arguments(self, parser) -> None:
        parser.add_argument("--annees", type=int, default=3, help="nombre d’années scolaires (3)")
        parser.add_argument("--depuis", type=int, help="septembre de cette année (l’année scolaire en cours)")

    def handle(self, *args, **options) -> None:
        jour = timezone.localdate()
        debut = options["depuis"] or annee_scolaire(jour)
        bilan = remplir(debut, options["annees"])
        for remarque in bilan.remarques:
            self.stdout.write(self.style.WARNING(remarque))
        self.stdout.write(
            f"{bilan.ajoutes} lignes ajoutées, {bilan.corriges} corrigées, "
            f"{bilan.gardes} gardées telles que la mairie les a écrites."
        )
