import django.db.models.deletion
from django.db import migrations, models

TABLE, NOM = "facturation_campagne", "campagne_sans_chevauchement"


def exclure(condition: str):
    """PostgreSQL's own refusal of two campagnes of a régie on the same day, for the rows of this condition."""

    def poser(apps, schema_editor):
        if schema_editor.connection.vendor != "postgresql":
            return
        schema_editor.execute(f"ALTER TABLE {TABLE} DROP CONSTRAINT {NOM}")
        schema_editor.execute(
            f"ALTER TABLE {TABLE} ADD CONSTRAINT {NOM} EXCLUDE USING gist "
            f"(int8range(regie_id, regie_id, '[]') WITH &&, daterange(du, au, '[]') WITH &&){condition}"
        )

    return poser


class Migration(migrations.Migration):
    dependencies = [("facturation", "0004_reglement_jeton")]
    operations = [
        migrations.AddField(
            "campagne",
            "complete",
            models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="complements",
                to="facturation.campagne",
                verbose_name="complète",
            ),
        ),
        migrations.AddConstraint(
            "campagne",
            models.UniqueConstraint(
                condition=models.Q(("etat", "brouillon")),
                fields=("complete",),
                name="campagne_un_complement",
                violation_error_message="Cette campagne a déjà un complément en préparation.",
            ),
        ),
        migrations.RunPython(exclure(" WHERE (complete_id IS NULL)"), exclure("")),
    ]
