"""The e-mails about days: a receipt line by line, what an absence costs, what is still to do."""

import re
import uuid
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.urls import reverse

from demandes.envoi import envoyer_absences, envoyer_reservations
from demandes.lettre import recu
from demandes.models import Demande
from enfants.models import Reservation
from enfants.places import Souhait
from portail.socle.models import Courriel
from tests import factories
from tests.demandes.fabrique import demande, reservations, titulaire
from tests.demandes.test_attestation import absence, confirmer, reserver
from tests.demandes.test_planning import case
from tests.facturation.fabrique import lien, tarif
from tests.messagerie.fabrique import televerse

MAINTENANT = datetime(2026, 11, 23, 9, 0, tzinfo=ZoneInfo("Europe/Paris"))
MARDI, JEUDI, VENDREDI = date(2026, 11, 24), date(2026, 11, 26), date(2026, 11, 27)
LUNDI = date(2026, 11, 30)
N = "\N{NO-BREAK SPACE}"
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def maintenant():
    with time_machine.travel(MAINTENANT, tick=False) as horloge:
        yield horloge


def dernier() -> Courriel:
    return Courriel.objects.order_by("pk").last()


@pytest.fixture
def mixte(monde) -> Demande:
    """Two days booked at once, one on the waiting list behind two others, one the town validates."""
    club = factories.prestation("Club", places=1, validation="automatique")
    zoe, tom = (
        factories.inscription(e, club, f) for e, f in ((monde.zoe, monde.claire), (monde.tom, monde.jean))
    )
    reservations(zoe, VENDREDI, le=MAINTENANT)
    reservations(tom, VENDREDI, le=MAINTENANT)
    lea = factories.inscription(monde.lea, club, monde.jean)
    souhaits = [Souhait(lea, j) for j in (JEUDI, VENDREDI, LUNDI)]
    souhaits.append(Souhait(monde.inscriptions["lea"], JEUDI))
    faite, _ = envoyer_reservations(
        monde.jean, souhaits, titulaire(monde.jean).utilisateur, MAINTENANT, uuid.uuid4()
    )
    return faite


def test_le_recu_dit_ce_que_chaque_jour_est_devenu(monde, mixte):
    assert (
        f"Léa, Club\n"
        f"- Réservé{N}: jeudi{N}26 et lundi{N}30{N}novembre\n"
        f"- Complet, 2e sur la liste d’attente{N}: vendredi{N}27{N}novembre\n"
        "\n"
        f"Léa, Restauration scolaire\n"
        f"- À valider par la mairie{N}: jeudi{N}26{N}novembre\n"
    ) in dernier().texte
    assert (
        "La mairie vous répondra sur le portail et par courriel. Si une place se libère, nous vous prévenons."
        in dernier().texte
    )


def test_ce_qui_na_pas_pu_partir_est_dit_aussi(monde):
    """Taken by somebody else between the recap and the sending: the screen says it once, the e-mail keeps it."""
    lea = monde.inscriptions["lea"]
    reservations(lea, JEUDI, le=MAINTENANT)
    reservations(lea, JEUDI, VENDREDI, le=MAINTENANT)
    assert (
        f"- À valider par la mairie{N}: vendredi{N}27{N}novembre\n"
        f"- Non envoyé{N}: jeudi{N}26{N}novembre. Ce jour est déjà demandé ou réservé.\n"
    ) in dernier().texte


def test_la_reponse_garde_le_rang_et_dit_le_refus(monde, mixte):
    demandee = Reservation.objects.get(demandes__demande=mixte, etat="demandee")
    mixte.refuser(monde.agent, "Sortie scolaire.", MAINTENANT, jours={demandee.pk})
    assert dernier().objet == f"Une réponse pour votre demande {mixte.numero}"
    assert f"- Refusé{N}: jeudi{N}26{N}novembre. Sortie scolaire.\n" in dernier().texte
    assert f"- Complet, 2e sur la liste d’attente{N}: vendredi{N}27{N}novembre\n" in dernier().texte


def test_beaucoup_de_jours_se_resument_puis_se_lisent_par_mois(monde):
    tous = (LUNDI + timedelta(n) for n in range(30))
    jours = [j for j in tous if j.weekday() in (0, 1, 3, 4)][:9]
    reservations(monde.inscriptions["lea"], *jours, le=MAINTENANT)
    assert (
        f"- À valider par la mairie{N}: 9{N}jours, du lundi{N}30{N}novembre au lundi{N}14{N}décembre\n"
        f"  Novembre{N}2026{N}: lundi{N}30\n"
    ) in dernier().texte


