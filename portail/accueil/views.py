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
from portail.accueil import semaine
from portail.accueil.attente import attentes
from portail.accueil.entete import nouveaux_messages
from portail.accueil.models import Emplacement, Formulaire, Information, Page
from portail.accueil.texte import remplir, rendre
from portail.socle import pdf
from portail.socle.models import Collectivite

# A form is « Nouveau » this long after its first day.
NOUVEAU_JOURS = 15


def _enfants(famille: Famille, jour: date) -> list[Enfant]:
    """The children of this household that day, with the school year's school, in two queries."""
    annee = Scolarite.objects.filter(annee__debut__lte=jour, annee__fin__gte=jour).select_related("ecole")
    return list(
        Enfant.objects.de_la_famille(famille, jour)
        .distinct()
        .prefetch_related(Prefetch("scolarites", annee, to_attr="scolarite_en_cours"))
    )


@require_safe
def accueil(request: HttpRequest) -> HttpResponse:
    """What waits, what is owed, the week, the invoices, the children: the same number of queries for any family."""
    moi = responsable_de(request)
    famille, jour = moi.famille, timezone.localdate()
    enfants = _enfants(famille, jour)
    lundi = semaine.lundi_montre(jour)
    reservations = semaine.lire(enfants, lundi)
    calendrier = calendrier_du(lundi, lundi + timedelta(days=6))
    impayees = releve.impayees(famille)
    solde = releve.solde(famille)
    contexte = {
        "moi": moi,
        "jour": jour,
        "mois": f"{lundi:%Y-%m}",
        "informations": list(
            Information.objects.filter(emplacement=Emplacement.ACCUEIL).publies(jour).pour(famille, jour)
        ),
        "attentes": attentes(famille, request.user, impayees, nouveaux_messages(request), jour),
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
    informations = Information.objects.filter(emplacement=Emplacement.INFOS).publies(jour).pour(famille, jour)
    return render(request, "accueil/infos_documents.html", {"informations": informations})


@require_safe
def formulaires(request: HttpRequest) -> HttpResponse:
    """The documents to download, with their size and format."""
    famille_de(request)
    jour = timezone.localdate()
    publies = Formulaire.objects.publies(jour).select_related("fichier")
    lignes = [(f, f.du is not None and (jour - f.du).days < NOUVEAU_JOURS) for f in publies]
    return render(request, "accueil/formulaires.html", {"lignes": lignes})


@require_safe
def fiche_inscription(request: HttpRequest) -> HttpResponse:
    """The blank sheet; an agent prints it too."""
    return pdf.reponse(fiche.document(timezone.localdate()), "fiche-inscription.pdf")


@require_safe
def fiche_enfant(request: HttpRequest, pk) -> HttpResponse:
    """The sheet of one of this household's children, filled with what it declared itself."""
    famille, jour = famille_de(request), timezone.localdate()
    enfant = get_object_or_404(Enfant.objects.de_la_famille(famille, jour).distinct(), pk=pk)
    return pdf.reponse(fiche.document(jour, famille, enfant), "fiche-inscription.pdf")


@login_not_required
@require_safe
def page(request: HttpRequest, adresse: str) -> HttpResponse:
    """A public page: a row an agent edits."""
    lue = Page.lire(adresse)
    texte = rendre(remplir(lue.texte, Collectivite.actuelle(), lue.modifiee_le))
    retour = reverse("accueil" if request.user.is_authenticated else "connexion")
    return render(request, "accueil/page.html", {"page": lue, "texte": texte, "retour": retour})
