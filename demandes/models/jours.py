"""The days of a planning demande: decided by `enfants.places`, and what they make of the demande."""

from collections.abc import Sequence
from datetime import datetime
from typing import ClassVar

from django.core.exceptions import ValidationError
from django.db import transaction

from enfants import places
from enfants.models import Etat as EtatJour
from enfants.models import Reservation
from facturation.cloture import FACTURE, deja_factures

from .etats import (
    ACCEPTEE,
    ACCEPTEES,
    ATTEND_LA_MAIRIE,
    ATTENDENT,
    EN_COURS,
    REFUSEE,
    DejaTraitee,
    Etat,
    en_mots,
    etat_des_jours,
)
from .suite import DemandeEvenement, DemandeJour

FACTUREE = "L’absence est facturée."


class AvecJours:
    """The part of Demande that reads and decides its days (a mixin: its fields are those of Demande)."""

    vient_de_les_porter = False
    rangs_connus: ClassVar[dict[int, int]] = {}
    refus_connus: ClassVar[Sequence[tuple]] = ()

    @property
    def etat_lu(self) -> str:
        """The state a person reads: that of its days, once all are settled elsewhere (a place freed…)."""
        if self.etat not in EN_COURS or not self.genre.planning:
            return self.etat
        return etat_des_jours([j.decision_lue for j in self.jours.all()]) or self.etat

    @property
    def est_en_cours(self) -> bool:
        return self.etat_lu in EN_COURS

    @property
    def etat_en_mots(self) -> str:
        decisions = {j.decision_lue for j in self.jours.all()} if self.genre.planning else {REFUSEE}
        mots = en_mots(self.etat_lu, decisions, self.type == "absences")
        return mots + {"": "", "tout": ", facturée", "partie": ", facturée en partie"}[self.reste_facturee]

    @property
    def cout_dit(self) -> str:
        """What the cost its recap announced still is: « annonce » while every day is as it was told, « envoi » once all
        are booked; empty: one of them went another way, the sum is of nothing any more.
        """
        jours = self.jours.all() if self.estimation else ()
        if not jours:
            return ""
        # A booking is a row of its own, sent at version 1: whatever moves it adds one.
        if all(j.reservation.version == 1 for j in jours):
            return "annonce"
        return "envoi" if all(j.reservation.etat == EtatJour.RESERVEE for j in jours) else ""

    @property
    def jours_factures(self) -> list[DemandeJour]:
        """Days of an absence that cost all the same, since it was told too late: nobody refused anything."""
        return [
            j
            for j in self.jours.all()
            if j.decision == ACCEPTEE and j.reservation.etat == EtatJour.ABSENT_FACTURE
        ]

    @property
    def reste_facturee(self) -> str:
        """« tout » or « partie »: what of an absence taken into account costs all the same; empty: nothing."""
        if self.type != "absences" or self.etat_lu not in ACCEPTEES or not (factures := self.jours_factures):
            return ""
        return "tout" if len(factures) == len(self.jours.all()) else "partie"

    def porter(
        self,
        reservations: list[Reservation],
        rangs: dict[int, int] | None = None,
        refus: Sequence[tuple] = (),
    ) -> None:
        """Its days, just booked or declared absent, and the e-mail: accepted when none waits for anyone, else sent.
        `rangs`: reservation → rank on the waiting list; `refus`: (child, service, day, why) of what was asked with
        them and could not be sent.

        Places are locked meanwhile: what was just written is not read again, not even for the e-mail.
        """
        action = DemandeJour.Action.ABSENCE if self.type == "absences" else DemandeJour.Action.RESERVER
        jours = [
            DemandeJour(
                demande=self, reservation=r, action=action, decision="" if r.etat in ATTENDENT else ACCEPTEE
            )
            for r in sorted(reservations, key=lambda r: (r.jour, r.pk))
        ]
        DemandeJour.objects.bulk_create(jours)
        # As a prefetch would leave them: what reads `jours` asks nothing.
        lus = self.jours.all()
        lus._result_cache = jours
        self._prefetched_objects_cache = {"jours": lus}
        self.vient_de_les_porter, self.rangs_connus, self.refus_connus = True, rangs or {}, refus
        self.accuser()

    @transaction.atomic
    def decliner(self, reservation: Reservation, texte: str, par, maintenant: datetime) -> None:
        """The family gives back a place that had freed for it (`demandes.declin` says until when, for free)."""
        self._verrouiller()
        if deja_factures([reservation]):
            raise ValidationError(FACTURE)
        genre = DemandeEvenement.Genre.DECLINEE
        (issue,) = places.declarer_absences([reservation], par, maintenant, genre.label, medicale=False)
        if issue.verdict == "refus":
            raise ValidationError(issue.phrase)
        self._noter(genre, par, maintenant, texte)
        if self.etat in EN_COURS:
            self.solder(par, maintenant, prevenir=False)

    @transaction.atomic
    def constater(self, maintenant: datetime) -> bool:
        """Close it if its days were all settled elsewhere (a place freed, a closure); True if it was."""
        self._verrouiller()
        return self.etat in EN_COURS and self.solder(None, maintenant, prevenir=False)

    def solder(
        self, par, maintenant: datetime, motif: str = "", texte: str = "", prevenir: bool = True
    ) -> bool:
        """Write down what the days became, close once all are settled (True). Needs the lock of a verb."""
        lignes = list(self.jours.select_related("reservation"))
        decidees = [ligne for ligne in lignes if not ligne.decision and ligne.decision_lue]
        for ligne in decidees:
            ligne.decision = ligne.decision_lue
        DemandeJour.objects.bulk_update(decidees, ["decision"], batch_size=200)
        etat = etat_des_jours([ligne.decision for ligne in lignes])
        if etat:
            if etat == Etat.REFUSEE:
                # An agent may bill an absence without a word; a refusal always says something.
                dits = (li.reservation.motif for li in lignes if li.decision == REFUSEE)
                motif = motif or next(filter(None, dits), FACTUREE)
            motif = motif or next((li.reservation.motif for li in lignes if li.decision == REFUSEE), "")
            self._clore(etat, par, maintenant, motif, texte=texte, prevenir=prevenir)
        return bool(etat)

    def _attendus(self, avec_liste: bool = False, parmi=None) -> set[int]:
        """Bookings of its days the town has not answered; those on the waiting list too if asked."""
        etats = ATTENDENT if avec_liste else ATTEND_LA_MAIRIE
        lignes = self.jours.filter(decision="", reservation__etat__in=etats)
        ids = set(lignes.values_list("reservation_id", flat=True))
        return ids if parmi is None else ids & set(parmi)

    def _decider_jours(
        self, oui: set[int], non: set[int], motif: str, par, maintenant: datetime, surnombre: str = ""
    ) -> None:
        if not oui and not non:
            raise DejaTraitee("Ces jours sont déjà décidés.")
        if non and not motif.strip():
            raise ValidationError("Donnez le motif du refus.")
        absence = self.type == "absences"
        for ids, accord in ((oui, True), (non, False)):
            if not ids:
                continue
            if absence:
                places.trancher_absences(sorted(ids), accord, par, maintenant, motif=motif)
            else:
                places.decider(sorted(ids), accord, par, maintenant, motif=motif, surnombre=surnombre)
        if not self.solder(par, maintenant, motif=motif if non else ""):
            self._noter(DemandeEvenement.Genre.PARTIE, par, maintenant, motif, prevenir=True)
