import uuid

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accueil", "0002_textes"),
        ("familles", "0001_initial"),
        ("socle", "0002_figer"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        # Without a default first: the rows that exist stay empty, hence not new.
        migrations.AddField("information", "cree_le", models.DateTimeField("créée le", editable=False, null=True)),
        migrations.AlterField(
            "information",
            "cree_le",
            models.DateTimeField(
                "créée le", default=django.utils.timezone.now, editable=False, null=True
            ),
        ),
        migrations.AddField("formulaire", "cree_le", models.DateTimeField("créé le", editable=False, null=True)),
        migrations.AlterField(
            "formulaire",
            "cree_le",
            models.DateTimeField("créé le", default=django.utils.timezone.now, editable=False, null=True),
        ),
        migrations.CreateModel(
            name="Visite",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "page",
                    models.CharField(
                        choices=[
                            ("accueil", "Accueil"),
                            ("infos", "Infos./Documents"),
                            ("formulaires", "Formulaires"),
                        ],
                        max_length=12,
                        verbose_name="page",
                    ),
                ),
                ("vue_le", models.DateTimeField(verbose_name="vue le")),
                ("precedente_le", models.DateTimeField(blank=True, null=True, verbose_name="visite d’avant")),
                (
                    "famille",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="familles.famille"
                    ),
                ),
                (
                    "utilisateur",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="personne",
                    ),
                ),
            ],
            options={
                "verbose_name": "visite",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("utilisateur", "famille", "page"),
                        name="visite_une",
                        violation_error_message="Cette visite existe déjà.",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="ExportDonnees",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                (
                    "demande_le",
                    models.DateTimeField(default=django.utils.timezone.now, verbose_name="demandée le"),
                ),
                (
                    "etat",
                    models.CharField(
                        choices=[
                            ("en_preparation", "En préparation"),
                            ("pret", "Prête"),
                            ("echec", "Échec"),
                            ("efface", "Effacée"),
                        ],
                        default="en_preparation",
                        max_length=16,
                        verbose_name="état",
                    ),
                ),
                ("pris_le", models.DateTimeField(blank=True, null=True, verbose_name="prise en main le")),
                ("essais", models.PositiveSmallIntegerField(default=0, verbose_name="essais")),
                ("pret_le", models.DateTimeField(blank=True, null=True, verbose_name="prête le")),
                ("expire_le", models.DateTimeField(blank=True, null=True, verbose_name="valable jusqu’au")),
                (
                    "demande_par",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="demandée par",
                    ),
                ),
                (
                    "famille",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="exports",
                        to="familles.famille",
                    ),
                ),
                (
                    "fichier",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="socle.fichier",
                        verbose_name="fichier",
                    ),
                ),
            ],
            options={
                "verbose_name": "copie des données d’une famille",
                "verbose_name_plural": "copies des données des familles",
                "ordering": ["-demande_le", "-pk"],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("etat", "en_preparation")),
                        fields=("famille",),
                        name="export_un_a_la_fois",
                        violation_error_message="Une copie est déjà en préparation.",
                    )
                ],
            },
        ),
    ]
