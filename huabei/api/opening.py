"""Applying for a line: what would be granted, applying, and reading what was decided."""

from __future__ import annotations

from uuid import UUID

from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from huabei.api.answers import line_answer
from huabei.api.borrower import BORROWER
from huabei.api.shapes import A_LINE, EXAMPLE_LINE, LineOut
from huabei.errors import RequestConflict
from huabei.models import Line, OpeningOutcome
from huabei.policy import Refusal
from huabei.selectors import decisions_of
from huabei.services.lines import CalendarRefused
from huabei.services.opening import LineRefused, apply_for_line, preview
from web.api.day import booking_day, business_date
from web.api.reading import Choice, Day, Fields, Identifier, Text, Truth, Whole, Yuan
from web.api.schema import operation
from web.api.views import Endpoint

DECISION = "opening_decision"


class ApplicationIn(Fields):
    """The calendar that is wanted."""

    statement_day = Whole(least=1, most=28, required=False, default=1, help_text="1, 5, 10 or 15.")


class ReasonOut(Fields):
    """One reason against a line, and what would be right."""

    code = Choice([refusal.value for refusal in Refusal], source="rule")
    message = Text(source="text")
    advice = Text()


class OfferOut(Fields):
    """What the policy says today, without anything being opened or kept."""

    granted = Truth()
    limit = Yuan()
    refusals = ReasonOut(many=True)


class DecisionOut(Fields):
    """An application and what was decided. It never changes."""

    id = Identifier(DECISION, source="pk")
    decided_on = Day()
    statement_day = Whole()
    outcome = Choice(OpeningOutcome.values)
    limit = Yuan(source="limit_fen", help_text="0.00 where it was refused.")
    line = Identifier(source="line.uuid", allow_null=True, help_text="The line that was opened.")
    reasons = ReasonOut(
        many=True, source="against", help_text="Every reason against a line; none where one was opened."
    )


EXAMPLE_DECISION = {
    "id": "0b1f8d2e-6c47-5a9f-93e1-7d2a4c5b6e80",
    "decided_on": "2026-07-05",
    "statement_day": 1,
    "outcome": "granted",
    "limit": "4000.00",
    "line": A_LINE,
    "reasons": [],
}


class OwnApplication(Endpoint):
    """Applying for a line."""

    allowed = {"GET": BORROWER, "POST": BORROWER}

    @operation(
        "readOffer",
        summary="What would I be granted?",
        answer=OfferOut,
        example={"granted": True, "limit": "4000.00", "refusals": []},
        tag="Borrower",
    )
    def get(self, request: Request) -> Response:
        """What the policy grants the borrower on the business date, or every reason against it. Nothing is kept."""
        decision = preview(customer_id=self.owner, on=business_date())
        found = {
            "granted": decision.granted,
            "limit": decision.limit_fen,
            "refusals": decision.against,
        }
        return self.answer(OfferOut, found)

    @operation(
        "applyForLine",
        summary="Apply for a line",
        body=ApplicationIn,
        answer=LineOut,
        status=201,
        keyed=True,
        refusals=(LineRefused, CalendarRefused, RequestConflict),
        example_body={"statement_day": 1},
        example={
            **EXAMPLE_LINE,
            "bill": {**EXAMPLE_LINE["bill"], "state": "paid", "statement": None, "due_on": None},  # type: ignore[dict-item]
        },
        tag="Borrower",
    )
    def post(self, request: Request) -> Response:
        """
        Opens a line if the policy admits the borrower with the score that stands; a refusal names every reason. Either way
        the decision is kept, and is what the key answers from then on.
        """
        day = self.body(ApplicationIn)["statement_day"]
        with booking_day() as on:
            decision = apply_for_line(
                customer_id=self.owner, reference=f"me:{self.key()}", on=on, statement_day=day
            )
        if not decision.is_granted:
            raise LineRefused(decision)
        assert decision.line_id is not None
        line = line_answer(Line.objects.get(pk=decision.line_id))
        return self.answer(LineOut, line, status=201, replayed=decision.repeated)


class OwnDecisions(Endpoint):
    """What was decided on the borrower's applications."""

    allowed = {"GET": BORROWER}
    paged = True
    filters = {"outcome": Choice(OpeningOutcome.values)}

    @operation(
        "listOwnDecisions",
        summary="List what was decided on my applications for a line",
        answer=DecisionOut,
        many=True,
        example=EXAMPLE_DECISION,
        tag="Borrower",
    )
    def get(self, request: Request) -> Response:
        """Every application of the borrower with its decision, newest first."""
        found = decisions_of(self.owner)
        given = {name: self.query[name] for name in self.query.keys() & self.filters.keys()}
        return self.page(DecisionOut, found.filter(**given))


class OwnDecision(Endpoint):
    """One of them."""

    allowed = {"GET": BORROWER}

    @operation(
        "readOwnDecision",
        summary="Read one decision on my applications for a line",
        answer=DecisionOut,
        example=EXAMPLE_DECISION,
        tag="Borrower",
    )
    def get(self, request: Request, decision_id: UUID) -> Response:
        """The decision with every reason and what would be right, as it was made then."""
        found = decisions_of(self.owner).filter(pk=self.number(DECISION, decision_id)).first()
        if found is None:
            raise NotFound
        return self.answer(DecisionOut, found)
