"""A message to every family, sent twice at the same instant: each family hears it once."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import wait as attendre

import pytest
from django.db import DatabaseError, connection
from django.utils import timezone

from familles.models import Famille
from messagerie import groupe
from messagerie.envoi import Envoi
from messagerie.models import Conversation, Message
from portail.socle import verrous
from portail.socle.models import Courriel

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db(transaction=True)]


def double_clic(monkeypatch, monde) -> tuple[bool, bool | DatabaseError]:
    """Two sendings of one form; the second starts on another connection when the first has written its threads."""
    cible, jeton = groupe.Cible(monde.cantine.structure), uuid.uuid4()
    fils, lances = ThreadPoolExecutor(1), []
    poster = groupe.poster_ensemble

    def envoyer() -> bool | DatabaseError:
        familles = list(Famille.objects.prefetch_related("responsables").order_by("pk"))
        envoi = Envoi(par=monde.agent, texte="Prévoyez des bottes.", de_la_mairie=True, jeton=jeton)
        try:
            return groupe.ecrire_a_toutes(cible, familles, "Sortie", envoi, timezone.now())
        except DatabaseError as erreur:
            return erreur

    def sur_une_autre_connexion():
        try:
            return envoyer()
        finally:
            connection.close()

    def laisser_faire_puis_poster(lettres):
        if not lances:
            lances.append(None)  # the other one starts nothing more
            lances[0] = fils.submit(sur_une_autre_connexion)
            attendre(lances, timeout=1)
        poster(lettres)

    monkeypatch.setattr(groupe, "poster_ensemble", laisser_faire_puis_poster)
    # On a slow machine too, the second waits for its turn.
    monkeypatch.setattr(verrous, "DELAI_MS", 20_000)
    premier = envoyer()
    second = lances[0].result()
    fils.shutdown()
    return premier, second


def test_un_double_clic_ecrit_une_fois(monkeypatch, monde):
    assert double_clic(monkeypatch, monde) == (True, False)
    familles = Famille.objects.count()
    assert (Conversation.objects.count(), Message.objects.count()) == (familles, familles)
    assert Courriel.objects.count() == Courriel.objects.values("cle").distinct().count() > 0


def test_sans_verrou_le_double_clic_se_heurte_a_la_contrainte(monkeypatch, monde):
    """Negative control: unlocked, the second finds nothing sent yet, and only the database stops it."""
    monkeypatch.setattr(verrous, "ACTIF", False)
    premier, second = double_clic(monkeypatch, monde)
    assert premier is True and isinstance(second, DatabaseError)
    assert Message.objects.count() == Famille.objects.count()
