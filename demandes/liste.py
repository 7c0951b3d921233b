"""« Liste des demandes »: one query for the demandes, one for their days; sections and months as dataclasses."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from django.db.models import Q
from django.utils import timezone

from demandes.models import ACCEPTEES, EN_COURS, Demande, Etat, LectureDemande
from demandes.models.etats import REPONDUES
from demandes.textes import resume, titre
from enfants.models import Enfant
from familles.models import Famille

PERIODE = timedelta(days=30)
MAXIMUM = 500


@dataclass(frozen=True)
class LigneDemande:
    """One demande of the list, in words."""

    demande: Demande
    titre: str
    resume: str
    etat: str
    ton: str
    mot: str
    initiale: str
    avatar: int
    attend: str = ""  # what the town waits for, and until when


@dataclass(frozen=True)
class Section:
    titre: str
    lignes: list[LigneDemande]
    toujours: bool  # shown even when empty


@dataclass(frozen=True)
class Mois:
    """The period shown, and the ones beside it as values of `?mois=` (None: no link)."""

    premier: date | None
    tout: bool
    precedent: date | None
    suivant: date | None


TONS = {
    Etat.ENVOYEE: ("cours", "En cours"),
    Etat.COMPLEMENT: ("du", "La mairie attend une précision"),
    Etat.ACCEPTEE: ("ok", "Acceptée"),
    Etat.ACCEPTEE_PARTIE: ("ok", "Acceptée en partie"),
    Etat.REFUSEE: ("non", "Refusée"),
    Etat.RETIREE: ("neutre", "Retirée"),
}


def enfants_de(famille: Famille, jour: date) -> list[Enfant]:
    """Children the household holds that day, oldest first (their order gives each its colour)."""
    return list(Enfant.objects.de_la_famille(famille, jour))


def demandes_de(famille: Famille, enfants: list[Enfant], jour: date):
    """What this household may read of its demandes, with the days."""
    return famille.demandes.visibles(jour).avec_jours([e.pk for e in enfants])


def marquer_vues(demandes: Iterable[Demande], utilisateur, maintenant: datetime) -> set:
    """Write that this person sees these answers; the keys of those they had not seen."""
    repondues = [d.pk for d in demandes if d.etat in REPONDUES]
    nouvelles = set(
        Demande.objects.filter(pk__in=repondues)
        .nouvelles(utilisateur, maintenant)
        .order_by()
        .values_list("pk", flat=True)
        if repondues
        else ()
    )
    # Answered again (a day of it) after a first look: the row is there, its instant moves.
    LectureDemande.objects.bulk_create(
        [LectureDemande(demande_id=pk, utilisateur=utilisateur, lue_le=maintenant) for pk in nouvelles],
        update_conflicts=True,
        unique_fields=["demande", "utilisateur"],
        update_fields=["lue_le"],
    )
    return nouvelles


def de_la_periode(demandes, mois: date | str | None, maintenant: datetime) -> list[Demande]:
    """Sent in that month; by default those of the last thirty days and all that still wait."""
    if mois is None:
        recentes = Q(envoyee_le__gte=maintenant - PERIODE)
        demandes = demandes.filter(recentes | Q(etat__in=EN_COURS))
    elif isinstance(mois, date):
        debut, fin = (timezone.make_aware(datetime.combine(j, time())) for j in (mois, _decaler(mois, 1)))
        demandes = demandes.filter(envoyee_le__gte=debut, envoyee_le__lt=fin)
    return list(demandes[:MAXIMUM])


def lignes(demandes: list[Demande], enfants: list[Enfant]) -> list[LigneDemande]:
    rangs = {e.pk: i for i, e in enumerate(enfants, 1)}
    return [_ligne(d, rangs) for d in demandes]


def _ligne(demande: Demande, rangs: dict) -> LigneDemande:
    jours = demande.jours.all()
    enfant = demande.enfant or (jours[0].reservation.enfant if jours else None)
    ton, mot = TONS[demande.etat_lu]
    return LigneDemande(
        demande=demande,
        titre=titre(demande),
        resume=resume(demande),
        etat=demande.etat_lu,
        ton=ton,
        mot=mot,
        initiale=enfant.prenom[:1].upper() if enfant else "",
        avatar=rangs.get(enfant.pk, 0) if enfant else 0,
        attend=demande.phrase_attestation if demande.attend_attestation else "",
    )


def sections(toutes: list[LigneDemande]) -> list[Section]:
    """The guide's sections; those withdrawn come last, when there are some."""
    groupes = (
        ("Demandes en cours", EN_COURS, True),
        ("Demandes refusées", (Etat.REFUSEE,), True),
        ("Demandes acceptées", ACCEPTEES, True),
        ("Demandes retirées", (Etat.RETIREE,), False),
    )
    faites = [
        Section(t, [li for li in toutes if li.etat in etats], toujours) for t, etats, toujours in groupes
    ]
    return [s for s in faites if s.lignes or s.toujours]


def _decaler(premier: date, mois: int) -> date:
    annee, index = divmod(premier.year * 12 + premier.month - 1 + mois, 12)
    return date(annee, index + 1, 1)


def navigation(mois: date | str | None, jour: date) -> Mois:
    """◀ ▶: from the last thirty days one goes back to the previous month; never past the present one."""
    present = jour.replace(day=1)
    if not isinstance(mois, date):
        return Mois(None, mois is not None, _decaler(present, -1), None)
    return Mois(mois, False, _decaler(mois, -1), _decaler(mois, 1) if mois < present else None)
