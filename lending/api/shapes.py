"""What the API of loans is sent and answers."""

from __future__ import annotations

from typing import Any

from finance.loan import Kind
from finance.schedule import Method
from lending.history import RowState
from lending.models import LoanStatus
from lending.policy import Refusal
from web.api.reading import Choice, Day, Fields, Identifier, Rate, Text, Truth, Whole, Yuan

FACT = "loan fact"
METHODS = [each.value for each in Method if each != Method.FLAT]

# What examples call a loan and a source of money.
A_LOAN = "2c7e1f64-93b5-4d0a-8e27-51b0c9d4a6f3"
A_SOURCE = "9b3d5e70-1c84-4f2b-a6d9-7e0f3a5c8b21"


class LoanPlanOut(Fields):
    """One way of borrowing: a product, a method, a term."""

    plan = Text(help_text="What a quote and a signature are sent.")
    product = Text()
    name = Text(help_text="In the language that is asked for.")
    method = Choice(METHODS)
    periods = Whole()
    unit = Choice(["months", "weeks", "days"])
    every = Whole()
    least = Yuan()
    most = Yuan()
    rate_from = Rate(help_text="In the product's unit.")
    rate_to = Rate()
    rate_unit = Choice(["daily", "actual/365", "actual/360"])


class LoanPlansOut(Fields):
    """All ways of borrowing."""

    plans = LoanPlanOut(many=True)


class WishIn(Fields):
    """What to borrow, and how to repay it."""

    plan = Text(most=64)
    amount = Yuan()


class AnnualRateOut(Fields):
    """Both annual rates, with every fee in them."""

    simple = Rate()
    effective = Rate()


class LoanPricedRowOut(Fields):
    """An instalment of a price."""

    n = Whole()
    due_on = Day()
    principal = Yuan(source="principal_fen")
    interest = Yuan(source="interest_fen")
    fee = Yuan(source="fee_fen")
    due = Yuan(source="due_fen")
    outstanding = Yuan(source="outstanding_fen")


class LoanRefusalOut(Fields):
    """One reason against a loan."""

    code = Choice([each.value for each in Refusal])
    message = Text()


class LoanPriceOut(Fields):
    """What a loan would cost, and whether it would be granted."""

    annual_rate = AnnualRateOut()
    plan = Text()
    amount = Yuan(source="amount_fen")
    received = Yuan(
        source="received_fen", help_text="What is paid out: the amount less fees that are kept back."
    )
    interest = Yuan(source="interest_fen")
    fee = Yuan(source="fee_fen")
    due = Yuan(source="due_fen", help_text="All that is paid back, with every fee.")
    rate = Rate(help_text="In the product's unit.")
    granted = Truth()
    refusals = LoanRefusalOut(many=True)
    rows = LoanPricedRowOut(many=True)


class SignIn(WishIn):
    """A signature. It is consent to the contract."""

    pay_to = Identifier(help_text="Where the money goes: one of the borrower's sources.")
    consent = Truth(help_text="True: the contract was read and is agreed to.")


class LoanSignedOut(Fields):
    """A loan as it was signed, which never changes."""

    id = Identifier(source="uuid")
    product = Text(source="product.code")
    amount = Yuan(source="terms.principal_fen")
    annual_rate = AnnualRateOut(source="annual")
    signed_on = Day()


class SourceIn(Fields):
    """Where the money goes."""

    pay_to = Identifier()


class SourceOut(Fields):
    """A wallet or a card of the borrower."""

    id = Identifier(source="uuid")
    kind = Choice(["wallet", "money_market", "card"])
    name = Text(least=0)
    autopay = Truth()


class SourcesOut(Fields):
    """The borrower's sources in their order."""

    sources = SourceOut(many=True)


class LoanNothingIn(Fields):
    """No field at all."""


