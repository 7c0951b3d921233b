"""Closed days: shown first, cancelled and told; widened, shortened, deleted; past days too."""

from datetime import date

import pytest
import time_machine
from django.utils import timezone

from enfants import fermetures, places
from enfants.models import Etat, Fermeture, JourFerie, PeriodeVacances, Pointage, Reservation
from portail.socle.models import Courriel, Trace
from tests import factories
from tests.enfants.fabrique import JEUDI, LUNDI, MAINTENANT, demander, pris, reserver
from tests.enfants.test_admin import adresse, valeurs

pytestmark = pytest.mark.django_db
MARDI, N = date(2026, 12, 1), "\N{NO-BREAK SPACE}"


@pytest.fixture(autouse=True)
def horloge():
    with time_machine.travel(MAINTENANT, tick=False):
        yield


@pytest.fixture
def mairie(monde):
    return monde.client(monde.agent)


def fermer(monde, du=LUNDI, au=LUNDI) -> Fermeture:
    creee = Fermeture(prestation=monde.cantine, du=du, au=au, motif="Grève")
    fermetures.enregistrer(creee)
    fermetures.balayer(creee, monde.agent, MAINTENANT)
    return creee


def etats() -> dict:
    return {(r.enfant.prenom, r.jour.day): r.etat for r in Reservation.objects.select_related("enfant")}


def confirmer(mairie, page: str, envoi: dict):
    montre = mairie.post(page, envoi)
    return mairie.post(page, envoi | {"confirmer": montre.context["adminform"].form.a_confirmer.empreinte})


def test_la_prevision_compte_enfants_jours_familles_et_qui_n_a_pas_de_courriel(monde):
    reserver(monde.inscriptions["lea"], LUNDI, MARDI)
    reserver(monde.inscriptions["tom"], LUNDI)
    reserver(monde.inscriptions["zoe"], LUNDI)
    monde.claire.responsables.update(email="")
    projet = Fermeture(structure=monde.cantine.structure, du=LUNDI, au=MARDI, motif="Grève")
    prevision = fermetures.prevoir(projet, None, MAINTENANT.date())
    assert (len(prevision.reservations), prevision.enfants, prevision.jours) == (4, 3, 2)
    assert prevision.familles == [monde.jean, monde.claire]
    assert prevision.sans_courriel == [monde.claire]


def test_fermer_annule_demandes_et_absences_et_excuse_ce_qui_etait_facture(monde):
    jauge = factories.Jauge.objects.create(structure=monde.cantine.structure, libelle="Cantine", capacite=9)
    jauge.prestations.add(monde.cantine)
    reserver(monde.inscriptions["lea"], LUNDI, etat=Etat.ABSENCE_DEMANDEE)
    reserver(monde.inscriptions["tom"], LUNDI, etat=Etat.ABSENT_FACTURE)
    demander(monde.inscriptions["zoe"], LUNDI)
    fermer(monde)
    assert etats() == {("Léa", 30): "annulee", ("Tom", 30): "absent_excuse", ("Zoé", 30): "annulee"}
    assert pris(monde.cantine, LUNDI) == 0
    assert Courriel.objects.count() == 2


def test_balayer_deux_fois_ne_previent_qu_une_fois(monde):
    reserver(monde.inscriptions["lea"], LUNDI)
    fermeture = fermer(monde)
    assert fermetures.balayer(fermeture, monde.agent, MAINTENANT).reservations == []
    assert Courriel.objects.count() == 1


def test_un_balayage_interrompu_est_repris_par_le_travail_programme(monde):
    reserver(monde.inscriptions["lea"], LUNDI)
    fermetures.enregistrer(Fermeture(prestation=monde.cantine, du=LUNDI, au=LUNDI, motif="Grève"))
    assert etats() == {("Léa", 30): "reservee"}
    assert fermetures.balayer_tout(MAINTENANT) == "1 réservations annulées"
    assert etats() == {("Léa", 30): "annulee"}


