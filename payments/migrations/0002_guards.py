"""Facts of payments are append-only; an order goes the ways of its table, an attempt closes once, a source is removed once."""

from django.conf import settings
from django.db import migrations

from payments.states import transitions_in_sql

FACTS = ("payments_sourceevent", "payments_autopaychoice")
KEPT = ("payments_fundingsource", "payments_paymentorder", "payments_paymentattempt")

APPEND_ONLY = "".join(
    f"""
CREATE TRIGGER {table}_is_append_only BEFORE UPDATE OR DELETE ON {table}
    FOR EACH ROW EXECUTE FUNCTION ledger_refuse_change();
CREATE TRIGGER {table}_is_not_truncated BEFORE TRUNCATE ON {table}
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change();
REVOKE UPDATE, DELETE, TRUNCATE ON {table} FROM {settings.DATABASE_ROLE};
"""
    for table in FACTS
) + "".join(
    f"""
CREATE TRIGGER {table}_is_not_deleted BEFORE DELETE ON {table}
    FOR EACH ROW EXECUTE FUNCTION ledger_refuse_change();
CREATE TRIGGER {table}_is_not_truncated BEFORE TRUNCATE ON {table}
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change();
REVOKE DELETE, TRUNCATE ON {table} FROM {settings.DATABASE_ROLE};
"""
    for table in KEPT
)

# The pairs of states are those of payments.states. What an order asks for never changes, and an order that has ended stays as
# it ended. An attempt is answered once, and told to its product once.
TRANSITIONS = f"""
CREATE TRIGGER payments_paymentorder_goes_its_ways BEFORE UPDATE OF state ON payments_paymentorder
    FOR EACH ROW WHEN (OLD.state <> NEW.state AND (OLD.state, NEW.state) NOT IN ({transitions_in_sql()}))
    EXECUTE FUNCTION ledger_refuse_change();
CREATE TRIGGER payments_paymentorder_stays_ended BEFORE UPDATE OF state, confirmed_fen, ended_on ON payments_paymentorder
    FOR EACH ROW WHEN (OLD.ended_on IS NOT NULL AND (OLD.confirmed_fen, OLD.ended_on)
                                                    IS DISTINCT FROM (NEW.confirmed_fen, NEW.ended_on)
                       OR NEW.confirmed_fen < OLD.confirmed_fen)
    EXECUTE FUNCTION ledger_refuse_change();
CREATE TRIGGER payments_paymentorder_keeps_its_nature BEFORE UPDATE OF id, uuid, direction, owner, purpose, subject, reference,
    request_hash, amount_fen, source_id, ordered_on ON payments_paymentorder
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change();
CREATE TRIGGER payments_paymentattempt_is_answered_once BEFORE UPDATE OF state, moved_fen, moved_on, reason, answered_on
    ON payments_paymentattempt
    FOR EACH ROW WHEN (OLD.state <> 'asked' AND (OLD.state, OLD.moved_fen, OLD.moved_on, OLD.reason, OLD.answered_on)
        IS DISTINCT FROM (NEW.state, NEW.moved_fen, NEW.moved_on, NEW.reason, NEW.answered_on))
    EXECUTE FUNCTION ledger_refuse_change();
CREATE TRIGGER payments_paymentattempt_is_settled_once BEFORE UPDATE OF settled_on ON payments_paymentattempt
    FOR EACH ROW WHEN (OLD.settled_on IS NOT NULL AND NEW.settled_on IS DISTINCT FROM OLD.settled_on)
    EXECUTE FUNCTION ledger_refuse_change();
CREATE TRIGGER payments_paymentattempt_keeps_its_nature BEFORE UPDATE OF id, order_id, source_id, reference, amount_fen, asked_on
    ON payments_paymentattempt
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change();
CREATE TRIGGER payments_fundingsource_is_removed_once BEFORE UPDATE OF removed_on ON payments_fundingsource
    FOR EACH ROW WHEN (OLD.removed_on IS NOT NULL AND NEW.removed_on IS DISTINCT FROM OLD.removed_on)
    EXECUTE FUNCTION ledger_refuse_change();
CREATE TRIGGER payments_fundingsource_keeps_its_nature BEFORE UPDATE OF id, uuid, owner, kind, token, added_on
    ON payments_fundingsource
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change();
"""


class Migration(migrations.Migration):
    dependencies = [("payments", "0001_initial"), ("ledger", "0003_control_accounts_and_rounding")]

    operations = [
        migrations.RunSQL(APPEND_ONLY, migrations.RunSQL.noop),
        migrations.RunSQL(TRANSITIONS, migrations.RunSQL.noop),
    ]
