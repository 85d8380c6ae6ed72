"""The close of a day."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from django.db import transaction

import huabei.closing
import lending.closing
from huabei.services import mornings
from ledger.sql import affected, fetch_one
from operations.models import BusinessDay
from operations.services import paying
from operations.services.business_day import (
    HELD_DAY,
    CloseError,
    NotOpen,
    booking_day,
    business_date,
    correcting_day,
    is_open,
    set_business_date,
    unfinished,
)
from operations.services.steps import STEPS

__all__ = [
    "HELD_DAY",
    "STEPS",
    "CloseError",
    "NotOpen",
    "StepResult",
    "booking_day",
    "business_date",
    "close_day",
    "close_lines",
    "close_loans",
    "close_until",
    "correcting_day",
    "is_open",
    "set_business_date",
    "unfinished",
    "was_open",
]


@dataclass(frozen=True, slots=True)
class StepResult:
    """What one step did: the rows it wrote, or that it was done before."""

    closed_on: date
    step: str
    rows: int
    done_before: bool


# The unique key makes a step happen once: a second close of the same day waits here for the first, and then finds it done.
_BEGIN = """
INSERT INTO operations_closestep (closed_on, step, shard, started_at, rows) VALUES (%s, %s, 0, clock_timestamp(), 0)
ON CONFLICT (closed_on, step, shard) DO NOTHING RETURNING id
"""

_DONE = "UPDATE operations_closestep SET finished_at = clock_timestamp(), rows = %s WHERE id = %s"


def close_day(*, closed_on: date) -> Iterator[StepResult]:
    """
    Closes one day, step by step, yielding what each did.

    As the last thing on the day, what is due is collected once more. Then the business date moves to the next day, and each
    step runs in a transaction of its own together with the record that it is done. So a close that was killed goes on where
    it stopped, one that is repeated does nothing, and two at the same time do each step once. The day before is finished
    first where its close was interrupted, or waited for. Error: CloseError for a day on which the bank was not open yet.
    """
    today, before = business_date(), closed_on - timedelta(days=1)
    if not was_open(closed_on):
        raise CloseError(f"the business date is {today}: the day to close is {today}, not {closed_on}")
    if closed_on == today and unfinished(before):
        yield from _steps(before)
    if closed_on == today:
        paying.collect_for_the_last_time()
    _move_on(closed_on)
    if closed_on < today - timedelta(days=1):
        yield from (StepResult(closed_on, name, 0, done_before=True) for name, _step in STEPS)
    else:
        yield from _steps(closed_on)


def _move_on(closed_on: date) -> None:
    """The business date moves to the next day, unless it has, and what happens on that day knows of the close under way."""
    with transaction.atomic():
        moved = BusinessDay.objects.filter(business_on=closed_on).update(
            business_on=closed_on + timedelta(days=1)
        )
        if moved:
            mornings.begin_close(closed_on=closed_on)


def _steps(closed_on: date) -> Iterator[StepResult]:
    for name, step in STEPS:
        with transaction.atomic():
            begun = fetch_one(_BEGIN, [closed_on, name])
            rows = step(closed_on) if begun else 0
            if begun:
                mornings.step_done(closed_on=closed_on, step=name)
                affected(_DONE, [rows, begun[0]])
        yield StepResult(closed_on, name, rows, done_before=not begun)


def close_lines(*, closed_on: date, line_ids: Sequence[int]) -> None:
    """Runs the steps of lines for some of them, without moving the business date: how the simulator lives through a day."""
    with transaction.atomic():
        mornings.made_up(line_ids=line_ids, closed_on=closed_on)
        for _name, step in huabei.closing.STEPS:
            step(closed_on, line_ids)


def close_loans(*, closed_on: date, loan_ids: Sequence[int]) -> None:
    """Runs the steps of loans for some of them, without moving the business date."""
    with transaction.atomic():
        for _name, step in lending.closing.STEPS:
            step(closed_on, loan_ids)


def close_until(*, on: date) -> Iterator[StepResult]:
    """
    Closes day after day until the business date is `on`; a day whose close was interrupted is finished first.

    Nothing happens when the bank is there already.
    """
    today = business_date()
    if unfinished(today - timedelta(days=1)):
        yield from close_day(closed_on=today - timedelta(days=1))
    while (today := business_date()) < on:
        yield from close_day(closed_on=today)


def was_open(on: date) -> bool:
    """Whether this day is one that the bank has been open on, or is."""
    day = BusinessDay.objects.get()
    return day.first_on <= on <= day.business_on
