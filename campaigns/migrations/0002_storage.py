"""Room in the pages of the tables whose rows change often: leases, counters, clocks."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0001_initial")]

    operations = [
        migrations.RunSQL(
            """
            ALTER TABLE campaigns_message SET (fillfactor = 80);
            ALTER TABLE campaigns_storedaycounter SET (fillfactor = 80);
            ALTER TABLE campaigns_persondaycounter SET (fillfactor = 80);
            """,
            """
            ALTER TABLE campaigns_message RESET (fillfactor);
            ALTER TABLE campaigns_storedaycounter RESET (fillfactor);
            ALTER TABLE campaigns_persondaycounter RESET (fillfactor);
            """,
        ),
    ]
