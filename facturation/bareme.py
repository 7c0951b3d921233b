"""Loads what the price reads: tarifs, households, siblings. A constant number of queries, whatever the days."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, time
from decimal import Decimal
from uuid import UUID

from enfants.models import Enfant, Etat, FicheSanitaire, Prestation, Reservation
from facturation.models import RegiePrestation, Tarif
from facturation.tarification import Bareme, Situation, Tranche
from familles.models import Famille
from portail.socle.dates import dernier_du_mois, premier_du_mois

# States of a booking that end on an invoice.
FACTURABLES = (Etat.RESERVEE, Etat.ABSENCE_DEMANDEE, Etat.ABSENT_FACTURE)
ESTIMABLES = (*FACTURABLES, Etat.DEMANDEE)


def bareme_de(tarif: Tarif) -> Bareme:
    """The rows of a Tarif (its `tranches` and `lien` being loaded) as the pure computation reads them."""
    return Bareme(
        mode=tarif.mode,
        unite=tarif.unite,
        mot=tarif.lien.unite_libelle,
        tranches=tuple(
            Tranche(t.qf_min, t.qf_max, t.centimes, t.centimes_hors_commune, t.rang_fratrie)
            for t in tarif.tranches.all()
        ),
        forfait=tarif.forfait_centimes or 0,
        taux=tarif.taux or Decimal(0),
        plancher=tarif.plancher_centimes or 0,
        plafond=tarif.plafond_centimes or 0,
        hors_commune=tarif.hors_commune_centimes,
        hors_commune_pourcent=tarif.hors_commune_pourcent,
        hors_delai=tarif.hors_delai_centimes,
        hors_delai_pourcent=tarif.hors_delai_pourcent,
        sans_reservation=tarif.sans_reservation_centimes,
        sans_reservation_pourcent=tarif.sans_reservation_pourcent,
        remplace=tarif.remplace,
        absence_pourcent=tarif.absence_pourcent,
        panier_repas=tarif.panier_repas_centimes,
    )


@dataclass(frozen=True)
class LienDuJour:
    """Which régie bills the service that day, at which price (None = no tarif: an anomaly)."""

    lien: RegiePrestation
    bareme: Bareme | None


@dataclass
class Baremes:
    """Links and tarifs of some services over a period."""

    liens: dict[int, list[RegiePrestation]] = field(default_factory=lambda: defaultdict(list))
    tarifs: dict[int, list[tuple[date, date | None, Bareme]]] = field(
        default_factory=lambda: defaultdict(list)
    )

    @classmethod
    def charger(cls, prestations: Iterable[Prestation] | None, du: date, au: date, regie=None) -> "Baremes":
        """Three queries. `prestations` None = every service of `regie`."""
        liens = RegiePrestation.objects.en_cours(du, au).select_related("prestation")
        if prestations is not None:
            liens = liens.filter(prestation__in=prestations)
        if regie is not None:
            liens = liens.filter(regie=regie)
        baremes = cls()
        par_pk = {}
        for lien in liens:
            baremes.liens[lien.prestation_id].append(lien)
            par_pk[lien.pk] = lien
        for tarif in Tarif.objects.filter(lien__in=par_pk).prefetch_related("tranches"):
            tarif.lien = par_pk[tarif.lien_id]
            baremes.tarifs[tarif.lien_id].append((tarif.du, tarif.au, bareme_de(tarif)))
        return baremes

    def pour(self, prestation_id: int, jour: date) -> LienDuJour | None:
        """None when no régie loaded bills this service that day."""
        lien = next(
            (x for x in self.liens[prestation_id] if x.du <= jour and (x.au is None or jour <= x.au)), None
        )
        if lien is None:
            return None
        bareme = next(
            (b for du, au, b in self.tarifs[lien.pk] if du <= jour and (au is None or jour <= au)), None
        )
        return LienDuJour(lien, bareme)


@dataclass
class Foyers:
    """What prices know of families and children: quotients, residence, meal baskets, sibling ranks."""

    familles: dict[int, Famille]
    paniers: set[UUID]
    # (family, first of the month) → children billed to it that month, oldest first
    fratries: dict[tuple[int, date], list[UUID]]

    @classmethod
    def charger(
        cls,
        familles: Iterable[int],
        jours: set[tuple[int, UUID, date]],
        du: date,
        au: date,
        etats=FACTURABLES,
    ) -> "Foyers":
        """Six queries. `jours`: (family, child, day) about to be billed, counted beside the bookings."""
        trouvees = {
            f.pk: f
            for f in Famille.objects.filter(pk__in=familles).prefetch_related(
                "quotients", "residences", "responsables"
            )
        }
        debut, fin = premier_du_mois(du), dernier_du_mois(au)
        reserves = Reservation.objects.filter(
            payeur__in=trouvees, jour__range=(debut, fin), etat__in=etats
        ).order_by()
        mois = {(f, premier_du_mois(j), e) for f, e, j in jours}
        mois |= {(f, premier_du_mois(j), e) for f, e, j in reserves.values_list("payeur", "enfant", "jour")}
        enfants = {e for _, _, e in mois}
        naissances = dict(Enfant.objects.filter(pk__in=enfants).values_list("pk", "naissance"))
        paniers = FicheSanitaire.objects.filter(enfant__in=enfants, panier_repas=True)
        fratries = defaultdict(list)
        for f, m, e in sorted(mois, key=lambda x: (naissances[x[2]], x[2])):
            fratries[f, m].append(e)
        return cls(trouvees, set(paniers.values_list("enfant", flat=True)), fratries)

    def situation(self, famille_id: int, enfant_id: UUID, jour: date, **faits) -> Situation:
        """The quotient and the residence are those of that very day."""
        famille = self.familles[famille_id]
        quotient = famille.quotient(jour)
        fratrie = self.fratries[famille_id, premier_du_mois(jour)]
        return Situation(
            quotient=quotient.valeur if quotient else None,
            residente=famille.est_residente(jour),
            rang=fratrie.index(enfant_id) + 1,
            panier_repas=enfant_id in self.paniers,
            **faits,
        )


def minutes(prestation: Prestation, arrivee: time | None = None, depart: time | None = None) -> int:
    """Length to bill: from arrival to departure when they were noted, else the hours of the service."""
    debut = datetime.combine(date.min, arrivee or prestation.heure_debut)
    fin = datetime.combine(date.min, depart or prestation.heure_fin)
    return max(0, int((fin - debut).total_seconds()) // 60)
