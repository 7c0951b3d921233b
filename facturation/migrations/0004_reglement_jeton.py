from django.db import migrations, models

from portail.socle.declencheurs import figer


class Migration(migrations.Migration):
    dependencies = [("facturation", "0003_exclusions")]
    operations = [
        migrations.AddField(
            "reglement",
            "jeton",
            models.UUIDField("jeton de saisie", null=True, blank=True, unique=True, editable=False),
        ),
        # SQLite rebuilds the table for a unique column: its triggers are put back.
        figer("facturation_reglement"),
    ]
