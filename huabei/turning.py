"""
The steps of a close in which what a line owes turns: interest after a due day, the statement, how late it is.

They are for every line, as all steps are (`huabei.closing`), or for one to which something happens on the next day while the
close is under way (`huabei.services.mornings`): a set of one is served as a million are.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from huabei import delinquency
from huabei.holding import Lines, held, scoped
from huabei.selectors import terms_on
from huabei.services.excess import absorb_excess
from huabei.services.lifecycle import freeze_overdue
from ledger.chart import (
    CASH_CLEARING,
    COMMITMENT_CONTROL,
    CORRECTIONS,
    FEE_INCOME,
    INTEREST_ACCRUED,
    PENALTY_ACCRUED,
)
from ledger.sql import affected, fetch_all, value

# On the due day's end: paid in full, nothing; minimum met, revolving interest on the billed principal left, but for what a
# later statement asks for in time, as one does after a change of the calendar; minimum not met, penalty on all that is billed
# and unpaid instead. From the next day on. What runs from earlier statements is closed and carried; under the other kind it
# waits without principal for the next statement.
_DUE_NOW = "line.id IN (SELECT due.line_id FROM huabei_due AS due WHERE due.due_on = %(closed)s /* scope */)"

_DUE_DAY = """
WITH due_now AS (
    SELECT line.id AS line_id,
           billed.debits_posted_fen - billed.credits_posted_fen
               - coalesce((SELECT sum(principal_fen) FROM huabei_due AS later
                           WHERE later.line_id = line.id AND later.due_on > %(closed)s), 0)::bigint AS principal_fen,
           billed.debits_posted_fen - billed.credits_posted_fen + interest.debits_posted_fen - interest.credits_posted_fen
               + fee.debits_posted_fen - fee.credits_posted_fen
               + penalty.debits_posted_fen - penalty.credits_posted_fen AS total_fen,
           EXISTS (SELECT FROM huabei_due AS late
                   WHERE late.line_id = line.id AND late.outstanding_fen > 0 AND late.due_on <= %(closed)s) AS missed
    FROM huabei_line AS line
    JOIN ledger_account AS billed ON billed.id = line.billed_account_id
    JOIN ledger_account AS interest ON interest.id = line.interest_account_id
    JOIN ledger_account AS fee ON fee.id = line.fee_account_id
    JOIN ledger_account AS penalty ON penalty.id = line.penalty_account_id
    -- Two statements may be due on one day, where the calendar changed between them.
    WHERE line.id IN (SELECT line_id FROM huabei_due WHERE due_on = %(closed)s) /* scope */
), turning AS (
    SELECT line_id, CASE WHEN missed THEN 'penalty' ELSE 'revolving' END AS kind,
           CASE WHEN missed THEN total_fen ELSE principal_fen END AS principal_fen
    FROM due_now WHERE CASE WHEN missed THEN total_fen ELSE principal_fen END > 0
), ended AS (
    UPDATE huabei_segment AS segment SET until = %(next)s
    FROM turning WHERE segment.line_id = turning.line_id AND segment.until IS NULL
    RETURNING segment.line_id, segment.kind,
        segment.carried_fen + segment.principal_fen * segment.daily_rate * (%(next)s - segment.since) AS owed_fen
)
INSERT INTO huabei_segment (line_id, kind, principal_fen, daily_rate, since, carried_fen)
SELECT turning.line_id, rate.kind, CASE WHEN rate.kind = turning.kind THEN turning.principal_fen ELSE 0 END,
       rate.daily_rate, %(next)s, coalesce(ended.owed_fen, 0)
