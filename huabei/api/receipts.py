"""What a buyer sees of their own purchases, and that they confirm one came."""

from __future__ import annotations

from uuid import UUID

from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from huabei.api.shapes import (
    A_PURCHASE,
    EXAMPLE_OWN_PURCHASE,
    PURCHASE,
    NothingIn,
    OwnPurchaseOut,
    ReceiptOut,
)
from huabei.errors import NotAuthorised
from huabei.models import PurchaseState
from huabei.purchase_history import own_purchase, purchases_for
from huabei.services.receipts import confirm_receipt
from web.api.callers import Allowed, Who
from web.api.day import booking_day
from web.api.reading import Choice, Day
from web.api.schema import operation
from web.api.views import Endpoint

BORROWER = Allowed(Who.BORROWER)


class OwnPurchases(Endpoint):
    """The borrower's purchases."""

    allowed = {"GET": BORROWER}
    paged = True
    filters = {
        "state": Choice(PurchaseState.values, help_text="Only those in this state."),
        "receipt": Choice(["awaited", "confirmed"], help_text="Only those whose receipt is this."),
        "from": Day(help_text="Paid or reserved on this day or later."),
        "to": Day(help_text="… or earlier."),
    }

    @operation(
        "listOwnPurchases",
        summary="List my purchases",
        answer=OwnPurchaseOut,
        many=True,
        example=EXAMPLE_OWN_PURCHASE,
        tag="Borrower",
    )
    def get(self, request: Request) -> Response:
        """
        What the borrower bought, with their own lines and through one that is shared with them, newest first: when each was
        paid and posted, what was charged and what came back.
        """
        narrowing = {"state": "state", "from": "authorised_on__gte", "to": "authorised_on__lte"}
        given = {lookup: self.query[name] for name, lookup in narrowing.items() if name in self.query}
        found = purchases_for(self.owner).filter(**given)
        if (receipt := self.query.get("receipt")) == "confirmed":
            found = found.filter(receipt__isnull=False)
        elif receipt:
            found = found.filter(posts_on_receipt=True, state=PurchaseState.AUTHORISED)
        return self.page(OwnPurchaseOut, found)


class OwnPurchase(Endpoint):
    """One of the borrower's purchases."""

    allowed = {"GET": BORROWER}

    @operation(
        "readOwnPurchase",
        summary="Read one of my purchases",
        answer=OwnPurchaseOut,
        example=EXAMPLE_OWN_PURCHASE,
        tag="Borrower",
    )
    def get(self, request: Request, purchase_id: UUID) -> Response:
        """A purchase as it stands, with what was charged and what came back."""
        found = own_purchase(customer_id=self.owner, purchase_id=self.number(PURCHASE, purchase_id))
        if found is None:
            raise NotFound
        return self.answer(OwnPurchaseOut, found)


class OwnReceipt(Endpoint):
    """That a purchase came."""

    allowed = {"POST": BORROWER}

    @operation(
        "confirmOwnReceipt",
        summary="Confirm that a purchase came",
        body=NothingIn,
        answer=ReceiptOut,
        refusals=(NotAuthorised,),
        example_body={},
        example={"purchase": A_PURCHASE, "confirmed_on": "2026-07-05", "by_customer": True},
        tag="Borrower",
    )
    def post(self, request: Request, purchase_id: UUID) -> Response:
        """
        Confirms the receipt of a purchase that waits for it: it is posted on this day, and its shop is paid. The same again
        changes nothing, and is answered as before.
        """
        self.body(NothingIn)
        found = own_purchase(customer_id=self.owner, purchase_id=self.number(PURCHASE, purchase_id))
        if found is None:
            raise NotFound
        with booking_day() as on:
            made = confirm_receipt(purchase_id=found.pk, customer_id=self.owner, on=on)
        return self.answer(ReceiptOut, made)
