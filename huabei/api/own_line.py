"""What a borrower does about their own line itself: a freeze they asked for, its end, and closing the line for good."""

from __future__ import annotations

from uuid import UUID

from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from huabei.api.borrower import BORROWER, OwnEndpoint
from huabei.api.shapes import A_LINE
from huabei.errors import LineNotActive, RequestConflict
from huabei.line_history import frozen
from huabei.models import Closure, Freeze, LineStatus
from huabei.services.causes import CUSTOMER, CauseRefused, Why
from huabei.services.lifecycle import WISH, AlreadyFrozen, StillOwes, close, freeze, thaw
from web.api.day import booking_day
from web.api.reading import Day, Fields, Identifier, Text, Truth
from web.api.schema import operation

FREEZE = "freeze"


class FreezeIn(Fields):
    """Why the line is to be frozen."""

    cause = Text(most=24, help_text="`customer_wish` or `phone_lost`, unless the lender offers others.")


class FreezeOut(Fields):
    """A freeze of the line. Only one that the borrower asked for is ended by them."""

    id = Identifier(FREEZE, source="freeze.pk")
    cause = Text(help_text="In the language of the request.")
    since = Day(source="freeze.frozen_on")
    ended_on = Day(source="freeze.thawed_on", allow_null=True)
    own = Truth(source="by_owner")


class ClosureOut(Fields):
    """The end of the line."""

    line = Identifier(source="line.uuid")
    closed_on = Day()


EXAMPLE_FREEZE = {
    "id": "5f2c7a90-1b8d-5e34-a6f0-2d9e8c7b6a10",
    "cause": "phone lost",
    "since": "2026-07-05",
    "ended_on": None,
    "own": True,
}


class OwnFreezes(OwnEndpoint):
    """The freezes of the borrower's line."""

    allowed = {"GET": BORROWER, "POST": BORROWER}

    @operation(
        "listOwnFreezes",
        summary="List why my line is frozen",
        answer=FreezeOut,
        many=True,
        example=EXAMPLE_FREEZE,
        tag="Borrower",
    )
    def get(self, request: Request) -> Response:
        """Every freeze of the borrower's line that is open, newest first; a line that was closed has none."""
        found = Freeze.objects.filter(line=self.line(), thawed_on__isnull=True)
        return self.page(FreezeOut, found.exclude(line__status=LineStatus.CLOSED), complete=frozen)

    @operation(
        "freezeOwnLine",
        summary="Freeze my line",
        body=FreezeIn,
        answer=FreezeOut,
        status=201,
        keyed=True,
        refusals=(AlreadyFrozen, CauseRefused, LineNotActive, RequestConflict),
        example_body={"cause": "phone_lost"},
        example=EXAMPLE_FREEZE,
        tag="Borrower",
    )
    def post(self, request: Request) -> Response:
        """Freezes the borrower's line until they end it: nothing can be bought, what was authorised may still be captured."""
        why = Why(self.body(FreezeIn)["cause"], CUSTOMER, f"me:{self.key()}")
        line = self.line_for(Freeze, why.reference)
        with booking_day() as on:
            made = freeze(line_id=line.pk, why=why, on=on)
        return self.answer(FreezeOut, frozen([made])[0], status=201, replayed=made.repeated)


class OwnFreezeEnd(OwnEndpoint):
    """The end of a freeze that the borrower asked for."""

    allowed = {"POST": BORROWER}

    @operation(
        "endOwnFreeze",
        summary="End a freeze of my line",
        answer=FreezeOut,
        refusals=(CauseRefused,),
        example={**EXAMPLE_FREEZE, "ended_on": "2026-07-05"},
        tag="Borrower",
    )
    def post(self, request: Request, freeze_id: UUID) -> Response:
        """Ends a freeze that the borrower asked for, never one of the lender's. Ending it again changes nothing."""
        number = self.number(FREEZE, freeze_id)
        found = Freeze.objects.filter(pk=number, line__customer_id=self.owner).first()
        if found is None:
            raise NotFound
        with booking_day() as on:
            ended = thaw(freeze_id=found.pk, why=Why(WISH, CUSTOMER, f"me:thaw:{found.pk}"), on=on)
        return self.answer(FreezeOut, frozen([ended])[0])


class OwnClosure(OwnEndpoint):
    """The end of the borrower's line."""

    allowed = {"POST": BORROWER}

    @operation(
        "closeOwnLine",
        summary="Close my line for good",
        answer=ClosureOut,
        status=201,
        keyed=True,
        refusals=(StillOwes, LineNotActive, RequestConflict),
        example={"line": A_LINE, "closed_on": "2026-07-05"},
        tag="Borrower",
    )
    def post(self, request: Request) -> Response:
        """Closes the borrower's line for good, once nothing is owed on it or held. Their credit is still theirs."""
        why = Why(WISH, CUSTOMER, f"me:{self.key()}")
        line = self.line_for(Closure, why.reference)
        with booking_day() as on:
            made = close(line_id=line.pk, why=why, on=on)
        return self.answer(ClosureOut, made, status=201, replayed=made.repeated)
