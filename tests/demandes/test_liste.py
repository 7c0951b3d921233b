"""« Liste des demandes » as the guide: visible filters, a table a kind, what is new, pages of fifty."""

import uuid
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from demandes.envoi import envoyer_absences
from demandes.models import Demande, LectureDemande
from demandes.types import TYPES
from enfants import places
from tests import factories
from tests.demandes.fabrique import demande, reservations, titulaire

MAINTENANT = datetime(2026, 11, 23, 9, 0, tzinfo=ZoneInfo("Europe/Paris"))
APRES = MAINTENANT + timedelta(hours=2)
ADRESSE = {"civilite": "M", "adresse": "4 avenue du Verger", "code_postal": "84510", "ville": "Belrive"}
IBAN = {"titulaire": "DUPONT Jean", "iban": "FR7630006000011234567890189", "bic": "AGRIFRPP"}
GUIDE = [
    "Qualité",
    "Adresse",
    "Tél. domicile",
    "Tél. prof.",
    "Mobile",
    "Email",
    "Profession",
    "Employeur",
    "Adresse employeur",
]


@pytest.fixture
def horloge():
    with time_machine.travel(MAINTENANT, tick=False) as voyage:
        yield voyage


@pytest.fixture(autouse=True)
def _maintenant(horloge):
    return horloge


def liste(client, requete: str = ""):
    return client.get(f"/demandes/{requete}")


def tableau(page, section: int):
    return page.context["sections"][section].tableau


def pastille(page) -> int:
    return next(o.pastille for o in page.context["entete"].onglets if o.libelle == "Liste des demandes")


# --- filters and table --------------------------------------------------------------------------------------------


def test_les_filtres_du_guide_sont_des_liens(monde):
    client = monde.client(monde.jean)
    compte, enfants = liste(client).text, liste(client, "enfants/").text
    for genre in TYPES:
        lien = f'href="?type={genre.code}">{genre.filtre}</a>'
        assert (lien in compte) is (genre.categorie == "compte")
        assert (lien in enfants) is (genre.categorie == "enfant")


def test_le_filtre_garde_le_mois(monde):
    page = liste(monde.client(monde.jean), "?mois=2026-10&type=caf").text
    assert 'href="?type=caf&amp;mois=2026-10" aria-current="true">Informations CAF</a>' in page
    assert 'href="?mois=2026-09&amp;type=caf"' in page


def test_les_colonnes_du_guide_meme_vides(monde):
    page = liste(monde.client(monde.jean), "?type=infos-responsable")
    assert tableau(page, 1).qui == "Responsable"
    assert tableau(page, 1).colonnes == [*GUIDE, "Date demande", "Date refus", "Motif refus"]
    assert tableau(page, 2).colonnes == [*GUIDE, "Date demande", "Date acceptation"]


def test_seul_ce_qui_est_demande_est_rempli(monde):
    """A field the guide does not show has its column when somebody asked it."""
    faite = demande("infos-responsable", monde.jean, ADRESSE, le=MAINTENANT)
    faite.refuser(monde.agent, "Il manque un justificatif.", APRES)
    page = liste(monde.client(monde.jean), "?type=infos-responsable")
    (rang,) = tableau(page, 1).rangs
    assert rang.qui == str(titulaire(monde.jean).utilisateur)
    assert {k: v for k, v in rang.cellules if v} == {
        "Adresse": "4 avenue du Verger",
        "Code postal": "84510",
        "Ville": "Belrive",
        "Date demande": "23/11/2026",
        "Date refus": "23/11/2026",
        "Motif refus": "Il manque un justificatif.",
    }


def test_liban_reste_masque_dans_le_tableau(monde):
    demande("bancaires", monde.jean, IBAN, le=MAINTENANT)
    page = liste(monde.client(monde.jean), "?type=bancaires")
    assert dict(tableau(page, 0).rangs[0].cellules)["IBAN"] == "•••• 0189"
    assert "FR7630006000011234567890189" not in page.text


def test_le_tableau_des_jours(monde):
    reservations(
        monde.inscriptions["lea"], *(MAINTENANT.date() + timedelta(n) for n in (3, 4)), le=MAINTENANT
    )
    page = liste(monde.client(monde.jean), "enfants/?type=reservations")
    assert tableau(page, 0).qui == "Enfant"
    (rang,) = tableau(page, 0).rangs
    assert rang.qui == "Léa"
    assert dict(rang.cellules) == {
        "Prestation": "Restauration scolaire",
        "Jours": "jeudi\u00a026 et vendredi\u00a027\u00a0novembre",
        "Date demande": "23/11/2026",
    }


@pytest.mark.parametrize("genre", TYPES, ids=[t.code for t in TYPES])
def test_chaque_type_a_son_tableau(monde, genre):
    """Without a demande, with none of the kind's: from the form, whatever the kind."""
    suffixe = "" if genre.categorie == "compte" else "enfants/"
    assert liste(monde.client(monde.jean), f"{suffixe}?type={genre.code}").status_code == 200


