"""Screenshots of the help page: 1280 px wide, cropped, WebP of 60 kB at most, written in static/img/aide."""

import io
import os
import shutil
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

DOSSIER = Path(__file__).resolve().parent.parent / "static" / "img" / "aide"
POIDS_MAX = 60_000
LARGEUR = 1280


def ranger(nom: str, png: bytes) -> None:
    """As light as needed: the quality goes down until the file fits."""
    image = Image.open(io.BytesIO(png)).convert("RGB")
    for qualite in range(82, 20, -6):
        sortie = io.BytesIO()
        image.save(sortie, "WEBP", quality=qualite, method=6)
        if sortie.tell() <= POIDS_MAX:
            break
    else:
        raise SystemExit(f"{nom} : impossible sous {POIDS_MAX} octets")
    (DOSSIER / f"{nom}.webp").write_bytes(sortie.getvalue())
    print(f"{nom}.webp  {image.width} x {image.height}  {sortie.tell()} octets")


def prendre(page: Page, nom: str, hauteur: int = 760) -> None:
    """The top of the page, no lower than the page."""
    page.wait_for_load_state("networkidle")
    bas = page.evaluate("document.documentElement.scrollHeight")
    cadre = {"x": 0, "y": 0, "width": LARGEUR, "height": min(hauteur, bas)}
    ranger(nom, page.screenshot(clip=cadre, animations="disabled"))


def entrer(page: Page) -> None:
    page.goto("/connexion/")
    prendre(page, "connexion", 640)
    page.get_by_label("Identifiant").fill("jean.dupont")
    page.get_by_label("Mot de passe", exact=True).fill("Portail2026")
    page.get_by_role("button", name="Se connecter").click()
    page.wait_for_url("**/")


def planifier(page: Page) -> None:
    """The planning with two days ticked, then the recap; nothing is sent."""
    page.goto(f"/enfants/planning/{date.today():%Y-%m}/")
    for _ in range(6):
        libres = page.locator('input[name="c"][aria-label*="Restauration scolaire"][aria-label*="libre"]')
        if libres.count() > 1:
            break
        page.get_by_role("navigation", name="Mois").get_by_role("link").last.click()
    libres.first.check()
    libres.last.check()
    page.evaluate("scrollTo(0, 0)")
    prendre(page, "planning", 860)
    page.get_by_role("button", name="Réserver").click()
    page.wait_for_load_state("networkidle")
    prendre(page, "recapitulatif", 620)


def captures(page: Page) -> None:
    entrer(page)
    simples: tuple[tuple[str, str, int], ...] = (
        ("accueil", "/", 800),
        ("compte", "/compte/", 760),
        ("enfants", "/enfants/", 640),
        ("releve", "/releve/", 760),
        ("messagerie", "/messagerie/", 640),
        ("demandes", "/demandes/", 640),
    )
    for nom, adresse, hauteur in simples:
        page.goto(adresse)
        prendre(page, nom, hauteur)
    planifier(page)


def dans_chromium(site: str, faire: Callable[[Page], None]) -> None:
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium-headless-shell")
    drapeaux = ["--disable-dev-shm-usage"] + (["--no-sandbox"] if os.geteuid() == 0 else [])
    with sync_playwright() as p:
        navigateur = p.chromium.launch(executable_path=chromium, args=drapeaux)
        page = navigateur.new_page(
            base_url=site,
            viewport={"width": LARGEUR, "height": 860},
            locale="fr-FR",
            timezone_id="Europe/Paris",
            color_scheme="light",
        )
        faire(page)
        navigateur.close()


if __name__ == "__main__":
    DOSSIER.mkdir(parents=True, exist_ok=True)
    dans_chromium(sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8000", captures)
