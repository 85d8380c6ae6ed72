"""What the API of lines is sent and answers."""

from __future__ import annotations

from huabei.models import CorrectionCause, LineStatus, PurchaseState
from web.api.reading import Choice, Day, Fields, Identifier, Prose, Rate, Text, Truth, Whole, Yuan

PURCHASE, CAPTURE, REFUND = "purchase", "capture", "refund"
REPAYMENT, STATEMENT, CORRECTION = "repayment", "statement", "correction"

# What examples call a line and a purchase.
A_LINE = "8d1f6f0a-52f5-4f60-9a55-0f7a1b1f3a01"
A_PURCHASE = "5a1c5b0e-9d7f-4f62-8a43-2c8f0f3e6b02"


class AuthorisationIn(Fields):
    """What a shop asks to reserve."""

    line = Identifier(help_text="The line, as the customer shows it.")
    amount = Yuan()
    instalments = Whole(
        least=2,
        most=60,
        required=False,
        allow_null=True,
        help_text="How many the customer chose; left out for none.",
    )


class AuthorisationOut(Fields):
    """A reservation as it was made; what became of it is the purchase's `state`."""

    id = Identifier(help_text="The purchase.")
    line = Identifier()
    reference = Text(most=64, help_text="The Idempotency-Key it was made under.")
    amount = Yuan()
    instalments = Whole(allow_null=True)
    state = Choice(["authorised"])
    authorised_on = Day()
    expires_on = Day(
        help_text="The last day on which it can be captured; or that on which it is taken as received, at a shop that is paid"
        " on receipt."
    )


class CaptureIn(Fields):
    """How much of an authorisation to charge."""

    amount = Yuan(help_text="At most what is left of what was authorised.")
    final = Truth(
        required=False,
        default=True,
        help_text="Whether the rest is released (the default), or stays reserved for another capture.",
    )


class CaptureOut(Fields):
    """What was charged of an authorisation at once, which never changes."""

    id = Identifier(CAPTURE, source="pk")
    purchase = Identifier(PURCHASE, source="purchase_id")
    reference = Text(most=64, least=0, help_text="The Idempotency-Key; empty where the charge came without.")
    amount = Yuan(source="amount_fen")
    is_final = Truth()
    posted_on = Day()


class NothingIn(Fields):
    """No field at all."""


class PurchaseOut(Fields):
    """A purchase as it stands."""

    id = Identifier(PURCHASE, source="pk")
    line = Identifier(source="line.uuid")
    reference = Text(most=64)
    amount = Yuan(source="amount_fen")
    captured = Yuan(source="captured_fen")
    refunded = Yuan(source="refunded_fen")
    state = Choice(PurchaseState.values)
    authorised_on = Day()
    expires_on = Day(help_text="The last day of the hold; or that on which it is taken as received.")
    posted_on = Day(allow_null=True)
    paid_on = Day(allow_null=True, help_text="As `posted_on`; as `authorised_on` where it posts on receipt.")
    cancelled = Yuan(source="cancelled_fen", help_text="What was given back before receipt.")
    posts_on_receipt = Truth(help_text="Whether it is paid and waits for the buyer to confirm receipt.")


class OwnCaptureOut(Fields):
    """What a shop charged."""

    amount = Yuan(source="amount_fen")
    posted_on = Day()


class OwnPurchaseRefundOut(Fields):
    """What a shop gave back."""

    amount = Yuan(source="amount_fen")
    refunded_on = Day()


class ReceiptOut(Fields):
    """That a purchase came, which never changes."""

    purchase = Identifier(PURCHASE, source="purchase_id")
    confirmed_on = Day()
    by_customer = Truth(help_text="Whether somebody confirmed it, rather than its time being over.")


class OwnPurchaseOut(Fields):
    """A purchase as the customer sees it."""

    id = Identifier(PURCHASE, source="pk")
    shop = Text(source="merchant.shop.name")
    amount = Yuan(source="amount_fen")
    captured = Yuan(source="captured_fen")
    refunded = Yuan(source="refunded_fen")
    cancelled = Yuan(source="cancelled_fen", help_text="What was given back before receipt.")
    state = Choice(PurchaseState.values)
    authorised_on = Day()
    paid_on = Day(allow_null=True)
    posted_on = Day(allow_null=True, help_text="The first day of a charge; it is on the statement after it.")
    awaits_receipt = Truth(help_text="Whether it is paid and waits for you to confirm its receipt.")
    received_on = Day(source="receipt.confirmed_on", allow_null=True, default=None)
    taken_as_received_on = Day(
        source="receipt_expected_on", allow_null=True, help_text="If you do not confirm it before."
    )
    captures = OwnCaptureOut(many=True, source="captures.all")
    refunds = OwnPurchaseRefundOut(many=True, source="refunds.all")


class RefundIn(Fields):
    """How much to give back."""

    amount = Yuan(help_text="At most what was captured and not refunded yet.")