FROM turning
CROSS JOIN (VALUES ('revolving', %(revolving)s::numeric), ('penalty', %(penalty)s::numeric)) AS rate (kind, daily_rate)
LEFT JOIN ended ON ended.line_id = turning.line_id AND ended.kind = rate.kind
WHERE rate.kind = turning.kind OR round_fen(abs(ended.owed_fen)) > 0
"""


def start_interest_after_due_day(closed_on: date, lines: Lines = None) -> int:
    """Revolving interest or penalty starts on what was due on this day and is unpaid. Returns the segments opened."""
    next_day = closed_on + timedelta(days=1)
    parameters: dict[str, Any] = {"closed": closed_on, "next": next_day, "lines": lines}
    if not held(_DUE_NOW, "due.line_id", parameters):
        return 0
    terms = terms_on(next_day)
    parameters |= {"revolving": terms.revolving_daily_rate, "penalty": terms.penalty_daily_rate}
    return affected(scoped(_DUE_DAY, "line.id", lines), parameters)


# One statement per line whose statement day begins: purchases posted before it become billed principal, and so does the next
# row of each instalment plan, with its fee; interest and penalty owed so far are posted, the customer's credit pays of these
# what it can, and the minimum becomes due. A line's accounts are read in one look at the index, and its rows to come in
# another; what stands is written down once, or each figure would compute those below it again.
_TO_BILL = """line.statement_day = extract(day FROM %(issued)s::date)::smallint AND line.billable
      AND line.opened_on < %(issued)s /* scope */"""

_STATEMENTS = """
WITH line AS (
    SELECT * FROM huabei_line AS line WHERE /* concerned */
), running AS (
    SELECT segment.line_id,
           sum(owed_fen) FILTER (WHERE kind = 'revolving') AS interest_fen,
           sum(owed_fen) FILTER (WHERE kind = 'penalty') AS penalty_fen
    FROM line JOIN huabei_segment AS segment ON segment.line_id = line.id AND segment.until IS NULL
    CROSS JOIN LATERAL (SELECT carried_fen + principal_fen * daily_rate * (%(issued)s - since) AS owed_fen) AS owed
    GROUP BY segment.line_id
), standing AS MATERIALIZED (
    SELECT line.id AS line_id, line.statement_day, line.due_day, line.commitment_account_id, line.unbilled_account_id,
           line.billed_account_id, line.instalment_account_id, line.interest_account_id, line.fee_account_id,
           line.penalty_account_id, line.credit_account_id,
           coming.row_ids, coalesce(coming.principal_fen, 0) AS row_fen, coalesce(coming.fee_fen, 0) AS row_fee_fen,
           coalesce(coming.later, false) AS rows_later,
           stands.unbilled_fen - posted.later_fen AS unbilled_fen,
           posted.later_fen, posted.earlier_fen AS purchases_fen, coalesce(corrected.fen, 0) AS correction_fen,
           stands.billed_fen, stands.interest_fen, stands.fee_fen, stands.penalty_fen, stands.credit_fen,
           CASE WHEN NOT stands.credit_was_used THEN 0 ELSE coalesce(
               (SELECT sum(amount_fen) FROM ledger_transfer WHERE debit_account_id = line.credit_account_id
                AND credit_account_id NOT IN (%(cash)s, %(corrections)s)
                AND booked_on >= period.since AND booked_on < %(issued)s
                AND entry_id IS DISTINCT FROM last.entry_id), 0)::bigint END AS credit_used_before_fen,
           greatest(round_fen(coalesce(running.interest_fen, 0)), 0) AS run_interest_fen,
           greatest(round_fen(coalesce(running.penalty_fen, 0)), 0) AS run_penalty_fen,
           coalesce((SELECT sum(outstanding_fen) FROM huabei_due AS earlier
                     WHERE earlier.line_id = line.id AND earlier.outstanding_fen > 0), 0)::bigint AS earlier_minimum_fen
    FROM line
    CROSS JOIN LATERAL (
        SELECT max(debits_posted_fen - credits_posted_fen) FILTER (WHERE id = line.unbilled_account_id) AS unbilled_fen,
               max(debits_posted_fen - credits_posted_fen) FILTER (WHERE id = line.billed_account_id) AS billed_fen,
               max(debits_posted_fen - credits_posted_fen) FILTER (WHERE id = line.interest_account_id) AS interest_fen,
               max(debits_posted_fen - credits_posted_fen) FILTER (WHERE id = line.fee_account_id) AS fee_fen,
               max(debits_posted_fen - credits_posted_fen) FILTER (WHERE id = line.penalty_account_id) AS penalty_fen,
               max(credits_posted_fen - debits_posted_fen) FILTER (WHERE id = line.credit_account_id) AS credit_fen,
               bool_or(debits_posted_fen > 0) FILTER (WHERE id = line.credit_account_id) AS credit_was_used
        FROM ledger_account
        WHERE id = ANY (ARRAY[line.unbilled_account_id, line.billed_account_id, line.interest_account_id,
                              line.fee_account_id, line.penalty_account_id, line.credit_account_id])
    ) AS stands
    LEFT JOIN running ON running.line_id = line.id
    LEFT JOIN LATERAL (SELECT issued_on, entry_id FROM huabei_statement AS earlier WHERE earlier.line_id = line.id
                       ORDER BY issued_on DESC LIMIT 1) AS last ON true
    CROSS JOIN LATERAL (SELECT coalesce(last.issued_on, line.opened_on) AS since) AS period
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(amount_fen) FILTER (WHERE booked_on >= %(issued)s), 0)::bigint AS later_fen,
               coalesce(sum(amount_fen) FILTER (WHERE booked_on < %(issued)s), 0)::bigint AS earlier_fen
        FROM ledger_transfer WHERE debit_account_id = line.unbilled_account_id AND booked_on >= period.since
          AND credit_account_id <> %(corrections)s
    ) AS posted
    LEFT JOIN LATERAL (
        SELECT array_agg(id) FILTER (WHERE falls_due) AS row_ids, bool_or(NOT falls_due) AS later,
               sum(principal_fen) FILTER (WHERE falls_due)::bigint AS principal_fen,
               sum(fee_fen) FILTER (WHERE falls_due)::bigint AS fee_fen
        FROM (SELECT row.id, row.principal_fen, row.fee_fen, plan.made_on < %(issued)s
                     AND row_number() OVER (PARTITION BY row.plan_id ORDER BY row.number) = 1 AS falls_due
              FROM huabei_planrow AS row JOIN huabei_plan AS plan ON plan.id = row.plan_id
              WHERE row.line_id = line.id AND row.billed_on IS NULL AND row.ended_on IS NULL) AS next
    ) AS coming ON true
    LEFT JOIN LATERAL (
        SELECT sum(interest_fen + penalty_fen + fee_fen)::bigint AS fen FROM huabei_correction AS correction
        WHERE correction.line_id = line.id AND corrected_on >= period.since AND corrected_on < %(issued)s
    ) AS corrected ON true
), paying AS (
    SELECT *, least(credit_fen, purchase_fen) AS to_principal_fen,
           greatest(least(credit_fen - purchase_fen, row_fen), 0) AS to_instalment_fen,
           /* charges */
    FROM standing CROSS JOIN LATERAL (SELECT greatest(unbilled_fen, 0) AS purchase_fen) AS bought
), billing AS (
    SELECT *, purchase_fen - to_principal_fen AS new_purchase_fen, row_fen - to_instalment_fen AS new_instalment_fen,
           purchase_fen - to_principal_fen + row_fen - to_instalment_fen AS new_principal_fen,
           run_penalty_fen - to_penalty_fen AS new_penalty_fen, run_interest_fen - to_interest_fen AS new_interest_fen,
           row_fee_fen - to_fee_fen AS new_fee_fen,
           to_principal_fen + to_instalment_fen + to_penalty_fen + to_interest_fen + to_fee_fen AS credit_used_fen
    FROM paying
), figures AS (
    SELECT *, billed_fen + new_principal_fen AS principal_due_fen,
           billed_fen + new_purchase_fen AS share_base_fen,
           interest_fen + new_interest_fen AS interest_due_fen,
           penalty_fen + new_penalty_fen AS penalty_due_fen,
           fee_fen + new_fee_fen AS fee_due_fen,
           billed_fen + new_principal_fen + interest_fen + new_interest_fen + penalty_fen + new_penalty_fen
               + fee_fen + new_fee_fen AS total_fen
    FROM billing
), issuing AS (
    SELECT figures.*, nextval('huabei_statement_id_seq') AS statement_id,
           CASE WHEN new_principal_fen + credit_used_fen + new_interest_fen + new_penalty_fen + new_fee_fen > 0
                THEN nextval('ledger_entry_id_seq') END AS entry_id,
           greatest(least(total_fen - earlier_minimum_fen,
               round_fen(%(share)s::numeric * share_base_fen)
               + new_instalment_fen + new_fee_fen + new_interest_fen + new_penalty_fen), 0) AS minimum_fen,
           CASE WHEN due_day > statement_day THEN %(issued)s + (due_day - statement_day)
                ELSE (date_trunc('month', %(issued)s::date) + interval '1 month')::date + (due_day - 1) END AS due_on
    FROM figures WHERE total_fen > 0 OR purchases_fen > 0 OR credit_used_fen > 0 OR row_ids IS NOT NULL
), entry AS (
    INSERT INTO ledger_entry (id, reference, event, booked_on, value_on)
    SELECT entry_id, 'line:' || line_id || ':statement:' || %(issued)s::date, 'line.billed', %(issued)s, %(issued)s
    FROM issuing WHERE entry_id IS NOT NULL
), moved AS (
    INSERT INTO ledger_transfer (entry_id, kind, debit_account_id, credit_account_id, amount_fen, booked_on)
    SELECT entry_id, 0, leg.debit, leg.credit, leg.amount_fen, %(issued)s
    FROM issuing CROSS JOIN LATERAL (VALUES
        (billed_account_id, unbilled_account_id, new_purchase_fen),
        (billed_account_id, instalment_account_id, new_instalment_fen),
        (credit_account_id, unbilled_account_id, to_principal_fen),
        (credit_account_id, instalment_account_id, to_instalment_fen),
        (%(control)s, commitment_account_id, to_principal_fen + to_instalment_fen),
        (interest_account_id, %(interest_accrued)s, run_interest_fen),
        (penalty_account_id, %(penalty_accrued)s, run_penalty_fen),
        (fee_account_id, %(fee_income)s, row_fee_fen),
        (credit_account_id, interest_account_id, to_interest_fen),
        (credit_account_id, penalty_account_id, to_penalty_fen),
        (credit_account_id, fee_account_id, to_fee_fen)) AS leg (debit, credit, amount_fen)
    WHERE leg.amount_fen > 0
), statement AS (
    INSERT INTO huabei_statement (id, line_id, issued_on, due_on, principal_fen, interest_fen, penalty_fen, fee_fen,
        total_fen, minimum_fen, purchases_fen, new_principal_fen, new_interest_fen, new_penalty_fen,
        new_instalment_fen, new_fee_fen, credit_used_fen, correction_fen, entry_id)
    SELECT statement_id, line_id, %(issued)s, due_on, principal_due_fen, interest_due_fen, penalty_due_fen, fee_due_fen,
           total_fen, earlier_minimum_fen + minimum_fen, purchases_fen, new_principal_fen, new_interest_fen,
           new_penalty_fen, new_instalment_fen, new_fee_fen, credit_used_before_fen + credit_used_fen, correction_fen,
           entry_id
    FROM issuing
), due AS (
    INSERT INTO huabei_due (line_id, statement_id, issued_on, due_on, principal_fen, instalment_fen, share_base_fen,
        minimum_fen, outstanding_fen, is_asked)
    SELECT line_id, statement_id, %(issued)s, due_on, new_principal_fen, new_instalment_fen, share_base_fen,
           minimum_fen, minimum_fen, total_fen > 0 FROM issuing
), rows_billed AS (
    UPDATE huabei_planrow AS row SET billed_on = %(issued)s
    FROM issuing WHERE row.line_id = issuing.line_id AND row.id = ANY(row_ids)
      AND row.billed_on IS NULL AND row.ended_on IS NULL
), ended AS (
    UPDATE huabei_segment AS segment SET until = %(issued)s
    FROM issuing WHERE segment.line_id = issuing.line_id AND segment.until IS NULL
    RETURNING segment.line_id, segment.kind, segment.principal_fen, segment.daily_rate,
        segment.carried_fen + segment.principal_fen * segment.daily_rate * (%(issued)s - segment.since)
        - CASE segment.kind WHEN 'revolving' THEN issuing.run_interest_fen ELSE issuing.run_penalty_fen END AS left_fen
), following AS (
    INSERT INTO huabei_segment (line_id, kind, principal_fen, daily_rate, since, carried_fen)
    SELECT line_id, kind, principal_fen, daily_rate, %(issued)s, left_fen
    FROM ended WHERE principal_fen > 0 OR round_fen(abs(left_fen)) > 0
), settled AS (
    UPDATE huabei_line SET billable = false
    FROM figures WHERE huabei_line.id = figures.line_id AND figures.total_fen = 0 AND figures.later_fen = 0
      AND NOT figures.rows_later
)
SELECT count(*) FROM issuing
""".replace("/* concerned */", _TO_BILL)


# What is newly billed besides principal.
_CHARGES = {"penalty": "run_penalty_fen", "interest": "run_interest_fen", "fee": "row_fee_fen"}


def _statements(components: Sequence[str]) -> str:
    """The statement of SQL in which the credit that purchases leave pays what is charged in this order."""
    paid, left = [], "credit_fen - purchase_fen - row_fen"
    for component in components:
        if charge := _CHARGES.get(component):
            paid.append(f"greatest(least({left}, {charge}), 0) AS to_{component}_fen")
            left += f" - {charge}"
    return _STATEMENTS.replace("/* charges */", ", ".join(paid))


def issue_statements(closed_on: date, lines: Lines = None) -> int:
    """Statements dated the day after `closed_on`, for the lines whose statement day that is. Returns how many."""
    issued_on = closed_on + timedelta(days=1)
    parameters: dict[str, Any] = {"closed": closed_on, "issued": issued_on, "lines": lines}
    if not held(_TO_BILL, "line.id", parameters):
        return 0
    terms = terms_on(issued_on)
    parameters |= {
        "share": terms.minimum_due_share,
        "control": COMMITMENT_CONTROL.control_id,
        "corrections": CORRECTIONS.control_id,
        "cash": CASH_CLEARING.control_id,
        "fee_income": FEE_INCOME.control_id,
        "interest_accrued": INTEREST_ACCRUED.control_id,
        "penalty_accrued": PENALTY_ACCRUED.control_id,
    }
    issued = int(value(scoped(_statements(terms.components), "line.id", lines), parameters))
    # Credit that paid principal gave some of it back.
    absorb_excess(line_ids=lines, on=issued_on)
    return issued


# Days past due on the next day, in buckets of 30 days: 1 up to 30, 2 to 60, 3 to 90, 4 beyond. Only a change is written.
_LATE = """
    SELECT due.line_id, least((%(next)s - min(due_on) + 29) / 30, 4) AS bucket
    FROM huabei_due AS due WHERE outstanding_fen > 0 AND due_on <= %(closed)s /* scope */ GROUP BY due.line_id
