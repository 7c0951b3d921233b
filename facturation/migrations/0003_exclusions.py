from django.db import migrations

# What the forms check under a lock, PostgreSQL refuses by itself: two rows of one parent on the same day.
# int8range(x, x, '[]') instead of x WITH = : no btree_gist extension to install.
EXCLUSIONS = [
    ("facturation_regieprestation", "prestation_id", "regie_prestation_sans_chevauchement"),
    ("facturation_tarif", "lien_id", "tarif_sans_chevauchement"),
    ("facturation_campagne", "regie_id", "campagne_sans_chevauchement"),
]


def poser(apps, schema_editor):
    if schema_editor.connection.vendor != "postgresql":
        return
    for table, parent, nom in EXCLUSIONS:
        schema_editor.execute(
            f"ALTER TABLE {table} ADD CONSTRAINT {nom} EXCLUDE USING gist "
            f"(int8range({parent}, {parent}, '[]') WITH &&, daterange(du, au, '[]') WITH &&)"
        )


def retirer(apps, schema_editor):
    if schema_editor.connection.vendor != "postgresql":
        return
    for table, _, nom in EXCLUSIONS:
        schema_editor.execute(f"ALTER TABLE {table} DROP CONSTRAINT {nom}")


class Migration(migrations.Migration):
    dependencies = [("facturation", "0002_figer")]
    operations = [migrations.RunPython(poser, retirer)]
