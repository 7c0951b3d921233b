"""Days due that no invoice holds although their campagne is issued: booked, accepted or attended since, held back then,
or left by an avoir. The régisseur is told on the admin's home page, and bills them by a complementary campagne.

Computed from the rows, never stored. A complement is a campagne over the same period: its draft takes the days no live
invoice holds, as every draft does, and issuing looks again under the family's lock: no day is billed twice.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, Min, OuterRef, Q, QuerySet

from enfants.models import Enfant, Inscription, Pointage, Prestation, Rattachement, Reservation
from facturation.bareme import FACTURABLES, Baremes
from facturation.brouillons import Chargement, EmissionImpossible, charger, prix_de
from facturation.ecarts import MARGE, SUIVIE
from facturation.models import Brouillon, Campagne, Facture, Regie, RegiePrestation
from familles.models import Famille
from portail.socle.traces import tracer
from portail.socle.verrous import verrouiller, verrouiller_un

JAMAIS = datetime(2000, 1, 1, tzinfo=UTC)
SANS_PAYEUR = ("payeur", "parts")


@dataclass(frozen=True)
class JourEnPlus:
    """A day to bill; `centimes` None: no tarif applies, or the other household pays for it by `autre_foyer`. A month at
    one price is its first day.
    """

    enfant: Enfant
    prestation: Prestation
    jour: date
    centimes: int | None
    au_mois: bool = False
    autre_foyer: str = ""


@dataclass
class EnPlus:
    """What an issued campagne leaves to bill, family by family."""

    campagne: Campagne
    familles: dict[Famille, list[JourEnPlus]] = field(default_factory=dict)

    @property
    def nombre(self) -> int:
        return sum(len(jours) for jours in self.familles.values())


@dataclass(frozen=True)
class AFacturer:
    """`sans_payeur`: sentences on the days due of which nobody knows who pays."""

    campagnes: list[EnPlus] = field(default_factory=list)
    sans_payeur: list[str] = field(default_factory=list)

    @property
    def nombre(self) -> int:
        return sum(en_plus.nombre for en_plus in self.campagnes) + len(self.sans_payeur)


def a_facturer(aujourdhui: date) -> AFacturer:
    """What issued campagnes leave to bill, the oldest first. A constant number of queries, few when all is billed."""
    emises = _emises(aujourdhui)
    cles = _cles(emises)
    if not cles:
        return AFacturer()
    charge = _charger(cles, aujourdhui)
    par_campagne = _par_campagne(charge, emises)
    anomalies = [
        *charge.releves.sans_famille,
        *(a for lues in charge.releves.anomalies.values() for a in lues),
    ]
    phrases = [a.phrase for a in anomalies if a.genre in SANS_PAYEUR]
    return AFacturer(
        sorted(par_campagne, key=lambda e: (e.campagne.du, e.campagne.pk)), list(dict.fromkeys(phrases))
    )


def _par_campagne(charge: Chargement, emises: list[Campagne]) -> Iterable[EnPlus]:
    trouves: dict[int, EnPlus] = {}
    mois_vus: set[tuple] = set()
    for journee in charge.releves.journees:
        du_jour = charge.lien(journee)
        campagne = _campagne_du(emises, du_jour.lien, journee.jour)
        if campagne is None or charge.deja_facturee(journee):
            continue
        prix = prix_de(charge, journee, mois_vus)
        if prix is not None and not prix.centimes:
            continue
        jour = JourEnPlus(
            charge.enfants[journee.enfant],
            du_jour.lien.prestation,
            journee.jour,
            prix.centimes if prix else None,
            bool(du_jour.bareme and du_jour.bareme.unite == "mois"),
            charge.autre_foyer(journee),
        )
        en_plus = trouves.setdefault(campagne.pk, EnPlus(campagne))
        en_plus.familles.setdefault(charge.foyers.familles[journee.famille], []).append(jour)
    return trouves.values()


# ── Which days to look at ────────────────────────────────────────────────────────────────────────────────────


def _emises(aujourdhui: date) -> list[Campagne]:
    """Campagnes issued, all or half-way, not those being issued; `depuis`: what moved before is in their draft."""
    campagnes = Campagne.objects.filter(
        Q(etat=Campagne.Etat.EMISE) | Exists(Facture.objects.filter(campagne=OuterRef("pk"))),
        emission_demandee_le=None,
        au__gte=aujourdhui - SUIVIE,
    )
    lues = campagnes.annotate(premiere=Min("factures__emise_le")).prefetch_related("regie__liens_prestations")
    trouvees = list(lues.order_by("pk"))
    for c in trouvees:
        # Computed again since, its draft is newer than its invoices.
        instants = [i for i in (c.calculee_le, c.premiere, c.emise_le) if i]
        c.depuis = min(instants, default=JAMAIS) - MARGE
    return trouvees


def _sans_facture(emises: list[Campagne]) -> dict[int, set[int]]:
    """By campagne, the families it knows without a live invoice (failed, or cancelled by an avoir) or held back, maybe
    because they already have one.
    """
    trouvees: dict[int, set[int]] = defaultdict(set)
    siennes = Facture.objects.vives().filter(campagne=OuterRef("campagne"), famille=OuterRef("famille"))
    lignes: Iterable[QuerySet] = (
        Brouillon.objects.filter(Q(bloque=True) | ~Exists(siennes), campagne__in=emises),
        Facture.objects.factures().filter(~Exists(siennes), campagne__in=emises),
    )
    for rangees in lignes:
        for campagne, famille in rangees.order_by().values_list("campagne", "famille"):
            trouvees[campagne].add(famille)
    return trouvees


def _cles(emises: list[Campagne]) -> set[tuple[UUID, int, date]]:
    """(child, service, day) that may be on no invoice: booked or attended since the draft, or of such a family."""
    if not emises:
        return set()
    reservees, presentes, restees = Q(), Q(), _sans_facture(emises)
    for c in emises:
        periode = Q(
            prestation__in={lien.prestation_id for lien in c.regie.liens_prestations.all()},
            jour__range=(c.du, c.au),
        )
        a_elles = Q()
        if c.pk in restees:
            for lien in (Inscription, Rattachement):
                a_elles |= Q(enfant__in=lien.objects.filter(famille__in=restees[c.pk]).values("enfant"))
        reservees |= periode & (Q(modifiee_le__gt=c.depuis) | a_elles)
        # Children of no household then: only the campagne knows, and any of them may have one since.
        inconnus = any(anomalie["genre"] in SANS_PAYEUR for anomalie in c.anomalies)
        presentes |= periode if inconnus else periode & (Q(pointe_le__gt=c.depuis) | a_elles)
    meme_jour = {nom: OuterRef(nom) for nom in ("enfant", "prestation", "jour")}
    dues = Reservation.objects.filter(etat__in=FACTURABLES)
    seules = Pointage.objects.filter(presentes, ~Exists(dues.filter(**meme_jour)), present=True)
    cles = [
        lignes.order_by().values_list("enfant", "prestation", "jour")
        for lignes in (dues.filter(reservees), seules)
    ]
    return {cle for lignes in cles for cle in lignes}


def _charger(cles: set[tuple[UUID, int, date]], aujourdhui: date) -> Chargement:
    enfants, prestations, jours = (set(valeurs) for valeurs in zip(*cles, strict=True))
    periode = min(jours), max(jours)
    lignes = [
        [x for x in rangees if (x.enfant_id, x.prestation_id, x.jour) in cles]
        for rangees in (
            modele.objects.filter(enfant__in=enfants, prestation__in=prestations, jour__in=jours).order_by(
                "pk"
            )
            for modele in (Reservation, Pointage)
        )
    ]
    return charger(Baremes.charger(prestations, *periode), *lignes, periode, aujourdhui)


def _campagne_du(emises: list[Campagne], lien: RegiePrestation, jour: date) -> Campagne | None:
    """The campagne of that day: the first, not those that complete it."""
    siennes = (c for c in emises if c.complete_id is None and c.regie_id == lien.regie_id)
    return next((c for c in siennes if c.du <= jour <= c.au), None)


# ── The answer ───────────────────────────────────────────────────────────────────────────────────────────────


@transaction.atomic
def completer(campagne: Campagne, par, jour: date) -> Campagne:
    """The complementary campagne of an issued one: that in preparation, or a new one. Asked twice, it is the same.

    Raises EmissionImpossible when the campagne is not issued.
    """
    verrouiller(Regie.objects.filter(pk=campagne.regie_id))
    premiere = verrouiller_un(Campagne.objects.filter(pk=campagne.complete_id or campagne.pk))
    if premiere.etat != Campagne.Etat.EMISE:
        raise EmissionImpossible(
            "Cette campagne n’est pas émise\N{NO-BREAK SPACE}: son propre brouillon prendra ces jours."
        )
    preparee = premiere.complements.filter(etat=Campagne.Etat.BROUILLON).first()
    if preparee is not None:
        return preparee
    creee = Campagne.objects.create(
        regie_id=premiere.regie_id,
        libelle=f"Complément, {premiere.dans_la_phrase}"[:100],
        du=premiere.du,
        au=premiere.au,
        complete=premiere,
        date_facture=jour,
        echeance=jour + (premiere.echeance - premiere.date_facture),
    )
    tracer(par, "completer", creee, campagne=premiere.pk)
    return creee
