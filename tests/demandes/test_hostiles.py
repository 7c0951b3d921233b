"""PROOF T8 through the real form: hostile files never break anything, and what is kept is served harmless."""

import io
import resource
import time
import zipfile
import zlib

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from PIL import Image

from demandes.models import Demande, Depot
from portail.socle.fichiers import EXTENSIONS, TAILLE_MAX
from tests.demandes.test_pieces import SAISIE, URL, erreurs, noms
from tests.messagerie.fabrique import PDF, heic, image, png_geant

pytestmark = pytest.mark.django_db
DUREE_MAX = 5  # seconds
MEMOIRE_MAX = 200 * 1024  # kilobytes, of the server's own process
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
SCRIPT = b"<script>alert(document.cookie)</script>"


def pdf_de(taille: int) -> bytes:
    return PDF[:9] + b"%" * (taille - len(PDF)) + PDF[9:]


def bombe_zip() -> bytes:
    """A .docx of a few kilobytes that unfolds into 300 MB."""
    sortie = io.BytesIO()
    with zipfile.ZipFile(sortie, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        with archive.open("word/document.xml", "w") as entree:
            for _ in range(300):
                entree.write(bytes(1024 * 1024))
    return sortie.getvalue()


def png_texte_geant() -> bytes:
    """A tiny picture whose comment unfolds into 64 MB."""
    corps = b"a\0\0" + zlib.compress(bytes(64 * 1024 * 1024), 9)
    morceau = len(corps).to_bytes(4) + b"zTXt" + corps + zlib.crc32(b"zTXt" + corps).to_bytes(4)
    base = image()
    return base[:33] + morceau + base[33:]


# What is refused with a sentence, and what is taken because its content is a real document.
REFUSES = {
    "zéro octet": ("vide.pdf", lambda: b""),
    "un octet": ("a.pdf", lambda: b"%"),
    "html nommé pdf": ("avis.pdf", lambda: b"<html>" + SCRIPT),
    "html puis pdf": ("avis.pdf", lambda: SCRIPT + PDF),
    "svg": ("logo.svg", lambda: SVG),
    "svg nommé png": ("logo.png", lambda: SVG),
    "svg et doctype": ("logo.jpg", lambda: b'<?xml version="1.0"?><!DOCTYPE svg>' + SVG),
    "gif": ("a.gif", lambda: image("GIF")),
    "gif et script": ("a.png", lambda: image("GIF") + SCRIPT),
    "tiff": ("a.tif", lambda: image("TIFF")),
    "bmp": ("a.jpg", lambda: image("BMP")),
    "webp": ("a.webp", lambda: image("WEBP")),
    "bombe docx": ("attestation.docx", bombe_zip),
    "bombe docx nommée pdf": ("attestation.pdf", bombe_zip),
    "pdf chiffré": ("a.pdf", lambda: PDF.replace(b"/Root 1 0 R", b"/Root 1 0 R /Encrypt 5 0 R")),
    "pdf coupé": ("a.pdf", lambda: PDF[:40]),
    "pdf sans fin": ("a.pdf", lambda: b"%PDF-1.7\n" + b"0" * 4096),
    "png 12 000 × 12 000": ("a.png", png_geant),
    "png coupé": ("a.png", lambda: image()[:45]),
    "png en-tête menteur": ("a.png", lambda: image()[:16] + b"\xff" * 8 + image()[24:]),
    "png au texte géant": ("a.png", png_texte_geant),
    "jpeg coupé": ("a.jpg", lambda: image("JPEG", (300, 300))[:120]),
    "jpeg d’octets au hasard": ("a.jpg", lambda: b"\xff\xd8\xff\xe0" + bytes(range(256)) * 20),
    "heic faux": ("a.heic", lambda: b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + SCRIPT * 50),
    "heic coupé": ("a.heic", lambda: heic()[:400]),
    "heic en-tête seul": ("a.heic", lambda: b"\0\0\0\x18ftypmif1"),
    "avif": ("a.avif", lambda: b"\0\0\0\x1cftypavif" + bytes(500)),
    "mp4": ("a.heic", lambda: b"\0\0\0\x18ftypisom" + bytes(500)),
    "exécutable": ("facture.pdf.exe", lambda: b"MZ" + bytes(2000)),
    "limite plus un": ("gros.pdf", lambda: pdf_de(TAILLE_MAX + 1)),
    "double de la limite": ("gros.jpg", lambda: b"\xff\xd8\xff" + bytes(2 * TAILLE_MAX)),
}
ACCEPTES = {
    "limite": ("gros.pdf", lambda: pdf_de(TAILLE_MAX), "gros.pdf"),
    "limite moins un": ("gros.pdf", lambda: pdf_de(TAILLE_MAX - 1), "gros.pdf"),
    "pdf nommé html": ("page.html", lambda: PDF, "page.pdf"),
    "pdf et script": ("a.pdf", lambda: PDF[:9] + b"%" + SCRIPT + b"\n" + PDF[9:], "a.pdf"),
    "png et zip": ("a.png", lambda: image() + bombe_zip(), "a.png"),
    "jpeg et php": ("a.php", lambda: image("JPEG", comment=b"<?php system($_GET[0]);?>"), "a.jpg"),
    "jpeg et html": ("a.jpg", lambda: image("JPEG") + SCRIPT, "a.jpg"),
    "heic": ("IMG_0001.HEIC", heic, "IMG_0001.jpg"),
    "heic et script": ("a.heic", lambda: heic() + SCRIPT, "a.jpg"),
    "../": ("../../etc/passwd", lambda: PDF, "passwd.pdf"),
    "..\\": ("..\\..\\windows\\win.ini", lambda: PDF, "win.pdf"),
    "CRLF": ("a\r\nSet-Cookie: b=c.pdf", lambda: PDF, None),
    "guillemets": ('"; filename="x.html', lambda: PDF, None),
    "U+202E": ("facture\u202efdp.exe", lambda: PDF, "facturefdp.pdf"),
    "400 signes": ("x" * 400 + ".pdf", lambda: PDF, "x" * 100 + ".pdf"),
    "émojis": ("📄🔥.pdf", lambda: PDF, None),
    "nul": ("a\0b.pdf", lambda: PDF, None),
}


def envoyer(client, nom: str, contenu: bytes):
    """Post it at the first step; the page, within the time and the memory allowed."""
    # The constructor of Django's own upload would clean the name: it goes as it is.
    fichier = SimpleUploadedFile("x", contenu, content_type="text/html")
    fichier._name = nom
    avant, depart = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.monotonic()
    page = client.post(URL, SAISIE | {"saisie": "1", "pieces": fichier})
    assert time.monotonic() - depart < DUREE_MAX
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - avant < MEMOIRE_MAX
    assert page.status_code == 200
    return page


@pytest.mark.parametrize("cas", REFUSES)
def test_refuse_avec_une_phrase(monde, cas):
    nom, contenu = REFUSES[cas]
    page = envoyer(monde.client(monde.jean), nom, contenu())
    (phrase,) = erreurs(page)
    assert phrase.startswith("Le fichier «\xa0")
    assert phrase.endswith(".")
    assert (noms(page), Depot.objects.count()) == ([], 0)
    assert b"<script>" not in page.content.replace(b"<script ", b"")


@pytest.mark.parametrize("cas", ACCEPTES)
def test_accepte_et_servi_sans_danger(monde, cas):
    nom, contenu, attendu = ACCEPTES[cas]
    client = monde.client(monde.jean)
    page = envoyer(client, nom, contenu())
    assert erreurs(page) == []
    (depot,) = page.context["joints"].depots
    assert attendu in (None, depot.fichier.nom)
    jeton = page.context["jeton"]
    client.post(URL, SAISIE | {"jeton": jeton, "confirmer": "1", "pieces_vues": "1"})
    fichier = Demande.objects.get().pieces.get().fichier
    reponse = client.get(reverse("fichier", args=[fichier.pk]))
    corps = b"".join(reponse.streaming_content)
    assert reponse.headers["Content-Disposition"].startswith("attachment")
    assert "\r" not in reponse.headers["Content-Disposition"]
    assert reponse.headers["Content-Type"] in EXTENSIONS
    assert reponse.headers["X-Content-Type-Options"] == "nosniff"
    assert reponse.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert "no-store" in reponse.headers["Cache-Control"]
    if reponse.headers["Content-Type"] != "application/pdf":
        Image.open(io.BytesIO(corps)).load()
        assert [m for m in (b"<script>", b"<?php", b"PK\x03\x04") if m in corps] == []


def test_un_envoi_de_trente_fichiers(monde):
    """More files than the form takes: none is stored, nothing breaks."""
    fichiers = [SimpleUploadedFile(f"{n}.pdf", PDF) for n in range(30)]
    page = monde.client(monde.jean).post(URL, SAISIE | {"saisie": "1", "pieces": fichiers})
    assert erreurs(page) == ["Joignez 5 documents au plus."]
    assert Depot.objects.count() == 0
