"""When it goes wrong: the bank is silent, the account moved, a notification is lost. Nothing paid is ever dropped."""

from datetime import date, timedelta

import pytest
import stripe
import time_machine
from django.utils import timezone

from facturation import emission
from facturation.encaissement import confier_au_tresor, encaisser
from facturation.models import EvenementPaiement, PaiementEnLigne, Reglement
from facturation.paiement import Stripe, fermer_les_perimes
from facturation.paiement import stripe as par_stripe
from facturation.releve import impayees, solde
from portail.socle.models import Courriel
from tests.facturation import fabrique
from tests.facturation.guichet import COURRIEL, annoncer, envoyer, livrer, ouvrir, retour


@pytest.fixture
def jean(monde):
    """Jean's browser; he owes AL-1 (120,60 €) and AL-2 (30 €)."""
    fabrique.facture(monde.jean, 12060, jour=date(2026, 10, 8))
    fabrique.facture(monde.jean, 3000, jour=date(2026, 11, 8))
    return monde.client(monde.jean)


def etats() -> list[str]:
    return list(PaiementEnLigne.objects.order_by("cree_le").values_list("etat", flat=True))


class TestBanqueEnPanne:
    @pytest.fixture(autouse=True)
    def presse(self, monkeypatch):
        monkeypatch.setattr(par_stripe, "TRANSPORT", stripe.RequestsClient(timeout=(1, 0.3)))

    @pytest.mark.parametrize("panne", ["500", "timeout"])
    def test_rien_de_perdu_meme_cle(self, guichet, jean, panne):
        guichet.banque.regler(panne=panne)
        reponse = envoyer(jean, "AL-1")
        assert reponse.status_code == 200
        page = reponse.content.decode()
        assert "La banque ne répond pas. Rien n’a été débité\N{NO-BREAK SPACE}: réessayez" in page
        assert f'value="{COURRIEL}"' in page
        tentative = PaiementEnLigne.objects.get()
        assert (tentative.etat, tentative.session) == ("cree", None)

        guichet.banque.regler(panne=None)
        assert ouvrir(jean, "AL-1") == tentative
        # « timeout »: the bank had opened the page, the key found it again.
        assert len(guichet.sessions()) == 1

    def test_reprise_tardive(self, guichet, jean):
        """A quarter of an hour later the expiry first asked for would be refused: another attempt, another key."""
        guichet.banque.regler(panne="500")
        envoyer(jean, "AL-1")
        guichet.banque.regler(panne=None)
        with time_machine.travel(timezone.now() + timedelta(minutes=16), tick=True):  # the bank's clock too
            ouvrir(jean, "AL-1")
        assert etats() == ["annule", "ouvert"]

    def test_adresse_de_la_banque_morte(self, settings, guichet, jean):
        settings.STRIPE_API_BASE = "http://127.0.0.1:9"
        assert "La banque ne répond pas" in envoyer(jean, "AL-1").content.decode()

    def test_au_retour(self, guichet, jean):
        paiement = ouvrir(jean, "AL-1")
        guichet.choisir(paiement.url, "payer")
        guichet.banque.regler(panne="500")
        assert "La banque n’a pas encore confirmé" in retour(jean, paiement)
        assert "La banque n’a pas encore confirmé" in retour(jean, paiement, "?abandon=1")
        # The bank will send its notification again.
        assert livrer(guichet.evenements()[0]) == 503
        assert EvenementPaiement.objects.get().traite_le is None
        guichet.banque.regler(panne=None)
        assert livrer(guichet.evenements()[0]) == 200
        assert "Paiement reçu" in retour(jean, paiement)
        assert Reglement.objects.count() == 1

    def test_reponse_insensee(self, guichet, jean, monkeypatch):
        paiement = ouvrir(jean, "AL-1")
        guichet.modifier(paiement.session, expires_at="demain", payment_status=None)
        assert "pas encore confirmé" in retour(jean, paiement)

    def test_un_autre_paiement_en_cours_et_banque_muette(self, guichet, jean):
        """The old page cannot be closed: no second one is opened."""
        ouvrir(jean, "AL-1")
        guichet.banque.regler(panne="500")
        reponse = envoyer(jean, "AL-1", courriel="autre@exemple.fr")
        assert "La banque ne répond pas" in reponse.content.decode()
        assert etats() == ["ouvert"]


