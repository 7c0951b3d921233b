"""The demandes a family's pages read. Prepared: written anew at each page, these took the ORM longer than all the rest."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import date, datetime
from uuid import UUID

from django.db.models import Exists, OuterRef, Q

from demandes.models import EN_COURS, Demande, DemandeEvenement, DemandeJour, PieceDemande
from demandes.models.requetes import NOUVELLES
from enfants.models import Enfant, Prestation, Rattachement, Reservation, Structure
from familles.models import Famille, Responsable, Utilisateur
from portail.socle.lecture import Colonnes, Preparee, lire_objets, marques, parametre, poser

EN_MOUVEMENT_MAX = 100
_TABLES = (
    Colonnes("d", DemandeJour),
    Colonnes("r", Reservation),
    Colonnes("e", Enfant),
    Colonnes("p", Prestation),
    Colonnes("s", Structure),
)
_JOURS = f"""
SELECT {", ".join(table.sql for table in _TABLES)}
FROM {DemandeJour._meta.db_table} d
JOIN {Reservation._meta.db_table} r ON r.id = d.reservation_id
JOIN {Enfant._meta.db_table} e ON e.id = r.enfant_id
JOIN {Prestation._meta.db_table} p ON p.id = r.prestation_id
JOIN {Structure._meta.db_table} s ON s.id = p.structure_id
WHERE d.demande_id IN (%s) ORDER BY r.jour, d.id
"""


def visibles(famille: int, jour: date):
    """What this household may read that day. For a Preparee: its values may be examples."""
    return (
        Demande.objects.filter(famille=famille)
        .visibles(jour)
        .annotate(avec_pieces=Exists(PieceDemande.objects.filter(demande=OuterRef("pk"))))
        .select_related("enfant")
    )


def _une(famille: int, jour: date, compte: int, depuis: datetime, cle: UUID):
    siennes = visibles(famille, jour).avec_nouveaute(compte, depuis + NOUVELLES)
    return siennes.filter(pk=cle).select_related("enfant", "conversation__structure")


_LE = Demande._meta.get_field("decidee_le")
_FAMILLE_ET_JOUR = (Famille._meta.pk, Rattachement._meta.get_field("du"))
LECTEUR = (*_FAMILLE_ET_JOUR, Utilisateur._meta.pk, _LE)
UNE = Preparee(_une, *LECTEUR, Demande._meta.pk)
ETAPES = Preparee(
    lambda demande: DemandeEvenement.objects.filter(demande=demande).select_related("par"), Demande._meta.pk
)
EN_MOUVEMENT = Preparee(
    lambda famille, jour, depuis: (
        visibles(famille, jour)
        .filter(Q(etat__in=EN_COURS) | Q(decidee_le__gt=depuis))
        .order_by("-envoyee_le", "-numero")[:EN_MOUVEMENT_MAX]
    ),
    *_FAMILLE_ET_JOUR,
    _LE,
)
ADULTES = Preparee(
    lambda famille: Responsable.objects.filter(famille=famille).order_by("-rang"), Famille._meta.pk
)


def une(
    famille: Famille, cle: UUID, enfants: Sequence[Enfant], utilisateur, maintenant: datetime, jour: date
) -> Demande | None:
    """A demande this household may read that day, with its days and `nouvelle`: whether its answer is to this person."""
    trouvees = UNE.objets(famille.pk, jour, utilisateur.pk, maintenant - NOUVELLES, cle)
    if not trouvees:
        return None
    (demande,) = trouvees
    demande.famille = famille
    poser_jours([demande], {e.pk for e in enfants})
    return demande


def en_mouvement(famille: Famille, jour: date, depuis: datetime) -> list[Demande]:
    """What this household may read that day of its demandes that wait, or were decided after that instant; with their
    days, latest first. Two queries.
    """
    lues = EN_MOUVEMENT.objets(famille.pk, jour, depuis)
    for demande in lues:
        demande.famille = famille
    poser_jours(lues)
    return lues


def poser_jours(demandes: Collection[Demande], enfants: Collection[UUID] | None = None) -> None:
    """Read the days of these demandes, in one query, as a prefetch would leave them; none when none is made of days.

    `enfants`: ids of the children the reader may see; the days of others are left out.
    """
    lus: dict[UUID, list[DemandeJour]] = defaultdict(list)
    cles = [parametre(Demande._meta.pk, d.pk) for d in demandes if d.genre.planning]
    if cles:
        for ligne, reservation, enfant, prestation, structure in lire_objets(
            _JOURS % marques(cles), cles, *_TABLES
        ):
            prestation.structure = structure
            reservation.enfant, reservation.prestation, ligne.reservation = enfant, prestation, reservation
            if enfants is None or enfant.pk in enfants:
                lus[ligne.demande_id].append(ligne)
    for demande in demandes:
        poser(demande, "jours", lus[demande.pk])
