"""An agent's page of a household: its children, demandes and money in one block, each as the admin lets this agent
see it.
"""

from dataclasses import dataclass, field
from datetime import date

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse

from demandes.admin import demandes_de_l_agent, peut_traiter
from demandes.textes import titre
from enfants.admin.commun import limitee
from enfants.models import Enfant
from facturation.models import Facture
from facturation.releve import impayees, solde
from familles.admin_acces import PERMISSION
from familles.models import Famille
from messagerie.models import Conversation
from portail.socle.argent import INSECABLE, euros
from portail.socle.templatetags.portail import jour_court


@dataclass(frozen=True)
class Lien:
    """Words, and their page in the admin when there is one."""

    mots: str
    url: str = ""


@dataclass(frozen=True)
class Rubrique:
    """A line of the block; `vide` is said when there is nothing to list."""

    titre: str
    liens: list[Lien] = field(default_factory=list)
    vide: str = ""


def dossier(famille: Famille, request: HttpRequest, jour: date) -> list[Rubrique]:
    """What this agent may read about the household, in the order of a telephone call."""
    rubriques = []
    if _voit(Enfant, request):
        rubriques.append(Rubrique("Enfants", _enfants(famille, request, jour), "Aucun."))
    if peut_traiter(request.user):
        rubriques.append(Rubrique("Demandes qui attendent", _demandes(famille, request), "Aucune."))
    if _voit(Conversation, request):
        rubriques.append(Rubrique("Messages sans réponse", _messages(famille, request), "Aucun."))
    if _voit(Facture, request) and _voit_l_argent(request):
        rubriques.append(Rubrique("Solde", [Lien(_solde(solde(famille)))]))
        rubriques.append(Rubrique("Factures impayées", _factures(famille), "Aucune."))
    if request.user.has_perm(PERMISSION) and not famille.archivee_le:
        acces = Lien(
            "Identifiants, lettre ou lien d’activation",
            reverse("admin:familles_famille_acces", args=[famille.pk]),
        )
        rubriques.append(Rubrique("Accès au portail", [acces]))
    return rubriques


def messages_en_attente(request: HttpRequest) -> int | None:
    """How many conversations wait for this agent's answer; None when they do not answer any. One query."""
    gestion = admin.site.get_model_admin(Conversation)
    if not gestion.has_change_permission(request):
        return None
    return Conversation.objects.pour_agent(request.user).filter(attend_reponse=True).count()


def _voit(modele, request: HttpRequest) -> bool:
    return admin.site.get_model_admin(modele).has_view_permission(request)


def _voit_l_argent(request: HttpRequest) -> bool:
    """As in the admin of facturation: an agent of some structures sees no household's money, régisseurs apart."""
    return not limitee(request.user) or request.user.has_perm("facturation.emettre_campagne")


def _enfants(famille: Famille, request: HttpRequest, jour: date) -> list[Lien]:
    visibles = admin.site.get_model_admin(Enfant).get_queryset(request).values("pk")
    miens = Enfant.objects.de_la_famille(famille, jour).filter(pk__in=visibles)
    return [
        Lien(
            f"{e.prenom} {e.nom}, {'née' if e.sexe == Enfant.Sexe.FILLE else 'né'} le {jour_court(e.naissance)}",
            reverse("admin:enfants_enfant_change", args=[e.pk]),
        )
        for e in miens
    ]


def _demandes(famille: Famille, request: HttpRequest) -> list[Lien]:
    attendent = demandes_de_l_agent(request.user).a_traiter().filter(famille=famille).avec_jours()
    return [
        Lien(
            f"{titre(d)} ({d.numero}), envoyée le {jour_court(d.envoyee_le)}",
            reverse("admin:demandes_demande_change", args=[d.pk]),
        )
        for d in attendent
    ]


def _messages(famille: Famille, request: HttpRequest) -> list[Lien]:
    attendent = Conversation.objects.pour_agent(request.user).filter(famille=famille, attend_reponse=True)
    return [Lien(c.objet, reverse("admin:messagerie_conversation_change", args=[c.pk])) for c in attendent]


def _solde(centimes: int) -> str:
    if centimes > 0:
        return f"{euros(centimes)} à payer"
    return f"{euros(-centimes)} en faveur de la famille" if centimes < 0 else euros(0)


def _factures(famille: Famille) -> list[Lien]:
    liste = reverse("admin:facturation_facture_changelist")
    return [
        Lien(
            f"{f.reference}{INSECABLE}: {euros(f.reste)}"
            + (f", échéance le {jour_court(f.echeance)}" if f.echeance else ""),
            f"{liste}?q={f.reference}",
        )
        for f in impayees(famille)
    ]
