"""The town hall's pages of households and accounts."""

import pytest
from django.contrib.auth.models import Group, Permission
from django.test import Client

from familles.models import CoordonneesBancaires, Famille, Utilisateur
from portail.accueil import groupes
from portail.socle.models import Trace
from tests.factories import agent, utilisateur

pytestmark = pytest.mark.django_db


@pytest.fixture
def enfance(monde):
    """An agent of the group « Agents enfance »."""
    groupes.installer()
    compte = utilisateur("enfance", is_staff=True)
    compte.groups.add(Group.objects.get(name="Agents enfance"))
    navigateur = Client()
    navigateur.force_login(compte)
    return navigateur


def test_liste_et_recherche(monde):
    client = monde.client(monde.agent)
    page = client.get("/admin/familles/famille/").content.decode()
    assert monde.jean.numero in page and "DUPONT Jean" in page
    for cherche in (monde.claire.numero, "martin", "claire.martin"):
        page = client.get("/admin/familles/famille/", {"q": cherche}).content.decode()
        assert monde.claire.numero in page and monde.jean.numero not in page


def test_requetes_de_la_liste(monde, django_assert_num_queries):
    client = monde.client(monde.agent)
    client.get("/admin/familles/famille/")
    with django_assert_num_queries(7):
        client.get("/admin/familles/famille/")


def test_fiche_et_modification_tracee(monde):
    client = monde.client(monde.agent)
    adresse = f"/admin/familles/famille/{monde.jean.pk}/change/"
    assert client.get(adresse).status_code == 200
    titulaire = monde.jean.responsables.get()
    prefixes = ("responsables", "quotients", "allocataire", "situations_fiscales", "residences")
    donnees = {"archivee_le": ""}
    for prefixe in (*prefixes, "coordonnees_bancaires", "mandats"):
        donnees |= {f"{prefixe}-TOTAL_FORMS": "0", f"{prefixe}-INITIAL_FORMS": "0"}
    donnees |= {
        "responsables-TOTAL_FORMS": "1",
        "responsables-INITIAL_FORMS": "1",
        "responsables-0-id": titulaire.pk,
        "responsables-0-famille": monde.jean.pk,
        "responsables-0-rang": "titulaire",
        "responsables-0-utilisateur": titulaire.utilisateur_id,
        "responsables-0-nom": "DUPONT",
        "responsables-0-prenom": "Jean",
        "responsables-0-profession": "Menuisier",
    }
    assert client.post(adresse, donnees).status_code == 302
    titulaire.refresh_from_db()
    assert titulaire.profession == "Menuisier"
    trace = Trace.objects.get(action="admin.modifier")
    assert trace.famille == monde.jean.numero
    assert "Menuisier" not in str(trace.detail)


def test_une_nouvelle_famille_a_deja_son_numero_et_un_titulaire_a_remplir(monde):
    page = monde.client(monde.agent).get("/admin/familles/famille/add/")
    numeros = Famille.objects.values_list("numero", flat=True)
    assert page.context["adminform"].form["numero"].value() == f"{int(max(numeros)) + 1:013d}"
    (adultes, *_) = [fs.formset for fs in page.context["inline_admin_formsets"]]
    assert [f["rang"].value() for f in adultes.forms] == ["titulaire"]


def test_lire_la_banque_laisse_une_trace(monde, enfance):
    CoordonneesBancaires.objects.create(
        famille=monde.jean, titulaire="DUPONT Jean", iban="FR1420041010050500013M02606"
    )
    adresse = f"/admin/familles/famille/{monde.jean.pk}/change/"
    assert "3M02" not in enfance.get(adresse).content.decode()
    assert not Trace.objects.filter(action="voir_banque").exists()
    assert "FR14 2004 1010 0505 0001 3M02 606" in monde.client(monde.agent).get(adresse).content.decode()
    lue = Trace.objects.get(action="voir_banque")
    assert (lue.qui, lue.famille) == (monde.agent.identifiant, monde.jean.numero)
    assert "FR14" not in str(lue.detail)
    for absente in ("0", "9" * 30, "abc"):
        assert monde.client(monde.agent).get(f"/admin/familles/famille/{absente}/change/").status_code == 302


def test_une_famille_ne_se_supprime_pas(monde):
    assert (
        monde.client(monde.agent).get(f"/admin/familles/famille/{monde.jean.pk}/delete/").status_code == 403
    )


