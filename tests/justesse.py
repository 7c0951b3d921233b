"""What always holds in a town, whatever was asked of it (T3 of the test plan): its rows are read once, then looked at.

Read by queries written once (`Preparee`): test_machine.py asks for them after each of twelve thousand steps.
"""

from collections import Counter, defaultdict
from datetime import date
from typing import NamedTuple

from django.db import connection

from enfants import regles
from enfants.models import Creneau, Reservation, ReservationEvenement
from enfants.models.reservation import OCCUPANTS, VIVANTS
from enfants.places_attente import MOTIF as PROMOTION
from facturation import releve
from facturation.models import Facture, Imputation, LigneFacture, Reglement
from familles.models import Famille
from portail.socle.lecture import Preparee
from portail.socle.models import Courriel

# --- places ---------------------------------------------------------------------------------------------------------


class Reservee(NamedTuple):
    pk: int
    enfant: int
    prestation: int
    jour: date
    etat: str
    version: int
    places: list[int]


class Places(NamedTuple):
    """Every booking, every creneau and every event, in the order they were written."""

    reservations: list[Reservee]
    creneaux: list[list]
    evenements: list[list]


RESERVATIONS = Preparee(lambda: Reservation.objects.order_by("pk").values_list(*Reservee._fields))
CRENEAUX = Preparee(
    lambda: Creneau.objects.order_by("pk").values_list("jauge", "jour", "pris", "capacite", "surnombre")
)
EVENEMENTS = Preparee(
    lambda: ReservationEvenement.objects.order_by("pk").values_list("reservation", "de", "vers")
)


def lire_les_reservations() -> list[Reservee]:
    return [Reservee(*ligne) for ligne in RESERVATIONS.lignes()]


def lire_les_places() -> Places:
    return Places(lire_les_reservations(), CRENEAUX.lignes(), EVENEMENTS.lignes())


def places_justes(places: Places, exclusives: set[int]) -> None:
    """`exclusives`: the services of an exclusive group, the same for all."""
    compteurs_justes(places)
    un_enfant_un_service_un_jour(places, exclusives)
    lhistoire_suit_la_table(places)


def compteurs_justes(places: Places) -> None:
    comptes = Counter(
        (jauge, r.jour) for r in places.reservations if r.etat in OCCUPANTS for jauge in r.places
    )
    for jauge, jour, pris, capacite, surnombre in places.creneaux:
        assert pris == comptes.pop((jauge, jour), 0) <= capacite + surnombre, (jauge, jour)
    assert not comptes
    for r in places.reservations:
        assert bool(r.places) == (r.etat in OCCUPANTS), r


def un_enfant_un_service_un_jour(places: Places, exclusives: set[int]) -> None:
    vivantes = [r for r in places.reservations if r.etat in VIVANTS]
    assert au_plus_une((r.enfant, r.prestation, r.jour) for r in vivantes)
    assert au_plus_une(
        (r.enfant, r.jour) for r in vivantes if r.etat in OCCUPANTS and r.prestation in exclusives
    )


def au_plus_une(cles) -> bool:
    return max(Counter(cles).values(), default=1) == 1


def lhistoire_suit_la_table(places: Places) -> None:
    """Every booking's history starts from nothing, follows the table, and ends on its state."""
    chaines: dict[int, list] = {}
    for reservation, de, vers in places.evenements:
        chaine = chaines.setdefault(reservation, [""])
        assert de == chaine[-1] and vers in regles.TRANSITIONS[de], (chaine, de, vers)
        chaine.append(vers)
    for r in places.reservations:
        assert (chaines[r.pk][-1], len(chaines[r.pk]) - 1) == (r.etat, r.version), r


# --- money ----------------------------------------------------------------------------------------------------------


class Emise(NamedTuple):
    """An invoice or a credit note."""

    pk: int
    famille: int
    nature: str
    numero: int
    total_centimes: int


class Ligne(NamedTuple):
    facture: int
    enfant: int
    prestation: int
    total_centimes: int
    jours: list[str]


class Recu(NamedTuple):
    """A règlement, or what was given back of one (`annule`)."""

    pk: int
    annule: int | None
    famille: int
    numero: int
    centimes: int


class Argent(NamedTuple):
    """Every row of money, and of the mail; then what the portal says of its invoices."""

    factures: list[Emise]
    lignes: list[Ligne]
    reglements: list[Recu]
    imputations: list[list]
    courriels: list[str]
    promues: int
    restes: list[list]  # what avec_reste() adds
    vives: set[int]


