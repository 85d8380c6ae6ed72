"""
The loans' steps in the close of a day: each one set-based statement over whatever the day concerns.

What falls due if nothing happens is written down with every fact (`services.written`), from the same engine; so here a row
that falls due is marked and posted as it stands, and interest needs no writing at all: the segments of the days to come are
there. A step takes `closed_on`, the day that ends, and the ids of the loans it is for, None for all.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from django.db import connection

from ledger.sql import affected, value
from lending.classification import FROM_DAYS

Loans = Sequence[int] | None


def _scoped(sql: str, column: str, loans: Loans) -> str:
    """The statement for these loans only, or as it is for all of them."""
    return sql.replace("/* scope */", "" if loans is None else f"AND {column} = ANY(%(loans)s)")


_HOLD = """
SELECT coalesce(array_agg(id), '{}')
FROM (SELECT id FROM lending_loan WHERE id IN (/* concerned */) ORDER BY id FOR NO KEY UPDATE) AS held
"""


def _held(concerned: str, parameters: dict[str, Any]) -> list[int]:
    """
    Locks the loans that a step concerns until the step's transaction ends, in the order of their ids; returns these.

    A statement sees what was committed before it began, so the figures are read by the statement after the one that waited
    for the locks. Outside a transaction nothing would be held: RuntimeError.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("a step of the close runs in a transaction")
    sql = _scoped(_HOLD.replace("/* concerned */", concerned), "loan_id", parameters["loans"])
    ids: list[int] = value(sql, parameters)
    return ids


# What stands accrued on each product's loans as the day ends, rounded once, less what stood there, and what was billed since.
_INCOME = """
WITH standing AS (
    SELECT product_id, kind, round_fen(sum(owed / year_days)) AS fen
    FROM (SELECT product_id, kind, year_days, sum(carried + principal_fen * rate * (%(next)s - since)) AS owed
          FROM lending_segment WHERE daterange(since, until) @> %(closed)s::date
          GROUP BY product_id, kind, year_days) AS by_year
    GROUP BY product_id, kind
), income AS MATERIALIZED (
    SELECT product.id AS product_id, product.code, accounts.kind, accounts.accrued_id, accounts.income_id,
           coalesce(standing.fen, 0) AS accrued_fen,
           coalesce(standing.fen, 0) - coalesce(before.accrued_fen, 0) + billed.fen - given_back.fen AS income_fen
    FROM lending_product AS product
    CROSS JOIN LATERAL (VALUES
        ('interest', interest_accrued_account_id, interest_income_account_id),
        ('penalty', penalty_accrued_account_id, penalty_income_account_id)) AS accounts (kind, accrued_id, income_id)
    LEFT JOIN standing ON standing.product_id = product.id AND standing.kind = accounts.kind
    LEFT JOIN LATERAL (
        SELECT accrued_fen, closed_on FROM lending_accrual AS earlier
        WHERE earlier.product_id = product.id AND earlier.kind = accounts.kind AND closed_on < %(closed)s
        ORDER BY closed_on DESC LIMIT 1) AS before ON true
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(amount_fen), 0)::bigint AS fen FROM ledger_transfer
        WHERE credit_account_id = accounts.accrued_id
          AND booked_on > coalesce(before.closed_on, '-infinity') AND booked_on <= %(closed)s) AS billed
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(amount_fen), 0)::bigint AS fen FROM ledger_transfer
        WHERE debit_account_id = accounts.accrued_id
          AND booked_on > coalesce(before.closed_on, '-infinity') AND booked_on <= %(closed)s) AS given_back
), booked AS MATERIALIZED (
    SELECT income.*, CASE WHEN income_fen <> 0 THEN nextval('ledger_entry_id_seq') END AS entry_id FROM income
), entry AS (
    INSERT INTO ledger_entry (id, reference, event, booked_on, value_on)
    SELECT entry_id, 'loans:income:' || code || ':' || kind || ':' || %(closed)s::date, 'loans.income', %(closed)s, %(closed)s
    FROM booked WHERE income_fen <> 0
), moved AS (
    INSERT INTO ledger_transfer (entry_id, kind, debit_account_id, credit_account_id, amount_fen, booked_on)
    SELECT entry_id, 0, CASE WHEN income_fen > 0 THEN accrued_id ELSE income_id END,
           CASE WHEN income_fen > 0 THEN income_id ELSE accrued_id END, abs(income_fen), %(closed)s
    FROM booked WHERE income_fen <> 0
)
INSERT INTO lending_accrual (closed_on, product_id, kind, accrued_fen, income_fen, entry_id)
SELECT %(closed)s, product_id, kind, accrued_fen, income_fen, entry_id FROM booked WHERE income_fen <> 0 OR accrued_fen <> 0
"""


def book_income(closed_on: date, loans: Loans = None) -> int:
    """
    The day's interest and penalty of each product's loans: one aggregated entry each. Returns the entries' rows.

    The entry is one for all loans of the product, so nothing is booked for some of them.
    """
    if loans is not None:
        return 0
    return affected(_INCOME, {"closed": closed_on, "next": closed_on + timedelta(days=1)})


# Of a day's rows, those with something unpaid have an index and those without another.
_FALLS_DUE = """
    NOT row.billed AND (row.due_on = %(due)s AND row.unpaid_fen > 0 OR row.due_on = %(due)s AND row.unpaid_fen = 0)
"""
_DUE = f"SELECT loan_id FROM lending_instalment AS row WHERE {_FALLS_DUE} /* scope */"  # noqa: S608

