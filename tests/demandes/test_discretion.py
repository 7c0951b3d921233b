"""Health and bank stay with those who need them: the thread, its documents, the mails, the lists, the traces."""

import uuid
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.urls import reverse

from demandes.models import Demande
from demandes.travail import effacer_les_valeurs
from enfants.models import AffectationAgent
from messagerie.models import Conversation, PieceJointe
from portail.socle.models import Courriel, Fichier, Trace
from tests import factories
from tests.demandes.fabrique import demande, reservations
from tests.demandes.test_attestation import absence
from tests.demandes.test_pieces import ouvrir
from tests.messagerie.fabrique import televerse

MAINTENANT = datetime(2026, 11, 23, 9, 0, tzinfo=ZoneInfo("Europe/Paris"))
JOUR = timedelta(days=1)
QUESTION = "L’arachide aussi ?"
MESSAGES = ("messagerie.view_conversation", "messagerie.change_conversation")
ADRESSE = {"civilite": "M", "adresse": "4 avenue du Verger", "code_postal": "84510", "ville": "Belrive"}


@pytest.fixture(autouse=True)
def maintenant():
    with time_machine.travel(MAINTENANT, tick=False) as horloge:
        yield horloge


@pytest.fixture
def sante(monde) -> Demande:
    """Jean's demande on Léa's health sheet, about which the town has asked something."""
    faite = demande("donnees-sanitaires", monde.jean, {"allergies": "Arachide"}, monde.lea, MAINTENANT)
    Courriel.objects.all().delete()
    faite.demander_complement(monde.agent, QUESTION, MAINTENANT)
    return faite


def fiche(faite: Demande) -> str:
    return reverse("admin:demandes_demande_change", args=[faite.pk])


# --- the thread ---------------------------------------------------------------------------------------------------


def test_lechange_sur_la_sante_ne_se_lit_que_par_qui_le_peut(monde, sante):
    liste = "/admin/messagerie/conversation/"
    adresse = f"{liste}{sante.conversation_id}/change/"
    codes = {}
    for nom, droits in (("simple", ()), ("infirmiere", ("demandes.voir_sante",))):
        client = monde.client(factories.agent(nom, *MESSAGES, *droits))
        codes[nom] = client.get(adresse).status_code, sante.numero in client.get(liste).text
    assert codes == {"simple": (404, False), "infirmiere": (200, True)}
    assert monde.client(monde.agent).get(adresse).status_code == 200
    assert (
        monde.client(monde.jean).get(reverse("conversation", args=[sante.conversation_id])).status_code == 200
    )


def test_un_echange_sur_une_adresse_se_lit_comme_les_autres(monde):
    faite = demande("infos-responsable", monde.jean, ADRESSE, le=MAINTENANT)
    faite.demander_complement(monde.agent, "Quelle entrée ?", MAINTENANT)
    client = monde.client(factories.agent("simple", *MESSAGES))
    assert client.get(f"/admin/messagerie/conversation/{faite.conversation_id}/change/").status_code == 200


def test_ce_que_lagent_ecrit_sur_la_sante_nest_pas_dans_les_courriels(monde, sante):
    sante.refuser(monde.agent, "Pas de PAI pour l’arachide.", MAINTENANT)
    courriels = list(Courriel.objects.order_by("pk"))
    assert [c.objet for c in courriels] == [
        f"Une précision pour votre demande {sante.numero}",
        f"Votre demande {sante.numero} est refusée",
    ]
    assert [c.pk for c in courriels if "arachide" in c.texte.lower()] == []
    assert all("Pour protéger votre vie privée" in c.texte for c in courriels)
    page = monde.client(monde.jean).get(reverse("demande", args=[sante.pk])).text
    assert QUESTION in page
    assert "Pas de PAI pour l’arachide." in page


def test_le_motif_ne_se_lit_que_par_qui_le_peut(monde, sante):
    autre = demande("infos-responsable", monde.jean, ADRESSE, le=MAINTENANT)
    sante.refuser(monde.agent, "Pas de PAI.", MAINTENANT)
    for nom, droits in (("simple", ()), ("infirmiere", ("demandes.voir_sante",))):
        client = monde.client(factories.agent(nom, "demandes.traiter_demande", *droits))
        vus = ["Pas de PAI." in client.get(fiche(d)).text for d in (sante, autre)]
        assert vus == [bool(droits)] * 2


# --- its documents --------------------------------------------------------------------------------------------------


