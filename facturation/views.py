"""The tab « Relevé de compte » and its papers."""

from datetime import date

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone

from facturation import attestation
from facturation import releve as comptes
from facturation.documents import pdf_attestation, pdf_facture, pdf_releve
from facturation.forms import AnneeForm
from facturation.models import Regie
from familles.acces import famille_de
from familles.models import Famille
from portail.socle.dates import annee_scolaire
from portail.socle.lecture import Preparee
from portail.socle.pdf import reponse

# A town has a few: all of them.
REGIES = Preparee(lambda: Regie.objects.order_by("pk"))


def releve(request: HttpRequest) -> HttpResponse:
    """« Relevé des opérations » of a school year, what is due today, what can be paid."""
    famille = famille_de(request)
    form = _annee(request, famille, timezone.localdate())
    du_jour = comptes.releve(famille, form.choisie())
    dues = comptes.impayees(famille)
    soldes = comptes.soldes_par_regie(famille)
    regies = {regie.pk: regie for regie in REGIES.objets()}
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


def attestations(request: HttpRequest) -> HttpResponse:
    """The certificates of childcare paid, a year each."""
    contexte = {
        "attestations": attestation.attestations(famille_de(request)),
        "courante": timezone.localdate().year,
    }
    return render(request, "facturation/attestations.html", contexte)


def attestation_pdf(request: HttpRequest, annee: int) -> HttpResponse:
    """The certificate of a year, on A4; a year without any does not exist."""
    famille = famille_de(request)
    siennes = {a.annee: a for a in attestation.attestations(famille)}
    if annee not in siennes:
        raise Http404
    document = pdf_attestation(famille, siennes[annee], timezone.localdate())
    return reponse(document, f"attestation-{annee}.pdf")


def facture_pdf(request: HttpRequest, reference: str) -> HttpResponse:
    """An invoice or credit note of the family; anyone else's does not exist."""
    famille = famille_de(request)
    factures = famille.factures.avec_reste().avec_complement().select_related("regie", "corrige")
    facture = get_object_or_404(factures, reference=reference)
    return reponse(pdf_facture(facture), f"{facture.reference}.pdf")
