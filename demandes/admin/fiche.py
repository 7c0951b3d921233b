"""What the agent's page of a demande shows, and the form it posts."""

from dataclasses import dataclass
from datetime import datetime

from django.contrib import admin
from django.urls import reverse
from django.utils import timezone

from demandes.models import Demande, DemandeJour
from demandes.textes import Ligne, jours_en_mots, lignes_de, titre
from enfants.agents import structures_de
from enfants.models import Creneau, Enfant, Reservation
from enfants.places_occupation import occupations
from facturation.cloture import avertir, deja_factures
from facturation.estimation import estimer
from familles.models import Famille

from .droits import demandes_de_l_agent, interlocuteur, lisible
from .forms import DEPASSER, Decision

HISTORIQUE = 6


def age(envoyee_le: datetime) -> str:
    """« aujourd’hui », « hier », « il y a 4 jours »."""
    jours = (timezone.localdate() - timezone.localdate(envoyee_le)).days
    return {0: "aujourd’hui", 1: "hier"}.get(jours, f"il y a {jours} jours")


def lignes(demande: Demande) -> list[Ligne]:
    """Before, asked, and now while it waits. Empty for a planning demande."""
    if demande.genre.planning:
        return []
    formulaire = demande.formulaire(timezone.localdate())
    actuelles = formulaire.valeurs if demande.est_en_cours else None
    return lignes_de(demande, formulaire, actuelles, en_clair=True)


def _vu(demande: Demande, permis: bool) -> str:
    if demande.genre.planning or not permis:
        return ""
    return demande.formulaire(timezone.localdate()).empreinte()


def decision(demande: Demande, agent, permis: bool, data=None) -> Decision:
    return Decision(
        data,
        demande=demande,
        structures=structures_de(agent),
        a_change=permis and any(ligne.a_change for ligne in lignes(demande)),
        interlocuteur=interlocuteur(agent, demande) if data is not None else None,
        initial={"vu": _vu(demande, permis)},
    )


def reprendre(faite: Decision, demande: Demande, agent) -> Decision:
    """The same form over the values of now, with what was typed; « I have compared » is to be ticked again."""
    faite.data = faite.data.copy()
    faite.data["vu"] = _vu(demande, True)
    faite.data.pop("confirme", None)
    return faite


def contexte(agent, demande: Demande, faite: Decision, permis: bool) -> dict:
    valeurs = lignes(demande) if permis else []
    jours = _jours(agent, demande, faite, permis)
    fil = []
    if permis and demande.conversation:
        fil = demande.conversation.messages.select_related("auteur").prefetch_related("pieces__fichier")
    return {
        "title": f"{titre(demande)}\N{NO-BREAK SPACE}: demande {demande.numero}",
        "subtitle": None,
        "demande": demande,
        "decision": faite,
        "lisible": permis,
        "en_cours": demande.est_en_cours,
        "age": age(demande.envoyee_le),
        "lignes": valeurs,
        "pieces": demande.pieces.select_related("fichier") if permis else (),
        "a_change": any(ligne.a_change for ligne in valeurs),
        "jours": jours,
        "depasse": any(ligne.complet for ligne in jours) and agent.has_perm(DEPASSER),
        "decide_places": permis and demande.type == "reservations" and bool(faite.parmi),
        "factures": jours_en_mots(r.jour for r in _factures(demande, faite)) if permis else "",
        "en_plus": _en_plus(demande, faite) if permis else [],
        "raison": demande.genre.texte(demande.donnees) if demande.type == "absences" and permis else "",
        "evenements": demande.evenements.select_related("par"),
        "fil": fil,
        "autres": [
            (autre, titre(autre), lisible(agent, autre))
            for autre in demandes_de_l_agent(agent)
            .filter(famille=demande.famille)
            .exclude(pk=demande.pk)
            .avec_jours()
            .order_by("-envoyee_le")[:HISTORIQUE]
        ],
        "semblables": faite.fields["existant"].queryset,
        **_liens(agent, demande),
    }


@dataclass(frozen=True)
class LigneJour:
    """A day of the page. `ouvert`: this agent may decide it; `places` and `prix` only while it waits."""

    jour: DemandeJour
    ouvert: bool
    choisi: bool
    places: str = ""
    creneau_url: str = ""
    prix: int | None = None
    complet: bool = False


def _jours(agent, demande: Demande, faite: Decision, permis: bool) -> list[LigneJour]:
    """Its days, with what one needs to decide: places left, rank in the waiting list, price."""
    choisis = {str(v) for v in faite["jours"].value() or []}
    lignes = [j for j in demande.jours.all() if j.reservation_id in faite.parmi]
    ouvertes = [j.reservation for j in lignes] if demande.type == "reservations" and permis else []
    places = occupations(ouvertes)
    prix = estimer(demande.famille, [(r.enfant, r.prestation, r.jour, r.hors_delai) for r in ouvertes])
    centimes = {r.pk: p.centimes for r, p in zip(ouvertes, prix, strict=True) if p}
    voit = admin.site.is_registered(Creneau) and agent.has_perm("enfants.view_creneau")

    def ligne(j: DemandeJour) -> LigneJour:
        o = places.get(j.reservation_id)
        return LigneJour(
            j,
            j.reservation_id in faite.parmi,
            str(j.reservation_id) in choisis,
            o.en_mots if o else "",
            reverse("admin:enfants_creneau_change", args=[o.creneau]) if o and o.creneau and voit else "",
            centimes.get(j.reservation_id),
            bool(o and o.complet and not o.tenue),
        )

    return [ligne(j) for j in demande.jours.all()]


def _factures(demande: Demande, faite: Decision) -> list[Reservation]:
    """Days to decide that an invoice already bills: to accept the absence asks the régisseur for an avoir."""
    return deja_factures(j.reservation for j in demande.jours.all() if j.reservation_id in faite.parmi)


def _en_plus(demande: Demande, faite: Decision) -> list[str]:
    """Days to decide inside an issued campagne: to accept them asks the régisseur for a complement."""
    if demande.type != "reservations":
        return []
    lignes = [j.reservation for j in demande.jours.all() if j.reservation_id in faite.parmi]
    return avertir(ajoutes=[(r.payeur_id, r.enfant_id, r.prestation_id, r.jour) for r in lignes])


def _liens(agent, demande: Demande) -> dict:
    """The family's page and each child's planning, where this agent may open them."""
    enfants = {j.reservation.enfant_id: j.reservation.enfant for j in demande.jours.all()}
    if demande.enfant:
        enfants.setdefault(demande.enfant_id, demande.enfant)
    voit_famille = admin.site.is_registered(Famille) and agent.has_perm("familles.view_famille")
    voit_enfants = admin.site.is_registered(Enfant) and agent.has_perm("enfants.view_enfant")
    voit_jours = admin.site.is_registered(Reservation) and agent.has_perm("enfants.view_reservation")
    jours = reverse("admin:enfants_reservation_changelist") if voit_jours else ""
    return {
        "famille_url": reverse("admin:familles_famille_change", args=[demande.famille_id])
        if voit_famille
        else None,
        "enfants": [
            (
                e,
                reverse("admin:enfants_enfant_change", args=[e.pk]) if voit_enfants else "",
                f"{jours}?enfant__id__exact={e.pk}" if jours else "",
            )
            for e in enfants.values()
        ],
    }
