"""Paying by card, from the relevé to the relevé: the real stripe-python talks to the demonstration bank."""

from datetime import date
from urllib.parse import urlsplit

import pytest
from django.core import mail
from django.utils import timezone

from facturation import emission
from facturation.encaissement import confier_au_tresor, encaisser
from facturation.models import PaiementEnLigne, Reglement
from facturation.paiement import Stripe, verbes
from facturation.releve import impayees, solde
from portail.socle.courriels import envoyer_dus
from portail.socle.models import Courriel
from tests.facturation import fabrique
from tests.facturation.guichet import COURRIEL, envoyer, livrer, ouvrir, retour


@pytest.fixture
def jean(monde):
    """Jean's browser; he owes AL-1 (120,60 €) and AL-2 (30 €)."""
    fabrique.facture(monde.jean, 12060, jour=date(2026, 10, 8))
    fabrique.facture(monde.jean, 3000, jour=date(2026, 11, 8))
    return monde.client(monde.jean)


def etats() -> list[str]:
    return list(PaiementEnLigne.objects.order_by("cree_le").values_list("etat", flat=True))


class TestPayer:
    def test_jusqu_au_releve(self, monde, guichet, jean):
        paiement = ouvrir(jean, "AL-1", "AL-2")
        (session,) = guichet.sessions()
        assert (session["amount_total"], session["customer_email"]) == (15060, COURRIEL)
        assert (session["payment_method_types"], session["locale"]) == (["card"], "fr")
        assert [ligne["description"] for ligne in session["_lignes"]] == ["Facture AL-1", "Facture AL-2"]
        assert solde(monde.jean) == 15060

        suite = guichet.choisir(paiement.url, "payer")
        page = jean.get(urlsplit(suite).path).content.decode()
        assert "Paiement reçu, merci" in page
        assert "150,60\N{NO-BREAK SPACE}€ payés" in page
        assert [livrer(e) for e in guichet.evenements()] == [200]

        reglement = Reglement.objects.get()
        assert (reglement.mode, reglement.centimes, reglement.reference) == ("carte", 15060, "AL-1")
        assert reglement.date == timezone.localdate()
        paiement.refresh_from_db()
        assert (paiement.etat, paiement.reglement, paiement.incident) == ("paye", reglement, "")
        assert paiement.intention.startswith("pi_")
        assert (solde(monde.jean), impayees(monde.jean)) == (0, [])
        releve = jean.get("/releve/").content.decode()
        assert "Règlement\N{NO-BREAK SPACE}: Carte bancaire (Paiement en ligne)" in releve

    def test_un_seul_recu(self, guichet, jean):
        paiement = ouvrir(jean, "AL-1", courriel="autre@exemple.fr")
        guichet.choisir(paiement.url, "payer")
        for _ in range(3):
            retour(jean, paiement)
            livrer(guichet.evenements()[0])
        assert Courriel.objects.get().destinataire == "autre@exemple.fr"
        envoyer_dus()
        (recu,) = mail.outbox
        assert recu.subject == "Reçu de votre paiement de 120,60\N{NO-BREAK SPACE}€"
        assert "Facture AL-1\N{NO-BREAK SPACE}: 120,60\N{NO-BREAK SPACE}€" in recu.body
        assert "Avoir" not in recu.body

    def test_une_facture_deja_payee_en_partie(self, monde, guichet, jean):
        encaisser(monde.jean, fabrique.regie(), "cheque", 2060, date(2026, 11, 9), monde.agent)
        assert "Reste à payer sur 120,60" in jean.get("/paiement/?facture=AL-1").content.decode()
        assert ouvrir(jean, "AL-1").centimes == 10000

    def test_carte_refusee_puis_acceptee(self, monde, guichet, jean):
        paiement = ouvrir(jean, "AL-1")
        assert guichet.choisir(paiement.url, "refuser") == urlsplit(paiement.url).path
        assert [livrer(e) for e in guichet.evenements()] == [200]
        assert "Paiement en attente" in retour(jean, paiement)
        assert not Reglement.objects.exists()
        guichet.choisir(paiement.url, "payer")
        assert "Paiement reçu" in retour(jean, paiement)
        assert Reglement.objects.get().centimes == 12060

    def test_abandon(self, monde, guichet, jean):
        paiement = ouvrir(jean, "AL-1")
        reponse = jean.get(f"/paiement/{paiement.pk}/retour/?abandon=1", follow=True)
        assert reponse.redirect_chain == [("/releve/", 302)]
        assert "Paiement abandonné. Rien n’a été débité." in reponse.content.decode()
        # The page stays open at the bank: asked again, it is the same one.
        assert ouvrir(jean, "AL-1") == paiement
        guichet.choisir(paiement.url, "payer")
        assert "Paiement reçu" in retour(jean, paiement, "?abandon=1")

    def test_expire_puis_recommence(self, monde, guichet, jean):
        paiement = ouvrir(jean, "AL-1")
        guichet.avance = 46 * 60
        page = retour(jean, paiement)
        assert "Le paiement n’a pas eu lieu" in page
        assert 'href="/paiement/?facture=AL-1"' in page
        assert [livrer(e) for e in guichet.evenements("checkout.session.expired")] == [200]
        guichet.avance = 0
        second = ouvrir(jean, "AL-1")
        assert (etats(), second.session != paiement.session) == (["expire", "ouvert"], True)
        guichet.choisir(second.url, "payer")
        assert "Paiement reçu" in retour(jean, second)
        assert not Reglement.objects.exclude(paiement_en_ligne=second).exists()

    def test_deux_regies(self, monde, guichet, jean):
        fabrique.facture(monde.jean, 700, de=fabrique.regie("Régie cantine", "CA"))
        page = jean.get("/paiement/?facture=AL-1&facture=CA-1").content.decode()
        assert "Payez chaque régie à part." in page
        assert 'href="/paiement/?facture=CA-1"' in page
        reponse = envoyer(jean, "AL-1", "CA-1")
        assert reponse.status_code == 200
        assert not PaiementEnLigne.objects.exists()
        for references in (["AL-1"], ["CA-1"]):
            guichet.choisir(ouvrir(jean, *references).url, "payer")
        for paiement in PaiementEnLigne.objects.all():
            retour(jean, paiement)
        assert sorted(Reglement.objects.values_list("reference", "centimes")) == [
            ("AL-1", 12060),
            ("CA-1", 700),
        ]


