"""Order loans over the API: what the seller's platform tells of orders, and what a seller asks about theirs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from customers.identity import InvalidIdentity
from customers.services import CustomerNotFound
from finance.errors import DomainError
from lending.api.borrower import BORROWER, OwnEndpoint
from lending.api.order_shapes import (
    EXAMPLE_AMOUNTS,
    EXAMPLE_CONFIRMED,
    EXAMPLE_ORDER,
    EXAMPLE_PLEDGE,
    EXAMPLE_PROCEEDS,
    EXAMPLE_REFUNDED,
    EXAMPLE_SELLER,
    EXAMPLE_SETTLED,
    EXAMPLE_SHIPPED,
    EXAMPLE_UNDONE,
    HappenedAmountIn,
    HappenedIn,
    OrderAmountsOut,
    OrderEventOut,
    PledgeOut,
    ProceedsOut,
    SellerIn,
    SellerOrderOut,
    SellerOut,
    ShippedIn,
    UndoneIn,
)
from lending.errors import (
    LoanAmountRefused,
    LoanDateRefused,
    LoanFactRefused,
    LoanNotRunning,
    LoanReferenceRefused,
    LoanRequestConflict,
)
from lending.models import OrderEvent, Seller, SellerOrder
from lending.order_history import (
    PayoutState,
    Today,
    amounts_today,
    orders_of,
    pledged_orders,
    proceeds_of,
    suspension,
)
from lending.pledging import EXCLUDED_TEXTS
from lending.proceeds import ProceedsWentOn
from lending.services.orders import (
    NothingToUndo,
    OrderEnded,
    OrderNotFound,
    SellerNotFound,
    Shipped,
    Told,
    accept_seller,
    confirm_order,
    refund_order,
    settle_order,
    ship_order,
    undo_settlement,
)
from web.api.callers import Allowed, Scope, Who
from web.api.day import CloseUnderWay, booking_day, business_date, correcting_day
from web.api.reading import Text
from web.api.schema import operation
from web.api.views import Endpoint

PLATFORM = Allowed(Who.LENDER, Scope.ORDERS_WRITE)
TOLD: tuple[type[DomainError], ...] = (
    OrderNotFound,
    OrderEnded,
    LoanDateRefused,
    LoanNotRunning,
    LoanReferenceRefused,
    LoanRequestConflict,
)
SELLERS, OWN = "Orders of sellers", "Loans of a borrower"


class Sellers(Endpoint):
    """Those of whom the platform tells orders."""

    allowed = {"POST": PLATFORM}

    @operation(
        "acceptSeller",
        summary="Accept a seller",
        body=SellerIn,
        answer=SellerOut,
        status=201,
        refusals=(CustomerNotFound, LoanDateRefused, LoanRequestConflict),
        example_body=EXAMPLE_SELLER,
        example=EXAMPLE_SELLER,
        tag=SELLERS,
    )
    def post(self, request: Request) -> Response:
        """A customer of whom the platform will tell orders. Told again alike, it is the seller as first accepted."""
        given = self.body(SellerIn)
        with booking_day() as on:
            seller = accept_seller(customer_id=given["customer"], trading_since=given["trading_since"], on=on)
        return self.answer(SellerOut, seller, status=201)


class Orders(Endpoint):
    """A seller's orders."""

    allowed = {"GET": PLATFORM, "POST": PLATFORM}
    paged = True
    filters = {"reference": Text(most=64, help_text="The order of this reference.")}

    @operation(
        "listSellerOrders",
        summary="List a seller's orders",
        answer=SellerOrderOut,
        many=True,
        example=EXAMPLE_ORDER,
        tag=SELLERS,
    )
    def get(self, request: Request, seller_id: UUID) -> Response:
        """What was told of a seller's orders and what became of each, newest first."""
        if not Seller.objects.filter(pk=seller_id).exists():
            raise NotFound
        given = {name: self.query[name] for name in self.query.keys() & self.filters.keys()}
        return self.page(SellerOrderOut, orders_of(seller_id).filter(**given))

    @operation(
        "tellOrderShipped",
        summary="Tell that an order was shipped",
        body=ShippedIn,
        answer=SellerOrderOut,
        status=201,
        refusals=(
            SellerNotFound,
            InvalidIdentity,
            LoanAmountRefused,
            LoanDateRefused,
            LoanReferenceRefused,
            LoanRequestConflict,
        ),
        example_body=EXAMPLE_SHIPPED,
        example=EXAMPLE_ORDER,
        tag=SELLERS,
    )
    def post(self, request: Request, seller_id: UUID) -> Response:
        """An order was shipped: from now on it may stand for a loan. Its reference makes it happen once."""
        given = self.body(ShippedIn)
        known = SellerOrder.objects.filter(seller_id=seller_id, reference=given["reference"]).exists()
        shipped = Shipped(amount_fen=given.pop("amount"), **given)
        with booking_day() as on:
            order = ship_order(seller_id=seller_id, shipped=shipped, on=on)
        return self.answer(SellerOrderOut, orders_of(seller_id).get(pk=order.pk), status=201, replayed=known)


