"""Private files: what a person sends is judged by its content, stored under a random key, its name kept as data."""

import hashlib
import re
import subprocess
import sys
import unicodedata
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.files.base import ContentFile
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.db.models import ProtectedError, QuerySet

from portail.socle import images
from portail.socle.argent import INSECABLE
from portail.socle.models import Fichier

TAILLE_MAX = 10 * 1024 * 1024
LONGUEUR_NOM = 100
DELAI_IMAGE = 20
EXTENSIONS = {"application/pdf": ".pdf", "image/jpeg": ".jpg", "image/png": ".png"}
# « image/* » is what makes a phone offer its camera; what is not ours among pictures is refused in words.
ACCEPTES = "image/*,application/pdf,.pdf,.heic,.heif"
AIDE = (
    f"PDF ou photo (JPEG, PNG, HEIC), 10{INSECABLE}Mo au plus par fichier. "
    "Avec un téléphone, vous pouvez photographier le document."
)

CHIFFRE = re.compile(rb"/Encrypt(?=\s*(?:\d|<<))")
PDF_FIN = re.compile(rb"startxref\s+\d+\s+%%EOF")
# Reserved in a file name on one system or another; the controls and the bidi overrides go with their category.
INTERDITS = re.compile(r'[<>:"/\\|?*\x7f]')


@dataclass(frozen=True)
class Piece:
    """A file that has been examined and may be stored."""

    nom: str
    type_mime: str
    contenu: bytes

    @property
    def empreinte(self) -> str:
        return hashlib.sha256(self.contenu).hexdigest()


def nom_sur(nom: str, type_mime: str) -> str:
    """A name to show and to download under: no path, no control nor bidi character, the extension of its content."""
    nom = unicodedata.normalize("NFC", nom).replace("\\", "/").rsplit("/", 1)[-1]
    nom = "".join(c if unicodedata.category(c)[0] not in "CZ" else " " if c.isspace() else "" for c in nom)
    racine = PurePosixPath(" ".join(INTERDITS.sub(" ", nom).split()).strip(". ")).stem
    return f"{racine.strip('. ')[:LONGUEUR_NOM] or 'document'}{EXTENSIONS[type_mime]}"


def examiner(televerse: UploadedFile) -> Piece:
    """Read an uploaded file. Raises ValidationError, in words for the person who sent it."""
    nom = televerse.name or ""
    if televerse.size is None or televerse.size > TAILLE_MAX:
        raise ValidationError(_phrase(nom, f"pèse plus de 10{INSECABLE}Mo. Réduisez-le, puis recommencez."))
    televerse.seek(0)
    contenu = televerse.read(TAILLE_MAX + 1)
    if not contenu:
        raise ValidationError(_phrase(nom, "est vide."))
    if contenu.startswith(b"%PDF-"):
        _verifier_pdf(nom, contenu)
        return Piece(nom_sur(nom, "application/pdf"), "application/pdf", contenu)
    if contenu.startswith(b"\xff\xd8\xff"):
        return Piece(nom_sur(nom, "image/jpeg"), "image/jpeg", _recomposer(nom, contenu))
    if contenu.startswith(b"\x89PNG\r\n\x1a\n"):
        return Piece(nom_sur(nom, "image/png"), "image/png", _recomposer(nom, contenu))
    if images.est_heif(contenu):
        # A phone's own format, which browsers do not show: it becomes a JPEG.
        return Piece(nom_sur(nom, "image/jpeg"), "image/jpeg", _recomposer(nom, contenu))
    raise ValidationError(_phrase(nom, "n’est ni un PDF, ni une photo JPEG, PNG ou HEIC."))


def deposer(televerse: UploadedFile | Piece, par) -> Fichier:
    """Store a private file, `par` being the user who sends it. Raises ValidationError like `examiner`.

    The file reaches the disk before the transaction ends: `orphelins` finds those a rollback left.
    """
    piece = televerse if isinstance(televerse, Piece) else examiner(televerse)
    return Fichier.objects.create(
        nom=piece.nom,
        type_mime=piece.type_mime,
        taille=len(piece.contenu),
        empreinte=piece.empreinte,
        contenu=ContentFile(piece.contenu, name="x"),
        depose_par=par,
    )


