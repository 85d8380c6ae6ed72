"""Living a loan's life over the API."""

from __future__ import annotations

from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from finance.apr import NoAnnualRateError
from finance.reading import QuoteError
from lending.services.quoting import PriceCapExceeded
from operations.api.endpoints import SIMULATE, anything
from operations.services.loan_simulation import simulate_loan
from operations.services.loan_story import parse_story
from web.api.schema import operation
from web.api.views import Endpoint

STORY: dict[str, Any] = {
    "principal": "10000.00",
    "rate": {"daily": "0.0006"},
    "method": "one_off",
    "periods": 1,
    "frequency": {"months": 1},
    "day_count": "actual/365",
    "disbursed_on": "2026-06-01",
    "transactions": [
        {"type": "repayment", "date": "2026-06-06", "amount": "2000.00"},
        {"type": "payoff", "date": "2026-06-16"},
    ],
    "as_of": "2026-06-16",
}
ANSWER: dict[str, Any] = {
    "rows": [
        {
            "n": 1,
            "due_on": "2026-07-01",
            "days": 30,
            "principal": "10000.00",
            "interest": "78.00",
            "fee": "0.00",
            "penalty": "0.00",
            "due": "10078.00",
            "outstanding": "0.00",
            "prepaid": "10000.00",
            "paid": {
                "principal": "10000.00",
                "interest": "78.00",
                "fee": "0.00",
                "penalty": "0.00",
                "total": "10078.00",
            },
            "paid_early": "10078.00",
            "paid_late": "0.00",
            "unpaid": {
                "principal": "0.00",
                "interest": "0.00",
                "fee": "0.00",
                "penalty": "0.00",
                "total": "0.00",
            },
            "billed": False,
            "settled_on": None,
        }
    ],
    "totals": {
        "principal": "10000.00",
        "interest": "78.00",
        "fee": "0.00",
        "penalty": "0.00",
        "due": "10078.00",
    },
    "allocations": [
        {
            "ref": "disbursed",
            "type": "disbursement",
            "date": "2026-06-01",
            "amount": "10000.00",
            "principal": "0.00",
            "interest": "0.00",
            "fee": "0.00",
            "penalty": "0.00",
            "credit": "0.00",
            "outstanding": "10000.00",
        },
        {
            "ref": "t1",
            "type": "repayment",
            "date": "2026-06-06",
            "amount": "2000.00",
            "principal": "2000.00",
            "interest": "0.00",
            "fee": "0.00",
            "penalty": "0.00",
            "credit": "0.00",
            "outstanding": "8000.00",
        },
        {
            "ref": "t2",
            "type": "payoff",
            "date": "2026-06-16",
            "amount": "8078.00",
            "principal": "8000.00",
            "interest": "78.00",
            "fee": "0.00",
            "penalty": "0.00",
            "credit": "0.00",
            "outstanding": "0.00",
        },
    ],
    "as_of": "2026-06-16",
    "status": "closed",
    "classification": "normal",
    "days_past_due": 0,
    "outstanding": {
        "principal": "0.00",
        "interest": "0.00",
        "fee": "0.00",
        "penalty": "0.00",
        "total": "0.00",
    },
    "overdue": {"principal": "0.00", "interest": "0.00", "fee": "0.00", "penalty": "0.00", "total": "0.00"},
    "accrued": {"interest": "0.00", "penalty": "0.00"},
    "accrued_interest": "0.00",
    "credit": "0.00",
    "payoff": {
        "principal": "0.00",
        "interest": "0.00",
        "fee": "0.00",
        "penalty": "0.00",
        "total": "0.00",
        "prepayment_fee": "0.00",
        "to_pay": "0.00",
    },
    "books": {
        "loan_principal": "0.00",
        "interest_receivable": "0.00",
        "fee_receivable": "0.00",
        "penalty_receivable": "0.00",
    },
    "annual_rate": {"simple": "0.21600000", "effective": "0.23872053"},
    "refused": [],
}


class LoanSimulations(Endpoint):
    """Living a loan's life."""

    allowed = {"POST": SIMULATE}

    @operation(
        "simulateLoan",
        summary="Simulate a loan",
        body=anything("As `manage.py simulate_loan` reads it."),
        answer=anything(
            "The schedule's rows as they stand, where each transaction went, and what stands on the loan."
        ),
        refusals=(QuoteError, PriceCapExceeded, NoAnnualRateError),
        example_body=STORY,
        example=ANSWER,
        tag="Simulations",
    )
    def post(self, request: Request) -> Response:
        """What a loan would do: its transactions happen on the real services and the real close. Nothing is kept."""
        return Response(simulate_loan(parse_story(request.data)))
