"""A document removed, or a form sent twice, at the very moment it is being sent."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import wait as attendre
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from django.db import DatabaseError, connection
from django.utils import timezone
from django.utils.datastructures import MultiValueDict

from demandes.depots import Guichet, SaisiePieces
from demandes.envoi import envoyer
from demandes.models import Demande, Depot, PieceDemande
from portail.socle import verrous
from portail.socle.fichiers import deposer
from portail.socle.models import Fichier
from tests import factories
from tests.demandes.fabrique import formulaire, titulaire
from tests.messagerie.fabrique import PDF, televerse

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db(transaction=True)]
MAINTENANT = datetime(2026, 11, 23, 9, 0, tzinfo=ZoneInfo("Europe/Paris"))


@pytest.fixture
def guichet(db) -> Guichet:
    """A form of Jean's that holds one document."""
    famille = factories.famille("Jean", "DUPONT", "jean.dupont")
    jean = titulaire(famille).utilisateur
    guichet = Guichet(famille, jean, uuid.uuid4())
    Depot.objects.create(
        famille=famille,
        par=jean,
        jeton=guichet.jeton,
        fichier=deposer(televerse("justificatif.pdf", PDF), jean),
        depose_le=MAINTENANT,
    )
    return guichet


def envoi(guichet: Guichet) -> Demande | DatabaseError:
    saisie = {"civilite": "M", "adresse": "4 avenue du Verger", "code_postal": "84510", "ville": "Belrive"}
    form = formulaire("infos-responsable", guichet.famille, saisie, jour=timezone.localdate(MAINTENANT))
    assert form.is_valid(), form.errors
    try:
        return envoyer(form, guichet.par, MAINTENANT, guichet.jeton, depots=1)
    except DatabaseError as erreur:
        return erreur


def retrait(guichet: Guichet) -> None:
    depot = Depot.objects.get()
    saisie = SaisiePieces(
        {"retirer_piece": depot.pk}, MultiValueDict(), quoi="Justificatif", place=4, reprenables=[]
    )
    assert saisie.is_valid(), saisie.errors
    guichet.recevoir(saisie, [], MAINTENANT)


def pendant_l_envoi(monkeypatch, guichet: Guichet, autre) -> Demande | DatabaseError:
    """Send, `autre` starting on another connection once the documents have been read, with a second to finish."""
    lire = Guichet.depots
    fils = ThreadPoolExecutor(1)
    lances = []

    def sur_une_autre_connexion():
        try:
            return autre(guichet)
        finally:
            connection.close()

    def lire_puis_laisser_faire(self):
        lus = lire(self)
        if not lances:
            lances.append(None)  # what the other one reads starts nothing more
            lances[0] = fils.submit(sur_une_autre_connexion)
            attendre(lances, timeout=1)
        return lus

    monkeypatch.setattr(Guichet, "depots", lire_puis_laisser_faire)
    # On a slow machine too, the other one waits for its turn.
    monkeypatch.setattr(verrous, "DELAI_MS", 20_000)
    faite = envoi(guichet)
    lances[0].result()
    fils.shutdown()
    return faite


def test_un_document_retire_pendant_l_envoi_part_entier(monkeypatch, guichet: Guichet):
    faite = pendant_l_envoi(monkeypatch, guichet, retrait)

    assert [p.fichier.nom for p in faite.pieces.all()] == ["justificatif.pdf"]
    assert Fichier.objects.get().contenu.storage.exists(Fichier.objects.get().contenu.name)


def test_sans_verrou_l_envoi_perd_son_document(monkeypatch, guichet: Guichet):
    """Negative control: unlocked, the removal slips in and the sending breaks on a file that is gone."""
    monkeypatch.setattr(verrous, "ACTIF", False)

    assert isinstance(pendant_l_envoi(monkeypatch, guichet, retrait), DatabaseError)
    assert Fichier.objects.count() == 0


def test_un_double_clic_envoie_une_fois_avec_son_document(monkeypatch, guichet: Guichet):
    faite = pendant_l_envoi(monkeypatch, guichet, envoi)

    assert Demande.objects.get() == faite
    assert PieceDemande.objects.get().demande == faite


def test_sans_verrou_le_double_clic_se_heurte_a_la_contrainte(monkeypatch, guichet: Guichet):
    monkeypatch.setattr(verrous, "ACTIF", False)

    assert isinstance(pendant_l_envoi(monkeypatch, guichet, envoi), DatabaseError)
    assert Demande.objects.count() == 1
