"""
What loans leave of orders' proceeds, through `payments` to one of the seller's sources: the first in the seller's order.

It is owed on the seller's account until the gateway says that the money moved. An order that failed moves nothing: what is
owed is as payable as before, and ordered anew on the next business day. A settlement is undone whole, with the loan's fact of
it where there is one: the seller's part is taken back in the same entry, unless it went on to them.

While a seller is suspended nothing is paid out to them: what is owed is held back, and paid once they are reinstated. What
the gateway was asked for before goes its way.
"""

from __future__ import annotations

from datetime import date, datetime, time

from django.db import transaction
from django.db.models import QuerySet, Sum
from django.utils import timezone
from django.utils.translation import gettext as _

from customers.services.notices import notify
from finance.errors import Kind
from finance.money import format_yuan
from ledger.chart import CASH_CLEARING
from ledger.services import Draft, Leg, post, request_hash
from ledger.sql import fetch_all
from lending.errors import LendingError
from lending.models import (
    OWED,
    LoanTransaction,
    OrderEvent,
    OrderEventKind,
    Pledge,
    ProceedsPayment,
    Seller,
)
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


# Whether a settlement was undone.
UNDONE = "EXISTS (SELECT FROM lending_orderevent AS undone WHERE undone.undoes_id = event.id)"

# What is owed and neither paid nor being paid, where its seller has a source and is not suspended; after a failure not again
# on the same day. Two who look at the same time write the same reference, which happens once.
_TO_PAY = """
SELECT event.id, source.owner, event.to_seller_fen, source.id, tries.many
FROM lending_orderevent AS event
JOIN lending_sellerorder AS ordered ON ordered.id = event.order_id
JOIN lending_seller AS seller ON seller.customer_id = ordered.seller_id AND NOT seller.is_suspended
JOIN LATERAL (SELECT id, owner FROM payments_fundingsource
              WHERE owner = ordered.seller_id AND removed_on IS NULL ORDER BY position LIMIT 1) AS source ON true
CROSS JOIN LATERAL (
    SELECT count(*) AS many,
           coalesce(bool_or(state IN ('created', 'sent', 'confirmed') OR state = 'failed' AND ordered_on >= %(on)s), false)
               AS waits
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


def still_asked(order: PaymentOrder, _on: date) -> int:
    """
    How much of an order the gateway is to be asked for, in fen: nothing while its seller is suspended; then the order ends
    and what is owed is ordered anew afterwards. The seller is held: who suspends them waits until the order is on its way.
    """
    seller = Seller.objects.select_for_update(no_key=True).get(pk=order.owner)
    return 0 if seller.is_suspended else order.amount_fen


def settlements() -> QuerySet[OrderEvent]:
    """Settlements that were not undone."""
    return OrderEvent.objects.filter(kind=OrderEventKind.SETTLED, undone_by__isnull=True)


def settlement_behind(*, loan_id: int, fact: str) -> OrderEvent | None:
    """The settlement of which a loan's fact of this reference is; None for any other fact."""
    entries = LoanTransaction.objects.filter(loan=loan_id, reference=fact).values("entry_id")
    settled = OrderEvent.objects.filter(kind=OrderEventKind.SETTLED, order__pledges__loan=loan_id)
    return settled.filter(entry_id__in=entries).select_related("order").first()


def taken_back(event: OrderEvent) -> tuple[Leg, ...]:
    """
    What goes back of a settlement that is being undone, beside what its loan's fact moved: the seller's part, if any.

    Holds the seller, so it is called before the loan is locked. Error: ProceedsWentOn where the seller was paid, or is being.
    """
    seller = Seller.objects.select_for_update(no_key=True).get(pk=event.order.seller_id)
    if not event.to_seller_fen:
        return ()
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


def mark_undone(
    *, event: OrderEvent, reference: str, entry_id: int | None, on: date, cause: str
) -> OrderEvent:
    """
    Records that a settlement was undone, once. Its order stands again for the loan, where that is owed, and what was refunded
    of it meanwhile is called in. The caller holds the seller, and has told the loan anew.
    """
    undone = OrderEvent.objects.filter(undoes=event).first()
    if undone is not None:
        return undone
    pledge = (
        Pledge.objects.filter(order=event.order_id, loan__status__in=OWED).select_related("order").first()
    )
    return OrderEvent.objects.create(
        order_id=event.order_id,
        kind=OrderEventKind.UNDONE.value,
        reference=reference,
        request_hash=undoing_hash(event, cause),
        amount_fen=event.amount_fen,
        happened_at=timezone.make_aware(datetime.combine(on, time())),
        booked_on=on,
        recalled_fen=called_anew(pledge, refunded_of(event.order_id)) if pledge else 0,
        entry_id=entry_id,
        undoes=event,
        cause=cause,
    )


def undoing_hash(event: OrderEvent, cause: str) -> bytes:
    """Tells a repeat of undoing a settlement from another request."""
    return request_hash({"undoes": event.pk, "cause": cause})


def refunded_of(order_id: int) -> int:
    """What was refunded of an order in all, in fen."""
    refunds = OrderEvent.objects.filter(order=order_id, kind=OrderEventKind.REFUNDED)
    return int(refunds.aggregate(fen=Sum("amount_fen", default=0))["fen"])


def called_anew(pledge: Pledge, refunded_fen: int) -> int:
    """
    What more of a pledge's share is called in, when so much was refunded of its order in all. Nothing where more was called
    in before: what was refunded before the order was pledged counted too, once.
    """
    told = OrderEvent.objects.filter(order=pledge.order_id)
    called_fen = int(told.aggregate(fen=Sum("recalled_fen", default=0))["fen"])
    return max(0, called_in(pledge, refunded_fen) - called_fen)


def called_in(pledge: Pledge, refunded_fen: int) -> int:
    """What of a pledge's share its order stands for no more, when so much was refunded of it in all."""
    before_fen = pledge.refunded_before_fen
    return pledge.share_fen * (refunded_fen - before_fen) // (pledge.order.amount_fen - before_fen)


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
