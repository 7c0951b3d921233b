"""The worker: due work once, failures recorded and survived, stops when told."""

import os
import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from portail.accueil import travaux
from portail.accueil.travaux import DUREE_MAX, TRAVAUX, Travail, lancer_dus, reclamer
from portail.socle.courriels import envoyer_les_courriels, poster
from portail.socle.fichiers import deposer
from portail.socle.models import Courriel, Execution
from tests.messagerie.fabrique import televerse

pytestmark = pytest.mark.django_db
HEURE = timedelta(hours=1)
RACINE = Path(__file__).resolve().parent.parent.parent


def travail(fonction=lambda maintenant: "fait", code: str = "essai") -> Travail:
    return Travail(code, HEURE, fonction)


def en_panne(maintenant):
    raise ValueError("Jean DUPONT, FR76 3000")


class TestTravaux:
    def test_une_execution_est_ecrite(self):
        lancer_dus((travail(),))
        execution = Execution.objects.get()
        assert (execution.tache, execution.reussie, execution.bilan) == ("essai", True, "fait")
        assert execution.debut <= execution.fin

    def test_pas_avant_l_heure(self):
        with time_machine.travel("2026-11-23T08:00:00+00:00", tick=False) as horloge:
            assert len(lancer_dus((travail(),))) == 1
            horloge.shift(timedelta(minutes=59))
            assert lancer_dus((travail(),)) == []
            horloge.shift(timedelta(minutes=1))
            assert len(lancer_dus((travail(),))) == 1

    def test_echec_note_sans_donnee_personnelle(self, caplog):
        lancer_dus((travail(en_panne), travail(code="suivant")))
        echec, suivant = Execution.objects.order_by("pk")
        assert echec.reussie is False
        assert echec.bilan.startswith("ValueError (test_travailleur.py:")
        assert suivant.reussie is True
        assert "DUPONT" not in caplog.text + echec.bilan

    def test_jamais_deux_a_la_fois(self):
        assert reclamer(travail(), timezone.now()) is not None
        assert reclamer(travail(), timezone.now() + HEURE + timedelta(minutes=1)) is None

    def test_un_processus_mort_ne_bloque_pas_toujours(self):
        maintenant = timezone.now()
        reclamer(travail(), maintenant)
        assert reclamer(travail(), maintenant + DUREE_MAX + HEURE) is not None
        assert list(Execution.objects.order_by("pk").values_list("reussie", "bilan")) == [
            (False, "Interrompue"),
            (None, ""),
        ]

    def test_codes_uniques(self):
        codes = [t.code for t in TRAVAUX]
        assert len(codes) == len(set(codes))

    def test_les_vrais_travaux_passent(self):
        assert {e.tache: e.reussie for e in lancer_dus()} == {t.code: True for t in TRAVAUX}

    def test_menage(self):
        maintenant = timezone.now()
        garde = deposer(televerse(), None)
        Execution.objects.create(tache="vieille", debut=maintenant - timedelta(days=91))
        envoyer_les_courriels.enqueue()
        DBTaskResult.objects.update(
            status="SUCCESSFUL", enqueued_at=maintenant - timedelta(days=15), finished_at=maintenant
        )
        assert travaux.menage(maintenant) == "1 tâches, 1 exécutions, 0 fichiers"
        assert Path(garde.contenu.path).exists()


@pytest.mark.django_db(
    transaction=True
)  # the worker closes its connections as a process between two requests does
class TestCommande:
    def test_un_passage_fait_tout(self, mailoutbox):
        poster(
            "message:1",
            "jean@exemple.fr",
            "courriels/nouveau_message.txt",
            {"expediteur": "A", "chemin": "/"},
        )
        call_command("travailleur", "--une-fois")
        assert Courriel.objects.get().etat == Courriel.Etat.ENVOYE
        assert len(mailoutbox) == 1
        assert DBTaskResult.objects.get().status == "SUCCESSFUL"
        assert Execution.objects.count() == len(TRAVAUX)

    def test_une_fois_dit_l_echec(self, monkeypatch):
        """For cron: an exit code, and the steps after the failing one still run."""
        monkeypatch.setattr(lancer_dus, "__defaults__", ((travail(en_panne),), lambda: False))
        envoyer_les_courriels.enqueue()
        with pytest.raises(CommandError):
            call_command("travailleur", "--une-fois")
        assert DBTaskResult.objects.get().status == "SUCCESSFUL"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("numero", [signal.SIGTERM, signal.SIGINT])
def test_s_arrete_en_moins_de_deux_secondes(numero, tmp_path):
    """What else the machine does can only make it longer: one stop out of three shows what the worker does."""
    assert any(arreter(f"message:{n}", numero, tmp_path) < 2 for n in range(3))


def arreter(cle: str, numero: int, tmp_path: Path) -> float:
    """The real process on the test's database, stopped once it has sent this e-mail; the seconds it took."""
    base = connection.settings_dict
    if connection.vendor == "sqlite":
        adresse = f"sqlite:///{base['NAME']}"
    else:
        # A socket's directory is written //directory/base, as django-environ reads it.
        serveur = f"/{base['HOST']}" if base["HOST"].startswith("/") else f"{base['HOST']}:{base['PORT']}"
        adresse = f"postgres://{base['USER']}:{base['PASSWORD']}@{serveur}/{base['NAME']}"
    poster(cle, "jean@exemple.fr", "courriels/nouveau_message.txt", {"expediteur": "A", "chemin": "/"})
    processus = subprocess.Popen(
        [sys.executable, "manage.py", "travailleur"],
        cwd=RACINE,
        env=os.environ
        | {"DATABASE_URL": adresse, "DONNEES": str(tmp_path), "DJANGO_SETTINGS_MODULE": "portail.settings"},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        fin = time.monotonic() + 60  # the process may start slowly: what is measured is its end
        while Courriel.objects.get(cle=cle).etat != Courriel.Etat.ENVOYE and time.monotonic() < fin:
            time.sleep(0.1)
        depart = time.monotonic()
        processus.send_signal(numero)
        _, journal = processus.communicate(timeout=10)
        duree = time.monotonic() - depart
    finally:
        processus.kill()
        processus.wait()
    assert processus.returncode == 0, journal
    assert "travailleur arrêté" in journal
    assert Courriel.objects.get(cle=cle).etat == Courriel.Etat.ENVOYE
    return duree
