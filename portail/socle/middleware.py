"""Small guards around every request."""

from urllib.parse import unquote

from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest
from django.shortcuts import render
from django.utils.cache import add_never_cache_headers, patch_cache_control

# Six attachments of 10 MB, and the rest of the form.
TAILLE_MAX = 64 * 1024 * 1024


class Recevable:
    """400 to a NUL character in the path or the query: PostgreSQL refuses it deep inside a query, as a 500.
    413 to a request larger than any form of ours, before it is written to disk.
    """

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        # Cookies too: their octal escapes (\\000) are undone before the session is looked up.
        textes = (request.path, unquote(request.META.get("QUERY_STRING", "")), *request.COOKIES.values())
        if any("\0" in texte for texte in textes):
            return HttpResponseBadRequest("Adresse incorrecte.", content_type="text/plain; charset=utf-8")
        taille = request.META.get("CONTENT_LENGTH") or "0"
        if not taille.isascii() or not taille.isdigit() or int(taille) > TAILLE_MAX:
            return HttpResponse(
                "Envoi trop volumineux.", status=413, content_type="text/plain; charset=utf-8"
            )
        return self.get_response(request)


class PasDeCache:
    """Nothing an identified person reads stays in the browser's cache (a shared computer, the back button)."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if request.user.is_authenticated and not response.has_header("Cache-Control"):
            add_never_cache_headers(response)
            patch_cache_control(response, no_store=True, private=True)
        return response


def jeton_absent(request: HttpRequest, reason: str = "") -> HttpResponse:
    """CSRF failure: a page that says how to go on (the form was too old, or cookies are refused)."""
    return render(request, "403_csrf.html", status=403)
