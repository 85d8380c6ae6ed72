"""Who is signed in; quotes and simulations, which need every product."""

from __future__ import annotations

from typing import Any

from django.middleware.csrf import get_token
from rest_framework.request import Request
from rest_framework.response import Response

from finance.quote import quote
from finance.reading import QuoteError
from operations.services.line_story import BadStory, read_story
from operations.services.simulation import simulate
from web.api.callers import Allowed, Scope, Who
from web.api.reading import Fields, Text
from web.api.schema import operation
from web.api.views import Endpoint

SIMULATE = Allowed(Who.LENDER, Scope.SIMULATIONS_RUN)

QUOTE = {
    "principal": "10000.00",
    "rate": {"annual": "0.12"},
    "method": "equal_instalment",
    "periods": 2,
    "frequency": {"months": 1},
    "day_count": "actual/365",
    "disbursed_on": "2026-01-15",
}
STORY = {
    "line": {"limit": "8000.00", "opened_on": "2026-05-20"},
    "events": [
        {"on": "2026-06-05", "type": "purchase", "amount": "1000.00", "ref": "p1"},
        {"on": "2026-07-10", "type": "repayment", "amount": "100.00", "ref": "r1"},
    ],
    "until": "2026-07-11",
}


def anything(description: str) -> dict[str, Any]:
    """The schema of an object that the commands' own documentation describes."""
    return {"type": "object", "additionalProperties": True, "description": description}


class SessionOut(Fields):
    """What a borrower's own software needs to change something."""

    customer_name = Text()
    csrf_token = Text(help_text="Send it as X-CSRFToken with every POST.")


class OwnSession(Endpoint):
    """The session of whoever is signed in."""

    allowed = {"GET": Allowed(Who.BORROWER)}

    @operation(
        "readOwnSession",
        summary="Read my session",
        answer=SessionOut,
        example={"customer_name": "林晓燕", "csrf_token": "k3yF0rEveryP05t"},
        tag="Borrower",
    )
    def get(self, request: Request) -> Response:
        """Who is signed in, and the token that every POST of the session carries as `X-CSRFToken`."""
        login: Any = request.user
        found = {"customer_name": login.customer.full_name, "csrf_token": get_token(request._request)}
        return self.answer(SessionOut, found)


class Quotes(Endpoint):
    """Pricing a loan."""

    allowed = {"POST": SIMULATE}

    @operation(
        "quoteLoan",
        summary="Price a loan",
        body=anything("As `manage.py quote` reads it."),
        answer=anything("The schedule's rows, its totals and both annual rates."),
        refusals=(QuoteError,),
        example_body=QUOTE,
        example=quote(QUOTE),
        tag="Simulations",
    )
    def post(self, request: Request) -> Response:
        """The schedule and both annual rates of a loan's terms. Nothing is kept."""
        return Response(quote(request.data))


class LineSimulations(Endpoint):
    """Living a line's life."""

    allowed = {"POST": SIMULATE}

    @operation(
        "simulateLine",
        summary="Simulate a line",
        body=anything("As `manage.py simulate_line` reads it, with at most 1,000 events."),
        answer=anything("Statements, and what stands on the line at the end."),
        refusals=(BadStory,),
        example_body=STORY,
        example={
            "statements": [
                {
                    "issued_on": "2026-07-01",
                    "due_on": "2026-07-10",
                    "principal": "1000.00",
                    "interest": "0.00",
                    "penalty": "0.00",
                    "fee": "0.00",
                    "total": "1000.00",
                    "minimum": "100.00",
                    "credit_used": "0.00",
                    "correction": "0.00",
                }
            ],
            "plans": [],
            "drawn": "900.00",
            "held": "0.00",
            "available": "7100.00",
            "credit": "0.00",
            "owed": "900.00",
            "overdue": "0.00",
            "status": "active",
            "refused": [],
        },
        tag="Simulations",
    )
    def post(self, request: Request) -> Response:
        """What a line would do: its events happen on the real services and the real close. Nothing is kept."""
        return Response(simulate(read_story(request.data)))
