"""
The line's steps in the close of a day: each one set-based statement over whatever the day concerns.

A step takes `closed_on`, the day that ends, while the business date is already the next day, and the ids of the lines it is
for, None for all. The record that `operations` keeps makes each happen once; were one repeated all the same, unique keys
refuse a second statement and a second income entry. The rules in pure Python, to compare with, are in
tests/properties/line_oracle.py.
"""

from __future__ import annotations

from datetime import date, timedelta

from huabei import delinquency
from huabei.holding import Lines
from huabei.models import SegmentKind
from huabei.services.campaigns import end_over
from huabei.services.lifecycle import close_long_overdue
from huabei.services.limits import expire_temporary_limits
from huabei.services.receipts import receive_over
from huabei.services.releases import expire_holds
from huabei.services.reviews import review
from huabei.settling import settle_merchants
from huabei.turning import issue_statements, move_buckets, start_interest_after_due_day
from ledger.chart import INTEREST_ACCRUED, INTEREST_INCOME, PENALTY_ACCRUED, PENALTY_INCOME
from ledger.sql import affected

_ACCRUES = {
    SegmentKind.REVOLVING: (INTEREST_ACCRUED.control_id, INTEREST_INCOME.control_id),
    SegmentKind.PENALTY: (PENALTY_ACCRUED.control_id, PENALTY_INCOME.control_id),
}


def release_expired_holds(closed_on: date, lines: Lines = None) -> int:
    """Holds whose last day ended are released. Returns how many."""
    return expire_holds(last_day=closed_on, on=closed_on + timedelta(days=1), line_ids=lines)


# What stands accrued at the end of the day, rounded once over all lines, less what stood there and what was billed since.
_INCOME = """
WITH before AS (
    SELECT coalesce((SELECT accrued_fen FROM huabei_accrual WHERE kind = %(kind)s AND closed_on < %(closed)s
                     ORDER BY closed_on DESC LIMIT 1), 0) AS accrued_fen,
           coalesce((SELECT max(closed_on) FROM huabei_accrual WHERE kind = %(kind)s AND closed_on < %(closed)s),
                    '-infinity') AS closed_on
), billed AS (
    SELECT coalesce((SELECT sum(amount_fen) FROM ledger_transfer, before WHERE credit_account_id = %(accrued)s
                     AND booked_on > before.closed_on AND booked_on <= %(closed)s), 0)::bigint
         - coalesce((SELECT sum(amount_fen) FROM ledger_transfer, before WHERE debit_account_id = %(accrued)s
                     AND booked_on > before.closed_on AND booked_on <= %(closed)s), 0)::bigint AS fen
), standing AS (
    SELECT round_fen(coalesce(sum(carried_fen + principal_fen * daily_rate * (%(next)s - since)), 0)) AS fen
    FROM huabei_segment
    WHERE kind = %(kind)s AND since <= %(closed)s AND (until IS NULL OR until > %(closed)s)
), income AS (
    SELECT standing.fen AS accrued_fen, standing.fen - before.accrued_fen + billed.fen AS income_fen
    FROM before, billed, standing
), entry AS (
    INSERT INTO ledger_entry (reference, event, booked_on, value_on)
    SELECT 'lines:income:' || %(kind)s || ':' || %(closed)s::date, 'lines.income', %(closed)s, %(closed)s
    FROM income WHERE income_fen <> 0
    RETURNING id
), moved AS (
    INSERT INTO ledger_transfer (entry_id, kind, debit_account_id, credit_account_id, amount_fen, booked_on)
    SELECT entry.id, 0, CASE WHEN income_fen > 0 THEN %(accrued)s ELSE %(income)s END,
           CASE WHEN income_fen > 0 THEN %(income)s ELSE %(accrued)s END, abs(income_fen), %(closed)s
    FROM entry, income
)
INSERT INTO huabei_accrual (closed_on, kind, accrued_fen, income_fen, entry_id)
SELECT %(closed)s, %(kind)s, accrued_fen, income_fen, (SELECT id FROM entry) FROM income
WHERE income_fen <> 0 OR accrued_fen <> 0
"""


def book_income(closed_on: date, lines: Lines = None) -> int:
    """
    The day's interest and penalty of all lines: one aggregated entry each. Returns the entries' rows.

    The entry is one for all lines, so nothing is booked for some of them.
    """
    if lines is not None:
        return 0
    rows = 0
    for kind, (accrued_id, income_id) in _ACCRUES.items():
        parameters = {
            "kind": kind.value,
            "closed": closed_on,
            "next": closed_on + timedelta(days=1),
            "accrued": accrued_id,
            "income": income_id,
        }
        rows += affected(_INCOME, parameters)
    return rows


def end_temporary_limits(closed_on: date, lines: Lines = None) -> int:
    """Temporary limits whose last day ended are taken away. Returns how many."""
    return expire_temporary_limits(last_day=closed_on, on=closed_on + timedelta(days=1), line_ids=lines)


def receive_unconfirmed(closed_on: date, lines: Lines = None) -> int:
    """
    Purchases whose last day to confirm begins are taken as received, and belong to the statement after. Returns how many.

    After the statements: what they bill and what credit they use is settled before the new day's purchases use any.
    """
    return receive_over(on=closed_on + timedelta(days=1), line_ids=lines)


def close_late_lines(closed_on: date, lines: Lines = None) -> int:
    """Lines that have been overdue for too many months are closed. Returns how many."""
    return close_long_overdue(on=closed_on + timedelta(days=1), line_ids=lines)


def review_limits(closed_on: date, lines: Lines = None) -> int:
    """Limits whose review is due are reviewed. Returns how many."""
    return review(on=closed_on + timedelta(days=1), line_ids=lines)


def end_campaigns(closed_on: date, lines: Lines = None) -> int:
    """Campaigns whose last day ended, or whose budget covers no fee any more. Returns how many ended; of lines, none."""
    return 0 if lines is not None else end_over(closed_on=closed_on)


STEPS = (
    ("lines.release_expired_holds", release_expired_holds),
    ("lines.start_interest_after_due_day", start_interest_after_due_day),
    ("lines.book_income", book_income),
    ("lines.end_temporary_limits", end_temporary_limits),
    ("lines.issue_statements", issue_statements),
    ("lines.receive_unconfirmed", receive_unconfirmed),
    ("lines.move_buckets", move_buckets),
    ("lines.close_late_lines", close_late_lines),
    ("lines.review_limits", review_limits),
    ("lines.end_campaigns", end_campaigns),
    *delinquency.STEPS,
    ("lines.settle_merchants", settle_merchants),
)
