from datetime import timedelta

from django.db import migrations

TABLE, NOM = "familles_quotientfamilial", "quotient_sans_chevauchement"


def decouper(lignes):
    """(key, du, au) rows of a household that may share days → (key, du, au) that do not, every day keeping its price.

    On a day two rows hold, the one that began last sets the price (`Famille.quotient`): it wins here too.
    """
    bornes = sorted({du for _, du, _ in lignes} | {au + timedelta(days=1) for *_, au in lignes if au})
    morceaux = []
    for debut, suite in zip(bornes, [*bornes[1:], None], strict=True):
        tiennent = [x for x in lignes if x[1] <= debut and (x[2] is None or debut <= x[2])]
        if not tiennent:
            continue
        cle = max(tiennent, key=lambda x: x[1])[0]
        fin = suite - timedelta(days=1) if suite else None
        if morceaux and morceaux[-1][0] == cle and morceaux[-1][2] == debut - timedelta(days=1):
            morceaux[-1] = (cle, morceaux[-1][1], fin)
        else:
            morceaux.append((cle, debut, fin))
    return morceaux


def separer(apps, schema_editor):
    """What the portal never checked until now: periods that share days are cut, without changing a single price."""
    QuotientFamilial = apps.get_model("familles", "QuotientFamilial")
    par_famille = {}
    for q in QuotientFamilial.objects.order_by("famille", "du"):
        par_famille.setdefault(q.famille_id, []).append(q)
    for quotients in par_famille.values():
        restants = {q.pk: q for q in quotients}
        voulus = decouper([(q.pk, q.du, q.au) for q in quotients])
        if voulus == [(q.pk, q.du, q.au) for q in quotients]:
            continue
        for cle, du, au in voulus:
            q = restants.pop(cle, None)
            if q is None:
                modele = next(x for x in quotients if x.pk == cle)
                q = QuotientFamilial(famille_id=modele.famille_id, valeur=modele.valeur, saisi_le=modele.saisi_le)
            q.du, q.au = du, au
            q.save()


def poser(apps, schema_editor):
    # As in facturation 0003: no btree_gist extension to install.
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(
            f"ALTER TABLE {TABLE} ADD CONSTRAINT {NOM} EXCLUDE USING gist "
            "(int8range(famille_id, famille_id, '[]') WITH &&, daterange(du, au, '[]') WITH &&) "
            # The admin's page writes its rows one by one: only what it leaves at the end counts.
            "DEFERRABLE INITIALLY DEFERRED"
        )


def retirer(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(f"ALTER TABLE {TABLE} DROP CONSTRAINT {NOM}")


class Migration(migrations.Migration):
    # PostgreSQL alters no table whose rows the same transaction has just written: two steps, without one big one.
    atomic = False
    dependencies = [("familles", "0003_acces")]
    operations = [
        migrations.RunPython(separer, migrations.RunPython.noop, atomic=True),
        migrations.RunPython(poser, retirer, atomic=True),
    ]
