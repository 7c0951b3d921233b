"""The household's calendar: the link and its page, what the file holds, who may read it and until when."""

import json
import logging
from datetime import UTC, date, datetime, timedelta

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from icalendar import Calendar

from enfants import agenda, places, rattachements
from enfants.models import Etat, FicheSanitaire, LienAgenda, Rattachement
from enfants.views.agenda import INCONNU
from portail.socle.journal import Json
from portail.socle.models import Trace
from tests import factories
from tests.enfants.fabrique import JEUDI, LUNDI, MAINTENANT, automatique, demander, paris, reserver

pytestmark = pytest.mark.django_db
PAGE = "/enfants/agenda/"
INSECABLE = "\N{NO-BREAK SPACE}"


@pytest.fixture(autouse=True)
def maintenant():
    with time_machine.travel(MAINTENANT, tick=False) as voyage:
        yield voyage


def lien(monde, famille=None) -> LienAgenda:
    famille = famille or monde.jean
    compte = famille.responsables.get(rang="titulaire").utilisateur
    return agenda.creer(famille, compte, MAINTENANT)


def adresse(cle: LienAgenda) -> str:
    return f"/agenda/{cle.secret}.ics"


def evenements(reponse) -> dict[str, dict]:
    """Events of the file, by summary."""
    assert reponse.status_code == 200
    return {str(e["SUMMARY"]): e for e in Calendar.from_ical(reponse.content).walk("VEVENT")}


# ── The page ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_on_cree_son_lien_puis_la_page_le_montre_encore(monde, settings):
    settings.SITE_URL = "https://famille.exemple.fr"
    jean = monde.client(monde.jean)
    assert "Créer mon lien" in jean.get(PAGE).text
    for _ in range(2):  # a double click makes one link
        assert "Votre lien est prêt." in jean.post(PAGE, {"action": "creer"}, follow=True).text
    cree = LienAgenda.objects.get()
    assert (cree.famille, cree.utilisateur) == (monde.jean, monde.jean.responsables.get().utilisateur)
    for _ in range(2):
        page = jean.get(PAGE).text
        assert f'value="https://famille.exemple.fr{adresse(cree)}"' in page
        assert f'href="webcal://famille.exemple.fr{adresse(cree)}"' in page
    assert evenements(Client().get(adresse(cree))) == {}
    assert "Lu par un agenda le lundi 23" in jean.get(PAGE).text


def test_la_base_ne_suffit_pas_pour_lire(monde, settings):
    """What is stored opens nothing: neither column is the secret, and another key derives another one."""
    cree = lien(monde)
    assert len(cree.secret) == 64
    assert cree.secret not in (cree.graine, cree.empreinte)
    for colonne in (cree.graine, cree.empreinte):
        assert Client().get(f"/agenda/{colonne}.ics").status_code == 404
    ancienne = adresse(cree)
    cle = settings.SECRET_KEY
    settings.SECRET_KEY = "une-autre-cle-tout-a-fait-differente-de-la-premiere"
    assert LienAgenda.objects.get().secret == ""
    assert "doit être changé" in monde.client(monde.jean).get(PAGE).text
    assert Client().get(ancienne).status_code == 200
    settings.SECRET_KEY_FALLBACKS = [cle]
    assert adresse(LienAgenda.objects.get()) == ancienne


def test_changer_de_lien_ferme_lancien(monde):
    ancien = adresse(lien(monde))
    jean = monde.client(monde.jean)
    assert "L’ancien ne fonctionne plus" in jean.post(PAGE, {"action": "changer"}, follow=True).text
    nouveau = adresse(LienAgenda.objects.get())
    assert nouveau != ancien
    assert [Client().get(a).status_code for a in (ancien, nouveau)] == [404, 200]


