"""« Liste des demandes »: which ones, and each in words; sections and months as dataclasses."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache, partial
from typing import NamedTuple

from django.core.paginator import Page, Paginator
from django.db.models import Count, Q
from django.utils import timezone

from demandes import lecture
from demandes.models import ACCEPTEES, EN_COURS, Demande, Etat, LectureDemande
from demandes.models.requetes import NOUVELLES, nouvelle
from demandes.tableau import Rang, Tableau, entetes, rang
from demandes.textes import resume, titre
from demandes.types import TypeDemande
from enfants.models import Enfant
from familles.models import Famille
from portail.socle.dates import decaler_mois, premier_du_mois
from portail.socle.lecture import Preparee

PERIODE = timedelta(days=30)
PAR_PAGE = 50
# Before and after every demande: a period with no such end is read by the same query.
TOUJOURS, JAMAIS = datetime(1900, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)


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
    nouveau: bool
    attend: str = ""  # what the town waits for, and until when

    @property
    def quoi(self) -> str:
        """What happened that day: « acceptée », « prise en compte »."""
        return self.mot.partition(",")[0].lower()


@dataclass(frozen=True)
class Section:
    """`tableau`: the guide's columns, when one kind is chosen."""

    titre: str
    lignes: list[LigneDemande]
    toujours: bool  # shown even when empty
    tableau: Tableau | None = None


@dataclass(frozen=True)
class Mois:
    """The period shown, and the ones beside it as values of `?mois=` (None: no link)."""

    premier: date | None
    tout: bool
    precedent: date | None
    suivant: date | None


TONS = {
    Etat.ENVOYEE: "cours",
    Etat.COMPLEMENT: "du",
    Etat.ACCEPTEE: "ok",
    Etat.ACCEPTEE_PARTIE: "ok",
    Etat.REFUSEE: "non",
    Etat.RETIREE: "neutre",
}
PRECISION = "La mairie attend une précision"


def ton_et_mot(demande: Demande) -> tuple[str, str]:
    """The badge of a demande, for its family."""
    etat = demande.etat_lu
    if demande.reste_facturee:
        return "du", demande.etat_en_mots
    return TONS[etat], PRECISION if etat == Etat.COMPLEMENT else demande.etat_en_mots


# --- which ones -------------------------------------------------------------------------------------------------


class Bornes(NamedTuple):
    """Which ones: sent from `du` until `au`; answered since `repondues`; that wait, sent since `attendent`."""

    du: datetime
    au: datetime
    repondues: datetime
    attendent: datetime


def bornes(mois: date | str | None, maintenant: datetime) -> Bornes:
    """Sent in that month; by default those sent or answered in the last thirty days, and all that still wait."""
    if mois is None:
        return Bornes(maintenant - PERIODE, JAMAIS, maintenant - PERIODE, TOUJOURS)
    if isinstance(mois, date):
        debut, fin = (timezone.make_aware(datetime.combine(j, time())) for j in (mois, decaler_mois(mois, 1)))
        return Bornes(debut, fin, JAMAIS, JAMAIS)
    return Bornes(TOUJOURS, JAMAIS, JAMAIS, JAMAIS)


def _entre(du: datetime, au: datetime, repondues: datetime, attendent: datetime) -> Q:
    envoyees = Q(envoyee_le__gte=du, envoyee_le__lt=au)
    return envoyees | Q(decidee_le__gte=repondues) | Q(etat__in=EN_COURS, envoyee_le__gte=attendent)


def _comptes(famille: int, jour: date, compte: int, depuis: datetime, *bornes: datetime):
    siennes = Demande.objects.filter(_entre(*bornes), famille=famille).visibles(jour)
    neuves = Count("pk", filter=nouvelle(compte, depuis + NOUVELLES))
    return siennes.order_by().values_list("type").annotate(Count("pk"), neuves=neuves)


def _lignes(
    codes: Sequence[str], debut: int, famille: int, jour: date, compte: int, depuis: datetime, *bornes
):
    siennes = lecture.visibles(famille, jour).avec_nouveaute(compte, depuis + NOUVELLES)
    siennes = siennes.filter(_entre(*bornes), type__in=codes).select_related("enfant", "envoyee_par")
    return siennes.order_by("-envoyee_le", "-numero")[debut : debut + PAR_PAGE]


CHAMPS = (*lecture.LECTEUR, *[Demande._meta.get_field("envoyee_le")] * 4)
COMPTES = Preparee(_comptes, *CHAMPS)