class LoanRowOut(Fields):
    """An instalment as it stands. Of those to come the figures are what they will be if nothing happens."""

    n = Whole(source="row.n")
    due_on = Day(source="row.due_on")
    state = Choice([each.value for each in RowState])
    principal = Yuan(source="row.asked.principal_fen")
    interest = Yuan(source="row.asked.interest_fen")
    fee = Yuan(source="row.asked.fee_fen")
    penalty = Yuan(source="row.asked.penalty_fen")
    prepaid = Yuan(source="row.prepaid_fen", help_text="Principal repaid early in its period, on top.")
    paid = Yuan(source="row.paid.total_fen")
    unpaid = Yuan(source="unpaid_fen")
    outstanding = Yuan(source="row.outstanding_fen")


class FoundLoanOut(Fields):
    """A loan, without what stands on it."""

    id = Identifier(source="uuid")
    customer = Identifier(source="customer_id")
    product = Text(source="product.code")
    status = Choice(LoanStatus.values)
    amount = Yuan(source="terms.principal_fen")
    signed_on = Day()
    disbursed_on = Day(allow_null=True)


class LoanOut(Fields):
    """A loan and where it stands on the business date."""

    id = Identifier(source="loan.uuid")
    customer = Identifier(source="loan.customer_id")
    product = Text(source="loan.product.code")
    status = Choice(LoanStatus.values, source="loan.status")
    amount = Yuan(source="loan.terms.principal_fen")
    annual_rate = AnnualRateOut(source="annual")
    signed_on = Day(source="loan.signed_on")
    disbursed_on = Day(source="loan.disbursed_on", allow_null=True)
    business_date = Day(source="on")
    due = Yuan(source="due_fen", help_text="All that is due by now, with penalty that runs.")
    overdue = Yuan(source="overdue_fen")
    days_past_due = Whole()
    principal = Yuan(source="told.outstanding.principal_fen")
    accrued_interest = Yuan(source="interest_fen")
    accrued_penalty = Yuan(source="penalty_fen")
    credit = Yuan(source="told.credit_fen")
    payoff = Yuan(source="payoff_fen", help_text="What ends the loan today.")
    schedule = LoanRowOut(many=True, source="rows")


class LoanFactOut(Fields):
    """Something that happened to a loan, which never changes; a reversal names what it takes back."""

    id = Identifier(FACT, source="pk")
    kind = Choice([each.value for each in Kind])
    amount = Yuan(source="amount_fen")
    value_on = Day(help_text="From when it counts.")
    booked_on = Day()
    cause = Text(least=0)
    reverses = Identifier(FACT, source="reverses_id", allow_null=True)


class LoanRepaymentIn(Fields):
    """A repayment: at most what ends the loan, and then it does."""

    amount = Yuan()
    early = Choice(
        ["reduce_instalment", "shorten_term"],
        required=False,
        allow_null=True,
        default=None,
        help_text="What is not due yet repays principal at once: for smaller instalments, or for fewer.",
    )


class LoanPayoffOut(Fields):
    """What would end a loan on a day if nothing happens before."""

    on = Day()
    principal = Yuan(source="quoted.parts.principal_fen")
    interest = Yuan(source="quoted.parts.interest_fen")
    fee = Yuan(source="quoted.parts.fee_fen")
    prepayment_fee = Yuan(source="quoted.prepayment_fee_fen", help_text="Of the fees, for repaying early.")
    penalty = Yuan(source="quoted.parts.penalty_fen")
    credit = Yuan(source="quoted.credit_fen", help_text="What the borrower has already.")
    total = Yuan(source="quoted.total_fen")


class OutcomeOut(Fields):
    """A loan after one way of going on."""

    way = Choice(["as_agreed", "reduce_instalment", "shorten_term", "payoff"])
    pays = Yuan(source="outcome.pays_fen")
    fee = Yuan(source="outcome.fee_fen")
    interest_saved = Yuan(source="outcome.interest_saved_fen")
    saved = Yuan(source="outcome.saved_fen", help_text="In all, the fee counted.")
    next_instalment = Yuan(source="outcome.next_fen")
    instalments = Whole(source="count")
    last_due_on = Day(source="outcome.last_due_on", allow_null=True)
    to_come = Yuan(source="outcome.to_come_fen")


