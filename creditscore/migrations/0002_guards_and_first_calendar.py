"""Observations, outcomes and published scores are append-only, a model changes nothing but its state; scores come on the 6th."""

from datetime import date

from django.conf import settings
from django.db import migrations

ROLE = settings.DATABASE_ROLE
FACTS = ("creditscore_accountmonth", "creditscore_outcome", "creditscore_score")

APPEND_ONLY = "".join(
    f"""
CREATE TRIGGER {table}_is_append_only BEFORE UPDATE OR DELETE ON {table}
    FOR EACH ROW EXECUTE FUNCTION ledger_refuse_change();
CREATE TRIGGER {table}_is_not_truncated BEFORE TRUNCATE ON {table}
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change();
REVOKE UPDATE, DELETE, TRUNCATE ON {table} FROM {ROLE};
"""
    for table in FACTS
)

# What a model is never changes and it is never removed, since scores are explained by it. It does not come back from retirement
# as a challenger, and a champion is not demoted to one.
MODELS = f"""
CREATE TRIGGER creditscore_model_keeps_its_nature BEFORE UPDATE ON creditscore_modelversion
    FOR EACH ROW WHEN ((OLD.id, OLD.sha256, OLD.booster, OLD.document, OLD.metrics, OLD.as_of, OLD.trained_at)
                       IS DISTINCT FROM
                       (NEW.id, NEW.sha256, NEW.booster, NEW.document, NEW.metrics, NEW.as_of, NEW.trained_at)
                       OR (OLD.state <> NEW.state AND NEW.state = 'challenger'))
    EXECUTE FUNCTION ledger_refuse_change();
CREATE TRIGGER creditscore_model_is_not_deleted BEFORE DELETE ON creditscore_modelversion
    FOR EACH ROW EXECUTE FUNCTION ledger_refuse_change();
CREATE TRIGGER creditscore_model_is_not_truncated BEFORE TRUNCATE ON creditscore_modelversion
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change();
REVOKE UPDATE, DELETE, TRUNCATE ON creditscore_modelversion FROM {ROLE};
GRANT UPDATE (state) ON creditscore_modelversion TO {ROLE};
-- Protected attributes may be erased at their owner's wish, but not rewritten.
REVOKE UPDATE, TRUNCATE ON creditscore_protectedattributes FROM {ROLE};
"""


def first_calendar(apps, schema_editor):
    # Source: DOMAIN, Sesame score: published on the 6th of each month.
    apps.get_model("creditscore", "PublicationCalendar").objects.create(
        effective_from=date(2000, 1, 1), day_of_month=6
    )


class Migration(migrations.Migration):
    dependencies = [("creditscore", "0001_initial"), ("ledger", "0003_control_accounts_and_rounding")]

    operations = [
        migrations.RunSQL(APPEND_ONLY, migrations.RunSQL.noop),
        migrations.RunSQL(MODELS, migrations.RunSQL.noop),
        migrations.RunPython(first_calendar, migrations.RunPython.noop),
    ]
