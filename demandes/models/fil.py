"""What the family and the town say to one another about a demande: one conversation, read from both sides."""

from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import transaction

from messagerie.envoi import Envoi
from messagerie.envoi import ouvrir as ouvrir_un_fil
from messagerie.envoi import repondre as ecrire
from messagerie.models import Conversation, Message

from .etats import Etat
from .suite import DemandeEvenement


class AvecFil:
    """The part of Demande that talks (a mixin: its fields are those of Demande)."""

    @transaction.atomic
    def demander_complement(self, par, texte: str, maintenant: datetime, structure=None) -> None:
        """Ask the family for something more, in its inbox; it answers there or on the page of the demande.

        `structure`: in whose name, the first time (None: the town's service).
        """
        if not texte.strip():
            raise ValidationError("Écrivez ce que la famille doit préciser.")
        self._reprendre()
        envoi = Envoi(par=par, texte=texte.strip(), de_la_mairie=True, prevenir=False)
        self._ecrire(envoi, maintenant, structure)
        self.etat = Etat.COMPLEMENT
        self.save(update_fields=["etat"])
        evenement = self._noter(DemandeEvenement.Genre.COMPLEMENT, par, maintenant)
        self._prevenir(evenement, texte.strip())

    @transaction.atomic
    def recevoir(self, envoi: Envoi, maintenant: datetime) -> Message:
        """The family writes about it, from either page. What the town waited for brings the demande back to it.

        A form posted twice writes once; a demande already decided only gets the message.
        """
        self._verrouiller()
        message = self._ecrire(envoi, maintenant)
        if self.etat == Etat.COMPLEMENT and self.est_en_cours:
            self.etat = Etat.ENVOYEE
            self.save(update_fields=["etat"])
            self._noter(DemandeEvenement.Genre.REPONSE, envoi.par, maintenant)
            # The demande waits for the town from now on: the message is not a second thing to answer.
            Conversation.objects.filter(pk=self.conversation_id).update(attend_reponse=False)
        return message

    def repondre(self, par, texte: str, maintenant: datetime) -> None:
        """The answer to a complément, in words only."""
        if not texte.strip():
            raise ValidationError("Écrivez votre réponse.")
        self.recevoir(Envoi(par=par, signature=str(par), texte=texte.strip()), maintenant)

    def _ecrire(self, envoi: Envoi, maintenant: datetime, structure=None) -> Message:
        """A message of its conversation, opened by the first one."""
        if self.conversation_id:
            return ecrire(self.conversation, envoi, maintenant)
        objet = f"Demande {self.numero}\N{NO-BREAK SPACE}: {self.genre.libelle}"
        message = ouvrir_un_fil(self.famille, structure, objet, envoi, maintenant, self.permission)
        self.conversation = message.conversation
        self.save(update_fields=["conversation"])
        return message
