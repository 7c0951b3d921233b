"""The sender killed for real (SIGKILL) between the mail server's reception and the commit (PROOF T17): nothing is lost,
and what comes twice bears the same Message-ID.
"""

import os
import signal
import socketserver
import subprocess
import sys
import threading
from collections import Counter
from datetime import timedelta
from email import message_from_bytes

import pytest
from django.db.models import F

from portail.socle.courriels import poster
from portail.socle.models import Courriel
from tests.concurrence.navigateurs import environnement
from tests.sources import RACINE

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db(transaction=True)]
EXPEDITEUR = """
import sys, django
from django.conf import settings
settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", int(sys.argv[1])
django.setup()
from portail.socle.courriels import envoyer_dus
print(envoyer_dus())
"""


class Facteur(socketserver.StreamRequestHandler):
    """As much SMTP as it takes. A message it has never seen: it keeps it, and kills who sent it before answering."""

    def handle(self) -> None:
        self.wfile.write(b"220 facteur\r\n")
        while ligne := self.rfile.readline():
            verbe = ligne[:4].upper()
            self.wfile.write(b"354 suite\r\n" if verbe == b"DATA" else b"250 bien\r\n")
            if verbe == b"DATA" and not self._recevoir():
                return
            if verbe == b"QUIT":
                return

    def _recevoir(self) -> bool:
        lignes = []
        while (ligne := self.rfile.readline()) not in (b".\r\n", b""):
            lignes.append(ligne)
        numero = message_from_bytes(b"".join(lignes))["Message-ID"]
        self.server.recus[numero] += 1
        if self.server.recus[numero] == 1:
            os.kill(self.server.expediteur.pid, signal.SIGKILL)
            return False
        self.wfile.write(b"250 recu\r\n")
        return True


class Bureau(socketserver.ThreadingTCPServer):
    """The post office, and the process that brings it the mail."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Facteur)
        self.recus: Counter[str] = Counter()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def envoyer(self) -> int:
        """One run of the sender; how it ended."""
        self.expediteur = subprocess.Popen(
            [sys.executable, "-c", EXPEDITEUR, str(self.server_address[1])],
            cwd=RACINE,
            env=environnement(),
            stdout=subprocess.DEVNULL,
        )
        return self.expediteur.wait(120)


@pytest.mark.parametrize("nombre", [3, pytest.param(20, marks=pytest.mark.lourd)])
def test_tue_a_chaque_courriel(nombre):
    for n in range(nombre):
        poster(
            f"essai:{n}", "a@exemple.fr", "courriels/nouveau_message.txt", {"expediteur": "A", "chemin": "/"}
        )
    with Bureau() as bureau:
        for _ in range(nombre):
            assert bureau.envoyer() == -signal.SIGKILL
            # Ten minutes go by: what the dead process held is due again.
            Courriel.objects.filter(etat=Courriel.Etat.EN_COURS).update(
                pris_le=F("pris_le") - Courriel.ABANDON - timedelta(seconds=1)
            )
        assert bureau.envoyer() == 0
        bureau.shutdown()
    assert bureau.recus == dict.fromkeys(Courriel.objects.values_list("message_id", flat=True), 2)
    assert set(Courriel.objects.values_list("etat", "reprises")) == {(Courriel.Etat.ENVOYE, 1)}
