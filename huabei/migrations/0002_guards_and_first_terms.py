"""Facts of lines are append-only, and the product's figures from its first day."""

from datetime import date

from django.conf import settings
from django.db import migrations

FACTS = ("huabei_statement", "huabei_repayment", "huabei_refund", "huabei_accrual")

APPEND_ONLY = "".join(
    f"""
CREATE TRIGGER {table}_is_append_only BEFORE UPDATE OR DELETE ON {table}
    FOR EACH ROW EXECUTE FUNCTION ledger_refuse_change();
CREATE TRIGGER {table}_is_not_truncated BEFORE TRUNCATE ON {table}
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change();
REVOKE UPDATE, DELETE, TRUNCATE ON {table} FROM {settings.DATABASE_ROLE};
"""
    for table in FACTS
)

# A segment may be closed, once; nothing else about it changes, and none is removed. A purchase leaves `authorised` once, and
# what was captured then stays; a refund is not taken back. What a line, a purchase and a due are about never changes: those are
# guards for each statement, which cost nothing where the columns are not named.
TRANSITIONS = f"""
CREATE TRIGGER huabei_segment_only_closes BEFORE UPDATE ON huabei_segment
    FOR EACH ROW WHEN (OLD.until IS NOT NULL OR (OLD.id, OLD.line_id, OLD.kind, OLD.principal_fen, OLD.daily_rate, OLD.since,
        OLD.carried_fen) IS DISTINCT FROM (NEW.id, NEW.line_id, NEW.kind, NEW.principal_fen, NEW.daily_rate, NEW.since,
        NEW.carried_fen))
    EXECUTE FUNCTION ledger_refuse_change();
CREATE TRIGGER huabei_purchase_leaves_authorised_once BEFORE UPDATE OF state, captured_fen, posted_on ON huabei_purchase
    FOR EACH ROW WHEN (OLD.state <> 'authorised' AND (OLD.state, OLD.captured_fen, OLD.posted_on)
                                                     IS DISTINCT FROM (NEW.state, NEW.captured_fen, NEW.posted_on))
    EXECUTE FUNCTION ledger_refuse_change();
CREATE TRIGGER huabei_purchase_keeps_its_refunds BEFORE UPDATE OF refunded_fen ON huabei_purchase
    FOR EACH ROW WHEN (NEW.refunded_fen < OLD.refunded_fen) EXECUTE FUNCTION ledger_refuse_change();
CREATE TRIGGER huabei_purchase_keeps_its_nature BEFORE UPDATE OF id, line_id, merchant_id, reference, request_hash, amount_fen,
    hold_transfer_id, authorised_on, expires_on ON huabei_purchase
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change();
CREATE TRIGGER huabei_due_keeps_its_nature BEFORE UPDATE OF statement_id, line_id, due_on, minimum_fen ON huabei_due
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change();
CREATE TRIGGER huabei_line_keeps_its_nature BEFORE UPDATE OF id, uuid, customer_id, opened_on, commitment_account_id,
    unbilled_account_id, billed_account_id, interest_account_id, fee_account_id, penalty_account_id, credit_account_id
    ON huabei_line
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change();
REVOKE DELETE, TRUNCATE ON huabei_segment, huabei_purchase, huabei_line, huabei_due FROM {settings.DATABASE_ROLE};
"""

# Score from → limit in fen. Source: 500-50,000 (DOMAIN, Huabei); the steps in between are this lender's own default.
FIRST_BANDS = {
    350: 500_00, 600: 2_000_00, 620: 4_000_00, 650: 8_000_00, 680: 15_000_00, 700: 20_000_00, 750: 35_000_00,
    800: 50_000_00,
}


def first_terms(apps, schema_editor):
    terms = apps.get_model("huabei", "Terms").objects.create(effective_from=date(2000, 1, 1))
    bands = apps.get_model("huabei", "LimitBand")
    for score_from, limit_fen in FIRST_BANDS.items():
        bands.objects.create(terms=terms, score_from=score_from, limit_fen=limit_fen)


class Migration(migrations.Migration):
    dependencies = [("huabei", "0001_initial"), ("ledger", "0003_control_accounts_and_rounding")]

    operations = [
        migrations.RunSQL(APPEND_ONLY, migrations.RunSQL.noop),
        migrations.RunSQL(TRANSITIONS, migrations.RunSQL.noop),
        migrations.RunPython(first_terms, migrations.RunPython.noop),
    ]
