"""Applying for a line, which needs a score; quotes and simulations, which need every product."""

from __future__ import annotations

from typing import Any

from django.middleware.csrf import get_token
from django.utils.translation import gettext as _
from rest_framework.request import Request
from rest_framework.response import Response

from creditscore import selectors as scores
from finance.errors import DomainError
from finance.quote import quote
from finance.reading import QuoteError
from huabei.api.answers import line_answer
from huabei.api.shapes import EXAMPLE_LINE, LineOut
from huabei.models import Line
from huabei.policy import REFUSAL_TEXTS, Refusal
from huabei.services.lines import CALENDARS, AlreadyHasLine
from huabei.services.opening import LineRefused, apply_for_line, decide_openings
from operations.services.closing import booking_day, business_date
from operations.services.line_story import BadStory, read_story
from operations.services.simulation import simulate
from web.api.callers import Allowed, Scope, Who
from web.api.reading import Choice, Fields, Text, Truth, Whole, Yuan
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


class CalendarNotOffered(DomainError):
    """A statement day that no calendar has."""

    code = "calendar_not_offered"


class ApplicationIn(Fields):
    """The calendar that is wanted."""

    statement_day = Whole(least=1, most=28, required=False, default=1, help_text="1, 5, 10 or 15.")


class RefusalOut(Fields):
    """One reason against a line."""

    code = Choice([refusal.value for refusal in Refusal])
    message = Text()


class OfferOut(Fields):
    """What the policy says today, without anything being opened."""

    granted = Truth()
    limit = Yuan()
    refusals = RefusalOut(many=True)


class OwnApplication(Endpoint):
    """Applying for a line."""

    allowed = {"GET": Allowed(Who.BORROWER), "POST": Allowed(Who.BORROWER)}

    def _points(self, on: Any) -> int | None:
        found = scores.published_score(customer_id=self.owner, on=on)
        return found.points if found else None

    @operation(
        "readOffer",
        summary="What would I be granted?",
        answer=OfferOut,
        example={"granted": True, "limit": "4000.00", "refusals": []},
        tag="Borrower",
    )
    def get(self, request: Request) -> Response:
        """What the policy grants the borrower on the business date, or every reason against it."""
        on = business_date()
        decision = decide_openings(scores={self.owner: self._points(on)}, on=on)[0]
        refusals = [{"code": each.value, "message": str(REFUSAL_TEXTS[each])} for each in decision.refusals]
        found = {"granted": decision.granted, "limit": decision.limit_fen, "refusals": refusals}
        return self.answer(OfferOut, found)

    @operation(
        "applyForLine",
        summary="Apply for a line",
        body=ApplicationIn,
        answer=LineOut,
        status=201,
        refusals=(LineRefused, AlreadyHasLine, CalendarNotOffered),
        example_body={"statement_day": 1},
        example={
            **EXAMPLE_LINE,
            "bill": {**EXAMPLE_LINE["bill"], "state": "paid", "statement": None, "due_on": None},  # type: ignore[dict-item]
        },
        tag="Borrower",
    )
    def post(self, request: Request) -> Response:
        """Opens a line if the policy admits the borrower with the score that stands; a refusal names every reason."""
        day = self.body(ApplicationIn)["statement_day"]
        if day not in CALENDARS:
            offered = ", ".join(str(each) for each in CALENDARS)
            raise CalendarNotOffered(_("must be one of %(days)s") % {"days": offered}, field="statement_day")
        with booking_day() as on:
            line_id = apply_for_line(customer_id=self.owner, score=self._points(on), on=on, statement_day=day)
        return self.answer(LineOut, line_answer(Line.objects.get(pk=line_id)), status=201)


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
