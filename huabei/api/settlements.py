"""What was settled with a shop, day by day."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from huabei import merchant_history as history
from huabei.api.shapes import A_PURCHASE, EXAMPLE_SETTLEMENT, SettlementDetailOut, SettlementRowOut
from web.api.callers import Allowed, Scope, Who
from web.api.reading import Choice, Day
from web.api.schema import operation
from web.api.views import Endpoint

READ = Allowed(Who.SHOP, Scope.SETTLEMENT_READ)


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