def test_sans_filtre_des_cartes(monde):
    demande("caf", monde.jean, {"numero": "1"}, le=MAINTENANT)
    page = liste(monde.client(monde.jean))
    assert {s.tableau for s in page.context["sections"]} == {None}
    assert "tableau-demandes" not in page.text


def test_le_meme_nombre_de_requetes_avec_un_et_trois_enfants(monde):
    client, jour = monde.client(monde.jean), MAINTENANT.date()
    adresses = ("?type=infos-responsable", "enfants/?type=autorisations", "enfants/?type=reservations")

    def compter() -> list[int]:
        comptes = []
        for adresse in adresses:
            with CaptureQueriesContext(connection) as requetes:
                liste(client, adresse)
            comptes.append(len(requetes))
        return comptes

    demande("infos-responsable", monde.jean, ADRESSE, le=MAINTENANT)
    demande("autorisations", monde.jean, {"baignade": True}, monde.lea, MAINTENANT)
    reservations(monde.inscriptions["lea"], jour + timedelta(3), le=MAINTENANT)
    liste(client)
    un = compter()
    for n in (4, 7):
        nino = factories.enfant(f"Nino{n}", monde.jean)
        demande("autorisations", monde.jean, {"baignade": True}, nino, MAINTENANT)
        demande("infos-responsable", monde.jean, ADRESSE | {"ville": f"V{n}"}, le=MAINTENANT)
        inscription = factories.inscription(nino, monde.cantine, monde.jean)
        reservations(inscription, jour + timedelta(n), jour + timedelta(n + 7), le=MAINTENANT)
    assert compter() == un


def test_cinquante_par_page(monde):
    compte = titulaire(monde.jean).utilisateur
    Demande.objects.bulk_create(
        Demande(
            numero=f"2026-{n:04d}",
            famille=monde.jean,
            type="caf",
            etat="acceptee",
            envoyee_par=compte,
            envoyee_le=MAINTENANT - timedelta(days=n),
            decidee_le=MAINTENANT - timedelta(days=n),
            jeton=uuid.uuid4(),
        )
        for n in range(1, 61)
    )
    client = monde.client(monde.jean)
    une, deux = liste(client, "?mois=tout"), liste(client, "?mois=tout&page=2")
    assert [sum(len(s.lignes) for s in p.context["sections"]) for p in (une, deux)] == [50, 10]
    assert 'href="?page=2&amp;mois=tout" rel="next"' in une.text
    for absurde in ("x", "0", "-1", "9" * 30, "7"):
        assert liste(client, f"?mois=tout&page={absurde}").status_code == 200


# --- what is new --------------------------------------------------------------------------------------------------


def test_une_reponse_se_voit_sur_longlet_jusqua_ce_quon_la_voie(monde, horloge):
    faite = demande("caf", monde.jean, {"numero": "1"}, le=MAINTENANT)
    client = monde.client(monde.jean)
    assert pastille(client.get("/")) == 0
    faite.accepter(monde.agent, APRES)
    horloge.move_to(APRES + timedelta(minutes=1))
    client = monde.client(monde.jean)  # the session is over by then
    assert pastille(client.get("/")) == 1
    # On the other sub-tab it is still new.
    autre = liste(client, "enfants/")
    assert (pastille(autre), [o.nouvelles for o in autre.context["onglets"]]) == (1, [1, 0])
    vue = liste(client)
    assert "etiquette-neuf" in vue.text
    assert pastille(vue) == 0
    assert "etiquette-neuf" not in liste(client).text
    assert pastille(client.get("/")) == 0


def test_la_page_de_la_demande_suffit(monde, horloge):
    faite = demande("caf", monde.jean, {"numero": "1"}, le=MAINTENANT)
    faite.refuser(monde.agent, "Non.", APRES)
    horloge.move_to(APRES)
    client = monde.client(monde.jean)
    client.get(reverse("demande", args=[faite.pk]))
    assert pastille(client.get("/")) == 0


def test_chacun_ses_nouvelles(monde, horloge):
    """One adult has read, the other not; a stranger and the other household have nothing to read."""
    compte = factories.utilisateur("conjoint", prenom="Luc", nom="DUPONT")
    monde.jean.responsables.create(rang="conjoint", prenom="Luc", nom="DUPONT", utilisateur=compte)
    faite = demande("autorisations", monde.jean, {"baignade": True}, monde.lea, MAINTENANT)
    faite.accepter(monde.agent, APRES)
    horloge.move_to(APRES)
    liste(monde.client(monde.jean), "enfants/")
    assert [pastille(monde.client(q).get("/")) for q in (monde.jean, compte, monde.jeanne, monde.claire)] == [
        0,
        1,
        0,
        0,
    ]
    assert LectureDemande.objects.count() == 1


def test_ce_que_le_portail_accepte_a_lenvoi_nest_pas_une_nouvelle(monde):
    auto = factories.prestation("Garderie", validation="automatique")
    inscription = factories.inscription(monde.lea, auto, monde.jean)
    faite = reservations(inscription, MAINTENANT.date() + timedelta(3), le=MAINTENANT)
    assert faite.etat == "acceptee"
    assert pastille(monde.client(monde.jean).get("/")) == 0


