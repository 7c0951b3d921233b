from django.db import migrations

from portail.socle.declencheurs import figer


class Migration(migrations.Migration):
    dependencies = [("enfants", "0001_initial")]
    operations = [figer("enfants_reservationevenement")]
