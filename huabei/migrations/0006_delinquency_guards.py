"""Lateness and classification are only ended, their rules never change; the first rules; what a day brought is found by its day."""

from datetime import date

from django.conf import settings
from django.db import migrations

RULES = ("huabei_classificationband", "huabei_reminderday")
STRETCHES = {
    "huabei_arrears": ("id", "line_id", "began_on", "since", "oldest_due_on", "overdue_fen"),
    "huabei_classification": (
        "id", "line_id", "category", "since", "days_past_due", "rule_from", "recorded_at",
    ),
}

GUARDS = "".join(
    f"""
CREATE TRIGGER {table}_is_append_only BEFORE UPDATE OR DELETE ON {table}
    FOR EACH ROW EXECUTE FUNCTION ledger_refuse_change();
CREATE TRIGGER {table}_is_not_truncated BEFORE TRUNCATE ON {table}
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change();
REVOKE UPDATE, DELETE, TRUNCATE ON {table} FROM {settings.DATABASE_ROLE};
"""
    for table in RULES
) + "".join(
    f"""
CREATE TRIGGER {table}_only_ends BEFORE UPDATE ON {table}
    FOR EACH ROW WHEN (OLD.until IS NOT NULL OR NEW.until IS NULL
        OR ({", ".join(f"OLD.{c}" for c in columns)}) IS DISTINCT FROM ({", ".join(f"NEW.{c}" for c in columns)}))
    EXECUTE FUNCTION ledger_refuse_change();
CREATE TRIGGER {table}_is_not_deleted BEFORE DELETE ON {table}
    FOR EACH ROW EXECUTE FUNCTION ledger_refuse_change();
CREATE TRIGGER {table}_is_not_truncated BEFORE TRUNCATE ON {table}
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change();
REVOKE DELETE, TRUNCATE ON {table} FROM {settings.DATABASE_ROLE};
"""
    for table, columns in STRETCHES.items()
)

# Facts are written in the order of their days, so these cost next to nothing to keep, and a day's are found without the rest.
BY_DAY = """
CREATE INDEX huabei_statement_by_day ON huabei_statement USING brin (issued_on) WITH (pages_per_range = 16, autosummarize = on);
CREATE INDEX huabei_repayment_by_day ON huabei_repayment USING brin (received_on)
    WITH (pages_per_range = 16, autosummarize = on);
CREATE INDEX huabei_refund_by_day ON huabei_refund USING brin (refunded_on) WITH (pages_per_range = 16, autosummarize = on);
"""
NOT_BY_DAY = "DROP INDEX huabei_statement_by_day, huabei_repayment_by_day, huabei_refund_by_day"

# Days past due of card-like lending. Source: DOMAIN, lender rules.
FIRST_BANDS = {"attention": 1, "substandard": 91, "doubtful": 121, "loss": 181}
FIRST_REMINDERS = (-3, -1, 1, 7, 30, 60)


def first_rules(apps, schema_editor):
    since = date(2000, 1, 1)
    bands = apps.get_model("huabei", "ClassificationBand").objects
    for category, first_day in FIRST_BANDS.items():
        bands.create(effective_from=since, category=category, first_day=first_day)
    for days in FIRST_REMINDERS:
        apps.get_model("huabei", "ReminderDay").objects.create(effective_from=since, days=days)


class Migration(migrations.Migration):
    dependencies = [("huabei", "0005_delinquency")]

    operations = [
        migrations.RunPython(first_rules, migrations.RunPython.noop),
        migrations.RunSQL(GUARDS, migrations.RunSQL.noop),
        migrations.RunSQL(BY_DAY, NOT_BY_DAY),
    ]