def effacer(fichier: Fichier) -> bool:
    """Delete a row nothing names any more, and its content once the transaction is over. False: still named."""
    stockage, cle = fichier.contenu.storage, fichier.contenu.name
    try:
        fichier.delete()
    except ProtectedError:
        return False
    transaction.on_commit(lambda: stockage.delete(cle))
    return True


def effacer_pieces(pieces: QuerySet) -> int:
    """These rows that name a file (`fichier`), and the files nothing else names; how many rows."""
    fichiers = [piece.fichier for piece in pieces.select_related("fichier")]
    pieces.delete()
    for fichier in fichiers:
        effacer(fichier)
    return len(fichiers)


def orphelins(avant) -> list[Path]:
    """Files on disk that no row names, written before `avant` (a datetime)."""
    racine = Path(settings.FICHIERS_PRIVES)
    vieux = [c for c in racine.glob("??/*") if c.is_file() and c.stat().st_mtime < avant.timestamp()]
    connus = set(Fichier.objects.values_list("contenu", flat=True)) if vieux else set()
    return [c for c in vieux if str(c.relative_to(racine)) not in connus]


def _phrase(nom: str, suite: str) -> str:
    montre = nom_sur(nom, "application/pdf").removesuffix(".pdf")
    return f"Le fichier «{INSECABLE}{montre}{INSECABLE}» {suite}"


def _verifier_pdf(nom: str, contenu: bytes) -> None:
    # The header at the first byte and a trailer at the end: what a polyglot or a cut file lacks.
    if not PDF_FIN.search(contenu[-2048:]):
        raise ValidationError(_phrase(nom, "est abîmé ou incomplet. Ouvrez-le, enregistrez-le de nouveau."))
    if CHIFFRE.search(contenu):
        raise ValidationError(
            _phrase(nom, "est protégé par un mot de passe. Envoyez-en une copie sans protection.")
        )


def _recomposer(nom: str, contenu: bytes) -> bytes:
    """The picture written anew by a child process with little memory and little time."""
    try:
        enfant = subprocess.run(
            [sys.executable, "-I", images.__file__],
            input=contenu,
            capture_output=True,
            timeout=DELAI_IMAGE,
            check=False,
            env={},
        )
    except subprocess.TimeoutExpired:
        raise ValidationError(_phrase(nom, "est trop long à lire. Envoyez une image plus petite.")) from None
    if enfant.returncode == images.TROP_GRANDE:
        raise ValidationError(_phrase(nom, "a trop de pixels. Envoyez une image plus petite."))
    if enfant.returncode != 0 or not enfant.stdout:
        raise ValidationError(_phrase(nom, "est abîmé ou n’est pas vraiment une image."))
    return enfant.stdout


class SaisieFichiers(forms.FileInput):
    """Several files in one field."""

    allow_multiple_selected = True


class ChampPieces(forms.FileField):
    """Zero to `maximum` files, examined: `cleaned_data` holds a list of `Piece`, ready for `deposer`."""

    def __init__(self, *, maximum: int = 5, **options):
        self.maximum = maximum
        options.setdefault("required", False)
        options.setdefault("label", "Pièces jointes")
        options.setdefault("help_text", f"{maximum} fichiers au plus. {AIDE}" if maximum > 1 else AIDE)
        options.setdefault("widget", SaisieFichiers(attrs={"accept": ACCEPTES}))
        super().__init__(**options)

    def clean(self, data, initial=None) -> list[Piece]:
        pieces, erreurs = self.trier(data)
        if erreurs:
            raise ValidationError(erreurs)
        return pieces

    def trier(self, data) -> tuple[list[Piece], list[ValidationError]]:
        """The good files of a lot, and what is wrong with the others."""
        recus = [f for f in (data if isinstance(data, list | tuple) else [data]) if f]
        if self.required and not recus:
            return [], [ValidationError(self.error_messages["required"], code="required")]
        if len(recus) > self.maximum:
            return [], [ValidationError(f"Joignez {self.maximum} fichiers au plus par envoi.")]
        pieces, erreurs = [], []
        for televerse in recus:
            try:
                pieces.append(examiner(televerse))
            except ValidationError as erreur:
                erreurs += erreur.error_list
        return pieces, erreurs
