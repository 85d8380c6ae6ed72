"""What borrowers are told of their loans when a day has ended (`customers.telling`)."""

from __future__ import annotations

from datetime import date

from customers.notices import Message
from customers.services.notices import notify_all
from customers.telling import concerned_sql, day_step
from lending.notices import (
    InstalmentDue,
    LoanAutopay,
    LoanCalledIn,
    LoanOverdue,
    LoanRateLowered,
    LoanRepaid,
    LoanRescheduled,
    LoanSigned,
)
from lending.recalls import AUTOPAY, PURPOSE

# A fact that was recorded on the day and still stands.
_RECORDED = """fact.booked_on = %(closed)s
  AND NOT EXISTS (SELECT FROM lending_loantransaction AS undone WHERE undone.reverses_id = fact.id)"""


def _concerned(message: type[Message], sql: str, **figures: str) -> str:
    return concerned_sql(
        message,
        sql.replace("/* recorded */", _RECORDED),
        subject="loan.id",
        reminders="lending_reminderday",
        figures={"loan": "loan.uuid", **figures},
    )


_SIGNED = _concerned(
    LoanSigned,
    """
SELECT loan.customer_id, 'loan:' || loan.id || ':signed' AS reference, /* figures */ AS figures
FROM lending_loan AS loan JOIN lending_signedterms AS terms ON terms.loan_id = loan.id
WHERE loan.signed_on = %(closed)s AND loan.status <> 'cancelled' AND /* scope */
""",
    amount_fen="terms.principal_fen",
    signed_on="loan.signed_on",
    simple_rate="terms.simple_rate::text",
)

# What falls due of each row is written down before it does, as it will be if nothing happens.
_DUE = _concerned(
    InstalmentDue,
    """
SELECT loan.customer_id, 'loan:' || loan.id || ':due:' || due.due_on || ':' || reminder.days AS reference,
       /* figures */ AS figures
FROM /* reminders */ AS reminder
CROSS JOIN LATERAL (SELECT loan_id, due_on, sum(unpaid_fen)::bigint AS fen FROM lending_instalment
    WHERE due_on = %(next)s::date - reminder.days AND unpaid_fen > 0 GROUP BY loan_id, due_on) AS due
JOIN lending_loan AS loan ON loan.id = due.loan_id
WHERE reminder.days <= 0 AND loan.status = 'active' AND /* scope */
""",
    due_on="due.due_on",
    days="-reminder.days",
    amount_fen="due.fen",
)

# A due day's collections are told of when the last of them has ended; what was called in is no autopay.
_AUTOPAY = _concerned(
    LoanAutopay,
    """
SELECT loan.customer_id, 'loan:' || loan.id || ':autopay:' || tried.ordered_on AS reference, /* figures */ AS figures
FROM (
    SELECT ended.subject, ended.ordered_on, max(ordered.amount_fen) AS asked_fen,
           sum(ordered.confirmed_fen)::bigint AS collected_fen
    FROM (SELECT DISTINCT subject, ordered_on FROM payments_paymentorder
          WHERE ended_on = %(closed)s AND purpose = %(purpose)s AND starts_with(reference, %(autopay)s)) AS ended
    JOIN payments_paymentorder AS ordered ON ordered.purpose = %(purpose)s AND ordered.subject = ended.subject
     AND ordered.ordered_on = ended.ordered_on AND starts_with(ordered.reference, %(autopay)s)
     AND ordered.state <> 'cancelled'
    GROUP BY ended.subject, ended.ordered_on
    HAVING bool_and(ordered.ended_on <= %(closed)s)
) AS tried
JOIN lending_loan AS loan ON loan.uuid::text = tried.subject
WHERE /* scope */
""",
    on="tried.ordered_on",
    asked_fen="tried.asked_fen",
    collected_fen="tried.collected_fen",
)

_OVERDUE = _concerned(
    LoanOverdue,
    """
SELECT loan.customer_id, 'loan:' || loan.id || ':overdue:' || late.oldest_due_on || ':' || reminder.days AS reference,
       /* figures */ AS figures
FROM (
    SELECT loan_id, min(due_on) AS oldest_due_on, sum(unpaid_fen)::bigint AS fen FROM lending_instalment
    WHERE billed AND unpaid_fen > 0 AND due_on <= %(closed)s GROUP BY loan_id
) AS late
JOIN /* reminders */ AS reminder ON reminder.days > 0 AND late.oldest_due_on = %(next)s::date - reminder.days
JOIN lending_loan AS loan ON loan.id = late.loan_id AND loan.status = 'active'
LEFT JOIN LATERAL (SELECT round_fen(sum(principal_fen * rate / year_days)) AS fen FROM lending_segment AS segment
    WHERE segment.loan_id = loan.id AND segment.kind = 'penalty' AND segment.since <= %(next)s
      AND coalesce(segment.until, '9999-12-31'::date) > %(next)s) AS penalty ON true
WHERE /* scope */
""",
    due_on="late.oldest_due_on",
    days="reminder.days",
    overdue_fen="late.fen",
    penalty_per_day_fen="coalesce(penalty.fen, 0)",
)

