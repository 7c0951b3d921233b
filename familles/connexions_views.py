"""« Mes connexions », and what the page's script asks to keep a session open."""

import time

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.middleware.csrf import get_token
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from familles import connexions as journal


@require_http_methods(["GET", "HEAD", "POST"])
def connexions(request: HttpRequest) -> HttpResponse:
    """The last log-ins; the button sends every other device out."""
    if request.method == "POST":
        journal.deconnecter_les_autres(request)
        messages.success(request, "Vos autres appareils sont déconnectés. Celui-ci reste connecté.")
        return redirect("connexions")
    return render(
        request,
        "familles/connexions.html",
        {
            "connexions": journal.dernieres(request.user),
            "ici": request.session.get(journal.CLE),
            "mois": settings.CONNEXIONS_JOURS // 30,
        },
    )


@require_safe
def session(request: HttpRequest) -> HttpResponse:
    """« Rester connecté »: any request renews the session (FamilleActive). Says how many seconds are left.

    The token too: a log-in in another tab has changed it, and the form still open holds the old one. And for whom:
    the page only takes the token of the person, and of the household, it was written for.
    """
    absolue = request.session["debut"] + settings.SESSION_ABSOLUE_SECONDES - int(time.time())
    reste = min(settings.SESSION_COOKIE_AGE, absolue)
    famille = request.responsable.famille_id if request.responsable else ""
    return JsonResponse(
        {
            "reste": reste,
            "jeton": get_token(request),
            "qui": journal.marque(request.user),
            "famille": str(famille),
        }
    )
