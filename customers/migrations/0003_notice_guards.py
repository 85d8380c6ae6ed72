"""A notice is read once and otherwise stays; an e-mail that was sent stays sent; when the quiet hours of a customer end."""

from django.conf import settings
from django.db import migrations

# What was told is evidence. A parked e-mail may be tried again; one that was sent, or dropped, is done.
GUARDS = f"""
CREATE FUNCTION customers_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% on % refused: what a customer was told stays as it was told', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation', CONSTRAINT = TG_NAME, TABLE = TG_TABLE_NAME;
END $$;

CREATE TRIGGER customers_notice_is_only_read BEFORE UPDATE ON customers_notice
    FOR EACH ROW WHEN (OLD.read_at IS NOT NULL OR (OLD.id, OLD.customer_id, OLD.kind, OLD.figures, OLD.reference, OLD.noticed_on,
        OLD.in_app, OLD.created_at) IS DISTINCT FROM (NEW.id, NEW.customer_id, NEW.kind, NEW.figures, NEW.reference,
        NEW.noticed_on, NEW.in_app, NEW.created_at))
    EXECUTE FUNCTION customers_refuse_change();
CREATE TRIGGER customers_emaildelivery_is_done_once BEFORE UPDATE ON customers_emaildelivery
    FOR EACH ROW WHEN (OLD.state IN ('sent', 'dropped') OR (OLD.id, OLD.customer_id, OLD.notice_id, OLD.purpose, OLD.created_at)
                       IS DISTINCT FROM (NEW.id, NEW.customer_id, NEW.notice_id, NEW.purpose, NEW.created_at))
    EXECUTE FUNCTION customers_refuse_change();
""" + "".join(
    f"""
CREATE TRIGGER {table}_is_not_deleted BEFORE DELETE ON {table}
    FOR EACH ROW EXECUTE FUNCTION customers_refuse_change();
CREATE TRIGGER {table}_is_not_truncated BEFORE TRUNCATE ON {table}
    FOR EACH STATEMENT EXECUTE FUNCTION customers_refuse_change();
REVOKE DELETE, TRUNCATE ON {table} FROM {settings.DATABASE_ROLE};
"""
    for table in ("customers_notice", "customers_emaildelivery")
)

# The twin of customers.quiet_hours.quiet_end, compared with it by the tests.
QUIET_END = f"""
CREATE FUNCTION customers_quiet_end(at timestamptz, quiet_from time, quiet_until time) RETURNS timestamptz
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE
        WHEN quiet_from < quiet_until AND local.clock >= quiet_from AND local.clock < quiet_until
            THEN (local.day + quiet_until) AT TIME ZONE '{settings.TIME_ZONE}'
        WHEN quiet_from > quiet_until AND local.clock >= quiet_from
            THEN (local.day + 1 + quiet_until) AT TIME ZONE '{settings.TIME_ZONE}'
        WHEN quiet_from > quiet_until AND local.clock < quiet_until
            THEN (local.day + quiet_until) AT TIME ZONE '{settings.TIME_ZONE}'
    END
    FROM (SELECT (at AT TIME ZONE '{settings.TIME_ZONE}')::date AS day,
                 (at AT TIME ZONE '{settings.TIME_ZONE}')::time AS clock) AS local
$$;
"""


class Migration(migrations.Migration):
    # The application's role, and its grants on new tables, are made by the ledger's guards.
    dependencies = [("customers", "0002_notices"), ("ledger", "0002_guards")]

    operations = [
        migrations.RunSQL(GUARDS, migrations.RunSQL.noop),
        migrations.RunSQL(QUIET_END, "DROP FUNCTION customers_quiet_end"),
    ]
