"""Money, locks, logs, frozen rows: what everything else stands on."""

import json
import logging
import sys
from decimal import Decimal

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.transaction import TransactionManagementError
from hypothesis import given
from hypothesis import strategies as st

from familles.models import Famille
from portail.socle.argent import en_centimes, euros, repartir
from portail.socle.journal import Json
from portail.socle.models import Trace
from portail.socle.verrous import verrouiller

FIGEES = (
    "socle_trace",
    "enfants_reservationevenement",
    "demandes_demandeevenement",
    "facturation_facture",
    "facturation_lignefacture",
    "facturation_reglement",
    "facturation_imputation",
)


@pytest.mark.parametrize(
    ("centimes", "texte"),
    [(0, "0,00 €"), (5, "0,05 €"), (12060, "120,60 €"), (-345, "-3,45 €"), (123456789, "1 234 567,89 €")],
)
def test_euros(centimes, texte):
    assert (
        euros(centimes).replace("\N{NO-BREAK SPACE}", " ").replace("\N{NARROW NO-BREAK SPACE}", " ") == texte
    )


@pytest.mark.parametrize(
    ("montant", "centimes"), [("0.005", 1), ("0.004", 0), ("120.60", 12060), ("-1.005", -101)]
)
def test_en_centimes(montant, centimes):
    assert en_centimes(Decimal(montant)) == centimes


@given(
    st.integers(-10_000_000, 10_000_000),
    st.lists(st.integers(0, 100), min_size=1, max_size=8).filter(lambda parts: sum(parts) > 0),
)
def test_repartir_ne_perd_pas_un_centime(total, parts):
    reparti = repartir(total, parts)

    assert sum(reparti) == total
    exacts = [Decimal(total) * p / sum(parts) for p in parts]
    assert all(abs(r - e) < 1 for r, e in zip(reparti, exacts, strict=True))


@pytest.mark.parametrize("parts", [[0, 0], [], [1, -1]])
def test_repartir_refuse_des_parts_absurdes(parts):
    with pytest.raises(ValueError, match="positive"):
        repartir(100, parts)


@pytest.mark.django_db(transaction=True)
def test_un_verrou_n_existe_que_dans_une_transaction():
    with pytest.raises(TransactionManagementError):
        verrouiller(Famille.objects.all())
    with transaction.atomic():
        assert verrouiller(Famille.objects.all()) == []


def test_le_journal_ne_recopie_pas_le_texte_des_erreurs():
    try:
        try:
            raise ValueError("SECRET DE SANTE")
        except ValueError as cause:
            raise RuntimeError("jean.dupont@exemple.fr") from cause
    except RuntimeError:
        ligne = logging.LogRecord("x", logging.ERROR, __file__, 1, "échec", (), sys.exc_info())
    ecrit = Json().format(ligne)

    assert "SECRET" not in ecrit
    assert "exemple.fr" not in ecrit
    assert json.loads(ecrit)["erreur"].startswith("RuntimeError < ")
    assert "ValueError" in json.loads(ecrit)["erreur"]


@pytest.mark.parametrize(
    ("chemin", "ecrit"),
    [
        ("/activation/MTI/abc:1x:SECRET/", "/activation/…/"),
        ("/mot-de-passe/reinitialiser/MTI/abc-SECRET/", "/mot-de-passe/reinitialiser/…/"),
        ("/agenda/SECRET.ics", "/agenda/….ics"),
        ("/mot-de-passe/oublie/", "/mot-de-passe/oublie/"),
    ],
)
def test_le_journal_ne_recopie_pas_un_lien_qui_ouvre_un_compte(chemin, ecrit):
    ligne = logging.LogRecord("django.request", logging.ERROR, __file__, 1, "Erreur: %s", (chemin,), None)
    assert json.loads(Json().format(ligne))["message"] == f"Erreur: {ecrit}"


def test_une_trace_ne_se_retouche_pas(db):
    trace = Trace.objects.create(qui="x", action="y", objet_type="z", objet_id="1")
    for geste in (lambda: Trace.objects.update(qui="w"), trace.delete):
        with pytest.raises(IntegrityError), transaction.atomic():
            geste()
    assert Trace.objects.get().qui == "x"


@pytest.mark.parametrize("table", FIGEES)
@pytest.mark.parametrize("verbe", ["update", "delete"])
def test_les_lignes_figees_ont_leurs_declencheurs(db, table, verbe):
    """On SQLite a migration that rebuilds a table drops them silently."""
    requete = {
        "sqlite": "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = %s",
        "postgresql": "SELECT tgname FROM pg_trigger WHERE tgrelid = %s::regclass AND NOT tgisinternal",
    }[connection.vendor]
    with connection.cursor() as curseur:
        curseur.execute(requete, [table])
        noms = {ligne[0] for ligne in curseur.fetchall()}
    assert f"fige_{verbe}_{table}" in noms
