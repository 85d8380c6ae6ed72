"""
The proof of the lines: their own rows say what the ledger says. Each rule is one SELECT of the rows at fault.

The form is `ledger.audit.Check`; `operations.audit` runs these together with the ledger's own. Every rule is stated anew from
the facts and trusts no counter but those that `ledger.audit` proves.
"""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from huabei.audit_limits import LIMITS
from huabei.audit_spending import SPENDING
from huabei.models import (
    Accrual,
    CalendarChange,
    Capture,
    Closure,
    Correction,
    Due,
    Freeze,
    LimitChange,
    LimitReview,
    Line,
    Purchase,
    Refund,
    RefundShare,
    Repayment,
    Segment,
    SegmentKind,
    Statement,
    TemporaryLimit,
)
from ledger.audit import Check, guards
from ledger.chart import (
    CASH_CLEARING,
    COMMITMENT,
    CORRECTIONS,
    CUSTOMER_CREDIT,
    FEE_RECEIVABLE,
    INTEREST_ACCRUED,
    INTEREST_RECEIVABLE,
    PENALTY_ACCRUED,
    PENALTY_RECEIVABLE,
    PRINCIPAL_BILLED,
    PRINCIPAL_INSTALMENT,
    PRINCIPAL_UNBILLED,
)

# What stands on each line, by its accounts' counters.
_STANDING = """
SELECT line.id, line.limit_fen + line.excess_fen AS limit_fen, line.billable,
       commitment.credits_posted_fen - commitment.debits_posted_fen AS undrawn_fen, commitment.debits_pending_fen AS held_fen,
       unbilled.debits_posted_fen - unbilled.credits_posted_fen AS unbilled_fen,
       billed.debits_posted_fen - billed.credits_posted_fen AS billed_fen,
       instalment.debits_posted_fen - instalment.credits_posted_fen AS instalment_fen,
       billed.debits_posted_fen - billed.credits_posted_fen + interest.debits_posted_fen - interest.credits_posted_fen
           + fee.debits_posted_fen - fee.credits_posted_fen
           + penalty.debits_posted_fen - penalty.credits_posted_fen AS billed_total_fen,
       credit.credits_posted_fen - credit.debits_posted_fen AS credit_fen
FROM huabei_line AS line
JOIN ledger_account AS commitment ON commitment.id = line.commitment_account_id
JOIN ledger_account AS unbilled ON unbilled.id = line.unbilled_account_id
JOIN ledger_account AS billed ON billed.id = line.billed_account_id
JOIN ledger_account AS instalment ON instalment.id = line.instalment_account_id
JOIN ledger_account AS interest ON interest.id = line.interest_account_id
JOIN ledger_account AS fee ON fee.id = line.fee_account_id
JOIN ledger_account AS penalty ON penalty.id = line.penalty_account_id
JOIN ledger_account AS credit ON credit.id = line.credit_account_id
"""


def _of_lines(sql: str) -> str:
    return sql.replace("/* standing */", _STANDING)


_ACCOUNTS = """
SELECT 'huabei_line', line.id::text, format('%%s of %%s', role.type_code, line.customer_id),
       CASE WHEN account.id IS NOT NULL THEN format('%%s of %%s', account.type_code, account.owner) END
FROM huabei_line AS line
CROSS JOIN LATERAL (VALUES (commitment_account_id, %(commitment)s), (unbilled_account_id, %(unbilled)s),
    (billed_account_id, %(billed)s), (instalment_account_id, %(instalment)s),
    (interest_account_id, %(interest)s), (fee_account_id, %(fee)s),
    (penalty_account_id, %(penalty)s), (credit_account_id, %(credit)s)) AS role (account_id, type_code)
LEFT JOIN ledger_account AS account ON account.id = role.account_id
WHERE (account.type_code, account.owner) IS DISTINCT FROM (role.type_code, line.customer_id)
"""

_LIMITS = _of_lines("""
SELECT 'huabei_line', id::text,
       format('limit and excess less drawn=%%s', limit_fen - unbilled_fen - billed_fen - instalment_fen),
       format('commitment not drawn=%%s', undrawn_fen)
FROM (/* standing */) AS standing
WHERE limit_fen - unbilled_fen - billed_fen - instalment_fen <> undrawn_fen
""")

