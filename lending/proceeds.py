"""
What loans leave of orders' proceeds, through `payments` to one of the seller's sources: the first in the seller's order.

It is owed on the seller's account until the gateway says that the money moved. An order that failed moves nothing: what is
owed is as payable as before, and ordered anew on the next business day.
"""

from __future__ import annotations

from datetime import date

from ledger.chart import CASH_CLEARING
from ledger.services import Draft, Leg, post
from ledger.sql import fetch_all
from lending.models import OrderEvent, ProceedsPayment
from payments.models import Direction
from payments.services.answers import Settled
from payments.services.orders import Wanted, order_payments

PURPOSE = "lending.proceeds"

# What is owed and neither paid nor being paid, where its seller has a source; once a day, so that a failure is not repeated
# at once. Two who look at the same time write the same reference, which happens once.
_TO_PAY = """
SELECT event.id, source.owner, event.to_seller_fen, source.id, tries.many
FROM lending_orderevent AS event
JOIN lending_sellerorder AS ordered ON ordered.id = event.order_id
JOIN LATERAL (SELECT id, owner FROM payments_fundingsource
              WHERE owner = ordered.seller_id AND removed_on IS NULL ORDER BY position LIMIT 1) AS source ON true
CROSS JOIN LATERAL (
    SELECT count(*) AS many,
           coalesce(bool_or(state IN ('created', 'sent', 'confirmed') OR ordered_on >= %(on)s), false) AS waits
    FROM payments_paymentorder AS earlier
    WHERE earlier.purpose = %(purpose)s AND earlier.subject = event.id::text
) AS tries
WHERE event.to_seller_fen > 0 AND NOT tries.waits
  AND NOT EXISTS (SELECT FROM lending_proceedspayment AS paid WHERE paid.event_id = event.id)
ORDER BY event.id
"""


def order_payouts(*, on: date, hint: bool = True) -> list[int]:
    """Orders what sellers are owed of proceeds to be paid out, each order's by itself; returns the payment orders' ids."""
    wanted = [
        Wanted(
            owner,
            amount_fen,
            PURPOSE,
            str(event_id),
            f"proceeds:{event_id}:{tries + 1}",
            source_id,
            Direction.PAY_OUT.value,
        )
        for event_id, owner, amount_fen, source_id, tries in fetch_all(
            _TO_PAY, {"on": on, "purpose": PURPOSE}
        )
    ]
    return order_payments(wanted=wanted, on=on, hint=hint) if wanted else []


def book_payout(settled: Settled, on: date) -> None:
    """The money went out, and the seller is owed it no longer; or it did not, and there is nothing to book."""
    if not settled.moved_fen:
        return
    event = OrderEvent.objects.select_related("order__seller").get(pk=int(settled.subject))
    payable = event.order.seller.payable_account_id
    entry = post(
        draft=Draft(
            reference=f"order:{event.order_id}:proceeds-paid",
            event="order.proceeds_paid",
            booked_on=on,
            value_on=settled.moved_on,
            legs=(Leg(payable, CASH_CLEARING.control_id, settled.moved_fen),),
        )
    )
    ProceedsPayment.objects.create(
        event=event,
        reference=settled.reference,
        amount_fen=settled.moved_fen,
        paid_on=settled.moved_on or on,
        entry_id=entry.entry_id,
    )
