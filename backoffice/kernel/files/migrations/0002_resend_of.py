from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("files", "0001_initial")]

    operations = [
        migrations.AddField(
            model_name="importjob",
            name="resend_of",
            field=models.ForeignKey(
                blank=True, null=True, on_delete=models.PROTECT, related_name="resends", to="files.importjob", verbose_name="mended rows of"
            ),
        ),
        migrations.AddField(
            model_name="importjob",
            name="apply_when_clean",
            field=models.BooleanField(
                default=False,
                help_text="Chosen with the file: a dry run without a bad or conflicting row is followed by the import.",
                verbose_name="import at once when no row is bad",
            ),
        ),
    ]
