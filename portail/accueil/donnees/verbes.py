"""The life of a copy: asked, made by the worker, announced, deleted after 48 hours."""

import hashlib
import tempfile
from datetime import datetime, timedelta

from django.core.files import File
from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone
from django_tasks import task
from django_tasks_db.models import DBTaskResult

from familles.models import Famille, Responsable, Utilisateur
from portail.accueil.donnees.ecriture import ecrire
from portail.accueil.donnees.tables import Perimetre
from portail.accueil.models import ExportDonnees
from portail.socle.courriels import poster
from portail.socle.models import Fichier
from portail.socle.traces import tracer
from portail.socle.verrous import verrouiller_un

VALIDITE = timedelta(hours=48)
# A preparation older than this died with its process.
ABANDON = timedelta(minutes=20)
ESSAIS_MAX = 3
Etat = ExportDonnees.Etat


@transaction.atomic
def demander(famille: Famille, par: Utilisateur, maintenant: datetime) -> tuple[ExportDonnees, bool]:
    """The copy being made for this household (one at a time), and whether it was just asked."""
    verrouiller_un(Famille.objects.filter(pk=famille.pk))
    deja = ExportDonnees.objects.filter(famille=famille, etat=Etat.EN_PREPARATION).first()
    if deja:
        return deja, False
    cree = ExportDonnees.objects.create(famille=famille, demande_par=par, demande_le=maintenant)
    tracer(par, "donnees.demander", cree, famille=famille)
    transaction.on_commit(_signaler, robust=True)
    return cree, True


def dernier(famille: Famille, par: Utilisateur) -> ExportDonnees | None:
    """The last copy this person asked for, or the one the other adult is waiting for."""
    return (
        ExportDonnees.objects.filter(Q(demande_par=par) | Q(etat=Etat.EN_PREPARATION), famille=famille)
        .select_related("fichier")
        .order_by("-demande_le", "-pk")
        .first()
    )


def lisible(export: ExportDonnees, maintenant: datetime) -> bool:
    """Whether the file is there and its 48 hours are not over."""
    return export.etat == Etat.PRET and export.fichier_id is not None and maintenant < export.expire_le


def _signaler() -> None:
    """Nudge the worker, unless a nudge already waits."""
    if not DBTaskResult.objects.ready().filter(task_path=preparer_les_copies.module_path).exists():
        preparer_les_copies.enqueue()


@task()
def preparer_les_copies() -> str:
    """The nudge: the row is the truth, this only makes it start sooner than the next sweep."""
    return travailler(timezone.now())


def travailler(maintenant: datetime) -> str:
    """Make the copies asked, delete those whose time is over. Says what it did."""
    faits = sum(_preparer(export) for export in _a_faire(maintenant))
    return f"{faits} copies faites, {effacer_perimees(maintenant)} effacées"


def _a_faire(maintenant: datetime) -> list[ExportDonnees]:
    attendues = ExportDonnees.objects.filter(etat=Etat.EN_PREPARATION)
    mortes = attendues.filter(essais__gte=ESSAIS_MAX, pris_le__lt=maintenant - ABANDON)
    mortes.update(etat=Etat.ECHEC)
    libres = Q(pris_le=None) | Q(pris_le__lt=maintenant - ABANDON)
    return list(attendues.filter(libres).select_related("famille", "demande_par").order_by("demande_le"))


def _preparer(export: ExportDonnees) -> bool:
    """Make one copy; False when another process has it. The zip is written outside any transaction."""
    maintenant = timezone.now()
    mienne = ExportDonnees.objects.filter(pk=export.pk, etat=Etat.EN_PREPARATION)
    if not mienne.filter(pris_le=export.pris_le).update(pris_le=maintenant, essais=F("essais") + 1):
        return False
    famille, par = export.famille, export.demande_par
    # Rechecked now: the access may have been withdrawn since.
    responsable = Responsable.objects.filter(famille=famille, utilisateur=par).first()
    if responsable is None:
        mienne.update(etat=Etat.ECHEC)
        return False
    perimetre = Perimetre.de(famille, par, timezone.localdate(maintenant), maintenant)
    with tempfile.TemporaryFile() as zip_:
        ecrire(perimetre, zip_)
        with transaction.atomic():
            _publier(export, responsable, zip_, maintenant)
    return True


def _publier(export: ExportDonnees, responsable: Responsable, zip_, maintenant: datetime) -> None:
    taille = zip_.tell()
    zip_.seek(0)
    empreinte = hashlib.file_digest(zip_, "sha256").hexdigest()
    zip_.seek(0)
    fichier = Fichier.objects.create(
        nom=f"mes-donnees-{timezone.localdate(maintenant):%Y-%m-%d}.zip",
        type_mime="application/zip",
        taille=taille,
        empreinte=empreinte,
        contenu=File(zip_, name="x"),
        depose_par=export.demande_par,
    )
    anciennes = ExportDonnees.objects.filter(
        famille=export.famille, demande_par=export.demande_par, etat=Etat.PRET
    )
    effacer(list(anciennes))
    ExportDonnees.objects.filter(pk=export.pk).update(
        etat=Etat.PRET, pret_le=maintenant, expire_le=maintenant + VALIDITE, fichier=fichier
    )
    adresse = responsable.email if responsable.autorisation_courriel else ""
    poster(
        f"donnees:{export.pk}",
        adresse or export.demande_par.courriel or "",
        "courriels/donnees_pretes.txt",
        {"expire_le": maintenant + VALIDITE},
    )


def effacer_perimees(maintenant: datetime) -> int:
    """Delete the files whose 48 hours are over; how many."""
    perimees = list(ExportDonnees.objects.filter(etat=Etat.PRET, expire_le__lte=maintenant))
    with transaction.atomic():
        effacer(perimees)
    return len(perimees)


def effacer(exports: list[ExportDonnees]) -> None:
    """The rows stay, the files go (from the disk once the transaction holds)."""
    fichiers = list(Fichier.objects.filter(pk__in=[e.fichier_id for e in exports if e.fichier_id]))
    ExportDonnees.objects.filter(pk__in=[e.pk for e in exports]).update(etat=Etat.EFFACE, fichier=None)
    for fichier in fichiers:
        contenu = fichier.contenu
        fichier.delete()
        # The default value pins this file: a closure over the loop's name would delete the last one only.
        transaction.on_commit(lambda c=contenu: c.storage.delete(c.name), robust=True)