# What moves when a row falls due: (debited, credited, how much).
_LEGS = (
    ("interest_account_id", "interest_accrued_account_id", "new_interest_fen"),
    ("fee_account_id", "fee_income_account_id", "new_fee_fen"),
    ("credit_account_id", "principal_account_id", "credit_principal_fen"),
    ("credit_account_id", "interest_account_id", "credit_interest_fen"),
    ("credit_account_id", "fee_account_id", "credit_fee_fen"),
    ("credit_account_id", "penalty_account_id", "credit_penalty_fen"),
)
_TRANSFERS = "\n    UNION ALL ".join(
    f"SELECT entry_id, 0, {debited}, {credited}, {fen}, %(due)s FROM due WHERE {fen} > 0"  # noqa: S608
    for debited, credited, fen in _LEGS
)

# The loans that are held are joined: for so many in a condition, PostgreSQL would read each one's whole schedule.
_BILL = """
WITH due AS (
    SELECT row.id, row.loan_id, row.n, row.status_then, new_interest_fen, new_fee_fen, credit_principal_fen,
           credit_interest_fen, credit_fee_fen, credit_penalty_fen, loan.principal_account_id, loan.interest_account_id,
           loan.fee_account_id, loan.penalty_account_id, loan.credit_account_id, product.interest_accrued_account_id,
           product.fee_income_account_id,
           CASE WHEN new_interest_fen + new_fee_fen + credit_principal_fen + credit_interest_fen + credit_fee_fen
                     + credit_penalty_fen > 0 THEN nextval('ledger_entry_id_seq') END AS entry_id
    FROM unnest(%(loans)s::bigint[]) AS held (loan_id)
    JOIN lending_instalment AS row ON row.loan_id = held.loan_id
    JOIN lending_loan AS loan ON loan.id = row.loan_id
    JOIN lending_product AS product ON product.id = loan.product_id
    WHERE /* falls due */
), entry AS (
    INSERT INTO ledger_entry (id, reference, event, booked_on, value_on)
    SELECT entry_id, 'loan:' || loan_id || ':due:' || n || ':' || %(due)s::date, 'loan.due', %(due)s, %(due)s
    FROM due WHERE entry_id IS NOT NULL
), moved AS (
    INSERT INTO ledger_transfer (entry_id, kind, debit_account_id, credit_account_id, amount_fen, booked_on)
    /* transfers */
), billed AS (
    UPDATE lending_instalment AS row
    SET billed = true, new_interest_fen = 0, new_fee_fen = 0, credit_principal_fen = 0, credit_interest_fen = 0,
        credit_fee_fen = 0, credit_penalty_fen = 0, status_then = ''
    FROM due WHERE row.id = due.id
), standing AS (
    UPDATE lending_loan AS loan SET status = due.status_then
    FROM due WHERE loan.id = due.loan_id AND loan.status <> due.status_then
)
SELECT count(*) FROM due
""".replace("/* falls due */", _FALLS_DUE).replace("/* transfers */", _TRANSFERS)


def bill_instalments(closed_on: date, loans: Loans = None) -> int:
    """Instalments due on the day after `closed_on` are asked for: that day's interest is known. Returns how many."""
    parameters: dict[str, Any] = {"due": closed_on + timedelta(days=1), "loans": loans}
    held = _held(_DUE, parameters)
    if not held:
        return 0
    return int(value(_BILL, parameters | {"loans": held}))


# The category by days past due on the next day. Only a change is written.
_CATEGORY = "".join(
    f" WHEN %(next)s - min(due_on) >= {days} THEN {category.value}"
    for category, days in sorted(FROM_DAYS.items(), reverse=True)
)
_LATE = """
    SELECT loan_id, CASE /* category */ END AS category
    FROM lending_instalment WHERE billed AND unpaid_fen > 0 AND due_on <= %(closed)s /* scope */ GROUP BY loan_id
""".replace("/* category */", _CATEGORY)
_CHANGED = """
    SELECT loan.id AS loan_id FROM lending_loan AS loan JOIN (/* late */) AS late ON late.loan_id = loan.id
    WHERE loan.classification <> late.category
""".replace("/* late */", _LATE)
_CLASSIFY = """
UPDATE lending_loan AS loan SET classification = late.category
FROM (/* late */) AS late WHERE loan.id = late.loan_id AND loan.classification <> late.category
""".replace("/* late */", _LATE)


def classify(closed_on: date, loans: Loans = None) -> int:
    """Loans whose category changed as the day ended. Returns how many."""
    parameters = {"closed": closed_on, "next": closed_on + timedelta(days=1), "loans": loans}
    held = _held(_CHANGED, parameters)
    if not held:
        return 0
    return affected(_scoped(_CLASSIFY, "loan_id", held), parameters | {"loans": held})


_ENDED = """
SELECT loan_id FROM lending_pledge AS pledge JOIN lending_loan AS loan ON loan.id = pledge.loan_id
WHERE pledge.release = '' AND loan.status IN ('closed', 'overpaid') /* scope */
"""
_RELEASE = """
UPDATE lending_pledge AS pledge SET release = 'ended', released_on = %(next)s
FROM lending_loan AS loan
WHERE loan.id = pledge.loan_id AND pledge.release = '' AND loan.status IN ('closed', 'overpaid') /* scope */
"""


def release_pledges(closed_on: date, loans: Loans = None) -> int:
    """Orders still pledged to loans that have ended are let go. Returns how many."""
    parameters = {"next": closed_on + timedelta(days=1), "loans": loans}
    held = _held(_ENDED, parameters)
    if not held:
        return 0
    return affected(_scoped(_RELEASE, "loan_id", held), parameters | {"loans": held})


STEPS = (
    ("loans.book_income", book_income),
    ("loans.bill_instalments", bill_instalments),
    ("loans.classify", classify),
    ("loans.release_pledges", release_pledges),
)
