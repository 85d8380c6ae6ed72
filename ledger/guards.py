"""The SQL by which migrations have PostgreSQL keep facts as they were written."""

from __future__ import annotations

from django.conf import settings


def append_only(*tables: str) -> str:
    """
    Rows of these tables are neither changed nor removed: triggers refuse it to everybody, and the application's role may not
    even ask. Tables need `ledger_refuse_change()` (ledger, migration 0002).
    """
    return "".join(
        f"""
CREATE TRIGGER {table}_is_append_only BEFORE UPDATE OR DELETE ON {table}
    FOR EACH ROW EXECUTE FUNCTION ledger_refuse_change();
CREATE TRIGGER {table}_is_not_truncated BEFORE TRUNCATE ON {table}
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change();
REVOKE UPDATE, DELETE, TRUNCATE ON {table} FROM {settings.DATABASE_ROLE};
"""
        for table in tables
    )
