"""Old rows are held to 0011's constraints too. Reads each table once while everybody reads and writes on."""

from django.contrib.postgres.operations import ValidateConstraint
from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ('members', '0011_sound_rows'),
    ]

    operations = [
        ValidateConstraint(model_name='creditaccount', name='credit_account_not_below_zero'),
        ValidateConstraint(model_name='creditlot', name='credit_lot_is_sound'),
        ValidateConstraint(model_name='creditentry', name='credit_entry_is_sound'),
    ]