class OrderEndpoint(Endpoint):
    """What became of one order."""

    allowed = {"POST": PLATFORM}

    def tell(
        self,
        seller_id: UUID,
        reference: str,
        act: Callable[..., OrderEvent],
        body: type[HappenedIn],
    ) -> Response:
        """Records it, once per key."""
        key, given = f"platform:{self.key()}", self.body(body)
        told = Told(
            order=reference,
            reference=key,
            happened_at=given["happened_at"],
            amount_fen=given.get("amount", 0),
        )
        known = OrderEvent.objects.filter(order__seller=seller_id, order__reference=reference, reference=key)
        replayed = known.exists()
        with booking_day() as on:
            event = act(seller_id=seller_id, told=told, on=on)
        return self.answer(OrderEventOut, event, status=201, replayed=replayed)


class Confirmations(OrderEndpoint):
    """The buyer confirmed."""

    @operation(
        "tellOrderConfirmed",
        summary="Tell that a buyer confirmed an order",
        body=HappenedIn,
        answer=OrderEventOut,
        status=201,
        keyed=True,
        refusals=TOLD,
        example_body={"happened_at": "2026-07-05T09:00:00+08:00"},
        example=EXAMPLE_CONFIRMED,
        tag=SELLERS,
    )
    def post(self, request: Request, seller_id: UUID, order_reference: str) -> Response:
        """The buyer confirmed the order: no new loan is lent against it. A loan that holds it goes on holding it."""
        return self.tell(seller_id, order_reference, confirm_order, HappenedIn)


class Settlements(OrderEndpoint):
    """The proceeds came in."""

    @operation(
        "tellOrderSettled",
        summary="Tell that an order's proceeds came in",
        body=HappenedAmountIn,
        answer=OrderEventOut,
        status=201,
        keyed=True,
        refusals=(LoanAmountRefused, *TOLD),
        example_body={"happened_at": "2026-07-05T09:00:00+08:00", "amount": "1000.00"},
        example=EXAMPLE_SETTLED,
        tag=SELLERS,
    )
    def post(self, request: Request, seller_id: UUID, order_reference: str) -> Response:
        """
        The proceeds of an order came in. Of a pledged one they repay its loan first, and the seller is paid the rest; of
        another, both are nothing and the platform keeps to itself what it pays.
        """
        return self.tell(seller_id, order_reference, settle_order, HappenedAmountIn)


class SettlementReversals(Endpoint):
    """They never came in."""

    allowed = {"POST": Allowed(Who.LENDER, Scope.LOANS_SERVICE)}

    @operation(
        "undoOrderSettlement",
        summary="Take an order's settlement back",
        body=UndoneIn,
        answer=OrderEventOut,
        status=201,
        keyed=True,
        refusals=(
            OrderNotFound,
            NothingToUndo,
            ProceedsWentOn,
            LoanFactRefused,
            LoanRequestConflict,
            CloseUnderWay,
        ),
        example_body={"cause": "told for another order"},
        example=EXAMPLE_UNDONE,
        tag=SELLERS,
    )
    def post(self, request: Request, seller_id: UUID, order_reference: str) -> Response:
        """
        What came in for an order never did: it goes back whole, from its loan and from the seller, unless the seller was paid
        their part. The order has ended all the same; for its loan, where that is owed, it stands again.
        """
        key, given = f"api:{self.key()}", self.body(UndoneIn)
        order = SellerOrder.objects.filter(seller_id=seller_id, reference=order_reference).first()
        if order is None:
            raise OrderNotFound(_("There is no order %(id)s.") % {"id": order_reference}, field="order")
        replayed = OrderEvent.objects.filter(order=order, undoes__isnull=False, reference=key).exists()
        with correcting_day() as on:
            event = undo_settlement(order_id=order.pk, reference=key, on=on, cause=given["cause"])
        return self.answer(OrderEventOut, event, status=201, replayed=replayed)