_HOLDS = _of_lines("""
SELECT 'huabei_line', id::text, format('authorised=%%s', coalesce(authorised.fen, 0)), format('held=%%s', held_fen)
FROM (/* standing */) AS standing
LEFT JOIN (SELECT line_id, sum(amount_fen - captured_fen - cancelled_fen) AS fen FROM huabei_purchase
           WHERE state = 'authorised' GROUP BY line_id)
    AS authorised ON authorised.line_id = standing.id
WHERE coalesce(authorised.fen, 0) <> held_fen
""")

_CREDIT = _of_lines("""
SELECT 'huabei_line', id::text, 'credit or billed debts, not both',
       format('credit=%%s billed=%%s', credit_fen, billed_total_fen)
FROM (/* standing */) AS standing
WHERE credit_fen > 0 AND billed_total_fen > 0
""")

_BILLABLE = _of_lines("""
SELECT 'huabei_line', id::text, 'billable', format('not billable, unbilled=%%s billed=%%s', unbilled_fen, billed_total_fen)
FROM (/* standing */) AS standing
WHERE NOT billable AND unbilled_fen + billed_total_fen + instalment_fen > 0
""")

_DUES = _of_lines("""
SELECT 'huabei_line', standing.id::text, format('minimum outstanding <= %%s', billed_total_fen),
       format('minimum outstanding = %%s', due.fen)
FROM (/* standing */) AS standing
JOIN (SELECT line_id, sum(outstanding_fen) AS fen FROM huabei_due WHERE outstanding_fen > 0 GROUP BY line_id) AS due
    ON due.line_id = standing.id
WHERE due.fen > billed_total_fen
""")

_DUE_OF_STATEMENT = """
SELECT 'huabei_statement', statement.id::text, format('due on %%s', statement.due_on),
       CASE WHEN due.statement_id IS NOT NULL THEN format('due on %%s', due.due_on) END
FROM huabei_statement AS statement LEFT JOIN huabei_due AS due ON due.statement_id = statement.id
WHERE (due.line_id, due.due_on) IS DISTINCT FROM (statement.line_id, statement.due_on)
"""

# Interest runs on past due principal, or penalty on what was billed and missed; never on more, and never both.
_RUNNING = _of_lines("""
SELECT 'huabei_line', id::text, format('revolving <= %%s, penalty <= %%s, one of them', billed_fen, billed_total_fen),
       format('revolving = %%s, penalty = %%s', revolving_fen, penalty_fen)
FROM (/* standing */) AS standing
JOIN (SELECT line_id, coalesce(sum(principal_fen) FILTER (WHERE kind = 'revolving'), 0) AS revolving_fen,
             coalesce(sum(principal_fen) FILTER (WHERE kind = 'penalty'), 0) AS penalty_fen
      FROM huabei_segment WHERE until IS NULL GROUP BY line_id) AS running ON running.line_id = standing.id
WHERE revolving_fen > billed_fen OR penalty_fen > billed_total_fen OR (revolving_fen > 0 AND penalty_fen > 0)
""")

_SEGMENTS = """
SELECT 'huabei_segment', id::text, format('closed by %%s', next_since),
       CASE WHEN until IS NULL THEN 'open' ELSE format('until %%s', until) END
FROM (SELECT id, since, until, lead(since) OVER (PARTITION BY line_id, kind ORDER BY id) AS next_since FROM huabei_segment)
    AS segment
WHERE next_since IS NOT NULL AND (until IS NULL OR until > next_since)
"""

# What the entry of a statement moved: the fen it added to each debt, net of the credit that paid of it.
_STATEMENTS = """
SELECT 'huabei_statement', statement.id::text,
       format('new principal=%%s instalments=%%s interest=%%s penalty=%%s fee=%%s', moved.principal, moved.instalments,
              moved.interest, moved.penalty, moved.fee),
       format('new principal=%%s instalments=%%s interest=%%s penalty=%%s fee=%%s', new_principal_fen, new_instalment_fen,
              new_interest_fen, new_penalty_fen, new_fee_fen)
FROM huabei_statement AS statement
JOIN huabei_line AS line ON line.id = statement.line_id
CROSS JOIN LATERAL (
    SELECT coalesce(sum(fen) FILTER (WHERE account_id = line.billed_account_id), 0) AS principal,
           coalesce(sum(fen) FILTER (WHERE account_id = line.interest_account_id), 0) AS interest,
           coalesce(sum(fen) FILTER (WHERE account_id = line.penalty_account_id), 0) AS penalty,
           coalesce(sum(fen) FILTER (WHERE account_id = line.fee_account_id), 0) AS fee,
           coalesce(sum(fen) FILTER (WHERE account_id = line.billed_account_id
                                     AND credit_account_id = line.instalment_account_id), 0) AS instalments
    FROM ledger_transfer AS transfer
    CROSS JOIN LATERAL (VALUES (debit_account_id, amount_fen), (credit_account_id, -amount_fen)) AS leg (account_id, fen)
    WHERE transfer.entry_id = statement.entry_id
) AS moved
WHERE (moved.principal, moved.instalments, moved.interest, moved.penalty, moved.fee)
      <> (new_principal_fen, new_instalment_fen, new_interest_fen, new_penalty_fen, new_fee_fen)
"""