FACTURES = Preparee(lambda: Facture.objects.order_by("pk").values_list(*Emise._fields))
LIGNES = Preparee(lambda: LigneFacture.objects.order_by("pk").values_list(*Ligne._fields))
REGLEMENTS = Preparee(lambda: Reglement.objects.order_by("pk").values_list(*Recu._fields))
IMPUTATIONS = Preparee(lambda: Imputation.objects.order_by("pk").values_list("reglement", "centimes"))
COURRIELS = Preparee(lambda: Courriel.objects.order_by("pk").values_list("cle"))
PROMUES = Preparee(lambda: ReservationEvenement.objects.filter(motif=PROMOTION).values_list("pk"))
RESTES = Preparee(
    lambda: (
        Facture.objects.avec_reste()
        .filter(nature="facture")
        .order_by("pk")
        .values_list("pk", "total_centimes", "regle", "reste")
    )
)
VIVES = Preparee(lambda: Facture.objects.vives().filter(nature="facture").values_list("pk"))
COMPTES = "SELECT " + ", ".join(
    f"(SELECT COUNT(*) FROM {table._meta.db_table})"
    for table in (Facture, LigneFacture, Reglement, Imputation, Courriel)
)


def compter_largent() -> tuple[int, ...]:
    """How many rows of money and of mail there are, by table."""
    with connection.cursor() as curseur:
        curseur.execute(COMPTES)
        return tuple(curseur.fetchone())


def lire_largent() -> Argent:
    return Argent(
        factures=[Emise(*ligne) for ligne in FACTURES.lignes()],
        lignes=[Ligne(*ligne) for ligne in LIGNES.lignes()],
        reglements=[Recu(*ligne) for ligne in REGLEMENTS.lignes()],
        imputations=IMPUTATIONS.lignes(),
        courriels=[cle for (cle,) in COURRIELS.lignes()],
        promues=len(PROMUES.lignes()),
        restes=RESTES.lignes(),
        vives={pk for (pk,) in VIVES.lignes()},
    )


def argent_juste(argent: Argent) -> None:
    un_courriel_par_cause(argent)
    comptes_justes(argent)
    les_imputations_tiennent(argent)
    les_numeros_se_suivent(argent)
    un_jour_nest_facture_quune_fois(argent)


def un_courriel_par_cause(argent: Argent) -> None:
    genres = Counter(cle.partition(":")[0] for cle in argent.courriels)
    assert genres["place_liberee"] == argent.promues
    assert genres["facture"] == sum(f.nature == "facture" for f in argent.factures)


def comptes_justes(argent: Argent) -> None:
    """The figure of each screen is the sum of the rows; the relevé shows each of them, once."""
    sommes, nombres = defaultdict(int), Counter()
    for f in argent.factures:
        sommes[f.famille] += f.total_centimes
        nombres[f.famille] += 1
    for r in argent.reglements:
        sommes[r.famille] -= r.centimes
        nombres[r.famille] += 1
    for famille in Famille.objects.order_by("pk"):
        assert releve.solde(famille) == sommes[famille.pk]
        annee = releve.releve(famille, 2026)
        assert (annee.ancien_solde, len(annee.operations)) == (0, nombres[famille.pk])
        assert all(o.debit >= 0 and o.credit >= 0 for o in annee.operations)
        assert annee.total_debit - annee.total_credit == annee.solde == sommes[famille.pk]


def les_imputations_tiennent(argent: Argent) -> None:
    """No règlement spends more than it holds, no invoice receives more than it asks, nor asks more than its lines."""
    detail: Counter = Counter()
    for ligne in argent.lignes:
        detail[ligne.facture] += ligne.total_centimes
    assert [pk for pk, *_ in argent.restes] == [f.pk for f in argent.factures if f.nature == "facture"]
    for pk, total, regle, reste in argent.restes:
        assert 0 <= regle <= total and reste >= 0, pk
        assert total == detail[pk], pk
    # A règlement and what was given back of it count together.
    pots = {r.pk: r.annule or r.pk for r in argent.reglements}
    recus: Counter = Counter()
    for r in argent.reglements:
        recus[pots[r.pk]] += r.centimes
    depenses: Counter = Counter()
    for reglement, centimes in argent.imputations:
        depenses[pots[reglement]] += centimes
    for pot, recu in recus.items():
        assert 0 <= depenses[pot] <= recu, pot


def les_numeros_se_suivent(argent: Argent) -> None:
    """Of the only régie: a series of invoices, one of credit notes, one of règlements."""
    for numeros in (
        [f.numero for f in argent.factures if f.nature == "facture"],
        [f.numero for f in argent.factures if f.nature == "avoir"],
        [r.numero for r in argent.reglements],
    ):
        assert sorted(numeros) == list(range(1, len(numeros) + 1))


def un_jour_nest_facture_quune_fois(argent: Argent) -> None:
    familles = {f.pk: f.famille for f in argent.factures if f.pk in argent.vives}
    assert au_plus_une(
        (familles[ligne.facture], ligne.enfant, ligne.prestation, jour)
        for ligne in argent.lignes
        if ligne.facture in familles
        for jour in ligne.jours
    )
