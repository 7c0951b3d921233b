"""A query prepared once answers like the one the ORM would write, and never keeps a value of its first call."""

from datetime import date, timedelta
from threading import Event, Thread
from zoneinfo import ZoneInfo

import pytest
from django.db import connections
from django.db.models import F, Q
from django.db.models.functions import Upper
from django.utils import timezone

from enfants.models import Jauge, Rattachement
from familles.models import Famille, QuotientFamilial
from portail.socle import lecture
from portail.socle.lecture import Colonnes, Preparee, lire
from portail.socle.models import Execution
from tests import factories

DU = QuotientFamilial._meta.get_field("du")
CLE = Famille._meta.pk


def quotients(famille: int, jour: date):
    return QuotientFamilial.objects.filter(
        Q(au=None) | Q(au__gte=jour), famille=famille, du__lte=jour
    ).values_list("pk")


def test_les_valeurs_de_chaque_appel_servent_partout_ou_elles_sont(monde, django_assert_num_queries):
    preparee = Preparee(quotients, CLE, DU)
    for famille in (monde.jean, monde.jeanne, monde.claire):
        for jour in (date(2014, 8, 31), date(2026, 1, 1)):
            with django_assert_num_queries(1):
                lignes = preparee.lignes(famille.pk, jour)
            assert [tuple(li) for li in lignes] == list(quotients(famille.pk, jour))


def test_une_valeur_calculee_dans_la_requete_est_refusee(db):
    """It would be the first caller's for ever: yesterday's day, another household."""
    preparee = Preparee(lambda famille, jour: quotients(famille, jour - timedelta(1)), CLE, DU)

    with pytest.raises(ValueError):
        preparee.lignes(1, date(2026, 1, 1))


def test_une_valeur_oubliee_est_refusee(db):
    preparee = Preparee(lambda famille, jour: quotients(famille, date(2026, 1, 1)), CLE, DU)

    with pytest.raises(ValueError):
        preparee.lignes(1, date(2026, 1, 1))


def test_un_instant_garde_son_fuseau(db):
    preparee = Preparee(
        lambda instant: Execution.objects.filter(debut__gte=instant).values_list("tache"),
        Execution._meta.get_field("debut"),
    )
    maintenant = timezone.now()
    Execution.objects.create(tache="essai", debut=maintenant)

    assert [tuple(li) for li in preparee.lignes(maintenant.astimezone(ZoneInfo("Pacific/Auckland")))] == [
        ("essai",)
    ]
    assert preparee.lignes(maintenant + timedelta(seconds=1)) == []


def test_les_objets_sont_ceux_du_queryset(monde, django_assert_num_queries):
    preparee = Preparee(
        lambda famille: (
            Rattachement.objects.filter(famille=famille)
            .select_related("enfant", "famille")
            .annotate(depuis=F("du"), premier=Upper("enfant__prenom"))
        ),
        CLE,
    )
    for famille in (monde.jean, monde.jeanne, monde.claire, monde.jean):
        attendus = list(preparee.construire(famille.pk))
        preparee.objets(famille.pk)
        with django_assert_num_queries(1):
            objets = preparee.objets(famille.pk)
            lus = [(o, o.enfant, o.enfant.naissance, o.famille) for o in objets]
        assert lus == [(a, a.enfant, a.enfant.naissance, a.famille) for a in attendus] != []
        assert [o.__dict__.keys() for o in objets] == [a.__dict__.keys() for a in attendus]
    assert preparee.objets(0) == []


def test_ce_qui_est_pose_n_est_plus_demande(monde, django_assert_num_queries):
    """As a prefetch: the rows read already; a filter still asks, and only finds that family's."""
    jean = Famille.objects.get(pk=monde.jean.pk)
    lues = list(jean.rattachements.order_by("pk"))
    lecture.poser(jean, "rattachements", lues)
    with django_assert_num_queries(0):
        assert [r.pk for r in jean.rattachements.all()] == [r.pk for r in lues]
    with django_assert_num_queries(1):
        assert set(jean.rattachements.filter(enfant=monde.lea)) == {
            r for r in lues if r.enfant_id == monde.lea.pk
        }


def test_un_texte_est_une_valeur_comme_une_autre(db):
    champ = Execution._meta.get_field("tache")
    preparee = Preparee(lambda tache: Execution.objects.filter(tache=tache), champ)
    une, _ = (Execution.objects.create(tache=tache, debut=timezone.now()) for tache in ("une", "autre"))

    assert preparee.objets("une") == [une]
    assert preparee.objets("rien") == []


def test_une_colonne_json_n_est_jamais_partagee(monde):
    """The same value of two rows is one object, but for what can be changed in place."""
    lieu = factories.structure("Lieu des deux")
    for libelle in ("une", "autre"):
        Jauge.objects.create(structure=lieu, libelle=libelle, capacite=987, niveaux=["CP"])
    colonnes = Colonnes("j", Jauge, ("capacite", "niveaux"))
    lignes = lire(
        f"SELECT {colonnes.sql} FROM {Jauge._meta.db_table} j WHERE capacite = 987", [], colonnes.champs
    )

    assert [niveaux for _, niveaux in lignes] == [["CP"], ["CP"]]
    assert lignes[0][1] is not lignes[1][1]


@pytest.mark.django_db(transaction=True)
def test_deux_fils_la_demandent_pour_la_premiere_fois(monkeypatch):
    """Just after a start: one still writes it when the other asks."""
    preparee, forme, en_cours, suite = Preparee(quotients, CLE, DU), lecture._Forme, Event(), Event()

    def lente(requete):
        if not en_cours.is_set():
            en_cours.set()
            suite.wait(timeout=10)
        return forme(requete)

    def demander():
        try:
            lues.append(preparee.lignes(1, date(2026, 1, 1)))
        finally:
            connections.close_all()

    monkeypatch.setattr(lecture, "_Forme", lente)
    lues, fil = [], Thread(target=demander)
    fil.start()
    assert en_cours.wait(timeout=10)
    assert preparee.lignes(1, date(2026, 1, 1)) == []
    suite.set()
    fil.join()
    assert lues == [[]]
