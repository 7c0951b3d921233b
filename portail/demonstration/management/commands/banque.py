"""Start the demonstration bank: the pay page and the notifications of a portal that has no account at Stripe."""

import signal
import threading
from pathlib import Path

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from portail.demonstration.banque import Banque


class Command(BaseCommand):
    help = "Lance la banque de démonstration : aucun argent réel."
    requires_system_checks: list[str] = []  # it has no model and needs no database

    def add_arguments(self, parser):
        parser.add_argument("--port", type=int, default=8001)
        parser.add_argument(
            "--adresse", default="127.0.0.1", help="interface d’écoute (boucle locale par défaut)"
        )
        parser.add_argument("--webhook", default="http://127.0.0.1:8000/stripe/webhook/")
        parser.add_argument("--url", default=None, help="adresse publique, si elle n’est pas celle d’écoute")
        parser.add_argument(
            "--base", type=Path, default=None, help="fichier SQLite (défaut : DONNEES/banque.sqlite3)"
        )

    def handle(self, *args, **options):
        base = options["base"] or settings.DONNEES / "banque.sqlite3"
        base.parent.mkdir(parents=True, exist_ok=True)
        try:
            banque = Banque(
                base,
                options["webhook"],
                settings.STRIPE_WEBHOOK_SECRET,
                settings.STRIPE_SECRET_KEY,
                options["port"],
                adresse=options["adresse"],
                url_publique=options["url"],
            ).demarrer()
        except (ValueError, OSError, OverflowError) as erreur:
            raise CommandError(f"La banque de démonstration ne peut pas démarrer : {erreur}") from erreur
        fin = threading.Event()
        for nom in (signal.SIGTERM, signal.SIGINT):
            signal.signal(nom, lambda *_: fin.set())
        self.stdout.write(f"Banque de démonstration — aucun argent réel : {banque.url}")
        self.stdout.flush()
        fin.wait()
        banque.arreter()
        self.stdout.write("Banque de démonstration arrêtée.")