def test_un_document_joint_depuis_la_boite_rejoint_la_demande(monde, sante):
    adresse = reverse("conversation", args=[sante.conversation_id])
    corps = {"texte": "Le voici.", "jeton": str(uuid.uuid4())}
    client = monde.client(monde.jean)
    for _ in range(2):  # a double click
        client.post(adresse, corps | {"pieces": televerse("PAI.pdf")})
    sante.refresh_from_db()
    assert [p.fichier.nom for p in sante.pieces.all()] == ["PAI.pdf"]
    assert (PieceJointe.objects.count(), sante.conversation.messages.count(), sante.etat) == (0, 2, "envoyee")
    sante.accepter(monde.agent, MAINTENANT)
    effacer_les_valeurs(MAINTENANT + 31 * JOUR)
    assert Fichier.objects.count() == 0


def test_trop_de_documents_depuis_la_boite_se_dit_et_garde_le_texte(monde, sante):
    adresse = reverse("conversation", args=[sante.conversation_id])
    client = monde.client(monde.jean)
    for n in range(6):
        fichier = televerse(f"page-{n}.pdf", b"%PDF-1.4\n" + str(n).encode() + b"\nstartxref\n9\n%%EOF\n")
        recue = client.post(adresse, {"texte": f"Page {n}", "pieces": fichier, "jeton": str(uuid.uuid4())})
    assert recue.status_code == 200
    assert recue.context["form"].errors == {"pieces": ["5 documents au plus par demande."]}
    assert recue.context["form"]["texte"].value() == "Page 5"
    assert sante.pieces.count() == 5


def test_ce_qui_est_joint_apres_la_decision_part_avec_les_valeurs(monde, sante):
    sante.accepter(monde.agent, MAINTENANT)
    adresse = reverse("conversation", args=[sante.conversation_id])
    monde.client(monde.jean).post(adresse, {"texte": "La suite.", "pieces": televerse("PAI.pdf")})
    assert PieceJointe.objects.count() == 1
    effacer_les_valeurs(MAINTENANT + 31 * JOUR)
    assert (PieceJointe.objects.count(), Fichier.objects.count()) == (0, 0)


def test_lagent_ouvre_ce_que_la_page_de_la_demande_montre(monde, sante):
    """Joined to a message once it was decided: whoever reads the demande opens it, without the right to read messages."""
    sante.accepter(monde.agent, MAINTENANT)
    adresse = reverse("conversation", args=[sante.conversation_id])
    monde.client(monde.jean).post(adresse, {"texte": "La suite.", "pieces": televerse("PAI.pdf")})
    jointe = PieceJointe.objects.get().fichier_id
    codes = []
    for nom, droits in (("simple", ()), ("infirmiere", ("demandes.voir_sante",))):
        client = monde.client(factories.agent(nom, "demandes.traiter_demande", *droits))
        codes.append(ouvrir(client, jointe))
    assert codes == [404, 200]


def test_qui_ne_traite_pas_les_demandes_nouvre_pas_leurs_documents(monde):
    faite = demande("infos-responsable", monde.jean, ADRESSE, le=MAINTENANT)
    monde.client(monde.jean).post(
        reverse("demande", args=[faite.pk]), {"joindre": "1", "pieces": televerse("justificatif.pdf")}
    )
    droits = ("demandes.view_demande", "demandes.traiter_demande")
    clients = [monde.client(factories.agent(f"a{n}", droit)) for n, droit in enumerate(droits)]
    codes = [ouvrir(client, faite.pieces.get().fichier_id) for client in clients]
    assert codes == [404, 200]


# --- who decides what -----------------------------------------------------------------------------------------------


def test_une_absence_medicale_ne_saccepte_pas_en_masse(monde):
    """Its attestation is to be looked at first."""
    faite = absence(monde)
    monde.client(monde.agent).post(
        "/admin/demandes/demande/", {"action": "accepter_plusieurs", "_selected_action": [str(faite.pk)]}
    )
    faite.refresh_from_db()
    assert faite.etat == "envoyee"


