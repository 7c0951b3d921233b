"""Paying online: what would be paid, the bank, the return, the bank's notifications."""

import logging
from collections.abc import Sequence

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.db import OperationalError
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from facturation import paiement as banque
from facturation.models import Facture, PaiementEnLigne, Regie
from facturation.releve import SoldeRegie, url_de_paiement
from familles.acces import responsable_de
from familles.models import Famille
from portail.socle.argent import INSECABLE

journal = logging.getLogger("portail.paiement")
# Lines on one payment page: Stripe takes a hundred.
MAXIMUM = 100
# A database too busy to answer decides nothing either: said like a silent bank, asked again by whoever asks.
INDISPONIBLE = (banque.BanqueInjoignable, OperationalError)


class FacturesForm(forms.Form):
    """`?facture=AL-36&facture=…`: invoices of the family; anything else is not found."""

    facture = forms.ModelMultipleChoiceField(Facture.objects.none(), to_field_name="reference")

    def __init__(self, data: QueryDict, famille: Famille):
        super().__init__(data)
        self.fields["facture"].queryset = (
            famille.factures.factures().avec_reste().select_related("regie").order_by("date", "numero", "pk")
        )

    def factures(self) -> list[Facture]:
        """With what is left to pay. Raises Http404."""
        if len(self.data.getlist("facture")) > MAXIMUM or not self.is_valid():
            raise Http404
        return list(self.cleaned_data["facture"])


class PaiementForm(forms.Form):
    """The address the receipt goes to."""

    courriel = forms.EmailField(
        label="Adresse électronique pour le reçu",
        max_length=PaiementEnLigne._meta.get_field("courriel_recu").max_length,
        help_text="La mairie y envoie le reçu dès que le paiement est confirmé.",
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
    )


class RetourForm(forms.Form):
    """`?abandon=1`: the link of the bank's page that gives up."""

    abandon = forms.BooleanField(required=False)


def paiement(request: HttpRequest) -> HttpResponse:
    """GET shows what would be paid and asks for an e-mail; only the POST creates anything, then the bank."""
    responsable = responsable_de(request)
    envoi = request.method == "POST"
    donnees = request.POST if envoi else request.GET
    if "facture" not in donnees:
        return redirect("releve")
    factures = FacturesForm(donnees, responsable.famille).factures()
    form = PaiementForm(donnees if envoi else None, initial={"courriel": responsable.email})
    fournisseur = banque.Stripe()
    if envoi and form.is_valid():
        adresse = _ouvrir(request, responsable.famille, factures, form, fournisseur)
        if adresse:
            return redirect(adresse)
        # What the bank said of an older page may have changed what is due.
        factures = FacturesForm(donnees, responsable.famille).factures()
    return render(
        request,
        "facturation/paiement.html",
        {
            "form": form,
            "factures": factures,
            "total": sum(f.reste for f in factures),
            "empechement": banque.empechement(factures, fournisseur),
            "a_payer": _par_regie(factures) if fournisseur.ouvert else [],
        },
    )


def _ouvrir(
    request: HttpRequest,
    famille: Famille,
    factures: Sequence[Facture],
    form: PaiementForm,
    fournisseur: banque.Fournisseur,
) -> str:
    """The address of the bank's page; "" when there is none, the form says why."""
    try:
        return banque.ouvrir(
            famille,
            [f.reference for f in factures],
            form.cleaned_data["courriel"],
            request.user,
            fournisseur,
            _adresse_retour,
            timezone.now(),
        ).url
    except INDISPONIBLE as erreur:
        journal.warning("banque injoignable : %s", type(erreur.__cause__ or erreur).__name__)
        form.add_error(
            None, f"La banque ne répond pas. Rien n’a été débité{INSECABLE}: réessayez dans un instant."
        )
    except banque.PaiementImpossible as erreur:
        form.add_error(None, erreur)
    return ""


def _adresse_retour(paiement: PaiementEnLigne) -> str:
    return settings.SITE_URL + reverse("paiement_retour", kwargs={"pk": paiement.pk})


def _par_regie(factures: Sequence[Facture]) -> list[SoldeRegie]:
    """What can still be paid among these invoices, a line a régie."""
    dues: dict[Regie, list[Facture]] = {}
    for facture in factures:
        if facture.reste > 0 and facture.regie.paiement_en_ligne:
            dues.setdefault(facture.regie, []).append(facture)
    return [
        SoldeRegie(regie, reste, tuple(f.reference for f in siennes), reste)
        for regie, siennes in dues.items()
        for reste in [sum(f.reste for f in siennes)]
    ]


def retour(request: HttpRequest, pk) -> HttpResponse:
    """Back from the bank: the state is read there, whatever the address says."""
    famille = responsable_de(request).famille
    trouve = get_object_or_404(famille.paiements.select_related("reglement", "regie"), pk=pk)
    muette = False
    try:
        banque.constater(trouve, banque.Stripe(), timezone.now())
    except INDISPONIBLE as erreur:
        journal.warning("banque injoignable : %s", type(erreur.__cause__ or erreur).__name__)
        muette = True
    form = RetourForm(request.GET)
    attente = trouve.etat in (PaiementEnLigne.Etat.CREE, PaiementEnLigne.Etat.OUVERT)
    if attente and not muette and not trouve.incident and form.is_valid() and form.cleaned_data["abandon"]:
        messages.info(request, "Paiement abandonné. Rien n’a été débité.")
        return redirect("releve")
    lignes = trouve.lignes.select_related("facture").order_by("pk")
    voulues = {ligne.facture.reference: ligne.centimes for ligne in lignes}
    payees = banque.affectation(trouve.reglement) if trouve.reglement else {}
    return render(
        request,
        "facturation/paiement_retour.html",
        {
            "paiement": trouve,
            "lignes": payees if trouve.reglement else voulues,
            "total": trouve.reglement.centimes if trouve.reglement else trouve.centimes,
            "avoir": trouve.reglement.centimes - sum(payees.values()) if trouve.reglement else 0,
            "url_paiement": url_de_paiement(list(voulues)),
            "attente": attente,
        },
    )


@csrf_exempt
@login_not_required
@require_POST
def stripe_webhook(request: HttpRequest) -> HttpResponse:
    """Stripe's signed notifications. 2xx: heard; 400: not Stripe's; 503: to be sent again."""
    try:
        banque.notifier(
            banque.Stripe(), request.body, request.headers.get("Stripe-Signature", ""), timezone.now()
        )
    except banque.NotificationInvalide:
        return HttpResponse("signature invalide\n", status=400, content_type="text/plain; charset=utf-8")
    except INDISPONIBLE:
        return HttpResponse("réessayez\n", status=503, content_type="text/plain; charset=utf-8")
    return HttpResponse("ok\n", content_type="text/plain")