def test_le_recu_ne_relit_rien(monde, django_assert_num_queries):
    """Under the locks of places: what was just written is not read again."""
    faite = reservations(monde.inscriptions["lea"], JEUDI, VENDREDI, le=MAINTENANT)
    with django_assert_num_queries(0):
        assert "Léa" in recu(faite, {})


# --- an absence told too late ---------------------------------------------------------------------------------


def test_une_absence_tardive_dit_quelle_reste_facturee(monde):
    faite = absence(monde, raison="autre")
    lettre = dernier()
    assert lettre.objet == f"Absence hors délai, journée facturée, demande {faite.numero}"
    assert (
        "le délai pour prévenir était passé" in lettre.texte and "la journée reste facturée" in lettre.texte
    )
    assert (
        f"- Absence facturée{N}: mardi{N}24{N}novembre. Trop tard{N}: il fallait prévenir avant"
        in lettre.texte
    )
    assert f"jusqu’au jeudi 26{N}novembre" in lettre.texte
    assert f"/messagerie/nouveau/?objet=Absence%2C%20demande%20{faite.numero}" in lettre.texte
    assert "prise en compte" not in lettre.texte


def test_la_page_dit_la_meme_chose_et_ouvre_le_bon_message(monde):
    faite = absence(monde, raison="autre")
    client = monde.client(monde.jean)
    page = client.get(reverse("demande", args=[faite.pk])).text
    assert "Votre planning est à jour" not in page
    assert "Prise en compte, facturée" in page
    assert "Le délai pour prévenir était passé : la journée reste facturée." in page
    assert f"Absent facturé. Trop tard{N}: il fallait prévenir avant" in page
    adresse = f"/messagerie/nouveau/?objet=Absence%2C%20demande%20{faite.numero}"
    assert f'href="{adresse}"' in page
    assert f'value="Absence, demande {faite.numero}"' in client.get(adresse).text
    assert client.get("/messagerie/nouveau/?objet=" + "é" * 500).status_code == 200


def test_en_partie_tardive(monde):
    lignes = [
        reserver(monde.inscriptions["lea"], j, MAINTENANT - timedelta(days=9))
        for j in (MARDI, date(2026, 12, 4))
    ]
    par = titulaire(monde.jean).utilisateur
    faite, _ = envoyer_absences(
        monde.jean, lignes, {"raison": "autre", "precision": ""}, par, MAINTENANT, uuid.uuid4()
    )
    assert dernier().objet == f"Absence prise en compte, facturée en partie, demande {faite.numero}"
    assert f"- Absence sans frais{N}: vendredi{N}4{N}décembre\n" in dernier().texte
    page = monde.client(monde.jean).get(reverse("demande", args=[faite.pk])).text
    assert "pour une partie des jours" in page and page.count(f"Trop tard{N}:") == 1


@pytest.mark.parametrize(("pourcent", "montant"), [(100, f"3,45{N}€"), (50, f"1,73{N}€"), (0, "")])
def test_le_recap_dit_le_montant(monde, pourcent, montant):
    tarif(lien(monde.cantine), absence_pourcent=pourcent)
    reservee = reserver(monde.inscriptions["lea"], MARDI)
    corps = {"c": case(reservee.inscription, MARDI, reservee.version), "action": "absence"}
    page = monde.client(monde.jean).post("/enfants/planning/demande/", corps).text
    assert "La journée sera facturée." in page
    assert re.findall(r'<p class="montant">(.*?)</p>', page) == ([montant] if montant else [])


@pytest.mark.parametrize(
    ("raison", "precision", "dite"),
    [
        ("familiale", "", "Raison familiale."),
        ("autre", "mariage", "Autre raison (mariage)."),
        ("vacances", "", "Vacances en famille."),
    ],
)
def test_la_raison_se_lit_une_fois(monde, raison, precision, dite):
    reservee = reserver(monde.inscriptions["lea"], date(2026, 12, 4))
    par = titulaire(monde.jean).utilisateur
    donnees = {"raison": raison, "precision": precision}
    faite, _ = envoyer_absences(monde.jean, [reservee], donnees, par, MAINTENANT, uuid.uuid4())
    agent = reverse("admin:demandes_demande_change", args=[faite.pk])
    pages = [
        monde.client(monde.jean).get(reverse("demande", args=[faite.pk])),
        monde.client(monde.agent).get(agent),
    ]
    for page in pages:
        assert f"<p>{dite}</p>" in page.text