def test_une_vieille_reponse_nest_plus_une_nouvelle(monde, horloge):
    faite = demande("caf", monde.jean, {"numero": "1"}, le=MAINTENANT)
    faite.accepter(monde.agent, APRES)
    horloge.move_to(APRES + timedelta(days=31))
    assert pastille(monde.client(monde.jean).get("/")) == 0


def test_une_vieille_demande_repondue_hier_est_dans_la_liste(monde, horloge):
    """What the tab counts, the list shows."""
    faite = demande("caf", monde.jean, {"numero": "1"}, le=MAINTENANT)
    faite.accepter(monde.agent, MAINTENANT + timedelta(days=40))
    horloge.move_to(MAINTENANT + timedelta(days=41))
    client = monde.client(monde.jean)
    assert pastille(client.get("/")) == 1
    assert faite.numero in liste(client).text


# --- words --------------------------------------------------------------------------------------------------------


def absence(monde, *jours, raison="familiale", **champs):
    service = factories.prestation("Club", **champs)
    inscription = factories.inscription(monde.lea, service, monde.jean)
    souhaits = [places.Souhait(inscription, MAINTENANT.date() + timedelta(j)) for j in jours]
    issues = places.reserver(souhaits, None, MAINTENANT, au_nom_de_la_mairie=True)
    faite, _ = envoyer_absences(
        monde.jean,
        [i.reservation for i in issues],
        {"raison": raison, "precision": ""},
        titulaire(monde.jean).utilisateur,
        MAINTENANT,
        uuid.uuid4(),
    )
    return faite


def test_une_absence_est_prise_en_compte(monde):
    """« Acceptée » would let one think the town could have said no."""
    faite = absence(monde, 8, validation="automatique")
    assert (faite.etat, faite.etat_en_mots) == ("acceptee", "Prise en compte")
    page = liste(monde.client(monde.jean), "enfants/")
    assert "Prise en compte" in page.text
    assert "prise en compte le 23/11/2026" in page.text


def test_ce_que_la_famille_a_retire_nest_pas_refuse(monde):
    """One day accepted, the other withdrawn by the family: nothing was accepted « in part »."""
    faite = reservations(
        monde.inscriptions["lea"], *(MAINTENANT.date() + timedelta(n) for n in (3, 4)), le=MAINTENANT
    )
    premier = faite.jours.first().reservation_id
    places.decider([premier], True, monde.agent, MAINTENANT)
    faite.retirer(titulaire(monde.jean).utilisateur, MAINTENANT)
    faite = Demande.objects.get(pk=faite.pk)
    assert (faite.etat, faite.etat_en_mots) == ("acceptee_partie", "Acceptée, le reste retiré")


def test_ce_que_lon_a_retire_soi_meme_nest_pas_une_reponse(monde):
    """No « Nouveau » for who withdrew; the last step says it in the words of the badge."""
    jours = [MAINTENANT.date() + timedelta(n) for n in (3, 4)]
    faite = reservations(monde.inscriptions["lea"], *jours, le=MAINTENANT)
    places.decider([faite.jours.first().reservation_id], True, monde.agent, MAINTENANT)
    faite.retirer(titulaire(monde.jean).utilisateur, APRES)
    client = monde.client(monde.jean)
    assert "Nouveau</span>" not in liste(client, "enfants/").text
    assert Demande.objects.nouvelles(monde.agent, APRES).filter(pk=faite.pk).exists()  # news to anybody else
    page = client.get(reverse("demande", args=[faite.pk]))
    assert [mots for _, mots, _ in page.context["etapes"]] == ["Envoyée", "Acceptée, le reste retiré"]
    assert f"/enfants/planning/{jours[0]:%Y-%m}/?vue=semaine&amp;du={jours[0]}" in page.text


def test_acceptee_en_partie_quand_un_jour_est_refuse(monde):
    faite = reservations(
        monde.inscriptions["lea"], *(MAINTENANT.date() + timedelta(n) for n in (3, 4)), le=MAINTENANT
    )
    premier = faite.jours.first().reservation_id
    faite.accepter(monde.agent, MAINTENANT, jours=[premier], motif="Complet.")
    assert faite.etat_en_mots == "Acceptée en partie"


# --- one demande --------------------------------------------------------------------------------------------------


def test_modifier_ce_qui_attend_refaire_ce_qui_est_refuse(monde):
    faite = demande("caf", monde.jean, {"numero": "1"}, le=MAINTENANT)
    client, page = monde.client(monde.jean), reverse("demande", args=[faite.pk])
    assert f'href="/compte/demande/caf/?reprise={faite.pk}"' in client.get(page).text
    faite.refuser(monde.agent, "Non.", APRES)
    assert 'href="/compte/demande/caf/"' in client.get(page).text
    autre = demande("autorisations", monde.jean, {"baignade": True}, monde.lea, MAINTENANT)
    lien = f'href="/enfants/{monde.lea.pk}/demande/autorisations/?reprise={autre.pk}"'
    assert lien in client.get(reverse("demande", args=[autre.pk])).text
    autre.accepter(monde.agent, APRES)
    assert "Votre dossier est à jour." in client.get(reverse("demande", args=[autre.pk])).text
