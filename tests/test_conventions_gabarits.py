"""What every template must be: no inline script or style (our CSP blocks them), tokens, French, existing files."""

import re
from fnmatch import fnmatch

import pytest
from django.conf import settings
from django.contrib.staticfiles import finders
from django.core.management import call_command
from django.template import Context, Origin, Template, engines
from django.test import override_settings

from tests.conftest import VariableIndefinie
from tests.sources import RACINE, gabarits, textes

COMMENTAIRES = re.compile(r"{#.*?#}|{%\s*comment.*?endcomment\s*%}|<!--.*?-->", re.S)
# What a browser would refuse under our policy, or should never be asked.
INTERDITS = {
    "attribut style": re.compile(r"<[^>]*\sstyle\s*=", re.I),
    "balise style": re.compile(r"<style\b", re.I),
    "script en ligne": re.compile(
        r"<script\b(?![^>]*\ssrc=)(?![^>]*type=[\"']application/(?:ld\+)?json)", re.I
    ),
    "gestionnaire on…": re.compile(r"<[^>]*\son[a-z]+\s*=", re.I),
    "adresse javascript:": re.compile(r"javascript:", re.I),
    "htmx qui évalue": re.compile(r"<[^>]*\shx-on[:\w-]*\s*=|hx-vals\s*=\s*[\"']js:", re.I),
    "filtre safe": re.compile(r"\|\s*safe\b|{%\s*autoescape\s+off"),
    "adresse d’un autre site": re.compile(
        r"<(?:script|link|img|iframe)\b[^>]*(?:src|href)=[\"'](?:https?:)?//", re.I
    ),
}


def sans_commentaires(texte: str) -> str:
    """Comments blanked out, line numbers kept."""
    return COMMENTAIRES.sub(lambda trouve: "\n" * trouve[0].count("\n"), texte)


@pytest.mark.parametrize("quoi", INTERDITS)
def test_aucun_gabarit_ne_contient(quoi: str):
    trouves = [
        f"{nom}:{texte[: trouve.start()].count(chr(10)) + 1}"
        for nom, texte in ((nom, sans_commentaires(texte)) for nom, texte in gabarits().items())
        for trouve in INTERDITS[quoi].finditer(texte)
    ]

    assert trouves == []


@pytest.mark.parametrize(
    ("quoi", "faute"),
    [
        ("attribut style", '<p class="x" style="color:red">'),
        ("balise style", "<style>p{}</style>"),
        ("script en ligne", "<script>alert(1)</script>"),
        ("gestionnaire on…", '<button type="button" onclick="x()">'),
        ("adresse javascript:", '<a href="javascript:x()">'),
        ("htmx qui évalue", '<b hx-on:click="x()">'),
        ("filtre safe", "{{ texte|safe }}"),
        ("adresse d’un autre site", '<script src="https://cdn.example/x.js"></script>'),
    ],
)
def test_controle_negatif_la_faute_serait_vue(quoi: str, faute: str):
    assert INTERDITS[quoi].search(faute)


SECABLE = re.compile(r" [:;?!](?=\s|$)| »|« |n° ", re.M)


def test_un_courriel_ne_se_coupe_pas_avant_une_ponctuation():
    """Read on a phone, where a line holds six words: the space there is a non-breaking one."""
    courriels = {nom: texte for nom, texte in textes().items() if nom.startswith("templates/courriels/")}
    assert courriels
    assert {nom: fautes for nom, texte in courriels.items() if (fautes := SECABLE.findall(texte))} == {}
    assert SECABLE.findall("Motif : « non », n° 4 ?") == [" :", "« ", " »", "n° ", " ?"]


def test_chaque_formulaire_qui_ecrit_porte_son_jeton():
    formulaires = re.compile(r"<form\b(?P<balise>[^>]*)>(?P<corps>.*?)</form>", re.S | re.I)
    sans_jeton = [
        f"{nom}:{texte[: f.start()].count(chr(10)) + 1}"
        for nom, texte in gabarits().items()
        for f in formulaires.finditer(sans_commentaires(texte))
        if re.search(r"method=[\"']?post", f["balise"], re.I) and "{% csrf_token %}" not in f["corps"]
    ]

    assert sans_jeton == []


def test_chaque_page_se_dit_francaise():
    pages = {nom: texte for nom, texte in gabarits().items() if re.search(r"<html\b", texte)}

    assert [nom for nom, texte in pages.items() if not re.search(r"<html\b[^>]*\slang=\"fr\"", texte)] == []
    assert "templates/base.html" in pages


def test_chaque_gabarit_se_compile():
    moteur = engines["django"]
    charges = [
        moteur.get_template(nom.rpartition("templates/")[2]).template.name
        for nom in textes()
        if "templates/" in nom and nom.endswith((".html", ".txt", ".svg"))
    ]

    assert len(charges) >= 5


def test_chaque_fichier_statique_cite_existe():
    cites = {
        (nom, chemin)
        for nom, texte in textes().items()
        if "templates/" in nom
        for chemin in re.findall(r"{%\s*static\s+[\"']([^\"'{}]+)[\"']", texte)
    }

    assert sorted(x for x in cites if finders.find(x[1]) is None) == []


def test_script_demo_publie_chaque_fichier_cite():
    """It leaves out what no page names, to be quick: the list must stay true."""
    ignores = re.findall(r"--ignore '([^']+)'", textes()["script/demo"])
    cites = {
        chemin
        for texte in textes().values()
        for chemin in re.findall(r"[\"'](bootstrap/[^\"'*]+)[\"']", texte)
    }

    assert ignores
    assert [chemin for chemin in cites for ignore in ignores if fnmatch(chemin, ignore)] == []


@pytest.mark.sqlite  # no database at all; once is enough
def test_les_statiques_se_publient_sous_un_nom_qui_change(tmp_path):
    """collectstatic as in production (less the compression): fails on a css that names a file that does not exist."""
    haches = {"staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"}}
    with override_settings(STATIC_ROOT=tmp_path, STORAGES=settings.STORAGES | haches):
        call_command("collectstatic", interactive=False, verbosity=0)

    assert (tmp_path / "staticfiles.json").exists()
    nos_css = (RACINE / "static" / "css").glob("*.css")
    assert [css.name for css in nos_css if not list(tmp_path.glob(f"css/{css.stem}.????????????.css"))] == []


# --- the guard against undefined variables, itself ---------------------------------------------------------------


@pytest.mark.parametrize("source", ["{{ personne }}", "{{ personne|default:'rien' }}", "{{ user.inconnu }}"])
def test_controle_negatif_une_variable_indefinie_serait_vue(source: str):
    notre = Template(
        source, origin=Origin(str(RACINE / "templates" / "essai.html")), engine=engines["django"].engine
    )

    with pytest.raises(VariableIndefinie, match=r"templates/essai\.html, line 1"):
        notre.render(Context({"user": object()}))


def test_une_variable_indefinie_d_un_tiers_reste_muette():
    """The admin's templates count on it; and `{% if %}` on an absent variable is Django's own idiom."""
    moteur = engines["django"].engine
    tiers = Template(
        "[{{ personne }}{{ personne|default:'rien' }}]", origin=Origin("/admin.html"), engine=moteur
    )
    notre = Template(
        "{% if personne %}oui{% endif %}",
        origin=Origin(str(RACINE / "templates" / "essai.html")),
        engine=moteur,
    )

    assert tiers.render(Context()) == "[rien]"
    assert notre.render(Context()) == ""
