"""Paying online: what would be paid, the bank, the return, the bank's notifications."""

import logging

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from facturation.models import PaiementEnLigne
from facturation.paiement import BanqueInjoignable, NotificationInvalide, Stripe, constater, notifier, ouvrir
from familles.acces import responsable_de
from familles.models import Famille

journal = logging.getLogger("portail.paiement")
MAXIMUM = 40


class PaiementForm(forms.Form):
    """The address the receipt goes to."""

    courriel = forms.EmailField(
        label="Adresse électronique pour le reçu",
        help_text="La banque et la mairie y envoient le reçu du paiement.",
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
    )


def _a_payer(famille: Famille, references: list[str]) -> list:
    """The family's invoices of these numbers, with what is left to pay. 404 for a stranger's or unknown one."""
    references = list(dict.fromkeys(references))
    if not references or len(references) > MAXIMUM:
        raise Http404
    factures = list(
        famille.factures.factures().filter(reference__in=references).avec_reste().select_related("regie")
    )
    if len(factures) != len(references):
        raise Http404
    return factures


def paiement(request: HttpRequest) -> HttpResponse:
    """GET shows what would be paid and asks for an e-mail; only the POST creates anything, then the bank."""
    responsable = responsable_de(request)
    envoi = request.method == "POST"
    if not envoi and not request.GET.getlist("facture"):
        return redirect("releve")
    factures = _a_payer(responsable.famille, (request.POST if envoi else request.GET).getlist("facture"))
    form = PaiementForm(request.POST if envoi else None, initial={"courriel": responsable.email})
    dues = [f for f in factures if f.reste > 0]
    if envoi and form.is_valid():
        try:
            ouvert = ouvrir(
                responsable.famille,
                [f.reference for f in factures],
                form.cleaned_data["courriel"],
                request.user,
                Stripe(),
                _adresse_retour,
                timezone.now(),
            )
            return redirect(ouvert.url)
        except BanqueInjoignable:
            journal.warning("banque injoignable")
            form.add_error(None, "La banque ne répond pas. Rien n’a été débité : réessayez dans un instant.")
        except ValidationError as erreur:
            form.add_error(None, erreur)
    return render(
        request,
        "facturation/paiement.html",
        {
            "form": form,
            "factures": factures,
            "total": sum(f.reste for f in dues),
            "payable": len(dues) == len(factures),
        },
        status=422 if form.errors else 200,
    )


def _adresse_retour(paiement: PaiementEnLigne) -> str:
    return settings.SITE_URL + reverse("paiement_retour", kwargs={"pk": paiement.pk})


def retour(request: HttpRequest, pk) -> HttpResponse:
    """Back from the bank: the state is read there, whatever the address says."""
    famille = responsable_de(request).famille
    trouve = get_object_or_404(famille.paiements.select_related("reglement", "regie"), pk=pk)
    muette = False
    try:
        constater(trouve, Stripe(), timezone.now())
    except BanqueInjoignable:
        muette = True
    lignes = trouve.lignes.select_related("facture")
    references = [ligne.facture.reference for ligne in lignes]
    if trouve.etat == PaiementEnLigne.Etat.OUVERT and "abandon" in request.GET and not muette:
        messages.info(request, "Paiement abandonné. Rien n’a été débité.")
        return redirect("releve")
    return render(
        request,
        "facturation/paiement_retour.html",
        {"paiement": trouve, "lignes": lignes, "references": references, "muette": muette},
    )


@csrf_exempt
@login_not_required
@require_POST
def stripe_webhook(request: HttpRequest) -> HttpResponse:
    """Stripe's signed notifications. 2xx: heard; 400: not Stripe's; 503: to be sent again."""
    try:
        notifier(Stripe(), request.body, request.headers.get("Stripe-Signature", ""), timezone.now())
    except NotificationInvalide:
        return HttpResponse("signature invalide\n", status=400, content_type="text/plain; charset=utf-8")
    except BanqueInjoignable:
        return HttpResponse("réessayez\n", status=503, content_type="text/plain; charset=utf-8")
    return HttpResponse("ok\n", content_type="text/plain")