# What stood on the debts once the statement's entry was written; a line's postings are numbered in their order.
_TOTALS = """
SELECT 'huabei_statement', statement.id::text,
       format('principal=%%s interest=%%s penalty=%%s fee=%%s', stood.principal, stood.interest, stood.penalty, stood.fee),
       format('principal=%%s interest=%%s penalty=%%s fee=%%s', principal_fen, interest_fen, penalty_fen, fee_fen)
FROM huabei_statement AS statement
JOIN huabei_line AS line ON line.id = statement.line_id
CROSS JOIN LATERAL (SELECT max(id) AS id FROM ledger_transfer AS moved WHERE moved.entry_id = statement.entry_id) AS last
CROSS JOIN LATERAL (
    SELECT coalesce(sum(fen) FILTER (WHERE account_id = line.billed_account_id), 0) AS principal,
           coalesce(sum(fen) FILTER (WHERE account_id = line.interest_account_id), 0) AS interest,
           coalesce(sum(fen) FILTER (WHERE account_id = line.penalty_account_id), 0) AS penalty,
           coalesce(sum(fen) FILTER (WHERE account_id = line.fee_account_id), 0) AS fee
    FROM (VALUES (line.billed_account_id), (line.interest_account_id), (line.penalty_account_id), (line.fee_account_id))
        AS debt (account_id)
    CROSS JOIN LATERAL (
        SELECT amount_fen AS fen FROM ledger_transfer AS t WHERE t.debit_account_id = debt.account_id AND t.id <= last.id
        UNION ALL
        SELECT -amount_fen FROM ledger_transfer AS t WHERE t.credit_account_id = debt.account_id AND t.id <= last.id
    ) AS leg
) AS stood
WHERE statement.entry_id IS NOT NULL
  AND (stood.principal, stood.interest, stood.penalty, stood.fee) <> (principal_fen, interest_fen, penalty_fen, fee_fen)
"""

# The purchases captured, without those in instalments, and the credit used, from the statement before up to this one.
_PERIODS = """
SELECT 'huabei_statement', statement.id::text, format('purchases=%%s credit used=%%s', bought.fen, used.fen),
       format('purchases=%%s credit used=%%s', purchases_fen, credit_used_fen)
FROM (SELECT *, lag(issued_on) OVER earlier AS before_on, lag(entry_id) OVER earlier AS before_entry_id FROM huabei_statement
      WINDOW earlier AS (PARTITION BY line_id ORDER BY issued_on)) AS statement
JOIN huabei_line AS line ON line.id = statement.line_id
CROSS JOIN LATERAL (
    SELECT coalesce(sum(amount_fen), 0) AS fen FROM huabei_capture AS capture
    WHERE capture.line_id = line.id AND posted_on >= coalesce(before_on, line.opened_on) AND posted_on < issued_on
      AND NOT EXISTS (SELECT FROM huabei_plan AS plan WHERE plan.entry_id = capture.entry_id)
) AS bought
CROSS JOIN LATERAL (
    SELECT coalesce(sum(amount_fen), 0) AS fen FROM ledger_transfer AS transfer
    WHERE debit_account_id = line.credit_account_id AND credit_account_id NOT IN (%(cash)s, %(corrections)s)
      AND (transfer.entry_id = statement.entry_id
           OR booked_on >= coalesce(before_on, line.opened_on) AND booked_on < issued_on
              AND transfer.entry_id IS DISTINCT FROM before_entry_id)
) AS used
WHERE (bought.fen, used.fen) <> (purchases_fen, credit_used_fen)
"""

