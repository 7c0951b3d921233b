from django.db import migrations

from portail.socle.declencheurs import figer_un_an


class Migration(migrations.Migration):
    dependencies = [("socle", "0002_figer")]
    operations = [figer_un_an("socle_trace", "quand")]
