"""What the owners of lines are told when a day has ended (`customers.telling`), and at once, by the services that do it."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import date

from customers.notices import Message
from customers.services.notices import notify_all
from customers.telling import concerned_sql, day_step
from huabei.notices import (
    InstalmentPlanMade,
    LimitChanged,
    LineClosed,
    LineFrozen,
    LineThawed,
    Overdue,
    PaymentDue,
    PaymentReceived,
    ReceiptDue,
    RefundArrived,
    ShareRefund,
    StatementIssued,
)

# The day of a fact, which the close asks for, or the fact itself.
_WHEN = re.compile(r"/\* when: (\S+) \*/")


def _concerned(message: type[Message], sql: str, **figures: str) -> str:
    return concerned_sql(message, sql, subject="line.id", reminders="huabei_reminderday", figures=figures)


_STATEMENTS = _concerned(
    StatementIssued,
    """
SELECT line.customer_id, 'statement:' || statement.id AS reference, /* figures */ AS figures
FROM huabei_statement AS statement JOIN huabei_line AS line ON line.id = statement.line_id
WHERE statement.issued_on = %(next)s AND /* scope */
""",
    statement_id="statement.id",
    issued_on="statement.issued_on",
    due_on="statement.due_on",
    total_fen="statement.total_fen",
    minimum_fen="statement.minimum_fen",
)

# Whoever met the minimum but owes more is reminded too: what is left costs nothing if paid by then.
_DUE = _concerned(
    PaymentDue,
    """
SELECT line.customer_id, 'line:' || line.id || ':due:' || due.due_on || ':' || reminder.days AS reference,
       /* figures */ AS figures
FROM /* reminders */ AS reminder
JOIN huabei_due AS due ON due.due_on = %(next)s::date - reminder.days AND due.is_asked
JOIN huabei_line AS line ON line.id = due.line_id
CROSS JOIN LATERAL (SELECT sum(debits_posted_fen - credits_posted_fen)::bigint AS fen FROM ledger_account
    WHERE id IN (line.billed_account_id, line.interest_account_id, line.fee_account_id, line.penalty_account_id)) AS unpaid
CROSS JOIN LATERAL (SELECT coalesce(sum(outstanding_fen), 0)::bigint AS fen FROM huabei_due AS mine
    WHERE mine.line_id = line.id AND mine.outstanding_fen > 0 AND mine.due_on <= due.due_on) AS asked
WHERE reminder.days < 0 AND unpaid.fen > 0 AND /* scope */
""",
    due_on="due.due_on",
    days="-reminder.days",
    total_fen="unpaid.fen",
    minimum_fen="least(asked.fen, unpaid.fen)",
)

# Not whoever has paid since, on the morning on which this looks.
_OVERDUE = _concerned(
    Overdue,
    """
SELECT line.customer_id, 'line:' || line.id || ':overdue:' || arrears.oldest_due_on || ':' || reminder.days AS reference,
       /* figures */ AS figures
FROM /* reminders */ AS reminder
JOIN huabei_arrears AS arrears ON arrears.until IS NULL AND arrears.oldest_due_on = %(next)s::date - reminder.days
JOIN huabei_line AS line ON line.id = arrears.line_id
LEFT JOIN LATERAL (SELECT round_fen(principal_fen * daily_rate) AS fen FROM huabei_segment AS segment
    WHERE segment.line_id = line.id AND segment.kind = 'penalty' AND segment.until IS NULL) AS penalty ON true
WHERE reminder.days > 0 AND line.bucket > 0 AND /* scope */
""",
    due_on="arrears.oldest_due_on",
    days="reminder.days",
    overdue_fen="arrears.overdue_fen",
    penalty_per_day_fen="coalesce(penalty.fen, 0)",
)

_FROZEN = _concerned(
    LineFrozen,
    """
SELECT line.customer_id, 'line:' || line.id || ':frozen:' || arrears.began_on AS reference, /* figures */ AS figures
FROM huabei_arrears AS arrears JOIN huabei_line AS line ON line.id = arrears.line_id
WHERE arrears.until IS NULL AND arrears.began_on = %(next)s AND line.status = 'frozen' AND line.frozen_cause = 'overdue'
  AND /* scope */
""",
    cause="line.frozen_cause",
    since="arrears.began_on",
)

_THAWED = _concerned(
    LineThawed,
    """
