"""What a shop does with its own purchases."""

from __future__ import annotations

from uuid import UUID

from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from huabei import merchant_history as history
from huabei.api.shapes import (
    EXAMPLE_CAPTURE,
    EXAMPLE_PURCHASE,
    EXAMPLE_REFUND,
    PURCHASE,
    CaptureIn,
    CaptureOut,
    NothingIn,
    PurchaseOut,
    RefundIn,
    RefundOut,
    SettlementOut,
)
from huabei.errors import AmountRefused, AwaitsReceipt, NotAuthorised, PurchaseNotFound, RequestConflict
from huabei.models import Capture, Merchant, Purchase, PurchaseState, Refund
from huabei.services.captures import capture
from huabei.services.releases import void
from huabei.services.repayments import refund
from web.api.callers import Allowed, Scope, Who
from web.api.day import booking_day
from web.api.reading import Choice, Day, Text
from web.api.schema import operation
from web.api.views import Endpoint

READ = Allowed(Who.SHOP, Scope.PURCHASES_READ)
WRITE = Allowed(Who.SHOP, Scope.PURCHASES_WRITE)


class ShopEndpoint(Endpoint):
    """An endpoint about a shop's own purchases: others are not found."""

    def own(self, purchase_id: UUID) -> Purchase:
        """The shop's purchase. Error: NotFound."""
        found = (
            Purchase.objects.filter(pk=self.number(PURCHASE, purchase_id), merchant_id=self.owner)
            .select_related("line")
            .first()
        )
        if found is None:
            raise NotFound
        return found


class Purchases(ShopEndpoint):
    """The shop's purchases."""

    allowed = {"GET": READ}
    paged = True
    filters = {
        "state": Choice(PurchaseState.values, help_text="Only those in this state."),
        "reference": Text(most=64, help_text="The one made under this Idempotency-Key."),
        "authorised_from": Day(help_text="Authorised on this day or later."),
        "authorised_to": Day(help_text="Authorised on this day or earlier."),
    }

    @operation(
        "listPurchases",
        summary="List purchases",
        answer=PurchaseOut,
        many=True,
        example=EXAMPLE_PURCHASE,
        tag="Purchases",
    )
    def get(self, request: Request) -> Response:
        """The shop's purchases, newest first."""
        found = Purchase.objects.filter(merchant_id=self.owner).select_related("line")
        narrowing = {
            "state": "state",
            "reference": "reference",
            "authorised_from": "authorised_on__gte",
            "authorised_to": "authorised_on__lte",
        }
        given = {lookup: self.query[name] for name, lookup in narrowing.items() if name in self.query}
        return self.page(PurchaseOut, found.filter(**given))


class OnePurchase(ShopEndpoint):
    """One purchase."""

    allowed = {"GET": READ}

    @operation(
        "readPurchase",
        summary="Read a purchase",
        answer=PurchaseOut,
        example=EXAMPLE_PURCHASE,
        tag="Purchases",
    )
    def get(self, request: Request, purchase_id: UUID) -> Response:
        """A purchase as it stands."""
        return self.answer(PurchaseOut, self.own(purchase_id))


class Captures(ShopEndpoint):
    """What was charged of what was authorised."""

    allowed = {"GET": READ, "POST": WRITE}
    paged = True

    @operation(
        "listCaptures",
        summary="List captures of a purchase",
        answer=CaptureOut,
        many=True,
        example=EXAMPLE_CAPTURE,
        tag="Purchases",
    )
    def get(self, request: Request, purchase_id: UUID) -> Response:
        """What was charged for a purchase, newest first."""
        return self.page(CaptureOut, Capture.objects.filter(purchase=self.own(purchase_id)))

    @operation(
        "capturePurchase",
        summary="Capture a purchase",
        body=CaptureIn,
        answer=CaptureOut,
        status=201,
        keyed=True,
        refusals=(AmountRefused, AwaitsReceipt, NotAuthorised, PurchaseNotFound, RequestConflict),
        example_body={"amount": "128.50"},
        example=EXAMPLE_CAPTURE,
        tag="Purchases",
    )
    def post(self, request: Request, purchase_id: UUID) -> Response:
        """
        Charges an authorised purchase, whole or in part. What the last capture leaves of the reservation is released; with
        `final` false the rest stays reserved for another.
        """
        key, asked = self.key(), self.body(CaptureIn)
        purchase = self.own(purchase_id)
        with booking_day() as on:
            made = capture(
                purchase_id=purchase.pk,
                amount_fen=asked["amount"],
                reference=key,
                final=asked["final"],
                on=on,
            )
        return self.answer(CaptureOut, made, status=201, replayed=made.repeated)