class TestArgentQuiNeCorrespondPlus:
    """Between the opening and the payment the account moved: the money is kept, the régisseur is told."""

    def test_un_cheque_est_arrive(self, monde, guichet, jean):
        paiement = ouvrir(jean, "AL-1", "AL-2")
        encaisser(monde.jean, fabrique.regie(), "cheque", 12060, date(2026, 11, 9), monde.agent)
        guichet.choisir(paiement.url, "payer")
        page = retour(jean, paiement)
        paiement.refresh_from_db()
        assert (paiement.etat, paiement.reglement.centimes) == ("paye", 15060)
        assert paiement.incident.startswith("120,60\N{NO-BREAK SPACE}€ reçus ne correspondent plus")
        assert "120,60\N{NO-BREAK SPACE}€ en avoir" in paiement.incident
        assert solde(monde.jean) == -12060
        assert "La mairie est prévenue." in page
        assert "Avoir sur votre compte" in page
        assert "Avoir sur votre compte\N{NO-BREAK SPACE}: 120,60" in Courriel.objects.get().texte

    def test_un_avoir_est_fait(self, monde, guichet, jean):
        """The surplus goes to the other invoice of the régie, the rest is credit."""
        paiement = ouvrir(jean, "AL-1")
        emission.avoir(monde.jean.factures.get(reference="AL-1"), monde.agent, "Erreur")
        guichet.choisir(paiement.url, "payer")
        assert annoncer("completed", paiement.session) == "paye"
        paiement.refresh_from_db()
        assert (
            "30,00\N{NO-BREAK SPACE}€ sur d’autres factures, 90,60\N{NO-BREAK SPACE}€ en avoir"
            in paiement.incident
        )
        assert (solde(monde.jean), impayees(monde.jean)) == (-9060, [])

    def test_au_tresor_entre_temps(self, monde, guichet, jean):
        paiement = ouvrir(jean, "AL-1")
        confier_au_tresor(monde.jean.factures.get(reference="AL-1"), "12", date(2026, 11, 9), monde.agent)
        guichet.choisir(paiement.url, "payer")
        retour(jean, paiement)
        paiement.refresh_from_db()
        assert (paiement.etat, bool(paiement.incident)) == ("paye", True)

    def test_paye_apres_avoir_ete_abandonne(self, guichet, jean):
        """Whatever state the attempt was left in, money at the bank is money here."""
        paiement = ouvrir(jean, "AL-1")
        guichet.choisir(paiement.url, "payer")
        for etat in ("expire", "annule", "refuse"):
            PaiementEnLigne.objects.update(etat=etat)
        assert annoncer("completed", paiement.session) == "paye"
        assert Reglement.objects.get().centimes == 12060

    @pytest.mark.parametrize("champs", [{"amount_total": 1}, {"currency": "usd"}, {"amount_total": 99999}])
    def test_montant_ou_monnaie_inattendus(self, monde, guichet, jean, champs):
        """Not what was asked for: nothing moves, a human looks; and nobody pays twice meanwhile."""
        paiement = ouvrir(jean, "AL-1")
        guichet.choisir(paiement.url, "payer")
        guichet.modifier(paiement.session, **champs)
        assert annoncer("completed", paiement.session) == "ouvert"
        assert "La mairie vérifie ce paiement" in retour(jean, paiement)
        paiement.refresh_from_db()
        assert paiement.incident.startswith("La banque annonce ")
        assert (Reglement.objects.count(), solde(monde.jean)) == (0, 15060)
        assert "ne payez pas une seconde fois" in envoyer(jean, "AL-1").content.decode()
        PaiementEnLigne.objects.update(incident_regle_le=timezone.now())
        assert ouvrir(jean, "AL-1") != paiement

    def test_la_session_d_un_autre_paiement(self, monde, guichet, jean):
        """Metadata of another attempt: it is not ours to settle."""
        paiement = ouvrir(jean, "AL-1")
        guichet.choisir(paiement.url, "payer")
        guichet.modifier(paiement.session, metadata={"paiement": "un-autre"})
        assert annoncer("completed", paiement.session) == "ouvert"
        assert not Reglement.objects.exists()


class TestTravail:
    """The scheduled reading: a lost notification, a page nobody should pay any more."""

    def test_notification_perdue(self, monde, guichet, jean):
        guichet.choisir(ouvrir(jean, "AL-1").url, "payer")
        ouvrir(jean, "AL-2")
        plus_tard = timezone.now() + timedelta(minutes=46)
        guichet.avance = 46 * 60
        assert fermer_les_perimes(Stripe(), plus_tard) == "2 relus, 0 fermés, 0 oubliés, 0 sans réponse"
        assert (etats(), Reglement.objects.get().centimes) == (["paye", "expire"], 12060)
        assert fermer_les_perimes(Stripe(), plus_tard).startswith("0 relus")

    def test_ferme_ce_qui_n_est_plus_du(self, monde, guichet, jean):
        ouvrir(jean, "AL-1")
        encaisser(monde.jean, fabrique.regie(), "cheque", 12060, date(2026, 11, 9), monde.agent)
        assert fermer_les_perimes(Stripe(), timezone.now()).startswith("0 relus, 1 fermés")
        assert [s["status"] for s in guichet.sessions()] == ["expired"]

    def test_banque_muette(self, guichet, jean):
        ouvrir(jean, "AL-1")
        guichet.banque.regler(panne="500")
        plus_tard = timezone.now() + timedelta(hours=1)
        assert fermer_les_perimes(Stripe(), plus_tard).endswith("1 sans réponse")
        assert etats() == ["ouvert"]

    def test_banque_changee(self, guichet, jean):
        """Another bank, or an emptied one, does not know the page: the family may pay again."""
        ouvrir(jean, "AL-1")
        PaiementEnLigne.objects.update(session="cs_test_inconnue")
        ouvrir(jean, "AL-1", courriel="autre@exemple.fr")
        assert etats() == ["expire", "ouvert"]

    def test_tentatives_oubliees(self, guichet, jean):
        guichet.banque.regler(panne="500")
        envoyer(jean, "AL-1")
        fermer_les_perimes(Stripe(), timezone.now() + timedelta(hours=1))
        assert etats() == ["annule"]
