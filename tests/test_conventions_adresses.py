"""Every address is registered here with who may ask for it: one that nobody registered fails the run."""

from collections.abc import Iterator
from uuid import UUID

import pytest
from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.urls import URLPattern, URLResolver, get_resolver, reverse

PUBLIQUE, CONNECTE = "publique", "connecté"
EXEMPLES = {
    "pk": UUID("00000000-0000-4000-8000-000000000000"),
    "mois": "2026-11",
    "code": "caf",
    "reference": "AL-36",
    "cle": "0",
    "uidb64": "MQ",
    "token": "a-b",
    "numero": 1,
    "secret": "a1b2c3",
    "inscription": 1,
    "jour": "2026-11-26",
    "annee": 2026,
}
# Name of the address: who may ask for it. A public page is one more door: say why beside it.
ADRESSES = {
    # before log-in
    "connexion": PUBLIQUE,
    "deconnexion": PUBLIQUE,  # a session that has just expired must not be sent to the log-in page to log out
    "connexion_code": PUBLIQUE,  # between the password and the code, nobody is authenticated
    "mot_de_passe_oublie": PUBLIQUE,
    "mot_de_passe_reinitialiser": PUBLIQUE,
    "activation": PUBLIQUE,  # the link the town mailed: who opens it has no password yet
    # the foot of every page, the log-in page's too
    "mentions_legales": PUBLIQUE,
    "donnees_personnelles": PUBLIQUE,
    "accessibilite": PUBLIQUE,
    "aide": PUBLIQUE,
    "plan_du_site": PUBLIQUE,
    # what the log-in page and a load balancer load
    "theme": PUBLIQUE,
    "logo": PUBLIQUE,
    "sante": PUBLIQUE,
    # machines: the bank signs what it sends
    "stripe_webhook": PUBLIQUE,
    "agenda_ics": PUBLIQUE,  # telephones cannot log in: the secret of the address is the key, revocable
    # demonstration: the town's own site
    "site_de_demonstration": PUBLIQUE,
    "site_enfance": PUBLIQUE,
    "site_portail": PUBLIQUE,
    # « Accueil »
    "accueil": CONNECTE,
    "infos_documents": CONNECTE,
    "formulaires": CONNECTE,
    "fiche_inscription": CONNECTE,
    "fiche_inscription_enfant": CONNECTE,
    "fichier": CONNECTE,
    "fichier_apercu": CONNECTE,
    # « Mon compte »
    "compte": CONNECTE,
    "mandat": CONNECTE,
    "choisir_famille": CONNECTE,
    "mot_de_passe_modifier": CONNECTE,
    # the town hall's
    "acces_par_ecole": CONNECTE,
    "autocompletion": CONNECTE,
    "pointage": CONNECTE,
    "pointage_papier": CONNECTE,
    "calendrier_remplir": CONNECTE,
    "contrat_de_creche": CONNECTE,
    "prestations_archiver": CONNECTE,
    "prestations_dupliquer": CONNECTE,
    "rattachement_terminer": CONNECTE,
    "connexions": CONNECTE,
    "mes_donnees": CONNECTE,
    "telecharger_donnees": CONNECTE,
    "session": CONNECTE,
    "double": CONNECTE,
    "double_activer": CONNECTE,
    "double_qr": CONNECTE,
    "double_codes": CONNECTE,
    "double_retirer": CONNECTE,
    "demande_compte": CONNECTE,
    # « Mes enfants »
    "enfants": CONNECTE,
    "enfant": CONNECTE,
    "enfant_ajouter": CONNECTE,
    "demande_enfant": CONNECTE,
    "agenda": CONNECTE,
    "planning": CONNECTE,
    "planning_de_l_enfant": CONNECTE,
    "planning_famille": CONNECTE,
    "planning_enfant": CONNECTE,
    "demande_planning": CONNECTE,
    "semaine_type": CONNECTE,
    "planning_jour": CONNECTE,
    # « Relevé de compte »
    "releve": CONNECTE,
    "releve_pdf": CONNECTE,
    "attestations": CONNECTE,
    "attestation_pdf": CONNECTE,
    "facture_pdf": CONNECTE,
    "paiement": CONNECTE,
    "paiement_retour": CONNECTE,
    # « Boîte de réception »
    "messagerie": CONNECTE,
    "messagerie_envoyes": CONNECTE,
    "messagerie_supprimes": CONNECTE,
    "messagerie_nouveau": CONNECTE,
    "conversation": CONNECTE,
    # « Liste des demandes »
    "demandes": CONNECTE,
    "demandes_enfants": CONNECTE,
    "demande": CONNECTE,
}


def motifs(resolveur: URLResolver) -> Iterator[URLPattern]:
    """Every address of ours; the admin's have their own door, has_permission()."""
    for motif in resolveur.url_patterns:
        if isinstance(motif, URLPattern):
            yield motif
        elif motif.namespace != "admin":
            yield from motifs(motif)


def nommes() -> dict[str, URLPattern]:
    return {motif.name: motif for motif in motifs(get_resolver()) if motif.name}


def adresse(nom: str) -> str:
    """An address of that name, about a thing that does not exist."""
    return reverse(nom, kwargs={cle: EXEMPLES[cle] for cle in nommes()[nom].pattern.converters})


def test_chaque_adresse_est_inscrite_ici():
    trouvees = {
        nom: CONNECTE if getattr(motif.callback, "login_required", True) else PUBLIQUE
        for nom, motif in nommes().items()
    }

    assert trouvees == ADRESSES


def test_sans_nom_il_n_y_a_que_la_porte_de_l_admin():
    assert [str(motif.pattern) for motif in motifs(get_resolver()) if not motif.name] == [
        "admin/login/",
        "admin/password_change/",
    ]


@pytest.mark.parametrize("methode", ["get", "post"])
@pytest.mark.parametrize("nom", [nom for nom, qui in ADRESSES.items() if qui == CONNECTE])
def test_sans_connexion_on_est_mene_a_la_page_de_connexion(client, db, nom: str, methode: str):
    """Before anything is looked for: what does not exist answers like what is not ours."""
    reponse = getattr(client, methode)(adresse(nom))

    assert (reponse.status_code, reponse.headers["Location"].partition("?")[0]) == (302, reverse("connexion"))


def test_controle_negatif_sans_la_garde_la_page_s_ouvrirait(client, db, monkeypatch):
    """The redirection above is the middleware's doing, not an accident of the view."""
    monkeypatch.setattr(LoginRequiredMiddleware, "process_view", lambda *args: None)
    client.raise_request_exception = False

    assert client.get(adresse("fiche_inscription")).headers.get("Location") is None


def test_l_admin_se_rejoint_par_la_meme_porte(client, db):
    for chemin in ("/admin/", "/admin/login/?next=/admin/", "/admin/familles/famille/"):
        reponse = client.get(chemin, follow=True)

        assert (reponse.status_code, reponse.wsgi_request.path) == (200, reverse("connexion"))