def test_un_agent_ne_recoit_ni_les_jours_ni_les_inscriptions_dailleurs(monde):
    """The child is enrolled in both places: each agent has what concerns theirs."""
    alsh = factories.structure("Accueil de Loisirs ALSH", genre="loisirs")
    club = factories.prestation("Mercredi", structure=alsh)
    atelier = factories.prestation("Atelier", structure=alsh)
    ici = factories.inscription(monde.lea, club, monde.jean)
    la_bas = reservations(monde.inscriptions["lea"], MAINTENANT.date() + 9 * JOUR, le=MAINTENANT)
    du_club = reservations(ici, MAINTENANT.date() + 10 * JOUR, le=MAINTENANT)
    corps = {"mode": "occasionnel", "du": "2026-12-01"}
    garderie = factories.prestation("Garderie matin")
    ailleurs, chez_lui = (
        demande("inscription", monde.jean, corps | {"prestation": str(p.pk)}, monde.lea, MAINTENANT)
        for p in (garderie, atelier)
    )
    animateur = factories.agent("animateur", "demandes.traiter_demande")
    AffectationAgent.objects.create(utilisateur=animateur, structure=alsh)
    assert set(Demande.objects.pour_agent(animateur)) == {du_club, chez_lui}
    assert set(Demande.objects.pour_agent(monde.agent)) == {la_bas, du_club, ailleurs, chez_lui}


# --- every view of health data is written down ----------------------------------------------------------------------


def test_chaque_lecture_de_la_famille_laisse_une_trace(monde, sante):
    client = monde.client(monde.jean)
    adresses = (
        f"/enfants/{monde.lea.pk}/demande/donnees-sanitaires/",
        reverse("demande", args=[sante.pk]),
        "/demandes/enfants/?type=donnees-sanitaires",
        "/demandes/enfants/",  # names of fields only
    )
    lues = []
    for adresse in adresses:
        avant = Trace.objects.filter(action="voir_sante").count()
        assert client.get(adresse).status_code == 200
        lues.append(Trace.objects.filter(action="voir_sante", famille=monde.jean.numero).count() - avant)
    assert lues == [1, 1, 1, 0]


# --- nothing typed is lost --------------------------------------------------------------------------------------------


def test_repondre_pendant_que_la_mairie_decide_garde_le_message(monde, sante):
    sante.accepter(monde.agent, MAINTENANT)
    page = reverse("demande", args=[sante.pk])
    corps = {"texte": "Et les noix.", "jeton": str(uuid.uuid4()), "pieces": televerse("PAI.pdf")}
    recue = monde.client(monde.jean).post(page, corps, follow=True)
    assert "votre message est envoyé, pas vos documents" in recue.text
    assert list(sante.conversation.messages.values_list("texte", flat=True)) == [QUESTION, "Et les noix."]
    assert (sante.pieces.count(), Conversation.objects.get().attend_reponse) == (0, True)


def test_un_formulaire_retrouve_en_arriere_puis_change_est_une_autre_demande(monde):
    client, url = monde.client(monde.jean), "/compte/demande/infos-responsable/"
    jeton = str(uuid.uuid4())
    client.post(url, ADRESSE | {"nom": "DUPONT", "prenom": "Jean", "jeton": jeton, "confirmer": "1"})
    premiere = Demande.objects.get()
    autre = ADRESSE | {"nom": "DUPONT", "prenom": "Jean", "adresse": "9 rue des Galets", "saisie": "1"}
    verifier = client.post(url, autre | {"jeton": jeton})
    assert str(verifier.context["jeton"]) != jeton
    client.post(url, autre | {"jeton": str(verifier.context["jeton"]), "confirmer": "1"})
    seconde = Demande.objects.exclude(pk=premiere.pk).get()
    premiere.refresh_from_db()
    assert (premiere.etat, seconde.donnees["adresse"]) == ("retiree", "9 rue des Galets")


@pytest.mark.parametrize("lecture", ["iban__startswith=FR76", "iban__startswith=FR99", "titulaire=DUPONT"])
def test_ladresse_de_la_liste_ne_devine_aucune_valeur(monde, lecture):
    """Neither a list nor its absence: `?donnees__…=` is not a filter, whatever it would find."""
    iban = {"titulaire": "DUPONT", "iban": "FR7630006000011234567890189", "bic": "AGRIFRPP"}
    demande("bancaires", monde.jean, iban, le=MAINTENANT)
    client = monde.client(factories.agent("enfance", "demandes.traiter_demande"))
    liste = reverse("admin:demandes_demande_changelist")
    assert client.get(f"{liste}?donnees__{lecture}").status_code in (302, 400)
    assert client.get(f"{liste}?type__exact=bancaires&age=1&situation=toutes").status_code == 200
