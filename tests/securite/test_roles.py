"""T6 of the test plan, the town's side: each group of agents opens what its permissions say, nothing more.

Every page of the admin, every action beside them, every address of the portal. A refusal leaves the database as it
was. An address of the admin that nobody registered here fails the run.
"""

import pytest
import time_machine
from django.contrib import admin
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse

from facturation.admin.champs import PageAdmin
from facturation.encaissement import encaisser
from portail.accueil import groupes
from tests import factories
from tests.enfants.fabrique import MAINTENANT
from tests.facturation import fabrique
from tests.securite.test_idor import METHODES, REFUS, adresse, belle_famille, lu, sceau

pytestmark = pytest.mark.django_db
__all__ = ["belle_famille"]

# Addresses of the portal that agents use, and the permission each asks for. The others are the families' or public.
OUTILS = {
    "fichier": "messagerie.view_conversation",  # the one tried was joined to a conversation
    "contrat_de_creche": "enfants.change_inscription",
    "rattachement_terminer": "enfants.change_rattachement",
    "acces_par_ecole": "familles.creer_acces",
    "calendrier_remplir": "enfants.add_periodevacances",
    "prestations_archiver": "enfants.change_prestation",
    "prestations_dupliquer": "enfants.change_prestation",
    "pointage": "enfants.change_pointage",
    "pointage_papier": "enfants.change_pointage",
}
# Actions of the admin beside its five pages.
GESTES = {
    "familles_famille_acces": "familles.creer_acces",
    "facturation_campagne_calculer": "facturation.calculer_campagne",
    "facturation_campagne_brouillon": "facturation.view_campagne",
    "facturation_campagne_effacer": "facturation.calculer_campagne",
    "facturation_campagne_emettre": "facturation.emettre_campagne",
    "facturation_campagne_completer": "facturation.calculer_campagne",
    "facturation_campagne_en_plus": "facturation.emettre_campagne",
    "facturation_facture_pdf": "facturation.view_facture",
    "facturation_facture_avoir": "facturation.creer_avoir",
    "facturation_facture_tresorerie": "facturation.add_priseenchargetresor",
    "facturation_reglement_saisir": "facturation.add_reglement",
    "facturation_reglement_annuler": "facturation.annuler_reglement",
    "messagerie_conversation_groupe": "messagerie.add_conversation",
    "demandes_demande_suivante": "demandes.traiter_demande",
}
PAGES = {
    "changelist": ("view", "change"),
    "add": ("add",),
    "change": ("view", "change"),
    "history": ("view", "change"),
    "delete": ("delete",),
}
# Closed to those who have the permission: archived rather than deleted, written by the portal, one row only.
FERMEES = {
    ("accueil.page", "add"),
    ("accueil.page", "delete"),
    ("auth.group", "delete"),
    ("demandes.reglagedemande", "add"),
    ("enfants.prestation", "delete"),
    ("enfants.reservation", "delete"),
    ("enfants.structure", "delete"),
    ("facturation.priseenchargetresor", "add"),
    ("familles.authentificateur", "add"),
    ("familles.authentificateur", "changelist"),
}
SECRETS = ("Noisette", "Sortie au verger")


@pytest.fixture(params=list(groupes.GROUPES))
def role(request, belle_famille):
    """An agent of each group that exists, logged in."""
    groupes.installer()
    compte = factories.utilisateur(request.param.lower().replace(" ", "."), is_staff=True)
    compte.groups.add(Group.objects.get(name=request.param))
    client = Client()
    client.force_login(compte)
    return compte, client


def gestes(monde) -> dict[str, str]:
    """The addresses of those actions, about Jean's things."""
    regie = monde.facture.regie
    reglement = encaisser(monde.jean, regie, "cheque", 100, MAINTENANT.date(), monde.agent)
    ids = {
        "famille": [monde.jean.pk],
        "campagne": [fabrique.campagne(regie).pk],
        "facture": [monde.facture.pk],
        "reglement": [reglement.pk],
    }
    chemins = {}
    for nom in GESTES:
        modele, geste = nom.split("_")[1:3]
        seuls = {"en_plus", "tresorerie", "groupe", "suivante"}
        args = [] if nom.split("_", 2)[2] in seuls else ids[modele]
        if geste == "saisir":
            args = [monde.jean.pk, regie.pk]
        chemins[nom] = reverse(f"admin:{nom}", args=args)
    return chemins


