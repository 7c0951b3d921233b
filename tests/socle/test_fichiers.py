"""What people send: judged by content, refused in words, stored under a random key, rewritten when a picture."""

import re
import unicodedata
from datetime import timedelta
from io import BytesIO
from pathlib import Path

import pytest
from django.conf import settings as reglages
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import TemporaryUploadedFile
from django.db import transaction
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from portail.accueil.models import Formulaire
from portail.socle.fichiers import (
    TAILLE_MAX,
    ChampPieces,
    deposer,
    effacer,
    examiner,
    nom_sur,
    orphelins,
)
from portail.socle.models import Fichier
from tests.messagerie.fabrique import PDF, heic, image, png_geant, televerse

PDF_CHIFFRE = PDF.replace(b"/Root 1 0 R", b"/Root 1 0 R /Encrypt 5 0 R")


def _pdf_de(taille: int) -> bytes:
    tete, queue = PDF[:9], PDF[9:]
    return tete + b"%" * (taille - len(PDF)) + queue


HOSTILES = {
    "vide": ("vide.pdf", b""),
    "html en pdf": ("cv.pdf", b"<html><script>alert(1)</script></html>"),
    "svg": ("logo.svg", b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'),
    "svg en png": ("logo.png", b'<?xml version="1.0"?><svg onload="alert(1)"/>'),
    "gif et script": ("photo.png", image("GIF") + b"<script>alert(1)</script>"),
    "gif en jpg": ("photo.jpg", b"GIF89a/*<script>*/=1;alert(1)"),
    "tiff": ("scan.png", image("TIFF")),
    "zip": ("attestation.docx", b"PK\x03\x04" + b"\0" * 100),
    "pdf trop gros": ("gros.pdf", _pdf_de(TAILLE_MAX + 1)),
    "pdf coupé": ("coupe.pdf", PDF[:40]),
    "pdf chiffré": ("secret.pdf", PDF_CHIFFRE),
    "pdf après html": ("poly.pdf", b"<script></script>" + PDF),
    "entête seul": ("court.pdf", b"%PDF-"),
    "png coupé": ("coupe.png", image()[:40]),
    "png géant": ("bombe.png", png_geant()),
    "png magique": ("magique.png", b"\x89PNG\r\n\x1a\n" + b"\xff" * 500),
    "jpeg coupé": ("coupe.jpg", image("JPEG", (200, 200))[:100]),
    "jpeg magique": ("magique.jpg", b"\xff\xd8\xff" + b"\0" * 500),
    "nul": ("nul.pdf", b"\0" * 1000),
}


@pytest.mark.parametrize("cas", HOSTILES)
def test_refuse_avec_une_phrase(cas):
    nom, contenu = HOSTILES[cas]
    with pytest.raises(ValidationError) as refus:
        examiner(televerse(nom, contenu))
    (phrase,) = refus.value.messages
    assert re.fullmatch(r"Le fichier «\xa0.+\xa0» (est|pèse|n’est|a) .+\.", phrase)


def test_les_phrases():
    phrases = {}
    for cas in ("pdf chiffré", "pdf trop gros", "png géant", "svg"):
        with pytest.raises(ValidationError) as refus:
            examiner(televerse(*HOSTILES[cas]))
        phrases[cas] = refus.value.messages[0].partition("» ")[2]
    assert phrases == {
        "pdf chiffré": "est protégé par un mot de passe. Envoyez-en une copie sans protection.",
        "pdf trop gros": "pèse plus de 10\xa0Mo. Réduisez-le, puis recommencez.",
        "png géant": "a trop de pixels. Envoyez une image plus petite.",
        "svg": "n’est ni un PDF, ni une photo JPEG, PNG ou HEIC.",
    }


def test_exactement_dix_mega_octets():
    assert examiner(televerse("gros.pdf", _pdf_de(TAILLE_MAX))).type_mime == "application/pdf"


def test_un_pdf_reste_tel_quel():
    piece = examiner(televerse("Attestation médicale.pdf"))
    assert (piece.nom, piece.type_mime, piece.contenu) == (
        "Attestation médicale.pdf",
        "application/pdf",
        PDF,
    )


def test_le_contenu_decide_pas_l_extension():
    piece = examiner(televerse("page.html", image("JPEG"), "text/html"))
    assert (piece.nom, piece.type_mime) == ("page.jpg", "image/jpeg")


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "LA", "P", "1", "I;16"])
def test_png_de_tous_les_modes(mode):
    relue = Image.open(BytesIO(examiner(televerse("i.png", image(mode=mode))).contenu))
    assert (relue.format, relue.size) == ("PNG", (20, 10))


def test_jpeg_cmjn():
    assert Image.open(BytesIO(examiner(televerse("i.jpg", image("JPEG", mode="CMYK"))).contenu)).mode == "RGB"


