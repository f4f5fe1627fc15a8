"""The constraints that 0011's say again go, and the taking function asks for one lot at a time in the order of the index (ADR 0031).

Code of before runs on: function and columns are called what they were.
"""

from django.db import migrations, models

from backoffice.kernel.sql import load_sql


class Migration(migrations.Migration):

    dependencies = [
        ('members', '0012_sound_rows_of_before'),
    ]

    operations = [
        migrations.RemoveConstraint(model_name='creditaccount', name='credit_account_never_negative'),
        migrations.RemoveConstraint(model_name='creditlot', name='credit_lot_holds_something'),
        migrations.RemoveConstraint(model_name='creditlot', name='credit_lot_left_within_amounts'),
        migrations.RemoveConstraint(model_name='creditlot', name='credit_lot_expires_after_opening'),
        migrations.RemoveConstraint(model_name='creditentry', name='credit_entry_balance_not_negative'),
        migrations.RemoveConstraint(model_name='creditentry', name='credit_entry_sign_fits_kind'),
        migrations.RemoveConstraint(model_name='creditentry', name='credit_entry_capture_tells_what'),
        migrations.RemoveConstraint(model_name='creditentry', name='credit_entry_refund_names_its_spend'),
        migrations.RemoveConstraint(model_name='creditentry', name='credit_entry_hold_moves_name_it'),
        # From the positive kinds of these fields, each with a constraint of its own.
        migrations.AlterField(
            model_name='creditentry',
            name='line_no',
            field=models.IntegerField(blank=True, null=True, verbose_name='line'),
        ),
        migrations.AlterField(
            model_name='creditentry',
            name='seq',
            field=models.SmallIntegerField(default=1, verbose_name='part'),
        ),
        migrations.RunSQL(load_sql("members", "credit_take_3"), load_sql("members", "credit_take_2")),
    ]
