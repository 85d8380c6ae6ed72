"""Everything that ever happened on a line as one list, newest first: one query, however many kinds of facts there are."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from typing import Any

from ledger.sql import fetch_all


@dataclass(frozen=True, slots=True)
class Fact:
    """
    One thing that happened on a line. `model` ("app_model") and `record_id` say which record tells of it, `entry_id` what was
    posted, if anything was; `said` holds its amounts in fen and its words by their names.
    """

    on: date
    kind: str
    amount_fen: int | None
    entry_id: int | None
    model: str
    record_id: int
    said: dict[str, Any]


# Per kind: the day, the name, its place among the facts of a day, amount, entry, record, and what else it says.
_FACTS = """
SELECT opened_on AS happened_on, 'opened' AS kind, 0 AS place, id, limit_fen AS amount_fen,
       (SELECT entry.id FROM ledger_entry AS entry WHERE reference = 'line:' || line.id || ':granted') AS entry_id,
       'huabei_line' AS model, id AS record_id, jsonb_build_object('score', score) AS said
FROM huabei_line AS line WHERE id = %(line)s
UNION ALL
SELECT authorised_on, 'authorised', 1, id, amount_fen,
       (SELECT entry.id FROM ledger_entry AS entry WHERE reference = 'purchase:' || purchase.id || ':authorised'),
       'huabei_purchase', id, jsonb_build_object('reference', reference)
FROM huabei_purchase AS purchase WHERE line_id = %(line)s
UNION ALL
SELECT entry.booked_on, entry_state.state, 3, purchase.id, left_over.fen, entry.id,
       'huabei_purchase', purchase.id, '{}'
FROM huabei_purchase AS purchase CROSS JOIN (VALUES ('voided'), ('expired')) AS entry_state (state)
JOIN ledger_entry AS entry ON entry.reference = 'purchase:' || purchase.id || ':' || entry_state.state
CROSS JOIN LATERAL (SELECT purchase.amount_fen - captured_fen - cancelled_fen AS fen) AS left_over
WHERE purchase.line_id = %(line)s AND left_over.fen > 0
UNION ALL
SELECT confirmed_on, 'received', 2, purchase.id, captured_fen, NULL, 'huabei_purchase', purchase.id,
       jsonb_build_object('by', CASE WHEN confirmed_by IS NULL THEN 'policy' ELSE 'customer' END)
FROM huabei_purchase AS purchase JOIN huabei_receipt AS receipt ON receipt.purchase_id = purchase.id
WHERE purchase.line_id = %(line)s
UNION ALL
SELECT posted_on, 'captured', 2, id, amount_fen, entry_id, 'huabei_purchase', purchase_id, '{}'
FROM huabei_capture WHERE line_id = %(line)s
UNION ALL
SELECT refund.refunded_on, 'refunded', 4, refund.id, refund.amount_fen, refund.entry_id, 'huabei_refund', refund.id,
       jsonb_build_object('to_unbilled_fen', to_unbilled_fen, 'to_instalment_fen', to_instalment_fen,
                          'to_billed_fen', to_billed_fen, 'to_credit_fen', to_credit_fen, 'to_hold_fen', to_hold_fen)
FROM huabei_purchase AS purchase JOIN huabei_refund AS refund ON refund.purchase_id = purchase.id
WHERE purchase.line_id = %(line)s
UNION ALL
SELECT received_on, 'repaid', 5, id, amount_fen, entry_id, 'huabei_repayment', id,
       jsonb_build_object('value_on', CASE WHEN value_on <> received_on THEN value_on END,
                          'to_penalty_fen', to_penalty_fen, 'to_interest_fen', to_interest_fen, 'to_fee_fen', to_fee_fen,
                          'to_billed_fen', to_billed_fen, 'to_unbilled_fen', to_unbilled_fen,
                          'to_credit_fen', to_credit_fen)
FROM huabei_repayment WHERE line_id = %(line)s
UNION ALL
SELECT issued_on, 'statement', 6, id, total_fen, entry_id, 'huabei_statement', id,
       jsonb_build_object('minimum_fen', minimum_fen, 'due_on', due_on)
FROM huabei_statement WHERE line_id = %(line)s
UNION ALL
SELECT due_on, 'due', 7, id, minimum_fen, NULL, 'huabei_due', id, jsonb_build_object('outstanding_fen', outstanding_fen)
FROM huabei_due WHERE line_id = %(line)s AND due_on <= %(on)s AND is_asked
UNION ALL
SELECT since, kind, 8, id, principal_fen, NULL, 'huabei_segment', id,
       jsonb_build_object('daily_rate', daily_rate::text, 'until', until)