class ComparedOut(Fields):
    """Each way of repaying an amount early beside the others."""

    outcomes = OutcomeOut(many=True)


class LoanAmountIn(Fields):
    """An amount."""

    amount = Yuan()


EXAMPLE_PLAN = {
    "plan": "jiebei:equal_instalment:12:months:1",
    "product": "jiebei",
    "name": "Jiebei",
    "method": "equal_instalment",
    "periods": 12,
    "unit": "months",
    "every": 1,
    "least": "1000.00",
    "most": "300000.00",
    "rate_from": "0.00015",
    "rate_to": "0.0006",
    "rate_unit": "daily",
}
EXAMPLE_WISH = {"plan": "jiebei:one_off:3:months:1", "amount": "12000.00"}
EXAMPLE_RATE = {"simple": "0.05483152", "effective": "0.05622847"}
EXAMPLE_PRICE = {
    "annual_rate": EXAMPLE_RATE,
    "plan": "jiebei:one_off:3:months:1",
    "amount": "12000.00",
    "received": "12000.00",
    "interest": "165.60",
    "fee": "0.00",
    "due": "12165.60",
    "rate": "0.00015",
    "granted": True,
    "refusals": [],
    "rows": [
        {
            "n": 3,
            "due_on": "2026-10-05",
            "principal": "12000.00",
            "interest": "165.60",
            "fee": "0.00",
            "due": "12165.60",
            "outstanding": "0.00",
        }
    ],
}
EXAMPLE_SIGNED = {
    "id": A_LOAN,
    "product": "jiebei",
    "amount": "12000.00",
    "annual_rate": EXAMPLE_RATE,
    "signed_on": "2026-07-05",
}
EXAMPLE_LOAN: dict[str, Any] = {
    "id": A_LOAN,
    "customer": "c0a8012e-7a57-4c3e-9d3a-6a6f3a8b5d04",
    "product": "jiebei",
    "status": "active",
    "amount": "12000.00",
    "annual_rate": EXAMPLE_RATE,
    "signed_on": "2026-07-05",
    "disbursed_on": "2026-07-05",
    "business_date": "2026-07-05",
    "due": "0.00",
    "overdue": "0.00",
    "days_past_due": 0,
    "principal": "12000.00",
    "accrued_interest": "0.00",
    "accrued_penalty": "0.00",
    "credit": "0.00",
    "payoff": "12001.80",
    "schedule": [
        {
            "n": 1,
            "due_on": "2026-08-05",
            "state": "to_come",
            "principal": "974.10",
            "interest": "55.80",
            "fee": "0.00",
            "penalty": "0.00",
            "prepaid": "0.00",
            "paid": "0.00",
            "unpaid": "1029.90",
            "outstanding": "11025.90",
        }
    ],
}
EXAMPLE_FOUND = {
    name: EXAMPLE_LOAN[name]
    for name in ("id", "customer", "product", "status", "amount", "signed_on", "disbursed_on")
}
EXAMPLE_FACT = {
    "id": "7f0e2d1c-3b4a-4958-8776-65544332211a",
    "kind": "repayment",
    "amount": "500.00",
    "value_on": "2026-07-05",
    "booked_on": "2026-07-05",
    "cause": "",
    "reverses": None,
}
EXAMPLE_PAYOFF = {
    "on": "2026-07-05",
    "principal": "12000.00",
    "interest": "1.80",
    "fee": "0.00",
    "prepayment_fee": "0.00",
    "penalty": "0.00",
    "credit": "0.00",
    "total": "12001.80",
}
EXAMPLE_OUTCOME = {
    "way": "shorten_term",
    "pays": "5000.00",
    "fee": "0.00",
    "interest_saved": "215.40",
    "saved": "215.40",
    "next_instalment": "1029.90",
    "instalments": 7,
    "last_due_on": "2027-02-05",
    "to_come": "7138.20",
}
