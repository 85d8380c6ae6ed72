"""What is paid and not received ends only as it is received, or once all of it was given back."""

from django.db import migrations

GUARD = """
DROP TRIGGER huabei_purchase_cancels_while_it_waits ON huabei_purchase;
CREATE TRIGGER huabei_purchase_cancels_while_it_waits BEFORE UPDATE OF captured_fen, cancelled_fen, state ON huabei_purchase
    FOR EACH ROW WHEN (NEW.cancelled_fen < OLD.cancelled_fen
        OR NEW.cancelled_fen > OLD.cancelled_fen AND (OLD.state <> 'authorised' OR NOT NEW.posts_on_receipt)
        OR NEW.posts_on_receipt AND NEW.captured_fen NOT IN (0, NEW.amount_fen - NEW.cancelled_fen)
        OR NEW.posts_on_receipt AND NEW.state IN ('voided', 'expired') AND NEW.cancelled_fen <> NEW.amount_fen)
    EXECUTE FUNCTION ledger_refuse_change();
"""


class Migration(migrations.Migration):

    dependencies = [
        ('huabei', '0025_cost_by_what_happens'),
    ]

    operations = [
        migrations.RunSQL(GUARD, migrations.RunSQL.noop),
    ]
