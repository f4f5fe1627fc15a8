"""Indexes ask a column that seldom changes, so that a spend is a HOT update (ADR 0031), and the taking function has a short way for the usual case.

Both tables are rewritten under an exclusive lock, a few seconds a million lots: docs/operations.md. Code of before runs on with it.
"""

from django.db import migrations, models

from backoffice.kernel.sql import load_sql

FUNCTION = "members_credit_take(text, bigint, numeric, text, text, bytea, text, integer[], numeric[], bigint, timestamptz)"


class Migration(migrations.Migration):

    dependencies = [
        ('members', '0009_lot_origin'),
        ('tenancy', '0001_initial'),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name='creditaccount',
            name='credit_account_with_balance',
        ),
        migrations.RemoveIndex(
            model_name='creditlot',
            name='credit_lot_spending_order',
        ),
        migrations.RemoveIndex(
            model_name='creditlot',
            name='credit_lot_to_sweep',
        ),
        migrations.AddField(
            model_name='creditaccount',
            name='has_balance',
            field=models.GeneratedField(db_persist=True, expression=models.Q(('balance__gt', 0)), output_field=models.BooleanField()),
        ),
        migrations.AddField(
            model_name='creditlot',
            name='has_left',
            field=models.GeneratedField(db_persist=True, expression=models.Q(('principal_left__gt', 0), ('bonus_left__gt', 0), _connector='OR'), output_field=models.BooleanField()),
        ),
        migrations.AddIndex(
            model_name='creditaccount',
            index=models.Index(condition=models.Q(('has_balance', True)), fields=['store', 'member'], name='credit_account_with_balance'),
        ),
        migrations.AddIndex(
            model_name='creditlot',
            index=models.Index(condition=models.Q(('has_left', True)), fields=['account', 'expires_at', 'opened_at', 'id'], name='credit_lot_spending_order'),
        ),
        migrations.AddIndex(
            model_name='creditlot',
            index=models.Index(condition=models.Q(('expires_at__isnull', False), ('has_left', True)), fields=['expires_at', 'account'], name='credit_lot_to_sweep'),
        ),
        migrations.RunSQL(load_sql("members", "credit_take_2"), [f"DROP FUNCTION {FUNCTION}", load_sql("members", "credit_take_1")]),
    ]
