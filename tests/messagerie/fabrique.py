"""Builders of conversations."""

import zlib
from datetime import datetime, timedelta
from io import BytesIO

from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone
from PIL import Image
from pillow_heif import from_pillow

from enfants.models import Structure
from familles.models import Famille
from messagerie.envoi import Envoi, ouvrir, repondre
from messagerie.models import Conversation, Message
from portail.socle.fichiers import Piece

PDF = b"%PDF-1.4\n1 0 obj\n<< /Type /Catalog >>\nendobj\ntrailer\n<< /Root 1 0 R >>\nstartxref\n9\n%%EOF\n"


def image(genre: str = "PNG", taille: tuple[int, int] = (20, 10), **options) -> bytes:
    sortie = BytesIO()
    Image.new(options.pop("mode", "RGB"), taille, options.pop("couleur", None)).save(sortie, genre, **options)
    return sortie.getvalue()


def heic(taille: tuple[int, int] = (64, 48), **options) -> bytes:
    """A photo as a phone takes it: grain, so that every byte counts."""
    sortie = BytesIO()
    from_pillow(Image.effect_noise(taille, 40).convert("RGB")).save(sortie, quality=50, **options)
    return sortie.getvalue()


def png_geant(cote: int = 12_000, couleurs: int = 2) -> bytes:
    """A valid PNG of cote² black pixels (colour type 0, 2 or 6) in a few kilobytes, never held in memory."""

    def morceau(nom: bytes, corps: bytes) -> bytes:
        return len(corps).to_bytes(4) + nom + corps + zlib.crc32(nom + corps).to_bytes(4)

    presse = zlib.compressobj(9)
    ligne = bytes(1 + cote * {0: 1, 2: 3, 6: 4}[couleurs])
    donnees = b"".join(presse.compress(ligne) for _ in range(cote)) + presse.flush()
    entete = cote.to_bytes(4) * 2 + bytes([8, couleurs, 0, 0, 0])
    return b"\x89PNG\r\n\x1a\n" + morceau(b"IHDR", entete) + morceau(b"IDAT", donnees) + morceau(b"IEND", b"")


def televerse(nom: str = "attestation.pdf", contenu: bytes = PDF, type_mime: str = "application/pdf"):
    return SimpleUploadedFile(nom, contenu, content_type=type_mime)


def parent(famille: Famille):
    """The account of the titulaire."""
    return famille.responsables.get(rang="titulaire").utilisateur


def de_la_mairie(
    famille: Famille,
    objet: str = "Sortie au verger",
    texte: str = "Prévoyez des bottes et un goûter.",
    structure: Structure | None = None,
    il_y_a: timedelta = timedelta(hours=1),
    pieces: tuple[str, ...] = (),
    par=None,
) -> Conversation:
    """The town writes first."""
    envoi = Envoi(
        par=par,
        texte=texte,
        de_la_mairie=True,
        pieces=[Piece(nom, "application/pdf", PDF) for nom in pieces],
    )
    return ouvrir(famille, structure, objet, envoi, timezone.now() - il_y_a).conversation


def de_la_famille(
    famille: Famille,
    objet: str = "Goûter oublié",
    texte: str = "Léa a oublié son goûter.",
    structure: Structure | None = None,
    il_y_a: timedelta = timedelta(hours=2),
) -> Conversation:
    """The parent writes first."""
    envoi = Envoi(par=parent(famille), signature="Jean DUPONT", texte=texte)
    return ouvrir(famille, structure, objet, envoi, timezone.now() - il_y_a).conversation


def reponse(
    conversation: Conversation, texte: str = "Merci.", par=None, quand: datetime | None = None
) -> Message:
    """The town answers."""
    return repondre(conversation, Envoi(par=par, texte=texte, de_la_mairie=True), quand or timezone.now())
