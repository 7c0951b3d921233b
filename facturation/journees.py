"""From what was booked and what happened to the days to bill, payer by payer: pure, rows in, dataclasses out."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from uuid import UUID

from enfants.models import VIVANTS, Etat, Inscription, Pointage, Rattachement, Reservation
from enfants.planning_case import presences_exclusives

Cle = tuple[UUID, int, date]  # child, service, day


@dataclass(frozen=True)
class Anomalie:
    """What the régisseur must see. A blocking one keeps the family's invoice back."""

    genre: str
    phrase: str
    bloquante: bool = True

    def en_json(self) -> dict:
        return {"genre": self.genre, "phrase": self.phrase, "bloquante": self.bloquante}


@dataclass(frozen=True)
class Journee:
    """A day one family is billed for, or a part of it (`parts`: every payer's share in %, ours at `position`)."""

    famille: int
    enfant: UUID
    prestation: int
    jour: date
    absence: bool = False
    sans_reservation: bool = False
    hors_delai: bool = False
    pointage: Pointage | None = None
    parts: tuple[Decimal, ...] = (Decimal(100),)
    position: int = 0


@dataclass
class Releves:
    """What the days of a period give."""

    journees: list[Journee] = field(default_factory=list)
    anomalies: dict[int, list[Anomalie]] = field(default_factory=lambda: defaultdict(list))
    sans_famille: list[Anomalie] = field(default_factory=list)


class Parts:
    """Who pays which part of a shared day, in a fixed order (the odd cent must not move)."""

    def __init__(self, inscriptions: Iterable[Inscription]):
        self.lignes: dict[tuple[UUID, int], list[Inscription]] = defaultdict(list)
        for inscription in sorted(inscriptions, key=lambda i: i.pk):
            self.lignes[inscription.enfant_id, inscription.prestation_id].append(inscription)

    def du_jour(self, enfant: UUID, prestation: int, jour: date) -> list[tuple[int, Decimal]]:
        return [
            (i.famille_id, i.part)
            for i in self.lignes[enfant, prestation]
            if i.repartition == Inscription.Repartition.PART and _vaut(i, jour)
        ]

    def payeurs(self, enfant: UUID, prestation: int, jour: date) -> set[int]:
        """Families whose inscription makes them pay that day, outside shared days."""
        return {
            i.famille_id
            for i in self.lignes[enfant, prestation]
            if i.repartition != Inscription.Repartition.PART and i.vaut(jour)
        }


def _vaut(ligne: Inscription | Rattachement, jour: date) -> bool:
    return ligne.du <= jour and (ligne.au is None or jour <= ligne.au)


def examiner(etat: str, present: bool | None, passe: bool) -> tuple[str, str, str]:
    """(what to bill, kind of anomaly, its sentence) for a booking's state and its pointage (None = not checked).

    What to bill: "" nothing, "reserve", "absence", "sans_reservation".
    """
    if etat == Etat.RESERVEE:
        if present is False:
            return "", "contradiction", "réservé mais pointé absent, absence à trancher"
        return "reserve", "non_pointe" if passe and present is None else "", "réservé, présence non pointée"
    if etat == Etat.ABSENCE_DEMANDEE:
        if present is True:
            return "", "contradiction", "absence déclarée mais enfant pointé présent"
        if passe:
            return "", "contradiction", "absence déclarée, pas encore tranchée"
        return "reserve", "a_trancher", "absence déclarée, pas encore tranchée"
    if etat in (Etat.ABSENT_FACTURE, Etat.ABSENT_EXCUSE, Etat.CONGE):
        if present is True:
            return "", "contradiction", "noté absent mais enfant pointé présent"
        return "absence" if etat == Etat.ABSENT_FACTURE else "", "", ""
    if present is True:
        return "sans_reservation", "", ""
    if etat == Etat.DEMANDEE and passe:
        return "", "a_traiter", "demande jamais traitée, rien n’est facturé"
    return "", "", ""


BLOQUANTES = {"contradiction"}


