"""The tab Accueil, « Infos./Documents », the enrolment sheet, the public pages."""

from collections import defaultdict
from datetime import date, timedelta

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from enfants.calendrier import calendrier_du
from enfants.models import Enfant, Rattachement, Scolarite
from enfants.planning_lecture import enfants_de
from facturation import releve
from familles.acces import famille_de, responsable_de
from familles.models import Famille
from portail.accueil import fiche_inscription as fiche
from portail.accueil import rappels, semaine
from portail.accueil.attente import Moment, attentes
from portail.accueil.entete import nouveaux_messages
from portail.accueil.models import Emplacement, Formulaire, Information, Page, Visite
from portail.accueil.texte import remplir, rendre
from portail.accueil.visites import est_nouveau, noter
from portail.socle import pdf
from portail.socle.lecture import Preparee
from portail.socle.models import Collectivite
from portail.socle.traces import tracer

# Prepared, as all that this page reads: it is the first one after the log-in.
_FAMILLE_ET_JOUR = (Famille._meta.pk, Rattachement._meta.get_field("du"))
SCOLARITES = Preparee(
    lambda famille, jour: (
        Scolarite.objects.filter(
            enfant__in=Enfant.objects.de_la_famille(famille, jour),
            annee__debut__lte=jour,
            annee__fin__gte=jour,
        )
        .order_by("pk")
        .values_list("enfant", "niveau", "ecole__nom")
    ),
    *_FAMILLE_ET_JOUR,
)
INFORMATIONS = Preparee(
    lambda famille, jour: (
        Information.objects.filter(emplacement=Emplacement.ACCUEIL).publies(jour).pour(famille, jour)
    ),
    *_FAMILLE_ET_JOUR,
)


def _fiches(famille: Famille, enfants: list[Enfant], jour: date) -> list[tuple[Enfant, int, list]]:
    """These children with their age, and (level, school) of the year."""
    scolarites = defaultdict(list)
    for enfant, niveau, ecole in SCOLARITES.lignes(famille.pk, jour):
        scolarites[enfant].append((niveau, ecole))
    return [(e, e.age(jour), scolarites[e.pk]) for e in enfants]


@require_safe
def accueil(request: HttpRequest) -> HttpResponse:
    """What waits, what is owed, the week, the invoices, the children: the same number of queries for any family."""
    moi = responsable_de(request)
    famille, jour, maintenant = moi.famille, timezone.localdate(), timezone.now()
    enfants = enfants_de(famille, jour)
    moment = Moment(
        famille, request.user, jour, noter(request.user, famille, Visite.Page.ACCUEIL, maintenant), enfants
    )
    lundi = semaine.lundi_montre(jour)
    reservations = semaine.lire(famille, jour)
    # Reaches back far enough for the habits, and on for the limits: one query.
    calendrier = calendrier_du(lundi, jour + timedelta(days=rappels.HORIZON))
    a_reserver = rappels.rappels(rappels.lire(famille, jour), calendrier, maintenant)
    impayees = releve.impayees(famille)
    compte = releve.compte(famille)
    contexte = {
        "moi": moi,
        "jour": jour,
        "mois": f"{lundi:%Y-%m}",
        "informations": INFORMATIONS.objets(famille.pk, jour),
        "attentes": attentes(moment, impayees, nouveaux_messages(request), a_reserver),
        "solde": compte.solde,
        "avoir": -compte.solde,
        "au_tresor": compte.au_tresor,
        "dernier_reglement": releve.dernier_reglement(famille),
        "semaine": semaine.semaine(enfants, reservations, calendrier, jour),
        "impayees": impayees,
        "total_impayees": sum(f.reste for f in impayees),
        "enfants": _fiches(famille, enfants, jour),
    }
    return render(request, "accueil/accueil.html", contexte)


@require_safe
def infos_documents(request: HttpRequest) -> HttpResponse:
    """The town's complementary message or link, and the way to the forms."""
    famille, jour = famille_de(request), timezone.localdate()
    depuis = noter(request.user, famille, Visite.Page.INFOS, timezone.now())
    publiees = Information.objects.filter(emplacement=Emplacement.INFOS).publies(jour).pour(famille, jour)
    informations = [(i, est_nouveau(i, depuis)) for i in publiees.prefetch_related("structures")]
    return render(request, "accueil/infos_documents.html", {"informations": informations})


@require_safe
def formulaires(request: HttpRequest) -> HttpResponse:
    """The documents to download, with their size and format."""
    famille, jour = famille_de(request), timezone.localdate()
    depuis = noter(request.user, famille, Visite.Page.FORMULAIRES, timezone.now())
    lignes = [(f, est_nouveau(f, depuis)) for f in Formulaire.objects.publies(jour).select_related("fichier")]
    return render(request, "accueil/formulaires.html", {"lignes": lignes})


@require_safe
def fiche_inscription(request: HttpRequest) -> HttpResponse:
    """The blank sheet; an agent prints it too."""
    return pdf.reponse(fiche.document(timezone.localdate()), "fiche-inscription.pdf")


@require_safe
def fiche_enfant(request: HttpRequest, pk) -> HttpResponse:
    """The sheet of one of this household's children, filled with what it declared itself."""
    famille, jour = famille_de(request), timezone.localdate()
    enfant = get_object_or_404(Enfant.objects.de_la_famille(famille, jour), pk=pk)
    # It prints health data: who read it, and when.
    tracer(request.user, "consultation", enfant, famille=famille, quoi="fiche d’inscription")
    return pdf.reponse(fiche.document(jour, famille, enfant), "fiche-inscription.pdf")


@login_not_required
@require_safe
def page(request: HttpRequest, adresse: str) -> HttpResponse:
    """A public page: a row an agent edits."""
    lue = Page.lire(adresse)
    texte = rendre(remplir(lue.texte, Collectivite.actuelle(), lue.modifiee_le))
    retour = reverse("accueil" if request.user.is_authenticated else "connexion")
    return render(request, "accueil/page.html", {"page": lue, "texte": texte, "retour": retour})
