"""The help page tells of the typical week, where no agent has rewritten it."""

from hashlib import sha256
from pathlib import Path

from django.db import migrations

AIDE = Path(__file__).resolve().parent.parent / "textes" / "aide.txt"
# SHA-256 of the texts the portal came with before.
AVANT = {
    "3a838b442a0906ab5efa36c83a8d389b15c1ca3e1f8ec691719a2e6b6260caa1",
    "cd832ce7ea1ea746941123685d4908dfd497aee2bfd21707c9e608bef067fee8",
    "259d2fe09bc8d4d3f743b5571aaaf514689334749fcc8f5517cf368a55d4463d",
}


def ecrire(apps, schema_editor):
    Page = apps.get_model("accueil", "Page")
    for page in Page.objects.filter(adresse="aide"):
        if sha256(page.texte.encode()).hexdigest() in AVANT:
            page.texte = AIDE.read_text(encoding="utf-8").partition("\n")[2].strip()
            page.save(update_fields=["texte"])


class Migration(migrations.Migration):
    dependencies = [("accueil", "0005_textes_justes")]

    operations = [migrations.RunPython(ecrire, migrations.RunPython.noop)]
