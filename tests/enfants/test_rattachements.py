"""The end of a child's attachment to a household: cut at once, bookings cancelled in the same step."""

from datetime import date, timedelta

import pytest
import time_machine

from enfants import rattachements
from enfants.models import Etat, Inscription, Pointage, Rattachement, Reservation
from enfants.rattachements import FinImpossible
from portail.socle.models import Trace
from tests.enfants.fabrique import JEUDI, LUNDI, MAINTENANT, pris, reserver
from tests.factories import agent, inscription, prestation

pytestmark = pytest.mark.django_db
HIER = MAINTENANT.date() - timedelta(1)


@pytest.fixture(autouse=True)
def horloge():
    with time_machine.travel(MAINTENANT, tick=False):
        yield


@pytest.fixture
def cantine(monde):
    """A service with two places, where both households of Léa booked, and Jean Tom."""
    lieu = prestation("Restauration du mercredi", places=2, jours=31)
    siennes = {
        "jean": inscription(monde.lea, lieu, monde.jean),
        "jeanne": inscription(monde.lea, lieu, monde.jeanne),
        "tom": inscription(monde.tom, lieu, monde.jean),
    }
    reserver(siennes["jean"], JEUDI)
    reserver(siennes["jeanne"], LUNDI)
    reserver(siennes["tom"], JEUDI)
    return lieu


def lien(monde) -> Rattachement:
    return Rattachement.objects.get(enfant=monde.lea, famille=monde.jean)


def test_termine_annule_et_libere(monde, cantine):
    annulees = rattachements.terminer(lien(monde), HIER, monde.agent, MAINTENANT)
    assert [(r.jour, r.etat, r.payeur_id) for r in annulees] == [(JEUDI, Etat.ANNULEE, monde.jean.pk)]
    assert pris(cantine, JEUDI) == 1
    # The other household's booking, and the same payer's other child, stand.
    assert Reservation.objects.filter(etat=Etat.RESERVEE).count() == 2
    assert lien(monde).au == HIER
    assert not Inscription.objects.filter(enfant=monde.lea, famille=monde.jean, au=None).exists()
    assert Inscription.objects.filter(enfant=monde.lea, famille=monde.jeanne, au=None).exists()
    assert Inscription.objects.filter(enfant=monde.tom, famille=monde.jean, au=None).exists()
    trace = Trace.objects.get(action="rattachement.terminer", famille=monde.jean.numero)
    assert trace.detail["reservations_annulees"] == [r.pk for r in annulees]


def test_les_jours_jusqu_a_la_fin_restent(monde, cantine):
    assert rattachements.terminer(lien(monde), JEUDI, None, MAINTENANT) == []
    assert Reservation.objects.get(enfant=monde.lea, jour=JEUDI).etat == Etat.RESERVEE


def test_deux_fois_est_refuse(monde, cantine):
    ancien = lien(monde)
    rattachements.terminer(lien(monde), HIER, None, MAINTENANT)
    with pytest.raises(FinImpossible):
        rattachements.terminer(ancien, HIER, None, MAINTENANT)


def test_pas_avant_le_debut(monde, cantine):
    with pytest.raises(FinImpossible):
        rattachements.terminer(lien(monde), date(2010, 1, 1), None, MAINTENANT)


def test_cree_aujourd_hui_par_erreur(monde):
    erreur = Rattachement.objects.create(enfant=monde.lea, famille=monde.claire, du=MAINTENANT.date())
    claire = monde.client(monde.claire)
    assert claire.get(f"/enfants/{monde.lea.pk}/").status_code == 200
    rattachements.terminer(erreur, HIER, None, MAINTENANT)
    assert claire.get(f"/enfants/{monde.lea.pk}/").status_code == 404


