"""The cost a recap announced: on the receipt and in its e-mail, as it was said, whatever the prices became."""

import re
from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.urls import reverse

from demandes.models import Demande
from enfants import places
from facturation.models import Tarif
from portail.socle.models import Courriel
from tests import factories
from tests.demandes.fabrique import titulaire
from tests.facturation.fabrique import lien, tarif

MAINTENANT = datetime(2026, 11, 23, 9, 0, tzinfo=ZoneInfo("Europe/Paris"))
JEUDI, VENDREDI = date(2026, 11, 26), date(2026, 11, 27)
URL = "/enfants/planning/demande/"
N = "\N{NO-BREAK SPACE}"


@pytest.fixture(autouse=True)
def maintenant():
    with time_machine.travel(MAINTENANT, tick=False):
        yield


@pytest.fixture
def garderie(monde):
    """Booked at once, one place a day, 2 €; the canteen waits for the town, 3,45 €."""
    service = factories.prestation("Garderie matin", places=1, validation="automatique")
    monde.inscriptions["garderie"] = factories.inscription(monde.lea, service, monde.jean)
    tarif(lien(service), forfait_centimes=200)
    tarif(lien(monde.cantine))
    return service


def recap(monde, *souhaits: tuple[str, date]) -> dict:
    """What the confirm button posts: the hidden fields of the recap."""
    cases = [f"{monde.inscriptions[nom].pk}:{jour.isoformat()}:0" for nom, jour in souhaits]
    page = monde.client(monde.jean).post(URL, {"c": cases, "action": "reserver"}).text
    champs = dict(re.findall(r'<input type="hidden" name="(action|jeton|vu|cout)" value="([^"]*)">', page))
    return champs | {"c": cases, "confirmer": "1"}


def envoyer(monde, corps: dict) -> tuple[Demande, str]:
    page = monde.client(monde.jean).post(URL, corps, follow=True)
    return Demande.objects.get(), page.text


def envoi(monde, *souhaits: tuple[str, date]) -> Demande:
    """Sent after its recap."""
    page = monde.client(monde.jean).post(URL, recap(monde, *souhaits), follow=True)
    return Demande.objects.get(pk=page.redirect_chain[-1][0].strip("/").rpartition("/")[2])


def test_le_recu_redit_le_cout_annonce(monde, garderie):
    corps = recap(monde, ("garderie", JEUDI), ("garderie", VENDREDI), ("lea", JEUDI))
    # The price rises between the recap and its confirmation: what was said stays.
    Tarif.objects.update(forfait_centimes=900)
    faite, page = envoyer(monde, corps)
    dit = {"total": 400, "si_accepte": 345, "si_place": 0, "sans_tarif": False}
    assert faite.estimation == dit | {"mois": "votre facture de novembre"}
    for mots in ("Coût estimé", f"4,00{N}€", "Si la mairie accepte", f"3,45{N}€", "le 23/11/2026"):
        assert mots in page
    assert "Si une place" not in page
    (courriel,) = Courriel.objects.order_by("pk")
    assert (
        f"Coût estimé{N}: 4,00{N}€, et 3,45{N}€ si la mairie accepte. "
        "Le montant exact sera sur votre facture de novembre.\n" in courriel.texte
    )
    faite.accepter(monde.agent, MAINTENANT)
    assert f"Coût estimé à l’envoi{N}: 7,45{N}€." in Courriel.objects.order_by("pk").last().texte


@pytest.mark.parametrize("qui", ["la mairie", "la famille"])
def test_ce_qui_est_refuse_ou_retire_ne_coute_rien(monde, garderie, qui):
    """« Le montant exact sera sur votre facture »: nothing of it will."""
    faite, page = envoyer(monde, recap(monde, ("lea", JEUDI)))
    assert "Coût estimé" in page
    if qui == "la mairie":
        faite.refuser(monde.agent, "Sortie scolaire.", MAINTENANT)
    else:
        faite.retirer(titulaire(monde.jean).utilisateur, MAINTENANT)
    assert "Coût estimé" not in monde.client(monde.jean).get(reverse("demande", args=[faite.pk])).text


def montant(euros: str) -> str:
    return f"{euros} €"


def carte(monde, faite: Demande) -> str:
    """The card « Coût estimé » of its page, in words; empty: there is none."""
    page = monde.client(monde.jean).get(reverse("demande", args=[faite.pk])).text
    _, debut, reste = page.partition('<h2 id="cout">')
    return " ".join(re.sub("<[^>]+>", " ", reste.partition("</section>")[0]).split()) if debut else ""


@pytest.mark.parametrize("verbe", ["accepter", "refuser"])
def test_une_reponse_a_une_partie_des_jours_ote_le_cout(monde, garderie, verbe):
    """« Si la mairie accepte 6,90 € » of two days, one of which is decided."""
    faite = envoi(monde, ("lea", JEUDI), ("lea", VENDREDI))
    assert montant("6,90") in carte(monde, faite)
    premier = faite.jours.order_by("pk")[0].reservation_id
    if verbe == "accepter":
        faite.accepter(monde.agent, MAINTENANT, jours=[premier], parmi=[premier])
    else:
        faite.refuser(monde.agent, "Sortie scolaire.", MAINTENANT, jours={premier})
    assert faite.etat == "envoyee"
    assert carte(monde, faite) == ""


def test_retire_ou_refuse_a_cote_de_jours_reserves(monde, garderie):
    """Booked at once beside what the town had to decide: the sum is of fewer days than was said."""
    faite = envoi(monde, ("garderie", JEUDI), ("lea", JEUDI))
    assert montant("3,45") in carte(monde, faite)
    faite.retirer(titulaire(monde.jean).utilisateur, MAINTENANT)
    faite.refresh_from_db()
    assert (faite.etat_lu, carte(monde, faite)) == ("acceptee_partie", "")


