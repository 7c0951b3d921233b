"""What an Inscription means for the days to come: the school year of a typical week, a change of week, an end.

Whoever writes an Inscription (the admin, an accepted demande) calls `remplir` afterwards, in the same transaction.
A day the family itself touched (an absence it declared, an ask it withdrew) is never booked or cancelled again here.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from django.db import transaction
from django.db.models import Q

from enfants import accord, places, regles, semaine
from enfants.calendrier import calendrier_du
from enfants.models import (
    AnneeScolaire,
    Enfant,
    Etat,
    Inscription,
    PeriodeVacances,
    Reservation,
    ReservationEvenement,
    Scolarite,
)
from portail.socle.argent import INSECABLE
from portail.socle.courriels import poster
from portail.socle.dates import annee_scolaire, libelle_annee
from portail.socle.models import Collectivite
from portail.socle.templatetags.portail import jour_long

SEMAINE_CHANGEE = "Changement de l’inscription"
TOUCHE = "La famille l’a changé elle-même."
# What a change of week takes back: a leave or an absence already counted stays.
REPRENABLES = (Etat.DEMANDEE, Etat.EN_ATTENTE, Etat.RESERVEE)


@dataclass
class Prevision:
    """What saving an Inscription does to the days to come. `impossible`: why the year cannot be filled."""

    a_annuler: list[Reservation] = field(default_factory=list)
    a_reserver: list[date] = field(default_factory=list)
    refuses: list[tuple[date, str]] = field(default_factory=list)  # day, sentence for the agent
    gardes: list[Reservation] = field(default_factory=list)  # out of the new week, but touched by the family
    impossible: str = ""

    @property
    def vide(self) -> bool:
        return not (self.a_annuler or self.a_reserver)

    @property
    def refuses_par_raison(self) -> list[tuple[str, list[date]]]:
        """Refused days under their reason, the most frequent first."""
        raisons: dict[str, list[date]] = defaultdict(list)
        for jour, phrase in self.refuses:
            raisons[phrase].append(jour)
        dites = [(accord.pour(len(jours), raison), jours) for raison, jours in raisons.items()]
        return sorted(dites, key=lambda r: (-len(r[1]), r[1]))


@dataclass
class Remplissage:
    """What `remplir` did."""

    reservees: list[Reservation]
    annulees: list[Reservation]
    prevision: Prevision

    @property
    def phrases(self) -> list[str]:
        """For the agent, one sentence a fact."""
        phrases = []
        if self.reservees:
            phrases.append(f"Jours réservés{INSECABLE}: {len(self.reservees)}.")
        if self.annulees:
            phrases.append(f"Réservations annulées{INSECABLE}: {len(self.annulees)}.")
        for raison, jours in self.prevision.refuses_par_raison:
            liste = ", ".join(f"{j:%d/%m}" for j in jours[:8]) + ("…" if len(jours) > 8 else "")
            laisses = "jour laissé" if len(jours) == 1 else "jours laissés"
            phrases.append(f"{len(jours)} {laisses} de côté ({liste}){INSECABLE}: {raison}")
        if self.prevision.impossible:
            phrases.append(self.prevision.impossible)
        return phrases


def phrase_eligible(enfant: Enfant, prestation, jour: date) -> str:
    """Why this child may not be enrolled from that day (age, class), or an empty string."""
    niveau = Scolarite.objects.filter(
        enfant=enfant, annee__debut__lte=jour, annee__fin__gte=jour
    ).values_list("niveau", flat=True)
    return regles.phrase_ineligible(prestation, enfant, jour, niveau.first() or "")


def _premier_jour(inscription: Inscription, maintenant: datetime) -> date:
    """The first day that may still change: today until the service starts."""
    local = maintenant.astimezone(regles.PARIS).date()
    if places.deja_commence(inscription.prestation, local, maintenant):
        local += timedelta(1)
    return local


def _annee(jour: date) -> tuple[AnneeScolaire | None, str]:
    """The school year of that day, and why it cannot be filled: its calendar is missing."""
    annee = AnneeScolaire.objects.filter(debut__lte=jour, fin__gte=jour).first()
    connues = annee and PeriodeVacances.objects.filter(
        zone=Collectivite.actuelle().zone, du__lte=annee.fin, au__gte=annee.debut
    )
    if not annee or not connues.exists():
        return None, (
            f"Le calendrier {libelle_annee(annee_scolaire(jour))} n’est pas rempli{INSECABLE}: aucun jour n’est réservé. "
            "Remplissez-le, puis relancez «\N{NO-BREAK SPACE}Réserver la semaine type\N{NO-BREAK SPACE}»."
        )
    return annee, ""


def _touchees(inscription: Inscription, du: date) -> dict[date, Reservation]:
    """Days of this inscription on which the family itself changed something, with their latest row."""
    evenements = ReservationEvenement.objects.filter(
        reservation__enfant=inscription.enfant_id,
        reservation__prestation=inscription.prestation_id,
        reservation__payeur=inscription.famille_id,
        reservation__jour__gte=du,
        par__is_staff=False,
    ).exclude(de="")
    lignes = Reservation.objects.filter(pk__in=evenements.values("reservation")).order_by("pk")
    return {r.jour: r for r in lignes}


def _voulus(inscription: Inscription, du: date, au: date) -> list[date]:
    """Days of the typical week the service opens, in the household's weeks."""
    if inscription.mode != Inscription.Mode.REGULIER or au < du:
        return []
    calendrier = calendrier_du(du, au)
    jours = (du + timedelta(n) for n in range((au - du).days + 1))
    return [
        j
        for j in jours
        if inscription.vaut(j)
        and semaine.contient(inscription.semaine_type, j)
        and regles.fond(inscription.prestation, j, calendrier) == regles.OUVERT
    ]


