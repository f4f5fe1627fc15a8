"""Buyers out of the order lines of before, and a push account for every store. Reads beside running work, blocks nobody.

Code of before, where it still runs, writes order lines without their buyers: once it has stopped, `manage.py push_accounts --recount` mends
them (docs/operations.md). Both statements may run twice.
"""

from django.conf import settings
from django.db import migrations

from backoffice.kernel.sql import load_sql


def fill(apps, schema_editor):
    with schema_editor.connection.cursor() as cursor:
        cursor.execute(load_sql("members", "buyers_fill"), {"zone": settings.TIME_ZONE})
        cursor.execute(load_sql("members", "push_accounts_open"))


class Migration(migrations.Migration):
    dependencies = [
        ("members", "0016_order_lines_of_people"),
    ]

    operations = [
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