def test_le_recap_sans_tarif_ne_dit_aucun_montant(monde):
    reservee = reserver(monde.inscriptions["lea"], MARDI)
    corps = {"c": case(reservee.inscription, MARDI, reservee.version), "action": "absence"}
    page = monde.client(monde.jean).post("/enfants/planning/demande/", corps).text
    assert "La journée sera facturée." in page and 'class="montant"' not in page


def test_a_temps_rien_nest_facture(monde):
    faite = absence(monde, date(2026, 12, 4), raison="familiale")
    assert dernier().objet == f"Absence prise en compte, demande {faite.numero}"
    assert f"- Absence sans frais{N}: vendredi{N}4{N}décembre\n" in dernier().texte
    page = monde.client(monde.jean).get(reverse("demande", args=[faite.pk])).text
    assert "Votre planning est à jour" in page and "Trop tard" not in page


# --- the attestation ------------------------------------------------------------------------------------------


def test_la_lettre_reclame_lattestation_et_dit_jusqua_quand(monde):
    absence(monde)
    assert (
        f"La mairie attend votre attestation jusqu’au jeudi 26{N}novembre{N}: envoyez-la depuis la page de votre "
        "demande. Sans elle, la journée sera facturée."
    ) in dernier().texte
    assert "médical" not in dernier().texte


def test_le_motif_nest_dit_tu_que_sil_y_en_a_un(monde):
    """An agent accepts a day, then refuses another: only the second e-mail keeps something back."""
    lignes = [
        reserver(monde.inscriptions[nom], MARDI, MAINTENANT - timedelta(days=9)) for nom in ("lea", "tom")
    ]
    par = titulaire(monde.jean).utilisateur
    medicale = {"raison": "medicale", "precision": ""}
    faite, _ = envoyer_absences(monde.jean, lignes, medicale, par, MAINTENANT, uuid.uuid4())
    attendus = sorted(faite.jours.values_list("reservation", flat=True))
    faite.accepter(monde.agent, MAINTENANT, jours=attendus[:1], parmi=attendus[:1])
    assert dernier().objet == f"Une réponse pour votre demande {faite.numero}"
    assert "le motif n’est pas dans ce courriel" not in dernier().texte
    faite.refuser(monde.agent, "Varicelle sans certificat.", MAINTENANT, jours=set(attendus[1:2]))
    assert "le motif n’est pas dans ce courriel" in dernier().texte
    assert "Varicelle" not in dernier().texte


def test_seuls_les_jours_qui_lattendent_sont_en_jeu(monde):
    """One told in time is already free of charge: only the other one would be billed."""
    lignes = [
        reserver(monde.inscriptions["lea"], j, MAINTENANT - timedelta(days=9))
        for j in (MARDI, date(2026, 12, 4))
    ]
    par = titulaire(monde.jean).utilisateur
    medicale = {"raison": "medicale", "precision": ""}
    envoyer_absences(monde.jean, lignes, medicale, par, MAINTENANT, uuid.uuid4())
    assert f"- Absence sans frais{N}: vendredi{N}4{N}décembre\n" in dernier().texte
    assert "Sans elle, la journée sera facturée." in dernier().texte


def test_lattestation_jointe_nest_pas_reclamee(monde):
    reservee = reserver(monde.inscriptions["lea"], MARDI)
    confirmer(monde.client(monde.jean), reservee, str(uuid.uuid4()), televerse("certificat.pdf"))
    assert Demande.objects.get().pieces.count() == 1
    assert "attestation" not in dernier().texte
    assert "La mairie vous répondra" in dernier().texte


def test_prise_en_compte_a_temps_elle_rappelle_lattestation(monde):
    absence(monde, date(2026, 12, 4))
    assert (
        f"Envoyez votre attestation depuis la page de la demande, jusqu’au jeudi 26{N}novembre."
        in dernier().texte
    )


# --- what can be done -----------------------------------------------------------------------------------------


def test_on_ne_modifie_pas_des_jours(monde):
    reservations(monde.inscriptions["lea"], JEUDI, le=MAINTENANT)
    assert "la modifier" not in dernier().texte
    assert "Pour la relire, ou retirer les jours qui attendent encore" in dernier().texte


def test_on_modifie_une_fiche(monde):
    adresse = {"civilite": "M", "adresse": "4 avenue du Verger", "code_postal": "84510", "ville": "Belrive"}
    demande("infos-responsable", monde.jean, adresse, le=MAINTENANT)
    assert "vous pouvez la relire, la modifier ou la retirer" in dernier().texte
