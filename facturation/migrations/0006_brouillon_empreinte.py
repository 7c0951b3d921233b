from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("facturation", "0005_campagne_complete")]
    operations = [
        migrations.AddField(
            "brouillon",
            "empreinte",
            models.CharField(
                blank=True,
                default="",
                max_length=64,
                verbose_name="empreinte de ce qu’il facture",
            ),
        ),
    ]