def test_creer_un_compte_parent(enfance):
    page = enfance.get("/admin/familles/utilisateur/add/").content.decode()
    assert "is_staff" not in page and "is_superuser" not in page
    donnees = {
        "identifiant": "Noé.Blanc",
        "prenom": "Noé",
        "nom": "BLANC",
        "courriel": "",
        "password1": "Provisoire7",
        "password2": "Provisoire7",
        # What the form does not offer is not taken.
        "is_staff": "on",
        "is_superuser": "on",
    }
    assert enfance.post("/admin/familles/utilisateur/add/", donnees).status_code == 302
    cree = Utilisateur.objects.get(identifiant="noe.blanc")
    assert cree.doit_changer_mot_de_passe and cree.check_password("Provisoire7")
    assert not cree.is_staff and not cree.is_superuser


def test_identifiant_sans_arobase(enfance):
    donnees = {"identifiant": "a@b.fr", "password1": "Provisoire7", "password2": "Provisoire7"}
    assert "ne contient pas" in enfance.post("/admin/familles/utilisateur/add/", donnees).content.decode()


def test_mot_de_passe_provisoire(enfance, monde):
    jean = Utilisateur.objects.get(identifiant="jean.dupont")
    session = monde.client(monde.jean)
    adresse = f"/admin/familles/utilisateur/{jean.pk}/password/"
    assert enfance.get(adresse).status_code == 200
    assert enfance.post(adresse, {"password1": "Provisoire7", "password2": "Provisoire7"}).status_code == 302
    jean.refresh_from_db()
    assert jean.doit_changer_mot_de_passe and jean.check_password("Provisoire7")
    assert session.get("/compte/").status_code == 302


def test_un_agent_ne_touche_pas_aux_comptes_des_agents(enfance):
    patron = agent("patron")
    for adresse in ("change", "password"):
        reponse = enfance.get(f"/admin/familles/utilisateur/{patron.pk}/{adresse}/")
        assert reponse.status_code in (302, 403, 404)
    donnees = {"password1": "Provisoire7", "password2": "Provisoire7"}
    enfance.post(f"/admin/familles/utilisateur/{patron.pk}/password/", donnees)
    patron.refresh_from_db()
    assert not patron.check_password("Provisoire7")
    assert "patron" not in enfance.get("/admin/familles/utilisateur/").content.decode()


def test_administrateur_cree_un_agent_mais_pas_un_superutilisateur(monde):
    groupes.installer()
    compte = utilisateur("chef", is_staff=True)
    compte.groups.add(Group.objects.get(name="Administrateurs"))
    navigateur = Client()
    navigateur.force_login(compte)
    agents = Group.objects.get(name="Agents enfance")
    donnees = {
        "identifiant": "nouvel.agent",
        "password1": "Provisoire7",
        "password2": "Provisoire7",
        "is_staff": "on",
        "groups": [agents.pk],
        "is_superuser": "on",
    }
    assert navigateur.post("/admin/familles/utilisateur/add/", donnees).status_code == 302
    cree = Utilisateur.objects.get(identifiant="nouvel.agent")
    assert cree.is_staff and list(cree.groups.all()) == [agents] and not cree.is_superuser
    assert navigateur.get(f"/admin/familles/utilisateur/{monde.agent.pk}/change/").status_code == 302


def test_sans_permission(monde):
    compte = utilisateur("stagiaire", is_staff=True)
    compte.user_permissions.add(Permission.objects.get(codename="view_information"))
    navigateur = Client()
    navigateur.force_login(compte)
    for adresse in ("famille/", "utilisateur/", f"famille/{monde.jean.pk}/change/"):
        assert navigateur.get(f"/admin/familles/{adresse}").status_code == 403


def test_la_page_d_un_compte_ne_dit_rien_du_mot_de_passe(monde):
    compte = monde.jean.responsables.get().utilisateur
    client = monde.client(monde.agent)
    page = client.get(f"/admin/familles/utilisateur/{compte.pk}/change/").content.decode()
    assert "Un mot de passe est enregistré." in page
    algorithme, *reste = compte.password.split("$")
    assert algorithme not in page and reste[-1][:6] not in page
    compte.set_unusable_password()
    compte.save()
    page = client.get(f"/admin/familles/utilisateur/{compte.pk}/change/").content.decode()
    assert "Pas de mot de passe." in page