SELECT line.customer_id, 'line:' || line.id || ':thawed:' || %(closed)s::date AS reference, /* figures */ AS figures
FROM huabei_arrears AS arrears JOIN huabei_line AS line ON line.id = arrears.line_id
WHERE arrears.until = %(next)s AND line.status = 'active' AND /* scope */
  AND NOT EXISTS (SELECT FROM huabei_arrears AS still WHERE still.line_id = line.id AND still.until IS NULL)
""",
    on="%(closed)s::date",
)

_REPAID = _concerned(
    PaymentReceived,
    """
SELECT line.customer_id, 'repayment:' || repayment.id AS reference, /* figures */ AS figures
FROM huabei_repayment AS repayment JOIN huabei_line AS line ON line.id = repayment.line_id
WHERE /* when: repayment.received_on */ AND /* scope */
""",
    repayment_id="repayment.id",
    amount_fen="repayment.amount_fen",
    received_on="repayment.received_on",
    to_credit_fen="repayment.to_credit_fen",
)

_REFUNDED = _concerned(
    RefundArrived,
    """
SELECT line.customer_id, 'refund:' || refund.id AS reference, /* figures */ AS figures
FROM huabei_refund AS refund
JOIN huabei_purchase AS purchase ON purchase.id = refund.purchase_id
JOIN huabei_line AS line ON line.id = purchase.line_id
JOIN customers_shop AS shop ON shop.id = purchase.merchant_id
WHERE /* when: refund.refunded_on */ AND /* scope */
""",
    shop="shop.name",
    amount_fen="refund.amount_fen",
    refunded_on="refund.refunded_on",
    to_unbilled_fen="refund.to_unbilled_fen",
    to_instalment_fen="refund.to_instalment_fen",
    to_billed_fen="refund.to_billed_fen",
    to_credit_fen="refund.to_credit_fen",
    to_hold_fen="refund.to_hold_fen",
)

# Who bought it with somebody else's line.
_REFUNDED_THROUGH = _concerned(
    ShareRefund,
    """
SELECT share.beneficiary_id AS customer_id, 'refund:' || refund.id || ':share' AS reference, /* figures */ AS figures
FROM huabei_refund AS refund
JOIN huabei_sharedpurchase AS shared ON shared.purchase_id = refund.purchase_id
JOIN huabei_sharedline AS share ON share.id = shared.share_id
JOIN huabei_line AS line ON line.id = share.line_id
JOIN huabei_purchase AS purchase ON purchase.id = refund.purchase_id
JOIN customers_shop AS shop ON shop.id = purchase.merchant_id
WHERE /* when: refund.refunded_on */ AND /* scope */
""",
    shop="shop.name",
    amount_fen="refund.amount_fen",
    refunded_on="refund.refunded_on",
    month="shared.month",
)

# Whoever bought it: the owner of the line, or who spends through a share. Once for a purchase, whenever its time is near.
_RECEIPTS_DUE = _concerned(
    ReceiptDue,
    """
SELECT coalesce(share.beneficiary_id, line.customer_id) AS customer_id,
       'purchase:' || purchase.id || ':receipt' AS reference, /* figures */ AS figures
FROM (SELECT receipt_reminder_days AS days FROM huabei_merchantterms WHERE effective_from <= %(next)s
      ORDER BY effective_from DESC LIMIT 1) AS reminder
JOIN huabei_purchase AS purchase ON purchase.state = 'authorised' AND purchase.posts_on_receipt
    AND purchase.expires_on > %(next)s AND purchase.expires_on <= %(next)s::date + reminder.days
JOIN huabei_line AS line ON line.id = purchase.line_id
JOIN customers_shop AS shop ON shop.id = purchase.merchant_id
LEFT JOIN huabei_sharedpurchase AS shared ON shared.purchase_id = purchase.id
LEFT JOIN huabei_sharedline AS share ON share.id = shared.share_id
WHERE /* scope */
""",
    purchase_id="purchase.id",
    shop="shop.name",
    amount_fen="purchase.amount_fen - purchase.captured_fen - purchase.cancelled_fen",
    days="purchase.expires_on - %(next)s::date",
    received_on="purchase.expires_on",
)

# An instalment plan's first instalment is on the first statement after the day on which it was made.
_PLANNED = _concerned(
    InstalmentPlanMade,
    """
