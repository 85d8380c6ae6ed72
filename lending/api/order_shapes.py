"""What the API of order loans is sent and answers."""

from __future__ import annotations

from typing import Any

from lending.models import HELD, OrderEventKind, Release
from lending.order_history import OrderState, PayoutState
from lending.pledging import Excluded
from web.api.reading import Choice, Day, Fields, Identifier, Instant, Prose, Rate, Text, Yuan

EVENT, PLEDGE, PROCEEDS, ORDER = "order event", "pledge", "proceeds", "seller order"
# What examples call a seller and an order.
A_SELLER = "c0a8012e-7a57-4c3e-9d3a-6a6f3a8b5d04"
AN_ORDER = "T2026070400017"


class SellerIn(Fields):
    """A customer who sells on the platform."""

    customer = Identifier()
    trading_since = Day(help_text="Since when the shop trades.")


class SellerOut(Fields):
    """A seller of whom the platform tells orders."""

    customer = Identifier(source="customer_id")
    trading_since = Day()


class ShippedIn(Fields):
    """An order that was shipped."""

    reference = Text(most=64, help_text="The platform's own name of the order: it is told once.")
    amount = Yuan()
    buyer = Text(most=64, help_text="The platform's own name for who bought.")
    shipped_at = Instant()
    buyer_phone = Text(
        most=20,
        required=False,
        allow_null=True,
        default=None,
        help_text="Compared with the seller's; not kept.",
    )
    buyer_national_id = Text(
        most=18,
        required=False,
        allow_null=True,
        default=None,
        help_text="Compared with the seller's; not kept.",
    )


class SellerOrderOut(Fields):
    """An order as it stands."""

    id = Identifier(ORDER, source="pk")
    reference = Text()
    amount = Yuan(source="amount_fen")
    buyer = Text()
    shipped_at = Instant()
    state = Choice([each.value for each in OrderState])
    refunded = Yuan(source="refunded_fen")
    settled = Yuan(source="settled_fen")
    pledged_to = Identifier(allow_null=True, help_text="The loan that holds it as a pledge now.")


class HappenedIn(Fields):
    """Something that became of an order."""

    happened_at = Instant()


class HappenedAmountIn(HappenedIn):
    """Something that became of an order, and how much of it."""

    amount = Yuan()


class UndoneIn(Fields):
    """Why it never happened."""

    cause = Prose()


class OrderEventOut(Fields):
    """What became of an order, which never changes."""

    id = Identifier(EVENT, source="pk")
    order = Text(source="order.reference")
    kind = Choice(OrderEventKind.values)
    amount = Yuan(source="amount_fen")
    booked_on = Day()
    to_loan = Yuan(
        source="to_loan_fen", help_text="Of the proceeds of a pledged order: what repaid the loan."
    )
    to_seller = Yuan(source="to_seller_fen", help_text="Of them, what the seller is paid.")
    called_in = Yuan(
        source="recalled_fen", help_text="Of a refund: what is collected from the borrower for it."
    )


class CountedOrderOut(Fields):
    """An order that counts today."""

    reference = Text(source="order.reference")
    shipped_on = Day(source="order.shipped_on")
    amount = Yuan(source="order.amount_fen", help_text="Less what was refunded of it.")
    worth = Yuan(source="worth_fen", help_text="What may be borrowed against it.")


class ExcludedOrderOut(Fields):
    """An order that counts for nothing today, and why."""

    reference = Text(source="order.reference")
    shipped_on = Day(source="order.shipped_on")
    amount = Yuan(source="order.amount_fen")
    code = Choice([each.value for each in Excluded])
    message = Text()


class OrderAmountOut(Fields):
    """What may be borrowed today with one product, and the orders behind it."""

    product = Text(source="product.code")
    on = Day()
    advance_rate = Rate(help_text="Of an order that counts, so much.")
    least = Yuan(source="least_fen", help_text="The product's least amount.")
    most = Yuan(source="most_fen", help_text="What may be borrowed today.")
    counted = CountedOrderOut(many=True)
    excluded = ExcludedOrderOut(many=True)


class OrderAmountsOut(Fields):
    """What may be borrowed today; no entry for whoever is no seller."""

    amounts = OrderAmountOut(many=True)