def test_un_jour_rendu_depuis_le_planning_ote_le_cout(monde, garderie):
    faite = envoi(monde, ("garderie", JEUDI), ("garderie", VENDREDI))
    assert montant("4,00") in carte(monde, faite)
    jour = faite.jours.order_by("pk")[1].reservation
    places.declarer_absences([jour], None, MAINTENANT, "Vacances", medicale=False)
    assert carte(monde, faite) == ""


def test_tout_accepte_le_cout_est_celui_de_l_envoi(monde, garderie):
    faite = envoi(monde, ("garderie", JEUDI), ("lea", JEUDI))
    faite.accepter(monde.agent, MAINTENANT)
    dit = carte(monde, faite)
    assert dit.startswith("Coût estimé à l’envoi") and montant("5,45") in dit
    assert "Si la mairie accepte" not in dit


def test_accepte_apres_un_jour_rendu_le_courriel_ne_dit_plus_le_cout(monde, garderie):
    faite = envoi(monde, ("garderie", VENDREDI), ("lea", JEUDI))
    rendu = faite.jours.get(reservation__etat="reservee").reservation
    places.declarer_absences([rendu], None, MAINTENANT, "Vacances", medicale=False)
    faite.accepter(monde.agent, MAINTENANT)
    dernier = Courriel.objects.order_by("pk").last()
    assert "est acceptée" in dernier.texte and "Coût" not in dernier.texte


@pytest.mark.parametrize("suite", ["proposée", "à valider", "déclinée"])
def test_une_place_qui_se_libere(monde, garderie, suite):
    """Offered, it is no more « Si une place se libère »; declined, nothing will be on any invoice."""
    zoe = factories.inscription(monde.zoe, garderie, monde.claire)
    (prise,) = places.reserver([places.Souhait(zoe, JEUDI)], None, MAINTENANT, au_nom_de_la_mairie=True)
    faite = envoi(monde, ("garderie", JEUDI))
    assert "Si une place se libère" in carte(monde, faite)
    if suite == "à valider":
        type(garderie).objects.update(validation="mairie")
    places.annuler([prise.reservation.pk], None, MAINTENANT, "Fermeture")
    promue = faite.jours.get().reservation
    assert promue.promue_le
    if suite == "déclinée":
        faite.decliner(promue, "", titulaire(monde.jean).utilisateur, MAINTENANT)
    dit = carte(monde, faite)
    if suite == "proposée":
        assert (
            dit.startswith("Coût estimé à l’envoi") and montant("2,00") in dit and "Si une place" not in dit
        )
    else:
        assert dit == ""


def test_accepte_sans_que_tous_les_prix_soient_fixes(monde):
    """No tarif yet: « 0,00 € » alone would be a promise."""
    faite, _ = envoyer(monde, recap(monde, ("lea", JEUDI)))
    faite.accepter(monde.agent, MAINTENANT)
    dernier = Courriel.objects.order_by("pk").last()
    assert "Coût estimé à l’envoi" in dernier.texte
    assert "Certains prix n’étaient pas encore fixés." in dernier.texte


def test_sans_annonce_rien_n_est_dit(monde, garderie):
    """Nothing was shown: no cost is invented afterwards."""
    corps = recap(monde, ("garderie", JEUDI))
    del corps["cout"]
    faite, page = envoyer(monde, corps)
    assert (faite.estimation, "Coût estimé" in page) == ({}, False)
    assert "Coût" not in Courriel.objects.get().texte


@pytest.mark.parametrize("cout", ["x", "WyIxIiwiIix7fV0:1abc:zzz", "é" * 5000])
def test_un_sceau_absurde_ne_casse_rien(monde, garderie, cout):
    faite, _ = envoyer(monde, recap(monde, ("garderie", JEUDI)) | {"cout": cout})
    assert faite.estimation == {}


def test_le_sceau_vaut_pour_ces_jours_et_cette_famille(monde, garderie):
    autre = recap(monde, ("garderie", VENDREDI))["cout"]
    faite, _ = envoyer(monde, recap(monde, ("garderie", JEUDI)) | {"cout": autre})
    assert faite.estimation == {}


def test_la_place_prise_entre_temps_ote_l_annonce(monde, garderie, monkeypatch):
    """The last place goes to Zoé while Jean's sending waits for its lock: his day waits, its cost was another's."""
    zoe = factories.inscription(monde.zoe, garderie, monde.claire)
    corps = recap(monde, ("garderie", JEUDI))
    vraie = places.reserver

    def apres_zoe(souhaits, par, maintenant):
        vraie([places.Souhait(zoe, JEUDI)], titulaire(monde.claire).utilisateur, maintenant)
        return vraie(souhaits, par, maintenant)

    monkeypatch.setattr(places, "reserver", apres_zoe)
    faite, page = envoyer(monde, corps)
    assert faite.jours.get().reservation.etat == "en_attente"
    assert (faite.estimation, "Coût estimé" in page) == ({}, False)


@pytest.mark.parametrize("qui", ["jeanne", "claire"])
def test_le_cout_dun_foyer_n_est_pas_montre_a_l_autre(monde, garderie, qui):
    faite, _ = envoyer(monde, recap(monde, ("garderie", JEUDI)))
    assert faite.estimation
    assert monde.client(getattr(monde, qui)).get(reverse("demande", args=[faite.pk])).status_code == 404
