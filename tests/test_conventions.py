"""The house's rules that a machine can see, turned into failures (CONTRIBUTING.md says them in words)."""

import ast
import json
import os
import re
import subprocess
import sys
import tomllib
import warnings

import pytest
from django.apps import apps
from django.db.models import BaseConstraint

from tests.sources import APPLICATIONS, RACINE, fichiers, modules, textes

EPINGLE = re.compile(r"^(?P<nom>[a-z0-9][a-z0-9._-]*)(?:\[[^]]*\])?==(?P<version>[^\s;]+)", re.M)


# --- the repository ---------------------------------------------------------------------------------------------


def test_rien_de_cette_machine_n_est_ecrit():
    """No registry host, no path of somebody's machine: they would be wrong on every other one."""
    # Put together here, or this file would denounce itself.
    interdits = re.compile(
        "|".join(
            (
                r"pypi\." + r"org|python" + r"hosted\.org|registry\.npm" + r"js",
                r"(?<![\w.])/(?:root|Users|workspace)" + r"/[\w.]",
                r"(?<![\w.])/home" + r"/[a-z]",
                r"/work" + r"/(?:main|shared)|/opt" + r"/pypi|/tmp/" + r"chroots",
            )
        )
    )
    trouves = [
        f"{nom}:{numero}: {trouve[0]}"
        for nom, texte in textes().items()
        for numero, ligne in enumerate(texte.splitlines(), 1)
        if (trouve := interdits.search(ligne))
    ]

    assert trouves == []


@pytest.mark.parametrize("fichier", ["requirements.txt", "requirements-test.txt"])
def test_chaque_paquet_est_epingle_avec_ses_empreintes(fichier: str):
    texte = (RACINE / fichier).read_text()
    # One logical line a package: « name==version ; marker --hash=… --hash=… ».
    lignes = [
        x for x in texte.replace("\\\n", " ").splitlines() if x.strip() and not x.lstrip().startswith("#")
    ]

    assert [x for x in lignes if not EPINGLE.match(x) or "--hash=sha256:" not in x] == []
    assert "://" not in texte


def test_les_tests_tournent_sur_les_versions_qui_servent():
    servent, testees = (
        dict(EPINGLE.findall((RACINE / nom).read_text()))
        for nom in ("requirements.txt", "requirements-test.txt")
    )

    assert {nom: testees.get(nom) for nom in servent} == servent


def test_chaque_dependance_declaree_est_epinglee():
    """A dependency added to pyproject.toml without script/lock would be missing on a bare machine."""
    projet = tomllib.loads((RACINE / "pyproject.toml").read_text())["project"]
    epinglees = dict(EPINGLE.findall((RACINE / "requirements-test.txt").read_text()))
    declarees = projet["dependencies"] + projet["optional-dependencies"]["test"]
    noms = {re.match(r"[\w.-]+", x)[0].lower() for x in declarees}

    assert noms - set(epinglees) == set()


def test_les_commandes_se_lancent():
    """Executable, readable by a POSIX shell (Debian's sh is dash: no bash word passes)."""
    commandes = ["script/demo", "script/test", "script/lock", "script/audit", ".ci/run"]

    assert [nom for nom in commandes if not os.access(RACINE / nom, os.X_OK)] == []
    for nom in [*commandes, "script/preparer"]:
        lecture = subprocess.run(["/bin/sh", "-n", RACINE / nom], capture_output=True, text=True, check=False)
        assert (nom, lecture.stderr) == (nom, "")


def test_aucun_fichier_fourre_tout():
    fourre_tout = {"utils", "helpers", "services", "misc", "common", "signals"}

    assert [
        str(x.relative_to(RACINE)) for x in fichiers() if x.suffix == ".py" and x.stem in fourre_tout
    ] == []


# --- the modules ------------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("default")
def test_aucun_module_ne_deborde():
    """Past 400 lines a file, past 40 a function, a wall wants moving (said as a warning); twice that is refused."""
    longs, refuses = [], []
    for nom, arbre in modules().items():
        mesures = [(nom, len(textes()[nom].splitlines()), 400)]
        mesures += [
            (f"{nom}:{x.lineno} {x.name}()", x.end_lineno - x.lineno + 1, 40)
            for x in ast.walk(arbre)
            if isinstance(x, ast.FunctionDef)
        ]
        for quoi, lignes, limite in mesures:
            if lignes > 2 * limite:
                refuses.append(f"{quoi} : {lignes} lignes")
            elif lignes > limite:
                longs.append(f"{quoi} : {lignes} lignes")
    if longs:
        warnings.warn("Un mur est à déplacer :\n  " + "\n  ".join(longs), stacklevel=1)

    assert refuses == []


def test_ni_signal_ni_effet_dans_save():
    """What happens to one thing is a verb on its model, called by name: nothing happens behind the reader's back."""
    trouves = []
    for nom, arbre in modules().items():
        for x in ast.walk(arbre):
            if isinstance(x, ast.ImportFrom) and x.module in ("django.db.models.signals", "django.dispatch"):
                trouves.append(f"{nom}:{x.lineno} importe {x.module}")
            if isinstance(x, ast.ClassDef) and "models" in nom:
                trouves += [
                    f"{nom}:{m.lineno} {m.name}()"
                    for m in x.body
                    if isinstance(m, ast.FunctionDef) and m.name in ("save", "delete")
                ]

    assert trouves == []


