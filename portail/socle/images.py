"""Child process that decodes an untrusted picture and writes a new one. Run as a script: picture in, picture out.

Apart from the portal so that a hostile picture can neither fill the memory of the server nor crash it. Nothing of
the original file survives but its pixels: no metadata (a phone writes where the photo was taken), nothing appended.
A phone's HEIC becomes a JPEG, which every browser shows. Imports neither Django nor the portal.
"""

import io
import resource
import sys

from PIL import Image, ImageOps

MEMOIRE_OCTETS = 640 * 1024**2
PROCESSEUR_SECONDES = 10
# A phone's photo is 12 to 48 million pixels, and a JPEG is shrunk while it is read; a PNG is held whole
# (A4 at 300 dpi: 9 million). A HEIC is held whole too, twice while it is copied.
PIXELS_MAX = {"JPEG": 50_000_000, "PNG": 20_000_000, "HEIF": 50_000_000}
# Stored no larger than A4 at 300 dpi: what was written on the paper stays readable.
COTE_MAX = 3508
TROP_GRANDE, ILLISIBLE = 3, 4
# ISO 23008-12: the container's major brand. AVIF has its own brands and is not ours.
MARQUES_HEIF = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"})


def est_heif(contenu: bytes) -> bool:
    return contenu[4:8] == b"ftyp" and contenu[8:12] in MARQUES_HEIF


def _ouvrir(contenu: bytes) -> Image.Image:
    if not est_heif(contenu):
        return Image.open(io.BytesIO(contenu), formats=("JPEG", "PNG"))
    # Imported late: it costs more than decoding a JPEG, and most documents are not HEIC.
    from pillow_heif import options, register_heif_opener

    # One picture, one thread (each would reserve memory of its own), nothing but its pixels.
    options.DECODE_THREADS = 1
    register_heif_opener(thumbnails=False, depth_images=False, aux_images=False)
    return Image.open(io.BytesIO(contenu), formats=("HEIF",))


def recomposer(contenu: bytes) -> bytes:
    """The same pixels in a new JPEG or PNG. Raises ValueError when too large, anything when unreadable."""
    image = _ouvrir(contenu)
    recu = image.format if image.format in PIXELS_MAX else "JPEG"  # some phones' JPEG call themselves MPO
    if image.width * image.height > PIXELS_MAX[recu]:
        raise ValueError
    genre = "PNG" if recu == "PNG" else "JPEG"
    if recu == "JPEG":
        # Lets the decoder shrink by 2, 4 or 8 while it reads: a 50 megapixel photo never exists in memory.
        image.draft("RGB", (COTE_MAX, COTE_MAX))
    image.load()
    if recu == "HEIF":
        image.thumbnail((COTE_MAX, COTE_MAX))  # before the copies below: 48 megapixels are 150 MB each
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
