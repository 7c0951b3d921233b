"""« Ce qui vous attend »: invoices, messages, deadlines, papers, demandes that move. Each line is a link."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.urls import reverse
from django.utils import timezone

from demandes.models import Demande
from demandes.models import Etat as EtatDemande
from enfants.models import Enfant
from facturation.releve import Impayee, url_de_paiement
from familles.models import Famille
from messagerie.models import Conversation, Message
from portail.accueil.pieces_attendues import pieces_attendues
from portail.accueil.rappels import Rappel
from portail.socle.argent import INSECABLE, euros
from portail.socle.templatetags.portail import jour_moyen

# An answer stays on the home page until the next visit, and for this long at most.
REPONSE_JOURS = 7
DETAIL_FACTURES = 2
DETAIL_RAPPELS = 3


@dataclass(frozen=True)
class Attente:
    """A line: icon and tone of its round, what, when or why, one action."""

    icone: str
    ton: str
    titre: str
    detail: str
    action: str
    url: str
    principale: bool = False


@dataclass(frozen=True)
class Moment:
    """Who looks, since when they have not looked, and what the page has already read."""

    famille: Famille
    utilisateur: object
    jour: date
    depuis: datetime
    enfants: list[Enfant]


def attentes(moment: Moment, impayees: list[Impayee], nouveaux: int, rappels: list[Rappel]) -> list[Attente]:
    """What waits for this household, the most pressing first. Five queries at most, however many children."""
    famille, jour = moment.famille, moment.jour
    lues = list(famille.demandes.visibles(jour).avec_jours().order_by("-envoyee_le")[:30])
    en_cours = [d for d in lues if d.est_en_cours]
    return [
        *_factures(impayees, jour),
        *_rappels(rappels),
        *_messages(famille, moment.utilisateur, nouveaux),
        *(
            Attente("fiche", "ocre", p.titre, p.detail, p.action, p.url)
            for p in pieces_attendues(famille, moment.enfants, en_cours, jour)
        ),
        *_demandes(lues, moment),
    ]


def _rappels(rappels: list[Rappel]) -> list[Attente]:
    return [
        Attente("calendrier", "ocre", r.titre, r.detail, "Réserver", r.url) for r in rappels[:DETAIL_RAPPELS]
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
    dernier = (
        Message.objects.filter(conversation__famille=famille)
        .nouveaux(utilisateur)
        .select_related("conversation__structure")
        .order_by("-envoye_le", "-pk")
        .first()
    )
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


def _demandes(lues: list[Demande], moment: Moment) -> list[Attente]:
    """Those the town asks about, each; those answered since the last visit; the others counted in one line."""
    recentes = moment.jour - timedelta(days=REPONSE_JOURS)
    lignes, en_cours = [], 0
    for d in lues:
        adresse = reverse("demande", kwargs={"pk": d.pk})
        if d.etat == EtatDemande.COMPLEMENT:
            detail = f"Demande {d.numero}{INSECABLE}: la mairie attend une précision."
            lignes.append(Attente("avion", "ocre", _nom(d), detail, "Répondre", adresse))
        elif d.est_en_cours:
            en_cours += 1
        elif _repondue(d, recentes, moment.depuis):
            detail = f"{d.etat_en_mots}" + (f"{INSECABLE}: {d.motif}" if d.motif else ".")
            ton = "garance" if d.etat == EtatDemande.REFUSEE else "durance"
            lignes.append(Attente("liste", ton, f"Réponse{INSECABLE}: {_nom(d)}", detail, "Voir", adresse))
    if en_cours:
        titre = f"{en_cours} demande{'s' if en_cours > 1 else ''} en cours"
        lignes.append(
            Attente("horloge", "gris", titre, "La mairie vous répondra ici.", "Suivre", reverse("demandes"))
        )
    return lignes


def _repondue(demande: Demande, recentes: date, depuis: datetime) -> bool:
    """The town answered after the last visit, and not long ago."""
    le = demande.decidee_le
    return (
        demande.etat != EtatDemande.RETIREE
        and le is not None
        and le > depuis
        and timezone.localdate(le) >= recentes
    )


def _nom(demande: Demande) -> str:
    qui = f", {demande.enfant.prenom}" if demande.enfant else ""
    return f"{demande.genre.libelle}{qui}"
