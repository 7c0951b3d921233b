"""Child process that decodes an untrusted picture and writes a new one. Run as a script: picture in, picture out.

Apart from the portal so that a hostile picture can neither fill the memory of the server nor crash it. Nothing of
the original file survives but its pixels: no metadata (a phone writes where the photo was taken), nothing appended.
Imports neither Django nor the portal.
"""

import io
import resource
import sys

from PIL import Image, ImageOps

MEMOIRE_OCTETS = 640 * 1024**2
PROCESSEUR_SECONDES = 10
# A phone's photo is 12 to 48 million pixels, and a JPEG is shrunk while it is read; a PNG is held whole
# (A4 at 300 dpi: 9 million).
PIXELS_MAX = {"JPEG": 50_000_000, "PNG": 20_000_000}
# Stored no larger than A4 at 300 dpi: what was written on the paper stays readable.
COTE_MAX = 3508
TROP_GRANDE, ILLISIBLE = 3, 4


def recomposer(contenu: bytes) -> bytes:
    """The same pixels in a new JPEG or PNG. Raises ValueError when too large, anything when unreadable."""
    image = Image.open(io.BytesIO(contenu), formats=("JPEG", "PNG"))
    genre = "PNG" if image.format == "PNG" else "JPEG"
    if image.width * image.height > PIXELS_MAX[genre]:
        raise ValueError
    if genre == "JPEG":
        # Lets the decoder shrink by 2, 4 or 8 while it reads: a 50 megapixel photo never exists in memory.
        image.draft("RGB", (COTE_MAX, COTE_MAX))
    image.load()
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I"):
        image = image.point(lambda valeur: valeur * (1 / 256)).convert("L")
    transparente = genre == "PNG" and ("A" in image.mode or "transparency" in image.info)
    mode = "RGBA" if transparente else "L" if image.mode in ("1", "L") else "RGB"
    if image.mode != mode:
        image = image.convert(mode)
    image.thumbnail((COTE_MAX, COTE_MAX))
    image.info = {}
    sortie = io.BytesIO()
    image.save(sortie, genre, quality=88, optimize=genre == "JPEG")
    return sortie.getvalue()


def principal() -> int:
    resource.setrlimit(resource.RLIMIT_AS, (MEMOIRE_OCTETS, MEMOIRE_OCTETS))
    resource.setrlimit(resource.RLIMIT_CPU, (PROCESSEUR_SECONDES, PROCESSEUR_SECONDES))
    try:
        propre = recomposer(sys.stdin.buffer.read())
    except ValueError as erreur:
        return ILLISIBLE if erreur.args else TROP_GRANDE
    except BaseException:
        return ILLISIBLE
    sys.stdout.buffer.write(propre)
    return 0


if __name__ == "__main__":
    Image.MAX_IMAGE_PIXELS = None  # our own limit is checked first
    sys.exit(principal())