def test_chaque_adulte_a_le_sien_et_peut_supprimer_celui_de_lautre(monde):
    conjointe = factories.utilisateur("anne.dupont", prenom="Anne", nom="DUPONT")
    monde.jean.responsables.create(rang="conjoint", prenom="Anne", nom="DUPONT", utilisateur=conjointe)
    de_jean = lien(monde)
    de_anne = agenda.creer(monde.jean, conjointe, MAINTENANT)
    assert de_jean.secret != de_anne.secret
    jean = monde.client(monde.jean)
    page = jean.get(PAGE).text
    assert "Lien de Anne DUPONT" in page and de_anne.secret not in page
    jean.post(PAGE, {"action": "supprimer", "lien": de_anne.pk})
    assert [Client().get(adresse(x)).status_code for x in (de_jean, de_anne)] == [200, 404]
    actions = (
        Trace.objects.filter(action__startswith="agenda").order_by("pk").values_list("action", flat=True)
    )
    assert list(actions) == ["agenda.creer", "agenda.creer", "agenda.supprimer"]


@pytest.mark.parametrize("qui", ["jeanne", "claire"])
def test_le_lien_des_autres_ne_se_supprime_pas(monde, qui):
    cree = lien(monde)
    autre = monde.client(getattr(monde, qui))
    assert cree.secret not in autre.get(PAGE).text
    autre.post(PAGE, {"action": "supprimer", "lien": cree.pk})
    autre.post(PAGE, {"action": "changer", "lien": cree.pk})
    assert Client().get(adresse(cree)).status_code == 200


@pytest.mark.parametrize(
    "saisie",
    [{}, {"action": "x"}, {"action": "supprimer"}, {"action": "supprimer", "lien": "x"}, {"lien": "9" * 40}],
)
def test_une_saisie_illisible_est_introuvable(monde, saisie):
    assert monde.client(monde.jean).post(PAGE, saisie).status_code == 404


# ── The file ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_ce_que_le_fichier_contient(monde):
    FicheSanitaire.objects.create(enfant=monde.lea, allergies="Noisette")
    reserver(monde.inscriptions["lea"], JEUDI)
    demander(monde.inscriptions["tom"], LUNDI)
    reponse = Client().get(adresse(lien(monde)))
    assert reponse["Content-Type"] == "text/calendar; charset=utf-8"
    trouves = evenements(reponse)
    assert set(trouves) == {
        f"Léa{INSECABLE}: Restauration scolaire",
        f"Tom{INSECABLE}: Restauration scolaire (la mairie doit répondre)",
    }
    lea = trouves[f"Léa{INSECABLE}: Restauration scolaire"]
    assert lea.decoded("DTSTART") == datetime(2026, 11, 26, 10, 30, tzinfo=UTC)
    assert lea.decoded("DTEND") == datetime(2026, 11, 26, 12, 30, tzinfo=UTC)
    assert (str(lea["STATUS"]), str(lea["LOCATION"])) == ("CONFIRMED", "Garderie périscolaire")
    for absent in ("DUPONT", "Noisette", "845", monde.jean.numero, "exemple.fr"):
        assert absent not in reponse.text


@pytest.mark.parametrize(
    ("etat", "affiche"),
    [
        ("reservee", True),
        ("absence_demandee", True),
        ("absent_excuse", False),
        ("absent_facture", False),
        ("conge", False),
        ("annulee", False),
    ],
)
def test_ce_qui_nest_plus_prevu_disparait(monde, etat, affiche):
    reserver(monde.inscriptions["lea"], JEUDI, etat=etat)
    assert bool(evenements(Client().get(adresse(lien(monde))))) is affiche


def test_liste_dattente(monde):
    club = automatique(factories.prestation("Club", places=1))
    reserver(factories.inscription(monde.zoe, club, monde.claire), JEUDI)
    demander(factories.inscription(monde.lea, club, monde.jean), JEUDI)
    assert list(evenements(Client().get(adresse(lien(monde))))) == [f"Léa{INSECABLE}: Club (liste d’attente)"]


def test_un_jour_redemande_garde_son_evenement(monde):
    (premiere,) = reserver(monde.inscriptions["lea"], JEUDI)
    chemin = adresse(lien(monde))
    (avant,) = evenements(Client().get(chemin)).values()
    places.annuler([premiere.pk], None, MAINTENANT, "Essai")
    reserver(monde.inscriptions["lea"], JEUDI)
    (apres,) = evenements(Client().get(chemin)).values()
    assert avant["UID"] == apres["UID"]


