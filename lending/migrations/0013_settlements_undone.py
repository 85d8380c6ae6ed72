"""A settlement of proceeds that is undone is a fact of its own; a pledge knows what was refunded of its order before."""

import django.db.models.deletion
import django.db.models.expressions
from django.db import migrations, models


GUARDS = """
CREATE FUNCTION lending_check_undoing() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM lending_orderevent AS settled WHERE settled.id = NEW.undoes_id
                   AND settled.order_id = NEW.order_id AND settled.kind = 'settled' AND settled.entry_id IS NOT NULL
                   AND settled.amount_fen = NEW.amount_fen) THEN
        PERFORM lending_refuse_row('order_event_undoes_its_own', TG_TABLE_NAME);
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER lending_orderevent_undoes_its_own BEFORE INSERT ON lending_orderevent
    FOR EACH ROW WHEN (NEW.undoes_id IS NOT NULL) EXECUTE FUNCTION lending_check_undoing();
DROP TRIGGER lending_pledge_keeps_its_nature ON lending_pledge;
CREATE TRIGGER lending_pledge_keeps_its_nature
    BEFORE UPDATE OF id, loan_id, order_id, amount_fen, share_fen, refunded_before_fen, pledged_on
    ON lending_pledge FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change();
"""

# What was refunded before the order was pledged called nothing in. Nor did what was refunded after it settled, on the same day
# perhaps: but no order is pledged of which anything else was told, or something called in.
BEFORE = """
ALTER TABLE lending_pledge DISABLE TRIGGER USER;
UPDATE lending_pledge AS pledge SET refunded_before_fen = (
    SELECT coalesce(sum(event.amount_fen), 0) FROM lending_orderevent AS event
    WHERE event.order_id = pledge.order_id AND event.kind = 'refunded' AND event.recalled_fen = 0
      AND event.booked_on <= pledge.pledged_on
      AND NOT EXISTS (SELECT FROM lending_orderevent AS earlier WHERE earlier.order_id = event.order_id
                      AND earlier.id < event.id AND (earlier.kind <> 'refunded' OR earlier.recalled_fen > 0)));
ALTER TABLE lending_pledge ENABLE TRIGGER USER;
"""

# Until now a settlement was undone where its loan's fact, which is of the same entry, was.
UNDONE = """
INSERT INTO lending_orderevent (order_id, kind, reference, request_hash, amount_fen, happened_at, booked_on, to_loan_fen,
                                to_seller_fen, recalled_fen, entry_id, undoes_id, cause)
SELECT event.order_id, 'undone', undone.reference, sha256(convert_to('undone', 'UTF8')), event.amount_fen,
       undone.booked_on::timestamp AT TIME ZONE 'Asia/Shanghai', undone.booked_on, 0, 0, 0, undone.entry_id, event.id, undone.cause
FROM lending_orderevent AS event
JOIN lending_loantransaction AS fact ON fact.entry_id = event.entry_id
JOIN lending_loantransaction AS undone ON undone.reverses_id = fact.id
WHERE event.kind = 'settled'
"""


class Migration(migrations.Migration):

    dependencies = [
        ('lending', '0012_one_index_for_each_question'),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name='orderevent',
            name='order_event_once_per_reference',
        ),
        migrations.RemoveConstraint(
            model_name='orderevent',
            name='order_event_as_its_kind',
        ),
        migrations.AddField(
            model_name='orderevent',
            name='cause',
            field=models.CharField(blank=True, default='', max_length=200, verbose_name='cause'),
        ),
        migrations.AddField(
            model_name='orderevent',
            name='undoes',
            field=models.OneToOneField(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='undone_by', to='lending.orderevent'),
        ),
        migrations.AddField(
            model_name='pledge',
            name='refunded_before_fen',
            field=models.BigIntegerField(default=0, verbose_name='refunded before'),
        ),
        migrations.AlterField(
            model_name='orderevent',
            name='kind',
            field=models.CharField(choices=[('confirmed', 'confirmed'), ('settled', 'settled'), ('refunded', 'refunded'), ('undone', 'settlement taken back')], max_length=9, verbose_name='kind'),
        ),
        migrations.AddConstraint(
            model_name='orderevent',
            constraint=models.UniqueConstraint(condition=models.Q(('kind', 'undone'), _negated=True), fields=('order', 'reference'), name='order_event_once_per_reference'),
        ),
        migrations.AddConstraint(
            model_name='orderevent',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('amount_fen', 0), ('kind', 'confirmed'), ('recalled_fen', 0), ('to_loan_fen', 0), ('to_seller_fen', 0)), models.Q(('amount_fen', django.db.models.expressions.CombinedExpression(models.F('to_loan_fen'), '+', models.F('to_seller_fen'))), ('amount_fen__gt', 0), ('entry_id__isnull', False), ('kind', 'settled'), ('recalled_fen', 0), ('to_loan_fen__gte', 0), ('to_seller_fen__gte', 0)), models.Q(('amount_fen__gt', 0), ('entry_id__isnull', True), ('kind', 'settled'), ('to_loan_fen', 0), ('to_seller_fen', 0)), models.Q(('amount_fen__gt', 0), ('kind', 'refunded'), ('recalled_fen__gte', 0), ('to_loan_fen', 0), ('to_seller_fen', 0)), models.Q(('amount_fen__gt', 0), ('entry_id__isnull', False), ('kind', 'undone'), ('recalled_fen__gte', 0), ('to_loan_fen', 0), ('to_seller_fen', 0)), _connector='OR'), name='order_event_as_its_kind'),
        ),
        migrations.AddConstraint(
            model_name='orderevent',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('kind', 'undone'), ('undoes__isnull', False)), models.Q(models.Q(('kind', 'undone'), _negated=True), ('undoes__isnull', True)), _connector='OR'), name='order_event_undoes_a_settlement'),
        ),
        migrations.AddConstraint(
            model_name='pledge',
            constraint=models.CheckConstraint(condition=models.Q(('refunded_before_fen__gte', 0)), name='pledge_refunded_before_sensible'),
        ),
        migrations.RunSQL(GUARDS, migrations.RunSQL.noop),
        migrations.RunSQL(BEFORE, migrations.RunSQL.noop),
        migrations.RunSQL(UNDONE, migrations.RunSQL.noop),
    ]
