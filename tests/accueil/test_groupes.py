"""The town hall's groups: written again and again the same, and nobody holds what is not theirs."""

import pytest
from django.contrib.auth.models import Group
from django.core.management import call_command

from portail.accueil import groupes
from portail.socle.models import Trace
from tests.factories import agent, utilisateur

pytestmark = pytest.mark.django_db


def agent_de(nom: str):
    compte = utilisateur(nom[:3], is_staff=True)
    compte.groups.add(Group.objects.get(name=nom))
    return compte


def test_idempotent_et_exact(capsys):
    call_command("groupes")
    premiere = {g.name: set(g.permissions.values_list("codename", flat=True)) for g in Group.objects.all()}
    Group.objects.get(name="Agents enfance").permissions.clear()
    call_command("groupes")
    seconde = {g.name: set(g.permissions.values_list("codename", flat=True)) for g in Group.objects.all()}
    assert premiere == seconde and set(premiere) == {"Agents enfance", "Régisseurs", "Administrateurs"}


@pytest.mark.parametrize(
    ("groupe", "oui", "non"),
    [
        (
            "Agents enfance",
            (
                "demandes.traiter_demande",
                "demandes.voir_sante",
                "familles.change_famille",
                "enfants.add_pointage",
            ),
            (
                "demandes.voir_banque",
                "facturation.emettre_campagne",
                "auth.change_group",
                "familles.view_mandatsepa",
            ),
        ),
        (
            "Régisseurs",
            ("facturation.emettre_campagne", "facturation.add_reglement", "demandes.voir_banque"),
            (
                "demandes.voir_sante",
                "enfants.change_enfant",
                "enfants.view_fichesanitaire",
                "familles.change_utilisateur",
                "auth.change_group",
            ),
        ),
        (
            "Administrateurs",
            ("auth.change_group", "socle.change_collectivite", "socle.view_trace", "demandes.voir_sante"),
            (
                "socle.change_trace",
                "socle.delete_trace",
                "facturation.change_facture",
                "facturation.delete_facture",
            ),
        ),
    ],
)
def test_droits(groupe, oui, non):
    groupes.installer()
    compte = agent_de(groupe)
    assert [p for p in oui if not compte.has_perm(p)] == []
    assert [p for p in non if compte.has_perm(p)] == []


def test_une_permission_inconnue_est_une_erreur(monkeypatch):
    monkeypatch.setitem(groupes.GROUPES, "Essai", {"modeles": [], "propres": ("demandes.rien",)})
    with pytest.raises(LookupError):
        groupes.installer()
    assert not Group.objects.exists()


def test_un_agent_ne_choisit_pas_ses_structures():
    call_command("groupes")
    agent = agent_de("Agents enfance")
    assert agent.has_perm("enfants.view_affectationagent")
    assert not agent.has_perm("enfants.add_affectationagent")
    assert not agent.has_perm("enfants.change_affectationagent")


class TestPageDUnGroupe:
    """Django's own names of permissions are English; the portal's three groups are not to be deleted."""

    def test_en_francais(self, monde):
        groupes.installer()
        groupe = Group.objects.get(name="Régisseurs")
        navigateur = monde.client(agent("admin"))
        page = navigateur.get(f"/admin/auth/group/{groupe.pk}/change/").content.decode()
        assert "| responsable | Modifier</option>" in page and "| Peut traiter les demandes</option>" in page
        assert "Can " not in page and "session" not in page.split("id_permissions")[1].split("</select>")[0]
        choisies = [p.pk for p in groupe.permissions.filter(codename__startswith="view_")]
        donnees = {"name": groupe.name, "permissions": choisies}
        assert navigateur.post(f"/admin/auth/group/{groupe.pk}/change/", donnees).status_code == 302
        assert set(groupe.permissions.values_list("pk", flat=True)) == set(choisies)
        assert Trace.objects.filter(action="admin.modifier", objet_type="auth.group").count() == 1

    def test_supprimer(self, monde):
        groupes.installer()
        navigateur = monde.client(agent("admin"))
        prevu, sien = Group.objects.get(name="Régisseurs"), Group.objects.create(name="Stagiaires")
        sien.permissions.add(prevu.permissions.first())
        assert navigateur.post(f"/admin/auth/group/{prevu.pk}/delete/", {"post": "yes"}).status_code == 403
        page = navigateur.get(f"/admin/auth/group/{sien.pk}/delete/").content.decode()
        assert "Stagiaires" in page and "object (" not in page
        assert navigateur.post(f"/admin/auth/group/{sien.pk}/delete/", {"post": "yes"}).status_code == 302
        tous = {"action": "delete_selected", "_selected_action": [prevu.pk], "post": "yes"}
        navigateur.post("/admin/auth/group/", tous)
        assert set(Group.objects.values_list("name", flat=True)) == set(groupes.GROUPES)