def test_chaque_changement_a_un_numero_plus_grand(monde):
    """A calendar keeps the highest SEQUENCE it read: the day asked again, a new row, must not start again at one."""
    chemin = adresse(lien(monde))
    inscription = monde.inscriptions["lea"]
    automatique(inscription.prestation)
    numeros = []

    def lire():
        (evenement,) = evenements(Client().get(chemin)).values()
        numeros.append(int(evenement["SEQUENCE"]))

    def le(minutes: int):
        return MAINTENANT + timedelta(minutes=minutes)

    (premiere,) = demander(inscription, JEUDI, maintenant=le(0))
    lire()
    places.declarer_absences([premiere.reservation], None, le(1), "Malade", medicale=False)
    demander(inscription, JEUDI, maintenant=le(4))
    lire()
    places.annuler([r.pk for r in inscription.reservations.vivantes()], None, le(5), "Essai")
    demander(inscription, JEUDI, maintenant=le(6))
    lire()
    assert numeros == sorted(set(numeros)) and numeros[-1] < 2**31


def test_les_jours_de_lautre_foyer_ny_sont_pas(monde):
    chez_jeanne = factories.inscription(monde.lea, monde.cantine, monde.jeanne)
    reserver(chez_jeanne, JEUDI)
    reserver(monde.inscriptions["lea"], LUNDI)
    jours = {
        qui: [e.decoded("DTSTART").date() for e in evenements(Client().get(adresse(cle))).values()]
        for qui, cle in (
            ("jean", lien(monde)),
            ("jeanne", lien(monde, monde.jeanne)),
            ("claire", lien(monde, monde.claire)),
        )
    }
    assert jours == {"jean": [LUNDI], "jeanne": [JEUDI], "claire": []}


def test_la_fin_du_rattachement_vide_lagenda_aussitot(monde):
    reserver(monde.inscriptions["lea"], JEUDI)
    reserver(monde.inscriptions["tom"], JEUDI)
    chemin = adresse(lien(monde))
    attache = Rattachement.objects.get(enfant=monde.lea, famille=monde.jean)
    rattachements.terminer(attache, rattachements.veille(MAINTENANT.date()), monde.agent, MAINTENANT)
    assert list(evenements(Client().get(chemin))) == [f"Tom{INSECABLE}: Restauration scolaire"]


@pytest.mark.parametrize(
    ("aujourdhui", "bornes"),
    [
        (date(2026, 11, 23), (date(2026, 10, 24), date(2027, 8, 31))),
        (date(2027, 6, 30), (date(2027, 5, 31), date(2027, 8, 31))),
        (date(2027, 7, 1), (date(2027, 6, 1), date(2028, 8, 31))),
        (date(2028, 2, 29), (date(2028, 1, 30), date(2028, 8, 31))),
    ],
)
def test_trente_jours_avant_jusqua_la_fin_de_lannee_scolaire(aujourdhui, bornes):
    assert agenda.bornes(aujourdhui) == bornes


def test_les_jours_hors_bornes_ny_sont_pas(monde, maintenant):
    reserver(monde.inscriptions["lea"], JEUDI)
    chemin = adresse(lien(monde))
    maintenant.move_to(paris(2026, 12, 26, 23, 30))
    assert len(evenements(Client().get(chemin))) == 1
    maintenant.move_to(paris(2026, 12, 27, 0, 30))
    assert evenements(Client().get(chemin)) == {}


@pytest.mark.parametrize(
    ("jour", "debut"),
    [
        (date(2027, 3, 26), datetime(2027, 3, 26, 10, 30, tzinfo=UTC)),
        (date(2027, 3, 29), datetime(2027, 3, 29, 9, 30, tzinfo=UTC)),
    ],
)
def test_lheure_de_paris_malgre_le_changement(monde, jour, debut):
    """The hours change on 28 March 2027: 11:30 in Paris both days."""
    reserver(monde.inscriptions["lea"], jour)
    (evenement,) = evenements(Client().get(adresse(lien(monde)))).values()
    assert evenement.decoded("DTSTART") == debut


