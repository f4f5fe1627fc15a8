import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

# Which stores the uploader covered is not known of older imports: merchants do not reach those without a store any more.
WHO = """
    UPDATE files_importjob AS j SET handed_in_by_id = e.actor_id
    FROM audit_auditevent AS e WHERE e.verb = 'import.handed_in' AND e.target_type = 'files.importjob' AND e.target_id = j.id
"""


class Migration(migrations.Migration):
    dependencies = [
        ("files", "0002_resend_of"),
        ("audit", "0001_initial"),
        ("tenancy", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="importjob",
            name="handed_in_by",
            field=models.ForeignKey(
                editable=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL, verbose_name="handed in by"
            ),
        ),
        migrations.AddField(
            model_name="importjob",
            name="uploader_stores",
            field=django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), editable=False, null=True, size=None),
        ),
        migrations.AddIndex(
            model_name="importjob",
            index=models.Index(condition=models.Q(("apply_when_clean", True), ("status", "CHECKED")), fields=["id"], name="import_goes_on"),
        ),
        migrations.RunSQL(WHO, migrations.RunSQL.noop),
    ]
