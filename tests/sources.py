"""The repository's own files, for the tests that read them (git may be absent: an unpacked archive is tested too)."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

RACINE = Path(__file__).resolve().parent.parent
APPLICATIONS = ("portail", "familles", "enfants", "facturation", "messagerie", "demandes")
# Made by tools and by the portal itself (.gitignore).
AUTRES = {".git", ".venv", "var", "staticfiles", "__pycache__", ".pytest_cache", ".ruff_cache", ".hypothesis"}
TEXTES = {
    ".py",
    ".html",
    ".txt",
    ".md",
    ".toml",
    ".css",
    ".js",
    ".svg",
    ".sh",
    ".cfg",
    ".yml",
    ".yaml",
    ".json",
    "",
}


def fichiers(dossier: Path = RACINE) -> Iterator[Path]:
    """Every file of ours."""
    for chemin in sorted(dossier.iterdir()):
        if chemin.is_symlink() or chemin.name in AUTRES:
            continue
        if chemin.is_dir():
            yield from fichiers(chemin)
        else:
            yield chemin


@cache
def textes() -> dict[str, str]:
    """Every text of ours: path from the root, content."""
    return {
        str(chemin.relative_to(RACINE)): chemin.read_text(encoding="utf-8")
        for chemin in fichiers()
        if chemin.suffix in TEXTES
    }


@cache
def gabarits() -> dict[str, str]:
    """Every HTML and svg template of ours."""
    return {
        nom: texte
        for nom, texte in textes().items()
        if "templates/" in f"/{nom}".replace("//", "/") and nom.endswith((".html", ".svg"))
    }


@cache
def modules(tests: bool = False) -> dict[str, ast.Module]:
    """Every Python module of the portal (or of its tests), parsed; migrations are history, left out."""
    racines = ("tests",) if tests else (*APPLICATIONS, "bench")
    return {
        nom: ast.parse(texte)
        for nom, texte in textes().items()
        if nom.endswith(".py") and nom.split("/")[0] in racines and "/migrations/" not in nom
    }
