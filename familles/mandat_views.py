"""The mandate the household signed: its own paper, the only place where its IBAN is whole."""

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_safe

from familles.acces import famille_de
from familles.models import MandatSepa
from portail.socle import pdf
from portail.socle.models import Collectivite
from portail.socle.traces import tracer


@require_safe
@transaction.atomic
def mandat(request: HttpRequest) -> HttpResponse:
    """The PDF of the active mandate; its reading is traced."""
    famille = famille_de(request)
    trouve = get_object_or_404(famille.mandats, etat=MandatSepa.Etat.ACTIF)
    tracer(request.user, "consultation", trouve, famille=famille)
    contexte = {
        "famille": famille,
        "mandat": trouve,
        "modifications": list(trouve.modifications.all()),
        "collectivite": Collectivite.actuelle(),
    }
    return pdf.reponse(pdf.rendre("familles/mandat_pdf.html", contexte), f"mandat-{trouve.rum}.pdf")