def pages(compte) -> list[tuple[str, str, str, bool]]:
    """(model, page, address, whether a permission of this agent opens it), for each page of the admin."""
    essais = []
    for modele in admin.site._registry:
        app, nom = modele._meta.app_label, modele._meta.model_name
        pk = modele._base_manager.order_by("pk").values_list("pk", flat=True).first()
        for page, verbes in PAGES.items():
            args = [] if page in ("changelist", "add") else [pk]
            if args != [None]:
                chemin = reverse(f"admin:{app}_{nom}_{page}", args=args)
                permis = any(compte.has_perm(f"{app}.{verbe}_{nom}") for verbe in verbes)
                essais.append((f"{app}.{nom}", page, chemin, permis))
    return essais


def refuse(client: Client, chemin: str, methodes=("get", "post")) -> None:
    """Each method is refused, and says nothing."""
    for methode in methodes:
        reponse = getattr(client, methode)(chemin, {"post": "yes"} if methode == "post" else {})
        assert reponse.status_code in REFUS, (chemin, methode, reponse.status_code)
        texte = lu(reponse)
        assert not any(secret in texte for secret in SECRETS), (chemin, methode)


def ouvert(client: Client, chemin: str) -> bool:
    """Not the log-in page, not « 403 »: a page, a file, the page it leads to, or one that only takes POST."""
    reponse = client.get(chemin)
    lu(reponse)
    return reponse.status_code in (200, 405) or (
        reponse.status_code == 302 and "connexion" not in reponse["Location"]
    )


def test_chaque_geste_de_ladmin_est_essaye():
    """Its own addresses, but those of Django that name no row."""
    standard = {"index", "login", "logout", "password_change_done", "autocomplete", "jsi18n", "app_list"}
    noms = {
        motif.name
        for lot in admin.site.get_urls()
        for motif in getattr(lot, "url_patterns", [lot])
        if motif.name and not motif.name.endswith(tuple(f"_{page}" for page in PAGES))
    }
    assert noms - standard - {"view_on_site"} == set(GESTES)


def test_les_pages_de_ladmin_suivent_les_permissions(role):
    compte, client = role
    avant = sceau()
    for _, _, chemin, permis in pages(compte):
        if not permis:
            refuse(client, chemin)
    assert sceau() == avant
    with time_machine.travel(MAINTENANT, tick=False):
        ecarts = {(m, p) for m, p, chemin, permis in pages(compte) if permis and not ouvert(client, chemin)}
    assert ecarts <= FERMEES


def test_les_gestes_de_ladmin_suivent_les_permissions(role, belle_famille):
    compte, client = role
    monde, _ = belle_famille
    chemins = gestes(monde)
    avant = sceau()
    for nom, permission in GESTES.items():
        if not compte.has_perm(permission):
            refuse(client, chemins[nom])
    assert sceau() == avant
    permis = {nom for nom, permission in GESTES.items() if compte.has_perm(permission)}
    assert {nom for nom in permis if ouvert(client, chemins[nom])} == permis


def test_les_adresses_du_portail_suivent_les_permissions(role, belle_famille):
    """The families' things are closed to every agent; the agents' own tools open with the permission of each."""
    compte, client = role
    _, choses = belle_famille
    avant = sceau()
    # The preview of a file asks what the file asks; a PDF has none.
    for nom in (choses.keys() | OUTILS.keys()) - {"fichier_apercu"}:
        if nom not in OUTILS or not compte.has_perm(OUTILS[nom]):
            refuse(client, adresse(nom, choses.get(nom, {})), METHODES)
    assert sceau() == avant
    permis = {nom for nom, permission in OUTILS.items() if compte.has_perm(permission)}
    assert {nom for nom in permis if ouvert(client, adresse(nom, choses.get(nom, {})))} == permis


def test_controle_un_geste_qui_nexige_rien_se_voit(belle_famille, monkeypatch):
    """Negative control: with its check taken off, the action opens to who must be refused."""
    monde, _ = belle_famille
    client = Client()
    client.force_login(factories.utilisateur("sans.groupe", is_staff=True))
    chemin = gestes(monde)["facturation_facture_tresorerie"]
    refuse(client, chemin)
    monkeypatch.setattr(PageAdmin, "exiger", staticmethod(lambda request, permission: None))
    with pytest.raises(AssertionError):
        refuse(client, chemin)
