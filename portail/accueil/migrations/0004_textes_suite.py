"""The public pages' second texts (screenshots, « Mes données »), where no agent has rewritten the first ones."""

from hashlib import sha256
from pathlib import Path

from django.db import migrations

DOSSIER = Path(__file__).resolve().parent.parent / "textes"
# SHA-256 of the texts the portal came with before.
AVANT = {
    "aide": "3a838b442a0906ab5efa36c83a8d389b15c1ca3e1f8ec691719a2e6b6260caa1",
    "donnees-personnelles": "155de75b13d98234c8e074d9ae69cf3a74914f22e6c41c5c5e0f66abe5b229a5",
    "plan-du-site": "b2692d61376afc01ce79f36f7da5f4650d16354869c23cbbebb9109ee727c472",
}


def ecrire(apps, schema_editor):
    Page = apps.get_model("accueil", "Page")
    for page in Page.objects.filter(adresse__in=AVANT):
        if sha256(page.texte.encode()).hexdigest() == AVANT[page.adresse]:
            fichier = DOSSIER / f"{page.adresse}.txt"
            page.texte = fichier.read_text(encoding="utf-8").partition("\n")[2].strip()
            page.save(update_fields=["texte"])


class Migration(migrations.Migration):
    dependencies = [("accueil", "0003_visites_et_donnees")]

    operations = [migrations.RunPython(ecrire, migrations.RunPython.noop)]