class TestRienAPayer:
    def refus(self, jean, phrase: str, *references: str) -> None:
        references = references or ("AL-1",)
        page = jean.get("/paiement/", {"facture": references}).content.decode()
        assert phrase in page
        assert '<button class="btn btn-primary">' not in page.partition("<main")[2]
        reponse = envoyer(jean, *references)
        assert reponse.status_code == 200
        assert phrase in reponse.content.decode()
        assert not PaiementEnLigne.objects.exclude(etat="paye").exists()

    def test_deja_payee(self, monde, guichet, jean):
        paiement = ouvrir(jean, "AL-1")
        guichet.choisir(paiement.url, "payer")
        retour(jean, paiement)
        self.refus(jean, "La facture AL-1 est déjà réglée.")
        self.refus(jean, "La facture AL-1 est déjà réglée.", "AL-1", "AL-2")

    def test_payee_mais_pas_encore_dite(self, guichet, jean):
        """Paid, the tab closed, the notification late: the button finds it out instead of opening again."""
        guichet.choisir(ouvrir(jean, "AL-1").url, "payer")
        reponse = envoyer(jean, "AL-1")
        assert "est déjà réglée" in reponse.content.decode()
        assert (Reglement.objects.count(), len(guichet.sessions())) == (1, 1)

    def test_annulee(self, monde, guichet, jean):
        emission.avoir(monde.jean.factures.get(reference="AL-1"), monde.agent, "Erreur")
        self.refus(jean, "La facture AL-1 est annulée")

    def test_a_la_tresorerie(self, monde, guichet, jean):
        confier_au_tresor(monde.jean.factures.get(reference="AL-1"), "12", date(2026, 11, 9), monde.agent)
        self.refus(jean, "La facture AL-1 est suivie par la trésorerie")

    def test_regie_sans_carte(self, monde, guichet, jean):
        fabrique.regie().__class__.objects.update(paiement_en_ligne=False)
        self.refus(jean, "ne prend pas encore le paiement en ligne")

    def test_moins_que_le_minimum(self, monde, guichet, jean):
        fabrique.facture(monde.jean, 49)
        self.refus(jean, "moins de 0,50\N{NO-BREAK SPACE}€", "AL-3")

    def test_portail_sans_banque(self, settings, guichet, jean):
        settings.STRIPE_SECRET_KEY = ""
        self.refus(jean, "Le paiement en ligne n’est pas encore ouvert.")


