"""Each booking remembers the places it took; those already booked hold what they would take today."""

import django.core.validators
from django.db import migrations, models

from enfants.regles import dans_les_bornes

OCCUPANTS = ("demandee", "reservee", "absence_demandee", "absent_facture")
LOT = 500


def _age(naissance, jour) -> int:
    return jour.year - naissance.year - ((jour.month, jour.day) < (naissance.month, naissance.day))


def remplir(apps, schema_editor):
    jauges = {}
    for jauge in apps.get_model("enfants", "Jauge").objects.prefetch_related("prestations"):
        for prestation in jauge.prestations.all():
            jauges.setdefault(prestation.pk, []).append(jauge)
    niveaux = {}
    scolarites = apps.get_model("enfants", "Scolarite").objects.select_related("annee").order_by("pk")
    for s in scolarites:
        niveaux.setdefault(s.enfant_id, []).append((s.annee.debut, s.annee.fin, s.niveau))
    Reservation = apps.get_model("enfants", "Reservation")
    lignes = Reservation.objects.filter(etat__in=OCCUPANTS, prestation__in=jauges).select_related("enfant")
    lot = []
    for r in lignes.order_by("pk").iterator(LOT):
        niveau = next((n for du, au, n in niveaux.get(r.enfant_id, ()) if du <= r.jour <= au), "")
        age = _age(r.enfant.naissance, r.jour)
        r.places = [j.pk for j in jauges[r.prestation_id] if dans_les_bornes(age, niveau, j)]
        lot.append(r)
    Reservation.objects.bulk_update(lot, ["places"], batch_size=LOT)


class Migration(migrations.Migration):
    dependencies = [
        ("enfants", "0002_figer"),
    ]

    operations = [
        migrations.AddField(
            model_name="reservation",
            name="places",
            field=models.JSONField(blank=True, default=list, editable=False, verbose_name="places prises"),
        ),
        migrations.AlterField(
            model_name="limite",
            name="nombre",
            field=models.PositiveSmallIntegerField(
                default=0, validators=[django.core.validators.MaxValueValidator(60)], verbose_name="nombre"
            ),
        ),
        migrations.RunPython(remplir, migrations.RunPython.noop, elidable=True),
    ]