def test_chaque_test_affirme_quelque_chose():
    """An assert, an expect(), a raises, an assertNumQueries, or a function of the same module that has one.

    A test that hypothesis feeds may affirm by surviving: nothing but the expected error came out.
    """
    affirme = re.compile(r"assert|expect|raises|num_queries|fail$|^given$|^run_state_machine")

    def noms(fonction: ast.FunctionDef) -> set[str]:
        trouves = set()
        for x in ast.walk(fonction):
            if isinstance(x, ast.Assert):
                trouves.add("assert")
            if isinstance(x, ast.Call):
                trouves.add(x.func.attr if isinstance(x.func, ast.Attribute) else getattr(x.func, "id", ""))
            if isinstance(x, ast.arg):
                trouves.add(x.arg)
        return trouves

    muets = []
    for nom, arbre in modules(tests=True).items():
        fonctions = [(x, noms(x)) for x in ast.walk(arbre) if isinstance(x, ast.FunctionDef)]
        affirment = {x.name for x, cites in fonctions if any(affirme.search(n) for n in cites)}
        muets += [
            f"{nom}:{x.lineno} {x.name}"
            for x, cites in fonctions
            if x.name.startswith("test_") and x.name not in affirment and not cites & affirment
        ]

    assert muets == []


def test_aucun_test_n_est_saute_en_silence():
    """script/test fails on a skip anyway; a test that belongs to one database carries its marker instead."""
    trouves = [
        f"{nom}:{x.lineno}"
        for nom, arbre in modules(tests=True).items()
        for x in ast.walk(arbre)
        if isinstance(x, ast.Attribute)
        and x.attr in ("skip", "skipif", "xfail", "importorskip")
        and isinstance(x.value, ast.Name | ast.Attribute)
        and (getattr(x.value, "id", "") == "pytest" or getattr(x.value, "attr", "") == "mark")
    ]

    assert trouves == []


def test_aucun_navigateur_n_attend_la_page_qu_il_quitte():
    """After a click these return at once: the old page is loaded, its address may fit. tests.navigation.suivre waits."""
    trouves = [
        f"{nom}:{x.lineno} {x.attr}"
        for nom, arbre in modules(tests=True).items()
        for x in ast.walk(arbre)
        if isinstance(x, ast.Attribute)
        and x.attr in ("wait_for_load_state", "wait_for_url", "wait_for_timeout")
    ]

    assert trouves == []


# --- the database -----------------------------------------------------------------------------------------------


def nos_modeles():
    return [m for m in apps.get_models() if m.__module__.split(".")[0] in APPLICATIONS]


def test_chaque_contrainte_parle_francais():
    """A constraint is the last word: what it says may reach a person, so it is a sentence of ours."""
    defaut = BaseConstraint.default_violation_error_message
    muettes = [
        f"{modele._meta.label}.{contrainte.name}"
        for modele in nos_modeles()
        for contrainte in modele._meta.constraints
        if contrainte.violation_error_message in (None, "", defaut)
    ]

    assert muettes == []


def test_chaque_modele_a_un_nom_francais():
    """The admin shows it; Django's own would be the class name, split."""
    sans_nom = [m._meta.label for m in nos_modeles() if "verbose_name" not in m._meta.original_attrs]

    assert sans_nom == []


# --- the settings -----------------------------------------------------------------------------------------------


def reglages(**environnement: str) -> dict[str, str]:
    """The settings a fresh process gets under this environment, as text."""
    lire = (
        "import json; from portail import settings as s; "
        "print(json.dumps({n: repr(getattr(s, n, None)) for n in dir(s) if n.isupper() or n.startswith('SE')}))"
    )
    propre = {nom: os.environ[nom] for nom in ("PATH", "DONNEES") if nom in os.environ}
    sortie = subprocess.run(
        [sys.executable, "-c", lire],
        env=propre | environnement,
        cwd=RACINE,
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(sortie.stdout)


def test_http_en_local_ne_relache_que_ce_qu_il_force():
    """HTTP_LOCAL is for plain http on localhost: cookies, redirection, HSTS; nothing else may hang on it."""
    vrai, local = reglages(), reglages(HTTP_LOCAL="1")

    assert vrai["DEBUG"] == local["DEBUG"] == "False"
    assert {nom for nom in vrai | local if vrai.get(nom) != local.get(nom)} == {
        "HTTP_LOCAL",
        "CSRF_COOKIE_NAME",
        "CSRF_COOKIE_SECURE",
        "SECURE_HSTS_INCLUDE_SUBDOMAINS",
        "SECURE_HSTS_PRELOAD",
        "SECURE_HSTS_SECONDS",
        "SECURE_REDIRECT_EXEMPT",
        "SECURE_SSL_REDIRECT",
        "SESSION_COOKIE_NAME",
        "SESSION_COOKIE_SECURE",
    }


@pytest.mark.parametrize(
    ("nom", "valeur"), [("CONSERVATION_ANS", "0"), ("SANTE_MOIS", "-1"), ("MOT_DE_PASSE_LONGUEUR", "6")]
)
def test_un_reglage_dangereux_arrete_le_portail(nom, valeur):
    """Zero year would erase every household that owes nothing; six characters are less than the guide's rule."""
    with pytest.raises(subprocess.CalledProcessError) as arret:
        reglages(**{nom: valeur})
    assert f"{nom} : " in arret.value.stderr


def test_la_demonstration_ne_parle_qu_a_sa_banque():
    """Without a key of its own, a demonstration never reaches Stripe, and a real portal never our bank."""
    vrai, demonstration = reglages(), reglages(DEMONSTRATION="1", BANQUE_URL="http://127.0.0.1:9")

    assert (vrai["STRIPE_SECRET_KEY"], vrai["STRIPE_API_BASE"]) == ("''", "''")
    assert demonstration["STRIPE_API_BASE"] == "'http://127.0.0.1:9'"