def prevoir(inscription: Inscription, maintenant: datetime) -> Prevision:
    """What `remplir` would try now, the fields of `inscription` as given (saved or not). Nothing is written; places
    and exclusive services only speak under lock, in `remplir`.
    """
    depuis = _premier_jour(inscription, maintenant)
    prevision = Prevision()
    touchees = _touchees(inscription, depuis) if inscription.pk else {}
    tenues = _trier(inscription, depuis, touchees, prevision) if inscription.pk else set()
    if inscription.mode != Inscription.Mode.REGULIER or (inscription.au and inscription.au < depuis):
        return prevision
    debut = max(depuis, inscription.du)
    annee, prevision.impossible = _annee(debut)
    if annee is None:
        return prevision
    fin = min(annee.fin, inscription.au or annee.fin)
    for jour in _voulus(inscription, debut, fin):
        if jour in touchees and jour not in tenues:
            prevision.refuses.append((jour, TOUCHE))
        elif jour not in tenues:
            prevision.a_reserver.append(jour)
    return prevision


def _trier(inscription: Inscription, depuis: date, touchees: dict, prevision: Prevision) -> set[date]:
    """Cancel what the dates no longer cover, and the regular days the week no longer holds; the days kept."""
    lignes = (
        Reservation.objects.filter(inscription=inscription.pk, jour__gte=depuis)
        .vivantes()
        .select_related("enfant", "prestation")
        .order_by("jour", "pk")
    )
    tenues = set()
    for r in lignes:
        dehors = r.jour < inscription.du or bool(inscription.au and r.jour > inscription.au)
        regulier = inscription.mode == Inscription.Mode.REGULIER
        tenue = regulier and semaine.contient(inscription.semaine_type, r.jour) and inscription.vaut(r.jour)
        if dehors and r.etat in places.ANNULABLES:
            prevision.a_annuler.append(r)
        elif r.reguliere and not tenue and r.etat in REPRENABLES:
            (prevision.gardes if r.jour in touchees else prevision.a_annuler).append(r)
            if r.jour in touchees:
                tenues.add(r.jour)
        else:
            tenues.add(r.jour)
    return tenues