_REPAYMENTS = """
SELECT 'huabei_repayment', repayment.id::text,
       format('penalty=%%s interest=%%s fee=%%s billed=%%s unbilled=%%s credit=%%s cash=%%s', moved.penalty, moved.interest,
              moved.fee, moved.billed, moved.unbilled, moved.credit, moved.cash),
       format('penalty=%%s interest=%%s fee=%%s billed=%%s unbilled=%%s credit=%%s cash=%%s', to_penalty_fen, to_interest_fen,
              to_fee_fen, to_billed_fen, to_unbilled_fen, to_credit_fen, repayment.amount_fen)
FROM huabei_repayment AS repayment
JOIN huabei_line AS line ON line.id = repayment.line_id
CROSS JOIN LATERAL (
    SELECT coalesce(sum(amount_fen) FILTER (WHERE credit_account_id = line.penalty_account_id), 0) AS penalty,
           coalesce(sum(amount_fen) FILTER (WHERE credit_account_id = line.interest_account_id), 0) AS interest,
           coalesce(sum(amount_fen) FILTER (WHERE credit_account_id = line.fee_account_id), 0) AS fee,
           coalesce(sum(amount_fen) FILTER (WHERE credit_account_id = line.billed_account_id), 0) AS billed,
           coalesce(sum(amount_fen) FILTER (WHERE credit_account_id = line.unbilled_account_id), 0) AS unbilled,
           coalesce(sum(amount_fen) FILTER (WHERE credit_account_id = line.credit_account_id), 0) AS credit,
           coalesce(sum(amount_fen), 0) AS cash
    FROM ledger_transfer AS transfer
    WHERE transfer.entry_id = repayment.entry_id AND debit_account_id = %(cash)s
) AS moved
WHERE value_on = received_on
  AND (moved.penalty, moved.interest, moved.fee, moved.billed, moved.unbilled, moved.credit, moved.cash)
      <> (to_penalty_fen, to_interest_fen, to_fee_fen, to_billed_fen, to_unbilled_fen, to_credit_fen, repayment.amount_fen)
"""

_REFUNDS = """
SELECT 'huabei_refund', refund.id::text,
       format('unbilled=%%s billed=%%s credit=%%s merchant=%%s', moved.unbilled, moved.billed, moved.credit, moved.merchant),
       format('unbilled=%%s billed=%%s credit=%%s merchant=%%s', to_unbilled_fen, to_billed_fen, to_credit_fen,
              refund.amount_fen - to_hold_fen)
FROM huabei_refund AS refund
JOIN huabei_purchase AS purchase ON purchase.id = refund.purchase_id
JOIN huabei_line AS line ON line.id = purchase.line_id
JOIN huabei_merchant AS merchant ON merchant.shop_id = purchase.merchant_id
CROSS JOIN LATERAL (
    SELECT coalesce(sum(amount_fen) FILTER (WHERE credit_account_id = line.unbilled_account_id), 0) AS unbilled,
           coalesce(sum(amount_fen) FILTER (WHERE credit_account_id IN (line.billed_account_id, line.interest_account_id,
               line.fee_account_id, line.penalty_account_id)), 0) AS billed,
           coalesce(sum(amount_fen) FILTER (WHERE credit_account_id = line.credit_account_id), 0) AS credit,
           coalesce(sum(amount_fen), 0) AS merchant
    FROM ledger_transfer AS transfer
    WHERE transfer.entry_id = refund.entry_id AND debit_account_id = merchant.payable_account_id
) AS moved
WHERE (moved.unbilled, moved.billed, moved.credit, moved.merchant)
      <> (to_unbilled_fen, to_billed_fen, to_credit_fen, refund.amount_fen - to_hold_fen)
"""

