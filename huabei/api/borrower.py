"""What a borrower sees and does of their own line."""

from __future__ import annotations

from uuid import UUID

from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from rest_framework.exceptions import NotFound
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from huabei import history, selectors
from huabei.api.answers import line_answer, statements_between
from huabei.api.shapes import (
    EXAMPLE_LINE,
    EXAMPLE_REPAYMENT,
    EXAMPLE_STATEMENT,
    STATEMENT,
    CalendarIn,
    LineOut,
    RepaymentIn,
    RepaymentOut,
    StatementDetailOut,
    StatementOut,
)
from huabei.errors import AmountRefused, LineNotActive, RequestConflict
from huabei.files import document_answer
from huabei.models import Line, Repayment
from huabei.services.calendars import CalendarChangeRefused, change_calendar
from huabei.services.documents import LANGUAGES
from huabei.services.lines import CalendarRefused
from huabei.services.repayments import repay
from web.api.callers import Allowed, Who
from web.api.day import booking_day
from web.api.reading import Choice, Day
from web.api.schema import operation
from web.api.views import PDF, Endpoint
from web.documents.answers import CONTENT_TYPE

BORROWER = Allowed(Who.BORROWER)


class OwnEndpoint(Endpoint):
    """An endpoint about the line of whoever is signed in."""

    may_lack = True

    def line(self) -> Line:
        """The borrower's line, or the last that was closed: what it owes is paid all the same. Error: NotFound."""
        found = selectors.line_of(self.owner)
        if found is None:
            raise NotFound
        return found

    def line_for(self, kind: type[selectors.Asked], reference: str) -> Line:
        """The line that a request is about, also one that is sent again (`selectors.line_asked`). Error: NotFound."""
        found = selectors.line_asked(kind, self.owner, reference)
        if found is None:
            raise NotFound
        return found


class OwnLine(OwnEndpoint):
    """The borrower's line."""

    allowed = {"GET": BORROWER}

    @operation("readOwnLine", summary="Read my line", answer=LineOut, example=EXAMPLE_LINE, tag="Borrower")
    def get(self, request: Request) -> Response:
        """The borrower's line, what stands on it, and what is to pay on the business date."""
        return self.answer(LineOut, line_answer(self.line()))


class OwnCalendar(OwnEndpoint):
    """When the borrower's statements come."""

    allowed = {"POST": BORROWER}

    @operation(
        "moveOwnStatementDay",
        summary="Move my statement day",
        body=CalendarIn,
        answer=LineOut,
        refusals=(CalendarChangeRefused, CalendarRefused, LineNotActive),
        example_body={"statement_day": 5},
        example={**EXAMPLE_LINE, "statement_day": 5, "due_day": 15},
        tag="Borrower",
    )
    def post(self, request: Request) -> Response:
        """
        Moves the statement day, and with it the due day, from the next statement on: not while something is overdue, and
        once in twelve months. The day it has changes nothing.
        """
        wanted = self.body(CalendarIn)["statement_day"]
        line = self.line()
        with booking_day() as on:
            change_calendar(line_id=line.pk, statement_day=wanted, on=on)
        return self.answer(LineOut, line_answer(self.line()))


class OwnStatements(OwnEndpoint):
    """The borrower's statements."""

    allowed = {"GET": BORROWER}
    paged = True
    filters = {"from": Day(help_text="Issued on this day or later."), "to": Day(help_text="… or earlier.")}

    @operation(
        "listOwnStatements",
        summary="List my statements",
        answer=StatementOut,
        many=True,
        example=EXAMPLE_STATEMENT,
        tag="Borrower",
    )
    def get(self, request: Request) -> Response:
        """The statements of the borrower's line, newest first."""
        found = selectors.statements_of(self.line().pk)
        return self.page(StatementOut, statements_between(found, self.query))


class OwnStatement(Endpoint):
    """One of the borrower's statements."""

    allowed = {"GET": BORROWER}

    @operation(
        "readOwnStatement",
        summary="Read one of my statements",
        answer=StatementDetailOut,
        example={
            "statement": EXAMPLE_STATEMENT,
            "since": "2026-05-20",
            "last_day": "2026-06-30",
            "purchases": [{"on": "2026-06-30", "shop": "晨光便利店", "amount": "1000.00"}],
            "refunds": [],
            "repayments": [],
            "interest": [],
        },
        tag="Borrower",
    )
    def get(self, request: Request, statement_id: UUID) -> Response:
        """A statement and what is behind its figures: at most 200 of each."""
        number = self.number(STATEMENT, statement_id)
        found = history.statement_of(customer_id=self.owner, statement_id=number)
        if found is None:
            raise NotFound
        return self.answer(StatementDetailOut, history.statement_detail(found))


class OwnStatementDocument(Endpoint):
    """One of the borrower's statements as a document."""

    allowed = {"GET": BORROWER}
    filters = {
        "language": Choice(LANGUAGES, help_text="Without it, the language that Accept-Language asks for.")
    }
    renderer_classes = [JSONRenderer, PDF]

    @operation(
        "readOwnStatementDocument",
        summary="Read one of my statements as a PDF",
        answer=OpenApiTypes.BINARY,
        answer_type=CONTENT_TYPE,
        tag="Borrower",
    )
    def get(self, request: Request, statement_id: UUID) -> HttpResponseBase:
        """
        The statement as a file that never changes: the ETag is its SHA-256, and a request with that in If-None-Match is
        answered 304.
        """
        number = self.number(STATEMENT, statement_id)
        found = history.statement_of(customer_id=self.owner, statement_id=number)
        if found is None:
            raise NotFound
        return document_answer(request._request, found, self.query.get("language"))


class OwnRepayments(OwnEndpoint):
    """The borrower's repayments."""

    allowed = {"GET": BORROWER, "POST": BORROWER}
    paged = True

    @operation(
        "listOwnRepayments",
        summary="List my repayments",
        answer=RepaymentOut,
        many=True,
        example=EXAMPLE_REPAYMENT,
        tag="Borrower",
    )
    def get(self, request: Request) -> Response:
        """What the borrower repaid and where it went, newest first."""
        return self.page(RepaymentOut, Repayment.objects.filter(line=self.line()))

    @operation(
        "repayOwnLine",
        summary="Repay",
        body=RepaymentIn,
        answer=RepaymentOut,
        status=201,
        keyed=True,
        refusals=(AmountRefused, RequestConflict),
        example_body={"amount": "300.00"},
        example=EXAMPLE_REPAYMENT,
        tag="Borrower",
    )
    def post(self, request: Request) -> Response:
        """Repays the borrower's own line; what is more than is owed becomes credit for the next purchases."""
        key, amount_fen = self.key(), self.body(RepaymentIn)["amount"]
        reference = f"me:{key}"
        line = self.line_for(Repayment, reference)
        with booking_day() as on:
            made = repay(line_id=line.pk, amount_fen=amount_fen, reference=reference, on=on)
        return self.answer(RepaymentOut, made, status=201, replayed=made.repeated)
