"""
Collecting what a line's statement asks for on its due day, from the customer's own sources: how much, and for whom.

What a closed line owes is due and collected as before, but for one closed because its owner died: that is for the estate to
settle. Who is due and what is asked of each is one set-based statement, for all lines or for one. What it reads stays true
until the transaction ends, since it holds the lines as repayments and refunds do.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from django.db import connection

from huabei.models import Line
from huabei.services.corrections import repay_from
from ledger.sql import fetch_all
from payments.models import PaymentOrder
from payments.services.answers import Settled
from payments.services.orders import Wanted, order_payments

PURPOSE = "huabei.line"
# How the references of the orders made here begin.
OWN = "autopay:"

# Why a line is closed whose owner's sources are left alone.
DECEASED = "deceased"

_HOLD = """
SELECT line.id FROM huabei_line AS line
WHERE line.id IN (SELECT line_id FROM huabei_due WHERE due_on = %(on)s AND is_asked)
  AND NOT EXISTS (SELECT FROM huabei_closure AS closure WHERE closure.line_id = line.id AND closure.cause = %(deceased)s)
  /* scope */
ORDER BY line.id FOR NO KEY UPDATE
"""

# Nothing is under way for the line, nothing that was taken waits to be booked on it, and there is a source to take it from.
_FREE = """
  AND EXISTS (SELECT FROM payments_fundingsource AS source
              WHERE source.owner = line.customer_id AND source.autopay AND source.removed_on IS NULL)
  AND NOT EXISTS (SELECT FROM payments_paymentorder AS ordered
                  WHERE ordered.purpose = %(purpose)s AND ordered.subject = line.uuid::text
                    AND (ordered.state IN ('created', 'sent') OR EXISTS (
                        SELECT FROM payments_paymentattempt AS attempt
                        WHERE attempt.order_id = ordered.id AND attempt.moved_fen > 0 AND attempt.settled_on IS NULL)))
"""

# What `huabei.history.bill` says is unpaid, or the minimum; running penalty is part of both, since it is paid first.
_ASKED = """
SELECT line.id, line.uuid, line.customer_id,
       CASE coalesce(choice.amount, 'full') WHEN 'off' THEN 0 WHEN 'full' THEN bill.full_fen
            ELSE CASE WHEN bill.minimum_fen > 0 THEN least(bill.minimum_fen + bill.penalty_fen, bill.full_fen) ELSE 0 END
       END AS asked_fen,
       (SELECT count(*) FROM payments_paymentorder AS earlier
        WHERE earlier.purpose = %(purpose)s AND earlier.subject = line.uuid::text AND earlier.ordered_on = %(on)s) AS tried
FROM huabei_line AS line
LEFT JOIN LATERAL (
    SELECT amount FROM payments_autopaychoice
    WHERE owner = line.customer_id AND purpose = %(purpose)s ORDER BY id DESC LIMIT 1
) AS choice ON true
CROSS JOIN LATERAL (
    SELECT coalesce(sum(debits_posted_fen - credits_posted_fen), 0)::bigint AS fen FROM ledger_account
    WHERE id = ANY (ARRAY[line.billed_account_id, line.interest_account_id, line.fee_account_id, line.penalty_account_id])
) AS billed
CROSS JOIN LATERAL (
    SELECT coalesce(sum(greatest(round_fen(carried_fen + principal_fen * daily_rate * (%(on)s - since)), 0)), 0)::bigint
           AS fen
    FROM huabei_segment WHERE line_id = line.id AND until IS NULL AND kind = 'penalty'
) AS penalty
CROSS JOIN LATERAL (
    SELECT coalesce(sum(outstanding_fen), 0)::bigint AS fen FROM huabei_due WHERE line_id = line.id AND outstanding_fen > 0
) AS minimum
CROSS JOIN LATERAL (
    SELECT billed.fen + penalty.fen AS full_fen, penalty.fen AS penalty_fen, minimum.fen AS minimum_fen
) AS bill
WHERE line.id = ANY(%(lines)s) /* free */
"""


def _asked(on: date, scope: str, parameters: dict[str, Any], free: str) -> list[tuple[Any, ...]]:
    """Of the lines in scope due on a date, held: id, uuid, customer, what is asked in fen, orders of the day so far."""
    if not connection.in_atomic_block:
        raise RuntimeError("what is asked holds only in a transaction")
    parameters = {**parameters, "on": on, "purpose": PURPOSE, "deceased": DECEASED}
    held = [line_id for (line_id,) in fetch_all(_HOLD.replace("/* scope */", scope), parameters)]
    # Locked by the statement before, so that this one sees what was paid meanwhile.
    return fetch_all(_ASKED.replace("/* free */", free), parameters | {"lines": held}) if held else []


def order_dues(*, on: date, line_ids: Sequence[int] | None = None, hint: bool = True) -> list[int]:
    """
    Orders what is due on a date to be collected, of these lines or of all; returns the orders' ids.

    A line is left out that asks for nothing, whose owner has no source that allows autopay or chose to have nothing
    collected, or for which a collection is under way. Repeating it while nothing has ended orders nothing.
    """
    scope = "" if line_ids is None else "AND line.id = ANY(%(only)s)"
    rows = _asked(on, scope + _FREE, {"only": line_ids}, _FREE)
    wanted = [
        Wanted(customer_id, asked_fen, PURPOSE, str(uuid), f"{OWN}{line_id}:{on}:{tried + 1}")
        for line_id, uuid, customer_id, asked_fen, tried in rows
        if asked_fen > 0
    ]
    return order_payments(wanted=wanted, on=on, hint=hint) if wanted else []


def still_asked(order: PaymentOrder, on: date) -> int:
    """
    What of an order's line is still to be collected, in fen: nothing once the due day has passed. What somebody ordered
    themselves is wanted as it was ordered.
    """
    if not order.reference.startswith(OWN):
        return order.amount_fen
    if on != order.ordered_on:
        return 0
    rows = _asked(on, "AND line.uuid = %(subject)s::uuid", {"subject": order.subject}, "")
    return int(rows[0][3]) if rows else 0


def book_collection(settled: Settled, on: date) -> None:
    """
    Books what was collected as a repayment of its line, which counts from the day on which the money moved; where nothing
    was, there is nothing to book.
    """
    if not settled.moved_fen:
        return
    line = Line.objects.only("pk").get(uuid=settled.subject)
    repay_from(
        line_id=line.pk,
        amount_fen=settled.moved_fen,
        reference=f"payment:{settled.reference}",
        on=on,
        value_on=settled.moved_on or on,
    )
