from django.db import migrations

from portail.socle.declencheurs import figer


class Migration(migrations.Migration):
    dependencies = [("facturation", "0001_initial")]
    operations = [
        figer(
            "facturation_facture",
            "facturation_lignefacture",
            "facturation_reglement",
            "facturation_imputation",
        )
    ]
