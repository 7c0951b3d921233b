"""From the boxes of the planning to the receipt: recap, confirmation, conflicts, strangers."""

import uuid
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.urls import resolve, reverse

from demandes.envoi import envoyer_absences, envoyer_reservations
from demandes.models import Demande
from enfants import places
from enfants.models import Creneau, Reservation
from enfants.places import changer
from portail.socle.models import Courriel, Trace
from tests import factories
from tests.demandes.fabrique import reservations, titulaire
from tests.facturation.fabrique import lien, tarif

MAINTENANT = datetime(2026, 11, 23, 9, 0, tzinfo=ZoneInfo("Europe/Paris"))
MARDI, JEUDI, VENDREDI = date(2026, 11, 24), date(2026, 11, 26), date(2026, 11, 27)
URL = "/enfants/planning/demande/"


@pytest.fixture(autouse=True)
def maintenant():
    with time_machine.travel(MAINTENANT, tick=False):
        yield


@pytest.fixture
def garderie(monde):
    """Booked at once, two places a day."""
    service = factories.prestation("Garderie matin", places=2, validation="automatique")
    monde.inscriptions["garderie"] = factories.inscription(monde.lea, service, monde.jean)
    monde.inscriptions["garderie_zoe"] = factories.inscription(monde.zoe, service, monde.claire)
    return service


def case(inscription, jour: date, version: int = 0) -> str:
    return f"{inscription.pk}:{jour.isoformat()}:{version}"


def poster(monde, qui, *cases: str, action: str = "reserver", **champs):
    return monde.client(qui).post(URL, {"c": list(cases), "action": action, **champs})


def test_un_refus_de_plusieurs_jours_se_dit_au_pluriel(monde, garderie):
    reservations(monde.inscriptions["garderie"], JEUDI, VENDREDI, le=MAINTENANT)

    def refus(*jours) -> list[str]:
        prises = Reservation.objects.filter(jour__in=jours).order_by("jour")
        page = poster(monde, monde.jean, *(case(r.inscription, r.jour, r.version) for r in prises))
        return [ligne.refus for groupe in page.context["recap"].groupes for ligne in groupe.lignes]

    assert refus(JEUDI) == ["Ce jour est déjà demandé ou réservé."]
    assert refus(JEUDI, VENDREDI) == ["Ces jours sont déjà demandés ou réservés."]


def test_ladresse_nest_pas_prise_pour_un_mois():
    assert resolve(URL).url_name == "demande_planning"


def test_le_recap_compte_les_jours_et_les_reservations(monde):
    lea, tom = monde.inscriptions["lea"], monde.inscriptions["tom"]

    def titres(*cases):
        return [g.titre for g in poster(monde, monde.jean, *cases).context["recap"].groupes]

    assert titres(case(lea, JEUDI), case(lea, VENDREDI)) == ["2 jours à valider"]
    assert titres(case(lea, JEUDI), case(tom, JEUDI)) == ["1 jour à valider, 2 réservations"]


def test_recap_dit_tout_avant_denvoyer(monde, garderie):
    cantine, garde = monde.inscriptions["lea"], monde.inscriptions["garderie"]
    page = poster(
        monde,
        monde.jean,
        case(garde, JEUDI),
        case(garde, VENDREDI),
        case(cantine, JEUDI),
        case(cantine, MARDI),
    )
    assert page.status_code == 200
    recap = page.context["recap"]
    assert [(g.galet, g.titre) for g in recap.groupes] == [
        ("reservee", "2 jours libres"),
        ("demandee", "1 jour à valider"),
        ("refusee", "1 jour impossible"),
    ]
    assert recap.groupes[0].lignes[0].qui == "Léa, Garderie matin"
    assert recap.groupes[0].lignes[0].jours == "Jeudi\u00a026 et vendredi\u00a027\u00a0novembre"
    assert recap.groupes[2].lignes[0].refus.startswith("Trop tard")
    # What cannot be sent is not in the form any more.
    assert case(cantine, MARDI) not in page.text
    assert page.text.count('name="c"') == 3
    assert not Reservation.objects.exists()


