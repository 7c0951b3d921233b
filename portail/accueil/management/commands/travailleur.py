"""The worker: scheduled work, e-mails, queued tasks, until it is told to stop."""

import logging
import signal
import time
from collections.abc import Callable

from django.core.management.base import BaseCommand, CommandError
from django.db import close_old_connections
from django.utils import timezone
from django.utils.crypto import get_random_string
from django_tasks_db.management.commands.db_worker import Worker
from django_tasks_db.models import DBTaskResult

from portail.accueil.travaux import lancer_dus, sans_donnees
from portail.socle.courriels import envoyer_dus
from portail.socle.models import Courriel

journal = logging.getLogger("portail.travailleur")
PAUSE_SECONDES = 2
TRAVAUX_TOUTES_LES_SECONDES = 30


class Command(BaseCommand):
    help = "Exécute les travaux planifiés, envoie les courriels, traite la file des tâches. S’arrête par SIGTERM."

    def add_arguments(self, parser) -> None:
        parser.add_argument("--une-fois", action="store_true", help="Un seul passage, puis s’arrête (cron).")

    def handle(self, *, une_fois: bool, **options) -> None:
        self.arrete = False
        self.file = None
        self.prochains_travaux = 0.0
        for bavard in ("django_tasks", "django_tasks_db"):
            logging.getLogger(bavard).setLevel(logging.WARNING)
        if une_fois:
            if not self.passage():
                raise CommandError("Un travail a échoué : voir le journal et les exécutions.")
            return
        for numero in (signal.SIGTERM, signal.SIGINT):
            signal.signal(numero, self._arreter)
        journal.info("travailleur démarré")
        while not self.arrete:
            self.passage()
            self._attendre()
        journal.info("travailleur arrêté")

    def passage(self) -> bool:
        """One pass; False when something failed. No failure stops the worker: the next pass tries again."""
        # Not a list of results: each step must run whatever happened to the one before.
        reussites = [self._proteger(etape) for etape in (self._travaux, self._courriels, self._taches)]
        close_old_connections()
        return all(reussites)

    def _proteger(self, etape: Callable[[], bool]) -> bool:
        if self.arrete:
            return True
        try:
            close_old_connections()
            return etape()
        except Exception as erreur:
            journal.error("passage en échec : %s", sans_donnees(erreur), extra={"tache": etape.__name__})
            return False

    def _travaux(self) -> bool:
        if time.monotonic() < self.prochains_travaux:
            return True
        self.prochains_travaux = time.monotonic() + TRAVAUX_TOUTES_LES_SECONDES
        return all(execution.reussie for execution in lancer_dus(arret=self._doit_arreter))

    def _courriels(self) -> bool:
        maintenant = timezone.now()
        if Courriel.objects.dus(maintenant).exists():
            envoyer_dus(maintenant, self._doit_arreter)
        return True

    def _taches(self) -> bool:
        # Looked at first: the library's own poll takes SQLite's write lock each time.
        if DBTaskResult.objects.ready().exists():
            self.file = Worker(
                queue_names=["*"],
                excluded_queue_names=[],
                interval=0,
                batch=True,
                backend_name="default",
                startup_delay=False,
                max_tasks=None,
                worker_id=get_random_string(32),
            )
            self.file.run()
            self.file = None
        return True

    def _doit_arreter(self) -> bool:
        return self.arrete

    def _arreter(self, numero: int, cadre) -> None:
        # Only flags: an exception raised here could cut a task or an e-mail in two. A second signal insists.
        self.arrete = True
        if self.file is not None:
            self.file.running = False
        signal.signal(numero, signal.SIG_DFL)

    def _attendre(self) -> None:
        fin = time.monotonic() + PAUSE_SECONDES
        while not self.arrete and time.monotonic() < fin:
            time.sleep(0.2)