class TestQui:
    @pytest.mark.parametrize("qui", ["jeanne", "claire"])
    def test_la_facture_d_un_autre(self, monde, guichet, jean, qui):
        """The other parent of Léa and a stranger: neither the invoice nor the payment exists for them."""
        paiement = ouvrir(jean, "AL-1")
        autre = monde.client(getattr(monde, qui))
        fabrique.facture(getattr(monde, qui), 500)
        assert autre.get("/paiement/?facture=AL-1").status_code == 404
        assert envoyer(autre, "AL-1").status_code == 404
        assert envoyer(autre, "AL-1", "AL-3").status_code == 404
        assert autre.get(f"/paiement/{paiement.pk}/retour/").status_code == 404
        assert autre.get("/paiement/?facture=AL-3").status_code == 200
        assert PaiementEnLigne.objects.get() == paiement

    def test_sans_compte_ni_famille(self, monde, guichet, jean, client):
        assert client.get("/paiement/?facture=AL-1").status_code == 302
        assert monde.client(monde.agent).get("/paiement/?facture=AL-1").status_code in (302, 403)

    @pytest.mark.parametrize(
        "requete", ["facture=", "facture=AL-9", "facture=AL-1&facture=ZZ", "facture=AL-A1"]
    )
    def test_inconnue(self, monde, guichet, jean, requete):
        emission.avoir(monde.jean.factures.get(reference="AL-2"), monde.agent, "Erreur")
        assert jean.get(f"/paiement/?{requete}").status_code == 404
        assert jean.get("/paiement/").status_code == 302
        assert jean.get("/paiement/?" + "&".join(["facture=AL-1"] * 101)).status_code == 404

    def test_lire_ne_cree_rien(self, guichet, jean):
        assert "120,60" in jean.get("/paiement/?facture=AL-1&facture=AL-1").content.decode()
        assert not PaiementEnLigne.objects.exists()
        assert guichet.sessions() == []

    @pytest.mark.parametrize("combien", [1, 3])
    def test_requetes(self, monde, guichet, combien, django_assert_num_queries):
        for _ in range(combien):
            fabrique.facture(monde.jean, 1000)
        jean = monde.client(monde.jean)
        adresse = "/paiement/?" + "&".join(f"facture=AL-{n + 1}" for n in range(combien))
        jean.get(adresse)
        with django_assert_num_queries(5):
            jean.get(adresse)

    @pytest.mark.parametrize("courriel", ["", "jean", "a" * 250 + "@exemple.fr", "jean@exemple.fr\0"])
    def test_adresse_mal_ecrite(self, guichet, jean, courriel):
        reponse = envoyer(jean, "AL-1", courriel=courriel)
        assert reponse.status_code in (200, 400)
        assert not PaiementEnLigne.objects.exists()

    def test_adresse_que_la_banque_refuse(self, guichet, jean):
        """Django takes « jean@localhost », the bank does not: the field says it, the next try is a new attempt."""
        reponse = envoyer(jean, "AL-1", courriel="jean@localhost")
        assert "La banque refuse cette adresse." in reponse.content.decode()
        assert 'value="jean@localhost"' in reponse.content.decode()
        ouvrir(jean, "AL-1")
        assert etats() == ["annule", "ouvert"]