# The control account at the end of every day for which a row says what stands accrued; and what the day's entry moved.
_ACCRUED = """
WITH day AS (
    SELECT kind.code AS kind, transfer.booked_on,
           sum(CASE WHEN transfer.debit_account_id = kind.accrued_id THEN amount_fen ELSE -amount_fen END) AS fen
    FROM (VALUES (%(revolving)s, %(interest_accrued)s::bigint), (%(penalty)s, %(penalty_accrued)s::bigint))
        AS kind (code, accrued_id)
    JOIN ledger_transfer AS transfer ON kind.accrued_id IN (transfer.debit_account_id, transfer.credit_account_id)
    GROUP BY 1, 2
)
SELECT 'huabei_accrual', accrual.id::text, format('accrued=%%s income=%%s', standing.fen, coalesce(entry.fen, 0)),
       format('accrued=%%s income=%%s', accrued_fen, income_fen)
FROM huabei_accrual AS accrual
CROSS JOIN LATERAL (SELECT coalesce(sum(fen), 0) AS fen FROM day
                    WHERE day.kind = accrual.kind AND day.booked_on <= accrual.closed_on) AS standing
LEFT JOIN LATERAL (
    SELECT sum(CASE WHEN transfer.debit_account_id IN (%(interest_accrued)s, %(penalty_accrued)s) THEN amount_fen
                    ELSE -amount_fen END) AS fen
    FROM ledger_transfer AS transfer WHERE transfer.entry_id = accrual.entry_id
) AS entry ON true
WHERE (standing.fen, coalesce(entry.fen, 0)) <> (accrued_fen, income_fen)
"""

# The last row of each kind, from the segments as they were on its day.
_ACCRUED_EXACTLY = """
SELECT 'huabei_accrual', accrual.id::text, format('accrued=%%s', exact.fen), format('accrued=%%s', accrued_fen)
FROM (SELECT DISTINCT ON (kind) * FROM huabei_accrual ORDER BY kind, closed_on DESC) AS accrual
CROSS JOIN LATERAL (
    SELECT round_fen(coalesce(sum(carried_fen + principal_fen * daily_rate * (accrual.closed_on + 1 - since)), 0)) AS fen
    FROM huabei_segment AS segment
    WHERE segment.kind = accrual.kind AND since <= accrual.closed_on AND (until IS NULL OR until > accrual.closed_on)
) AS exact
WHERE exact.fen <> accrued_fen
"""

_ACCRUED_IDS = {
    "revolving": SegmentKind.REVOLVING.value,
    "penalty": SegmentKind.PENALTY.value,
    "interest_accrued": INTEREST_ACCRUED.control_id,
    "penalty_accrued": PENALTY_ACCRUED.control_id,
}

# What an entry that corrects moves through the lender's account of corrections comes out of it again, and what it changed of
# the charges that were posted is what its row says.
_CORRECTIONS = """
SELECT 'huabei_correction', correction.id::text, format('left=0 interest=%%s penalty=%%s', interest_fen, penalty_fen),
       format('left=%%s interest=%%s penalty=%%s', moved.left_fen, moved.interest, moved.penalty)
FROM huabei_correction AS correction
CROSS JOIN LATERAL (
    SELECT coalesce(sum(fen) FILTER (WHERE account_id = %(corrections)s), 0) AS left_fen,
           -coalesce(sum(fen) FILTER (WHERE account_id = %(interest_accrued)s), 0) AS interest,
           -coalesce(sum(fen) FILTER (WHERE account_id = %(penalty_accrued)s), 0) AS penalty
    FROM ledger_transfer AS transfer
    CROSS JOIN LATERAL (VALUES (debit_account_id, amount_fen), (credit_account_id, -amount_fen)) AS leg (account_id, fen)
    WHERE transfer.entry_id = correction.entry_id
) AS moved
WHERE (moved.left_fen, moved.interest, moved.penalty) <> (0, interest_fen, penalty_fen)
"""

