"""T6 of the test plan: whose thing is it? Every address that names a thing × who asks × how.

Generated from the addresses of the portal: one that names a thing and is not in `CHOSES` fails the run. Whoever has no
right gets the log-in page, 403, 404 or 405, the same page for a thing of others as for one that does not exist, and
the database does not move by a single byte.
"""

import re
from datetime import timedelta
from hashlib import sha256
from uuid import UUID, uuid4

import pytest
import time_machine
from django.apps import apps
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from enfants import agenda
from enfants.models import FicheSanitaire, Rattachement
from facturation.models import PaiementEnLigne
from messagerie.models import Conversation
from portail.accueil.models import ExportDonnees
from portail.socle.models import Fichier
from tests import factories
from tests.demandes.fabrique import demande, reservations
from tests.enfants.fabrique import JEUDI, LUNDI, MAINTENANT, reserver
from tests.facturation.fabrique import facture
from tests.messagerie.fabrique import de_la_mairie
from tests.test_conventions_adresses import nommes

pytestmark = pytest.mark.django_db
METHODES = ("get", "head", "post", "put", "delete")
REFUS = {302, 401, 403, 404, 405}
# Converters that name a thing of somebody; the others (a month, a kind, a secret that is its own key) do not.
NOMMENT = {"pk", "reference", "numero"}
AUTRES = {"mois": "2026-11", "code": "autorisations"}
NEANT = {"pk": UUID(int=7), "reference": "ZZ-987", "numero": 987654}


@pytest.fixture
def belle_famille(monde):
    """Jean's household with one of everything, and the ids of those things by address."""
    with time_machine.travel(MAINTENANT, tick=False):
        jean = monde.jean
        compte = jean.responsables.get().utilisateur
        FicheSanitaire.objects.create(enfant=monde.tom, allergies="Noisette")
        conversation = de_la_mairie(jean, pieces=("mot.pdf",))
        emise = facture(jean, 4321)
        paiement = PaiementEnLigne.objects.create(
            famille=jean,
            regie=emise.regie,
            courriel_recu="jean@exemple.fr",
            centimes=4321,
            fournisseur="stripe",
            cle_idempotence="essai",
            cree_par=compte,
        )
        (reservee,) = reserver(monde.inscriptions["tom"], JEUDI)
        exportee = ExportDonnees.objects.create(famille=jean, demande_par=compte, demande_le=MAINTENANT)
        enfant = monde.tom.pk
        # The ex-guardian: Tom was Paul's until yesterday.
        paul = factories.famille("Paul", "PETIT", "paul.petit")
        Rattachement.objects.create(
            enfant=monde.tom, famille=paul, du=factories.DEBUT, au=MAINTENANT.date() - timedelta(1)
        )
        choses = {
            "enfant": {"pk": enfant},
            "demande_enfant": {"pk": enfant},
            "fiche_inscription_enfant": {"pk": enfant},
            "planning_de_l_enfant": {"pk": enfant},
            "planning_enfant": {"pk": enfant},
            "demande": {"pk": demande("caf", jean, {"numero": "123"}, le=MAINTENANT).pk},
            "conversation": {"pk": conversation.pk},
            "fichier": {"pk": Fichier.objects.get().pk},
            "fichier_apercu": {"pk": Fichier.objects.get().pk},
            "contrat_de_creche": {"numero": monde.inscriptions["tom"].pk},
            "facture_pdf": {"reference": emise.reference},
            "paiement_retour": {"pk": paiement.pk},
            "telecharger_donnees": {"pk": exportee.pk},
            "rattachement_terminer": {"numero": Rattachement.objects.get(enfant=enfant, famille=jean).pk},
        }
        monde.paul, monde.reservee, monde.facture = paul, reservee, emise
        yield monde, choses


def qui_demande(monde) -> dict[str, Client]:
    """Those who have no right on Jean's things."""
    return {
        "personne": Client(),
        "l’autre parent": monde.client(monde.jeanne),
        "une étrangère": monde.client(monde.claire),
        "l’ancien parent": monde.client(monde.paul),
        "un agent sans droit": monde.client(factories.utilisateur("agent.sans.droit", is_staff=True)),
    }


def nommants() -> dict:
    return {nom: motif for nom, motif in nommes().items() if NOMMENT & set(motif.pattern.converters)}


def adresse(nom: str, ids: dict) -> str:
    autres = {c: AUTRES[c] for c in nommes()[nom].pattern.converters if c in AUTRES}
    return reverse(nom, kwargs=autres | ids)


def sceau() -> dict[str, str]:
    """Everything the database holds, by table, but the sessions that asking opens."""
    return {
        modele._meta.label: sha256(
            repr(list(modele._base_manager.order_by("pk").values_list())).encode()
        ).hexdigest()
        for modele in apps.get_models()
        if modele._meta.label != "sessions.Session"
    }


def nu(reponse, chemin: str) -> str:
    """The page without what differs from one request to the next: its own address, the CSRF marks."""
    return sans_marques(lu(reponse).replace(chemin, "…"))


def sans_marques(texte: str) -> str:
    """Random letters may spell anything, « Tom » included."""
    return re.sub(r'(csrfmiddlewaretoken|garde|jeton|nonce)"?( value)?="[^"]*"', "", texte)


def lu(reponse) -> str:
    texte = (b"".join(reponse) if reponse.streaming else reponse.content).decode(errors="replace")
    for fermer in reponse._resource_closers:  # its file; close() would shut the test's own connection
        fermer()
    return texte


def test_chaque_adresse_qui_nomme_une_chose_est_essayee(belle_famille):
    _, choses = belle_famille
    assert set(choses) == set(nommants())


