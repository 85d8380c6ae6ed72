"""Sellers over the API: suspended by the platform that they sell on, and reinstated."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from rest_framework.request import Request
from rest_framework.response import Response

from lending.api.order_shapes import A_SELLER
from lending.api.orders import PLATFORM, SELLERS
from lending.errors import LoanRequestConflict
from lending.models import REINSTATING, SUSPENDING, SellerChange, SellerChangeKind
from lending.services.orders import SellerNotFound
from lending.services.sellers import PLATFORM as PLATFORM_SAYS
from lending.services.sellers import SellerNotSuspended, SellerSuspended, reinstate_seller, suspend_seller
from web.api.day import booking_day
from web.api.reading import Choice, Day, Fields, Identifier, Prose, Text
from web.api.schema import operation
from web.api.views import Endpoint


class SuspensionIn(Fields):
    """Why a seller is suspended."""

    cause = Choice([cause.value for cause in SUSPENDING])
    note = Prose(required=False, default="", help_text="For staff; the seller is not told.")


class ReinstatementIn(Fields):
    """Why a seller is reinstated."""

    cause = Choice([cause.value for cause in REINSTATING])
    note = Prose(required=False, default="", help_text="For staff; the seller is not told.")


class SellerChangeOut(Fields):
    """A seller was suspended, or reinstated."""

    seller = Identifier(source="seller_id")
    kind = Choice(SellerChangeKind.values)
    cause = Text()
    changed_on = Day()


EXAMPLE_SUSPENDED: dict[str, Any] = {
    "seller": A_SELLER,
    "kind": "suspended",
    "cause": "complaints",
    "changed_on": "2026-07-05",
}
EXAMPLE_REINSTATED = {**EXAMPLE_SUSPENDED, "kind": "reinstated", "cause": "cleared"}


class SellerEndpoint(Endpoint):
    """What is said of one seller."""

    allowed = {"POST": PLATFORM}

    def say(self, seller_id: UUID, verb: Callable[..., SellerChange], body: type[Fields]) -> Response:
        """Says it, once per key."""
        key, given = f"platform:{self.key()}", self.body(body)
        replayed = SellerChange.objects.filter(seller=seller_id, reference=key).exists()
        with booking_day() as on:
            made = verb(seller_id=seller_id, reference=key, by=PLATFORM_SAYS, on=on, **given)
        return self.answer(SellerChangeOut, made, status=201, replayed=replayed)


class Suspensions(SellerEndpoint):
    """A seller is suspended."""

    @operation(
        "suspendSeller",
        summary="Suspend a seller",
        body=SuspensionIn,
        answer=SellerChangeOut,
        status=201,
        keyed=True,
        refusals=(SellerNotFound, SellerSuspended, LoanRequestConflict),
        example_body={"cause": "complaints"},
        example=EXAMPLE_SUSPENDED,
        tag=SELLERS,
    )
    def post(self, request: Request, seller_id: UUID) -> Response:
        """
        Nothing is lent against the seller's orders, and what loans leave of proceeds is held back until the seller is
        reinstated. Loans run on, and proceeds repay them as ever.
        """
        return self.say(seller_id, suspend_seller, SuspensionIn)


class Reinstatements(SellerEndpoint):
    """A seller's suspension ends."""

    @operation(
        "reinstateSeller",
        summary="Reinstate a seller",
        body=ReinstatementIn,
        answer=SellerChangeOut,
        status=201,
        keyed=True,
        refusals=(SellerNotFound, SellerNotSuspended, LoanRequestConflict),
        example_body={"cause": "cleared"},
        example=EXAMPLE_REINSTATED,
        tag=SELLERS,
    )
    def post(self, request: Request, seller_id: UUID) -> Response:
        """
        Ends a seller's suspension: what was held back is paid out, once. One that the lender's own staff said they end
        themselves; until then it is refused as if there were none of the platform's.
        """
        return self.say(seller_id, reinstate_seller, ReinstatementIn)
