"""Refunds and credit of whoever is signed in, and paying credit out to one of their own sources."""

from __future__ import annotations

from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from huabei import credit_history, selectors
from huabei.api.borrower import BORROWER, OwnEndpoint
from huabei.api.shapes import PURCHASE, REFUND
from huabei.errors import AmountRefused, RequestConflict
from huabei.models import CreditPayout
from huabei.paying_out import request_payout_of_credit
from payments import selectors as payments
from payments.errors import GatewayNotConfigured, SourceNotFound
from payments.models import SourceKind
from web.api.day import booking_day, business_date
from web.api.reading import Choice, Day, Fields, Identifier, Text, Yuan
from web.api.schema import operation

TAG = "Borrower"
PAYOUT = "credit_payout"
A_SOURCE = "9f0e1d2c-3b4a-4596-8778-695a4b3c2d13"


class PayoutSourceOut(Fields):
    """A wallet or a card that credit may be paid to."""

    id = Identifier(source="uuid")
    kind = Choice(SourceKind.values)
    name = Text(most=64, least=0)


class CreditOut(Fields):
    """What the lender owes the borrower, and where it may go."""

    credit = Yuan(source="credit_fen")
    sources = PayoutSourceOut(many=True)


class PayoutIn(Fields):
    """How much credit to pay out, and to which source."""

    amount = Yuan()
    to = Identifier(help_text="One of the sources of `me/credit/`.")


class PayoutOut(Fields):
    """Credit that is paid out; what does not arrive is credit again."""

    id = Identifier(PAYOUT, source="pk")
    amount = Yuan(source="amount_fen")
    ordered_on = Day(source="paid_on")
    state = Choice(["under_way", "arrived", "given_back"])


class OwnRefundOut(Fields):
    """A refund and where it went, which never changes."""

    id = Identifier(REFUND, source="pk")
    purchase = Identifier(PURCHASE, source="purchase_id")
    shop = Text(source="purchase.merchant.shop.name")
    amount = Yuan(source="amount_fen")
    refunded_on = Day()
    to_unbilled = Yuan(source="to_unbilled_fen")
    to_instalments = Yuan(source="to_instalment_fen")
    to_billed = Yuan(source="to_billed_fen")
    to_credit = Yuan(source="to_credit_fen")


EXAMPLE_PAYOUT = {
    "id": "1a2b3c4d-5e6f-4708-9a1b-2c3d4e5f6a14",
    "amount": "100.00",
    "ordered_on": "2026-07-05",
    "state": "under_way",
}
EXAMPLE_REFUND = {
    "id": "0b7a8de2-6f0e-4f6f-b7f6-6a9f0a6f1c03",
    "purchase": "5a1c5b0e-9d7f-4f62-8a43-2c8f0f3e6b02",
    "shop": "晨光便利店",
    "amount": "28.50",
    "refunded_on": "2026-07-05",
    "to_unbilled": "28.50",
    "to_instalments": "0.00",
    "to_billed": "0.00",
    "to_credit": "0.00",
}


class OwnCredit(OwnEndpoint):
    """The borrower's credit."""

    allowed = {"GET": BORROWER}

    @operation(
        "readOwnCredit",
        summary="Read my credit",
        answer=CreditOut,
        example={
            "credit": "200.00",
            "sources": [{"id": A_SOURCE, "kind": "card", "name": "··· 1234"}],
        },
        tag=TAG,
    )
    def get(self, request: Request) -> Response:
        """The credit of the borrower's line, closed or not, and the sources that it may be paid to."""
        position = selectors.line_position(self.line(), business_date())
        found = {"credit_fen": position.credit_fen, "sources": payments.sources_of(self.owner)}
        return self.answer(CreditOut, found)


class OwnPayouts(OwnEndpoint):
    """Credit that is paid out."""

    allowed = {"GET": BORROWER, "POST": BORROWER}
    paged = True

    @operation(
        "listOwnPayouts",
        summary="List what was paid out to me",
        answer=PayoutOut,
        many=True,
        example=EXAMPLE_PAYOUT,
        tag=TAG,
    )
    def get(self, request: Request) -> Response:
        """Credit that was paid out or is on its way, newest first."""
        return self.page(PayoutOut, credit_history.payouts_of(self.line().pk))

    @operation(
        "payOutOwnCredit",
        summary="Pay my credit out",
        body=PayoutIn,
        answer=PayoutOut,
        status=201,
        keyed=True,
        refusals=(AmountRefused, GatewayNotConfigured, RequestConflict, SourceNotFound),
        example_body={"amount": "100.00", "to": A_SOURCE},
        example=EXAMPLE_PAYOUT,
        tag=TAG,
    )
    def post(self, request: Request) -> Response:
        """
        Sends some of the credit to one of the borrower's own sources. Nothing can be bought with it from then on; if it does
        not arrive, it is credit again.
        """
        key, given = self.key(), self.body(PayoutIn)
        reference = f"me:{key}"
        line = self.line_for(CreditPayout, reference)
        with booking_day() as on:
            made = request_payout_of_credit(
                line_id=line.pk,
                amount_fen=given["amount"],
                source=given["to"],
                reference=reference,
                on=on,
            )
        return self.answer(PayoutOut, as_ordered(made), status=201, replayed=made.repeated)


def as_ordered(payout: CreditPayout) -> dict[str, Any]:
    """A payout as it was ordered, so that a repeat is answered alike; what became of it is in the list."""
    kept = {name: getattr(payout, name) for name in ("pk", "amount_fen", "paid_on")}
    return {**kept, "state": "under_way"}


class OwnRefunds(OwnEndpoint):
    """What shops gave back."""

    allowed = {"GET": BORROWER}
    paged = True

    @operation(
        "listOwnRefunds",
        summary="List my refunds",
        answer=OwnRefundOut,
        many=True,
        example=EXAMPLE_REFUND,
        tag=TAG,
    )
    def get(self, request: Request) -> Response:
        """What came back and where it went: off purchases, instalments or statements, or to the credit; newest first."""
        return self.page(OwnRefundOut, credit_history.refunds_of(self.line().pk))
