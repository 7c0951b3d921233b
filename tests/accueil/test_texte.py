"""The markup of the town's texts: what it makes, and what it never lets through."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portail.accueil.models import TEXTES
from portail.accueil.texte import CAPTURES, rendre, typographie

NB = "\N{NO-BREAK SPACE}"


@pytest.mark.parametrize(
    ("source", "html"),
    [
        ("## Titre\nTexte", "<h2>Titre</h2>\n<p>Texte</p>"),
        ("### Sous-titre", "<h3>Sous-titre</h3>"),
        ("un\ndeux\n\ntrois", "<p>un<br>deux</p>\n<p>trois</p>"),
        ("- a\n- b", "<ul><li>a</li><li>b</li></ul>"),
        ("Liste\n- a\nsuite", "<p>Liste</p>\n<ul><li>a</li></ul>\n<p>suite</p>"),
        ("1. a\n2. b", "<ol><li>a</li><li>b</li></ol>"),
        ("**gras**", "<p><strong>gras</strong></p>"),
        ("[ici](/aide/)", '<p><a href="/aide/">ici</a></p>'),
        ("[ici](https://a.example/?x=1&y=2)", '<p><a href="https://a.example/?x=1&amp;y=2">ici</a></p>'),
        ("[ecrire](mailto:a@b.fr)", '<p><a href="mailto:a@b.fr">ecrire</a></p>'),
        ("", ""),
    ],
)
def test_rendu(source, html):
    assert rendre(source) == html


@pytest.mark.parametrize(
    "adresse",
    ["javascript:alert`1`", "data:text/html,x", "//ailleurs.example", "/\\ailleurs.example", "ftp://x", "x"],
)
def test_liens_refuses_deviennent_du_texte(adresse):
    assert rendre(f"[ici]({adresse})") == "<p>ici</p>"


def test_aucun_html():
    assert "<script" not in rendre("<script>x</script> **<img src=x onerror=y>**\n## <b>t</b>")


def test_guillemets_dans_une_adresse():
    assert 'onmouseover="' not in rendre('[a](https://x.example/"onmouseover="y)')


def test_typographie():
    assert typographie("l'enfant : « oui » ?") == f"l’enfant{NB}: «{NB}oui{NB}»{NB}?"


@given(st.text(alphabet=st.sampled_from("ab<>\"'&[]()#*-1. \n/:\\"), max_size=60))
def test_jamais_d_autre_balise(source):
    """Whatever is typed, only our tags come out, and no attribute but a safe href."""
    reste = rendre(source)
    for balise in ("p", "h2", "h3", "ul", "ol", "li", "strong", "br", "a"):
        reste = reste.replace(f"<{balise}>", "").replace(f"</{balise}>", "")
    while '<a href="' in reste:
        avant, _, apres = reste.partition('<a href="')
        adresse, _, suite = apres.partition('">')
        assert adresse.startswith(("/", "http", "mailto:", "tel:")) and "<" not in adresse
        reste = avant + suite
    assert "<" not in reste and '"' not in reste


class TestCaptures:
    def test_de_notre_serie(self):
        html = rendre('Avant\n![La page de "connexion"](connexion)\nAprès')
        assert html.startswith('<p>Avant</p>\n<p class="capture"><img src="') and html.endswith(
            "<p>Après</p>"
        )
        assert 'img/aide/connexion.webp" alt="La page de &quot;connexion&quot;" width="1280" height="' in html

    @pytest.mark.parametrize(
        "nom", ["inconnue", "../logo", "https://ailleurs.example/x.png", "connexion.webp", "/x"]
    )
    def test_jamais_d_ailleurs(self, nom):
        assert "<img" not in rendre(f"![Une image]({nom})")

    def test_legeres_toutes_montrees_toutes_decrites(self):
        aide = (TEXTES / "aide.txt").read_text(encoding="utf-8")
        fichiers = {c.stem: c.stat().st_size for c in CAPTURES.iterdir()}
        assert set(re.findall(r"!\[[^\]]{20,}\]\(([a-z0-9-]+)\)", aide)) == set(fichiers)
        assert max(fichiers.values()) <= 60_000
        assert rendre(aide).count("<img ") == len(fichiers)