def test_image_reecrite_sans_rien_de_cache():
    """No place where the photo was taken, no comment, nothing appended."""
    exif = Image.Exif()
    exif[0x010E] = "LIEU SECRET"
    original = image("JPEG", exif=exif, comment=b"LIEU SECRET", icc_profile=b"LIEU SECRET") + b"<script>"
    piece = examiner(televerse("photo.jpg", original))
    assert b"LIEU SECRET" in original
    assert b"SECRET" not in piece.contenu
    assert b"<script>" not in piece.contenu
    assert not Image.open(BytesIO(piece.contenu)).getexif()


def test_la_photo_couchee_est_redressee():
    exif = Image.Exif()
    exif[0x0112] = 6
    piece = examiner(televerse("photo.jpg", image("JPEG", (40, 20), exif=exif)))
    assert Image.open(BytesIO(piece.contenu)).size == (20, 40)


def test_photo_de_48_megapixels_reduite():
    contenu = image("JPEG", (8000, 6000), quality=30)
    assert Image.open(BytesIO(examiner(televerse("photo.jpg", contenu)).contenu)).size == (3508, 2631)


@pytest.mark.parametrize(
    ("nom", "attendu"),
    [
        ("../../etc/passwd", "passwd.pdf"),
        ("..\\..\\x.pdf", "x.pdf"),
        ("a\r\nSet-Cookie: b.pdf", "a Set-Cookie b.pdf"),
        ('"; filename="x.html', "; filename= x.pdf"),
        ("facture\u202efdp.exe", "facturefdp.pdf"),
        ("x" * 400 + ".pdf", "x" * 100 + ".pdf"),
        ("…", "….pdf"),
        ("", "document.pdf"),
        ("...", "document.pdf"),
        (".htaccess", "htaccess.pdf"),
        ("<script>.pdf", "script.pdf"),
        ("e\u0301té.pdf", "été.pdf"),
        ("a\0b.pdf", "ab.pdf"),
    ],
)
def test_nom_sur(nom, attendu):
    assert nom_sur(nom, "application/pdf") == attendu


@given(st.text(max_size=300))
def test_nom_sur_toujours(nom):
    propre = nom_sur(nom, "image/png")
    assert propre.endswith(".png")
    assert len(propre) <= 104
    assert not set(propre) & set('<>:"/\\|?*')
    assert not [c for c in propre if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp")]


class TestHeic:
    """A phone's own format becomes a JPEG, which every browser shows."""

    def test_une_photo(self):
        piece = examiner(televerse("IMG_0412.HEIC", heic((640, 480)), "image/heic"))
        assert (piece.nom, piece.type_mime) == ("IMG_0412.jpg", "image/jpeg")
        relue = Image.open(BytesIO(piece.contenu))
        assert (relue.format, relue.size, relue.mode) == ("JPEG", (640, 480), "RGB")

    def test_nommee_autrement(self):
        assert examiner(televerse("photo.jpg", heic())).type_mime == "image/jpeg"

    def test_sans_le_lieu(self):
        exif = Image.Exif()
        exif[0x010E] = "LIEU SECRET"
        original = heic(exif=exif.tobytes())
        assert b"LIEU SECRET" in original
        piece = examiner(televerse("photo.heic", original))
        assert b"SECRET" not in piece.contenu
        assert not Image.open(BytesIO(piece.contenu)).getexif()

    def test_redressee(self):
        exif = Image.Exif()
        exif[0x0112] = 6
        piece = examiner(televerse("photo.heic", heic((64, 32), exif=exif.tobytes())))
        assert Image.open(BytesIO(piece.contenu)).size == (32, 64)

    @pytest.mark.parametrize("fin", [12, 200, 400], ids=["en-tête", "boîtes", "image coupée"])
    def test_coupee(self, fin):
        with pytest.raises(ValidationError, match="abîmé"):
            examiner(televerse("photo.heic", heic()[:fin]))

    @pytest.mark.parametrize("marque", [b"avif", b"isom", b"qt  ", b"MSNV"])
    def test_les_autres_contenants_ne_sont_pas_des_photos(self, marque):
        with pytest.raises(ValidationError, match="n’est ni un PDF"):
            examiner(televerse("photo.heic", b"\0\0\0\x18ftyp" + marque + bytes(200)))

    @pytest.mark.lourd
    def test_48_megapixels(self):
        """An iPhone's largest photo fits in the child's memory, and is stored readable."""
        piece = examiner(televerse("photo.heic", heic((8064, 6048))))
        assert Image.open(BytesIO(piece.contenu)).size == (3508, 2631)


class TestEffacer:
    @pytest.mark.django_db(transaction=True)
    def test_la_ligne_et_le_contenu(self):
        fichier = deposer(televerse(), None)
        chemin = Path(fichier.contenu.path)
        assert effacer(fichier)
        assert (Fichier.objects.count(), chemin.exists()) == (0, False)

    @pytest.mark.django_db(transaction=True)
    def test_ce_quune_ligne_nomme_reste(self):
        fichier = deposer(televerse(), None)
        Formulaire.objects.create(libelle="Dossier", fichier=fichier)
        assert not effacer(fichier)
        assert Path(fichier.contenu.path).exists()
        assert Fichier.objects.get() == fichier


ORIGINAUX = {
    "pdf": PDF,
    "png": image("PNG", (60, 60)),
    "jpeg": image("JPEG", (60, 60)),
    "heic": heic(),
}


def _muter(contenu: bytes, coups: list[tuple[int, int]]) -> bytes:
    mutant = bytearray(contenu)
    for ou, octet in coups:
        mutant[ou % len(mutant)] = octet
    return bytes(mutant)


COUPS = st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), max_size=8)