@pytest.mark.parametrize("action", ["reserver", "absence"])
def test_deux_services_du_meme_nom_font_deux_lignes(monde, garderie, action):
    """« Garderie matin » of two schools: not one line that says the day once."""
    ailleurs = factories.prestation(
        "Garderie matin", structure=factories.structure("École Pasteur"), validation="automatique"
    )
    deux = [monde.inscriptions["garderie"], factories.inscription(monde.lea, ailleurs, monde.jean)]
    if action == "absence":
        for inscription in deux:
            reservations(inscription, JEUDI, le=MAINTENANT)
    version = 0 if action == "reserver" else Reservation.objects.first().version
    page = poster(monde, monde.jean, *(case(i, JEUDI, version) for i in deux), action=action)
    assert [ligne.qui for ligne in page.context["recap"].groupes[0].lignes] == [
        "Léa, Garderie matin (Garderie périscolaire)",
        "Léa, Garderie matin (École Pasteur)",
    ]


def test_confirmer_cree_une_demande_et_ses_jours(monde, garderie):
    cantine, garde = monde.inscriptions["lea"], monde.inscriptions["garderie"]
    page = poster(monde, monde.jean, case(garde, JEUDI), case(cantine, JEUDI), confirmer="1")
    faite = Demande.objects.get()
    assert page.url == reverse("demande", args=[faite.pk])
    assert (faite.type, faite.etat, faite.numero) == ("reservations", "envoyee", "2026-0001")
    assert {(j.reservation.etat, j.decision) for j in faite.jours.all()} == {
        ("reservee", "acceptee"),
        ("demandee", ""),
    }
    recu = monde.client(monde.jean).get(page.url)
    assert "2026-0001" in recu.text


def test_tout_automatique_est_decide_aussitot(monde, garderie):
    poster(monde, monde.jean, case(monde.inscriptions["garderie"], JEUDI), confirmer="1")
    faite = Demande.objects.get()
    assert (faite.etat, faite.decidee_par) == ("acceptee", None)
    assert list(Demande.objects.a_traiter()) == []
    assert Courriel.objects.filter(objet__contains="acceptée").count() == 1


def test_decidee_aussitot_son_histoire_est_complete(monde, garderie):
    """Sent by the family, accepted by nobody: two events and two traces in that order, one e-mail."""
    poster(monde, monde.jean, case(monde.inscriptions["garderie"], JEUDI), confirmer="1")
    demande, compte = Demande.objects.get(), titulaire(monde.jean).utilisateur
    pas = list(demande.evenements.values_list("genre", "par", "le", "texte"))
    assert pas == [("envoyee", compte.pk, MAINTENANT, ""), ("acceptee", None, MAINTENANT, "")]
    traces = Trace.objects.filter(objet_id=str(demande.pk), action__startswith="demande_").order_by("pk")
    assert [(t.action, t.qui, t.famille) for t in traces] == [
        ("demande_envoyee", compte.identifiant, monde.jean.numero),
        ("demande_acceptee", "portail", monde.jean.numero),
    ]
    assert (demande.decidee_le, demande.decidee_par, demande.motif) == (MAINTENANT, None, "")
    assert Courriel.objects.get().cle.startswith(f"demande:{demande.numero}:{demande.evenements.last().pk}:")


def test_double_clic_une_demande(monde, garderie):
    jeton = str(uuid.uuid4())
    choix = case(monde.inscriptions["garderie"], JEUDI)
    urls = {poster(monde, monde.jean, choix, confirmer="1", jeton=jeton).url for _ in range(2)}
    assert (len(urls), Demande.objects.count(), Reservation.objects.count()) == (1, 1, 1)


@pytest.mark.parametrize("vu", [False, True], ids=["sans annonce", "annoncé"])
def test_double_clic_dont_le_premier_aboutit_pendant_le_second(monde, garderie, monkeypatch, vu):
    """The second read the days as free, then examines them booked by the first: it finds its demande all the same."""
    garde, jeton = monde.inscriptions["garderie"], uuid.uuid4()
    champs = {"vu": poster(monde, monde.jean, case(garde, JEUDI)).context["vu"]} if vu else {}
    examiner, par = places.examiner, titulaire(monde.jean).utilisateur

    def examiner_trop_tard(souhaits, le):
        envoyer_reservations(monde.jean, souhaits, par, le, jeton)
        return examiner(souhaits, le)

    monkeypatch.setattr(places, "examiner", examiner_trop_tard)
    page = poster(monde, monde.jean, case(garde, JEUDI), confirmer="1", jeton=str(jeton), **champs)
    assert (page.status_code, page.headers.get("Location")) == (
        302,
        reverse("demande", args=[Demande.objects.get().pk]),
    )


