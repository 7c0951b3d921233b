"""Scheduled work: what runs by itself, how often, each run a row of Execution."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from traceback import extract_tb

from django.conf import settings
from django.contrib.contenttypes.models import ContentType
from django.core.management import call_command
from django.db import transaction
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from demandes.travail import (
    effacer_les_valeurs,
    facturer_sans_attestation,
    solder_les_demandes,
    supprimer_les_depots,
)
from enfants import places
from enfants.archives import solder_tout as archives
from enfants.fermetures import balayer_tout as fermetures
from facturation.paiement import Stripe
from facturation.paiement.verbes import fermer_les_perimes
from familles import assaut, connexions
from portail.accueil.conservation import conserver
from portail.accueil.donnees.verbes import travailler as copies_des_donnees
from portail.socle.courriels import clore_abandonnes
from portail.socle.fichiers import orphelins
from portail.socle.models import Courriel, Execution
from portail.socle.verrous import verrouiller_un

journal = logging.getLogger("portail.travaux")
# A run older than this died with its process: the next one may start.
DUREE_MAX = timedelta(hours=2)
JOUR = timedelta(days=1)


@dataclass(frozen=True)
class Travail:
    """One kind of scheduled work. `fonction` takes the hour and says in a few words what it did."""

    code: str
    tous_les: timedelta
    fonction: Callable[[datetime], str]


def courriels(maintenant: datetime) -> str:
    """Closes what two crashes left half-way; says how the outbox stands (the sending itself is the worker's loop)."""
    closes = clore_abandonnes(maintenant)
    en_retard = Courriel.objects.dus(maintenant - timedelta(minutes=10)).count()
    return f"{closes} abandonnés, {en_retard} en retard"


def paiements(maintenant: datetime) -> str:
    """Asks the bank what became of the payment pages whose time is over: catches up a lost notification."""
    return fermer_les_perimes(Stripe(), maintenant) if settings.STRIPE_SECRET_KEY else "sans banque"


def sessions(maintenant: datetime) -> str:
    """Removes the sessions that have expired."""
    call_command("clearsessions")
    return ""


def acces(maintenant: datetime) -> str:
    """Removes the tries and the log-ins that are too old to serve."""
    return f"{assaut.purger(maintenant)} essais, {connexions.purger(maintenant)} connexions"


def menage(maintenant: datetime) -> str:
    """Removes old results of tasks and old runs, and the files a cancelled transaction left on disk."""
    resultats, _ = DBTaskResult.objects.filter(
        enqueued_at__lt=maintenant - 14 * JOUR, status__in=("SUCCESSFUL", "FAILED", "RUNNING")
    ).delete()
    executions, _ = Execution.objects.filter(debut__lt=maintenant - 90 * JOUR).delete()
    # A day old at least: a younger file may belong to a transaction that is still open.
    perdus = orphelins(maintenant - JOUR)
    for chemin in perdus:
        chemin.unlink(missing_ok=True)
    return f"{resultats} tâches, {executions} exécutions, {len(perdus)} fichiers"


TRAVAUX = (
    Travail("courriels", timedelta(minutes=10), courriels),
    Travail("paiements", timedelta(minutes=15), paiements),
    Travail("places", timedelta(minutes=10), places.rattraper),
    Travail("demandes", timedelta(hours=1), solder_les_demandes),
    Travail("attestations", timedelta(hours=1), facturer_sans_attestation),
    Travail("depots", timedelta(hours=1), supprimer_les_depots),
    Travail("effacement", JOUR, effacer_les_valeurs),
    Travail("fermetures", timedelta(hours=1), fermetures),
    Travail("archives", timedelta(hours=1), archives),
    Travail("donnees", timedelta(minutes=5), copies_des_donnees),
    Travail("sessions", JOUR, sessions),
    Travail("acces", timedelta(hours=1), acces),
    Travail("menage", JOUR, menage),
    Travail("conservation", JOUR, conserver),
)


def lancer_dus(
    travaux: tuple[Travail, ...] = TRAVAUX, arret: Callable[[], bool] = lambda: False
) -> list[Execution]:
    """Run what is due now, one after the other; the runs made."""
    faits = []
    for travail in travaux:
        if arret():
            break
        execution = reclamer(travail, timezone.now())
        if execution:
            faits.append(_executer(travail, execution))
    return faits


@transaction.atomic
def reclamer(travail: Travail, maintenant: datetime) -> Execution | None:
    """The row of a run that is ours, or None when it is not due or when another process has it."""
    # The content type of Execution: a row that always exists, so that even a first run has something to lock.
    verrouiller_un(ContentType.objects.filter(app_label="socle", model="execution"))
    passees = Execution.objects.filter(tache=travail.code)
    passees.filter(fin=None, debut__lt=maintenant - DUREE_MAX).update(
        fin=maintenant, reussie=False, bilan="Interrompue"
    )
    if passees.filter(fin=None).exists() or passees.filter(debut__gt=maintenant - travail.tous_les).exists():
        return None
    return Execution.objects.create(tache=travail.code, debut=maintenant)


def _executer(travail: Travail, execution: Execution) -> Execution:
    depart = time.monotonic()
    try:
        bilan, reussie = travail.fonction(execution.debut), True
    except Exception as erreur:
        bilan, reussie = sans_donnees(erreur), False
    execution.fin, execution.reussie, execution.bilan = timezone.now(), reussie, bilan[:300]
    execution.save(update_fields=["fin", "reussie", "bilan"])
    journal.log(
        logging.INFO if reussie else logging.ERROR,
        "travail terminé" if reussie else f"travail en échec : {bilan}",
        extra={"tache": travail.code, "duree_ms": round(1000 * (time.monotonic() - depart))},
    )
    return execution


def sans_donnees(erreur: BaseException) -> str:
    """Kind and place of an error; never its text, where a database or a server quotes personal data."""
    cadres = extract_tb(erreur.__traceback__)
    lieu = f" ({Path(cadres[-1].filename).name}:{cadres[-1].lineno})" if cadres else ""
    return type(erreur).__name__ + lieu
