"""The business date and the close of a day."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta

from django.db import transaction

import creditscore.closing
import huabei.closing
from finance.errors import DomainError, Kind
from ledger.sql import affected, fetch_one
from operations.models import BusinessDay, CloseStep

# The business date as SQL, held until the transaction ends, for statements that are a transaction of their own.
HELD_DAY = "SELECT business_on FROM operations_businessday FOR SHARE"

# A name, and what is done about the day that ended; returns the rows it wrote.
Step = tuple[str, Callable[[date], int]]

# Every step of a close, in order.
STEPS: tuple[Step, ...] = (*huabei.closing.STEPS, *creditscore.closing.STEPS)

NO_DAY = "no business date yet: build the demo world, or set one with ./manage.py set_business_date"


class CloseError(DomainError):
    """A day that cannot be closed."""

    code = "close_refused"
    kind = Kind.CONFLICT


class NotOpen(CloseError):
    """The bank has no business date yet."""

    code = "bank_not_open"
    kind = Kind.UNAVAILABLE


@dataclass(frozen=True, slots=True)
class StepResult:
    """What one step did: the rows it wrote, or that it was done before."""

    closed_on: date
    step: str
    rows: int
    done_before: bool


def business_date() -> date:
    """The date the bank is on. Error: CloseError when none was set yet."""
    day = BusinessDay.objects.first()
    if day is None:
        raise NotOpen(NO_DAY)
    return day.business_on


@contextmanager
def booking_day() -> Iterator[date]:
    """
    A transaction on the business date: the date does not move before it ends. Error: CloseError when none was set yet.

    For whoever writes to the books: a date that is only read may be closed by the time when the books are written, and what
    is then booked on it is in no statement and no day's income. Those who hold the day do not wait for each other.
    """
    with transaction.atomic():
        if not (row := fetch_one(HELD_DAY, [])):
            raise NotOpen(NO_DAY)
        yield row[0]


def is_open() -> bool:
    """Whether the bank has a business date."""
    return BusinessDay.objects.exists()


def set_business_date(*, on: date) -> None:
    """Sets the first business date of an empty bank. Error: CloseError when there is one: only a close moves it."""
    day, created = BusinessDay.objects.get_or_create(defaults={"business_on": on, "first_on": on})
    if not created and day.business_on != on:
        raise CloseError(f"the business date is {day.business_on}: only a close moves it")


# The unique key makes a step happen once: a second close of the same day waits here for the first, and then finds it done.
_BEGIN = """
INSERT INTO operations_closestep (closed_on, step, shard, started_at, rows) VALUES (%s, %s, 0, clock_timestamp(), 0)
ON CONFLICT (closed_on, step, shard) DO NOTHING RETURNING id
"""

_DONE = "UPDATE operations_closestep SET finished_at = clock_timestamp(), rows = %s WHERE id = %s"


def close_day(*, closed_on: date) -> Iterator[StepResult]:
    """
    Closes one day, step by step, yielding what each did.

    The business date moves to the next day first; then each step runs in a transaction of its own together with the record
    that it is done. So a close that was killed goes on where it stopped, one that is repeated does nothing, and two at the
    same time do each step once. The day before is finished first where its close was interrupted, or waited for. Error:
    CloseError for a day on which the bank was not open yet.
    """
    today, before = business_date(), closed_on - timedelta(days=1)
    if not was_open(closed_on):
        raise CloseError(f"the business date is {today}: the day to close is {today}, not {closed_on}")
    if closed_on == today and unfinished(before):
        yield from _steps(before)
    BusinessDay.objects.filter(business_on=closed_on).update(business_on=closed_on + timedelta(days=1))
    if closed_on < today - timedelta(days=1):
        yield from (StepResult(closed_on, name, 0, done_before=True) for name, _step in STEPS)
    else:
        yield from _steps(closed_on)


def _steps(closed_on: date) -> Iterator[StepResult]:
    for name, step in STEPS:
        with transaction.atomic():
            begun = fetch_one(_BEGIN, [closed_on, name])
            rows = step(closed_on) if begun else 0
            if begun:
                affected(_DONE, [rows, begun[0]])
        yield StepResult(closed_on, name, rows, done_before=not begun)


def close_lines(*, closed_on: date, line_ids: Sequence[int]) -> None:
    """Runs the steps of lines for some of them, without moving the business date: how the simulator lives through a day."""
    with transaction.atomic():
        for _name, step in huabei.closing.STEPS:
            step(closed_on, line_ids)


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


def unfinished(closed_on: date) -> bool:
    """Whether the bank was open on this day, has left it, and some step of its close is not done."""
    day = BusinessDay.objects.get()
    done = CloseStep.objects.filter(closed_on=closed_on, finished_at__isnull=False).count()
    return day.first_on <= closed_on < day.business_on and done < len(STEPS)
