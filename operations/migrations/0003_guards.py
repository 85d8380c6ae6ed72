"""The business date only moves on, a day at a time; a step of a close is done once and stays done."""

from django.conf import settings
from django.db import migrations

# A date set back, or a step forgotten, would have a day closed twice; a date that jumps would leave days unclosed.
GUARDS = f"""
CREATE FUNCTION operations_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% on % refused: the business date moves on by the close of a day, and what is closed stays closed',
        TG_OP, TG_TABLE_NAME USING ERRCODE = 'restrict_violation', CONSTRAINT = TG_NAME, TABLE = TG_TABLE_NAME;
END $$;

CREATE TRIGGER operations_businessday_moves_by_a_day BEFORE UPDATE ON operations_businessday
    FOR EACH ROW WHEN ((NEW.id, NEW.first_on, NEW.business_on) IS DISTINCT FROM (OLD.id, OLD.first_on, OLD.business_on + 1))
    EXECUTE FUNCTION operations_refuse_change();
CREATE TRIGGER operations_closestep_is_done_once BEFORE UPDATE ON operations_closestep
    FOR EACH ROW WHEN (OLD.finished_at IS NOT NULL OR (NEW.id, NEW.closed_on, NEW.step, NEW.shard, NEW.started_at)
                       IS DISTINCT FROM (OLD.id, OLD.closed_on, OLD.step, OLD.shard, OLD.started_at))
    EXECUTE FUNCTION operations_refuse_change();
""" + "".join(
    f"""
CREATE TRIGGER {table}_is_not_deleted BEFORE DELETE ON {table}
    FOR EACH ROW EXECUTE FUNCTION operations_refuse_change();
CREATE TRIGGER {table}_is_not_truncated BEFORE TRUNCATE ON {table}
    FOR EACH STATEMENT EXECUTE FUNCTION operations_refuse_change();
REVOKE DELETE, TRUNCATE ON {table} FROM {settings.DATABASE_ROLE};
"""
    for table in ("operations_businessday", "operations_closestep")
)

# Which migrations were applied is the owner's to write: forgotten, they would be applied again.
MIGRATIONS = f"REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON django_migrations FROM {settings.DATABASE_ROLE}"


class Migration(migrations.Migration):
    dependencies = [("operations", "0002_demo_world"), ("ledger", "0003_control_accounts_and_rounding")]

    operations = [
        migrations.RunSQL(GUARDS, migrations.RunSQL.noop),
        migrations.RunSQL(MIGRATIONS, migrations.RunSQL.noop),
    ]
