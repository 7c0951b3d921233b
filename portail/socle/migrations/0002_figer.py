from django.db import migrations

from portail.socle.declencheurs import figer


class Migration(migrations.Migration):
    dependencies = [("socle", "0001_initial")]
    operations = [figer("socle_trace")]
