"""Documents of the demonstration: a page drawn by us, with nothing of anybody."""

from io import BytesIO

from PIL import Image, ImageDraw, ImageFont

from portail.socle import pdf
from portail.socle.fichiers import Piece
from portail.socle.models import Collectivite

LARGEUR, HAUTEUR = 744, 1052  # A4 at 90 dpi
ENCRE, GRIS, VERT = "#17272b", "#45565a", "#0b5d59"


def justificatif(titre: str, lignes: tuple[str, ...]) -> Piece:
    """A picture of a made-up paper, that says so."""
    page = Image.new("RGB", (LARGEUR, HAUTEUR), "#ffffff")
    trait = ImageDraw.Draw(page)
    trait.rectangle((0, 0, LARGEUR, 96), fill=VERT)
    trait.text((48, 32), titre, fill="#ffffff", font=ImageFont.load_default(30))
    for rang, ligne in enumerate(lignes):
        trait.text((48, 168 + 56 * rang), ligne, fill=ENCRE, font=ImageFont.load_default(26))
    pied = "Document fictif de la démonstration, sans valeur."
    trait.text((48, HAUTEUR - 80), pied, fill=GRIS, font=ImageFont.load_default(20))
    sortie = BytesIO()
    page.save(sortie, "PNG", optimize=True)
    return Piece(f"{titre}.png", "image/png", sortie.getvalue())


def reglement(annee: str) -> Piece:
    """The rules of the fictitious town, as an accessible PDF."""
    contexte = {"commune": Collectivite.actuelle().nom, "annee": annee}
    contenu = pdf.rendre("demonstration/reglement.html", contexte)
    return Piece("reglement-interieur.pdf", "application/pdf", contenu)