FROM huabei_segment WHERE line_id = %(line)s AND principal_fen > 0
UNION ALL
SELECT made_on, 'plan', 9, id, principal_fen, entry_id, 'huabei_plan', id,
       jsonb_build_object('periods', periods, 'fee_fen', fee_fen)
FROM huabei_plan WHERE line_id = %(line)s
UNION ALL
SELECT payoff.paid_on, 'payoff', 10, payoff.id, payoff.principal_fen + payoff.fee_fen, payoff.entry_id, 'huabei_plan',
       plan_id, jsonb_build_object('fee_fen', payoff.fee_fen)
FROM huabei_plan AS plan JOIN huabei_payoff AS payoff ON payoff.plan_id = plan.id WHERE plan.line_id = %(line)s
UNION ALL
SELECT corrected_on, cause, 11, id, amount_fen, entry_id, 'huabei_correction', id,
       jsonb_build_object('value_on', value_on, 'interest_fen', interest_fen, 'penalty_fen', penalty_fen,
                          'fees_fen', fee_fen, 'words', reason)
FROM huabei_correction WHERE line_id = %(line)s
UNION ALL
SELECT changed_on, 'limit_' || kind, 12, id, after_fen, entry_id, 'huabei_limitchange', id,
       jsonb_build_object('before_fen', before_fen, 'cause', 'limit:' || cause, 'by', by, 'words', note)
FROM huabei_limitchange WHERE line_id = %(line)s
UNION ALL
SELECT frozen_on, 'frozen', 13, id, NULL, NULL, 'huabei_freeze', id,
       jsonb_build_object('cause', 'freeze:' || cause, 'by', by, 'words', note)
FROM huabei_freeze WHERE line_id = %(line)s
UNION ALL
SELECT thawed_on, 'thawed', 14, id, NULL, NULL, 'huabei_freeze', id,
       jsonb_build_object('cause', 'thaw:' || thaw_cause, 'by', thawed_by, 'words', thaw_note)
FROM huabei_freeze WHERE line_id = %(line)s AND thawed_on IS NOT NULL
UNION ALL
SELECT reviewed_on, 'review_' || outcome, 15, id, after_fen, NULL, 'huabei_limitreview', id,
       jsonb_build_object('score', score)
FROM huabei_limitreview WHERE line_id = %(line)s
UNION ALL
SELECT changed_on, 'calendar', 16, id, NULL, NULL, 'huabei_calendarchange', id,
       jsonb_build_object('days', statement_day_before || ' → ' || statement_day)
FROM huabei_calendarchange WHERE line_id = %(line)s
UNION ALL
SELECT paid_on, 'credit_paid_out', 17, id, amount_fen, entry_id, 'huabei_creditpayout', id, jsonb_build_object('by', by)
FROM huabei_creditpayout WHERE line_id = %(line)s
UNION ALL
SELECT since, 'late', 18, id, overdue_fen, NULL, 'huabei_arrears', id, '{}'
FROM huabei_arrears WHERE line_id = %(line)s AND since = began_on
UNION ALL
SELECT until, 'late_no_more', 19, id, NULL, NULL, 'huabei_arrears', id, '{}'
FROM huabei_arrears AS arrears
WHERE line_id = %(line)s AND until IS NOT NULL
  AND NOT EXISTS (SELECT FROM huabei_arrears AS next WHERE next.line_id = arrears.line_id AND next.since = arrears.until)
UNION ALL
SELECT closed_on, 'closed', 20, id, drawn_fen, NULL, 'huabei_closure', id,
       jsonb_build_object('cause', 'close:' || cause, 'by', by, 'words', note)
FROM huabei_closure WHERE line_id = %(line)s
"""

_PAGE = f"""
SELECT happened_on, kind, amount_fen, entry_id, model, record_id, said::text
FROM ({_FACTS}) AS fact ORDER BY happened_on DESC, place DESC, id DESC LIMIT %(most)s OFFSET %(skipped)s
"""  # noqa: S608 - there is nothing of anybody's in it


def timeline(*, line_id: int, on: date, most: int, skipped: int = 0) -> list[Fact]:
    """The facts of a line up to a date, newest first: so many after those skipped (one query)."""
    rows = fetch_all(_PAGE, {"line": line_id, "on": on, "most": most, "skipped": skipped})
    return [
        Fact(happened_on, kind, amount_fen, entry_id, model, record_id, json.loads(said))
        for happened_on, kind, amount_fen, entry_id, model, record_id, said in rows
    ]
