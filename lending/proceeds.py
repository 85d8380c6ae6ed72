"""
What loans leave of orders' proceeds, through `payments` to one of the seller's sources: the first in the seller's order.

It is owed on the seller's account until the gateway says that the money moved. An order that failed moves nothing: what is
owed is as payable as before, and ordered anew on the next business day. A settlement is undone whole, by undoing the loan's
fact of it: the seller's part is taken back in the same entry, unless it went on to them.
"""

from __future__ import annotations

from datetime import date

from django.db import transaction
from django.utils.translation import gettext as _

from customers.services.notices import notify
from finance.errors import Kind
from finance.money import format_yuan
from ledger.chart import CASH_CLEARING
from ledger.services import Draft, Leg, post
from ledger.sql import fetch_all
from lending.errors import LendingError
from lending.models import LoanTransaction, OrderEvent, OrderEventKind, ProceedsPayment, Seller
from lending.notices import ProceedsPayoutEnded
from payments.models import Direction, PaymentOrder
from payments.services.answers import Settled
from payments.services.orders import Wanted, order_payments
from payments.states import OrderState

PURPOSE = "lending.proceeds"


class ProceedsWentOn(LendingError):
    """What an order's settlement left for the seller was paid to them, or is on its way: it cannot be undone."""

    code = "proceeds_went_on"
    kind = Kind.CONFLICT


# Whether the loan's fact of a settlement, which is of the same entry, was undone.
UNDONE = """EXISTS (
    SELECT FROM lending_pledge AS pledge
    JOIN lending_loantransaction AS fact ON fact.loan_id = pledge.loan_id AND fact.entry_id = event.entry_id
    JOIN lending_loantransaction AS undone ON undone.reverses_id = fact.id
    WHERE pledge.order_id = event.order_id
)"""

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
  AND NOT /* undone */
  AND (%(sellers)s::uuid[] IS NULL OR ordered.seller_id = ANY(%(sellers)s))
ORDER BY event.id
""".replace("/* undone */", UNDONE)


def order_payouts(*, on: date, hint: bool = True) -> list[int]:
    """
    Orders what sellers are owed of proceeds to be paid out, each order's by itself; returns the payment orders' ids.

    The sellers are held meanwhile, as `taken_back` holds them: what is being undone is not ordered.
    """
    asked = {"on": on, "purpose": PURPOSE, "sellers": None}
    owners = {owner for _event, owner, *_rest in fetch_all(_TO_PAY, asked)}
    if not owners:
        return []
    with transaction.atomic():
        held = Seller.objects.select_for_update(no_key=True).filter(pk__in=owners).order_by("pk")
        asked["sellers"] = [seller.pk for seller in held]
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
            for event_id, owner, amount_fen, source_id, tries in fetch_all(_TO_PAY, asked)
        ]
        return order_payments(wanted=wanted, on=on, hint=hint) if wanted else []


def taken_back(*, loan_id: int, undoes: str) -> tuple[Leg, ...]:
    """
    What else moves when a loan's fact is undone: of a settlement the seller's part, back to where it came from; else nothing.

    Holds the seller, so it is called before the loan is locked. Error: ProceedsWentOn where the seller was paid, or is being.
    """
    event = OrderEvent.objects.filter(
        kind=OrderEventKind.SETTLED,
        to_seller_fen__gt=0,
        order__pledges__loan=loan_id,
        entry_id__in=LoanTransaction.objects.filter(loan=loan_id, reference=undoes).values("entry_id"),
    ).first()
    if event is None:
        return ()
    seller = Seller.objects.select_for_update(no_key=True, of=("self",)).get(orders__events=event)
    paid = PaymentOrder.objects.filter(purpose=PURPOSE, subject=str(event.pk))
    if paid.exclude(state__in=(OrderState.FAILED, OrderState.CANCELLED)).exists():
        raise ProceedsWentOn(
            _(
                "%(amount)s of these proceeds went on to the seller and cannot be taken back here: what was wrong is settled "
                "between the platform and the seller."
            )
            % {"amount": format_yuan(event.to_seller_fen)},
            field="reverses",
        )
    return (Leg(seller.payable_account_id, CASH_CLEARING.control_id, event.to_seller_fen),)


def book_payout(settled: Settled, on: date) -> None:
    """
    The money went out, and the seller is owed it no longer; or it did not, and there is nothing to book. The seller is told
    either, of failures once for each source: it is tried again every business day, for as long as it takes.
    """
    event = OrderEvent.objects.select_related("order__seller").get(pk=int(settled.subject))
    ordered = event.order
    if settled.moved_fen:
        _book(event, settled, on)
        message = ProceedsPayoutEnded(ordered.reference, event.to_seller_fen, True, settled.moved_on or on)
        reference = settled.order_reference
    else:
        tried = PaymentOrder.objects.get(reference=settled.order_reference)
        # The same each time it fails, so with no day.
        message = ProceedsPayoutEnded(ordered.reference, event.to_seller_fen, False, None)
        reference = f"proceeds:{event.pk}:failed:{tried.source_id}"
    notify(customer_id=ordered.seller_id, message=message, reference=reference, on=on)


def _book(event: OrderEvent, settled: Settled, on: date) -> None:
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