def test_double_clic_dune_absence_dont_la_premiere_aboutit_pendant_la_seconde(monde, garderie, monkeypatch):
    garde, jeton = monde.inscriptions["garderie"], uuid.uuid4()
    reservations(garde, JEUDI, le=MAINTENANT)
    version = Reservation.objects.get().version
    vu = poster(monde, monde.jean, case(garde, JEUDI, version), action="absence").context["vu"]
    examiner, par = places.examiner_absences, titulaire(monde.jean).utilisateur

    def examiner_trop_tard(lignes, le):
        raison = {"raison": "familiale", "precision": ""}
        envoyer_absences(monde.jean, lignes, raison, par, le, jeton)
        return examiner(lignes, le)

    monkeypatch.setattr(places, "examiner_absences", examiner_trop_tard)
    page = poster(
        monde,
        monde.jean,
        case(garde, JEUDI, version),
        action="absence",
        confirmer="1",
        jeton=str(jeton),
        raison="familiale",
        vu=vu,
    )
    assert (page.status_code, page.headers.get("Location")) == (
        302,
        reverse("demande", args=[Demande.objects.get(type="absences").pk]),
    )


def test_une_page_trop_vieille_montre_le_conflit(monde, garderie):
    garde = monde.inscriptions["garderie"]
    reservations(garde, JEUDI, le=MAINTENANT)
    page = poster(monde, monde.jean, case(garde, JEUDI), case(garde, VENDREDI), confirmer="1")
    assert page.status_code == 200
    assert page.context["recap"].groupes[0].titre == "1 jour a changé"
    assert "réservé" in page.context["recap"].groupes[0].lignes[0].refus
    # Nothing is sent, nothing is cancelled.
    assert Reservation.objects.get().etat == "reservee"
    assert Demande.objects.count() == 1


def test_rien_de_choisi_retour_au_planning(monde):
    page = poster(monde, monde.jean, retour="/enfants/planning/2026-11/?inscriptions=toutes")
    assert page.url == "/enfants/planning/2026-11/?inscriptions=toutes"


@pytest.mark.parametrize(
    "retour", ["https://ailleurs.example/", "//ailleurs.example/", "/admin/", "javascript:1"]
)
def test_le_retour_reste_dans_le_planning(monde, retour):
    assert poster(monde, monde.jean, retour=retour).url == "/enfants/planning/2026-11/"


@pytest.mark.parametrize(
    "cases",
    [
        ["x"],
        ["1:2026-13-45:0"],
        ["1:2026-11-26"],
        ["1:2026-11-26:-1"],
        ["9" * 40 + ":2026-11-26:0"],
        ["1:9999-12-31:0"],
    ],
)
def test_une_case_illisible_ramene_au_planning(monde, cases):
    assert poster(monde, monde.jean, *cases).status_code == 302


@pytest.mark.parametrize("action", ["reserver", "absence"])
@pytest.mark.parametrize("qui", ["jeanne", "claire"])
def test_linscription_dun_autre_est_introuvable(monde, qui, action):
    """Jeanne is Léa's other parent: Jean's inscription is not hers either."""
    page = poster(
        monde, getattr(monde, qui), case(monde.inscriptions["lea"], JEUDI), action=action, confirmer="1"
    )
    assert page.status_code == 404
    assert not Reservation.objects.exists()


def test_une_seule_case_etrangere_suffit(monde):
    siennes = [case(monde.inscriptions["zoe"], JEUDI), case(monde.inscriptions["lea"], JEUDI)]
    assert poster(monde, monde.claire, *siennes, confirmer="1").status_code == 404
    assert not Reservation.objects.exists()


def test_get_ramene_au_planning(monde):
    assert monde.client(monde.jean).get(URL).url == "/enfants/planning/2026-11/"


# --- absences ---------------------------------------------------------------------------------------------------


@pytest.fixture
def reservee(monde, garderie) -> Reservation:
    reservations(monde.inscriptions["garderie"], JEUDI, le=MAINTENANT)
    return Reservation.objects.get()


def absence(monde, qui, reservation, **champs):
    return poster(
        monde,
        qui,
        case(reservation.inscription, reservation.jour, reservation.version),
        action="absence",
        **champs,
    )


