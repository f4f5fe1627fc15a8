"""Notices after payment: their own index of what waits, and the note that a worker was woken."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('campaigns', '0006_message_keys_by_day'),
        ('members', '0008_credit_take'),
        ('tenancy', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='WakeUp',
            fields=[
                ('store', models.OneToOneField(db_constraint=False, on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='+', serialize=False, to='tenancy.store')),
                ('asked_at', models.DateTimeField(null=True)),
            ],
            options={
                'verbose_name': 'wake-up',
                'verbose_name_plural': 'wake-ups',
            },
        ),
        # Only a hint, written after every payment: no WAL, and a page that its updates stay on.
        migrations.RunSQL(
            "ALTER TABLE campaigns_wakeup SET UNLOGGED; ALTER TABLE campaigns_wakeup SET (fillfactor = 10)",
            "ALTER TABLE campaigns_wakeup RESET (fillfactor); ALTER TABLE campaigns_wakeup SET LOGGED",
        ),
        migrations.AddIndex(
            model_name='message',
            index=models.Index(condition=models.Q(('scenario__in', ('AFTER_PAYMENT',)), ('status', 'PENDING')), fields=['store', 'id'], name='message_at_once'),
        ),
    ]
