"""The safe little markup of the town's texts: titles, paragraphs, lists, links, bold. No HTML goes through."""

import re
from datetime import date
from functools import lru_cache

from django.conf import settings
from django.templatetags.static import static
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe
from PIL import Image

from portail.socle.models import Collectivite

CAPTURES = settings.BASE_DIR / "static" / "img" / "aide"
LIEN = re.compile(r"\[([^\[\]\n]+)\]\(([^()\s]+)\)")
# Ours (but not « //elsewhere » nor « /\elsewhere », which browsers read the same), the web, mail, phone.
ADRESSE = re.compile(r"(?:https?://|mailto:|tel:|/(?![/\\]))[^\s\"'<>\\]*\Z")
GRAS = re.compile(r"\*\*([^*\n]+)\*\*")
TITRE = re.compile(r"(#{2,3})\s+(.+)")
PUCE = re.compile(r"-\s+(.+)")
# « ![what it shows](name) »: a screenshot of our own set (static/img/aide), never an address.
IMAGE = re.compile(r"!\[([^\[\]\n]+)\]\(([a-z0-9-]+)\)")
NUMERO = re.compile(r"\d+\.\s+(.+)")


def typographie(texte: str) -> str:
    """French spacing and apostrophes, whatever the agent's keyboard gave."""
    texte = re.sub(r"(?<=\w)'(?=\w)", "’", texte)
    texte = re.sub(r"[ \N{NO-BREAK SPACE}]([:;!?»€%])", "\N{NO-BREAK SPACE}\\1", texte)
    return re.sub(r"«[ \N{NO-BREAK SPACE}]", "«\N{NO-BREAK SPACE}", texte)


def _ligne(texte: str) -> str:
    def lien(trouve: re.Match) -> str:
        libelle, adresse = trouve.groups()
        # The text is escaped already: quotes and angle brackets are entities, they cannot leave the attribute.
        return f'<a href="{adresse}">{libelle}</a>' if ADRESSE.match(adresse) else libelle

    return GRAS.sub(r"<strong>\1</strong>", LIEN.sub(lien, escape(typographie(texte))))


@lru_cache(maxsize=64)
def _dimensions(nom: str) -> tuple[int, int]:
    """Width and height of a screenshot. Raises OSError when it is not of our set."""
    with Image.open(CAPTURES / f"{nom}.webp") as image:
        return image.size


def _image(alternative: str, nom: str) -> str:
    """The screenshot at its own size (the page does not jump while it loads); its words when we do not have it."""
    mots = escape(typographie(alternative))
    try:
        largeur, hauteur = _dimensions(nom)
        adresse = static(f"img/aide/{nom}.webp")
    except (OSError, ValueError):  # not of our set, or not collected yet
        return f"<p>{mots}</p>"
    return (
        f'<p class="capture"><img src="{adresse}" alt="{mots}" '
        f'width="{largeur}" height="{hauteur}" loading="lazy"></p>'
    )


def _bloc(lignes: list[str]) -> str:
    """HTML of consecutive lines of one kind."""
    for motif, balise in ((PUCE, "ul"), (NUMERO, "ol")):
        if motif.match(lignes[0]):
            points = "".join(f"<li>{_ligne(motif.match(ligne)[1])}</li>" for ligne in lignes)
            return f"<{balise}>{points}</{balise}>"
    return f"<p>{'<br>'.join(_ligne(ligne) for ligne in lignes)}</p>"


def _genre(ligne: str) -> str:
    return "ul" if PUCE.match(ligne) else "ol" if NUMERO.match(ligne) else "p"


def rendre(texte: str) -> SafeString:
    """HTML of a text: an unknown mark is shown as it was typed."""
    blocs: list[str] = []
    courant: list[str] = []

    def fermer() -> None:
        if courant:
            blocs.append(_bloc(courant))
            courant.clear()

    for brute in texte.splitlines():
        ligne = brute.strip()
        titre, image = TITRE.fullmatch(ligne), IMAGE.fullmatch(ligne)
        if not ligne or titre or image:
            fermer()
            if image:
                blocs.append(_image(*image.groups()))
            if titre:
                niveau = len(titre[1])
                blocs.append(f"<h{niveau}>{_ligne(titre[2])}</h{niveau}>")
            continue
        if courant and _genre(courant[0]) != _genre(ligne):
            fermer()
        courant.append(ligne)
    fermer()
    return mark_safe("\n".join(blocs))


def remplir(texte: str, collectivite: Collectivite, modifiee_le: date) -> str:
    """The town's own values in place of {commune}, {adresse}… ; what is not known is said so, never left blank."""
    adresse = ", ".join(
        filter(None, [collectivite.adresse, f"{collectivite.code_postal} {collectivite.ville}".strip()])
    )
    valeurs = {
        "commune": collectivite.nom,
        "adresse": adresse or "(adresse à compléter)",
        "courriel": f"[{collectivite.courriel}](mailto:{collectivite.courriel})"
        if collectivite.courriel
        else "(courriel à compléter)",
        "telephone": collectivite.telephone or "(téléphone à compléter)",
        "modifiee_le": f"{modifiee_le:%d/%m/%Y}",
        # The settings the scheduled work obeys: the page cannot promise anything else.
        "conservation_ans": str(settings.CONSERVATION_ANS),
        "sante_mois": str(settings.SANTE_MOIS),
        "demandes_jours": str(collectivite.conservation_demandes_jours),
        "connexions_mois": str(settings.CONNEXIONS_JOURS // 30),
    }
    return re.sub(r"\{(\w+)\}", lambda trouve: valeurs.get(trouve[1], trouve[0]), texte)
