"""What was settled with a shop, day by day."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from huabei import merchant_history as history
from huabei.api.shapes import A_PURCHASE, PURCHASE
from payments.states import OrderState
from web.api.callers import Allowed, Scope, Who
from web.api.reading import Choice, Day, Fields, Identifier, Text, Truth, Yuan
from web.api.schema import operation
from web.api.views import Endpoint

READ = Allowed(Who.SHOP, Scope.SETTLEMENT_READ)


class SettlementRowOut(Fields):
    """What a day's close settled with a shop, which never changes but for `paid_on` and `held_back`."""

    id = Identifier(source="uuid")
    settled_on = Day()
    captured = Yuan(source="captured_fen")
    refunded = Yuan(source="refunded_fen")
    taken_back = Yuan(source="reversed_fen")
    customers_fees = Yuan(source="subsidy_fen", help_text="Instalment fees that the shop pays.")
    discount = Yuan(source="discount_fen", help_text="Below nothing where it was given back.")
    carried = Yuan(source="carried_fen", help_text="What the settlement before could not take off.")
    amount = Yuan(
        source="amount_fen", help_text="Paid out where it is above nothing, else carried to the next."
    )
    paid_on = Day(source="payment.paid_on", allow_null=True, default=None)
    held_back = Truth(
        source="is_held_back",
        help_text="Whether it is paid out only once the shop, suspended now, is reinstated.",
    )


class SettledOut(Fields):
    """One thing that a settlement is made of."""

    kind = Choice(["captured", "refunded", "reversed", "subsidised"])
    purchase = Identifier(PURCHASE, source="purchase.pk")
    reference = Text(most=64, source="purchase.reference")
    amount = Yuan(source="amount_fen", help_text="What it brought; below nothing for what it took.")
    on = Day()


class SettlementPaymentOut(Fields):
    """An order to pay a settlement out; one that failed is ordered anew."""

    state = Choice(OrderState.values)
    amount = Yuan(source="amount_fen")
    ordered_on = Day()


class SettlementDetailOut(Fields):
    """A settlement and what is behind its figures."""

    settlement = SettlementRowOut()
    since = Day(allow_null=True, help_text="The day of the settlement before; null for the first.")
    items = SettledOut(many=True, source="behind")
    payments = SettlementPaymentOut(many=True, source="orders")


EXAMPLE_SETTLEMENT = {
    "id": "f0e1d2c3-b4a5-4697-8879-6a5b4c3d2e08",
    "settled_on": "2026-06-30",
    "captured": "1000.00",
    "refunded": "0.00",
    "taken_back": "0.00",
    "customers_fees": "0.00",
    "discount": "0.00",
    "carried": "0.00",
    "amount": "1000.00",
    "paid_on": None,
    "held_back": False,
}


class Settlements(Endpoint):
    """The shop's settlements."""

    allowed = {"GET": READ}
    paged = True
    filters = {
        "settled_from": Day(help_text="Settled on this day or later."),
        "settled_to": Day(help_text="Settled on this day or earlier."),
        "state": Choice(["to_be_paid", "paid", "carried"], help_text="Only those in this state."),
    }

    @operation(
        "listSettlements",
        summary="List settlements",
        answer=SettlementRowOut,
        many=True,
        example=EXAMPLE_SETTLEMENT,
        tag="Settlement",
    )
    def get(self, request: Request) -> Response:
        """What each day's close settled with the shop, newest first, and when it was paid."""
        narrowing = {"settled_from": "settled_on__gte", "settled_to": "settled_on__lte"}
        given = {lookup: self.query[name] for name, lookup in narrowing.items() if name in self.query}
        states: dict[str, dict[str, Any]] = {
            "to_be_paid": {"amount_fen__gt": 0, "payment__isnull": True},
            "paid": {"payment__isnull": False},
            "carried": {"amount_fen__lte": 0},
        }
        given |= states.get(self.query.get("state", ""), {})
        return self.page(SettlementRowOut, history.settlements(self.owner).filter(**given))


class OneSettlement(Endpoint):
    """One of the shop's settlements."""

    allowed = {"GET": READ}

    @operation(
        "readOneSettlement",
        summary="Read a settlement",
        answer=SettlementDetailOut,
        example={
            "settlement": EXAMPLE_SETTLEMENT,
            "since": None,
            "items": [
                {
                    "kind": "captured",
                    "purchase": A_PURCHASE,
                    "reference": "order-2026-0001",
                    "amount": "1000.00",
                    "on": "2026-06-30",
                }
            ],
            "payments": [],
        },
        tag="Settlement",
    )
    def get(self, request: Request, settlement_uuid: UUID) -> Response:
        """A settlement, each charge and refund in it (at most 200 of each kind), and the orders to pay it out."""
        found = history.settlements(self.owner).filter(uuid=settlement_uuid).first()
        if found is None:
            raise NotFound
        detail = history.settlement_detail(found)
        return self.answer(
            SettlementDetailOut,
            {
                "settlement": found,
                "since": detail.since,
                "behind": detail.behind,
                "orders": detail.orders,
            },
        )