# ── Who may read it ──────────────────────────────────────────────────────────────────────────────────────────


def entetes(reponse) -> dict:
    return {k: v for k, v in reponse.headers.items() if k not in ("Content-Security-Policy",)}


def test_inconnu_change_ou_supprime_meme_reponse(monde):
    cree = lien(monde)
    change = adresse(cree)
    agenda.renouveler(monde.jean, cree.utilisateur, MAINTENANT)
    cree = LienAgenda.objects.get()
    supprime = adresse(cree)
    agenda.supprimer(monde.jean, cree.pk, cree.utilisateur)
    reponses = [Client().get(a) for a in (change, supprime, f"/agenda/{'0' * 64}.ics", "/agenda/é.ics")]
    assert {(r.status_code, r.text, json.dumps(entetes(r))) for r in reponses} == {
        (404, INCONNU, json.dumps(entetes(reponses[0])))
    }


def test_qui_quitte_la_famille_ou_perd_son_acces_ne_lit_plus(monde):
    chemin = adresse(lien(monde))
    titulaire = monde.jean.responsables.get()
    compte = titulaire.utilisateur
    compte.is_active = False
    compte.save(update_fields=["is_active"])
    assert Client().get(chemin).status_code == 404
    compte.is_active = True
    compte.save(update_fields=["is_active"])
    assert Client().get(chemin).status_code == 200
    titulaire.utilisateur = None
    titulaire.save(update_fields=["utilisateur"])
    assert Client().get(chemin).status_code == 404


def test_les_entetes_gardent_le_secret(monde):
    reponse = Client().get(adresse(lien(monde)))
    assert (reponse["Cache-Control"], reponse["Referrer-Policy"]) == ("private, no-cache", "no-referrer")
    assert reponse["X-Robots-Tag"] == "noindex, nofollow"
    assert "Set-Cookie" not in reponse.headers
    assert Client().post(adresse(lien(monde))).status_code == 405


def test_rien_de_neuf_rien_a_relire(monde):
    (ligne,) = reserver(monde.inscriptions["lea"], JEUDI)
    chemin = adresse(lien(monde))
    etag = Client().get(chemin)["ETag"]
    relu = Client().get(chemin, headers={"If-None-Match": etag})
    assert (relu.status_code, relu.content) == (304, b"")
    places.changer(ligne, Etat.ABSENT_EXCUSE, None, MAINTENANT)
    assert Client().get(chemin, headers={"If-None-Match": etag}).status_code == 200


def test_le_secret_nest_jamais_dans_le_journal(monde, caplog):
    """Django logs the path of a 404: the formatter hides the secret, whatever the message."""
    secret = lien(monde).secret
    agenda.supprimer(monde.jean, LienAgenda.objects.get().pk, monde.agent)
    with caplog.at_level(logging.INFO):
        Client().get(f"/agenda/{secret}.ics")
    assert any(secret in r.getMessage() for r in caplog.records)
    lignes = [Json().format(r) for r in caplog.records]
    assert not any(secret in ligne for ligne in lignes)
    assert any("/agenda/….ics" in json.loads(ligne)["message"] for ligne in lignes)


def test_autant_de_requetes_pour_un_jour_que_pour_dix(monde):
    chemin = adresse(lien(monde))
    Client().get(chemin)
    comptes = []
    for jours in ([JEUDI], [date(2026, 12, n) for n in (1, 3, 4, 7, 8, 10, 11)]):
        reserver(monde.inscriptions["lea"], *jours)
        reserver(monde.inscriptions["tom"], *jours)
        with CaptureQueriesContext(connection) as requetes:
            Client().get(chemin)
        comptes.append(len(requetes))
    assert comptes[0] == comptes[1] <= 4


def test_les_pages_y_menent(monde):
    reserver(monde.inscriptions["lea"], JEUDI)
    jean = monde.client(monde.jean)
    for page in ("/enfants/", "/enfants/planning/2026-11/", "/enfants/planning/2026-11/?vue=semaine"):
        assert f'href="{PAGE}"' in jean.get(page).text