SELECT line.customer_id, 'plan:' || plan.id AS reference, /* figures */ AS figures
FROM huabei_plan AS plan
JOIN huabei_line AS line ON line.id = plan.line_id
JOIN huabei_planrow AS first ON first.plan_id = plan.id AND first.number = 1
CROSS JOIN LATERAL (SELECT date_trunc('month', plan.made_on)::date + line.statement_day - 1 AS day) AS this
CROSS JOIN LATERAL (
    SELECT (CASE WHEN this.day > plan.made_on THEN this.day ELSE this.day + interval '1 month' END)::date AS issued_on
) AS statement
WHERE plan.made_on = %(closed)s AND /* scope */
""",
    principal_fen="plan.principal_fen",
    fee_fen="plan.fee_fen - plan.subsidy_fen",
    periods="plan.periods",
    first_due_on="statement.issued_on - line.statement_day + line.due_day",
    first_instalment_fen="first.principal_fen + first.fee_fen",
)

_LIMITS = _concerned(
    LimitChanged,
    """
SELECT line.customer_id, 'limit-change:' || change.id AS reference, /* figures */ AS figures
FROM huabei_limitchange AS change
JOIN huabei_line AS line ON line.id = change.line_id
LEFT JOIN huabei_temporarylimit AS temporary ON temporary.id = change.temporary_id AND change.kind = 'temporary'
WHERE change.changed_on = %(on)s AND change.kind <> 'closed' AND /* scope */
ORDER BY change.id
""",
    from_fen="change.before_fen",
    to_fen="change.after_fen",
    last_day="temporary.last_day",
)

_CLOSED = _concerned(
    LineClosed,
    """
SELECT line.customer_id, 'closure:' || closure.id AS reference, /* figures */ AS figures
FROM huabei_closure AS closure
JOIN huabei_line AS line ON line.id = closure.line_id
CROSS JOIN LATERAL (SELECT sum(debits_posted_fen - credits_posted_fen)::bigint AS fen FROM ledger_account
    WHERE id IN (line.unbilled_account_id, line.billed_account_id, line.instalment_account_id, line.interest_account_id,
                 line.fee_account_id, line.penalty_account_id)) AS owed
WHERE closure.closed_on = %(on)s AND /* scope */
""",
    on="closure.closed_on",
    owed_fen="owed.fen",
)


# At once, by the services that do it.
_FACTS: dict[type[Message], tuple[str, str]] = {
    PaymentReceived: (_REPAID, "repayment"),
    RefundArrived: (_REFUNDED, "refund"),
    ShareRefund: (_REFUNDED_THROUGH, "refund"),
}


def tell_now(*, message: type[Message], fact_id: int, on: date) -> None:
    """Tells whom one repayment or refund concerns of it, under the reference by which the close would."""
    concerned, table = _FACTS[message]
    concerned = _WHEN.sub(f"{table}.id = %(fact)s", concerned)
    notify_all(message=message, concerned=concerned, parameters={"fact": fact_id, "ids": None}, on=on)


def tell_limits(*, line_ids: Sequence[int], on: date) -> None:
    """Tells the owners of these lines what was changed about their limits on a date."""
    parameters = {"ids": list(line_ids), "on": on}
    notify_all(message=LimitChanged, concerned=_LIMITS, parameters=parameters, on=on)


def tell_closed(*, line_ids: Sequence[int], on: date) -> None:
    """Tells the owners of these lines that they were closed on a date."""
    parameters = {"ids": list(line_ids), "on": on}
    notify_all(message=LineClosed, concerned=_CLOSED, parameters=parameters, on=on)


def _step(message: type[Message], concerned: str) -> Callable[..., int]:
    return day_step(message, _WHEN.sub(r"\1 = %(closed)s", concerned))


STEPS = (
    ("lines.tell_statements", _step(StatementIssued, _STATEMENTS)),
    ("lines.tell_due", _step(PaymentDue, _DUE)),
    ("lines.tell_overdue", _step(Overdue, _OVERDUE)),
    ("lines.tell_frozen", _step(LineFrozen, _FROZEN)),
    ("lines.tell_thawed", _step(LineThawed, _THAWED)),
    ("lines.tell_repayments", _step(PaymentReceived, _REPAID)),
    ("lines.tell_refunds", _step(RefundArrived, _REFUNDED)),
    ("lines.tell_shared_refunds", _step(ShareRefund, _REFUNDED_THROUGH)),
    ("lines.tell_receipts_due", _step(ReceiptDue, _RECEIPTS_DUE)),
    ("lines.tell_plans", _step(InstalmentPlanMade, _PLANNED)),
)