def test_jean_atteint_bien_ses_choses(belle_famille):
    """Positive control: the ids are real, the owner is answered (papers apart, slow and tested elsewhere)."""
    monde, choses = belle_famille
    jean = monde.client(monde.jean)
    pages = (
        "enfant",
        "demande_enfant",
        "planning_enfant",
        "demande",
        "conversation",
        "fichier",
        "paiement_retour",
    )
    for nom in pages:
        reponse = jean.get(adresse(nom, choses[nom]))
        assert reponse.status_code == 200 and len(lu(reponse)) > 50, nom


@pytest.mark.parametrize(
    "qui", ["personne", "l’autre parent", "une étrangère", "l’ancien parent", "un agent sans droit"]
)
def test_la_chose_dun_autre_ou_rien_cest_pareil(belle_famille, qui):
    monde, choses = belle_famille
    navigateur = qui_demande(monde)[qui]
    avant, essais = sceau(), 0
    for nom, ids in choses.items():
        for methode in METHODES:
            corps = {"retirer": "1", "texte": "Bonjour", "confirmer": "1"} if methode == "post" else {}
            pages = []
            for chemin in (adresse(nom, ids), adresse(nom, {cle: NEANT[cle] for cle in ids})):
                reponse = getattr(navigateur, methode)(chemin, corps)
                assert reponse.status_code in REFUS, (nom, methode, reponse.status_code)
                # The log-in page is told where to go back to: the address, id included.
                pages.append((reponse.status_code, nu(reponse, chemin)))
                essais += 1
            assert pages[0] == pages[1], (nom, methode)
    assert sceau() == avant
    assert essais == 2 * len(METHODES) * len(choses)


def test_controle_negatif_une_ligne_changee_se_voit(belle_famille):
    monde, _ = belle_famille
    avant = sceau()
    monde.client(monde.jean).post(
        f"/demandes/{monde.jean.demandes.get().pk}/", {"retirer": "1", "confirmer": "1"}
    )
    assert sceau() != avant


# ── Ids in the query and in the body ─────────────────────────────────────────────────────────────────────────


def envois(monde) -> list[tuple[str, str, dict]]:
    """(method, address, fields) that name a thing of Jean's outside of the path."""
    case = f"{monde.inscriptions['tom'].pk}:{LUNDI}:0"
    reservee = f"{monde.inscriptions['tom'].pk}:{JEUDI}:{monde.reservee.version}"
    lien = agenda.creer(monde.jean, monde.jean.responsables.get().utilisateur, MAINTENANT)
    attente = reservations(monde.inscriptions["lea"], LUNDI, le=MAINTENANT)
    planning = "/enfants/planning/demande/"
    return [
        ("get", "/paiement/", {"facture": monde.facture.reference}),
        ("post", "/paiement/", {"facture": monde.facture.reference, "courriel": "moi@exemple.fr"}),
        ("post", planning, {"action": "reserver", "c": case, "confirmer": "1"}),
        ("post", planning, {"action": "absence", "c": reservee, "confirmer": "1", "raison": "familiale"}),
        ("post", "/familles/", {"famille": monde.jean.pk}),
        ("post", "/enfants/agenda/", {"action": "supprimer", "lien": lien.pk}),
        ("post", f"/demandes/{attente.pk}/", {"decliner": monde.reservee.pk, "confirmer": "1"}),
        ("get", "/enfants/planning/2026-11/", {"enfant": monde.tom.pk}),
        ("get", "/messagerie/", {"conversation": Conversation.objects.get().pk}),
        ("get", "/releve/", {"famille": monde.jean.pk}),
    ]


@pytest.mark.parametrize("qui", ["personne", "une étrangère", "l’ancien parent", "un agent sans droit"])
def test_un_identifiant_dans_la_demande_nouvre_rien(belle_famille, qui):
    monde, _ = belle_famille
    essais = envois(monde)
    navigateur = qui_demande(monde)[qui]
    avant = sceau()
    for methode, chemin, champs in essais:
        reponse = getattr(navigateur, methode)(chemin, champs)
        assert reponse.status_code in REFUS | {200}, (chemin, reponse.status_code)
        page = sans_marques(lu(reponse))
        for secret in ("Tom", monde.jean.numero, monde.facture.reference, "Sortie au verger"):
            assert secret not in page.replace(f"next=/paiement/?facture={monde.facture.reference}", "") or (
                qui == "personne" and secret == monde.facture.reference
            ), (chemin, secret)
    assert sceau() == avant


# ── The admin, without a permission ──────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("qui", ["personne", "une étrangère", "un agent sans droit"])
def test_ladmin_sans_droit_ne_montre_ni_ne_change_rien(belle_famille, qui):
    monde, _ = belle_famille
    navigateur = qui_demande(monde)[qui]
    avant, essais = sceau(), 0
    for modele in admin.site._registry:
        nom = f"admin:{modele._meta.app_label}_{modele._meta.model_name}"
        objet = modele._base_manager.order_by("pk").values_list("pk", flat=True).first()
        chemins = [reverse(f"{nom}_changelist"), reverse(f"{nom}_add")]
        pages = ("change", "delete", "history") if qui == "un agent sans droit" else ("change",)
        for pk in (objet, uuid4() if isinstance(objet, UUID) else 987654):
            if pk is not None:
                chemins += [reverse(f"{nom}_{page}", args=[pk]) for page in pages]
        for chemin in chemins:
            for methode in ("get", "post"):
                reponse = getattr(navigateur, methode)(chemin, {"post": "yes"} if methode == "post" else {})
                assert reponse.status_code in REFUS, (chemin, methode, reponse.status_code)
                assert "Noisette" not in reponse.text and monde.jean.numero not in reponse.text
                essais += 1
    assert sceau() == avant
    assert essais > 150