def _juger(genre: str, coups: list[tuple[int, int]]) -> None:
    """Accepted or refused with a sentence, never anything else (T8)."""
    try:
        piece = examiner(televerse(f"x.{genre}", _muter(ORIGINAUX[genre], coups)))
    except ValidationError:
        return
    if genre != "pdf":
        Image.open(BytesIO(piece.contenu)).load()


@pytest.mark.parametrize("genre", ORIGINAUX)
@settings(max_examples=15, deadline=None)
@given(coups=COUPS)
def test_mutants(genre, coups):
    _juger(genre, coups)


@pytest.mark.lourd
@pytest.mark.parametrize("genre", ORIGINAUX)
@settings(max_examples=125, deadline=None)
@given(coups=COUPS)
def test_mutants_lourd(genre, coups):
    _juger(genre, coups)


@pytest.mark.parametrize("couleurs", [0, 2, 6])
def test_png_au_bord_de_la_limite(couleurs):
    """The largest accepted picture is read within the child's memory, whatever its channels."""
    contenu = png_geant(4472, couleurs)
    assert Image.open(BytesIO(examiner(televerse("bord.png", contenu)).contenu)).size == (3508, 3508)


@pytest.mark.django_db
class TestDeposer:
    def test_cle_au_hasard_hors_de_toute_adresse(self):
        fichier = deposer(televerse("../secret.pdf"), None)
        chemin = Path(fichier.contenu.path)
        assert chemin.is_relative_to(reglages.FICHIERS_PRIVES)
        assert re.fullmatch(r"[0-9a-f]{32}", chemin.name)
        assert chemin.stat().st_mode & 0o077 == 0
        assert (fichier.nom, fichier.taille, fichier.type_mime) == ("secret.pdf", len(PDF), "application/pdf")
        assert not reglages.MEDIA_URL.startswith("http")

    def test_gros_fichier_passe_par_le_disque(self):
        gros = TemporaryUploadedFile("gros.pdf", "application/pdf", len(PDF), None)
        gros.write(PDF)
        assert deposer(gros, None).taille == len(PDF)

    def test_refus_ne_laisse_rien(self):
        with pytest.raises(ValidationError):
            deposer(televerse("x.pdf", b"<html>"), None)
        assert Fichier.objects.count() == 0

    def test_orphelins(self):
        """What a cancelled transaction left is found, what a row names is not."""
        garde = deposer(televerse(), None)
        with pytest.raises(ZeroDivisionError), transaction.atomic():
            perdu = Path(deposer(televerse(), None).contenu.path)
            raise ZeroDivisionError
        demain = timezone.now() + timedelta(days=1)
        assert perdu in orphelins(demain)
        assert Path(garde.contenu.path) not in orphelins(demain)
        assert orphelins(timezone.now() - timedelta(days=1)) == []
        perdu.unlink()


class TestChamp:
    def test_rien(self):
        assert ChampPieces().clean(None) == []
        assert ChampPieces().clean([]) == []

    def test_obligatoire(self):
        with pytest.raises(ValidationError):
            ChampPieces(required=True).clean([])

    def test_plusieurs(self):
        assert [p.nom for p in ChampPieces().clean([televerse("a.pdf"), televerse("b.pdf")])] == [
            "a.pdf",
            "b.pdf",
        ]

    def test_trop(self):
        with pytest.raises(ValidationError, match="Joignez 2 fichiers au plus"):
            ChampPieces(maximum=2).clean([televerse()] * 3)

    def test_chaque_fichier_refuse_est_nomme(self):
        with pytest.raises(ValidationError) as refus:
            ChampPieces().clean([televerse("a.pdf", b"x"), televerse(), televerse("b.pdf", b"")])
        assert [re.search(r"«\xa0(.)\xa0»", p)[1] for p in refus.value.messages] == ["a", "b"]