def test_une_absence_demande_sa_raison(monde, reservee):
    page = absence(monde, monde.jean, reservee)
    assert [g.titre for g in page.context["recap"].groupes] == ["1 jour prévenu à temps"]
    page = absence(monde, monde.jean, reservee, confirmer="1")
    assert "raison" in page.context["raison"].errors
    reservee.refresh_from_db()
    assert reservee.etat == "reservee"


def test_absence_a_temps_excusee_aussitot(monde, reservee):
    absence(monde, monde.jean, reservee, confirmer="1", raison="familiale", precision="mariage")
    reservee.refresh_from_db()
    faite = Demande.objects.get(type="absences")
    assert (reservee.etat, faite.etat) == ("absent_excuse", "acceptee")
    assert faite.donnees == {"raison": "familiale", "precision": "mariage"}


def test_absence_medicale_hors_delai_attend_lattestation(monde, reservee):
    with time_machine.travel(MAINTENANT.replace(day=25), tick=False):
        absence(monde, monde.jean, reservee, confirmer="1", raison="medicale")
    faite = Demande.objects.get(type="absences")
    reservee.refresh_from_db()
    assert (reservee.etat, faite.etat) == ("absence_demandee", "envoyee")
    faite.accepter(monde.agent, MAINTENANT)
    reservee.refresh_from_db()
    assert (reservee.etat, faite.etat) == ("absent_excuse", "acceptee")


def test_absence_medicale_sans_attestation_refusee(monde, reservee):
    with time_machine.travel(MAINTENANT.replace(day=25), tick=False):
        absence(monde, monde.jean, reservee, confirmer="1", raison="medicale")
    faite = Demande.objects.get(type="absences")
    faite.refuser(monde.agent, "L’attestation n’est pas arrivée.", MAINTENANT)
    reservee.refresh_from_db()
    assert (reservee.etat, faite.etat) == ("absent_facture", "refusee")


def test_absence_sur_une_demande_en_attente_la_retire(monde):
    premiere = reservations(monde.inscriptions["lea"], JEUDI, le=MAINTENANT)
    reservation = Reservation.objects.get()
    page = absence(monde, monde.jean, reservation, confirmer="1", raison="autre")
    reservation.refresh_from_db()
    assert reservation.etat == "annulee"
    assert Demande.objects.get().etat == "retiree"
    assert page.url == "/enfants/planning/2026-11/"
    assert premiere.jours.get().decision == "retiree"


def test_absence_un_jour_sans_reservation(monde, garderie):
    page = poster(monde, monde.jean, case(monde.inscriptions["garderie"], JEUDI), action="absence")
    assert [g.titre for g in page.context["recap"].groupes] == ["1 jour impossible"]
    assert 'name="confirmer"' not in page.text


def test_le_jour_de_lautre_foyer_ne_se_touche_pas(monde, reservee):
    """Jeanne has her own inscription to the same service: her planning shows the day free, it is not."""
    choix = case(factories.inscription(monde.lea, reservee.prestation, monde.jeanne), JEUDI)
    page = poster(monde, monde.jeanne, choix, action="absence", confirmer="1", raison="autre")
    assert [g.titre for g in page.context["recap"].groupes] == ["1 jour impossible"]
    page = poster(monde, monde.jeanne, choix)
    assert "autre foyer" in page.context["recap"].groupes[0].lignes[0].refus
    page = poster(monde, monde.jeanne, choix, confirmer="1")
    assert "Rien n’a été envoyé" in page.content.decode()
    reservee.refresh_from_db()
    assert (reservee.etat, Reservation.objects.count(), monde.jeanne.demandes.count()) == ("reservee", 1, 0)


# --- the town's answer ------------------------------------------------------------------------------------------


def _jours(demande) -> list[int]:
    return [j.reservation_id for j in demande.jours.all()]


def test_accepter_tous_les_jours(monde):
    faite = reservations(monde.inscriptions["lea"], JEUDI, VENDREDI, le=MAINTENANT)
    faite.accepter(monde.agent, MAINTENANT)
    assert faite.etat == "acceptee"
    assert set(Reservation.objects.values_list("etat", flat=True)) == {"reservee"}


