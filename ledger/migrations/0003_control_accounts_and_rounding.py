"""The lender's own control accounts, numbered as in the chart, and the one rounding rule in SQL."""

from django.db import migrations

CONTROL_ACCOUNTS = {
    1001: "cash_clearing",
    1301: "interest_accrued",
    1302: "penalty_accrued",
    6001: "interest_income",
    6002: "penalty_income",
    6003: "fee_income",
    9001: "commitment_control",
}

ROWS = ", ".join(f"({number}, '{code}', NULL, false, '')" for number, code in CONTROL_ACCOUNTS.items())

# Accounts of owners are numbered from 10001.
ACCOUNTS = f"""
INSERT INTO ledger_account (id, type_code, owner, counted, cap) VALUES {ROWS};
SELECT setval(pg_get_serial_sequence('ledger_account', 'id'), 10000);
"""

# finance.money.round_fen in SQL: half to even. PostgreSQL's round(numeric) goes half away from zero. Not STRICT, though NULL
# gives NULL: PostgreSQL copies the expression into the statement only without it, and calls a function for each row with it.
ROUNDING = """
CREATE FUNCTION round_fen(amount numeric) RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN abs(amount - trunc(amount)) = 0.5 THEN 2 * round(amount / 2) ELSE round(amount) END;
"""


class Migration(migrations.Migration):
    dependencies = [("ledger", "0002_guards")]

    operations = [
        migrations.RunSQL(ACCOUNTS, migrations.RunSQL.noop),
        migrations.RunSQL(ROUNDING, "DROP FUNCTION round_fen(numeric)"),
    ]
