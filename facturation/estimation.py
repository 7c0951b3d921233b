"""What asked days would cost: shown on the recap before anything is sent."""

from collections.abc import Sequence
from datetime import date

from enfants.models import Enfant, Inscription, Prestation, Reservation
from facturation.bareme import ESTIMABLES, Baremes, Foyers, minutes
from facturation.brouillons import deja_facturees
from facturation.journees import Parts
from facturation.tarification import Prix, partager, prix
from familles.models import Famille
from portail.socle.dates import dernier_du_mois, premier_du_mois


def estimer(
    famille: Famille, lignes: Sequence[tuple[Enfant, Prestation, date, bool]], absence: bool = False
) -> list[Prix | None]:
    """Price of each (child, service, day, late booking) for this family; None = no tarif. A constant
    number of queries. `absence`: of booked days, as billed when the child does not come.

    A monthly price counts on its first day of the month, the following days cost nothing more; nor does a month
    already booked or billed.
    """
    if not lignes:
        return []
    du, au = min(x[2] for x in lignes), max(x[2] for x in lignes)
    baremes = Baremes.charger({p.pk for _, p, _, _ in lignes}, du, au)
    jours = {(famille.pk, enfant.pk, jour) for enfant, _, jour, _ in lignes}
    foyers = Foyers.charger([famille.pk], jours, du, au, etats=ESTIMABLES)
    parts = Parts(
        Inscription.objects.filter(
            enfant__in={e.pk for e, _, _, _ in lignes},
            prestation__in={p.pk for _, p, _, _ in lignes},
            repartition=Inscription.Repartition.PART,
        ).en_cours(du, au)
    )
    mois_comptes = _mois_comptes(famille, lignes, baremes, parts)
    return [_estimer(famille, ligne, baremes, foyers, parts, mois_comptes, absence) for ligne in lignes]


def _mois_comptes(famille: Famille, lignes, baremes: Baremes, parts: Parts) -> set[tuple]:
    """(child, service, first of the month) this family pays already; queries only if a price is monthly."""
    mensuelles = [
        (enfant, prestation, jour)
        for enfant, prestation, jour, _ in lignes
        if (du_jour := baremes.pour(prestation.pk, jour))
        and du_jour.bareme
        and du_jour.bareme.unite == "mois"
    ]
    if not mensuelles:
        return set()
    du, au = min(x[2] for x in mensuelles), max(x[2] for x in mensuelles)
    demandees = {(enfant.pk, prestation.pk, jour) for enfant, prestation, jour in mensuelles}
    reservees = (
        Reservation.objects.filter(
            enfant__in={x[0] for x in demandees},
            prestation__in={x[1] for x in demandees},
            jour__range=(premier_du_mois(du), dernier_du_mois(au)),
            etat__in=ESTIMABLES,
        )
        .order_by()
        .values_list("enfant", "prestation", "jour", "payeur")
    )
    comptes = {
        (enfant, prestation, premier_du_mois(jour))
        for enfant, prestation, jour, payeur in reservees
        if (enfant, prestation, jour) not in demandees
        and (payeur == famille.pk or famille.pk in dict(parts.du_jour(enfant, prestation, jour)))
    }
    return comptes | {
        (enfant, prestation, mois)
        for _, enfant, prestation, mois, mensuel in deja_facturees([famille.pk], du, au)
        if mensuel
    }


def _estimer(
    famille, ligne, baremes: Baremes, foyers: Foyers, parts: Parts, mois_comptes: set, absence: bool
) -> Prix | None:
    enfant, prestation, jour, hors_delai = ligne
    du_jour = baremes.pour(prestation.pk, jour)
    if du_jour is None or du_jour.bareme is None:
        return None
    situation = foyers.situation(
        famille.pk, enfant.pk, jour, hors_delai=hors_delai, minutes=minutes(prestation), absence=absence
    )
    trouve = prix(du_jour.bareme, situation)
    if trouve is None:
        return None
    if du_jour.bareme.unite == "mois":
        cle = (enfant.pk, prestation.pk, premier_du_mois(jour))
        if cle in mois_comptes:
            return Prix(0, "déjà compris dans le prix du mois")
        mois_comptes.add(cle)
    du_partage = parts.du_jour(enfant.pk, prestation.pk, jour)
    familles = [f for f, _ in du_partage]
    if famille.pk in familles and len(familles) > 1:
        return partager(trouve, [p for _, p in du_partage], familles.index(famille.pk))
    return trouve
