"""
What a shop's platform tells of orders, and what follows for the loan that an order is pledged to.

Every event happens once under the order's reference. Locks are taken in one sequence: the seller, the loan, its pledge.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Sum
from django.utils import timezone
from django.utils.translation import gettext as _

from customers import identity, sealing
from customers.models import Customer
from customers.sealing import Sealed
from customers.services import CustomerNotFound
from finance.errors import Kind as Refused
from finance.loan import Kind
from ledger.chart import CASH_CLEARING, MERCHANT_PAYABLE
from ledger.services import Draft, Leg, open_account, post, request_hash
from lending.errors import (
    LendingError,
    LoanAmountRefused,
    LoanDateRefused,
    LoanNotRunning,
    LoanRequestConflict,
    require_amount,
    require_reference,
    require_same_request,
)
from lending.models import (
    OWED,
    Loan,
    LoanStatus,
    LoanTransaction,
    OrderEvent,
    OrderEventKind,
    Pledge,
    Release,
    Seller,
    SellerOrder,
)
from lending.proceeds import (
    called_anew,
    mark_undone,
    refunded_of,
    settlements,
    taken_back,
    undoing_hash,
)
from lending.recalls import order_recalls
from lending.selectors import payoff_quote
from lending.services.facts import Request, locked_loan, record
from lending.services.servicing import reverse
from lending.services.signing import cancel_loan


class SellerNotFound(LendingError):
    """No seller of whom a platform tells."""

    code = "seller_not_found"
    kind = Refused.NOT_FOUND


class OrderNotFound(LendingError):
    """The seller has no order of this reference."""

    code = "order_not_found"
    kind = Refused.NOT_FOUND


class OrderEnded(LendingError):
    """The order was settled, or refunded as a whole: nothing of this kind happens to it any more."""

    code = "order_ended"
    kind = Refused.CONFLICT


class NothingToUndo(LendingError):
    """No proceeds of the order came to the books, or they were undone already."""

    code = "nothing_to_undo"
    kind = Refused.CONFLICT


@dataclass(frozen=True, slots=True, kw_only=True)
class Shipped:
    """An order as the platform tells it once it is shipped. `buyer` is the platform's own name for who bought."""

    reference: str
    amount_fen: int
    buyer: str
    shipped_at: datetime
    buyer_phone: str | None = None
    buyer_national_id: str | None = None


def accept_seller(*, customer_id: UUID, trading_since: date, on: date) -> Seller:
    """
    A customer of whom a platform will tell orders. Repeated, it is the first one.

    Errors: CustomerNotFound, LoanDateRefused for a day to come, LoanRequestConflict where the shop was said to trade since
    another day: that decides who may borrow, and is not changed by saying it again.
    """
    if trading_since > on:
        raise LoanDateRefused(
            _("%(day)s is still to come: a shop trades since a day no later than %(on)s.")
            % {"day": trading_since, "on": on},
            field="trading_since",
        )
    with transaction.atomic():
        if not Customer.objects.select_for_update(no_key=True).filter(pk=customer_id).exists():
            raise CustomerNotFound(
                _("There is no customer %(id)s.") % {"id": customer_id}, field="customer_id"
            )
        seller = Seller.objects.filter(pk=customer_id).first()
        if seller is None:
            payable = open_account(account_type=MERCHANT_PAYABLE, owner=customer_id)
            seller = Seller.objects.create(
                customer_id=customer_id, trading_since=trading_since, payable_account_id=payable
            )
        elif seller.trading_since != trading_since:
            raise LoanRequestConflict(
                _("This seller was accepted before, as trading since %(day)s.")
                % {"day": seller.trading_since},
                field="trading_since",
            )
    return seller


