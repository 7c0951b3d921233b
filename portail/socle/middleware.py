"""Small guards around every request."""

import logging
from urllib.parse import unquote

from django.db import OperationalError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import add_never_cache_headers, patch_cache_control

journal = logging.getLogger("portail.verrous")

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
            return render(None, "400.html", status=400)
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


class TropDemande:
    """503 when rows stayed locked by others (three seconds, a deadlock, SQLite busy): the transaction is undone,
    the page says so. Any other OperationalError goes on.
    """

    # lock_not_available, deadlock_detected (PostgreSQL, appendix A).
    CODES = ("55P03", "40P01")
    ATTENTE_S = "10"

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if not isinstance(exception, OperationalError):
            return None
        code = getattr(exception.__cause__, "sqlstate", None)
        if code not in self.CODES and "database is locked" not in str(exception):
            return None
        journal.warning("Verrou non obtenu (%s) : %s", code or "sqlite", request.path)
        # Without the request: the context processors would ask the database again.
        reponse = render(None, "503.html", status=503)
        reponse["Retry-After"] = self.ATTENTE_S
        return reponse


class MethodeRefusee:
    """405: a page that leads somewhere. It happens to whoever reloads the address a form was sent to."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if response.status_code != 405:
            return response
        page = render(None, "405.html", status=405)
        page.headers["Allow"] = response.headers.get("Allow", "")
        return page


def jeton_absent(request: HttpRequest, reason: str = "") -> HttpResponse:
    """CSRF failure: a page that says how to go on (the form was too old, or cookies are refused)."""
    return render(request, "403_csrf.html", status=403)