class TestUneSeulePageOuverte:
    def test_la_meme_rouverte(self, guichet, jean):
        un, deux = ouvrir(jean, "AL-1", "AL-2"), ouvrir(jean, "AL-2", "AL-1")
        assert un == deux
        assert len(guichet.sessions()) == 1

    @pytest.mark.parametrize(
        ("references", "courriel"),
        [(["AL-1"], "autre@exemple.fr"), (["AL-1", "AL-2"], COURRIEL)],
        ids=["autre adresse", "autres factures"],
    )
    def test_une_autre_ferme_l_ancienne(self, guichet, jean, references, courriel):
        ancien = ouvrir(jean, "AL-1")
        nouveau = ouvrir(jean, *references, courriel=courriel)
        assert nouveau != ancien
        assert [s["status"] for s in guichet.sessions()] == ["open", "expired"]
        assert etats() == ["expire", "ouvert"]
        guichet.choisir(ancien.url, "payer")  # too late: nothing happens there
        assert "n’a pas eu lieu" in retour(jean, ancien)
        assert not Reglement.objects.exists()

    def test_l_ancienne_venait_d_etre_payee(self, guichet, jean):
        """Paid in another tab while this one asks with another address: found out, never twice."""
        guichet.choisir(ouvrir(jean, "AL-1").url, "payer")
        reponse = envoyer(jean, "AL-1", courriel="autre@exemple.fr")
        assert "est déjà réglée" in reponse.content.decode()
        assert (Reglement.objects.count(), len(guichet.sessions())) == (1, 1)

    def test_ouverte_entre_la_lecture_et_l_ecriture(self, guichet, jean, monkeypatch):
        """The competitor at the exact point: the attempt read as « créé » is opened before it is given up."""
        guichet.banque.regler(panne="500")
        envoyer(jean, "AL-1")
        guichet.banque.regler(panne=None)

        def autre_clic(ancien, references, courriel):
            PaiementEnLigne.objects.filter(pk=ancien.pk).update(etat="ouvert", session="cs_test_x")
            return False

        monkeypatch.setattr(verbes, "_correspond", autre_clic)
        reponse = envoyer(jean, "AL-1", courriel="autre@exemple.fr")
        assert "est déjà en cours. Réessayez dans un instant." in reponse.content.decode()
        assert PaiementEnLigne.objects.count() == 1

    def test_abandonnee_pendant_l_ouverture(self, guichet, jean, monkeypatch):
        """Given up while the bank was answering: its page is given to nobody."""
        vraie = Stripe.demarrer

        def demarrer(self, paiement, retour):
            PaiementEnLigne.objects.filter(pk=paiement.pk).update(etat="annule")
            return vraie(self, paiement, retour)

        monkeypatch.setattr(Stripe, "demarrer", demarrer)
        assert "vient de changer" in envoyer(jean, "AL-1").content.decode()
        assert (etats(), PaiementEnLigne.objects.get().url) == (["annule"], "")

    def test_des_factures_sans_rapport_restent_ouvertes(self, guichet, jean):
        ouvrir(jean, "AL-1")
        ouvrir(jean, "AL-2")
        assert [s["status"] for s in guichet.sessions()] == ["open", "open"]

    def test_le_reste_a_change(self, monde, guichet, jean):
        ancien = ouvrir(jean, "AL-1")
        encaisser(monde.jean, fabrique.regie(), "especes", 60, date(2026, 11, 9), monde.agent)
        assert ouvrir(jean, "AL-1").centimes == 12000
        ancien.refresh_from_db()
        assert ancien.etat == "expire"