@cache
def _premiere(codes: tuple[str, ...]) -> Preparee:
    """The first page of these kinds: two tabs, and each kind alone."""
    return Preparee(partial(_lignes, codes, 0), *CHAMPS)


@dataclass(frozen=True)
class Consultation:
    """What a person reads of their household's demandes: which period, in whose name, now."""

    famille: Famille
    utilisateur: object
    maintenant: datetime
    bornes: Bornes

    @property
    def _valeurs(self) -> tuple:
        jour = timezone.localdate(self.maintenant)
        return (
            self.famille.pk,
            jour,
            self.utilisateur.pk,
            self.maintenant - NOUVELLES,
            *self.bornes,
        )

    def compter(self) -> dict[str, tuple[int, int]]:
        """How many of each kind, and how many whose answer is new."""
        return {code: (nombre, neuves) for code, nombre, neuves in COMPTES.lignes(*self._valeurs)}

    def lire(self, codes: Sequence[str], debut: int, enfants: list[Enfant]) -> list[Demande]:
        """Fifty of these kinds after the `debut` first, with `nouvelle` and the days of these children."""
        if debut:
            lues = list(_lignes(codes, debut, *self._valeurs))
        else:
            lues = _premiere(tuple(codes)).objets(*self._valeurs)
        for demande in lues:
            demande.famille = self.famille
        lecture.poser_jours(lues, {e.pk for e in enfants})
        return lues


def page_de(nombre: int, numero: int) -> Page:
    """Fifty at a time; a number past the end gives the last page."""
    return Paginator(range(nombre), PAR_PAGE).get_page(numero)


def marquer_vues(cles: Iterable, utilisateur, maintenant: datetime) -> None:
    """This person sees these answers. Answered again after a first look (a day of it): the instant moves."""
    LectureDemande.objects.bulk_create(
        [LectureDemande(demande_id=cle, utilisateur=utilisateur, lue_le=maintenant) for cle in cles],
        update_conflicts=True,
        unique_fields=["demande", "utilisateur"],
        update_fields=["lue_le"],
    )


# --- in words -----------------------------------------------------------------------------------------------------


def lignes(demandes: Iterable[Demande], enfants: list[Enfant]) -> list[LigneDemande]:
    """Of demandes read `avec_nouveaute`."""
    rangs = {e.pk: i for i, e in enumerate(enfants, 1)}
    return [_ligne(d, rangs) for d in demandes]


def _ligne(demande: Demande, rangs: dict) -> LigneDemande:
    jours = demande.jours.all()
    enfant = demande.enfant or (jours[0].reservation.enfant if jours else None)
    ton, mot = ton_et_mot(demande)
    return LigneDemande(
        demande=demande,
        titre=titre(demande),
        resume=resume(demande),
        etat=demande.etat_lu,
        ton=ton,
        mot=mot,
        initiale=enfant.prenom[:1].upper() if enfant else "",
        avatar=rangs.get(enfant.pk, 0) if enfant else 0,
        nouveau=demande.nouvelle,
        attend=demande.phrase_attestation if demande.attend_attestation else "",
    )


def sections(toutes: list[LigneDemande], genre: type[TypeDemande] | None, famille: Famille) -> list[Section]:
    """The guide's sections; those withdrawn come last, when there are some. `genre`: the kind chosen."""
    groupes = (
        ("Demandes en cours", EN_COURS, True),
        ("Demandes refusées", (Etat.REFUSEE,), True),
        ("Demandes acceptées", ACCEPTEES, True),
        ("Demandes retirées", (Etat.RETIREE,), False),
    )
    formulaire = entete = None
    if genre is not None:
        formulaire, entete = entetes(genre, famille, [li.demande for li in toutes])
    faites = []
    for nom, etats, toujours in groupes:
        retenues = [li for li in toutes if li.etat in etats]
        tableau = None
        if entete:
            rangs: list[Rang] = [rang(formulaire, entete, li, etats) for li in retenues]
            tableau = Tableau.de(genre, entete, etats, rangs)
        if retenues or toujours:
            faites.append(Section(nom, retenues, toujours, tableau))
    return faites


def navigation(mois: date | str | None, jour: date) -> Mois:
    """◀ ▶: from the last thirty days one goes back to the previous month; never past the present one."""
    present = premier_du_mois(jour)
    if not isinstance(mois, date):
        return Mois(None, mois is not None, decaler_mois(present, -1), None)
    return Mois(mois, False, decaler_mois(mois, -1), decaler_mois(mois, 1) if mois < present else None)
