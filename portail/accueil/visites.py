"""« Depuis votre dernière visite »: what a person has not seen yet, page by page, household by household."""

from datetime import date, datetime, timedelta

from django.utils import timezone

from familles.models import Famille
from portail.accueil.models import Formulaire, Information, Visite
from portail.socle.lecture import Preparee

# Reading goes on: the flags of a visit stay while one comes and goes between the pages.
UNE_VISITE = timedelta(minutes=30)
# Who comes for the first time: what is older than this is not new.
PREMIERE_FOIS = timedelta(days=15)


VISITES = Preparee(
    lambda utilisateur, famille, page: Visite.objects.filter(
        utilisateur=utilisateur, famille=famille, page=page
    ),
    *(Visite._meta.get_field(nom) for nom in ("utilisateur", "famille", "page")),
)


def noter(utilisateur, famille: Famille, page: str, maintenant: datetime) -> datetime:
    """Write the visit, and say since when what appears is new to this person. One query, a second when it writes."""
    connue = next(iter(VISITES.objets(utilisateur.pk, famille.pk, page)), None)
    if connue is None:
        # Two windows opened at once: the second one finds the row there.
        Visite.objects.bulk_create(
            [Visite(utilisateur=utilisateur, famille=famille, page=page, vue_le=maintenant)],
            ignore_conflicts=True,
        )
        return maintenant - PREMIERE_FOIS
    if maintenant - connue.vue_le > UNE_VISITE:
        relue = Visite.objects.filter(pk=connue.pk, vue_le=connue.vue_le)
        relue.update(vue_le=maintenant, precedente_le=connue.vue_le)
        return connue.vue_le
    return connue.precedente_le or maintenant - PREMIERE_FOIS


def est_nouveau(publie: Information | Formulaire, depuis: datetime) -> bool:
    """Whether it appeared after that instant: its first day, or the day an agent wrote it when that is later."""
    debuts = [publie.cree_le, _minuit(publie.du) if publie.du else None]
    debut = max((d for d in debuts if d is not None), default=None)
    return debut is not None and debut > depuis


def _minuit(jour: date) -> datetime:
    return timezone.make_aware(datetime.combine(jour, datetime.min.time()))
