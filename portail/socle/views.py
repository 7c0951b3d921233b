"""Health, the town's colours, the town's logo."""

from django.contrib.auth.decorators import login_not_required
from django.db import connection
from django.http import Http404, HttpRequest, HttpResponse

from portail.socle.models import Collectivite

UN_AN = "public, max-age=31536000, immutable"


@login_not_required
def sante(request: HttpRequest) -> HttpResponse:
    """200 when the database answers, for a load balancer."""
    with connection.cursor() as curseur:
        curseur.execute("SELECT 1")
    return HttpResponse("ok\n", content_type="text/plain")


@login_not_required
def theme(request: HttpRequest, cle: str) -> HttpResponse:
    """The town's colours as css tokens, at an address that changes with them (no inline style under our CSP)."""
    town = Collectivite.actuelle()
    css = ""
    defaut = Collectivite()
    if cle == town.cle_theme and cle != defaut.cle_theme:
        css = (
            "@media (prefers-color-scheme: light) { :root { "
            f"--durance: {town.couleur_action}; --nuit: {town.couleur_bandeau}; --ocre: {town.couleur_accent}; "
            "} }\n"
        )
    response = HttpResponse(css, content_type="text/css; charset=utf-8")
    # An old address answers too (a page open during the change), but must not be remembered.
    response["Cache-Control"] = UN_AN if cle == town.cle_theme else "no-store"
    return response


@login_not_required
def logo(request: HttpRequest, cle: str) -> HttpResponse:
    """The town's logo. A sandboxed, script-less svg: it is data an agent pasted."""
    town = Collectivite.actuelle()
    if not town.logo or cle != town.cle_logo:
        raise Http404
    response = HttpResponse(town.logo, content_type="image/svg+xml")
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response["Cache-Control"] = UN_AN
    return response
