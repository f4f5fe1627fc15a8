"""The spending function. Its text lies in members/sql under a version of its own: a change is a new file and a new migration."""

from django.db import migrations

from backoffice.kernel.sql import load_sql


class Migration(migrations.Migration):
    dependencies = [("members", "0003_identity_links_reveals_and_search")]

    operations = [
        migrations.RunSQL(load_sql("members", "credit_spend_1"), "DROP FUNCTION members_credit_spend(bigint, numeric, text, text, bytea, text, bigint, timestamptz)"),
    ]
