"""Statements with more parameters than PostgreSQL's protocol carries."""

import psycopg
import pytest
from django.db import connection
from django.utils import timezone

from enfants import places
from enfants.models import Etat, Reservation, Structure
from portail.curseur import Curseur
from tests.concurrence.navigateurs import lundi_lointain

pytestmark = [pytest.mark.django_db, pytest.mark.postgresql]
TROP = 70_000


def test_une_saison_entiere_sannule_en_une_fois(monde):
    souhait = places.Souhait(monde.inscriptions["lea"], lundi_lointain())
    (issue,) = places.reserver([souhait], monde.agent, timezone.now(), au_nom_de_la_mairie=True)
    premiere = issue.reservation.pk
    annulees = places.annuler(range(premiere, premiere + TROP), monde.agent, timezone.now(), "Travaux")
    assert [r.pk for r in annulees] == [premiere]
    assert Reservation.objects.get().etat == Etat.ANNULEE


def test_controle_le_curseur_de_psycopg_ne_les_porte_pas():
    connection.ensure_connection()
    requete = f"SELECT '100 %%', 1 WHERE 1 IN ({', '.join(['%s'] * TROP)})"
    with pytest.raises(psycopg.OperationalError, match="parameters"):
        psycopg.Cursor(connection.connection).execute(requete, list(range(TROP)))
    with connection.cursor() as curseur:
        assert isinstance(curseur.cursor, Curseur)
        curseur.execute(requete, list(range(TROP)))
        assert curseur.fetchall() == [("100 %", 1)]


def test_ce_qui_revient_est_prepare():
    """The point of it: the same statement, a sixth time, is planned already."""
    for _ in range(6):
        assert Structure.objects.filter(nom="Nulle part").count() == 0
    with connection.cursor() as curseur:
        curseur.execute(
            "SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE '%enfants_structure%'"
        )
        assert curseur.fetchone()[0] > 0