"""
_CHANGED = (
    "EXISTS (SELECT FROM (/* late */) AS late WHERE late.line_id = line.id AND late.bucket <> line.bucket)"
)

_BUCKETS = """
UPDATE huabei_line AS line SET bucket = late.bucket
FROM (/* late */) AS late
WHERE line.id = late.line_id AND line.bucket <> late.bucket
RETURNING line.id
"""


def move_buckets(closed_on: date, lines: Lines = None) -> int:
    """Lines whose delinquency bucket changed; one that becomes overdue is frozen. Returns how many changed."""
    parameters = {"closed": closed_on, "next": closed_on + timedelta(days=1), "lines": lines}
    changed = held(_CHANGED.replace("/* late */", _LATE), "due.line_id", parameters)
    if not changed:
        return 0
    sql = scoped(_BUCKETS.replace("/* late */", _LATE), "due.line_id", changed)
    # Not those that were paid while this waited for their locks.
    late = [line_id for (line_id,) in fetch_all(sql, parameters | {"lines": changed})]
    freeze_overdue(line_ids=late, on=closed_on + timedelta(days=1))
    return len(late)


# In the order in which a close does them, among its others.
TURNS = (
    ("lines.start_interest_after_due_day", start_interest_after_due_day),
    ("lines.issue_statements", issue_statements),
    ("lines.move_buckets", move_buckets),
    *delinquency.STEPS,
)