CHECKS: tuple[Check, ...] = (
    Check(
        "line_accounts",
        _("Every line has its eight accounts, of the right types and its customer's."),
        "huabei_line",
        _ACCOUNTS,
        {
            "commitment": COMMITMENT.code,
            "unbilled": PRINCIPAL_UNBILLED.code,
            "billed": PRINCIPAL_BILLED.code,
            "instalment": PRINCIPAL_INSTALMENT.code,
            "interest": INTEREST_RECEIVABLE.code,
            "fee": FEE_RECEIVABLE.code,
            "penalty": PENALTY_RECEIVABLE.code,
            "credit": CUSTOMER_CREDIT.code,
        },
    ),
    Check(
        "line_limits",
        _("A line's limit, and what exceeds it, less what is drawn is what its commitment has left."),
        "huabei_line",
        _LIMITS,
    ),
    Check(
        "line_holds", _("What a line holds is what its authorised purchases reserved."), "huabei_line", _HOLDS
    ),
    Check("line_credit", _("No customer has credit and owes on a statement."), "huabei_line", _CREDIT),
    Check(
        "line_billable",
        _("Every line that owes anything is looked at on its statement day."),
        "huabei_line",
        _BILLABLE,
    ),
    Check("line_dues", _("No more is due as minimum than is billed and unpaid."), "huabei_line", _DUES),
    Check(
        "line_running",
        _("Interest or penalty runs on no more than is billed and unpaid, and not both."),
        "huabei_segment WHERE until IS NULL",
        _RUNNING,
    ),
    Check(
        "line_segments",
        _("Interest segments of one kind follow each other and do not overlap; the last may be open."),
        "huabei_segment",
        _SEGMENTS,
    ),
    Check(
        "line_statements",
        _("What a statement billed anew is what its entry posted."),
        "huabei_statement",
        _STATEMENTS,
    ),
    Check(
        "line_totals", _("A statement asks for what stood on the line's debts."), "huabei_statement", _TOTALS
    ),
    Check(
        "line_periods",
        _("A statement's purchases and credit used are those since the statement before."),
        "huabei_statement",
        _PERIODS,
        {"cash": CASH_CLEARING.control_id, "corrections": CORRECTIONS.control_id},
    ),
    Check(
        "line_due_dates",
        _("Every statement has its minimum due on its due date."),
        "huabei_statement",
        _DUE_OF_STATEMENT,
    ),
    Check(
        "line_repayments",
        _("A repayment went where its entry posted it."),
        "huabei_repayment",
        _REPAYMENTS,
        {"cash": CASH_CLEARING.control_id},
    ),
    Check("line_refunds", _("A refund went where its entry posted it."), "huabei_refund", _REFUNDS),
    *SPENDING,
    *LIMITS,
    Check(
        "line_corrections",
        _("A correction says what its entry changed, and leaves nothing between accounts."),
        "huabei_correction",
        _CORRECTIONS,
        {
            "corrections": CORRECTIONS.control_id,
            "interest_accrued": INTEREST_ACCRUED.control_id,
            "penalty_accrued": PENALTY_ACCRUED.control_id,
        },
    ),
    Check(
        "line_accrued",
        _("Accrued interest and penalty are what every day's row says, and its entry booked its income."),
        "huabei_accrual",
        _ACCRUED,
        _ACCRUED_IDS,
    ),
    Check(
        "line_accrued_exactly",
        _("What stands accrued is the rounded sum of what every line owes exactly."),
        "huabei_accrual",
        _ACCRUED_EXACTLY,
    ),
    guards(
        "line_guards",
        models=(
            Line,
            Purchase,
            Capture,
            Refund,
            RefundShare,
            Statement,
            Due,
            Repayment,
            Correction,
            CalendarChange,
            Segment,
            Accrual,
            Closure,
            Freeze,
            LimitChange,
            LimitReview,
            TemporaryLimit,
        ),
        facts=(
            Statement,
            Repayment,
            Refund,
            RefundShare,
            Correction,
            CalendarChange,
            Accrual,
            Closure,
            LimitChange,
            LimitReview,
        ),
        triggers=(
            "huabei_accrual_is_append_only",
            "huabei_accrual_is_not_truncated",
            "huabei_calendarchange_is_append_only",
            "huabei_calendarchange_is_not_truncated",
            "huabei_capture_keeps_its_nature",
            "huabei_capture_keeps_its_refunds",
            "huabei_closure_is_append_only",
            "huabei_closure_is_not_truncated",
            "huabei_correction_is_append_only",
            "huabei_correction_is_not_truncated",
            "huabei_due_keeps_its_nature",
            "huabei_freeze_only_thaws",
            "huabei_limitchange_is_append_only",
            "huabei_limitchange_is_not_truncated",
            "huabei_limitreview_is_append_only",
            "huabei_limitreview_is_not_truncated",
            "huabei_line_keeps_its_nature",
            "huabei_line_stays_closed",
            "huabei_purchase_keeps_its_captures",
            "huabei_purchase_keeps_its_nature",
            "huabei_purchase_keeps_its_refunds",
            "huabei_purchase_leaves_authorised_once",
            "huabei_refund_is_append_only",
            "huabei_refund_is_not_truncated",
            "huabei_refundshare_is_append_only",
            "huabei_refundshare_is_not_truncated",
            "huabei_repayment_is_append_only",
            "huabei_repayment_is_not_truncated",
            "huabei_segment_only_closes",
            "huabei_statement_is_append_only",
            "huabei_statement_is_not_truncated",
            "huabei_temporarylimit_only_ends",
        ),
    ),
)