class RefundOut(Fields):
    """A refund, which never changes."""

    id = Identifier(REFUND, source="pk")
    purchase = Identifier(PURCHASE, source="purchase_id")
    reference = Text(
        most=64,
        least=0,
        help_text="The Idempotency-Key; empty where a purchase was voided before its receipt.",
    )
    amount = Yuan(source="amount_fen")
    refunded_on = Day()


class SettlementOut(Fields):
    """What a shop is owed."""

    shop = Identifier()
    payable = Yuan(help_text="What it has coming and was not paid yet, settled or not, as the books have it.")
    is_accepting = Truth(help_text="Whether it is not suspended.")
    suspended_on = Day(allow_null=True)
    suspended_for = Text(most=60, least=0, help_text="The cause, in the language that is asked for.")
    held_back = Yuan(help_text="What of it is settled, and paid out once the shop is reinstated.")


class PositionOut(Fields):
    """What stands on a line on the business date."""

    limit = Yuan(source="limit_fen")
    available = Yuan(source="available_fen")
    held = Yuan(source="held_fen")
    drawn = Yuan(source="drawn_fen")
    unbilled = Yuan(source="unbilled_fen")
    billed = Yuan(source="billed_total_fen")
    accrued_interest = Yuan(source="accrued_interest_fen")
    accrued_penalty = Yuan(source="accrued_penalty_fen")
    owed = Yuan(source="owed_fen")
    credit = Yuan(source="credit_fen")


class BillOut(Fields):
    """What the statements ask for on the business date."""

    state = Choice(["paid", "due", "minimum_met", "overdue"])
    statement = Identifier(STATEMENT, source="statement.pk", allow_null=True, default=None)
    due_on = Day(source="statement.due_on", allow_null=True, default=None)
    unpaid = Yuan(source="unpaid_fen")
    minimum = Yuan(source="minimum_fen")
    overdue = Yuan(source="overdue_fen")
    overdue_days = Whole()


class LineOut(Fields):
    """A line and where it stands."""

    id = Identifier(source="line.uuid")
    customer = Identifier(source="line.customer_id")
    status = Choice(LineStatus.values, source="line.status")
    statement_day = Whole(source="line.statement_day")
    due_day = Whole(source="line.due_day")
    opened_on = Day(source="line.opened_on")
    business_date = Day(source="on")
    position = PositionOut()
    bill = BillOut()


class StatementOut(Fields):
    """A statement, frozen once issued. Each amount is all that is unpaid of its kind; `new_…` is what this one adds."""

    id = Identifier(STATEMENT, source="pk")
    issued_on = Day()
    due_on = Day()
    principal = Yuan(source="principal_fen")
    interest = Yuan(source="interest_fen")
    penalty = Yuan(source="penalty_fen")
    fee = Yuan(source="fee_fen")
    total = Yuan(source="total_fen")
    minimum = Yuan(source="minimum_fen")
    new_principal = Yuan(source="new_principal_fen")
    new_interest = Yuan(source="new_interest_fen")
    new_penalty = Yuan(source="new_penalty_fen")
    new_instalments = Yuan(source="new_instalment_fen", help_text="Of the new principal, instalments.")
    new_fee = Yuan(source="new_fee_fen")
    credit_used = Yuan(source="credit_used_fen")
    correction = Yuan(
        source="correction_fen",
        help_text="What was learned since the statement before, of earlier days; may be negative.",
    )


class HappeningOut(Fields):
    """Something that happened in a statement's period."""

    on = Day()
    shop = Text()
    amount = Yuan(source="amount_fen")


class InterestOut(Fields):
    """Interest or penalty over some days, both counted."""

    kind = Choice(["revolving", "penalty"])
    principal = Yuan(source="principal_fen")
    daily_rate = Rate()
    since = Day()
    last_day = Day()
    days = Whole()


class StatementDetailOut(Fields):
    """A statement and what is behind its figures."""

    statement = StatementOut()
    since = Day(help_text="The first day of its period.")
    last_day = Day(help_text="The last day of its period.")
    purchases = HappeningOut(many=True)
    refunds = HappeningOut(many=True)
    repayments = HappeningOut(many=True)
    interest = InterestOut(many=True, source="runs")


class RepaymentIn(Fields):
    """A repayment."""

    amount = Yuan()


class ReceivedIn(RepaymentIn):
    """A repayment that was received."""

    value_on = Day(
        required=False,
        allow_null=True,
        help_text="The day from which it counts: the business date (the default), or one before it.",
    )


class ReasonIn(Fields):
    """Why something is taken back."""

    reason = Prose(most=200, help_text="For whoever reads the books later.")


class CorrectionOut(Fields):
    """The past of a line, corrected: by how much charges that were posted changed, negative where less is owed."""

    id = Identifier(CORRECTION, source="pk")
    cause = Choice(CorrectionCause.values)
    reason = Text(most=200, least=0)
    amount = Yuan(source="amount_fen", help_text="Of the repayment or purchase.")
    value_on = Day()
    corrected_on = Day()
    interest = Yuan(source="interest_fen")
    penalty = Yuan(source="penalty_fen")
    fee = Yuan(source="fee_fen")


