"""Order lines by person, for counting what buyers bought; built beside running work."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("members", "0015_push_accounts"),
    ]

    operations = [
        AddIndexConcurrently(
            model_name="orderline",
            index=models.Index(fields=["person", "store"], name="order_line_of_person"),
        ),
    ]