def test_la_session_ouverte_est_coupee_a_la_requete_suivante(monde, cantine):
    jean, jeanne = monde.client(monde.jean), monde.client(monde.jeanne)
    adresses = (
        f"/enfants/{monde.lea.pk}/",
        f"/enfants/{monde.lea.pk}/planning/2026-11/",
        f"/enfants/{monde.lea.pk}/fiche-inscription.pdf",
        f"/enfants/{monde.lea.pk}/demande/autorisations/",
    )
    for adresse in adresses:
        assert jean.get(adresse).status_code == 200, adresse
    rattachements.terminer(lien(monde), HIER, None, MAINTENANT)
    for adresse in adresses:
        assert jean.get(adresse).status_code == 404, adresse
        assert jeanne.get(adresse).status_code == 200, adresse
    assert "Léa" not in jean.get("/enfants/").content.decode()
    assert "Léa" not in jean.get("/enfants/planning/2026-11/").content.decode()
    assert "Léa" not in jean.get("/").content.decode()
    for adresse in ("/releve/", "/compte/", "/demandes/", f"/enfants/{monde.tom.pk}/"):
        assert jean.get(adresse).status_code == 200


# --- the page of the admin --------------------------------------------------------------------------------------


def lire(reponse) -> str:
    return reponse.content.decode().replace("\N{NO-BREAK SPACE}", " ")


def adresse(monde) -> str:
    return f"/admin/rattachements/{lien(monde).pk}/terminer/"


def test_la_page_liste_puis_annule(monde, cantine):
    mairie = monde.client(monde.agent)
    assert adresse(monde) in mairie.get(f"/admin/enfants/enfant/{monde.lea.pk}/change/").content.decode()
    ecran = lire(mairie.get(adresse(monde)))
    assert "1 réservation à venir est annulée" in ecran and "jeudi 26 novembre 2026" in ecran
    assert "30 novembre" not in ecran
    apres = lire(mairie.get(adresse(monde), {"jour": LUNDI.isoformat()}))
    assert "Aucune réservation à annuler." in apres
    assert lien(monde).au is None
    assert mairie.post(adresse(monde), {"jour": HIER.isoformat()}).status_code == 302
    assert lien(monde).au == HIER
    assert Reservation.objects.get(enfant=monde.lea, jour=JEUDI).etat == Etat.ANNULEE
    assert "déjà terminé" in mairie.post(adresse(monde), {"jour": HIER.isoformat()}).content.decode()


@pytest.mark.parametrize("jour", ["", "x", "2010-01-01"])
def test_jour_faux(monde, jour):
    mairie = monde.client(monde.agent)
    for reponse in (mairie.get(adresse(monde), {"jour": jour}), mairie.post(adresse(monde), {"jour": jour})):
        assert reponse.status_code == 200 and "errorlist" in reponse.content.decode()
    assert lien(monde).au is None


def test_il_faut_le_droit(monde):
    lecteur = monde.client(agent("lecteur", "enfants.view_rattachement", "enfants.view_enfant"))
    assert lecteur.get(adresse(monde)).status_code == 403
    assert lecteur.post(adresse(monde), {"jour": HIER.isoformat()}).status_code == 403
    assert monde.client(monde.jean).get(adresse(monde)).status_code == 302
    assert monde.client(monde.agent).get("/admin/rattachements/999999/terminer/").status_code == 404


def test_un_dernier_jour_passe_laisse_ce_qui_a_eu_lieu(monde, cantine):
    """Typed late: days since then were eaten, and are billed; only the coming ones are cancelled."""
    passee = Reservation.objects.create(
        enfant=monde.lea,
        prestation=cantine,
        jour=HIER,
        inscription=Inscription.objects.get(enfant=monde.lea, famille=monde.jean, prestation=cantine),
        payeur=monde.jean,
        etat=Etat.RESERVEE,
    )
    ancien = HIER - timedelta(30)
    annulees = rattachements.terminer(lien(monde), ancien, monde.agent, MAINTENANT)
    assert [r.jour for r in annulees] == [JEUDI]
    passee.refresh_from_db()
    assert (passee.etat, lien(monde).au) == (Etat.RESERVEE, ancien)
    assert passee.inscription.au == HIER


def test_qui_est_pointe_present_nest_pas_annule(monde, cantine):
    jour = MAINTENANT.date()
    reserver(Inscription.objects.get(enfant=monde.lea, famille=monde.jean, prestation=cantine), jour)
    Pointage.objects.create(enfant=monde.lea, prestation=cantine, jour=jour, present=True)
    annulees = rattachements.terminer(lien(monde), HIER, monde.agent, MAINTENANT)
    assert [r.jour for r in annulees] == [JEUDI]