class CalendarIn(Fields):
    """Another statement day."""

    statement_day = Whole(least=1, most=28, help_text="One of those that are offered: 1, 5, 10 or 15.")


class RepaymentOut(Fields):
    """A repayment and where it went, which never changes."""

    id = Identifier(REPAYMENT, source="pk")
    amount = Yuan(source="amount_fen")
    received_on = Day()
    value_on = Day(help_text="The day from which it counts.")
    to_penalty = Yuan(source="to_penalty_fen")
    to_interest = Yuan(source="to_interest_fen")
    to_fee = Yuan(source="to_fee_fen")
    to_billed = Yuan(source="to_billed_fen")
    to_unbilled = Yuan(source="to_unbilled_fen")
    to_credit = Yuan(source="to_credit_fen")


EXAMPLE_AUTHORISATION = {
    "id": A_PURCHASE,
    "line": A_LINE,
    "reference": "order-2026-0001",
    "amount": "128.50",
    "instalments": None,
    "state": "authorised",
    "authorised_on": "2026-07-05",
    "expires_on": "2026-07-12",
}
EXAMPLE_PURCHASE = {
    "id": A_PURCHASE,
    "line": A_LINE,
    "reference": "order-2026-0001",
    "amount": "128.50",
    "captured": "128.50",
    "refunded": "0.00",
    "state": "captured",
    "authorised_on": "2026-07-05",
    "expires_on": "2026-07-12",
    "posted_on": "2026-07-05",
    "paid_on": "2026-07-05",
    "cancelled": "0.00",
    "posts_on_receipt": False,
}
EXAMPLE_OWN_PURCHASE = {
    **{
        name: value
        for name, value in EXAMPLE_PURCHASE.items()
        if name not in ("line", "reference", "expires_on", "posts_on_receipt")
    },
    "shop": "晨光便利店",
    "awaits_receipt": False,
    "received_on": None,
    "taken_as_received_on": None,
    "captures": [{"amount": "128.50", "posted_on": "2026-07-05"}],
    "refunds": [],
}
EXAMPLE_CAPTURE = {
    "id": "e4d3c2b1-7f60-4a59-8b4c-3d2e1f0a9b08",
    "purchase": A_PURCHASE,
    "reference": "parcel-2026-0001",
    "amount": "128.50",
    "is_final": True,
    "posted_on": "2026-07-05",
}
EXAMPLE_REFUND = {
    "id": "0b7a8de2-6f0e-4f6f-b7f6-6a9f0a6f1c03",
    "purchase": A_PURCHASE,
    "reference": "return-2026-0001",
    "amount": "28.50",
    "refunded_on": "2026-07-05",
}
EXAMPLE_LINE = {
    "id": A_LINE,
    "customer": "c0a8012e-7a57-4c3e-9d3a-6a6f3a8b5d04",
    "status": "active",
    "statement_day": 1,
    "due_day": 10,
    "opened_on": "2026-05-20",
    "business_date": "2026-07-05",
    "position": {
        "limit": "8000.00",
        "available": "7000.00",
        "held": "0.00",
        "drawn": "1000.00",
        "unbilled": "0.00",
        "billed": "1000.00",
        "accrued_interest": "0.00",
        "accrued_penalty": "0.00",
        "owed": "1000.00",
        "credit": "0.00",
    },
    "bill": {
        "state": "due",
        "statement": "d2b1f0c3-3a54-4b8e-8a1e-9c5d7e2f4a05",
        "due_on": "2026-07-10",
        "unpaid": "1000.00",
        "minimum": "100.00",
        "overdue": "0.00",
        "overdue_days": 0,
    },
}
EXAMPLE_STATEMENT = {
    "id": "d2b1f0c3-3a54-4b8e-8a1e-9c5d7e2f4a05",
    "issued_on": "2026-07-01",
    "due_on": "2026-07-10",
    "principal": "1000.00",
    "interest": "0.00",
    "penalty": "0.00",
    "fee": "0.00",
    "total": "1000.00",
    "minimum": "100.00",
    "new_principal": "1000.00",
    "new_interest": "0.00",
    "new_penalty": "0.00",
    "new_instalments": "0.00",
    "new_fee": "0.00",
    "credit_used": "0.00",
    "correction": "0.00",
}
EXAMPLE_REPAYMENT = {
    "id": "7e9d2f61-1c3b-4a0d-8f57-5b4e3d2c1a06",
    "amount": "300.00",
    "received_on": "2026-07-05",
    "value_on": "2026-07-05",
    "to_penalty": "0.00",
    "to_interest": "0.00",
    "to_fee": "0.00",
    "to_billed": "300.00",
    "to_unbilled": "0.00",
    "to_credit": "0.00",
}
EXAMPLE_CORRECTION = {
    "id": "3c2b1a09-8f7e-4d6c-9b5a-1e2d3c4b5a07",
    "cause": "bounced",
    "reason": "the bank took it back",
    "amount": "300.00",
    "value_on": "2026-07-05",
    "corrected_on": "2026-07-05",
    "interest": "0.00",
    "penalty": "0.00",
    "fee": "0.00",
}
