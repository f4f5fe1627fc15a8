import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("members", "0013_lean_spends"),
        ("tenancy", "0002_merchant_bars"),
    ]

    operations = [
        migrations.CreateModel(
            name="LevelChange",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("changed_at", models.DateTimeField(verbose_name="changed")),
                (
                    "from_level",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="members.level",
                        verbose_name="from",
                    ),
                ),
                (
                    "member",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="level_changes",
                        to="members.member",
                        verbose_name="member",
                    ),
                ),
                (
                    "store",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="tenancy.store",
                        verbose_name="store",
                    ),
                ),
                (
                    "to_level",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="members.level",
                        verbose_name="to",
                    ),
                ),
            ],
            options={
                "verbose_name": "change of a level",
                "verbose_name_plural": "changes of levels",
                "indexes": [models.Index(fields=["store", "changed_at"], name="level_change_of_store")],
            },
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="member",
            trigger=pgtrigger.compiler.Trigger(
                name="tell_of_level",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition='WHEN (OLD."level_id" IS DISTINCT FROM (NEW."level_id"))',
                    func="INSERT INTO members_levelchange (store_id, member_id, from_level_id, to_level_id, changed_at) VALUES (NEW.store_id, NEW.id, OLD.level_id, NEW.level_id, NEW.updated_at); RETURN NULL;",
                    hash="c9c2249862c08a84f3c27c390169f02f8ebb93ed",
                    operation='UPDATE OF "level_id"',
                    pgid="pgtrigger_tell_of_level_c2db7",
                    table="members_member",
                    when="AFTER",
                ),
            ),
        ),
    ]
