"""Constraints of the ledger in few words (ADR 0031), beside the ones of before. NOT VALID: nobody waits while old rows are looked at, 0012 does that.

Code of before runs on: the new constraints ask the same as the old ones.
"""

from decimal import Decimal

from django.contrib.postgres.operations import AddConstraintNotValid
from django.db import migrations, models
from django.db.models.functions import Least
from django.db.models.lookups import GreaterThan, GreaterThanOrEqual

from backoffice.kernel.sql import load_sql

SOUND = "members_credit_entry_is_sound(varchar, numeric, numeric, numeric, smallint, integer, numeric, numeric, bigint, bigint)"


class Migration(migrations.Migration):

    dependencies = [
        ('members', '0010_spends_leave_indexes_alone'),
    ]

    operations = [
        migrations.RunSQL(load_sql("members", "credit_entry_is_sound_1"), f"DROP FUNCTION {SOUND}"),
        AddConstraintNotValid(
            model_name='creditaccount',
            constraint=models.CheckConstraint(condition=GreaterThanOrEqual(Least('balance', 'held'), Decimal('0.00')), name='credit_account_not_below_zero'),
        ),
        AddConstraintNotValid(
            model_name='creditlot',
            constraint=models.CheckConstraint(
                condition=models.Q(
                    GreaterThanOrEqual(
                        Least(
                            'principal_left',
                            'bonus_left',
                            models.F('principal_amount') - models.F('principal_left'),
                            models.F('bonus_amount') - models.F('bonus_left'),
                        ),
                        Decimal('0.00'),
                    ),
                    GreaterThan(models.F('principal_amount') + models.F('bonus_amount'), Decimal('0.00')),
                    expires_at__gt=models.F('opened_at'),
                ),
                name='credit_lot_is_sound',
            ),
        ),
        AddConstraintNotValid(
            model_name='creditentry',
            constraint=models.CheckConstraint(
                condition=models.Func(
                    'kind',
                    'principal_amount',
                    'bonus_amount',
                    'balance_after',
                    'seq',
                    'line_no',
                    'captured_principal',
                    'captured_bonus',
                    'hold',
                    'refund_of',
                    function='members_credit_entry_is_sound',
                    output_field=models.BooleanField(),
                ),
                name='credit_entry_is_sound',
            ),
        ),
    ]