def test_une_greve_saisie_le_lendemain_ne_se_paie_pas_et_qui_est_venu_ne_change_pas(monde):
    """RULES.md: automatic exemption. Past or to come, the same page is confirmed, and the families are told."""
    reserver(monde.inscriptions["lea"], JEUDI, LUNDI)
    reserver(monde.inscriptions["tom"], JEUDI, etat=Etat.ABSENT_FACTURE)
    reserver(monde.inscriptions["zoe"], JEUDI)
    Pointage.objects.create(enfant=monde.tom, prestation=monde.cantine, jour=JEUDI, present=False)
    Pointage.objects.create(enfant=monde.zoe, prestation=monde.cantine, jour=JEUDI, present=True)
    with time_machine.travel("2026-11-27 09:00 +0100", tick=False):
        mairie = monde.client(monde.agent)
        envoi = {"prestation": monde.cantine.pk, "du": "2026-11-26", "au": "2026-11-30", "motif": "Grève"}
        html = mairie.post(adresse(Fermeture, "add"), envoi).content.decode()
        assert f"Réservations annulées{N}: 3 (enfants{N}: 2, jours{N}: 2)" in html
        assert f"Dont jours passés{N}: 1." in html
        assert f"Journées d’enfants notés présents{N}: 1." in html
        assert not Fermeture.objects.exists()
        confirmer(mairie, adresse(Fermeture, "add"), envoi)
    assert etats() == {
        ("Léa", 26): "annulee",
        ("Léa", 30): "annulee",
        ("Tom", 26): "absent_excuse",
        ("Zoé", 26): "reservee",
    }
    assert Courriel.objects.filter(objet="Fermeture\N{NO-BREAK SPACE}: Grève").count() == 1


def test_ce_qu_un_agent_decide_d_un_jour_passe_tient(monde):
    """The scheduled work resumes the days to come only."""
    (absente,) = reserver(monde.inscriptions["lea"], JEUDI, etat=Etat.ABSENT_FACTURE)
    fermer(monde, JEUDI, LUNDI)
    places.changer(absente, Etat.ABSENT_FACTURE, monde.agent, MAINTENANT)
    with time_machine.travel("2026-11-27 09:00 +0100", tick=False):
        assert fermetures.balayer_tout(timezone.now()) == "0 réservations annulées"
    assert etats() == {("Léa", 26): "absent_facture"}


def test_elargir_montre_les_nouveaux_jours(monde, mairie):
    reserver(monde.inscriptions["lea"], LUNDI, MARDI)
    fermeture = fermer(monde)
    page = adresse(Fermeture, "change", fermeture.pk)
    envoi = valeurs(mairie.get(page).context, au="2026-12-01")
    assert f"Réservations annulées{N}: 1 (enfants" in mairie.post(page, envoi).content.decode()
    assert confirmer(mairie, page, envoi).status_code == 302
    assert etats() == {("Léa", 30): "annulee", ("Léa", 1): "annulee"}
    assert Courriel.objects.filter(objet="Fermeture\N{NO-BREAK SPACE}: Grève").count() == 2


def test_raccourcir_previent_que_le_jour_peut_se_redemander(monde, mairie):
    reserver(monde.inscriptions["lea"], LUNDI, MARDI)
    fermeture = fermer(monde, LUNDI, MARDI)
    page = adresse(Fermeture, "change", fermeture.pk)
    envoi = valeurs(mairie.get(page).context, au="2026-11-30")
    assert f"jours qui rouvrent{N}: 1." in mairie.post(page, envoi).content.decode()
    assert confirmer(mairie, page, envoi).status_code == 302
    dernier = Courriel.objects.order_by("pk").last()
    assert dernier.objet == "Finalement ouvert\N{NO-BREAK SPACE}: Restauration scolaire"
    assert "mardi 1er décembre 2026" in dernier.texte.replace(N, " ") and "lundi 30" not in dernier.texte
    assert etats() == {("Léa", 30): "annulee", ("Léa", 1): "annulee"}