def test_accepter_une_partie_des_jours(monde):
    faite = reservations(monde.inscriptions["lea"], JEUDI, VENDREDI, le=MAINTENANT)
    faite.accepter(monde.agent, MAINTENANT, jours=_jours(faite)[:1], motif="Complet vendredi.")
    assert (faite.etat, faite.motif) == ("acceptee_partie", "Complet vendredi.")
    etats = dict(Reservation.objects.values_list("jour", "etat"))
    assert etats == {JEUDI: "reservee", VENDREDI: "refusee"}
    assert "Complet vendredi." in Courriel.objects.get(objet__contains="en partie").texte


def test_un_agent_dune_structure_ne_decide_que_ses_jours(monde):
    faite = reservations(monde.inscriptions["lea"], JEUDI, VENDREDI, le=MAINTENANT)
    faite.accepter(monde.agent, MAINTENANT, parmi=_jours(faite)[:1])
    assert faite.etat == "envoyee"
    assert [j.decision for j in faite.jours.order_by("reservation__jour")] == ["acceptee", ""]


def test_refuser_tout(monde):
    faite = reservations(monde.inscriptions["lea"], JEUDI, le=MAINTENANT)
    faite.refuser(monde.agent, "Complet.", MAINTENANT)
    assert (faite.etat, Reservation.objects.get().etat) == ("refusee", "refusee")


def test_retirer_libere_les_jours_qui_attendent(monde, garderie):
    poster(
        monde,
        monde.jean,
        case(monde.inscriptions["garderie"], JEUDI),
        case(monde.inscriptions["lea"], JEUDI),
        confirmer="1",
    )
    faite = Demande.objects.get()
    monde.client(monde.jean).post(reverse("demande", args=[faite.pk]), {"retirer": "1", "confirmer": "1"})
    faite.refresh_from_db()
    assert faite.etat == "acceptee_partie"
    assert sorted(Reservation.objects.values_list("etat", flat=True)) == ["annulee", "reservee"]


def test_la_liste_dattente_nattend_pas_la_mairie(monde):
    service = factories.prestation("Club", places=1, validation="automatique")
    zoe = factories.inscription(monde.zoe, service, monde.claire)
    lea = factories.inscription(monde.lea, service, monde.jean)
    reservations(zoe, JEUDI, le=MAINTENANT)
    faite = reservations(lea, JEUDI, le=MAINTENANT)
    assert faite.jours.get().reservation.etat == "en_attente"
    assert list(Demande.objects.a_traiter()) == []
    # The place is freed: the demande reads its day, though nobody touched the demande.
    changer(Reservation.objects.get(enfant=monde.zoe), "annulee", monde.agent, MAINTENANT)
    relue = Demande.objects.get(pk=faite.pk)
    assert (relue.etat, relue.etat_lu) == ("envoyee", "acceptee")


def test_une_longue_adresse_de_retour_ne_perd_pas_la_selection(monde):
    retour = "/enfants/planning/2026-11/?" + "x" * 300
    page = poster(monde, monde.jean, case(monde.inscriptions["lea"], JEUDI), retour=retour)
    assert page.status_code == 200
    assert page.context["retour"] == "/enfants/planning/2026-11/"


def test_retirer_une_demande_ne_demande_pas_de_raison(monde):
    cantine = monde.inscriptions["lea"]
    poster(monde, monde.jean, case(cantine, JEUDI), confirmer="1")
    recap = poster(monde, monde.jean, case(cantine, JEUDI, 1), action="absence")
    assert 'name="raison"' not in recap.text
    assert "Rien n’est encore retiré." in recap.text
    assert "Retirer ma demande" in recap.text
    recu = poster(monde, monde.jean, case(cantine, JEUDI, 1), action="absence", confirmer="1")
    assert recu.status_code == 302
    assert Reservation.objects.get().etat == "annulee"
    assert Demande.objects.get().etat == "retiree"


def test_le_prix_d_une_liste_dattente_ne_depend_pas_de_la_mairie(monde):
    service = factories.prestation("Club", places=1, validation="automatique")
    reservations(factories.inscription(monde.zoe, service, monde.claire), JEUDI, le=MAINTENANT)
    lea = factories.inscription(monde.lea, service, monde.jean)
    tarif(lien(service))
    recap = poster(monde, monde.jean, case(lea, JEUDI))
    assert "Si la mairie accepte" not in recap.text
    assert "Si une place se libère" in recap.text
    recu = poster(monde, monde.jean, case(lea, JEUDI), confirmer="1")
    page = monde.client(monde.jean).get(recu.url).text
    assert "La mairie examine votre demande" not in page
    assert "dès qu’une place se libère" in page


