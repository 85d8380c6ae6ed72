"""What the lender's own systems ask of any line, and the repayments they record."""

from __future__ import annotations

from uuid import UUID

from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from huabei import selectors
from huabei.api.answers import line_answer, statements_between
from huabei.api.shapes import (
    EXAMPLE_LINE,
    EXAMPLE_REPAYMENT,
    EXAMPLE_STATEMENT,
    LineOut,
    ReceivedIn,
    RepaymentOut,
    StatementOut,
)
from huabei.errors import AmountRefused, DateRefused, RequestConflict
from huabei.models import Line, LineStatus, Repayment
from huabei.services.corrections import repay_from
from web.api.callers import Allowed, Scope, Who
from web.api.day import CloseUnderWay, booking_day, correcting_day
from web.api.reading import Choice, Day, Fields, Identifier
from web.api.schema import operation
from web.api.views import Endpoint

READ = Allowed(Who.LENDER, Scope.LINES_READ)


class FoundLineOut(Fields):
    """A line, without what stands on it."""

    id = Identifier(source="uuid")
    customer = Identifier(source="customer_id")
    status = Choice(LineStatus.values)
    opened_on = Day()


class LineEndpoint(Endpoint):
    """An endpoint about one line."""

    def line(self, line_uuid: UUID) -> Line:
        """The line. Error: NotFound."""
        found = Line.objects.filter(uuid=line_uuid).first()
        if found is None:
            raise NotFound
        return found


class Lines(Endpoint):
    """All lines."""

    allowed = {"GET": READ}
    paged = True
    filters = {
        "customer": Identifier(help_text="Lines of this customer."),
        "status": Choice(LineStatus.values, help_text="Lines in this status."),
    }

    @operation(
        "listLines",
        summary="List lines",
        answer=FoundLineOut,
        many=True,
        example={name: EXAMPLE_LINE[name] for name in ("id", "customer", "status", "opened_on")},
        tag="Lines",
    )
    def get(self, request: Request) -> Response:
        """Lines, newest first; one customer's with `customer`."""
        names = {"customer": "customer_id", "status": "status"}
        given = {names[name]: self.query[name] for name in self.query.keys() & names.keys()}
        return self.page(FoundLineOut, Line.objects.filter(**given))


class OneLine(LineEndpoint):
    """One line."""

    allowed = {"GET": READ}

    @operation("readLine", summary="Read a line", answer=LineOut, example=EXAMPLE_LINE, tag="Lines")
    def get(self, request: Request, line_uuid: UUID) -> Response:
        """A line, what stands on it, and what its statements ask for on the business date."""
        return self.answer(LineOut, line_answer(self.line(line_uuid)))


class Statements(LineEndpoint):
    """A line's statements."""

    allowed = {"GET": READ}
    paged = True
    filters = {"from": Day(help_text="Issued on this day or later."), "to": Day(help_text="… or earlier.")}

    @operation(
        "listStatements",
        summary="List statements of a line",
        answer=StatementOut,
        many=True,
        example=EXAMPLE_STATEMENT,
        tag="Lines",
    )
    def get(self, request: Request, line_uuid: UUID) -> Response:
        """The statements of a line, newest first."""
        found = selectors.statements_of(self.line(line_uuid).pk)
        return self.page(StatementOut, statements_between(found, self.query))


class Repayments(LineEndpoint):
    """A line's repayments."""

    allowed = {"GET": READ, "POST": Allowed(Who.LENDER, Scope.REPAYMENTS_WRITE)}
    paged = True

    @operation(
        "listRepayments",
        summary="List repayments of a line",
        answer=RepaymentOut,
        many=True,
        example=EXAMPLE_REPAYMENT,
        tag="Lines",
    )
    def get(self, request: Request, line_uuid: UUID) -> Response:
        """What was received for a line and where it went, newest first."""
        return self.page(RepaymentOut, Repayment.objects.filter(line=self.line(line_uuid)))

    @operation(
        "recordRepayment",
        summary="Record a repayment received",
        body=ReceivedIn,
        answer=RepaymentOut,
        status=201,
        keyed=True,
        refusals=(AmountRefused, DateRefused, RequestConflict, CloseUnderWay),
        example_body={"amount": "300.00", "value_on": None},
        example=EXAMPLE_REPAYMENT,
        tag="Lines",
    )
    def post(self, request: Request, line_uuid: UUID) -> Response:
        """
        Books money received for a line and allocates it; what is more than is owed becomes the customer's credit. Where it
        counts from an earlier day, the line becomes what it would be had it come that day; statements stay as issued, and
        the next one shows the correction.
        """
        key, received = self.key(), self.body(ReceivedIn)
        value_on = received.get("value_on")
        line = self.line(line_uuid)
        with correcting_day() if value_on else booking_day() as on:
            made = repay_from(
                line_id=line.pk,
                amount_fen=received["amount"],
                reference=f"received:{key}",
                on=on,
                value_on=value_on,
            )
        return self.answer(RepaymentOut, made, status=201, replayed=made.repeated)
