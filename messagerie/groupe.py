"""One message to every household of a structure, or of one of its services: a conversation each, mails by the outbox."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import uuid5

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from enfants.models import Inscription, Prestation, Rattachement, Structure
from familles.models import Famille, Utilisateur
from messagerie.envoi import Envoi, lettres
from messagerie.models import Conversation, Message
from portail.socle.courriels import poster_ensemble
from portail.socle.traces import tracer
from portail.socle.verrous import verrouiller_un


@dataclass(frozen=True)
class Cible:
    """Whom an agent writes to: a structure, or one of its services."""

    structure: Structure
    prestation: Prestation | None = None

    def __str__(self) -> str:
        return str(self.prestation or self.structure)

    @property
    def cle(self) -> str:
        return f"p{self.prestation.pk}" if self.prestation else f"s{self.structure.pk}"


def familles_de(cible: Cible, jour: date) -> QuerySet[Famille]:
    """Households enrolled there that day or later, and, of a school, those of its pupils: as long as they hold the
    child.
    """
    liens = Rattachement.objects.filter(Rattachement.en_cours("", jour))
    tenue = liens.filter(enfant=OuterRef("enfant"), famille=OuterRef("famille"))
    inscriptions = Inscription.objects.en_cours(jour, date.max).filter(Exists(tenue))
    if cible.prestation:
        familles = Q(pk__in=inscriptions.filter(prestation=cible.prestation).values("famille"))
    else:
        eleves = liens.filter(
            enfant__scolarites__ecole=cible.structure, enfant__scolarites__annee__fin__gte=jour
        )
        siennes = inscriptions.filter(prestation__structure=cible.structure)
        familles = Q(pk__in=siennes.values("famille")) | Q(pk__in=eleves.values("famille"))
    return Famille.objects.filter(familles, archivee_le=None).order_by("pk")


@transaction.atomic
def ecrire_a_toutes(
    cible: Cible, familles: Sequence[Famille], objet: str, envoi: Envoi, maintenant: datetime
) -> bool:
    """A conversation for each of these households (read with their adults); False when the same form already did."""
    # The agent's own row makes the second click of a double click wait for the first.
    verrouiller_un(Utilisateur.objects.filter(pk=envoi.par.pk))
    # The words count too: a form found again with the back button, then changed, is another message.
    jetons = [uuid5(envoi.jeton, f"{f.pk}|{cible.cle}|{objet}|{envoi.texte}") for f in familles]
    if Message.objects.filter(auteur=envoi.par, jeton__in=jetons).exists():
        return False
    conversations = Conversation.objects.bulk_create(
        Conversation(
            famille=f, structure=cible.structure, objet=objet, creee_le=maintenant, dernier_le=maintenant
        )
        for f in familles
    )
    messages = Message.objects.bulk_create(
        Message(
            conversation=conversation,
            auteur=envoi.par,
            auteur_nom=conversation.interlocuteur,
            de_la_mairie=True,
            texte=envoi.texte,
            envoye_le=maintenant,
            jeton=jeton,
        )
        for conversation, jeton in zip(conversations, jetons, strict=True)
    )
    ecrits = zip(messages, conversations, strict=True)
    poster_ensemble(lettre for ecrit in ecrits for lettre in lettres(*ecrit))
    tracer(envoi.par, "message_groupe", cible.prestation or cible.structure, familles=len(familles))
    return True
