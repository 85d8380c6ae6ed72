"""
What happens to a line while the day before is being closed.

The business date moves before the close's steps run, and customers pay at any time. A fact of the new day must find a line
that has lived through the day before, or it would be judged and billed as if it had come in time. So the line lives through
what its close has still ahead first, by the steps that serve all lines, and the close leaves it out: nobody waits for the
close, and the books are the same whichever came first.

The line is locked before it is asked what lies ahead. A step that has it locked is done by then, and one that waits for it
sees, once it reads, that the line is through.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

from huabei.models import Line, Purchase, StepAhead
from huabei.services.campaigns import hold_campaigns
from huabei.services.lines import locked_line
from huabei.turning import TURNS
from ledger.sql import fetch_all

_MADE_UP = """
INSERT INTO huabei_madeup (line_id, closed_on)
SELECT line_id, %(closed)s FROM unnest(%(lines)s::bigint[]) AS given (line_id)
WHERE EXISTS (SELECT FROM huabei_stepahead WHERE closed_on = %(closed)s)
ON CONFLICT DO NOTHING RETURNING line_id
"""


def begin_close(*, closed_on: date) -> None:
    """The steps in which lines turn lie ahead of all lines: in the transaction that moves the business date."""
    StepAhead.objects.bulk_create(StepAhead(closed_on=closed_on, step=step) for step, _turn in TURNS)


def step_done(*, closed_on: date, step: str) -> None:
    """A step was done for all lines: in its own transaction. Of those in which no line turns there is nothing to say."""
    if any(step == turning for turning, _turn in TURNS):
        StepAhead.objects.filter(closed_on=closed_on, step=step).delete()


def made_up(*, line_ids: Sequence[int], closed_on: date) -> list[int]:
    """Says that these lines live through a close of their own while it is under way; returns those for whom that is new."""
    return [line_id for (line_id,) in fetch_all(_MADE_UP, {"lines": list(line_ids), "closed": closed_on})]


def is_closing(on: date) -> bool:
    """Whether lines have steps of the close of the day before a date ahead of them."""
    return StepAhead.objects.filter(closed_on=on - timedelta(days=1)).exists()


def live_through(*, line_ids: Sequence[int], on: date) -> None:
    """
    These lines, locked by the caller in its transaction, live through what the close of the day before `on` has ahead.

    Nothing happens to those that are through already, nor while no close is under way.
    """
    closed_on = on - timedelta(days=1)
    ahead = set(StepAhead.objects.filter(closed_on=closed_on).values_list("step", flat=True))
    if not ahead or not (lines := made_up(line_ids=line_ids, closed_on=closed_on)):
        return
    for step, turn in TURNS:
        if step in ahead:
            turn(closed_on, lines)


def line_on(line_id: int, on: date) -> Line:
    """The line in the course of a date, locked until the transaction ends. Error: LineNotFound."""
    line = locked_line(line_id)
    if is_closing(on):
        live_through(line_ids=[line_id], on=on)
        line.refresh_from_db()
    return line


def line_of(purchase: Purchase, on: date) -> Line:
    """
    As `line_on`, the line of a purchase that the caller has locked. The campaign of the purchase is locked after the line and
    before the line's counters move.
    """
    locked_line(purchase.line_id)
    hold_campaigns(purchase_ids=[purchase.pk])
    return line_on(purchase.line_id, on)