class Void(ShopEndpoint):
    """Giving up a reservation."""

    allowed = {"POST": WRITE}

    @operation(
        "voidPurchase",
        summary="Void a purchase",
        body=NothingIn,
        answer=PurchaseOut,
        refusals=(NotAuthorised, PurchaseNotFound),
        example_body={},
        example={**EXAMPLE_PURCHASE, "captured": "0.00", "state": "voided", "posted_on": None},
        tag="Purchases",
    )
    def post(self, request: Request, purchase_id: UUID) -> Response:
        """
        Releases the reservation of a purchase that was not captured. One that is paid and not received is given back: that is
        one of its refunds. The same again changes nothing.
        """
        self.body(NothingIn)
        purchase = self.own(purchase_id)
        with booking_day() as on:
            void(purchase_id=purchase.pk, on=on)
        return self.answer(PurchaseOut, self.own(purchase_id))


class Refunds(ShopEndpoint):
    """The refunds of a purchase."""

    allowed = {"GET": READ, "POST": WRITE}
    paged = True

    @operation(
        "listRefunds",
        summary="List refunds of a purchase",
        answer=RefundOut,
        many=True,
        example=EXAMPLE_REFUND,
        tag="Purchases",
    )
    def get(self, request: Request, purchase_id: UUID) -> Response:
        """What was given back for a purchase, newest first."""
        return self.page(RefundOut, Refund.objects.filter(purchase=self.own(purchase_id)))

    @operation(
        "refundPurchase",
        summary="Refund a purchase",
        body=RefundIn,
        answer=RefundOut,
        status=201,
        keyed=True,
        refusals=(AmountRefused, NotAuthorised, PurchaseNotFound, RequestConflict),
        example_body={"amount": "28.50"},
        example=EXAMPLE_REFUND,
        tag="Purchases",
    )
    def post(self, request: Request, purchase_id: UUID) -> Response:
        """
        Gives back a captured purchase, whole or in part. The customer's debt shrinks; what was paid already becomes the
        customer's credit. Of a purchase that waits for its receipt it takes off what is held; all of it voids the purchase.
        """
        key, amount_fen = self.key(), self.body(RefundIn)["amount"]
        purchase = self.own(purchase_id)
        with booking_day() as on:
            made = refund(purchase_id=purchase.pk, amount_fen=amount_fen, reference=key, on=on)
        return self.answer(RefundOut, made, status=201, replayed=made.repeated)


class Settlement(ShopEndpoint):
    """What the shop is owed."""

    allowed = {"GET": Allowed(Who.SHOP, Scope.SETTLEMENT_READ)}
    may_lack = True

    @operation(
        "readSettlement",
        summary="Read what the shop is owed",
        answer=SettlementOut,
        example={
            "shop": "b4d0f1c2-8e3a-4d57-9f10-7a6b5c4d3e07",
            "payable": "128.50",
            "is_accepting": True,
            "suspended_on": None,
            "suspended_for": "",
            "held_back": "0.00",
        },
        tag="Settlement",
    )
    def get(self, request: Request) -> Response:
        """
        What the shop has coming: captured less refunded, taken back and paid out. While it is suspended nothing is paid out.
        """
        merchant = Merchant.objects.filter(pk=self.owner).first()
        if merchant is None:
            raise NotFound
        owed, standing = history.owed(merchant), history.standing(merchant, None)
        found = {
            "shop": merchant.pk,
            "payable": owed.payable_fen + owed.settled_fen,
            "is_accepting": merchant.is_accepting,
            "suspended_on": standing.suspended_on,
            "suspended_for": standing.cause,
            "held_back": owed.held_back_fen,
        }
        return self.answer(SettlementOut, found)
