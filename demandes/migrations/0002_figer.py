from django.db import migrations

from portail.socle.declencheurs import figer


class Migration(migrations.Migration):
    dependencies = [("demandes", "0001_initial")]
    operations = [figer("demandes_demandeevenement")]
