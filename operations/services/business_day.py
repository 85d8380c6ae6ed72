"""The business date: which day the bank is on, for whoever writes to its books."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta

from django.db import transaction
from django.utils.translation import gettext as _

from finance.errors import DomainError, Kind
from ledger.sql import fetch_one
from operations.models import BusinessDay, CloseStep
from operations.services.steps import STEPS
from web.api.day import CloseUnderWay

# The business date as SQL, held until the transaction ends, for statements that are a transaction of their own.
HELD_DAY = "SELECT business_on FROM operations_businessday FOR SHARE"

NO_DAY = "no business date yet: build the demo world, or set one with ./manage.py set_business_date"


class CloseError(DomainError):
    """A day that cannot be closed."""

    code = "close_refused"
    kind = Kind.CONFLICT


class NotOpen(CloseError):
    """The bank has no business date yet."""

    code = "bank_not_open"
    kind = Kind.UNAVAILABLE


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


def unfinished(closed_on: date) -> bool:
    """Whether the bank was open on this day, has left it, and some step of its close is not done."""
    day = BusinessDay.objects.get()
    done = CloseStep.objects.filter(closed_on=closed_on, finished_at__isnull=False).count()
    return day.first_on <= closed_on < day.business_on and done < len(STEPS)


def require_no_close(on: date) -> None:
    """CloseUnderWay while the close of the day before the business date is not done."""
    if unfinished(before := on - timedelta(days=1)):
        raise CloseUnderWay(
            _("the close of %(day)s is still under way: try again in a few minutes") % {"day": before}
        )


@contextmanager
def correcting_day() -> Iterator[date]:
    """
    `booking_day` for whoever corrects the past of a line: only while no close is under way. Error: CloseUnderWay.

    A correction tells the life of a line up to this day. Between the move of the date and the last step of the close, the
    line has not lived through it yet.
    """
    with booking_day() as on:
        require_no_close(on)
        yield on


def is_open() -> bool:
    """Whether the bank has a business date."""
    return BusinessDay.objects.exists()


def set_business_date(*, on: date) -> None:
    """Sets the first business date of an empty bank. Error: CloseError when there is one: only a close moves it."""
    day, created = BusinessDay.objects.get_or_create(defaults={"business_on": on, "first_on": on})
    if not created and day.business_on != on:
        raise CloseError(f"the business date is {day.business_on}: only a close moves it")
