"""The offer of next year: services copied with their limits, places and exclusive groups; inscriptions renewed.

The service of this year stops on 31 August, its copy begins on 1 September under the same name. What belongs to the
floors above (régie, prices) is not copied here: whoever calls says so.
"""

from collections.abc import Iterable
from contextlib import suppress
from copy import copy
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from django.db import OperationalError, transaction
from django.db.models import Q

from enfants import archives, inscriptions
from enfants.accord import enumerer
from enfants.models import Inscription, Prestation, Rattachement
from enfants.regles import PARIS
from portail.socle.argent import INSECABLE
from portail.socle.dates import annee_scolaire, bornes_scolaires, decaler_ans
from portail.socle.traces import tracer
from portail.socle.verrous import CALENDRIER, tenir_seul

# An inscription that stops with the last weeks of school goes on; one that stopped in winter was stopped on purpose.
FIN_D_ANNEE = timedelta(days=92)
FENETRE = ("ouverture", "ouverture_hors_commune", "fermeture")


@dataclass
class Copie:
    """One service carried over: its copy, inscriptions renewed, and those that are not, with why."""

    ancienne: Prestation
    nouvelle: Prestation
    renouvelees: list[Inscription] = field(default_factory=list)
    laissees: list[tuple[Inscription, str]] = field(default_factory=list)
    reservees: int = 0
    a_reprendre: int = 0  # typical weeks that could not be booked just then
    impossible: str = ""  # why typical weeks are not booked yet


def rentree(jour: date) -> date:
    """1 September that follows."""
    return bornes_scolaires(annee_scolaire(jour) + 1)[0]


def phrase_impossible(prestation: Prestation, debut: date) -> str:
    """Why it cannot be copied: nothing is left to copy, or it already begins then."""
    if prestation.archivee_le and prestation.archivee_le <= debut:
        return f"{prestation.nom} s’arrête avant la rentrée, ou a déjà été dupliquée."
    if prestation.debut and prestation.debut >= debut:
        return f"{prestation.nom} ne commence qu’à la rentrée."
    return ""


def reconductibles(prestation: Prestation, debut: date) -> list[tuple[Inscription, str]]:
    """Inscriptions of the end of the year, with why one is not renewed (empty: it is)."""
    lignes = (
        Inscription.objects.filter(prestation=prestation, du__lt=debut)
        .filter(Q(au=None) | Q(au__gte=debut - FIN_D_ANNEE))
        .select_related("enfant", "prestation", "famille")
        .order_by("enfant__nom", "enfant__prenom", "pk")
    )
    rattachees = set(
        Rattachement.objects.filter(Rattachement.en_cours("", debut))
        .order_by("pk")
        .values_list("enfant_id", "famille_id")
    )
    resultat = []
    for i in lignes:
        raison = "" if i.derogation else inscriptions.phrase_eligible(i.enfant, prestation, debut)
        if (i.enfant_id, i.famille_id) not in rattachees:
            raison = "L’enfant n’est plus rattaché à cette famille."
        resultat.append((i, raison))
    return resultat


def _un_an_apres(quand: datetime) -> datetime:
    """The same wall time in Paris; 29 February becomes the 28th."""
    local = quand.astimezone(PARIS)
    return datetime.combine(decaler_ans(local.date(), 1), local.timetz())


def _copier(prestation: Prestation, debut: date) -> Prestation:
    nouvelle = copy(prestation)
    nouvelle.pk, nouvelle._state = None, copy(prestation._state)
    nouvelle._state.adding = True
    nouvelle.debut, nouvelle.archivee_le = debut, None
    for nom in FENETRE:
        if quand := getattr(nouvelle, nom):
            setattr(nouvelle, nom, _un_an_apres(quand))
    nouvelle.save()
    for jauge in prestation.jauges.all():
        jauge.prestations.add(nouvelle)
    for groupe in prestation.groupes_exclusifs.all():
        groupe.prestations.add(nouvelle)
    return nouvelle


def dupliquer(prestation: Prestation, debut: date, reconduire: bool, par, maintenant: datetime) -> Copie:
    """Stop this service on the eve of `debut`, begin its copy then; renew the inscriptions when asked.

    One transaction writes the service and its inscriptions, holding the calendar alone, last: it locks no child and no
    place that somebody who books could wait for meanwhile. Then what was booked beyond is cancelled (killed here, the
    scheduled work does it), and typical weeks are booked, a child at a time (« Réserver la semaine type » goes on).
    """
    copie = _changer_d_annee(prestation, debut, reconduire, par)
    with suppress(OperationalError):  # as if killed: the scheduled work cancels
        archives.solder(prestation, par, maintenant)
    for inscription in copie.renouvelees:
        try:
            fait = inscriptions.remplir(inscription, par, maintenant)
        except OperationalError:  # somebody else's for longer than a lock waits
            copie.a_reprendre += 1
            continue
        copie.reservees += len(fait.reservees)
        copie.impossible = copie.impossible or fait.prevision.impossible
    return copie


@transaction.atomic
def _changer_d_annee(prestation: Prestation, debut: date, reconduire: bool, par) -> Copie:
    a_renouveler = reconductibles(prestation, debut) if reconduire else []
    # First: two live services of one structure may not share a name.
    archives.arreter(prestation, debut, par)
    copie = Copie(prestation, _copier(prestation, debut))
    for ancienne, raison in a_renouveler:
        if raison:
            copie.laissees.append((ancienne, raison))
        else:
            copie.renouvelees.append(_renouveler(ancienne, copie.nouvelle, debut))
    tracer(
        par, "prestation.dupliquer", copie.nouvelle, depuis=prestation.pk, inscriptions=len(copie.renouvelees)
    )
    tenir_seul(CALENDRIER)
    return copie


def _renouveler(ancienne: Inscription, prestation: Prestation, debut: date) -> Inscription:
    champs = ("mode", "semaine_type", "repartition", "part", "heures_semaine", "conges_jours", "derogation")
    return Inscription.objects.create(
        enfant=ancienne.enfant,
        famille=ancienne.famille,
        prestation=prestation,
        du=debut,
        **{nom: getattr(ancienne, nom) for nom in champs},
    )


def a_faire_ensuite(copies: Iterable[Copie]) -> list[str]:
    """What the copy does not do, for the agent."""
    noms = enumerer(f"«{INSECABLE}{c.nouvelle.nom}{INSECABLE}»" for c in copies)
    return [
        f"Le régisseur rattache {noms} à sa régie et saisit les tarifs de la nouvelle année\N{NO-BREAK SPACE}: "
        "sans tarif, ces jours ne peuvent pas être facturés.",
        "Relisez les dates d’ouverture des réservations\N{NO-BREAK SPACE}: elles ont été avancées d’un an.",
        "Mettez à jour les classes des enfants\N{NO-BREAK SPACE}: les conditions de classe se vérifient sur l’année nouvelle.",
    ]