@transaction.atomic
def remplir(inscription: Inscription, par, maintenant: datetime) -> Remplissage:
    """Bring the days to come in step with a saved Inscription: the regular ones of its school year are booked on
    behalf of the town (no limit holds; full, closed, exclusive days are left and said), those it no longer covers
    are cancelled and their places offered. Twice is once.

    Locks at once all it may touch. In a transaction of the caller that writes days first, see `places.tenir_les_enfants`.
    """
    prevision = prevoir(inscription, maintenant)
    souhaits = [places.Souhait(inscription, jour) for jour in prevision.a_reserver]
    places.tenir_tout(souhaits, [r.pk for r in prevision.a_annuler])
    # `places`: in one transaction, the verbs that take come before the verbs that free.
    issues = places.reserver(souhaits, par, maintenant, au_nom_de_la_mairie=True, reguliere=True)
    for issue in issues:
        if issue.reservation is None:
            prevision.refuses.append((issue.souhait.jour, issue.phrase))
    annulees = places.annuler([r.pk for r in prevision.a_annuler], par, maintenant, SEMAINE_CHANGEE)
    reservees = [i.reservation for i in issues if i.reservation is not None]
    return Remplissage(reservees, annulees, prevision)


def jours_reserves(inscription: Inscription, fait: Remplissage) -> str:
    """« Jours réservés : 47 (lundi et mardi), du lundi 30 novembre 2026 au mardi 29 juin 2027. », or nothing."""
    if not fait.reservees:
        return ""
    lesquels = f" ({inscription.jours_en_mots})" if inscription.mode == Inscription.Mode.REGULIER else ""
    du, au = (jour_long(fait.reservees[rang].jour) for rang in (0, -1))
    quand = f"du {du} au {au}" if len(fait.reservees) > 1 else f"le {du}"
    return f"Jours réservés{INSECABLE}: {len(fait.reservees)}{lesquels}, {quand}."


def prevenir(inscription: Inscription, fait: Remplissage, nouvelle: bool = False) -> None:
    """Tell the household what the town changed for it; that it enrolled the child, even without a day (`nouvelle`)."""
    touchees = [*fait.annulees, *fait.reservees]
    if not touchees and not nouvelle:
        return
    contexte = {
        "enfant": inscription.enfant,
        "prestation": inscription.prestation,
        "inscription": inscription,
        "nouvelle": nouvelle,
        "annulees": sorted(fait.annulees, key=lambda r: r.jour),
        "reserves": jours_reserves(inscription, fait),
    }
    quoi = f"{touchees[0].pk}:{touchees[0].version}" if touchees else "nouvelle"
    for rang, adresse in enumerate(inscription.famille.adresses_courriel()):
        cle = f"inscription:{inscription.pk}:{quoi}:{len(touchees)}:{rang}"
        poster(cle, adresse, "courriels/inscription.txt", contexte)


def phrase_des_parts(inscription: Inscription, autres: Iterable[Inscription]) -> tuple[bool, str]:
    """Whether the parts of a shared day go beyond 100, and the sentence; empty when they make 100 exactly.

    Under 100 is not refused: the other household comes next, or its part is being changed. Its invoice waits.
    """
    if inscription.repartition != Inscription.Repartition.PART:
        return False, ""
    genre = Inscription.Repartition.PART
    communes = [i.part for i in autres if i.repartition == genre and i.famille_id != inscription.famille_id]
    parts = [inscription.part, *communes]
    if sum(parts) == 100:
        return False, ""
    detail = " + ".join(f"{part.normalize():f}{INSECABLE}%".replace(".", ",") for part in parts)
    return sum(
        parts
    ) > 100, f"Les parts d’un même jour doivent faire 100{INSECABLE}%{INSECABLE}: ici {detail}."


def autres_inscriptions(inscription: Inscription) -> list[Inscription]:
    """Those of the same child to the same service, whichever household, that share a day with this one."""
    autres = Inscription.objects.filter(enfant=inscription.enfant_id, prestation=inscription.prestation_id)
    autres = autres.exclude(pk=inscription.pk).filter(Q(au=None) | Q(au__gte=inscription.du))
    return list((autres.filter(du__lte=inscription.au) if inscription.au else autres).order_by("pk"))