def relever(
    reservations: Sequence[Reservation],
    pointages: Sequence[Pointage],
    inscriptions: Sequence[Inscription],
    rattachements: Sequence[Rattachement],
    nommer,
    aujourdhui: date,
    groupes: Sequence[Collection[int]] = (),
) -> Releves:
    """The days to bill and what is wrong with them. `nommer(child, service, day)` begins each sentence; `groupes`:
    services that exclude each other.
    """
    par_cle = _derniere_par_cle(reservations)
    pointes: dict[Cle, Pointage] = {(p.enfant_id, p.prestation_id, p.jour): p for p in pointages}
    parts = Parts(inscriptions)
    releves = Releves()
    exclusives = presences_exclusives(pointages, groupes)
    for cle in sorted(par_cle.keys() | pointes.keys(), key=lambda c: (c[2], c[1], c[0])):
        reservation, pointage = par_cle.get(cle), pointes.get(cle)
        quoi, genre, phrase = examiner(
            reservation.etat if reservation else "",
            pointage.present if pointage else None,
            cle[2] < aujourdhui,
        )
        if cle in exclusives:
            # Neither is billed before somebody says where the child was.
            quoi, genre = "", "contradiction"
            phrase = "pointé présent, et aussi à une autre prestation du même groupe exclusif"
        if not quoi and not genre:
            continue
        payeurs = _payeurs(cle, quoi, reservation, parts)
        if genre:
            anomalie = Anomalie(genre, f"{nommer(*cle)}\N{NO-BREAK SPACE}: {phrase}.", genre in BLOQUANTES)
            _signaler(releves, anomalie, [f for f, _ in payeurs], cle, rattachements)
        if quoi:
            _ajouter(releves, cle, quoi, reservation, pointage, payeurs, parts, rattachements, nommer)
    return releves


def _derniere_par_cle(reservations: Sequence[Reservation]) -> dict[Cle, Reservation]:
    """The live booking of each day, else the latest row."""
    trouvees: dict[Cle, Reservation] = {}
    for reservation in sorted(reservations, key=lambda r: (r.etat in VIVANTS, r.pk)):
        trouvees[reservation.enfant_id, reservation.prestation_id, reservation.jour] = reservation
    return trouvees


def _payeurs(cle: Cle, quoi: str, reservation: Reservation | None, parts: Parts) -> list[tuple[int, Decimal]]:
    """(family, part) of those who pay; empty = payer missing or ambiguous."""
    partage = parts.du_jour(*cle)
    if partage:
        return partage
    if quoi != "sans_reservation" and reservation is not None:
        return [(reservation.payeur_id, Decimal(100))]
    familles = parts.payeurs(*cle)
    return [(familles.pop(), Decimal(100))] if len(familles) == 1 else []


def _sans_payeur(familles: set[int]) -> str:
    """Why nobody pays, in the words of what would settle it: no household is registered, or several are."""
    if familles:
        return "présent sans réservation, plusieurs foyers inscrits, on ne sait pas qui paie"
    return "présent sans inscription, on ne sait pas qui paie"


def _ajouter(releves, cle, quoi, reservation, pointage, payeurs, parts, rattachements, nommer) -> None:
    enfant, prestation, jour = cle
    familles = [f for f, _ in payeurs]
    if not payeurs:
        phrase = f"{nommer(*cle)}\N{NO-BREAK SPACE}: {_sans_payeur(parts.payeurs(*cle))}."
        _signaler(releves, Anomalie("payeur", phrase), [], cle, rattachements)
        return
    if sum(p for _, p in payeurs) != 100:
        phrase = (
            f"{nommer(*cle)}\N{NO-BREAK SPACE}: les parts des familles ne font pas 100\N{NO-BREAK SPACE}%."
        )
        _signaler(releves, Anomalie("parts", phrase), familles, cle, rattachements)
        return
    for position, famille in enumerate(familles):
        releves.journees.append(
            Journee(
                famille=famille,
                enfant=enfant,
                prestation=prestation,
                jour=jour,
                absence=quoi == "absence",
                sans_reservation=quoi == "sans_reservation",
                hors_delai=quoi != "sans_reservation" and reservation is not None and reservation.hors_delai,
                pointage=pointage,
                parts=tuple(p for _, p in payeurs),
                position=position,
            )
        )


def _signaler(releves: Releves, anomalie: Anomalie, familles: list[int], cle: Cle, rattachements) -> None:
    """To the families concerned; without any, to the child's households; else to nobody in particular."""
    enfant, _, jour = cle
    if not familles:
        familles = [r.famille_id for r in rattachements if r.enfant_id == enfant and _vaut(r, jour)]
    for famille in familles:
        releves.anomalies[famille].append(anomalie)
    if not familles:
        releves.sans_famille.append(anomalie)
