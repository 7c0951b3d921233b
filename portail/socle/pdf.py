"""PDF from a template: PDF/UA-1, tagged, in French."""

from functools import cache

from django.conf import settings
from django.http import HttpResponse
from django.template.loader import render_to_string


@cache
def _fontes():
    # WeasyPrint is imported late: the portal starts without Pango, only its PDFs need it. One shared font
    # configuration halves the time of a page.
    from weasyprint.text.fonts import FontConfiguration

    return FontConfiguration()


def rendre(gabarit: str, contexte: dict, feuille: str = "pdf.css") -> bytes:
    """The PDF/UA-1 document of a template; its css is static/css/`feuille` (never both: each sets its own page)."""
    from weasyprint import CSS, HTML
    from weasyprint.urls import URLFetcher

    # Images come as data: addresses only; nothing in a document may reach the disk or the network.
    html = HTML(
        string=render_to_string(gabarit, contexte), url_fetcher=URLFetcher(allowed_protocols=["data"])
    )
    css = CSS(filename=settings.BASE_DIR / "static" / "css" / feuille, font_config=_fontes())
    return html.write_pdf(stylesheets=[css], font_config=_fontes(), pdf_variant="pdf/ua-1")


def reponse(contenu: bytes, nom: str) -> HttpResponse:
    """The PDF shown in the browser under this name; never kept in a cache."""
    response = HttpResponse(contenu, content_type="application/pdf")
    response["Content-Disposition"] = f'inline; filename="{nom}"'
    response["X-Content-Type-Options"] = "nosniff"
    response["Cache-Control"] = "private, no-store"
    return response