def test_supprimer_montre_ce_qui_rouvre_puis_previent(monde, mairie):
    reserver(monde.inscriptions["lea"], LUNDI)
    fermeture = fermer(monde)
    page = adresse(Fermeture, "delete", fermeture.pk)
    assert f"jours qui rouvrent{N}: 1." in mairie.get(page).content.decode()
    assert mairie.post(page, {"post": "yes"}).status_code == 302
    assert not Fermeture.objects.exists()
    assert Courriel.objects.filter(objet__startswith="Finalement ouvert").count() == 1
    assert Trace.objects.filter(action="admin.supprimer").count() == 1
    assert [
        i.verdict for i in places.examiner([places.Souhait(monde.inscriptions["lea"], LUNDI)], MAINTENANT)
    ] == ["demandee"]


def test_une_fermeture_sans_reservation_s_enregistre_d_un_clic(monde, mairie):
    envoi = {"structure": monde.cantine.structure_id, "du": "2026-11-30", "au": "2026-11-30", "motif": "Pont"}
    assert mairie.post(adresse(Fermeture, "add"), envoi).status_code == 302
    assert Fermeture.objects.get().motif == "Pont"


def test_un_parent_et_un_agent_sans_droit_ne_ferment_rien(monde):
    for qui, statut in ((monde.jean, 302), (factories.agent("accueil", "enfants.view_enfant"), 403)):
        assert monde.client(qui).get(adresse(Fermeture, "add")).status_code == statut


def test_un_jour_ferie_ou_des_vacances_avertissent_de_ce_qui_reste_reserve(monde, mairie):
    reserver(monde.inscriptions["lea"], LUNDI)
    ferie = mairie.post(adresse(JourFerie, "add"), {"jour": "2026-11-30", "nom": "Pont"}, follow=True)
    phrase = f"Réservations sur des jours qui ne sont plus ouverts{N}: 1."
    assert phrase in ferie.content.decode()
    JourFerie.objects.all().delete()
    envoi = {"zone": "B", "nom": "Neige", "nature": "petites", "du": "2026-11-30", "au": "2026-12-01"}
    assert phrase in mairie.post(adresse(PeriodeVacances, "add"), envoi, follow=True).content.decode()
    ailleurs = envoi | {"du": "2026-12-07", "au": "2026-12-08"}
    assert phrase not in mairie.post(adresse(PeriodeVacances, "add"), ailleurs, follow=True).content.decode()


def test_ferme_en_cours_de_journee_qui_est_venu_reste_reserve(monde):
    jour = MAINTENANT.date()
    reserver(monde.inscriptions["lea"], jour)
    reserver(monde.inscriptions["tom"], jour)
    Pointage.objects.create(enfant=monde.lea, prestation=monde.cantine, jour=jour, present=True)
    fermer(monde, jour, jour)
    assert etats() == {("Léa", jour.day): "reservee", ("Tom", jour.day): "annulee"}


def test_les_familles_a_appeler_restent_sur_la_page(monde, mairie, django_assert_num_queries):
    reserver(monde.inscriptions["lea"], LUNDI)
    reserver(monde.inscriptions["zoe"], LUNDI)
    monde.claire.responsables.update(email="", telephone_mobile="06 39 98 12 34")
    fermeture = fermer(monde)
    page = adresse(Fermeture, "change", fermeture.pk)
    html = mairie.get(page).content.decode()
    assert "06 39 98 12 34" in html and html.count("<li>MARTIN Claire") == 1
    Fermeture.objects.update(motif="Grève nationale")
    assert "06 39 98 12 34" in mairie.get(page).content.decode()
    lecteur = factories.agent("lecteur", "enfants.view_fermeture")
    assert "06 39 98 12 34" not in monde.client(lecteur).get(page).content.decode()
    assert "familles à appeler" not in mairie.get(adresse(Fermeture, "add")).content.decode().lower()
    with django_assert_num_queries(2):
        assert fermetures.a_appeler(fermeture) == [monde.claire]
