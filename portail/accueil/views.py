"""The tab Accueil, « Infos./Documents », the enrolment sheet, the public pages."""

from datetime import date, timedelta

from django.contrib.auth.decorators import login_not_required
from django.db.models import Prefetch
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from enfants.calendrier import calendrier_du
from enfants.models import Enfant, Scolarite
from facturation import releve
from facturation.models import PriseEnChargeTresor
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
from portail.socle.models import Collectivite
from portail.socle.traces import tracer


def _enfants(famille: Famille, jour: date) -> list[Enfant]:
    """The children of this household that day, with the school year's school, in two queries."""
    annee = Scolarite.objects.filter(annee__debut__lte=jour, annee__fin__gte=jour).select_related("ecole")
    return list(
        Enfant.objects.de_la_famille(famille, jour).prefetch_related(
            Prefetch("scolarites", annee, to_attr="scolarite_en_cours")
        )
    )


@require_safe
def accueil(request: HttpRequest) -> HttpResponse:
    """What waits, what is owed, the week, the invoices, the children: the same number of queries for any family."""
    moi = responsable_de(request)
    famille, jour, maintenant = moi.famille, timezone.localdate(), timezone.now()
    enfants = _enfants(famille, jour)
    moment = Moment(
        famille, request.user, jour, noter(request.user, famille, Visite.Page.ACCUEIL, maintenant), enfants
    )
    lundi = semaine.lundi_montre(jour)
    reservations = semaine.lire(enfants, lundi)
    # Reaches back far enough for the habits, and on for the limits: one query.
    calendrier = calendrier_du(lundi, jour + timedelta(days=rappels.HORIZON))
    a_reserver = rappels.rappels(*rappels.lire(famille, enfants, jour), calendrier, maintenant)
    impayees = releve.impayees(famille)
    solde = releve.solde(famille)
    contexte = {
        "moi": moi,
        "jour": jour,
        "mois": f"{lundi:%Y-%m}",
        "informations": list(
            Information.objects.filter(emplacement=Emplacement.ACCUEIL).publies(jour).pour(famille, jour)
        ),
        "attentes": attentes(moment, impayees, nouveaux_messages(request), a_reserver),
        "solde": solde,
        "avoir": -solde,
        "au_tresor": PriseEnChargeTresor.objects.filter(facture__famille=famille).exists(),
        "dernier_reglement": releve.dernier_reglement(famille),
        "semaine": semaine.semaine(enfants, reservations, calendrier, famille, jour),
        "impayees": impayees,
        "total_impayees": sum(f.reste for f in impayees),
        "enfants": [(e, e.age(jour), e.scolarite_en_cours) for e in enfants],
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
