"""Two workers at once, on PostgreSQL, with real threads; each protection has its negative control."""

import threading
from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.core.mail.backends.base import BaseEmailBackend
from django.db import connection
from django.utils import timezone

from messagerie.envoi import Envoi, ouvrir
from messagerie.models import Conversation, Message
from portail.accueil.travaux import Travail, lancer_dus
from portail.socle import courriels, verrous
from portail.socle.models import Courriel, Execution
from tests.messagerie.fabrique import parent

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db(transaction=True)]
OUVRIERS = 4


class Compteur(BaseEmailBackend):
    """Keeps what is sent; slow enough for the others to come in between."""

    envoyes: list = []
    pause = threading.Event()

    def send_messages(self, messages):
        Compteur.pause.wait(0.02)
        Compteur.envoyes += messages
        return len(messages)


def ensemble(fonction, nombre: int = OUVRIERS) -> list:
    """What `fonction` gives in `nombre` threads started at the same instant."""
    depart = threading.Barrier(nombre)
    resultats: list = []

    def courir():
        try:
            depart.wait(10)
            resultats.append(fonction())
        except Exception as erreur:
            resultats.append(erreur)
        finally:
            connection.close()

    fils = [threading.Thread(target=courir) for _ in range(nombre)]
    for fil in fils:
        fil.start()
    for fil in fils:
        fil.join(30)
    return resultats


@contextmanager
def sans(module, nom: str):
    """The protection switched off."""
    avant = getattr(module, nom)
    setattr(module, nom, False)
    try:
        yield
    finally:
        setattr(module, nom, avant)


@pytest.fixture
def bureau(settings):
    settings.EMAIL_BACKEND = f"{__name__}.Compteur"
    Compteur.envoyes = []
    Courriel.objects.bulk_create(
        Courriel(cle=f"essai:{i}", destinataire="a@exemple.fr", objet="o", texte="t", message_id=f"<{i}@x>")
        for i in range(10)
    )
    return Compteur


class TestEnvoi:
    def test_chaque_courriel_part_une_fois(self, bureau):
        assert sum(ensemble(courriels.envoyer_dus)) == 10
        assert len(bureau.envoyes) == 10

    def test_controle_negatif(self, bureau):
        with sans(courriels, "RECLAMER"):
            ensemble(courriels.envoyer_dus)
        assert len(bureau.envoyes) > 10

    def test_une_cause_une_ligne(self):
        contexte = {"expediteur": "A", "chemin": "/"}
        postes = ensemble(
            lambda: courriels.poster("message:1", "a@exemple.fr", "courriels/nouveau_message.txt", contexte)
        )
        assert [p is None for p in postes].count(False) == 1
        assert Courriel.objects.count() == 1


class TestTravaux:
    """One run at a time, even the very first, when no row of Execution exists."""

    def courir(self) -> int:
        attente = threading.Event()
        travail = Travail("essai", timedelta(hours=1), lambda maintenant: str(attente.wait(0.05)))
        ensemble(lambda: lancer_dus((travail,)))
        return Execution.objects.count()

    def test_une_seule_execution(self):
        assert self.courir() == 1

    def test_controle_negatif(self, monkeypatch):
        """Without the lock, two processes that looked together both start."""
        monkeypatch.setattr(verrous, "ACTIF", False)
        assert max(self._tour() for _ in range(10)) > 1

    def _tour(self) -> int:
        Execution.objects.all().delete()
        return self.courir()


class TestDoubleClic:
    def test_un_seul_message(self, monde):
        double = Envoi(par=parent(monde.jean), signature="Jean DUPONT", texte="Bonjour")
        messages = ensemble(lambda: ouvrir(monde.jean, None, "Goûter", double, timezone.now()))
        assert len({m.pk for m in messages}) == 1
        assert (Conversation.objects.count(), Message.objects.count()) == (1, 1)

    def test_controle_negatif(self, monde, monkeypatch):
        """Without the lock the unique constraint still holds: one message, but an error for the other click."""
        monkeypatch.setattr(verrous, "ACTIF", False)
        erreurs = 0
        for i in range(10):
            double = Envoi(par=parent(monde.jean), signature="Jean DUPONT", texte=f"Bonjour {i}")
            ici = double
            resultats = ensemble(lambda ici=ici: ouvrir(monde.jean, None, "Goûter", ici, timezone.now()))
            erreurs += sum(isinstance(r, Exception) for r in resultats)
            assert Message.objects.filter(jeton=double.jeton).count() == 1
        assert erreurs + Message.objects.count() > 10
