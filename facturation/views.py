"""The tab « Relevé de compte » and its papers."""

from datetime import date

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone

from facturation import releve as comptes
from facturation.documents import pdf_facture, pdf_releve
from facturation.forms import AnneeForm
from facturation.models import Regie
from familles.acces import famille_de
from familles.models import Famille
from portail.socle.dates import annee_scolaire
from portail.socle.pdf import reponse


def releve(request: HttpRequest) -> HttpResponse:
    """« Relevé des opérations » of a school year, what is due today, what can be paid."""
    famille = famille_de(request)
    form = _annee(request, famille, timezone.localdate())
    du_jour = comptes.releve(famille, form.choisie())
    dues = comptes.impayees(famille)
    soldes = comptes.soldes_par_regie(famille)
    regies = {regie.pk: regie for regie in Regie.objects.filter(pk__in=soldes)}
    detail = comptes.detail_par_regie(soldes, dues, regies)
    contexte = {
        "form": form,
        "releve": du_jour,
        "solde": sum(soldes.values()),
        "echeance": min((f.echeance for f in dues if f.echeance), default=None),
        "detail": detail,
        "a_payer": [ligne for ligne in detail if ligne.references],
    }
    return render(request, "facturation/releve.html", contexte)


def _annee(request: HttpRequest, famille: Famille, jour: date) -> AnneeForm:
    return AnneeForm(request.GET, comptes.annees(famille, jour), annee_scolaire(jour))


def releve_pdf(request: HttpRequest) -> HttpResponse:
    """The same relevé on A4."""
    famille = famille_de(request)
    jour = timezone.localdate()
    du_jour = comptes.releve(famille, _annee(request, famille, jour).choisie())
    return reponse(pdf_releve(famille, du_jour, jour), f"releve-{du_jour.libelle}.pdf")


def facture_pdf(request: HttpRequest, reference: str) -> HttpResponse:
    """An invoice or credit note of the family; anyone else's does not exist."""
    famille = famille_de(request)
    factures = famille.factures.avec_reste().select_related("regie", "corrige")
    facture = get_object_or_404(factures, reference=reference)
    return reponse(pdf_facture(facture), f"{facture.reference}.pdf")
