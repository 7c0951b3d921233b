"""What the strict Content-Security-Policy takes from data: the town's own site."""

from urllib.parse import urlsplit

from django.http import HttpRequest, HttpResponse

from portail.socle.models import Collectivite


def origine(url: str) -> str:
    """Scheme and host of an address, or an empty string."""
    morceaux = urlsplit(url)
    return (
        f"{morceaux.scheme}://{morceaux.netloc}"
        if morceaux.scheme in ("http", "https") and morceaux.netloc
        else ""
    )


class SiteDeLaCollectivite:
    """Lists the town's site in form-action: log-out is a POST answered by a redirect there, blocked otherwise."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if response.headers.get("Content-Type", "").startswith("text/html"):
            site = origine(Collectivite.actuelle().site_url)
            if site:
                response._csp_update = {"form-action": [site]}
        return response
