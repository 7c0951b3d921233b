"""What a demande does with its documents: joined, waited for, deleted with the values they prove."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from demandes.types import Absences
from enfants.models import Etat as EtatJour
from messagerie.models import PieceJointe
from portail.socle.fichiers import effacer, effacer_pieces
from portail.socle.models import Collectivite, Fichier
from portail.socle.templatetags.portail import jour_moyen

from .etats import ACCEPTEES, EN_COURS, Etat
from .suite import DemandeEvenement, PieceDemande

PIECES_MAX = 5
TROP = f"{PIECES_MAX} documents au plus par demande."
SANS_ATTESTATION = "L’attestation attendue jusqu’au {} n’est pas arrivée. L’absence est facturée."


class AvecPieces:
    """The part of Demande that is about its documents (a mixin: no field of its own)."""

    @property
    def a_des_pieces(self) -> bool:
        """Without a query when the row comes from `avec_jours`."""
        connu = self.__dict__.get("avec_pieces")
        return self.pieces.exists() if connu is None else connu

    @property
    def accepte_pieces(self) -> str:
        """What the family may still join, in words; empty: nothing."""
        if self.est_en_cours or self._peut_attester(timezone.now()):
            return self.genre.pieces_pour(self.donnees)
        return ""

    @property
    def attend_attestation(self) -> bool:
        """A medical absence that costs the day unless its attestation comes."""
        return self.etat in EN_COURS and bool(self.jours_a_attester) and not self.a_des_pieces

    @property
    def limite_attestation(self) -> date:
        """Last day, in the town's hour, when the attestation may still come."""
        delai = timedelta(days=Collectivite.actuelle().delai_attestation_jours)
        return timezone.localdate(self.envoyee_le) + delai

    @property
    def phrase_attestation(self) -> str:
        jusqu_a = jour_moyen(self.limite_attestation)
        return f"La mairie attend l’attestation du médecin jusqu’au {jusqu_a}. Sans elle, l’absence sera facturée."

    @property
    def attestation_possible(self) -> bool:
        """Whether an attestation may still come, that nothing waits for any more."""
        return Absences.est_medicale(self.donnees) and self._peut_attester(timezone.now())

    def _peut_attester(self, maintenant: datetime) -> bool:
        """The guide: a medical reason always has its attestation, though told in time it was accepted at once. What an
        agent accepted waits for nothing.
        """
        return (
            self.type == Absences.code
            and self.etat in ACCEPTEES
            and self.decidee_par_id is None
            and not self.effacee_le
            and timezone.localdate(maintenant) <= self.limite_attestation
            and not self.a_des_pieces
        )

    @property
    def jours_a_attester(self) -> list:
        """Its days that the attestation would excuse, and that cost without it."""
        if self.type != Absences.code or not Absences.est_medicale(self.donnees):
            return []
        return [
            j
            for j in self.jours.all()
            if not j.decision
            and j.reservation.etat == EtatJour.ABSENCE_DEMANDEE
            and j.reservation.absence_medicale
        ]

    # --- verbs ------------------------------------------------------------------------------------

    @transaction.atomic
    def joindre(self, fichiers: Sequence[Fichier], par, maintenant: datetime) -> None:
        """The family adds documents to a demande that waits, or its attestation. Raises DejaTraitee, ValidationError."""
        self._verrouiller()
        if not self._peut_attester(maintenant):
            self._reprendre()
        if self.attacher(fichiers):
            self._noter(DemandeEvenement.Genre.PIECES, par, maintenant)

    def attacher(self, fichiers: Sequence[Fichier]) -> int:
        """Inside the transaction of a verb, or of the sending. How many were joined: one already there (a second click) is not twice."""
        if not fichiers:
            return 0
        deja = set(self.pieces.values_list("fichier__empreinte", flat=True))
        nouveaux = [f for f in fichiers if f.empreinte not in deja]
        if len(deja) + len(nouveaux) > PIECES_MAX:
            raise ValidationError(TROP)
        PieceDemande.objects.bulk_create(PieceDemande(demande=self, fichier=f) for f in nouveaux)
        for double in (f for f in fichiers if f.empreinte in deja):
            effacer(double)
        self.__dict__.pop("avec_pieces", None)
        return len(nouveaux)

    @transaction.atomic
    def facturer_sans_attestation(self, maintenant: datetime) -> bool:
        """Bill the days of a medical absence whose attestation did not come in time; True if there were some."""
        self._verrouiller()
        jours = {j.reservation_id for j in self.jours_a_attester}
        en_retard = timezone.localdate(maintenant) > self.limite_attestation
        # Talked about, its document may have come by message: an agent decides.
        if (
            self.etat != Etat.ENVOYEE
            or self.conversation_id
            or not jours
            or not en_retard
            or self.pieces.exists()
        ):
            return False
        motif = SANS_ATTESTATION.format(jour_moyen(self.limite_attestation))
        self._decider_jours(set(), jours, motif, None, maintenant)
        return True

    @transaction.atomic
    def effacer(self, maintenant: datetime) -> bool:
        """Empty the values of a decided bank or health demande, delete its documents (of a kind with identity papers:
        the documents only); False: nothing to empty.

        What was asked (names of the fields), by whom and when stays.
        """
        self._verrouiller()
        if not type(self).objects.a_effacer(maintenant).filter(pk=self.pk).exists():
            return False
        gardes = self.genre.gardes if self.genre.sensible else self.donnees.keys()
        self.effaces = [n for n in self.donnees if n not in gardes]
        self.donnees = {n: v for n, v in self.donnees.items() if n in gardes}
        self.avant = {n: v for n, v in self.avant.items() if n in gardes}
        self.effacee_le = maintenant
        self.save(update_fields=["donnees", "avant", "effaces", "effacee_le"])
        jointes = PieceJointe.objects.filter(message__conversation=self.conversation_id)
        nombre = effacer_pieces(self.pieces.all()) + effacer_pieces(jointes)
        self._noter(DemandeEvenement.Genre.EFFACEE, None, maintenant, _combien(nombre))
        return True


def _combien(pieces: int) -> str:
    if not pieces:
        return ""
    return "1 document effacé." if pieces == 1 else f"{pieces} documents effacés."
