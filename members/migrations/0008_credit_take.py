"""The taking function (spend and hold) in place of the spending one, and the guard over refunds. A change of the function is a new file and a new migration."""

import pgtrigger.compiler
import pgtrigger.migrations
from django.conf import settings
from django.db import migrations, models

from backoffice.kernel.sql import load_sql


class Migration(migrations.Migration):

    dependencies = [
        ('members', '0007_credit_complete'),
        ('tenancy', '0001_initial'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name='credithold',
            name='deduction_order',
            field=models.CharField(choices=[('PERCENT', 'Principal and bonus in proportion'), ('REAL_BEFORE_GIFT', 'Principal first'), ('GIFT_BEFORE_REAL', 'Bonus first')], default='PERCENT', editable=False, max_length=16, verbose_name='deduction order inside a lot'),
        ),
        migrations.AddIndex(
            model_name='creditentry',
            index=models.Index(condition=models.Q(('kind__in', ['SPEND', 'CAPTURE'])), fields=['store', 'order_no'], name='credit_entry_of_order'),
        ),
        migrations.RunSQL(
            "DROP FUNCTION members_credit_spend(bigint, numeric, text, text, bytea, text, bigint, timestamptz)", load_sql("members", "credit_spend_1")
        ),
        migrations.RunSQL(
            load_sql("members", "credit_take_1"),
            "DROP FUNCTION members_credit_take(text, bigint, numeric, text, text, bytea, text, integer[], numeric[], bigint, timestamptz)",
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='creditentry',
            trigger=pgtrigger.compiler.Trigger(name='refund_within_taken', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (NEW."kind" = \'REFUND\' AND NEW."refund_of_id" IS NOT NULL)', declare='DECLARE v_taken record; v_given record;', func="\n    SELECT e.store_id, e.account_id, e.order_no, e.line_no,\n           CASE e.kind WHEN 'SPEND' THEN -e.principal_amount WHEN 'CAPTURE' THEN e.captured_principal END AS principal,\n           CASE e.kind WHEN 'SPEND' THEN -e.bonus_amount WHEN 'CAPTURE' THEN e.captured_bonus END AS bonus\n    INTO v_taken FROM members_creditentry e WHERE e.id = NEW.refund_of_id FOR NO KEY UPDATE;\n    SELECT coalesce(sum(e.principal_amount), 0) AS principal, coalesce(sum(e.bonus_amount), 0) AS bonus\n    INTO v_given FROM members_creditentry e WHERE e.refund_of_id = NEW.refund_of_id;\n    IF v_taken.principal IS NULL\n       OR v_given.principal + NEW.principal_amount > v_taken.principal OR v_given.bonus + NEW.bonus_amount > v_taken.bonus THEN\n        RAISE EXCEPTION USING ERRCODE = 'check_violation', CONSTRAINT = 'credit_entry_refund_within_taken', TABLE = 'members_creditentry',\n            MESSAGE = 'credit_entry_refund_within_taken: more would be given back than entry ' || NEW.refund_of_id || ' took';\n    END IF;\n    IF (v_taken.store_id, v_taken.account_id, v_taken.order_no) IS DISTINCT FROM (NEW.store_id, NEW.account_id, NEW.order_no)\n       OR v_taken.line_no IS DISTINCT FROM NEW.line_no\n       OR NOT EXISTS (SELECT FROM members_creditlot l WHERE l.id = NEW.lot_id AND l.account_id = NEW.account_id AND l.store_id = NEW.store_id) THEN\n        RAISE EXCEPTION USING ERRCODE = 'check_violation', CONSTRAINT = 'credit_entry_refund_of_same_order', TABLE = 'members_creditentry',\n            MESSAGE = 'credit_entry_refund_of_same_order: a refund of entry ' || NEW.refund_of_id || ' names another account, lot or order';\n    END IF;\n    RETURN NEW;\n", hash='4e0a118df2e41d94a0b95b219a7a2fd1efcceb7a', operation='INSERT', pgid='pgtrigger_refund_within_taken_1fbf3', table='members_creditentry', when='BEFORE')),
        ),
    ]