def test_la_limite_passe_entre_le_recapitulatif_et_lenvoi(monde, garderie):
    """« Rien ne sera facturé » at 8:59, billed at 9:01: the parent reads it again before anything is sent."""
    garde = monde.inscriptions["garderie"]
    reservations(garde, JEUDI, VENDREDI, le=MAINTENANT)
    recap = poster(monde, monde.jean, case(garde, JEUDI, 1), action="absence")
    assert [g.galet for g in recap.context["recap"].groupes] == ["absent_excuse"]
    suite = {"action": "absence", "confirmer": "1", "raison": "familiale", "vu": recap.context["vu"]}
    with time_machine.travel(MAINTENANT + timedelta(days=2), tick=False):
        page = poster(monde, monde.jean, case(garde, JEUDI, 1), **suite)
        assert page.status_code == 200
        assert [g.galet for g in page.context["recap"].groupes] == ["absent_facture"]
        assert "a changé depuis tout à l’heure" in page.text
        assert page.context["raison"]["raison"].value() == "familiale"
        assert Reservation.objects.get(jour=JEUDI).etat == "reservee"
        relue = poster(monde, monde.jean, case(garde, JEUDI, 1), **suite | {"vu": page.context["vu"]})
        assert relue.status_code == 302
    assert Reservation.objects.get(jour=JEUDI).etat == "absent_facture"


def test_la_derniere_place_part_entre_le_recapitulatif_et_lenvoi(monde, garderie):
    garde = monde.inscriptions["garderie"]
    recap = poster(monde, monde.jean, case(garde, JEUDI))
    Creneau.objects.create(jauge=garderie.jauges.get(), jour=JEUDI, capacite=2, pris=2)
    page = poster(monde, monde.jean, case(garde, JEUDI), confirmer="1", vu=recap.context["vu"])
    assert [g.galet for g in page.context["recap"].groupes] == ["en_attente"]
    assert not Reservation.objects.exists()


def test_la_derniere_place_prise_il_ny_a_rien_a_relire(monde):
    """No waiting list: the page says that nothing was sent, not « relisez avant d’envoyer » over nothing to send."""
    service = factories.prestation("Club", places=1, validation="automatique", liste_attente=False)
    club = factories.inscription(monde.lea, service, monde.jean)
    vu = poster(monde, monde.jean, case(club, JEUDI)).context["vu"]
    Creneau.objects.create(jauge=service.jauges.get(), jour=JEUDI, capacite=1, pris=1)
    page = poster(monde, monde.jean, case(club, JEUDI), confirmer="1", vu=vu)
    assert "<h1>Rien n’a été envoyé</h1>" in page.text
    assert "Relisez" not in page.text
    # Asked again from the planning, before any confirmation.
    assert "<h1>Rien à envoyer</h1>" in poster(monde, monde.jean, case(club, JEUDI)).text


@pytest.mark.parametrize("pendant", [False, True])
def test_qui_trouve_tout_complet_lit_pourquoi_aussitot(monde, monkeypatch, pendant):
    """Before the click, or between what was examined and the lock: the same page, and nothing is written."""
    service = factories.prestation("Club", places=1, validation="automatique", liste_attente=False)
    club = factories.inscription(monde.lea, service, monde.jean)
    examiner = places.examiner

    def devance(*args):
        issues = examiner(*args)
        Creneau.objects.create(jauge=service.jauges.get(), jour=JEUDI, capacite=1, pris=1)
        return issues

    if pendant:
        monkeypatch.setattr(places, "examiner", devance)
    else:
        Creneau.objects.create(jauge=service.jauges.get(), jour=JEUDI, capacite=1, pris=1)
    retour = "/enfants/planning/2026-11/"
    page = poster(monde, monde.jean, case(club, JEUDI), confirmer="1", retour=retour)
    assert page.status_code == 200
    assert "<h1>Rien n’a été envoyé</h1>" in page.text
    assert page.context["recap"].groupes[0].lignes[0].refus == "C’est complet."
    assert 'name="confirmer"' not in page.text
    assert (
        f'href="{retour}?c={club.pk}%3A{JEUDI}%3A0"' in page.text
    )  # back, with what was chosen still ticked
    assert not Demande.objects.exists() and not Reservation.objects.exists()