def ship_order(*, seller_id: UUID, shipped: Shipped, on: date) -> SellerOrder:
    """
    An order was shipped. Its reference happens once per seller.

    Errors: SellerNotFound, LoanReferenceRefused, LoanAmountRefused, LoanDateRefused for a day to come, InvalidIdentity,
    LoanRequestConflict.
    """
    require_reference(shipped.reference)
    require_reference(shipped.buyer)
    require_amount(shipped.amount_fen)
    shipped_on = timezone.localdate(shipped.shipped_at)
    phone, number = shipped.buyer_phone, shipped.buyer_national_id
    phone_index = sealing.blind_index(identity.parse_phone(phone), field=Sealed.PHONE) if phone else None
    number_index = (
        sealing.blind_index(identity.parse_national_id(number).number, field=Sealed.NATIONAL_ID)
        if number
        else None
    )
    asked = request_hash(
        {
            "amount": shipped.amount_fen,
            "buyer": shipped.buyer,
            "shipped_at": shipped.shipped_at.isoformat(),
            "phone": phone_index.hex() if phone_index else None,
            "national_id": number_index.hex() if number_index else None,
        }
    )
    with transaction.atomic():
        if not Seller.objects.select_for_update(no_key=True).filter(pk=seller_id).exists():
            raise SellerNotFound(_("There is no seller %(id)s.") % {"id": seller_id}, field="seller")
        first = SellerOrder.objects.filter(seller_id=seller_id, reference=shipped.reference).first()
        if first is not None:
            require_same_request(first.request_hash, asked)
            return first
        _require_past(shipped_on, on)
        return SellerOrder.objects.create(
            seller_id=seller_id,
            reference=shipped.reference,
            request_hash=asked,
            amount_fen=shipped.amount_fen,
            buyer=shipped.buyer,
            buyer_phone_index=phone_index,
            buyer_national_id_index=number_index,
            shipped_at=shipped.shipped_at,
            shipped_on=shipped_on,
            told_on=on,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """Something that became of an order. A confirmation has no amount."""

    order: str
    reference: str
    happened_at: datetime
    amount_fen: int = 0


def confirm_order(*, seller_id: UUID, told: Told, on: date) -> OrderEvent:
    """The buyer confirmed the order: it does not count for a loan to come. Errors: those of `settle_order`."""
    return _once(seller_id, told, OrderEventKind.CONFIRMED, on, lambda order: {})


def settle_order(*, seller_id: UUID, told: Told, on: date) -> OrderEvent:
    """
    An order's proceeds came in. Of a pledged one they first repay its loan, as much as ends it that day, and the rest is owed
    to the seller: one entry. Of one that is not pledged the platform keeps to itself what it pays.

    Errors: OrderNotFound, OrderEnded, LoanAmountRefused beyond what the order is worth after refunds, LoanDateRefused,
    LoanNotRunning while the loan's money is on its way (told again later, it is booked), LoanReferenceRefused,
    LoanRequestConflict.
    """

    def book(order: SellerOrder) -> dict[str, Any]:
        if told.amount_fen > order.amount_fen - refunded_of(order.pk):
            raise LoanAmountRefused(_("More than the order is worth after refunds."), field="amount")
        held = _held_pledge(order)
        if held is None:
            earlier = Pledge.objects.filter(order=order).exclude(release=Release.CANCELLED).exists()
            return _to_seller(order, told.amount_fen, on) if earlier else {}
        pledge, loan = held
        if loan.status == LoanStatus.SIGNED:
            cancel_loan(loan_id=loan.pk, on=on)
            return {}
        _release(pledge, Release.SETTLED, on)
        return _to_loan(order, loan, told.amount_fen, on)

    require_amount(told.amount_fen)
    return _once(seller_id, told, OrderEventKind.SETTLED, on, book)


def refund_order(*, seller_id: UUID, told: Told, on: date) -> OrderEvent:
    """
    The buyer got so much back. A pledge is released once its order is refunded as a whole, and as much of the loan as the
    refunded part stood for is called in; a loan whose money has not been sent is cancelled. After the settlement it is
    between the buyer and the seller. Errors: those of `settle_order`.
    """

    def book(order: SellerOrder) -> dict[str, Any]:
        refunded = refunded_of(order.pk) + told.amount_fen
        if refunded > order.amount_fen:
            raise LoanAmountRefused(_("More than the order is worth after refunds."), field="amount")
        held = _held_pledge(order)
        if held is None:
            return {}
        pledge, loan = held
        if loan.status == LoanStatus.SIGNED:
            cancel_loan(loan_id=loan.pk, on=on)
            return {}
        if refunded == order.amount_fen:
            _release(pledge, Release.REFUNDED, on)
        return {"recalled_fen": called_anew(pledge, refunded)}

    require_amount(told.amount_fen)
    with transaction.atomic():
        event = _once(seller_id, told, OrderEventKind.REFUNDED, on, book)
        if event.recalled_fen:
            loans = Pledge.objects.filter(order=event.order).exclude(release=Release.CANCELLED)
            order_recalls(on=on, loan_ids=list(loans.values_list("loan_id", flat=True)))
    return event


def undo_settlement(*, order_id: int, reference: str, on: date, cause: str = "") -> OrderEvent:
    """
    What came in for an order never did: it goes back whole, from its loan and from its seller, in one entry. The order has
    ended all the same; for its loan, where that is owed, it stands again. The reference happens once per order.

    Errors: OrderNotFound, NothingToUndo, ProceedsWentOn, LoanReferenceRefused, LoanRequestConflict also where the loan has
    another fact of this reference, LoanFactRefused where the loan's story without it cannot have happened.
    """
    require_reference(reference)
    order = SellerOrder.objects.filter(pk=order_id).first()
    if order is None:
        raise OrderNotFound(_("There is no order %(id)s.") % {"id": order_id}, field="order")
    with transaction.atomic():
        settled = OrderEvent.objects.filter(order=order, kind=OrderEventKind.SETTLED, entry_id__isnull=False)
        event = settled.select_related("order").first()
        if event is None:
            raise NothingToUndo(_("No proceeds of this order were booked."), field="order")
        Seller.objects.select_for_update(no_key=True).get(pk=order.seller_id)
        undone = OrderEvent.objects.filter(undoes=event).first()
        if undone is not None and undone.reference == reference:
            require_same_request(undone.request_hash, undoing_hash(event, cause))
            return undone
        if undone is not None:
            raise NothingToUndo(_("The settlement was taken back already."), field="order")
        of_loan = LoanTransaction.objects.filter(loan__pledges__order=order, entry_id=event.entry_id)
        if fact := of_loan.first():
            reverse(loan_id=fact.loan_id, undoes=fact.reference, reference=reference, on=on, cause=cause)
            return OrderEvent.objects.get(undoes=event)
        legs = taken_back(event)
        draft = Draft(
            reference=f"order:{order.pk}:settlement-undone",
            event="order.settlement_undone",
            booked_on=on,
            legs=legs,
        )
        entry_id = post(draft=draft).entry_id
        return mark_undone(event=event, reference=reference, entry_id=entry_id, on=on, cause=cause)


def _once(
    seller_id: UUID,
    told: Told,
    kind: OrderEventKind,
    on: date,
    book: Callable[[SellerOrder], dict[str, Any]],
) -> OrderEvent:
    """Records an event of an order with what it booked, or answers the one recorded before under its reference."""
    require_reference(told.reference)
    asked = request_hash({"kind": kind.value, "amount": told.amount_fen, "at": told.happened_at.isoformat()})
    with transaction.atomic():
        Seller.objects.select_for_update(no_key=True).filter(pk=seller_id).first()
        order = (
            SellerOrder.objects.select_related("seller")
            .filter(seller_id=seller_id, reference=told.order)
            .first()
        )
        if order is None:
            raise OrderNotFound(_("There is no order %(id)s.") % {"id": told.order}, field="order")
        events = OrderEvent.objects.exclude(kind=OrderEventKind.UNDONE)
        first = events.filter(order=order, reference=told.reference).first()
        if first is not None:
            require_same_request(first.request_hash, asked)
            return first
        _require_past(timezone.localdate(told.happened_at), on)
        if told.happened_at < order.shipped_at:
            raise LoanDateRefused(_("Nothing happens to an order before it is shipped."), field="happened_at")
        if kind is not OrderEventKind.REFUNDED and (
            OrderEvent.objects.filter(order=order, kind=kind).exists()
            or refunded_of(order.pk) == order.amount_fen
        ):
            raise OrderEnded(_("The order has ended."), field="order")
        return OrderEvent.objects.create(
            order=order,
            kind=kind.value,
            reference=told.reference,
            request_hash=asked,
            amount_fen=told.amount_fen,
            happened_at=told.happened_at,
            booked_on=on,
            **book(order),
        )


def _held_pledge(order: SellerOrder) -> tuple[Pledge, Loan] | None:
    """
    The pledge that holds an order and its loan, both locked; none after the order's proceeds came in. One that was let go as
    its loan ended holds it again where the loan is owed after all, what ended it having been undone; so does one whose own
    settlement was. LoanNotRunning while the loan's money is on its way.
    """
    if settlements().filter(order=order).exists():
        return None
    holding = Pledge.objects.filter(
        order=order, release__in=("", Release.ENDED, Release.SETTLED)
    ).select_related("order")
    pledge = holding.first()
    if pledge is None:
        return None
    loan = locked_loan(pledge.loan_id)
    pledge = holding.select_for_update(of=("self",)).filter(pk=pledge.pk).first()
    if pledge is None or (pledge.release and loan.status not in OWED):
        return None
    if loan.status == LoanStatus.DISBURSING:
        raise LoanNotRunning(_("The loan's money is on its way: tell it again once that is known."))
    return pledge, loan


def _release(pledge: Pledge, why: Release, on: date) -> None:
    """Lets an order go. What was let go before stays so, for the reason it has."""
    if not pledge.release:
        pledge.release, pledge.released_on = why.value, on
        pledge.save(update_fields=["release", "released_on"])


def _to_seller(order: SellerOrder, fen: int, on: date) -> dict[str, Any]:
    legs = (Leg(CASH_CLEARING.control_id, order.seller.payable_account_id, fen),)
    entry = post(
        draft=Draft(reference=f"order:{order.pk}:settled", event="order.settled", booked_on=on, legs=legs)
    )
    return {"to_loan_fen": 0, "to_seller_fen": fen, "entry_id": entry.entry_id}


def _to_loan(order: SellerOrder, loan: Loan, fen: int, on: date) -> dict[str, Any]:
    """The loan first, as much as ends it; of one that was given up, as much as is still claimed."""
    if loan.status == LoanStatus.ACTIVE:
        ends_fen = payoff_quote(loan, on).total_fen
        repaid, kind = min(fen, ends_fen), Kind.PAYOFF if fen >= ends_fen else Kind.REPAYMENT
    elif loan.status in (LoanStatus.CHARGED_OFF, LoanStatus.WRITTEN_OFF):
        claimed = loan_claim(loan)
        repaid, kind = min(fen, claimed), Kind.RECOVERY
    else:
        repaid, kind = 0, Kind.REPAYMENT
    if not repaid:
        return _to_seller(order, fen, on)
    rest = fen - repaid
    also = (Leg(CASH_CLEARING.control_id, order.seller.payable_account_id, rest),) if rest else ()
    request = Request(kind=kind, reference=f"order:{order.pk}:settled", amount_fen=repaid)
    fact = record(loan_id=loan.pk, request=request, on=on, also=also)
    return {"to_loan_fen": repaid, "to_seller_fen": rest, "entry_id": fact.entry_id}


def loan_claim(loan: Loan) -> int:
    """What is still claimed of a loan that was given up."""
    return int(loan.instalments.aggregate(fen=Sum("unpaid_fen", default=0))["fen"] or 0)


def _require_past(day: date, on: date) -> None:
    if day > on:
        raise LoanDateRefused(_("This day has not come yet."), field="happened_at")