class Refunds(OrderEndpoint):
    """The buyer got money back."""

    @operation(
        "tellOrderRefunded",
        summary="Tell that an order was refunded",
        body=HappenedAmountIn,
        answer=OrderEventOut,
        status=201,
        keyed=True,
        refusals=(LoanAmountRefused, *TOLD),
        example_body={"happened_at": "2026-07-05T09:00:00+08:00", "amount": "250.00"},
        example=EXAMPLE_REFUNDED,
        tag=SELLERS,
    )
    def post(self, request: Request, seller_id: UUID, order_reference: str) -> Response:
        """The buyer got money back, all of it or some. What of the loan it stood for is collected from the borrower."""
        return self.tell(seller_id, order_reference, refund_order, HappenedAmountIn)


class OwnOrderAmounts(OwnEndpoint):
    """What may be borrowed today."""

    allowed = {"GET": BORROWER}

    @operation(
        "readOwnOrderAmounts",
        summary="What may I borrow against my orders today?",
        answer=OrderAmountsOut,
        example=EXAMPLE_AMOUNTS,
        tag=OWN,
    )
    def get(self, request: Request) -> Response:
        """The amount of the business date, the orders behind it, and those that count for nothing, each with the reason."""
        found = [today_answer(today) for today in amounts_today(self.owner, business_date())]
        return self.answer(OrderAmountsOut, {"amounts": found})


def today_answer(today: Today) -> dict[str, Any]:
    """What may be borrowed today, for `OrderAmountOut`."""
    names = ("product", "on", "advance_rate", "least_fen", "most_fen")
    return {name: getattr(today, name) for name in names} | {
        "counted": [{"order": order, "worth_fen": fen} for order, fen in today.base.counted],
        "excluded": [
            {"order": order, "code": reason.value, "message": str(EXCLUDED_TEXTS[reason])}
            for order, reason in today.base.excluded
        ],
    }


class OwnPledges(OwnEndpoint):
    """The orders behind one of the borrower's loans."""

    allowed = {"GET": BORROWER}
    paged = True

    @operation(
        "listOwnPledges",
        summary="List the orders pledged to one of my loans",
        answer=PledgeOut,
        many=True,
        example=EXAMPLE_PLEDGE,
        tag=OWN,
    )
    def get(self, request: Request, loan_uuid: UUID) -> Response:
        """The orders that stand, or stood, for a loan, and what came of each; none for one that is lent against none."""
        return self.page(PledgeOut, pledged_orders(self.loan(loan_uuid)))


class OwnProceeds(OwnEndpoint):
    """What came in for the borrower's pledged orders."""

    allowed = {"GET": BORROWER}
    paged = True

    @operation(
        "listOwnProceeds",
        summary="List what came in for my pledged orders",
        answer=ProceedsOut,
        many=True,
        example=EXAMPLE_PROCEEDS,
        tag=OWN,
    )
    def get(self, request: Request) -> Response:
        """Each order's proceeds, newest first: what repaid its loan, what is the seller's, and whether that was paid."""
        return self.page(ProceedsOut, proceeds_of(self.owner), complete=self._with_reasons)

    def _with_reasons(self, found: list[Any]) -> list[Any]:
        """The same, each saying why it is held back."""
        last = suspension(self.owner)
        for event in found:
            event.held_back_for = last.cause_as_told if last and event.payout == PayoutState.HELD_BACK else ""
        return found
