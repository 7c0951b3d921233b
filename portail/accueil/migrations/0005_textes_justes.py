"""The public pages' third texts (what is erased and when, cookies, agenda), where no agent has rewritten the former ones."""

from hashlib import sha256
from pathlib import Path

from django.db import migrations

DOSSIER = Path(__file__).resolve().parent.parent / "textes"
# SHA-256 of the texts the portal came with before.
AVANT = {
    "aide": {
        "3a838b442a0906ab5efa36c83a8d389b15c1ca3e1f8ec691719a2e6b6260caa1",
        "cd832ce7ea1ea746941123685d4908dfd497aee2bfd21707c9e608bef067fee8",
    },
    "donnees-personnelles": {
        "155de75b13d98234c8e074d9ae69cf3a74914f22e6c41c5c5e0f66abe5b229a5",
        "4c96fc00a00e83210caca3f9722dc6e132a72dffaadf7bcc64a3eda921a9dc81",
        "c010c94576dd03aefba9e955efc6de3adde8b1cc0d34c0efab78616e598ba15f",
        "c15f855b4d92aba314e2db5f88bd2c38d64cf5c6093cb53336b83354259c14ed",
        "eb154536599c4b0c5aa9b1d104db765a9b6e55b2476527d9fad2d4a2bbfc28d7",
    },
    "mentions-legales": {
        "090b74b1b093150b1ee9cafbcf3d8a5217f0ba64e3f9f7e8d004e611aaf8c4b1",
        "48b14a871248af3f214f66279d6fe6d887361b4f4de8623e9a624852c8347945",
    },
    "plan-du-site": {
        "150c1aea4c2256f3bc279f7bc1cc3b980466158ede8c0d94f59d26d361922450",
        "b2692d61376afc01ce79f36f7da5f4650d16354869c23cbbebb9109ee727c472",
    },
}


def ecrire(apps, schema_editor):
    Page = apps.get_model("accueil", "Page")
    for page in Page.objects.filter(adresse__in=AVANT):
        if sha256(page.texte.encode()).hexdigest() in AVANT[page.adresse]:
            fichier = DOSSIER / f"{page.adresse}.txt"
            page.texte = fichier.read_text(encoding="utf-8").partition("\n")[2].strip()
            page.save(update_fields=["texte"])


class Migration(migrations.Migration):
    dependencies = [("accueil", "0004_textes_suite")]

    operations = [migrations.RunPython(ecrire, migrations.RunPython.noop)]