# By the payment that ended it, or by the credit that paid its last instalment as the day began.
_REPAID = _concerned(
    LoanRepaid,
    """
SELECT loan.customer_id, 'loan:' || loan.id || ':repaid:' || last.id AS reference, /* figures */ AS figures
FROM (
    SELECT loan_id FROM lending_loantransaction WHERE booked_on = %(closed)s
    UNION SELECT loan_id FROM lending_instalment WHERE due_on = %(next)s AND billed AND unpaid_fen = 0
) AS concerned
JOIN lending_loan AS loan ON loan.id = concerned.loan_id
JOIN lending_signedterms AS terms ON terms.loan_id = loan.id
JOIN ledger_account AS credit ON credit.id = loan.credit_account_id
CROSS JOIN LATERAL (SELECT max(id) AS id, max(booked_on) AS booked_on FROM lending_loantransaction AS fact
    WHERE fact.loan_id = loan.id AND fact.kind IN ('repayment', 'prepayment', 'payoff')) AS last
WHERE loan.status IN ('closed', 'overpaid') AND /* scope */
""",
    amount_fen="terms.principal_fen",
    on="last.booked_on",
    credit_fen="credit.credits_posted_fen - credit.debits_posted_fen",
)

_RESCHEDULED = _concerned(
    LoanRescheduled,
    """
SELECT loan.customer_id, 'loan:' || loan.id || ':fact:' || fact.id AS reference, /* figures */ AS figures
FROM lending_loantransaction AS fact JOIN lending_loan AS loan ON loan.id = fact.loan_id
LEFT JOIN LATERAL (SELECT due_on, unpaid_fen FROM lending_instalment AS row
    WHERE row.loan_id = loan.id AND row.unpaid_fen > 0 AND row.due_on >= %(next)s ORDER BY row.due_on, row.n LIMIT 1
) AS coming ON true
CROSS JOIN LATERAL (SELECT max(due_on) AS due_on FROM lending_instalment AS row
    WHERE row.loan_id = loan.id AND row.unpaid_fen > 0) AS final
WHERE fact.kind = 'reschedule' AND loan.status = 'active' AND /* recorded */ AND /* scope */
""",
    on="fact.booked_on",
    next_due_on="coming.due_on",
    next_fen="coming.unpaid_fen",
    last_due_on="final.due_on",
)

_RATE_LOWERED = _concerned(
    LoanRateLowered,
    """
SELECT loan.customer_id, 'loan:' || loan.id || ':fact:' || fact.id AS reference, /* figures */ AS figures
FROM lending_loantransaction AS fact JOIN lending_loan AS loan ON loan.id = fact.loan_id
WHERE fact.kind = 'rate_change' AND loan.status = 'active' AND /* recorded */ AND /* scope */
""",
    value_on="fact.value_on",
    rate="fact.detail->>'rate'",
    rate_unit="fact.detail->>'rate_unit'",
)

_CALLED_IN = _concerned(
    LoanCalledIn,
    """
SELECT loan.customer_id, 'order-event:' || event.id || ':called-in' AS reference, /* figures */ AS figures
FROM lending_orderevent AS event
JOIN lending_sellerorder AS ordered ON ordered.id = event.order_id
JOIN lending_pledge AS pledge ON pledge.order_id = ordered.id AND pledge.release <> 'cancelled'
JOIN lending_loan AS loan ON loan.id = pledge.loan_id
WHERE event.booked_on = %(closed)s AND event.recalled_fen > 0 AND /* scope */
""",
    order="ordered.reference",
    # The undoing of a settlement calls in for all that was refunded since the order was pledged.
    refunded_fen="""CASE event.kind WHEN 'refunded' THEN event.amount_fen ELSE (
        SELECT sum(amount_fen)::bigint FROM lending_orderevent WHERE order_id = ordered.id AND kind = 'refunded')
        - pledge.refunded_before_fen END""",
    called_fen="event.recalled_fen",
)


def tell_signed(*, loan_id: int, on: date) -> None:
    """Tells the borrower at once of what was signed on a date, under the reference by which the close would."""
    notify_all(message=LoanSigned, concerned=_SIGNED, parameters={"closed": on, "ids": [loan_id]}, on=on)


STEPS = (
    ("loans.tell_signed", day_step(LoanSigned, _SIGNED)),
    ("loans.tell_autopay", day_step(LoanAutopay, _AUTOPAY, purpose=PURPOSE, autopay=AUTOPAY)),
    ("loans.tell_due", day_step(InstalmentDue, _DUE)),
    ("loans.tell_overdue", day_step(LoanOverdue, _OVERDUE)),
    ("loans.tell_repaid", day_step(LoanRepaid, _REPAID)),
    ("loans.tell_rescheduled", day_step(LoanRescheduled, _RESCHEDULED)),
    ("loans.tell_rates", day_step(LoanRateLowered, _RATE_LOWERED)),
    ("loans.tell_called_in", day_step(LoanCalledIn, _CALLED_IN)),
)
