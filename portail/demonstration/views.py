"""The fictitious town's own site, from which parents come and to which log-out returns."""

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


@login_not_required
def site(request: HttpRequest) -> HttpResponse:
    """Home of the town's site."""
    return render(request, "demonstration/site.html", {"page": "accueil"})


@login_not_required
def enfance(request: HttpRequest) -> HttpResponse:
    """Tab « Enfance et éducation »."""
    return render(request, "demonstration/enfance.html", {"page": "enfance"})


@login_not_required
def portail(request: HttpRequest) -> HttpResponse:
    """« Portail famille »: the link parents follow (docs give a town this piece of HTML)."""
    return render(request, "demonstration/portail.html", {"page": "portail"})
