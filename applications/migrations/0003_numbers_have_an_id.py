"""Business numbers get a number of their own, so that the audit can point to them. Nobody had changed one yet: the table is made anew."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import applications.choices


class Migration(migrations.Migration):
    dependencies = [("applications", "0002_working_calendar"), migrations.swappable_dependency(settings.AUTH_USER_MODEL)]

    operations = [
        migrations.DeleteModel("RuleNumber"),
        migrations.CreateModel(
            name="RuleNumber",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "code",
                    models.CharField(
                        choices=[(code, number.meaning) for code, number in applications.choices.NUMBERS.items()],
                        max_length=32,
                        unique=True,
                        verbose_name="code",
                    ),
                ),
                ("value", models.PositiveIntegerField(verbose_name="value")),
                ("changed_at", models.DateTimeField(verbose_name="changed")),
                (
                    "changed_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="changed by",
                    ),
                ),
            ],
            options={"verbose_name": "business number", "verbose_name_plural": "business numbers"},
        ),
    ]
