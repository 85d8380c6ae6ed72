"""Several captures of one authorisation, each with what was refunded of it."""

import django.db.models.deletion
import django.db.models.lookups
from django.conf import settings
from django.db import migrations, models

# What was captured and refunded before: one capture each, which every refund of the purchase was taken from.
FIRST = """
INSERT INTO huabei_capture (purchase_id, line_id, reference, amount_fen, refunded_fen, is_final, posted_on, hold_transfer_id,
                            entry_id)
SELECT purchase.id, line_id, '', captured_fen, refunded_fen, true, posted_on, hold_transfer_id, entry.id
FROM huabei_purchase AS purchase JOIN ledger_entry AS entry ON entry.reference = 'purchase:' || purchase.id || ':captured'
WHERE captured_fen > 0;
INSERT INTO huabei_refundshare (refund_id, capture_id, amount_fen)
SELECT refund.id, capture.id, refund.amount_fen
FROM huabei_refund AS refund JOIN huabei_capture AS capture ON capture.purchase_id = refund.purchase_id;
SET CONSTRAINTS ALL IMMEDIATE;
SET CONSTRAINTS ALL DEFERRED;
"""

# The hold that waits is another one after a capture that is not the last. What was captured stays, and so does its first day.
TRANSITIONS = f"""
DROP TRIGGER huabei_purchase_keeps_its_nature ON huabei_purchase;
CREATE TRIGGER huabei_purchase_keeps_its_nature BEFORE UPDATE OF id, line_id, merchant_id, reference, request_hash, amount_fen,
    authorised_on, expires_on ON huabei_purchase
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change();
DROP TRIGGER huabei_purchase_leaves_authorised_once ON huabei_purchase;
CREATE TRIGGER huabei_purchase_leaves_authorised_once BEFORE UPDATE OF state, captured_fen, posted_on, hold_transfer_id
    ON huabei_purchase
    FOR EACH ROW WHEN (OLD.state <> 'authorised'
        AND (OLD.state, OLD.captured_fen, OLD.posted_on, OLD.hold_transfer_id)
            IS DISTINCT FROM (NEW.state, NEW.captured_fen, NEW.posted_on, NEW.hold_transfer_id)
        AND (OLD.state, NEW.state, OLD.captured_fen, OLD.posted_on, OLD.hold_transfer_id)
            IS DISTINCT FROM ('captured', 'reversed', NEW.captured_fen, NEW.posted_on, NEW.hold_transfer_id))
    EXECUTE FUNCTION ledger_refuse_change();
CREATE TRIGGER huabei_purchase_keeps_its_captures BEFORE UPDATE OF captured_fen, posted_on, hold_transfer_id
    ON huabei_purchase
    FOR EACH ROW WHEN (NEW.captured_fen < OLD.captured_fen OR NEW.posted_on IS DISTINCT FROM OLD.posted_on AND OLD.captured_fen > 0
        OR NEW.hold_transfer_id <> OLD.hold_transfer_id AND NEW.captured_fen = OLD.captured_fen)
    EXECUTE FUNCTION ledger_refuse_change();
CREATE TRIGGER huabei_capture_keeps_its_nature BEFORE UPDATE OF id, purchase_id, line_id, reference, amount_fen, is_final,
    posted_on, hold_transfer_id, entry_id ON huabei_capture
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change();
CREATE TRIGGER huabei_capture_keeps_its_refunds BEFORE UPDATE OF refunded_fen ON huabei_capture
    FOR EACH ROW WHEN (NEW.refunded_fen < OLD.refunded_fen) EXECUTE FUNCTION ledger_refuse_change();
REVOKE DELETE, TRUNCATE ON huabei_capture FROM {settings.DATABASE_ROLE};
CREATE TRIGGER huabei_refundshare_is_append_only BEFORE UPDATE OR DELETE ON huabei_refundshare
    FOR EACH ROW EXECUTE FUNCTION ledger_refuse_change();
CREATE TRIGGER huabei_refundshare_is_not_truncated BEFORE TRUNCATE ON huabei_refundshare
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change();
REVOKE UPDATE, DELETE, TRUNCATE ON huabei_refundshare FROM {settings.DATABASE_ROLE};
"""


class Migration(migrations.Migration):

    dependencies = [
        ('huabei', '0003_corrections_and_excess'),
    ]

    operations = [
        migrations.CreateModel(
            name='Capture',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('reference', models.CharField(blank=True, max_length=64, verbose_name='reference')),
                ('amount_fen', models.BigIntegerField(verbose_name='amount')),
                ('refunded_fen', models.BigIntegerField(db_default=0, default=0, verbose_name='refunded')),
                ('is_final', models.BooleanField(verbose_name='the last one')),
                ('posted_on', models.DateField(verbose_name='posted on')),
                ('hold_transfer_id', models.BigIntegerField()),
                ('entry_id', models.BigIntegerField()),
            ],
            options={
                'verbose_name': 'capture',
                'verbose_name_plural': 'captures',
            },
        ),
        migrations.CreateModel(
            name='RefundShare',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('amount_fen', models.BigIntegerField(verbose_name='amount')),
            ],
            options={
                'verbose_name': 'share of a refund',
                'verbose_name_plural': 'shares of refunds',
            },
        ),
        migrations.RemoveConstraint(
            model_name='purchase',
            name='purchase_captured_is_posted',
        ),
        migrations.AddConstraint(
            model_name='purchase',
            constraint=models.CheckConstraint(condition=models.Q(django.db.models.lookups.Exact(django.db.models.lookups.GreaterThan(models.F('captured_fen'), 0), django.db.models.lookups.IsNull(models.F('posted_on'), False)), models.Q(('state', 'authorised'), django.db.models.lookups.Exact(django.db.models.lookups.In(models.F('state'), [models.Value('captured'), models.Value('reversed')]), django.db.models.lookups.GreaterThan(models.F('captured_fen'), 0)), _connector='OR')), name='purchase_captured_is_posted'),
        ),
        migrations.AddField(
            model_name='capture',
            name='line',
            field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='captures', to='huabei.line'),
        ),
        migrations.AddField(
            model_name='capture',
            name='purchase',
            field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='captures', to='huabei.purchase'),
        ),
        migrations.AddField(
            model_name='refundshare',
            name='capture',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='refund_shares', to='huabei.capture'),
        ),
        migrations.AddField(
            model_name='refundshare',
            name='refund',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='shares', to='huabei.refund'),
        ),
        migrations.AddIndex(
            model_name='capture',
            index=models.Index(fields=['line', 'posted_on'], name='capture_by_line'),
        ),
        migrations.AddConstraint(
            model_name='capture',
            constraint=models.UniqueConstraint(fields=('purchase', 'reference'), name='capture_once_per_reference'),
        ),
        migrations.AddConstraint(
            model_name='capture',
            constraint=models.CheckConstraint(condition=models.Q(('amount_fen__gt', 0), ('refunded_fen__gte', 0), ('refunded_fen__lte', models.F('amount_fen'))), name='capture_refunded_within_amount'),
        ),
        migrations.AddConstraint(
            model_name='refundshare',
            constraint=models.UniqueConstraint(fields=('refund', 'capture'), name='refund_share_once_per_capture'),
        ),
        migrations.AddConstraint(
            model_name='refundshare',
            constraint=models.CheckConstraint(condition=models.Q(('amount_fen__gt', 0)), name='refund_share_positive'),
        ),
        migrations.RunSQL(FIRST),
        migrations.RunSQL(TRANSITIONS),
    ]
