"""The public pages' first texts (portail/accueil/textes/): rows an agent then edits."""

from pathlib import Path

from django.db import migrations

DOSSIER = Path(__file__).resolve().parent.parent / "textes"


def ecrire(apps, schema_editor):
    Page = apps.get_model("accueil", "Page")
    for fichier in sorted(DOSSIER.glob("*.txt")):
        titre, _, texte = fichier.read_text(encoding="utf-8").partition("\n")
        Page.objects.get_or_create(adresse=fichier.stem, defaults={"titre": titre, "texte": texte.strip()})


class Migration(migrations.Migration):
    dependencies = [("accueil", "0001_initial")]

    operations = [migrations.RunPython(ecrire, migrations.RunPython.noop)]