class PledgeOut(Fields):
    """An order that stands, or stood, for a loan."""

    id = Identifier(PLEDGE, source="pk")
    order = Text(source="order.reference")
    worth = Yuan(source="amount_fen")
    share = Yuan(source="share_fen", help_text="Of the loan's principal.")
    state = Choice([HELD, *Release.values])
    pledged_on = Day()
    released_on = Day(allow_null=True)
    refunded = Yuan(source="refunded_fen")
    called_in = Yuan(source="called_in_fen", help_text="What was, or is, collected because of refunds.")
    to_loan = Yuan(source="to_loan_fen", help_text="Of its proceeds.")
    to_seller = Yuan(source="to_seller_fen", help_text="Of its proceeds.")


class ProceedsOut(Fields):
    """What came in for a pledged order."""

    id = Identifier(PROCEEDS, source="pk")
    order = Text(source="order.reference")
    amount = Yuan(source="amount_fen")
    to_loan = Yuan(source="to_loan_fen")
    to_me = Yuan(source="to_seller_fen")
    booked_on = Day()
    payout = Choice([each.value for each in PayoutState])
    held_back_for = Text(
        least=0, help_text="Why it is held back, in the language that is asked for; empty where it is not."
    )
    paid_on = Day(allow_null=True)


EXAMPLE_SELLER = {"customer": A_SELLER, "trading_since": "2024-03-01"}
EXAMPLE_SHIPPED = {
    "reference": AN_ORDER,
    "amount": "1000.00",
    "buyer": "b-58213",
    "shipped_at": "2026-07-04T18:30:00+08:00",
}
EXAMPLE_ORDER: dict[str, Any] = {
    "id": "5a0c1e7d-2b3f-4c6a-9d8e-1f2a3b4c5d6e",
    "reference": AN_ORDER,
    "amount": "1000.00",
    "buyer": "b-58213",
    "shipped_at": "2026-07-04T10:30:00Z",
    "state": "shipped",
    "refunded": "0.00",
    "settled": "0.00",
    "pledged_to": None,
}
EXAMPLE_CONFIRMED = {
    "id": "1d9e4c7b-6a5f-4e3d-8c2b-0a9f8e7d6c5b",
    "order": AN_ORDER,
    "kind": "confirmed",
    "amount": "0.00",
    "booked_on": "2026-07-05",
    "to_loan": "0.00",
    "to_seller": "0.00",
    "called_in": "0.00",
}
EXAMPLE_SETTLED = {
    **EXAMPLE_CONFIRMED,
    "kind": "settled",
    "amount": "1000.00",
    "to_loan": "800.40",
    "to_seller": "199.60",
}
EXAMPLE_REFUNDED = {**EXAMPLE_CONFIRMED, "kind": "refunded", "amount": "250.00", "called_in": "200.00"}
EXAMPLE_UNDONE = {**EXAMPLE_CONFIRMED, "kind": "undone", "amount": "1000.00"}
EXAMPLE_AMOUNTS = {
    "amounts": [
        {
            "product": "order-loan",
            "on": "2026-07-05",
            "advance_rate": "0.8",
            "least": "1.00",
            "most": "800.00",
            "counted": [
                {"reference": AN_ORDER, "shipped_on": "2026-07-04", "amount": "1000.00", "worth": "800.00"}
            ],
            "excluded": [
                {
                    "reference": "T2026052800003",
                    "shipped_on": "2026-05-28",
                    "amount": "300.00",
                    "code": "stale",
                    "message": "shipped long ago and never confirmed",
                }
            ],
        }
    ]
}
EXAMPLE_PLEDGE = {
    "id": "9f8e7d6c-5b4a-4392-8170-6f5e4d3c2b1a",
    "order": AN_ORDER,
    "worth": "800.00",
    "share": "800.00",
    "state": "held",
    "pledged_on": "2026-07-05",
    "released_on": None,
    "refunded": "0.00",
    "called_in": "0.00",
    "to_loan": "0.00",
    "to_seller": "0.00",
}
EXAMPLE_PROCEEDS = {
    "id": "3c2b1a09-8f7e-4d6c-9b5a-49382716f5e4",
    "order": AN_ORDER,
    "amount": "1000.00",
    "to_loan": "800.40",
    "to_me": "199.60",
    "booked_on": "2026-07-05",
    "payout": "owed",
    "held_back_for": "",
    "paid_on": None,
}
