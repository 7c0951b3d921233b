"""« Ce qui vous attend »: invoices, messages, deadlines, papers, demandes that move. Each line is a link."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from uuid import UUID

from django.urls import reverse
from django.utils import timezone

from demandes import lecture
from demandes.declin import liberees_du_foyer
from demandes.models import Demande
from demandes.models import Etat as EtatDemande
from demandes.recap import quand
from enfants import regles
from enfants.models import Enfant, Etat
from facturation.releve import Impayee, url_de_paiement
from familles.models import Famille, Utilisateur
from messagerie.models import Conversation, Message
from portail.accueil.pieces_attendues import pieces_attendues
from portail.accueil.rappels import Rappel
from portail.socle.argent import INSECABLE, euros
from portail.socle.lecture import Preparee
from portail.socle.templatetags.portail import jour_moyen

# An answer stays on the home page until the next visit, and for this long at most.
REPONSE_JOURS = 7
# The portal's own answer comes in the minute; the town's does not.
SUR_LE_CHAMP = timedelta(minutes=1)
DETAIL_FACTURES = 2
DETAIL_RAPPELS = 3

DERNIER_MESSAGE = Preparee(
    lambda famille, utilisateur: (
        Message.objects.filter(conversation__famille=famille)
        .nouveaux(utilisateur)
        .select_related("conversation__structure")
        .order_by("-envoye_le", "-pk")[:1]
    ),
    Famille._meta.pk,
    Utilisateur._meta.pk,
)


@dataclass(frozen=True)
class Attente:
    """A line: icon and tone of its round, what, when or why, one action. `url_etroite`: where it leads on a phone, when
    the page for a wide screen is another.
    """

    icone: str
    ton: str
    titre: str
    detail: str
    action: str
    url: str
    principale: bool = False
    url_etroite: str = ""


@dataclass(frozen=True)
class Moment:
    """Who looks, since when they have not looked, and what the page has already read."""

    famille: Famille
    utilisateur: object
    jour: date
    depuis: datetime
    enfants: list[Enfant]


def attentes(moment: Moment, impayees: list[Impayee], nouveaux: int, rappels: list[Rappel]) -> list[Attente]:
    """What waits for this household, the most pressing first. Six queries at most, however many children."""
    famille, jour = moment.famille, moment.jour
    recentes = timezone.make_aware(datetime.combine(jour - timedelta(days=REPONSE_JOURS), time()))
    depuis = max(moment.depuis, recentes)
    lues = lecture.en_mouvement(famille, jour, depuis)
    en_cours = [d for d in lues if d.est_en_cours]
    return [
        *_factures(impayees, jour),
        *_precisions(lues),
        *_places(moment),
        *_rappels(rappels),
        *_messages(famille, moment.utilisateur, nouveaux),
        *(
            Attente("fiche", "ocre", p.titre, p.detail, p.action, p.url)
            for p in pieces_attendues(famille, moment.enfants, en_cours, jour)
        ),
        *_reponses(lues, moment.utilisateur, depuis),
        *_suivi(lues),
    ]


def _places(moment: Moment) -> list[Attente]:
    """Places come from the waiting list, that may still be declined: a line for each service of a demande, and for what
    became of its days; nothing of a child this household no longer holds.
    """
    groupes, siens = defaultdict(list), {e.pk for e in moment.enfants}
    for demande, r, limite in liberees_du_foyer(moment.famille, moment.jour, timezone.now()):
        if r.enfant_id in siens:
            groupes[demande, r.enfant_id, r.prestation_id, r.etat].append((r, limite))
    return [_place(demande, lignes, moment.jour) for (demande, *_), lignes in groupes.items()]


def _place(demande: UUID, lignes: list[tuple], jour: date) -> Attente:
    reservation, nombre = lignes[0][0], len(lignes)
    jours = quand([r.jour for r, _ in lignes])
    limite = regles.instant_en_mots(regles.plus_tot(*(limite for _, limite in lignes)), jour)
    un, des = ("Une place est disponible", "Des places sont disponibles")
    reserve = "elle est réservée" if nombre == 1 else "elles sont réservées"
    if reservation.etat != Etat.RESERVEE:
        reserve = "la mairie doit encore accepter"
    detail = f"{reservation.prestation.nom}, {jours[:1].lower()}{jours[1:]}{INSECABLE}: {reserve}. "
    detail += f"Vous pouvez {'la' if nombre == 1 else 'les'} décliner sans frais jusqu’au {limite}."
    titre = f"{un if nombre == 1 else des} pour {reservation.enfant.prenom}"
    return Attente("calendrier", "durance", titre, detail, "Voir", reverse("demande", args=[demande]))


def _rappels(rappels: list[Rappel]) -> list[Attente]:
    return [
        Attente("calendrier", "ocre", r.titre, r.detail, "Réserver", r.url, url_etroite=r.url_semaine)
        for r in rappels[:DETAIL_RAPPELS]
    ]


def _factures(impayees: list[Impayee], jour: date) -> list[Attente]:
    payables = [f for f in impayees if f.payable]
    if len(payables) > DETAIL_FACTURES:
        total = sum(f.reste for f in payables)
        # A payment carries one régie: that of the oldest invoice goes first.
        ensemble = [f.reference for f in payables if f.regie == payables[0].regie]
        adresse = url_de_paiement(ensemble)
        en_retard = sum(1 for f in payables if f.echeance and f.echeance < jour)
        detail = f"Dont {en_retard} après l’échéance." if en_retard else "Avant leur échéance."
        titre = f"{len(payables)} factures à payer{INSECABLE}: {euros(total)}"
        return [Attente("facture", "garance", titre, detail, "Payer", adresse, principale=True)]
    lignes = []
    for f in payables:
        if f.echeance is None:
            detail = "À payer dès maintenant."
        elif f.echeance < jour:
            detail = f"Il fallait la payer avant le {jour_moyen(f.echeance)}."
        else:
            detail = f"À payer avant le {jour_moyen(f.echeance)}."
        titre = f"Facture {f.reference}{INSECABLE}: {euros(f.reste)}"
        lignes.append(
            Attente("facture", "garance", titre, detail, "Payer", f.url_paiement, principale=not lignes)
        )
    return lignes


def _messages(famille: Famille, utilisateur, nouveaux: int) -> list[Attente]:
    if not nouveaux:
        return []
    dernier = next(iter(DERNIER_MESSAGE.objets(famille.pk, utilisateur.pk)), None)
    titre = "1 nouveau message" if nouveaux == 1 else f"{nouveaux} nouveaux messages"
    if dernier is None:
        return []
    conversation: Conversation = dernier.conversation
    detail = f"{conversation.interlocuteur}{INSECABLE}: «{INSECABLE}{conversation.objet}{INSECABLE}»."
    if nouveaux == 1:
        adresse = reverse("conversation", kwargs={"pk": conversation.pk})
    else:
        adresse = reverse("messagerie")
    return [Attente("enveloppe", "ciel", titre, detail, "Lire", adresse)]


def _precisions(lues: list[Demande]) -> list[Attente]:
    """Demandes the town cannot go on with: the household must answer."""
    return [
        Attente(
            "avion",
            "ocre",
            _nom(d),
            f"Demande {d.numero}{INSECABLE}: la mairie attend une précision.",
            "Répondre",
            reverse("demande", kwargs={"pk": d.pk}),
        )
        for d in lues
        if d.etat == EtatDemande.COMPLEMENT
    ]


def _reponses(lues: list[Demande], utilisateur, depuis: datetime) -> list[Attente]:
    """What the town answered since the last visit: refusals each, several agreements in one line."""
    repondues = [d for d in lues if _repondue(d, depuis) and d.decidee_par_id != utilisateur.pk]
    acceptees = [d for d in repondues if d.etat == EtatDemande.ACCEPTEE]
    if len(acceptees) < 2:
        return [_reponse(d) for d in repondues]
    lignes = [_reponse(d) for d in repondues if d.etat != EtatDemande.ACCEPTEE]
    titre = f"{len(acceptees)} demandes acceptées depuis votre dernière visite"
    detail = f"La dernière{INSECABLE}: {_nom(max(acceptees, key=lambda d: d.decidee_le))}."
    return [*lignes, Attente("liste", "durance", titre, detail, "Voir", _liste(acceptees))]


def _reponse(demande: Demande) -> Attente:
    detail = demande.etat_en_mots + (f"{INSECABLE}: {demande.motif}" if demande.motif else ".")
    ton = "garance" if demande.etat == EtatDemande.REFUSEE else "durance"
    adresse = reverse("demande", kwargs={"pk": demande.pk})
    return Attente("liste", ton, f"Réponse{INSECABLE}: {_nom(demande)}", detail, "Voir", adresse)


def _suivi(lues: list[Demande]) -> list[Attente]:
    """What waits for the town; what waits for the household has its own line above."""
    suivies = [
        d for d in lues if d.est_en_cours and d.etat != EtatDemande.COMPLEMENT and not d.attend_attestation
    ]
    if not suivies:
        return []
    titre = f"{len(suivies)} demande{'s' if len(suivies) > 1 else ''} en cours"
    adresse = _liste(suivies)
    return [Attente("horloge", "gris", titre, "La mairie vous répondra ici.", "Suivre", adresse)]


def _liste(demandes: list[Demande]) -> str:
    """The tab that shows them; when they are in both, that of the children."""
    toutes_du_compte = all(d.genre.categorie == "compte" for d in demandes)
    return reverse("demandes" if toutes_du_compte else "demandes_enfants")


def _repondue(demande: Demande, depuis: datetime) -> bool:
    """Somebody answered after that instant. What the portal accepted while the parent was sending it has been seen."""
    le = demande.decidee_le
    if le is None or demande.etat == EtatDemande.RETIREE or demande.est_en_cours:
        return False
    sur_le_champ = demande.decidee_par_id is None and le - demande.envoyee_le < SUR_LE_CHAMP
    return not sur_le_champ and le > depuis


def _nom(demande: Demande) -> str:
    qui = f", {demande.enfant.prenom}" if demande.enfant else ""
    return f"{demande.genre.libelle}{qui}"
